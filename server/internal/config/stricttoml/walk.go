package stricttoml

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"github.com/pelletier/go-toml/v2/unstable"
)

// place is where something is written.
type place struct{ line, column int }

// A walker goes through a document once, expression by expression: it holds
// every key and every value to the shape, and remembers where each one is.
type walker struct {
	src    []byte
	lines  []int // where each line begins
	parser unstable.Parser
	report *Report
	root   *shape

	table  *shape // that the expressions now met belong to; nil where its header was refused
	path   string
	counts map[string]int // tables met below each list of tables
	starts []place        // of each expression
}

func newWalker(src []byte, root *shape, report *Report) *walker {
	// A spare byte: a slice at the very end of an array would lose its place in it.
	w := &walker{src: append(make([]byte, 0, len(src)+1), src...), root: root, table: root, report: report, counts: map[string]int{}}
	w.lines = []int{0}
	for i, c := range w.src {
		if c == '\n' {
			w.lines = append(w.lines, i+1)
		}
	}
	return w
}

// walk meets every expression. What is no TOML ends it.
func (w *walker) walk() {
	w.parser.Reset(w.src)
	for w.parser.NextExpression() {
		e := w.parser.Expression()
		it := e.Key()
		it.Next()
		w.starts = append(w.starts, w.at(it.Node()))
		switch e.Kind {
		case unstable.KeyValue:
			if w.table != nil {
				w.keyValue(e, w.table, w.path)
			}
		default:
			w.header(e)
		}
	}
	if err := w.parser.Error(); err != nil {
		var broken *unstable.ParserError
		if !errors.As(err, &broken) {
			w.report.problem("", place{}, "not TOML")
			return
		}
		w.report.problem("", w.offset(w.parser.Range(broken.Highlight)), "not TOML: "+broken.Message)
	}
}

// header enters the table that a line in brackets names.
func (w *walker) header(e *unstable.Node) {
	parts := keyNodes(e)
	s, path := w.root, ""
	w.table = nil
	for i, part := range parts {
		member, name := w.enter(s, path, part)
		if member == nil {
			return
		}
		if last := i == len(parts)-1; last {
			w.open(e.Kind, member, name, w.at(part))
			return
		}
		if member.tables() { // TOML 1.0, "Array of Tables": its last element is meant
			name, member = element(name, max(w.counts[name]-1, 0)), member.element
		}
		s, path = member, name
	}
}

// open makes a table the one that what follows belongs to.
func (w *walker) open(kind unstable.Kind, s *shape, name string, at place) {
	switch {
	case kind == unstable.ArrayTable && s.tables():
		w.report.mark(name, at)
		n := w.counts[name]
		w.counts[name]++
		w.path, w.table = element(name, n), s.element
	case kind == unstable.Table && (s.kind == table || s.kind == words):
		w.path, w.table = name, s
	case kind == unstable.Table && s.tables():
		w.report.problem(name, at, "want double brackets: there may be several of these tables")
		return
	case kind == unstable.ArrayTable && s.kind == table:
		w.report.problem(name, at, "want single brackets: there is one table of this name")
		return
	default:
		w.report.problem(name, at, "want "+s.String()+", found a table")
		return
	}
	w.report.mark(w.path, at)
}

// enter finds what a key names in a table. A nil shape means that it was refused.
func (w *walker) enter(s *shape, path string, key *unstable.Node) (*shape, string) {
	name := Join(path, string(key.Data))
	m := s.member(string(key.Data))
	switch {
	case m != nil:
		return m, name
	case s.kind != table && s.kind != words:
		w.report.problem(path, w.at(key), "want "+s.String()+", found a table")
	default:
		reason := "unknown key"
		if meant, ok := s.nearest(string(key.Data)); ok {
			reason += fmt.Sprintf("; %s is one that exists", meant)
		}
		w.report.problem(name, w.at(key), reason)
	}
	return nil, ""
}

// keyValue checks a key, dotted or not, and the value it is given.
func (w *walker) keyValue(e *unstable.Node, s *shape, path string) {
	var at place
	for _, key := range keyNodes(e) {
		m, name := w.enter(s, path, key)
		if m == nil {
			return
		}
		at = w.at(key)
		w.report.mark(name, at)
		s, path = m, name
	}
	w.value(e.Value(), s, path, at)
}

// value checks a value; at is the place of its key or, in a list, its own.
func (w *walker) value(v *unstable.Node, s *shape, path string, at place) {
	switch {
	case s.kind == text && v.Kind == unstable.String:
	case s.kind == boolean && v.Kind == unstable.Bool:
	case s.kind == integer && v.Kind == unstable.Integer:
		if _, err := strconv.ParseInt(string(v.Data), 0, 64); err != nil {
			w.report.problem(path, at, "not an integer of 64 bits")
		}
	case s.kind == list && v.Kind == unstable.Array:
		w.elements(v, s, path, at)
	case (s.kind == table || s.kind == words) && v.Kind == unstable.InlineTable:
		for it := v.Children(); it.Next(); {
			w.keyValue(it.Node(), s, path)
		}
	default:
		w.report.problem(path, at, "want "+s.String()+", found "+found(v.Kind))
	}
}

// elements checks each value of a list.
func (w *walker) elements(v *unstable.Node, s *shape, path string, at place) {
	i := 0
	for it := v.Children(); it.Next(); i++ {
		name, here := element(path, i), at
		if it.Node().Raw.Length > 0 { // the parser does not say where every kind of value is
			here = w.at(it.Node())
		}
		w.report.mark(name, here)
		w.value(it.Node(), s.element, name, here)
	}
	w.counts[path] = i
}

// found names what a document holds, without saying its value.
func found(k unstable.Kind) string {
	switch k {
	case unstable.String:
		return "a string"
	case unstable.Bool:
		return "true or false"
	case unstable.Integer:
		return "an integer"
	case unstable.Float:
		return "a number with a fraction"
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return "a date or time"
}

func keyNodes(e *unstable.Node) []*unstable.Node {
	var out []*unstable.Node
	for it := e.Key(); it.Next(); {
		out = append(out, it.Node())
	}
	return out
}

func element(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }

func (w *walker) at(n *unstable.Node) place { return w.offset(n.Raw) }

func (w *walker) offset(r unstable.Range) place {
	i, found := slices.BinarySearch(w.lines, int(r.Offset))
	if !found {
		i--
	}
	return place{i + 1, int(r.Offset) - w.lines[i] + 1}
}

// blame finds the expression that makes a document fail, for an error that does
// not say where it is: the shortest beginning of the document that fails ends
// with it.
func (w *walker) blame(fails func(beginning []byte) bool) place {
	i := sort.Search(len(w.starts), func(i int) bool {
		end := len(w.src)
		if i+1 < len(w.starts) {
			end = w.lines[w.starts[i+1].line-1]
		}
		return fails(bytes.Clone(w.src[:end]))
	})
	if i == len(w.starts) {
		return place{}
	}
	return w.starts[i]
}
