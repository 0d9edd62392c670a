package means

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"pivot/server/internal/record"
)

// The bounds of what is kept.
const (
	mostWord   = 64
	mostName   = 64  // characters of a name that a citizen gave
	mostJWK    = 512 // octets
	mostMemory = 16 << 10
)

// encode writes a body. Bodies are made of strings, numbers and octets, which JSON always takes.
func encode(body any) []byte {
	raw, err := json.Marshal(body)
	if err != nil {
		panic("means: internal error: " + err.Error())
	}
	return raw
}

// decode reads what encode wrote, and nothing else: it writes the value again and compares, so that no unknown member,
// no member twice, no other spelling of a value and nothing behind it passes.
func decode(r record.Record, kind record.Kind, into any) error {
	if r.Kind != kind {
		return fmt.Errorf("means: a %s where a %s is wanted", r.Kind, kind)
	}
	if err := json.Unmarshal(r.Body, into); err != nil {
		return fmt.Errorf("means: %s: not a body", kind) // the error of the decoder quotes values
	}
	if !bytes.Equal(encode(into), r.Body) {
		return fmt.Errorf("means: %s: not a body of this version", kind)
	}
	return nil
}

// word reports whether s is a stable word: lower case letters, digits and hyphens.
func word(s string) bool {
	return s != "" && len(s) <= mostWord && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	})
}

// identifier reports whether s can name a record, an owner, or a means in a proof.
func identifier(s string) bool {
	return s != "" && len(s) <= mostWord && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// text reports whether s can stand on a page and in a line of a log.
func text(s string, most int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= most &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
