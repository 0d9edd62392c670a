package archtest

import (
	"go/ast"
	"go/token"
	"path"
	"slices"
	"strings"
)

// manners checks names, comments and the few statements that we refuse.
func (c *checker) manners(p *pkg) {
	c.packageComment(p)
	for _, f := range p.files {
		c.fileNames(p, f)
		for _, d := range f.ast.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				c.report(c.tree.at(fn.Pos()), "init", "func init", "work at import time hides order and cannot fail; wiring is a plain function")
			}
		}
		if f.test {
			c.skips(f)
			continue
		}
		c.panics(f)
		if matchAny(c.policy.Core, p.path) {
			c.goroutines(f)
		}
	}
}

func (c *checker) packageComment(p *pkg) {
	code := p.code()
	documented := slices.ContainsFunc(code, func(f *file) bool { return f.ast.Doc.Text() != "" })
	if len(code) > 0 && !documented {
		c.report(c.tree.at(code[0].ast.Package), "package-comment", p.path+" has none", "a package is one noun with one paragraph")
	}
}

// fileNames refuses drawers: packages, folders and files named for no noun.
func (c *checker) fileNames(p *pkg, f *file) {
	const why = "a drawer without a noun attracts everything; a doubled five-line function is better"
	words := strings.Split(p.path, "/")
	words = append(words, strings.TrimSuffix(f.ast.Name.Name, "_test"))
	words = append(words, strings.Split(strings.TrimSuffix(path.Base(f.name), ".go"), "_")...)
	for _, word := range words {
		if drawer(word) {
			c.report(c.tree.at(f.ast.Package), "name", word, why)
			return
		}
	}
}

func drawer(word string) bool {
	switch strings.ToLower(word) {
	case "common", "helper", "helpers", "manager", "misc":
		return true
	}
	return strings.HasSuffix(word, "util") || strings.HasSuffix(word, "utils")
}

// panics accepts a panic only where its message says that it cannot happen.
func (c *checker) panics(f *file) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && isName(call.Fun, "panic") && !impossible(call) {
			c.report(c.tree.at(call.Pos()), "panic", `message without "internal error" or "unreachable"`,
				"input never panics; a panic is for a state that cannot be")
		}
		return true
	})
}

func impossible(call *ast.CallExpr) bool {
	found := false
	ast.Inspect(call, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if ok && lit.Kind == token.STRING {
			found = found || strings.Contains(lit.Value, "internal error") || strings.Contains(lit.Value, "unreachable")
		}
		return true
	})
	return found
}

func (c *checker) goroutines(f *file) {
	ast.Inspect(f.ast, func(n ast.Node) bool {
		if g, ok := n.(*ast.GoStmt); ok {
			c.report(c.tree.at(g.Pos()), "goroutine", "go statement", "the trusted core is pure: its caller owns concurrency")
		}
		return true
	})
}

// skips refuses a skipped test that does not print why.
func (c *checker) skips(f *file) {
	testing := []string{"t", "b", "f", "tb"}
	ast.Inspect(f.ast, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || !slices.ContainsFunc(testing, func(name string) bool { return isName(sel.X, name) }) {
			return true
		}
		if sel.Sel.Name == "SkipNow" || sel.Sel.Name == "Skip" && len(call.Args) == 0 {
			c.report(c.tree.at(call.Pos()), "skip", "no reason given", "a silent skip looks like a test that passed")
		}
		return true
	})
}
