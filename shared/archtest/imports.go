package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// imports checks the arrows, the fences and the selectors of one package.
func (c *checker) imports(p *pkg) {
	arrow, known := c.arrow(p.path)
	if !known {
		c.report(c.tree.at(p.files[0].ast.Package), "arrow", "no row names "+p.path,
			"a new package says what it may import before it imports it")
	}
	for _, f := range p.files {
		for _, spec := range f.ast.Imports {
			if known && !f.test {
				c.arrows(p, arrow, spec)
			}
			c.fences(p, f, spec)
		}
		c.selectors(p, f)
	}
}

func (c *checker) arrow(pkgPath string) (Arrow, bool) {
	for _, a := range c.policy.Arrows {
		if match(a.From, pkgPath) {
			return a, true
		}
	}
	return Arrow{}, false
}

func (c *checker) arrows(p *pkg, arrow Arrow, spec *ast.ImportSpec) {
	target := pathOf(spec)
	allowed := arrow.Outside
	ours, isOurs := c.tree.ours(target)
	if isOurs {
		target, allowed = ours, arrow.Ours
	}
	text := p.path + " -> " + target
	for _, f := range c.policy.Forbidden {
		if matchAny(f.From, p.path) && !matchAny(f.Except, p.path) && matchAny(f.Import, target) {
			c.report(c.tree.at(spec.Pos()), "arrow", text, f.Reason)
			return
		}
	}
	if !isOurs && standard(target) {
		return
	}
	if !matchAny(allowed, target) {
		c.report(c.tree.at(spec.Pos()), "arrow", text, arrow.Reason)
	}
}

func (c *checker) fences(p *pkg, f *file, spec *ast.ImportSpec) {
	target := pathOf(spec)
	if spec.Name != nil && spec.Name.Name == "." {
		c.report(c.tree.at(spec.Pos()), "dot-import", target, "a reader must see where a name comes from")
	}
	for _, fence := range c.policy.Fences {
		if f.test && !fence.Tests {
			continue
		}
		if match(fence.Import, target) && !matchAny(fence.In, p.path) {
			c.report(c.tree.at(spec.Pos()), "fence", p.path+" -> "+target, fence.Reason)
		}
	}
}

// selectors checks each use of a name that a Selector row speaks of.
func (c *checker) selectors(p *pkg, f *file) {
	for _, row := range c.policy.Selectors {
		if row.Tests != f.test || !matchAny(row.From, p.path) {
			continue
		}
		local, ok := localName(f.ast, row.Import)
		if !ok {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok || !isName(sel.X, local) {
				return true
			}
			refused := slices.Contains(row.Deny, sel.Sel.Name) ||
				len(row.Only) > 0 && !slices.Contains(row.Only, sel.Sel.Name)
			if refused {
				c.report(c.tree.at(sel.Pos()), "selector", row.Import+"."+sel.Sel.Name, row.Reason)
			}
			return true
		})
	}
}

// localName gives the name under which a file uses an import.
func localName(f *ast.File, importPath string) (string, bool) {
	for _, spec := range f.Imports {
		if pathOf(spec) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name, true
		}
		return path.Base(importPath), true
	}
	return "", false
}

func isName(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// modules compares the direct dependencies of go.mod with their reasons.
func (c *checker) modules() {
	const why = "a dependency is code that we answer for"
	required := make(map[string]bool)
	for _, r := range c.tree.direct {
		required[r.path] = true
		if !slices.ContainsFunc(c.policy.Modules, func(m Module) bool { return m.Path == r.path }) {
			c.report(token.Position{Filename: "go.mod", Line: r.line}, "module", r.path+" has no reason", why)
		}
	}
	for _, m := range c.policy.Modules {
		if !required[m.Path] {
			c.report(token.Position{Filename: "go.mod"}, "module", "the reason for "+m.Path+" is stale: not a direct dependency", why)
		}
	}
	for _, p := range c.tree.packages {
		for _, f := range p.files {
			c.undeclared(f)
		}
	}
}

// undeclared refuses an import that no direct requirement of go.mod provides.
func (c *checker) undeclared(f *file) {
	for _, spec := range f.ast.Imports {
		target := pathOf(spec)
		if _, ok := c.tree.ours(target); ok || standard(target) {
			continue
		}
		provided := slices.ContainsFunc(c.tree.direct, func(r requirement) bool {
			return target == r.path || strings.HasPrefix(target, r.path+"/")
		})
		if !provided {
			c.report(c.tree.at(spec.Pos()), "module", target+" is not a direct dependency in go.mod",
				"go mod tidy marks what we import ourselves")
		}
	}
}
