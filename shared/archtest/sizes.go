package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// The rules that bound a size, as violations and exceptions name them.
const (
	ruleCyclomatic = "cyclomatic"
	ruleFileLines  = "file-lines"
	ruleFuncLines  = "func-lines"
	ruleFields     = "struct-fields"
	ruleParameters = "parameters"
	ruleExported   = "exported"
	ruleMethods    = "interface-methods"
	ruleFanOut     = "fan-out"
	ruleCoreTests  = "core-tests"
)

// measure is one size of one thing, and what bounds it.
type measure struct {
	rule, where string
	pos         token.Position
	size, limit int
	reason      string
	parts       []string // what was counted, where a reader could not see it at the place
}

// weigh reports a size above its bound, unless an exception raises it far enough.
func (c *checker) weigh(m measure) {
	if m.size <= m.limit {
		return
	}
	for i, e := range c.policy.Exceptions {
		if e.Rule == m.rule && e.Where == m.where {
			c.used[i] = true
			m.limit = e.Limit
		}
	}
	if m.size > m.limit {
		text := fmt.Sprintf("%s has %d, at most %d", m.where, m.size, m.limit)
		if len(m.parts) > 0 {
			text += ": " + strings.Join(m.parts, " ")
		}
		c.report(m.pos, m.rule, text, m.reason)
	}
}

// staleExceptions reports exceptions that nothing needed.
func (c *checker) staleExceptions() {
	for i, e := range c.policy.Exceptions {
		if !c.used[i] {
			c.report(token.Position{Filename: "policy"}, e.Rule, "the exception for "+e.Where+" is stale: nothing needs it",
				"an exception kept for nothing invites the next one")
		}
	}
}

// sizes measures one package, its files and its declarations; tests and
// generated files are not measured, though their names are.
func (c *checker) sizes(p *pkg) {
	code := p.code()
	if len(code) == 0 {
		return
	}
	b := c.policy.Budget
	start := c.tree.at(code[0].ast.Package)
	exported := b.Exported
	if matchAny(b.Vocabulary, p.path) {
		exported = b.VocabularyExported
	}
	names, imports := exportedNames(code), c.imported(code)
	c.weigh(measure{
		ruleExported, p.path, start, len(names), exported,
		"few exported names: a package that needs more is two packages", names,
	})
	c.weigh(measure{
		ruleFanOut, p.path, start, len(imports), b.FanOut,
		"a package that needs many others decides too much", imports,
	})
	for _, f := range code {
		if f.generated {
			continue
		}
		c.weigh(measure{
			ruleFileLines, f.name,
			token.Position{Filename: f.name, Line: f.lines},
			f.lines, b.FileLines,
			"a file is read in one sitting", nil,
		})
		c.declarations(p, f)
	}
}

// imported gives our packages that a package imports.
func (c *checker) imported(code []*file) []string {
	seen := make(map[string]bool)
	for _, f := range code {
		for _, spec := range f.ast.Imports {
			if ours, ok := c.tree.ours(pathOf(spec)); ok {
				seen[ours] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// declarations measures functions, structs and interfaces of one file.
func (c *checker) declarations(p *pkg, f *file) {
	for _, d := range f.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			c.function(p.path+"."+funcName(d), d)
			c.types(p.path+"."+funcName(d), d)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				c.types(p.path+"."+specName(spec), spec)
			}
		}
	}
}

func (c *checker) function(where string, d *ast.FuncDecl) {
	b := c.policy.Budget
	pos := c.tree.at(d.Pos())
	pos.Line = c.tree.at(d.Type.Func).Line
	c.weigh(measure{
		ruleFuncLines, where, pos, c.tree.at(d.End()).Line - pos.Line + 1, b.FuncLines,
		"a function fits on a screen", nil,
	})
	c.weigh(measure{
		ruleCyclomatic, where, pos, cyclomatic(d), b.Cyclomatic,
		"each path needs a test, and a reader must hold them all", nil,
	})
	c.weigh(measure{
		ruleParameters, where, pos, d.Type.Params.NumFields(), b.Parameters,
		"more parameters want a struct whose fields have names", nil,
	})
}

// types measures every struct and interface below a node, anonymous ones too.
func (c *checker) types(where string, n ast.Node) {
	b := c.policy.Budget
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.StructType:
			c.weigh(measure{
				ruleFields, where, c.tree.at(n.Pos()), n.Fields.NumFields(), b.Fields,
				"a struct that everything hangs off cannot be tested in parts", nil,
			})
		case *ast.InterfaceType:
			c.weigh(measure{
				ruleMethods, where, c.tree.at(n.Pos()), n.Methods.NumFields(), b.Methods,
				"an interface belongs to its consumer and stays small", nil,
			})
		}
		return true
	})
}

// cyclomatic counts as gocyclo does: one, plus each branch, each case and each
// short-circuit operator; function literals belong to the function they are in.
func cyclomatic(d *ast.FuncDecl) int {
	paths := 1
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt:
			paths++
		case *ast.CaseClause:
			if n.List != nil {
				paths++
			}
		case *ast.CommClause:
			if n.Comm != nil {
				paths++
			}
		case *ast.BinaryExpr:
			if n.Op == token.LAND || n.Op == token.LOR {
				paths++
			}
		}
		return true
	})
	return paths
}

// funcName gives "Name", or "Type.Name" for a method.
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	switch generic := t.(type) {
	case *ast.IndexExpr:
		t = generic.X
	case *ast.IndexListExpr:
		t = generic.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + d.Name.Name
	}
	return d.Name.Name
}

func specName(spec ast.Spec) string {
	switch s := spec.(type) {
	case *ast.TypeSpec:
		return s.Name.Name
	case *ast.ValueSpec:
		return s.Names[0].Name
	}
	return ""
}

// coreTests holds the trusted core, as a whole, to as many lines of test as of code.
func (c *checker) coreTests() {
	var code, tests int
	var first string
	for _, p := range c.tree.packages {
		if !matchAny(c.policy.Core, p.path) {
			continue
		}
		for _, f := range p.files {
			switch {
			case f.test:
				tests += f.lines
			case !f.generated:
				code += f.lines
				if first == "" {
					first = f.name
				}
			}
		}
	}
	if tests < code {
		c.report(token.Position{Filename: first, Line: 1}, ruleCoreTests,
			fmt.Sprintf("the trusted core has %d lines of test for %d of code", tests, code),
			"what everybody relies on is tested most")
	}
}
