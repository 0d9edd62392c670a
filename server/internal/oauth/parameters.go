package oauth

import (
	"net/url"
	"unicode"
	"unicode/utf8"
)

// Bounds of a request as a whole, whatever it contains: what an honest one needs ten times over.
const (
	mostParameters = 64
	mostBytes      = 16 << 10
)

// bounded reports whether a set of parameters may be looked at: few, small, text.
func bounded(values url.Values) bool {
	count, size := 0, 0
	for name, list := range values {
		count += max(1, len(list))
		size += len(name)
		for _, v := range list {
			size += len(v)
		}
		if count > mostParameters || size > mostBytes {
			return false
		}
	}
	return true
}

// text reports whether a value is UTF-8 without control characters: nothing that could end a line of a log or a header,
// or be read in two ways.
func text(value string) bool {
	if !utf8.ValidString(value) {
		return false
	}
	for _, r := range value {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return false
		}
	}
	return true
}

// form reads parameters that are declared with the most bytes each may have; others are never looked at.
type form struct {
	values url.Values
	limits map[string]int
}

// faulty returns the declared parameters that are doubled, and those that are oversized or not text; of each kind, the
// first by name.
func (f form) faulty() (twice, malformed string) {
	first := func(old, name string) string {
		if old == "" || name < old {
			return name
		}
		return old
	}
	for name, most := range f.limits {
		list := f.values[name]
		switch {
		case len(list) > 1:
			twice = first(twice, name)
		case len(list) == 1 && (len(list[0]) > most || !text(list[0])):
			malformed = first(malformed, name)
		}
	}
	return twice, malformed
}

// has reports whether a parameter is there, be it empty.
func (f form) has(name string) bool { return len(f.values[name]) > 0 }

// value is that of a declared parameter; reading another is a mistake of ours.
func (f form) value(name string) string {
	if _, ok := f.limits[name]; !ok {
		panic("oauth: internal error: parameter " + name + " was not declared")
	}
	return f.values.Get(name)
}
