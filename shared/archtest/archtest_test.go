package archtest_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"pivot/shared/archtest"
)

// TestHouse holds this repository to its own rules and lists every breach.
func TestHouse(t *testing.T) {
	t.Parallel()
	found, err := archtest.Check(os.DirFS("../.."), archtest.House())
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("\n    %s", v)
	}
}

// base is a small valid module: a pure core, an edge, a shelf and a test.
func base() map[string]string {
	return map[string]string{
		"go.mod": "module house\n\ngo 1.26.0\n\nrequire (\n\texample.org/wire v1.0.0\n\texample.org/paint v1.0.0\n\texample.org/deep v1.0.0 // indirect\n)\n",
		"core/core.go": "// Package core judges.\npackage core\n\nimport (\n\t\"house/shelf\"\n\t\"log/slog\"\n\t\"time\"\n)\n\n" +
			"// Judge judges at a time.\nfunc Judge(v shelf.Value, at time.Time) slog.Value { return slog.StringValue(at.String() + v.Name) }\n",
		"core/core_test.go": "package core_test\n\nimport \"testing\"\n\nfunc TestJudge(t *testing.T) {\n\tt.Skip(\"no card\")\n}\n" + strings.Repeat("// more\n", 30),
		"edge/edge.go": "// Package edge speaks.\npackage edge\n\nimport (\n\t\"example.org/wire/http\"\n\n\t\"house/core\"\n)\n\n" +
			"// Serve serves.\nfunc Serve() {\n\tif http.Off {\n\t\tpanic(\"edge: internal error: off\")\n\t}\n\t_ = core.Judge\n}\n",
		"shelf/shelf.go": "// Package shelf holds.\npackage shelf\n\n// Value is a value.\ntype Value struct{ Name string }\n\n" +
			"// Level is an enumeration.\ntype Level int\n\n// The levels.\nconst (\n\tLow Level = iota\n\tMiddle\n\tHigh\n\tTop = Level(9)\n)\n",
		"shelf/testdata/broken.go": "not Go at all",
	}
}

func policy() archtest.Policy {
	const why = "because"
	return archtest.Policy{
		Arrows: []archtest.Arrow{
			{From: "core/...", Ours: []string{"shelf/..."}, Reason: why},
			{From: "edge", Ours: []string{"core", "shelf"}, Outside: []string{"example.org/wire/..."}, Reason: why},
			{From: "shelf", Reason: "a leaf"},
		},
		Forbidden: []archtest.Forbidden{
			{From: []string{"core/...", "edge"}, Except: []string{"edge"}, Import: []string{"net/http/...", "os"}, Reason: "pure"},
		},
		Fences: []archtest.Fence{
			{Import: "example.org/wire/...", In: []string{"edge"}, Tests: true, Reason: "one door"},
			{Import: "math/rand/...", Reason: "for tests"},
		},
		Selectors: []archtest.Selector{
			{From: []string{"core/..."}, Import: "time", Deny: []string{"Now"}, Reason: "no clock"},
			{From: []string{"core/..."}, Import: "log/slog", Only: []string{"Value", "StringValue"}, Reason: "no log"},
			{From: []string{"..."}, Tests: true, Import: "time", Deny: []string{"Sleep"}, Reason: "no sleep"},
		},
		Modules: []archtest.Module{{Path: "example.org/wire", Reason: "speaks"}, {Path: "example.org/paint", Reason: "shows"}},
		Core:    []string{"core/..."},
		Budget: archtest.Budget{
			Cyclomatic: 3, FileLines: 20, FuncLines: 7, Fields: 2, FieldsEver: 3, Parameters: 2,
			Exported: 2, Methods: 1, FanOut: 2, Vocabulary: []string{"edge"}, VocabularyExported: 3,
		},
	}
}

// check runs the policy over base with some files replaced or added.
func check(t *testing.T, change map[string]string, p archtest.Policy) []archtest.Violation {
	t.Helper()
	files := base()
	maps.Copy(files, change)
	tree := make(fstest.MapFS)
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	found, err := archtest.Check(tree, p)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCheckAcceptsTheBase(t *testing.T) {
	t.Parallel()
	for _, v := range check(t, nil, policy()) {
		t.Errorf("in a valid tree: %s", v)
	}
}

func TestCheckFindsEachViolation(t *testing.T) {
	t.Parallel()
	for _, row := range violations {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			expect(t, check(t, map[string]string{row.file: row.text}, policy()), row.want)
		})
	}
}

// expect wants exactly the violations given, in order, each with a reason.
func expect(t *testing.T, found []archtest.Violation, want ...string) {
	t.Helper()
	var got []string
	for _, v := range found {
		if v.Reason == "" {
			t.Errorf("no reason given: %s", v)
		}
		got = append(got, strings.TrimSuffix(v.String(), " ("+v.Reason+")"))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestCheckOfThePolicyItself(t *testing.T) {
	t.Parallel()
	wide := map[string]string{"shelf/wide.go": "package shelf\n\ntype wide struct{ a, b, c int }\n"}
	exception := func(limit int, reason string) func(*archtest.Policy) {
		return func(p *archtest.Policy) {
			p.Exceptions = []archtest.Exception{{Rule: "struct-fields", Where: "shelf.wide", Limit: limit, Reason: reason}}
		}
	}
	for _, row := range []struct {
		name   string
		files  map[string]string
		change func(*archtest.Policy)
		want   []string
	}{
		{"exception in use", wide, exception(3, "a record of a norm"), nil},
		{"exception too small", wide, exception(2, "a record of a norm"), []string{
			"shelf/wide.go:3: struct-fields: shelf.wide has 3, at most 2",
		}},
		{"exception without reason", wide, exception(3, ""), []string{"policy:0: reason: the row for shelf.wide has none"}},
		{"exception beyond the last bound", wide, exception(4, "a record of a norm"), []string{
			"policy:0: struct-fields: the exception for shelf.wide is too wide",
		}},
		{"stale exception", nil, exception(3, "a record of a norm"), []string{
			"policy:0: struct-fields: the exception for shelf.wide is stale: nothing needs it",
		}},
		{"dependency without reason", nil, func(p *archtest.Policy) { p.Modules = p.Modules[:1] }, []string{
			"go.mod:7: module: example.org/paint has no reason",
		}},
		{"stale dependency", nil, func(p *archtest.Policy) {
			p.Modules = append(p.Modules, archtest.Module{Path: "example.org/deep", Reason: "was used once"})
		}, []string{
			"go.mod:0: module: the reason for example.org/deep is stale: not a direct dependency",
		}},
		{"untested core", map[string]string{"core/core_test.go": "package core_test\n"}, func(*archtest.Policy) {}, []string{
			"core/core.go:1: core-tests: the trusted core has 1 lines of test for 11 of code",
		}},
		{"generated file", map[string]string{
			"shelf/table.go": "// Code generated by hand. DO NOT EDIT.\n\npackage shelf\n" + strings.Repeat("\n", 30),
		}, func(*archtest.Policy) {}, nil},
		{"generated names count", map[string]string{
			"shelf/table.go": "// Code generated by hand. DO NOT EDIT.\n\npackage shelf\n\nvar More int\n",
		}, func(*archtest.Policy) {}, []string{"shelf/shelf.go:2: exported: shelf has 3, at most 2: Level More Value"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := policy()
			row.change(&p)
			expect(t, check(t, row.files, p), row.want...)
		})
	}
}

func TestCheckRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	if _, err := archtest.Check(fstest.MapFS{}, policy()); err == nil {
		t.Error("a tree without go.mod was accepted")
	}
	broken := fstest.MapFS{"go.mod": {Data: []byte("module house\n")}, "a/a.go": {Data: []byte("not Go")}}
	if _, err := archtest.Check(broken, policy()); err == nil {
		t.Error("a file that does not parse was accepted")
	}
}
