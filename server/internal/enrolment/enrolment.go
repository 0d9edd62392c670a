package enrolment

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"pivot/server/internal/identity"
)

// Candidate is a person of the civil register, with the names of the birth place that a card can be compared with: a
// record holds codes. It is personal data and prints redacted.
type Candidate struct {
	Record      identity.Record
	PlaceName   string // of the town of birth, as the register writes it
	CountryName string // of the country of birth, likewise
}

// String redacts.
func (c Candidate) String() string { return redacted }

// Format redacts, whatever the verb.
func (c Candidate) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts.
func (c Candidate) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (c Candidate) LogValue() slog.Value { return slog.StringValue(redacted) }

// Reason says why a card and the register were not taken for one person. Reasons are stable: they go to the audit log and
// to the citizen's screen.
type Reason string

// The reasons.
const (
	ReasonUnknown    Reason = "identity-unknown"    // the register knows nobody of these names and this birth
	ReasonAmbiguous  Reason = "identity-ambiguous"  // it knows several whom the card does not tell apart
	ReasonBirthplace Reason = "birthplace-mismatch" // the birth place on the card is not the register's
	ReasonNoPlace    Reason = "birthplace-missing"  // the card does not say where its holder was born
	ReasonTruncated  Reason = "name-truncated"      // the zone cut the name, the chip holds it nowhere else, and no desk can say more
	ReasonOther      Reason = "identity-mismatch"   // at a login: the card is not the enrolled person's
	ReasonChanged    Reason = "identity-changed"    // at a login: the register no longer says what was enrolled
	ReasonMalformed  Reason = "bad-data-group"      // signed, yet not as the norm has it
)

// Refusal is the error of a card that was not matched with one person.
type Refusal struct{ Reason Reason }

// Error gives the reason, and nothing of the person.
func (r *Refusal) Error() string { return "enrolment: " + string(r.Reason) }

// unnamed stands for the given names of a person who has none, as identity providers write it.
const unnamed = "-"

// Holder is the person whom a card names. It prints redacted.
type Holder struct {
	// Identity is the pivot identity, with the register's record: the register's spelling throughout.
	Identity identity.Identity
	// Confirmed says that card and register agree on every name in full. Without it the zone was cut, and the chip holds the
	// names nowhere else: a desk must compare them with those printed on the card before this person is believed.
	Confirmed bool
}

// Enrol finds the one person of the register whom a card names, with the address of electronic mail given. Names, birth
// date and sex must agree under ICAO 9303-3 §6, and the place of birth must be the register's. Where the names are there in
// full, in the zone or in data group 11, the place of birth tells namesakes apart. Where they are not, names must agree as
// far as the zone goes, with one person alone, who is not confirmed. Two whom an account does not tell apart are refused,
// whatever the card says. Errors: a *Refusal; an [identity.FieldError] for an address or a record that has not its form.
func Enrol(e Evidence, people []Candidate, email string) (Holder, error) {
	var found []match
	for _, c := range people {
		i, err := person(c.Record, email)
		if err != nil {
			return Holder{}, err
		}
		if e.names(i) {
			found = append(found, match{i, c})
		}
	}
	return e.one(found)
}

// match is a person whom the card may name.
type match struct {
	identity  identity.Identity
	candidate Candidate
}

// names reports whether the card gives the person's names as far as it goes, and nothing that contradicts them.
func (e Evidence) names(i identity.Identity) bool {
	if !e.Zone.Truncated {
		return i.Match(e.Zone) == identity.Exact
	}
	return i.Match(e.Zone) == identity.Truncated && (!e.whole() || i.Match(e.Full) == identity.Exact)
}

// whole reports whether the card gives names in full.
func (e Evidence) whole() bool { return !e.Zone.Truncated || e.Full.Surname != "" }

// one tells namesakes apart by where they were born, as far as their accounts are kept apart by it as well.
func (e Evidence) one(found []match) (Holder, error) {
	switch {
	case len(found) == 0:
		return Holder{}, &Refusal{ReasonUnknown}
	case len(found) > 1 && !e.whole(): // a place is too little where names are missing
		return Holder{}, &Refusal{ReasonAmbiguous}
	case len(e.Birthplace) == 0:
		return Holder{}, &Refusal{ReasonNoPlace}
	}
	var here []match
	for _, m := range found {
		if bornAt(e.Birthplace, m.candidate) {
			here = append(here, m)
		}
	}
	switch len(here) {
	case 0:
		return Holder{}, &Refusal{ReasonBirthplace}
	case 1:
		alone, err := here[0].alone(found)
		if err != nil {
			return Holder{}, err
		}
		if alone {
			return Holder{here[0].identity, e.whole()}, nil
		}
	}
	return Holder{}, &Refusal{ReasonAmbiguous}
}

// alone reports whether nobody else of those found would have the same account. A card names the town of a birth abroad, an
// account leaves it out: two whom the card tells apart could be one there. What an account leaves out is asked of the lookup
// itself, under a key that is no secret.
func (m match) alone(found []match) (bool, error) {
	key, err := identity.NewLookupKey(make([]byte, 32))
	if err != nil {
		return false, err
	}
	mine, err := key.Account(m.identity)
	if err != nil {
		return false, err
	}
	same := 0
	for _, other := range found {
		theirs, err := key.Account(other.identity)
		if err != nil {
			return false, err
		}
		if theirs == mine {
			same++
		}
	}
	return same == 1, nil
}

// Again checks at a login that the card is still the enrolled person's, and that the register still says of this person
// what was enrolled. The document itself was compared before: a zone that is cut, the same as at enrolment, is enough.
// Errors: a *Refusal.
func Again(enrolled identity.Identity, e Evidence, people []Candidate) error {
	if enrolled.Match(e.Zone) == identity.No {
		return &Refusal{ReasonOther}
	}
	record := enrolled.Fields().Register
	if record == nil {
		return nil // the register was never asked for this person
	}
	near := false
	for _, c := range people {
		if sameRecord(*record, c.Record) {
			return nil
		}
		i, err := person(c.Record, enrolled.Fields().Email)
		near = near || err == nil && i.Match(e.Zone) != identity.No
	}
	if near {
		return &Refusal{ReasonChanged}
	}
	return &Refusal{ReasonUnknown}
}

// person is the identity of a record: the register's spelling throughout.
func person(r identity.Record, email string) (identity.Identity, error) {
	given := r.GivenName()
	if given == "" {
		given = unnamed
	}
	return identity.New(identity.Fields{
		GivenName: given, FamilyName: r.FamilyName, Gender: r.Gender, Birthdate: day(r.Birthdate),
		Birthcountry: r.Birthcountry, Birthplace: r.Birthplace, Email: email, Register: &r,
	})
}

// day writes a month or a year as identities have them. Anything else stays, and is refused as it is.
func day(birthdate string) string {
	switch len(birthdate) {
	case len("YYYY-MM"):
		return birthdate + "-00"
	case len("YYYY"):
		return birthdate + "-00-00"
	}
	return birthdate
}

// sameRecord compares every value, to the byte.
func sameRecord(a, b identity.Record) bool {
	return slices.Equal(a.GivenNames, b.GivenNames) && strings.Join([]string{a.FamilyName, a.Gender, a.Birthdate, a.Birthcountry, a.Birthplace}, "\x00") ==
		strings.Join([]string{b.FamilyName, b.Gender, b.Birthdate, b.Birthcountry, b.Birthplace}, "\x00")
}
