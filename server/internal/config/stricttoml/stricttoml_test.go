package stricttoml_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/config/stricttoml"
)

// library is a document with one key of each kind.
type library struct {
	Name string `toml:"name" required:"" help:"what it is called"`
	Open bool   `toml:"open" default:"true" help:"whether it lends"`
	Days int64  `toml:"days" default:"21" range:"1..60" help:"how long a loan lasts"`
	extra
	Kind    string            `toml:"kind" default:"town" oneof:"town school" help:"who runs it"`
	Tags    []string          `toml:"tags" oneof:"quiet large" help:"what to expect"`
	KeyFile string            `toml:"key_file" help:"where its key hangs"`
	Limits  limits            `toml:"limits" help:"bounds"`
	Vault   vault             `toml:"vault" help:"what is locked away"`
	Shelves []shelf           `toml:"shelf" help:"its shelves"`
	Labels  map[string]string `toml:"labels" help:"free words"`
}

type extra struct {
	Town string `toml:"town" default:"Lyon" help:"where it stands"`
}

type limits struct {
	Loans int64 `toml:"loans" default:"5" help:"loans a reader may have"`
}

type vault struct {
	Code string `toml:"code_file" required:"" help:"where the code is"`
}

type shelf struct {
	Topic string `toml:"topic" required:"" help:"what stands on it"`
	Rows  int64  `toml:"rows" default:"4" range:"1..9" help:"how many rows"`
	Inner inner  `toml:"inner" help:"what is inside"`
}

type inner struct {
	Depth int64 `toml:"depth" default:"30" help:"in centimetres"`
}

const whole = `name = "Rivière"
open = false
days = 2_1
kind = 'school'
town = 'Brest'
tags = ["quiet", "large"]
labels.red = "new"
labels."a.b" = "old"

[limits]
loans = 0x0A

[vault]
code_file = "x"

[[shelf]]
topic = "history"

[shelf.inner]
depth = 40

[[shelf]]
topic = "maps"
rows = 9
inner = { depth = 50 }
`

func TestWholeDocument(t *testing.T) {
	t.Parallel()
	got, report, err := stricttoml.Decode[library]("lib.toml", []byte(whole))
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	want := library{
		Name: "Rivière", Days: 21, extra: extra{"Brest"}, Kind: "school", Tags: []string{"quiet", "large"},
		Limits: limits{10}, Vault: vault{"x"},
		Shelves: []shelf{{"history", 4, inner{40}}, {"maps", 9, inner{50}}},
		Labels:  map[string]string{"red": "new", "a.b": "old"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(library{})); diff != "" {
		t.Error(diff)
	}
	for key, present := range map[string]bool{
		"name": true, "key_file": false, "shelf[1].rows": true, "shelf[0].rows": false, "shelf[0].inner.depth": true,
		"labels": true, `labels."a.b"`: true, "tags[1]": true, "tags[2]": false,
	} {
		if report.Has(key) != present {
			t.Errorf("Has(%q) = %t", key, !present)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	got, report, err := stricttoml.Decode[library]("lib.toml", []byte("name = 'x'\ntags = []\n[[shelf]]\ntopic = 'y'\n"))
	if err != nil || report.Err() != nil {
		t.Fatal(err, report.Err())
	}
	want := library{
		Name: "x", Open: true, Days: 21, extra: extra{"Lyon"}, Kind: "town", Tags: []string{}, Limits: limits{5},
		Shelves: []shelf{{"y", 4, inner{30}}},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(library{})); diff != "" {
		t.Error(diff)
	}
}

// TestProblems: each document has its faults and nothing else wrong, as
// TestWholeDocument and TestDefaults show.
func TestProblems(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ src, want string }{
		"unknown key":         {"name = 'x'\n  nmae = 'y'", `2:3: nmae: unknown key; name is one that exists`},
		"letter case":         {"Name = 'x'", `1:1: Name: unknown key; name is one that exists`},
		"a secret in place":   {"name = 'x'\nkey = 'hunter2hunter2'", `2:1: key: unknown key; key_file is one that exists`},
		"unknown table":       {"name = 'x'\n[shelves]\ntopic = 'x'\nnaem = 1", `2:2: shelves: unknown key`},
		"unknown in a table":  {"name = 'x'\n[[shelf]]\ntopic = 'x'\n[[shelf]]\ntopic = 'y'\nage = 3", `6:1: shelf[1].age: unknown key`},
		"unknown inline":      {"name = 'x'\nlimits = { loans = 1, x = 2 }", `2:23: limits.x: unknown key`},
		"unknown with escape": {"name = 'x'\n\"\\u0061\" = 1", `2:1: a: unknown key`},
		"unknown with spaces": {"name = 'x'\n\"a b\" = 1", `2:1: "a b": unknown key`},
		"endless key":         {"name = 'x'\n" + strings.Repeat("k", 5000) + " = 1", `2:1: ` + strings.Repeat("k", 64) + `: unknown key`},
		"several unknown":     {"name = 'x'\na = 1\nb = 2\n", "2:1: a: unknown key\n3:1: b: unknown key"},

		"integer for string":   {"name = 7", `1:1: name: want string, found an integer`},
		"string for integer":   {"name = 'x'\ndays = '7'", `2:1: days: want integer from 1 to 60, found a string`},
		"fraction":             {"name = 'x'\ndays = 7.5", `2:1: days: want integer from 1 to 60, found a number with a fraction`},
		"date":                 {"name = 2026-11-01", `1:1: name: want string, found a date or time`},
		"boolean for string":   {"name = true", `1:1: name: want string, found true or false`},
		"string for boolean":   {"name = 'x'\nopen = 'yes'", `2:1: open: want true or false, found a string`},
		"string for list":      {"name = 'x'\ntags = 'quiet'", `2:1: tags: want list of quiet | large, found a string`},
		"integer in a list":    {"name = 'x'\ntags = ['quiet', 7]", `2:18: tags[1]: want string, found an integer`},
		"list in a list":       {"name = 'x'\ntags = [['quiet']]", `2:1: tags[0]: want string, found a list`},
		"table for string":     {"name = 'x'\n[key_file]\na = 1", `2:2: key_file: want string, found a table`},
		"inline table":         {"name = { a = 1 }", `1:1: name: want string, found a table`},
		"below a string":       {"name.first = 'x'", `1:6: name: want string, found a table`},
		"table below a string": {"[name.first]", `1:7: name: want string, found a table`},
		"string for table":     {"name = 'x'\nlimits = 'many'", `2:1: limits: want table, found a string`},
		"single brackets":      {"name = 'x'\n[shelf]\ntopic = 'x'", `2:2: shelf: want double brackets: there may be several of these tables`},
		"double brackets":      {"name = 'x'\n[[limits]]\nloans = 1", `2:3: limits: want single brackets: there is one table of this name`},
		"integer in labels":    {"name = 'x'\nlabels = { red = 1 }", `2:12: labels.red: want string, found an integer`},
		"too big a number":     {"name = 'x'\ndays = 9223372036854775808", `2:1: days: not an integer of 64 bits`},
		"kinds and keys":       {"name = 7\nb = 2", "1:1: name: want string, found an integer\n2:1: b: unknown key"},

		"twice":              {"name = 'x'\nname = 'y'", `2:1: contradicts what stands before it: a key or a table is written twice, or in two ways`},
		"table twice":        {"name = 'x'\n[limits]\nloans = 1\n# words\n\n[limits]\n", `6:2: contradicts what stands before it: a key or a table is written twice, or in two ways`},
		"table and dotted":   {"name = 'x'\nlimits.loans = 1\n[limits]\n", `3:2: contradicts what stands before it: a key or a table is written twice, or in two ways`},
		"twice in a table":   {"name = 'x'\n[[shelf]]\ntopic = 'a'\n[[shelf]]\ntopic = 'b'\ntopic = 'c'\n[limits]\n", `6:1: contradicts what stands before it: a key or a table is written twice, or in two ways`},
		"list then table":    {"name = 'x'\nshelf = []\n[[shelf]]\ntopic = 'a'\n", `3:3: contradicts what stands before it: a key or a table is written twice, or in two ways`},
		"underscores astray": {"name = 'x'\ndays = 1__2", `2:1: days: not an integer of 64 bits`},

		"not TOML":        {"name = 'x'\nclient_secret: abc", `2:14: not TOML: expected character =`},
		"unclosed string": {"name = 'hunter2", `1:16: not TOML: unterminated literal string`},
		"unclosed table":  {"[limits", `1:8: not TOML: expected character ] but the document ended here`},
		"bad UTF-8":       {"name = '\xff'", `1:9: not TOML: invalid character`},

		"required":               {"days = 3", `1:1: name: required`},
		"required in a table":    {"name = 'x'\n\n[[shelf]]\nrows = 2", `3:3: shelf[0].topic: required`},
		"required in an option":  {"name = 'x'\n[vault]\n", `2:2: vault.code_file: required`},
		"empty default":          {"name = 'x'\nkind = ''", `2:1: kind: must not be empty`},
		"empty option":           {"name = 'x'\nkey_file = ''", `2:1: key_file: must not be empty`},
		"wrong in an embedded":   {"name = 'x'\ntown = 7", `2:1: town: want string, found an integer`},
		"empty":                  {"name = ''", `1:1: name: must not be empty`},
		"below the range":        {"name = 'x'\ndays = 0", `2:1: days: want integer from 1 to 60: how long a loan lasts`},
		"above the range":        {"name = 'x'\ndays = 61", `2:1: days: want integer from 1 to 60: how long a loan lasts`},
		"range in a table":       {"name = 'x'\nshelf = [{ topic = 'x', rows = 10 }]", `2:25: shelf[0].rows: want integer from 1 to 9: how many rows`},
		"not one of":             {"name = 'x'\nkind = 'state'", `2:1: kind: want town | school`},
		"none of, in a list":     {"name = 'x'\ntags = [\n  'quiet',\n  'dark',\n]", `4:3: tags[1]: want quiet | large`},
		"values, all at once":    {"kind = 'state'\ndays = 99", "1:1: name: required\n1:1: kind: want town | school\n2:1: days: want integer from 1 to 60: how long a loan lasts"},
		"windows lines":          {"name = 'x'\r\ndays = 99\r\n", `2:1: days: want integer from 1 to 60: how long a loan lasts`},
		"after a long string":    {"name = '''\nx\ny'''\ndays = 99", `4:1: days: want integer from 1 to 60: how long a loan lasts`},
		"after comments":         {"# days = 3\nname = 'x' # days\n\t days = 99", `3:3: days: want integer from 1 to 60: how long a loan lasts`},
		"default is not present": {"name = 'x'\n[[shelf]]\ntopic = ''", `3:1: shelf[0].topic: must not be empty`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for line := range strings.Lines(problems(t, c.src).Error()) {
				got = append(got, strings.TrimPrefix(strings.TrimSpace(line), "lib.toml:"))
			}
			if diff := cmp.Diff(strings.Split(c.want, "\n"), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// problems are those of a document that must have some.
func problems(t *testing.T, src string) stricttoml.Problems {
	t.Helper()
	got, report, err := stricttoml.Decode[library]("lib.toml", []byte(src))
	if err == nil {
		err = report.Err()
	} else if !cmp.Equal(got, library{}, cmp.AllowUnexported(library{})) || report != nil {
		t.Error("half a document came with the error")
	}
	var out stricttoml.Problems
	if !errors.As(err, &out) {
		t.Fatalf("error %v", err)
	}
	return out
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	_, report, err := stricttoml.Decode[library]("lib.toml", []byte("name = 'x'\n\n[[shelf]]\ntopic = 'y'\n"))
	if err != nil {
		t.Fatal(err)
	}
	report.Refuse("shelf[0].topic", "dusty")
	report.Refuse("shelf[0].inner.depth", "shallow")
	report.Refuse("limits.loans", "few")
	report.Refuse("", "odd")
	want := "lib.toml:1:1: limits.loans: few\nlib.toml:1:1: odd\n" +
		"lib.toml:3:3: shelf[0].inner.depth: shallow\nlib.toml:4:1: shelf[0].topic: dusty"
	if err := report.Err(); err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	pad := func(n int) string {
		head := "name = 'x'\n#"
		return head + strings.Repeat(".", n-len(head))
	}
	if _, report, err := stricttoml.Decode[library]("lib.toml", []byte(pad(stricttoml.MaxSize))); err != nil || report.Err() != nil {
		t.Errorf("the largest document: %v", err)
	}
	got := problems(t, pad(stricttoml.MaxSize+1))
	if len(got) != 1 || got[0].String() != "lib.toml: 262145 bytes long; at most 262144 are read" {
		t.Errorf("got %v", got)
	}
}

// TestDeep: what nests as deep as the size allows ends in a problem, not in a
// stack that overflows.
func TestDeep(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"lists":  "name = " + strings.Repeat("[", stricttoml.MaxSize-7),
		"tables": "name = " + strings.Repeat("{a=", (stricttoml.MaxSize-7)/3),
		"keys":   strings.Repeat("a.", (stricttoml.MaxSize-5)/2) + "a = 1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems(t, src)
		})
	}
}

// TestManyProblems: an error stays readable, whatever was given.
func TestManyProblems(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 60 {
		b.WriteString("k" + strconv.Itoa(i) + " = 1\n")
	}
	got := problems(t, b.String())
	lines := strings.Split(got.Error(), "\n")
	if len(got) != 60 || len(lines) != 51 || lines[50] != "and 10 more" {
		t.Errorf("%d problems, %d lines, the last %q", len(got), len(lines), lines[len(lines)-1])
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	got := stricttoml.Explain[library]()
	for _, want := range []string{
		"name (string, required)\n    what it is called\n",
		"open (true or false, default true)\n",
		"days (integer from 1 to 60, default 21)\n",
		"kind (town | school, default \"town\")\n",
		"tags (list of quiet | large, optional)\n",
		"limits (table, optional)\n    bounds\n\nlimits.loans (integer, default 5)\n",
		"shelf (tables in double brackets, optional)\n",
		"shelf[].inner.depth (integer, default 30)\n    in centimetres\n",
		"labels (table of strings, optional)\n",
	} {
		if !strings.Contains("\n"+got, "\n"+want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
}
