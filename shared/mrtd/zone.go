package mrtd

import (
	"errors"
	"fmt"
	"strings"
)

const (
	filler   = '<'
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<"
)

var errField = errors.New("malformed field")

// zoneReader reads the fields of a zone of known format and alphabet. It keeps
// the first error; fields read after it are empty. No error quotes the zone.
type zoneReader struct {
	layout layout
	zone   string
	err    error
}

func (z *zoneReader) fail(field string, cause error) {
	if z.err == nil {
		z.err = fmt.Errorf("mrtd: %s: %w", field, cause)
	}
}

func (z *zoneReader) at(s span) string { return z.zone[s.from:s.to] }

// check compares the check digit at a position with the one of a field's
// characters.
func (z *zoneReader) check(field, characters string, digit byte) {
	want, err := CheckDigit(characters)
	if err != nil {
		z.fail(field, err)
		return
	}
	if digit != want {
		z.fail(field, ErrCheckDigit)
	}
}

// checked returns the characters of a span after verifying the check digit that
// follows it.
func (z *zoneReader) checked(field string, s span) string {
	z.check(field, z.at(s), z.zone[s.to])
	return z.at(s)
}

func (z *zoneReader) checkComposite() {
	var covered strings.Builder
	for _, s := range z.layout.covered {
		covered.WriteString(z.at(s))
	}
	z.check("composite", covered.String(), z.zone[z.layout.composite])
}

// letters returns a code of letters, which must not be empty nor have a filler
// inside.
func (z *zoneReader) letters(field string, s span) string {
	code := trimFillers(z.at(s))
	if code == "" || strings.ContainsFunc(code, notLetter) {
		z.fail(field, errField)
		return ""
	}
	return code
}

func (z *zoneReader) date(field string, s span) Date {
	d, err := parseMRZDate(z.checked(field, s))
	if err != nil {
		z.fail(field, errDate)
	}
	return d
}

// sexOf reads the sex: M, F or a filler when it is not specified
// (ICAO 9303-5 §4.2.2). X is of the visual zone only.
func (z *zoneReader) sexOf() string {
	switch c := z.zone[z.layout.sex]; c {
	case 'M', 'F':
		return string(c)
	case filler:
	default:
		z.fail("sex", errField)
	}
	return ""
}

// documentNumber returns the number and the optional data. A number of more
// than nine characters has a filler for its check digit; it goes on at the start
// of the optional data, followed there by its check digit and a filler
// (ICAO 9303-5 §4.2.2 note j, 9303-6 likewise).
func (z *zoneReader) documentNumber() (string, [2]string) {
	l := z.layout
	number, optional := z.at(l.number), z.at(l.optional[0])
	digit := z.zone[l.number.to]
	if rest, after, found := strings.Cut(optional, "<"); digit == filler && !l.checkOptional && found && len(rest) >= 2 &&
		!strings.HasSuffix(number, "<") {
		last := len(rest) - 1
		number, digit, optional = number+rest[:last], rest[last], after
	}
	z.check("document number", number, digit)
	if l.checkOptional {
		z.checkPersonalNumber(optional, z.zone[l.optional[0].to])
	}
	number = trimFillers(number)
	if number == "" || number[0] == filler {
		z.fail("document number", errField)
	}
	return number, [2]string{trimFillers(optional), trimFillers(z.at(l.optional[1]))}
}

// checkPersonalNumber verifies the check digit of a passport's optional field,
// which may be a filler when the field is empty (ICAO 9303-4 §4.2.2).
func (z *zoneReader) checkPersonalNumber(field string, digit byte) {
	if digit == filler && trimFillers(field) == "" {
		return
	}
	z.check("personal number", field, digit)
}

// names splits the name field: two fillers between the primary and the
// secondary identifier, one between the words of either, fillers to the end
// (ICAO 9303-3 §4.6). A letter in the last position says that the name may have
// been truncated.
func (z *zoneReader) names() (string, string, bool) {
	field := z.at(z.layout.name)
	truncated := field[len(field)-1] != filler
	surname, given, _ := strings.Cut(trimFillers(field), "<<")
	words := func(s string) string { return strings.ReplaceAll(s, "<", " ") }
	switch {
	case strings.ContainsFunc(field, notLetterOrFiller), surname == "", surname[0] == filler,
		strings.HasPrefix(given, "<"), strings.Contains(given, "<<"):
		z.fail("name", errField)
		return "", "", false
	}
	return words(surname), words(given), truncated
}

// CheckDigit returns the check digit of a field of a machine readable zone, as
// an ASCII digit: the sum of the characters' values weighted 7, 3, 1 in turn,
// modulo 10 (ICAO 9303-3 §4.9). A character outside of A-Z, 0-9 and '<' is an
// error.
func CheckDigit(s string) (byte, error) {
	sum := 0
	for i := range len(s) {
		value := 0
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			value = int(c - '0')
		case c >= 'A' && c <= 'Z':
			value = int(c-'A') + 10
		case c != filler:
			return 0, errors.New("character outside of the machine readable alphabet")
		}
		sum += value * [3]int{7, 3, 1}[i%3]
	}
	return byte('0' + sum%10), nil
}

func trimFillers(s string) string { return strings.TrimRight(s, "<") }

func notInAlphabet(r rune) bool { return !strings.ContainsRune(alphabet, r) }

func notLetter(r rune) bool { return r < 'A' || r > 'Z' }

func notLetterOrFiller(r rune) bool { return notLetter(r) && r != filler }
