package identity

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// A Zone is what a document says of its holder, as read under its chip's
// signature: the machine readable zone, or data group 11 for names that the zone
// cut. It is personal data and prints redacted.
type Zone struct {
	Surname    string // primary identifier, words between spaces
	GivenNames string // secondary identifier; empty when there is none
	Truncated  bool   // the name field is full, so that something may be missing
	// Birth is YYYY-MM-DD with "??" for the month or the day that is not known
	// and for the century, which no zone holds: "??58-07-??". Leave the century
	// open unless the chip gives it: one that is guessed from the two digits
	// shuts out whoever is older than a hundred.
	Birth string
	Sex   string // M, F, or empty when not specified
}

// String redacts.
func (z Zone) String() string { return redacted }

// Format redacts, whatever the verb.
func (z Zone) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts.
func (z Zone) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (z Zone) LogValue() slog.Value { return slog.StringValue(redacted) }

// Match says how far a document fits an identity.
type Match uint8

// The outcomes. The zero Match is No.
const (
	No        Match = iota // another person, or a doubt: a person at a desk may decide
	Exact                  // every name, in full
	Truncated              // as far as the zone goes: the name on file 11 or 13 of the chip must agree too
)

// String names the outcome for reports.
func (m Match) String() string {
	switch m {
	case Exact:
		return "exact"
	case Truncated:
		return "truncated"
	}
	return "no"
}

// maxZoneName is more than a zone holds; data group 11 may have more.
const maxZoneName = 512

// Match compares a document with the identity, by the register's values where it
// was asked. Birth name, all given names and birth date must agree under the
// spellings that ICAO 9303-3 §6 allows; what is unknown to one must be unknown to
// the other, save the century. A sex that one side does not specify contradicts
// nothing. Nothing is guessed: a usage name, a missing given name or a name in
// another script is No.
func (i Identity) Match(z Zone) Match {
	if i.IsZero() {
		return No
	}
	r := i.civil()
	if !sameBirth(r.Birthdate, z.Birth) || !sameSex(r.Gender, z.Sex) {
		return No
	}
	if !sameName(r.FamilyName, z.Surname, z.Truncated) || !sameName(r.GivenName(), z.GivenNames, z.Truncated) {
		return No
	}
	if z.Truncated {
		return Truncated
	}
	return Exact
}

// sameBirth compares pairs of digits; the first pair is the century.
func sameBirth(register, zone string) bool {
	register = strings.ReplaceAll(register, "-00", "")
	register += "-??-??"[:10-len(register)]
	return len(zone) == len(register) && register[2:] == zone[2:] && (zone[:2] == "??" || zone[:2] == register[:2])
}

func sameSex(gender, sex string) bool {
	switch sex {
	case "":
		return true
	case "M":
		return gender != "female"
	case "F":
		return gender != "male"
	}
	return false
}

// sameName compares a name with what a zone holds of it. A zone that is full may
// have cut any word after one letter at least, and dropped words from the end
// (ICAO 9303-5 §4.2.3); a name that is there at all leaves one letter at least.
func sameName(name, zone string, truncated bool) bool {
	if len(zone) > maxZoneName {
		return false
	}
	parts, ok := spell(name)
	text, legible := transliterate(zone)
	switch {
	case !ok || !legible:
		return false
	case len(parts) == 0 || text == "":
		return len(parts) == 0 && text == ""
	}
	w := newWalk(text, truncated)
	for _, p := range parts {
		if p.gap() {
			w.gap(p.joined)
		} else {
			w.letter(p.spelled)
		}
		if truncated && w.arrived() {
			return true
		}
	}
	return w.arrived()
}

// walk follows at once all the ways in which a name may have been written, word
// by word, into the text of a zone.
type walk struct {
	text      string
	truncated bool
	// whole and cut say, for each offset, whether some way consumed the text up to
	// there, and whether it did so by cutting the word that leads there.
	whole, cut []bool
}

func newWalk(text string, truncated bool) *walk {
	w := &walk{text: text, truncated: truncated}
	w.whole, w.cut = w.nowhere(), w.nowhere()
	w.whole[0] = true
	return w
}

func (w *walk) nowhere() []bool { return make([]bool, len(w.text)+1) }

// letter consumes a letter in each of its spellings. In a zone that is full it
// may also be the place where the word was cut, within a spelling or before it;
// after that, the letters of the word take no room, and only a filler leads on.
// As the text has no empty word, a word that was cut left one letter at least.
func (w *walk) letter(spelled []string) {
	whole, cut := w.nowhere(), slices.Clone(w.cut)
	for at, here := range w.whole {
		if !here {
			continue
		}
		for _, s := range spelled {
			if strings.HasPrefix(w.text[at:], s) {
				whole[at+len(s)] = true
			}
			for n := range len(s) {
				if w.truncated && strings.HasPrefix(w.text[at:], s[:n]) {
					cut[at+n] = true
				}
			}
		}
	}
	w.whole, w.cut = whole, cut
}

// gap consumes the filler between two words. Where the name has an apostrophe,
// the words may also be joined, and a cut reaches into the second.
func (w *walk) gap(joined bool) {
	whole, cut := w.nowhere(), w.nowhere()
	for at := range w.whole {
		if (w.whole[at] || w.cut[at]) && strings.HasPrefix(w.text[at:], " ") {
			whole[at+1] = true
		}
		if joined {
			whole[at] = whole[at] || w.whole[at]
			cut[at] = cut[at] || w.cut[at]
		}
	}
	w.whole, w.cut = whole, cut
}

// arrived reports whether some way consumed the whole text.
func (w *walk) arrived() bool { return w.whole[len(w.text)] || w.cut[len(w.text)] }
