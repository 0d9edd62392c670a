package stricttoml

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// most is how many problems an error prints: whoever has more of them has given
// the wrong file.
const most = 50

// A Problem is one thing wrong at one place.
type Problem struct {
	File         string
	Line, Column int    // from 1, columns in bytes; zero where the whole file is meant
	Key          string // such as "issuer[0].url"; empty where no key is meant
	Reason       string
}

// String gives "file:line:column: key: reason".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	b.WriteString(": ")
	if p.Key != "" {
		b.WriteString(p.Key + ": ")
	}
	b.WriteString(p.Reason)
	return b.String()
}

// Problems are all that was found wrong, in the order of the files and lines.
type Problems []Problem

// Error gives a line for each problem, the first fifty.
func (ps Problems) Error() string {
	shown := ps[:min(len(ps), most)]
	lines := make([]string, 0, len(shown)+1)
	for _, p := range shown {
		lines = append(lines, p.String())
	}
	if rest := len(ps) - len(shown); rest > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(lines, "\n")
}

// sorted gives the problems in the order in which a person meets them.
func (ps Problems) sorted() Problems {
	out := slices.Clone(ps)
	slices.SortStableFunc(out, func(a, b Problem) int {
		return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return out
}
