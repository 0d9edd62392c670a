package enrolment

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"pivot/server/internal/identity"
	"pivot/shared/mrtd"
)

// Evidence is what a genuine chip says of its holder. It is personal data and prints redacted.
type Evidence struct {
	// Zone is the machine readable zone as identities are matched with it. Its century is open, unless data group 11
	// gives the whole birth date.
	Zone identity.Zone
	// Full are the names of data group 11, whole where the zone cut them; the zero Zone where there is no such group or
	// it names nobody.
	Full identity.Zone
	// Birthplace has the parts of the place of birth, from data group 13 or else 11, in the file's order: a town, then
	// perhaps a department, a region or a country.
	Birthplace []string
}

// Read gathers the evidence of a verified card: the zone of DG1, and the files DG11 and DG13 as the chip holds them, each
// nil where the document does not have it or it was not read. Errors: a *Refusal of [ReasonMalformed] for a file that is
// not as the norm has it (ICAO 9303-10 §4.7.11), or, in DG13, not as French cards
// have it: what the State signed and we cannot read is not passed over. A DG13 of another State's layout says nothing.
func Read(m mrtd.MRZ, dg11, dg13 []byte) (Evidence, error) {
	e := Evidence{Zone: identity.Zone{
		Surname: m.Surname, GivenNames: m.GivenNames, Truncated: m.NameTruncated, Birth: m.Birth.String(), Sex: m.Sex,
	}}
	if dg11 != nil {
		d, err := mrtd.ParseDG11(dg11)
		if err != nil {
			return Evidence{}, &Refusal{Reason: ReasonMalformed}
		}
		if err := e.details(d); err != nil {
			return Evidence{}, err
		}
	}
	if dg13 != nil {
		d, err := mrtd.ParseDG13(dg13)
		if err != nil && !errors.Is(err, mrtd.ErrUnsupported) { // each State has a layout of its own: ours to read is the French one
			return Evidence{}, &Refusal{Reason: ReasonMalformed}
		}
		if len(d.BirthPlace) > 0 {
			e.Birthplace = d.BirthPlace
		}
	}
	return e, nil
}

// details takes what data group 11 adds. Its birth date has a century, and otherwise says what the zone says: a chip that
// contradicts itself is not believed.
func (e *Evidence) details(d mrtd.PersonalDetails) error {
	if birth := d.Birth.String(); birth != "" && birth[:2] != "??" {
		if birth[2:] != e.Zone.Birth[min(2, len(e.Zone.Birth)):] {
			return &Refusal{Reason: ReasonMalformed}
		}
		e.Zone.Birth = birth
	}
	if d.Surname != "" {
		e.Full = identity.Zone{Surname: d.Surname, GivenNames: d.GivenNames, Birth: e.Zone.Birth, Sex: e.Zone.Sex}
	}
	e.Birthplace = slices.Clone(d.BirthPlace)
	return nil
}

const redacted = "enrolment(redacted)"

// String redacts.
func (e Evidence) String() string { return redacted }

// Format redacts, whatever the verb.
func (e Evidence) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts, so that a structure that holds evidence may be logged.
func (e Evidence) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (e Evidence) LogValue() slog.Value { return slog.StringValue(redacted) }
