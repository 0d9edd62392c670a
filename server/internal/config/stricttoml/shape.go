package stricttoml

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

type kind uint8

const (
	text kind = iota + 1
	integer
	boolean
	list
	table
	words // a table whose keys are free and whose values are strings
)

// A shape is what a struct and its tags say a document may hold at one place.
type shape struct {
	kind     kind
	name     string // the key; empty for a root and for elements
	field    []int  // index in the struct above, for reflect
	members  []*shape
	element  *shape // of a list or of free words
	help     string
	standard string // the default
	required bool
	oneof    []string
	bounds   *bounds
}

type bounds struct{ low, high int64 }

// shapeOf reads the tags of a type. A type or tag that it does not know is a
// mistake in this program, never in a document.
func shapeOf(t reflect.Type) *shape {
	switch {
	case t.Kind() == reflect.String:
		return &shape{kind: text}
	case t.Kind() == reflect.Int64:
		return &shape{kind: integer}
	case t.Kind() == reflect.Bool:
		return &shape{kind: boolean}
	case t.Kind() == reflect.Slice:
		return &shape{kind: list, element: shapeOf(t.Elem())}
	case t == reflect.TypeFor[map[string]string]():
		return &shape{kind: words, element: &shape{kind: text}}
	case t.Kind() == reflect.Struct:
		return &shape{kind: table, members: membersOf(t, nil)}
	}
	panic("stricttoml: internal error: no shape for " + t.String())
}

// membersOf lists the fields of a struct; those of an embedded struct are its own.
func membersOf(t reflect.Type, above []int) []*shape {
	var out []*shape
	for f := range t.Fields() {
		f.Index = slices.Concat(above, f.Index)
		if f.Anonymous {
			out = append(out, membersOf(f.Type, f.Index)...)
		} else {
			out = append(out, memberOf(f))
		}
	}
	return out
}

func memberOf(f reflect.StructField) *shape {
	s := shapeOf(f.Type)
	s.field, s.name, s.help, s.standard = f.Index, f.Tag.Get("toml"), f.Tag.Get("help"), f.Tag.Get("default")
	_, s.required = f.Tag.Lookup("required")
	s.oneof = strings.Fields(f.Tag.Get("oneof"))
	if low, high, ok := strings.Cut(f.Tag.Get("range"), ".."); ok {
		s.bounds = &bounds{mustInt(f, low), mustInt(f, high)}
	}
	if s.name == "" || s.help == "" {
		panic("stricttoml: internal error: field " + f.Name + " lacks a name or a meaning")
	}
	if s.standard != "" && s.kind == integer {
		mustInt(f, s.standard)
	}
	return s
}

func mustInt(f reflect.StructField, s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		panic("stricttoml: internal error: field " + f.Name + " has a tag that is no number")
	}
	return n
}

// member gives what a table may hold under a key, nil where it may not.
func (s *shape) member(key string) *shape {
	switch s.kind {
	case table:
		for _, m := range s.members {
			if m.name == key {
				return m
			}
		}
	case words:
		return s.element
	}
	return nil
}

// tables reports whether a shape is a list of tables.
func (s *shape) tables() bool { return s.kind == list && s.element.kind == table }

// String says what a shape is, to somebody who writes such a document.
func (s *shape) String() string {
	switch {
	case len(s.oneof) > 0 && s.kind == list:
		return "list of " + strings.Join(s.oneof, " | ")
	case len(s.oneof) > 0:
		return strings.Join(s.oneof, " | ")
	case s.bounds != nil:
		return fmt.Sprintf("integer from %d to %d", s.bounds.low, s.bounds.high)
	case s.tables():
		return "tables in double brackets"
	}
	return map[kind]string{
		text: "string", integer: "integer", boolean: "true or false", list: "list of strings",
		table: "table", words: "table of strings",
	}[s.kind]
}

// A Key is one line of the reference of a document.
type Key struct {
	Name     string // such as "issuer[].url"
	Type     string // such as "string", "plus | standard", "integer from 60 to 600"
	Default  string // as a document would write it; empty where there is none
	Required bool
	Help     string
}

// Keys lists every key that [Decode] accepts for T, a table before its members.
func Keys[T any]() []Key { return shapeOf(reflect.TypeFor[T]()).keys("", nil) }

func (s *shape) keys(above string, out []Key) []Key {
	for _, m := range s.members {
		name := Join(above, m.name)
		k := Key{Name: name, Type: m.String(), Default: m.standard, Required: m.required, Help: m.help}
		if k.Default != "" && m.kind == text {
			k.Default = strconv.Quote(k.Default)
		}
		out = append(out, k)
		switch {
		case m.kind == table:
			out = m.keys(name, out)
		case m.tables():
			out = m.element.keys(name+"[]", out)
		}
	}
	return out
}

// Explain prints the reference of every key of T.
func Explain[T any]() string {
	var b strings.Builder
	for i, k := range Keys[T]() {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s (%s%s)\n", k.Name, k.Type, k.terms())
		for _, line := range wrap(k.Help, 76) {
			b.WriteString("    " + line + "\n")
		}
	}
	return b.String()
}

func (k Key) terms() string {
	switch {
	case k.Required:
		return ", required"
	case k.Default != "":
		return ", default " + k.Default
	}
	return ", optional"
}

// wrap breaks a sentence into lines of at most so many bytes where words allow.
func wrap(sentence string, width int) []string {
	var lines []string
	for word := range strings.FieldsSeq(sentence) {
		if n := len(lines); n > 0 && len(lines[n-1])+1+len(word) <= width {
			lines[n-1] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}

// Join gives the name, as problems use it, of a key below another or, where that
// is empty, at the top. A key that is not bare is quoted.
func Join(above, key string) string {
	key = shorten(key)
	if key == "" || strings.ContainsFunc(key, notBare) {
		key = strconv.Quote(key)
	}
	if above == "" {
		return key
	}
	return above + "." + key
}

// notBare follows TOML 1.0, "Keys".
func notBare(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// shorten bounds the name of a key that nobody expected.
func shorten(key string) string {
	const enough = 64
	runes := []rune(key)
	return string(runes[:min(len(runes), enough)])
}

// nearest finds the member that a misspelt key may have meant.
func (s *shape) nearest(key string) (string, bool) {
	key = strings.ToLower(key)
	for _, m := range s.members {
		if m.name == key || m.name == key+"_file" || slices.Contains(slips(m.name), key) {
			return m.name, true
		}
	}
	return "", false
}

// slips gives a name with one letter left out or two letters swapped, which are
// the slips of a hurried hand that can be listed.
func slips(name string) []string {
	var out []string
	for i := range name {
		out = append(out, name[:i]+name[i+1:])
		if i > 0 {
			out = append(out, name[:i-1]+name[i:i+1]+name[i-1:i]+name[i+1:])
		}
	}
	return out
}
