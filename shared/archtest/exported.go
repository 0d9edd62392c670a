package archtest

import (
	"go/ast"
	"go/token"
	"maps"
	"slices"
)

// exportedNames gives the exported package-level names of a package.
// Methods do not count, nor do the constants of an enumeration: a type of the
// package stands for both. Variants of a name under several build tags count
// once.
func exportedNames(code []*file) []string {
	types := make(map[string]bool)
	for _, f := range code {
		for _, d := range f.ast.Decls {
			if gen, ok := d.(*ast.GenDecl); ok && gen.Tok == token.TYPE {
				for _, spec := range gen.Specs {
					types[specName(spec)] = true
				}
			}
		}
	}
	names := make(map[string]bool)
	add := func(id *ast.Ident) {
		if id.IsExported() {
			names[id.Name] = true
		}
	}
	for _, f := range code {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name)
				}
			case *ast.GenDecl:
				addSpecs(d, types, add)
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func addSpecs(d *ast.GenDecl, types map[string]bool, add func(*ast.Ident)) {
	enumerating := false
	for _, spec := range d.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			add(s.Name)
		case *ast.ValueSpec:
			// A constant without type and value repeats the one above it.
			if s.Type != nil || len(s.Values) > 0 {
				enumerating = d.Tok == token.CONST && enumerates(s, types)
			}
			for _, name := range s.Names {
				if !enumerating {
					add(name)
				}
			}
		}
	}
}

// enumerates reports whether a constant is of an exported type of the package,
// by declaration (A Level = 1) or by conversion (A = Level(1)).
func enumerates(s *ast.ValueSpec, types map[string]bool) bool {
	named := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && types[id.Name] && id.IsExported()
	}
	if s.Type != nil {
		return named(s.Type)
	}
	for _, value := range s.Values {
		call, ok := value.(*ast.CallExpr)
		if !ok || !named(call.Fun) {
			return false
		}
	}
	return len(s.Values) > 0
}
