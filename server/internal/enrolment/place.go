package enrolment

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// france is the INSEE code of the country in whose births the card gives a department instead of a country.
const france = "99100"

// bornAt reports whether the place of birth that a card gives is a person's. What each part means is observed on cards,
// not published: the town must be among the parts, and every other part must be one that goes with it. A department is
// not compared: departments were split and renumbered since many were born there (Seine, Corsica). Abroad the country
// must be named too, for towns of one name lie in several.
func bornAt(parts []string, c Candidate) bool {
	town, country := plain(c.PlaceName), plain(c.CountryName)
	if town == "" {
		return false
	}
	foundTown, foundCountry := false, false
	for _, part := range parts {
		switch text := plain(part); {
		case text == town && !foundTown:
			foundTown = true
		case text == country && text != "":
			foundCountry = true
		case text == "" || department(text) && c.Record.Birthcountry == france:
		default:
			return false
		}
	}
	return foundTown && (foundCountry || c.Record.Birthcountry == france)
}

// department reports whether a text has the form of a French department: 01 to 95, 2A, 2B, 971 to 988.
func department(text string) bool {
	if text == "2A" || text == "2B" {
		return true
	}
	return (len(text) == 2 || len(text) == 3) && strings.Trim(text, "0123456789") == ""
}

// ligatures have no decomposition in Unicode.
var ligatures = strings.NewReplacer("Œ", "OE", "Æ", "AE", "ẞ", "SS", "ß", "SS")

// plain writes a place the way in which two spellings of it agree: capitals without accents, one space where there is
// anything but a letter or a digit.
func plain(s string) string {
	var b strings.Builder
	gap := false
	for _, r := range ligatures.Replace(strings.ToUpper(norm.NFD.String(s))) {
		switch {
		case unicode.In(r, unicode.L, unicode.N):
			if gap && b.Len() > 0 {
				b.WriteByte(' ')
			}
			gap = false
			b.WriteRune(r)
		case unicode.In(r, unicode.M): // an accent
		default:
			gap = true
		}
	}
	return b.String()
}
