package stricttoml_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/config/stricttoml"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	var names []string
	for _, k := range stricttoml.Keys[library]() {
		names = append(names, k.Name)
		if k.Type == "" || k.Help == "" || k.Required && k.Default != "" {
			t.Errorf("%+v", k)
		}
	}
	want := []string{
		"name", "open", "days", "town", "kind", "tags", "key_file", "limits", "limits.loans", "vault", "vault.code_file",
		"shelf", "shelf[].topic", "shelf[].rows", "shelf[].inner", "shelf[].inner.depth", "labels",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

// TestDefaultsAreWhatIsExplained writes each default into a document and finds
// that nothing changes: the reference tells the truth.
func TestDefaultsAreWhatIsExplained(t *testing.T) {
	t.Parallel()
	const least = "name = 'x'\n"
	decode := func(src string) library {
		got, report, err := stricttoml.Decode[library]("lib.toml", []byte(src))
		if err != nil || report.Err() != nil {
			t.Fatal(src, err, report)
		}
		return got
	}
	want, n := decode(least), 0
	for _, k := range stricttoml.Keys[library]() {
		if k.Default == "" || strings.Contains(k.Name, "[]") {
			continue
		}
		n++
		if diff := cmp.Diff(want, decode(least+k.Name+" = "+k.Default), cmp.AllowUnexported(library{})); diff != "" {
			t.Errorf("%s: %s", k.Name, diff)
		}
	}
	if n != 5 {
		t.Errorf("%d defaults", n)
	}
}

func TestJoin(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]string{
		{"", "a", "a"},
		{"a[0]", "b-c_D9", "a[0].b-c_D9"},
		{"a", "", `a.""`},
		{"a", "b.c", `a."b.c"`},
		{"a", "b\nc", `a."b\nc"`},
		{"", "é", `"é"`},
		{"", strings.Repeat("é", 65), `"` + strings.Repeat("é", 64) + `"`},
	} {
		if got := stricttoml.Join(c[0], c[1]); got != c[2] {
			t.Errorf("Join(%q, %q) = %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

func TestProblemString(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]stricttoml.Problem{
		"f: r":        {File: "f", Reason: "r"},
		"f: k: r":     {File: "f", Key: "k", Reason: "r"},
		"f:2:3: r":    {File: "f", Line: 2, Column: 3, Reason: "r"},
		"f:2:3: k: r": {File: "f", Line: 2, Column: 3, Key: "k", Reason: "r"},
	} {
		if got := p.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// TestMistakesOfThisProgram: a struct that describes no document is found by
// whoever runs it once, not by an operator.
func TestMistakesOfThisProgram(t *testing.T) {
	t.Parallel()
	for name, keys := range map[string]func(){
		"no name": func() {
			stricttoml.Keys[struct {
				A string `help:"a"`
			}]()
		},
		"no meaning": func() {
			stricttoml.Keys[struct {
				A string `toml:"a"`
			}]()
		},
		"strange type": func() {
			stricttoml.Keys[struct {
				A float64 `toml:"a" help:"a"`
			}]()
		},
		"strange default": func() {
			stricttoml.Keys[struct {
				A int64 `toml:"a" default:"few" help:"a"`
			}]()
		},
		"strange range": func() {
			stricttoml.Keys[struct {
				A int64 `toml:"a" range:"1..many" help:"a"`
			}]()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if text, _ := recover().(string); !strings.HasPrefix(text, "stricttoml: internal error: ") {
					t.Errorf("recovered %q", text)
				}
			}()
			keys()
		})
	}
}
