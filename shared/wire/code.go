package wire

import (
	"crypto/rand"
	"errors"
	"strings"
)

// alphabet is Crockford's base 32: no I, L, O nor U, so that a code survives handwriting and a telephone.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// The characters of a code, hyphens aside.
const (
	shortCode = 8
	longCode  = 12
	mostCode  = 64 // octets of what a citizen may type for one
)

// ErrCode is what [ParseCode] refuses with.
var ErrCode = errors.New("wire: not a code")

// NewCode makes a code for pairing or for the desk: 40 random bits as eight characters, "ABCD-EFGH".
func NewCode() string { return draw(shortCode) }

// NewStart makes the code that begins a login: 60 random bits as twelve characters, "ABCD-EFGH-JKMN".
func NewStart() string { return draw(longCode) }

func draw(n int) string {
	raw := make([]byte, n)
	_, _ = rand.Read(raw) // never fails: the program ends before
	for i, b := range raw {
		raw[i] = alphabet[b%byte(len(alphabet))] // 32 divides 256: no bias
	}
	return grouped(raw)
}

// grouped writes characters in fours.
func grouped(characters []byte) string {
	var out strings.Builder
	for i, c := range characters {
		if i > 0 && i%4 == 0 {
			out.WriteByte('-')
		}
		out.WriteByte(c)
	}
	return out.String()
}

// ParseCode reads a code of [NewCode] or [NewStart] as a citizen types it, and gives it as it was made: lower case,
// spaces and hyphens are forgiven, and so are O for 0, I and L for 1. Errors: [ErrCode].
func ParseCode(s string) (string, error) {
	if len(s) > mostCode {
		return "", ErrCode
	}
	characters := make([]byte, 0, longCode)
	for _, r := range s {
		if 'a' <= r && r <= 'z' { // and no other alphabet's: some letters have a capital in ours
			r -= 'a' - 'A'
		}
		switch r {
		case ' ', '\u00a0', '\u202f', '\t', '-', '\u2010', '\u2011':
			continue
		case 'O':
			r = '0'
		case 'I', 'L':
			r = '1'
		}
		if !strings.ContainsRune(alphabet, r) || len(characters) == longCode {
			return "", ErrCode
		}
		characters = append(characters, byte(r))
	}
	if len(characters) != shortCode && len(characters) != longCode {
		return "", ErrCode
	}
	return grouped(characters), nil
}
