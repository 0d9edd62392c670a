package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// tree is the parsed source of one module.
type tree struct {
	module   string
	direct   []requirement // requirements without "// indirect"
	packages []*pkg        // sorted by path
	fset     *token.FileSet
}

type requirement struct {
	path string
	line int
}

// pkg is one folder with Go files; an external test package belongs to its folder.
type pkg struct {
	path  string // below the module; "." at its root
	files []*file
}

type file struct {
	name      string // from the root of the tree, with slashes
	ast       *ast.File
	lines     int
	test      bool
	generated bool
}

// load parses go.mod and every Go file below the root, all build tags alike.
// It passes over testdata, vendor, other modules, and folders whose name
// begins with a dot or an underscore, as the go command does.
func load(root fs.FS) (*tree, error) {
	mod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		return nil, fmt.Errorf("reading the module: %w", err)
	}
	t := &tree{fset: token.NewFileSet()}
	t.module, t.direct = parseModule(string(mod))
	byPath := make(map[string]*pkg)
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return skipFolder(root, name)
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		f, err := t.parse(root, name)
		if err != nil {
			return err
		}
		dir := path.Dir(name)
		if byPath[dir] == nil {
			byPath[dir] = &pkg{path: dir}
			t.packages = append(t.packages, byPath[dir])
		}
		byPath[dir].files = append(byPath[dir].files, f)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("walking the tree: %w", err)
	}
	slices.SortFunc(t.packages, func(a, b *pkg) int { return strings.Compare(a.path, b.path) })
	return t, nil
}

func skipFolder(root fs.FS, name string) error {
	if name == "." {
		return nil
	}
	base := path.Base(name)
	if base == "testdata" || base == "vendor" || base[0] == '.' || base[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(root, path.Join(name, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

func (t *tree) parse(root fs.FS, name string) (*file, error) {
	src, err := fs.ReadFile(root, name)
	if err != nil {
		return nil, err
	}
	parsed, err := parser.ParseFile(t.fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	return &file{
		name:      name,
		ast:       parsed,
		lines:     bytes.Count(src, []byte("\n")),
		test:      strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(parsed),
	}, nil
}

// parseModule reads the module path and the direct requirements of a go.mod
// as the go command formats it.
func parseModule(text string) (module string, direct []requirement) {
	block := false
	for i, line := range strings.Split(text, "\n") {
		code, comment, _ := strings.Cut(line, "//")
		words := strings.Fields(code)
		switch {
		case len(words) == 2 && words[0] == "module":
			module = words[1]
		case len(words) == 2 && words[0] == "require" && words[1] == "(":
			block = true
		case len(words) == 1 && words[0] == ")":
			block = false
		case strings.TrimSpace(comment) == "indirect":
		case block && len(words) == 2:
			direct = append(direct, requirement{words[0], i + 1})
		case len(words) == 3 && words[0] == "require":
			direct = append(direct, requirement{words[1], i + 1})
		}
	}
	return module, direct
}

// at gives the place of a node.
func (t *tree) at(pos token.Pos) token.Position { return t.fset.Position(pos) }

// ours gives the path below the module of an import of our own.
func (t *tree) ours(importPath string) (string, bool) {
	if importPath == t.module {
		return ".", true
	}
	return strings.CutPrefix(importPath, t.module+"/")
}

// standard reports whether an import path is the standard library's: its first
// element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

func pathOf(spec *ast.ImportSpec) string {
	p, err := strconv.Unquote(spec.Path.Value)
	if err != nil {
		panic("archtest: internal error: the parser accepted a malformed import")
	}
	return p
}

// code gives the files that are not tests.
func (p *pkg) code() []*file {
	var out []*file
	for _, f := range p.files {
		if !f.test {
			out = append(out, f)
		}
	}
	return out
}
