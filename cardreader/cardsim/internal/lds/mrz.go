// Package lds writes the files of the chip's logical data structure as the simulated State fills them (ICAO 9303-3,
// 9303-5, 9303-10): plain data, neither signed nor encrypted.
package lds

import (
	"strings"
	"unicode"

	"pivot/cardreader/cardsim/internal/der"
)

// Zone is a machine readable zone of format TD1. Names are as the holder writes them; dates are YYMMDD, with '<' for
// what is not known.
type Zone struct {
	Code, Issuer, Number string
	Surname, GivenNames  string
	Nationality          string
	Birth, Sex, Expiry   string
}

const (
	lineLen = 30 // of TD1
	nameLen = 30
)

// Lines returns the three lines, joined (ICAO 9303-5 §4.2.2).
func (z Zone) Lines() string {
	number := fill(z.Number, 9)
	upper := fill(z.Code, 2) + fill(z.Issuer, 3) + number + digit(number)
	birth, expiry := z.Birth+digit(z.Birth), z.Expiry+digit(z.Expiry)
	sex := z.Sex
	if sex == "" {
		sex = "<"
	}
	upper = fill(upper, lineLen)
	middle := fill(birth+sex+expiry+fill(z.Nationality, 3), lineLen-1)
	composite := upper[5:] + birth + expiry + middle[18:]
	return upper + middle + digit(composite) + nameField(z.Surname, z.GivenNames)
}

// KeyInfo is the part of the zone that serves as a password (ICAO 9303-11 §9.7.2).
func (z Zone) KeyInfo() string {
	number := fill(z.Number, 9)
	return number + digit(number) + z.Birth + digit(z.Birth) + z.Expiry + digit(z.Expiry)
}

func fill(s string, n int) string { return s + strings.Repeat("<", max(n-len(s), 0)) }

// digit is the check digit: weights 7, 3, 1 (ICAO 9303-3 §4.9).
func digit(s string) string {
	sum := 0
	for i, r := range s {
		value := 0
		switch {
		case r >= '0' && r <= '9':
			value = int(r - '0')
		case r >= 'A' && r <= 'Z':
			value = int(r-'A') + 10
		}
		sum += value * []int{7, 3, 1}[i%3]
	}
	return string(rune('0' + sum%10))
}

// nameField joins the names. Names that do not fit are cut so that the last position holds a letter, and so that the
// given names keep at least one (ICAO 9303-3 §4.6, 9303-5 §4.2.3).
func nameField(surname, given string) string {
	primary, secondary := Transliterate(surname), Transliterate(given)
	if secondary == "" {
		return fill(primary, nameLen)[:nameLen]
	}
	const least = 3 // two fillers and a letter
	if len(primary) > nameLen-least {
		primary = strings.TrimRight(primary[:nameLen-least], "<")
	}
	field := primary + "<<" + secondary
	if len(field) <= nameLen {
		return fill(field, nameLen)
	}
	if field[nameLen-1] == '<' {
		// A filler in the last position would deny the truncation: a letter before it makes room for the next name.
		return field[:nameLen-2] + "<" + field[nameLen:nameLen+1]
	}
	return field[:nameLen]
}

// Transliterate writes a name in the alphabet of the zone (ICAO 9303-3 §6): accents go, ligatures are spelled,
// apostrophes are dropped, hyphens and spaces become fillers.
func Transliterate(name string) string {
	var b strings.Builder
	for _, r := range strings.ToUpper(name) {
		switch {
		case r >= 'A' && r <= 'Z':
			b.WriteRune(r)
		case r == ' ' || r == '-':
			b.WriteByte('<')
		case unicode.IsLetter(r):
			b.WriteString(spelled(r))
		}
	}
	return b.String()
}

func spelled(r rune) string {
	const accented = "ÀÂÁÃÇÈÉÊËÌÍÎÏÒÓÔÕÙÚÛÝŸÑ"
	const plain = "AAAACEEEEIIIIOOOOUUUYYN"
	switch r {
	case 'Œ':
		return "OE"
	case 'Æ', 'Ä':
		return "AE"
	case 'Ö', 'Ø':
		return "OE"
	case 'Ü':
		return "UE"
	case 'Å':
		return "AA"
	}
	if i := strings.IndexRune(accented, r); i >= 0 {
		return plain[len([]rune(accented[:i])):][:1]
	}
	return "X"
}

// DG1 is the machine readable zone (ICAO 9303-10 §4.7.1).
func DG1(zone string) []byte { return der.Wrap(0x61, der.Wrap(0x5F1F, []byte(zone))) }
