package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// folder is where go generate leaves its files, seen from here.
const folder = "../.."

func TestCommittedFilesAreGenerated(t *testing.T) {
	t.Parallel()
	for _, n := range limbCounts {
		files, err := generate(n)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what fieldgen writes: run go generate", name)
			}
		}
	}
}

func TestGenerateIsDeterministic(t *testing.T) {
	t.Parallel()
	a, err := generate(4)
	if err != nil {
		t.Fatal(err)
	}
	b, err := generate(4)
	if err != nil {
		t.Fatal(err)
	}
	if !maps.EqualFunc(a, b, bytes.Equal) {
		t.Error("two runs differ")
	}
}

// TestStraightLine reads the emitted arithmetic back: no branch, no loop and no
// call but to math/bits, so that nothing can depend on a limb.
func TestStraightLine(t *testing.T) {
	t.Parallel()
	straight := []string{"add", "sub", "mul", "square", "pick"}
	for _, n := range limbCounts {
		files, err := generate(n)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for name, text := range files {
			file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, decl := range file.Decls {
				f, ok := decl.(*ast.FuncDecl)
				if !ok || name[:5] != "field" || !slices.Contains(straight, f.Name.Name) {
					continue
				}
				seen++
				ast.Inspect(f.Body, func(node ast.Node) bool {
					refuse(t, name+" "+f.Name.Name, node)
					return true
				})
			}
		}
		if seen != len(straight) {
			t.Errorf("%d limbs: looked at %d functions, want %d", n, seen, len(straight))
		}
	}
}

func refuse(t *testing.T, where string, node ast.Node) {
	t.Helper()
	switch node := node.(type) {
	case *ast.IfStmt, *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.BranchStmt:
		t.Errorf("%s: %T", where, node)
	case *ast.IndexExpr:
		if _, ok := node.Index.(*ast.BasicLit); !ok {
			t.Errorf("%s: an index that is no constant", where)
		}
	case *ast.CallExpr:
		called, ok := node.Fun.(*ast.SelectorExpr)
		if !ok {
			t.Errorf("%s: a call outside math/bits", where)
			return
		}
		if x, ok := called.X.(*ast.Ident); !ok || x.Name != "bits" {
			t.Errorf("%s: a call outside math/bits", where)
		}
	}
}
