package stricttoml

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

// MaxSize is the largest document, in bytes, that [Decode] reads.
const MaxSize = 256 << 10

// A Report collects what is wrong with one document whose shape is right, so
// that a person learns of everything at once.
type Report struct {
	file     string
	places   map[string]place
	problems Problems
}

// Decode reads a document into a T; file is its name in problems. Where the
// document is no TOML or has another shape than T, the error is all the
// [Problems] of that kind, and the T is zero. Otherwise defaults are filled in,
// and the report holds what the tags refuse and takes what the caller refuses;
// the T counts only once [Report.Err] gives nil.
func Decode[T any](file string, src []byte) (T, *Report, error) {
	var into, zero T
	r := &Report{file: file, places: map[string]place{}}
	if len(src) > MaxSize {
		r.problem("", place{}, fmt.Sprintf("%d bytes long; at most %d are read", len(src), MaxSize))
		return zero, nil, r.Err()
	}
	s := shapeOf(reflect.TypeFor[T]())
	w := newWalker(src, s, r)
	w.walk()
	if len(r.problems) == 0 {
		if err := strict(src, &into); err != nil {
			r.problem("", w.locate(err, reflect.TypeFor[T]()), "contradicts what stands before it: a key or a table is written twice, or in two ways")
		}
	}
	if err := r.Err(); err != nil {
		return zero, nil, err
	}
	r.complete(reflect.ValueOf(&into).Elem(), s, "")
	return into, r, nil
}

// strict is the library's own reading. It refuses what the walker let through:
// keys defined twice and tables extended where TOML forbids it.
func strict(src []byte, into any) error {
	return toml.NewDecoder(bytes.NewReader(src)).DisallowUnknownFields().Decode(into)
}

// locate finds where an error of the library is. Its words are not repeated:
// some of them quote values.
func (w *walker) locate(err error, t reflect.Type) place {
	var broken *toml.DecodeError
	if errors.As(err, &broken) {
		line, column := broken.Position()
		return place{line, column}
	}
	return w.blame(func(beginning []byte) bool {
		return strict(beginning, reflect.New(t).Interface()) != nil
	})
}

// Has reports whether the document holds a key, such as "issuer[0].url".
func (r *Report) Has(key string) bool {
	_, ok := r.places[key]
	return ok
}

// Refuse adds a problem at the place of a key or, where it is absent, of the
// nearest table around it. The reason must not quote what may be a secret.
func (r *Report) Refuse(key, reason string) {
	r.problem(key, r.nearest(key), reason)
}

// Err gives every problem in the order of the lines, as [Problems], or nil.
func (r *Report) Err() error {
	if len(r.problems) == 0 {
		return nil
	}
	return r.problems.sorted()
}

func (r *Report) problem(key string, at place, reason string) {
	r.problems = append(r.problems, Problem{r.file, at.line, at.column, key, reason})
}

func (r *Report) mark(name string, at place) {
	if _, ok := r.places[name]; !ok {
		r.places[name] = at
	}
}

// nearest climbs from a key to what is written around it; the top of the
// document is line 1.
func (r *Report) nearest(key string) place {
	for key != "" {
		if at, ok := r.places[key]; ok {
			return at
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return place{1, 1}
}

// complete fills in the defaults and holds the values to the tags.
func (r *Report) complete(v reflect.Value, s *shape, path string) {
	for _, m := range s.members {
		field, name := v.FieldByIndex(m.field), Join(path, m.name)
		switch {
		case !r.Has(name) && m.required && m.kind != table:
			r.Refuse(name, "required")
			continue
		case !r.Has(name) && m.standard != "":
			m.set(field)
			continue
		}
		switch {
		case m.kind == table && (r.Has(name) || m.required || m.optional()):
			r.complete(field, m, name)
		case m.tables() && field.Len() > 0:
			for i := range field.Len() {
				r.complete(field.Index(i), m.element, element(name, i))
			}
		case r.Has(name):
			r.check(field, m, name)
		}
	}
}

// optional reports whether a table may be left out with all its keys, their
// defaults holding.
func (s *shape) optional() bool {
	return !slices.ContainsFunc(s.members, func(m *shape) bool { return m.required })
}

func (s *shape) set(field reflect.Value) {
	switch s.kind {
	case text:
		field.SetString(s.standard)
	case boolean:
		field.SetBool(s.standard == "true")
	case integer:
		n, _ := strconv.ParseInt(s.standard, 10, 64) // memberOf has read it once
		field.SetInt(n)
	default:
		panic("stricttoml: internal error: a default for " + s.name)
	}
}

// check holds one value that is present to its tags.
func (r *Report) check(field reflect.Value, m *shape, name string) {
	if (m.kind == text || m.kind == list && m.required) && field.Len() == 0 {
		r.Refuse(name, "must not be empty")
		return
	}
	switch {
	case m.bounds != nil:
		if n := field.Int(); n < m.bounds.low || n > m.bounds.high {
			r.Refuse(name, "want "+m.String()+": "+m.help)
		}
	case len(m.oneof) > 0 && m.kind == text:
		m.choice(r, field.String(), name)
	case len(m.oneof) > 0 && m.kind == list:
		for i := range field.Len() {
			m.choice(r, field.Index(i).String(), element(name, i))
		}
	}
}

func (s *shape) choice(r *Report, word, name string) {
	if !slices.Contains(s.oneof, word) {
		r.Refuse(name, "want "+strings.Join(s.oneof, " | "))
	}
}
