package archtest_test

import "strings"

// violations: each row adds one file to the valid base and gives the place,
// the rule and the words of the one violation that follows.
var violations = []struct{ name, file, text, want string }{
	{
		"arrow up", "shelf/up.go",
		"package shelf\n\nimport _ \"house/core\"\n",
		"shelf/up.go:3: arrow: shelf -> core",
	},
	{
		"arrow out", "core/out.go",
		"package core\n\nimport _ \"example.org/paint\"\n",
		"core/out.go:3: arrow: core -> example.org/paint",
	},
	{
		"forbidden standard package", "core/net.go",
		"package core\n\nimport _ \"net/http/httptest\"\n",
		"core/net.go:3: arrow: core -> net/http/httptest",
	},
	{
		"forbidden package in a file of another system", "core/os_windows.go",
		"//go:build windows\n\npackage core\n\nimport _ \"os\"\n",
		"core/os_windows.go:5: arrow: core -> os",
	},
	{
		"unknown package", "new/new.go",
		"// Package new is new.\npackage new\n",
		"new/new.go:2: arrow: no row names new",
	},
	{
		"fence in a test", "shelf/wire_test.go",
		"package shelf\n\nimport _ \"example.org/wire/http\"\n",
		"shelf/wire_test.go:3: fence: shelf -> example.org/wire/http",
	},
	{
		"fence for tests only", "shelf/rand.go",
		"package shelf\n\nimport _ \"math/rand/v2\"\n",
		"shelf/rand.go:3: fence: shelf -> math/rand/v2",
	},
	{
		"undeclared dependency", "edge/deep_test.go",
		"package edge_test\n\nimport _ \"example.org/deep\"\n",
		"edge/deep_test.go:3: module: example.org/deep is not a direct dependency in go.mod",
	},
	{
		"dot import", "shelf/dot.go",
		"package shelf\n\nimport . \"strings\"\n",
		"shelf/dot.go:3: dot-import: strings",
	},
	{
		"clock", "core/clock.go",
		"package core\n\nimport \"time\"\n\nvar now = time.Now\n",
		"core/clock.go:5: selector: time.Now",
	},
	{
		"renamed clock", "core/clock.go",
		"package core\n\nimport clock \"time\"\n\nvar now = clock.Now()\n",
		"core/clock.go:5: selector: time.Now",
	},
	{
		"log", "core/log.go",
		"package core\n\nimport \"log/slog\"\n\nfunc say() { slog.Info(\"x\") }\n",
		"core/log.go:5: selector: log/slog.Info",
	},
	{
		"sleep in a test", "shelf/sleep_test.go",
		"package shelf\n\nimport \"time\"\n\nfunc f() { time.Sleep(1) }\n",
		"shelf/sleep_test.go:5: selector: time.Sleep",
	},
	{
		"goroutine", "core/go.go",
		"package core\n\nfunc f() {\n\tgo f()\n}\n",
		"core/go.go:4: goroutine: go statement",
	},
	{
		"init", "shelf/init.go",
		"package shelf\n\nfunc init() {}\n",
		"shelf/init.go:3: init: func init",
	},
	{
		"panic", "shelf/panic.go",
		"package shelf\n\nfunc f() { panic(\"bad input\") }\n",
		"shelf/panic.go:3: panic: message without \"internal error\" or \"unreachable\"",
	},
	{
		"skip", "shelf/skip_test.go",
		"package shelf\n\nimport \"testing\"\n\nfunc TestX(t *testing.T) { t.Skip() }\n",
		"shelf/skip_test.go:5: skip: no reason given",
	},
	{
		"skip now", "shelf/skip_test.go",
		"package shelf\n\nimport \"testing\"\n\nfunc FuzzX(f *testing.F) { f.SkipNow() }\n",
		"shelf/skip_test.go:5: skip: no reason given",
	},
	{
		"package comment", "core/sub/sub.go",
		"package sub\n",
		"core/sub/sub.go:1: package-comment: core/sub has none",
	},
	{
		"drawer file", "shelf/more_helpers_test.go",
		"package shelf\n",
		"shelf/more_helpers_test.go:1: name: helpers",
	},
	{
		"drawer package", "core/strutil/str.go",
		"// Package strutil is a drawer.\npackage strutil\n",
		"core/strutil/str.go:2: name: strutil",
	},
	{
		"branches", "shelf/deep.go",
		"package shelf\n\nfunc f(a, b bool) {\n\tif a && b || !a {\n\t}\n}\n",
		"shelf/deep.go:3: cyclomatic: shelf.f has 4, at most 3",
	},
	{
		"cases", "shelf/deep.go",
		"package shelf\n\nfunc (v Value) f(a int) {\n\tswitch a {\n\tcase 1, 2:\n\tcase 3: select {case <-c: default:}\n\tdefault:\n\t}\n}\n",
		"shelf/deep.go:3: cyclomatic: shelf.Value.f has 4, at most 3",
	},
	{
		"long function", "shelf/long.go",
		"package shelf\n\n// Comment.\nfunc f() {" + strings.Repeat("\n", 7) + "}\n",
		"shelf/long.go:4: func-lines: shelf.f has 8, at most 7",
	},
	{
		"long file", "shelf/long.go",
		"package shelf\n" + strings.Repeat("\n", 20),
		"shelf/long.go:21: file-lines: shelf/long.go has 21, at most 20",
	},
	{
		"parameters", "shelf/par.go",
		"package shelf\n\nfunc f(a, b int, c bool) {}\n",
		"shelf/par.go:3: parameters: shelf.f has 3, at most 2",
	},
	{
		"fields", "shelf/wide.go",
		"package shelf\n\ntype wide struct {\n\tValue\n\ta, b int\n}\n",
		"shelf/wide.go:3: struct-fields: shelf.wide has 3, at most 2",
	},
	{
		"fields of a local struct", "shelf/wide.go",
		"package shelf\n\nfunc f() {\n\tvar _ struct{ a, b, c int }\n}\n",
		"shelf/wide.go:4: struct-fields: shelf.f has 3, at most 2",
	},
	{
		"methods", "shelf/many.go",
		"package shelf\n\ntype many interface {\n\tA()\n\tB()\n}\n",
		"shelf/many.go:3: interface-methods: shelf.many has 2, at most 1",
	},
	{
		"exported", "shelf/more.go",
		"package shelf\n\nvar More, less int\n",
		"shelf/more.go:1: exported: shelf has 3, at most 2: Level More Value",
	},
	{
		"fan-out", "core/sub/sub.go",
		"// Package sub asks all.\npackage sub\n\nimport (\n\t_ \"house/shelf\"\n\t_ \"house/shelf/a\"\n\t_ \"house/shelf/b\"\n)\n",
		"core/sub/sub.go:2: fan-out: core/sub has 3, at most 2: shelf shelf/a shelf/b",
	},
}
