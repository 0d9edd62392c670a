package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// spellings is the table of Latin letters of ICAO 9303-3 §6 A, capitals and the
// small letters that have none. The first spelling is the one recommended; the
// others are those that the table allows beside it ("AE or A"), and O for Ø,
// which earlier editions had.
func spellings(r rune) []string {
	for _, row := range latin {
		if strings.ContainsRune(row.letters, r) {
			return row.spelled
		}
	}
	return nil
}

// latin groups the letters that are spelled alike. It is never written to.
var latin = [...]struct {
	letters string
	spelled []string
}{
	{"ÀÁÂÃĀĂĄ", []string{"A"}},
	{"Ä", []string{"AE", "A"}},
	{"Å", []string{"AA", "A"}},
	{"Æ", []string{"AE"}},
	{"ÇĆĈĊČ", []string{"C"}},
	{"ÐĎĐ", []string{"D"}},
	{"ÈÉÊËĒĔĖĘĚ", []string{"E"}},
	{"ĜĞĠĢ", []string{"G"}},
	{"ĤĦ", []string{"H"}},
	{"ÌÍÎÏĨĪĬĮİı", []string{"I"}},
	{"Ĳ", []string{"IJ"}},
	{"Ĵ", []string{"J"}},
	{"Ķ", []string{"K"}},
	{"ĹĻĽĿŁ", []string{"L"}},
	{"ŃŅŇŊ", []string{"N"}},
	{"Ñ", []string{"N", "NXX"}},
	{"ÒÓÔÕŌŎŐ", []string{"O"}},
	{"Ö", []string{"OE", "O"}},
	{"Ø", []string{"OE", "O"}},
	{"Œ", []string{"OE"}},
	{"ŔŖŘ", []string{"R"}},
	{"ŚŜŞŠ", []string{"S"}},
	{"ßẞ", []string{"SS"}},
	{"ŢŤŦ", []string{"T"}},
	{"Þ", []string{"TH"}},
	{"ÙÚÛŨŪŬŮŰŲ", []string{"U"}},
	{"Ü", []string{"UE", "UXX", "U"}},
	{"Ŵ", []string{"W"}},
	{"ÝŶŸ", []string{"Y"}},
	{"ŹŻŽ", []string{"Z"}},
}

// part is one step of a name on its way into a zone: a letter and its spellings,
// or a gap between letters.
type part struct {
	spelled []string // of a letter; none for a gap
	joined  bool     // a gap that may vanish: an apostrophe, a stop
}

func (p part) gap() bool { return len(p.spelled) == 0 }

// spell takes a name apart (ICAO 9303-3 §4.6): spaces and hyphens are fillers,
// apostrophes and other punctuation are left out, though some issuers put a
// filler there, and either is accepted. Gaps at the ends are dropped. It reports
// false for a name with a letter, or a digit, that the zone cannot hold.
func spell(name string) ([]part, bool) {
	var parts []part
	gap, joined := false, false
	for _, r := range composed(name) {
		letters, ok := spellLetter(r)
		switch {
		case !ok:
			return nil, false
		case len(letters) > 0:
			if gap && len(parts) > 0 {
				parts = append(parts, part{joined: joined})
			}
			gap, joined = false, false
			parts = append(parts, letters...)
		case unicode.In(r, unicode.M, unicode.Cf): // an accent that no letter took
		default:
			gap = true
			joined = joined || !unicode.IsSpace(r) && !unicode.Is(unicode.Pd, r)
		}
	}
	return parts, true
}

// spellLetter returns the parts of one character, none when it is no letter, and
// false when it cannot be written in a zone. A letter outside of the table that
// is a basic one with accents, as Vietnamese and Romanian have, loses them.
func spellLetter(r rune) ([]part, bool) {
	upper := unicode.ToUpper(r)
	if upper >= 'A' && upper <= 'Z' {
		return []part{{spelled: []string{string(upper)}}}, true
	}
	if s := spellings(upper); s != nil {
		return []part{{spelled: s}}, true
	}
	if unicode.Is(unicode.Lm, r) || !unicode.In(r, unicode.L, unicode.N) {
		return nil, true
	}
	base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(r)))
	if base == r {
		return nil, false
	}
	return spellLetter(base)
}

// transliterate writes a name as a zone recommends, words between single spaces.
func transliterate(name string) (string, bool) {
	parts, ok := spell(name)
	var b strings.Builder
	for _, p := range parts {
		switch {
		case !p.gap():
			b.WriteString(p.spelled[0])
		case !p.joined:
			b.WriteByte(' ')
		}
	}
	return b.String(), ok
}

// composed returns the one way to write a text of several that look the same
// (Unicode NFC): two sources need not agree on how they write an accent.
func composed(s string) string { return norm.NFC.String(s) }
