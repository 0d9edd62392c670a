package identity

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

// Fields are the values of an identity before they are checked, and as they are
// read back. Which are required, and in what form, is said at [New]. They are
// personal data and print redacted.
type Fields struct {
	GivenName         string // all given names in order, separated by spaces
	FamilyName        string // name at birth
	PreferredUsername string // usage name (nom d'usage); may be empty
	Gender            string // male, female or unspecified
	Birthdate         string // YYYY-MM-DD, YYYY-MM-00 or YYYY-00-00
	Birthcountry      string // INSEE code of a country: 99100 for France, 99xxx
	Birthplace        string // INSEE code of a municipality if born in France; else empty or free
	Email             string

	// Register is what the civil register (RNIPP) answered for this person, and
	// nil when it was not asked, as for citizens of other Member States.
	Register *Record
}

// A Record is a person as the civil register writes it. It is personal data and
// prints redacted.
type Record struct {
	GivenNames   []string // one element a given name, which may hold a space; may be empty
	FamilyName   string
	Gender       string // as in Fields
	Birthdate    string // YYYY-MM-DD, YYYY-MM or YYYY
	Birthcountry string // as in Fields
	Birthplace   string // as in Fields
}

// GivenName returns the given names joined by spaces.
func (r Record) GivenName() string { return strings.Join(r.GivenNames, " ") }

// Identity is a pivot identity whose every value has its form. The zero Identity
// is nobody. It is immutable.
type Identity struct {
	fields Fields
	origin Hash // of the identity that this one succeeds, if it succeeds one: see [Identity.Succeed]
}

// New checks the form of every value against what FranceConnect asks of an
// identity provider, and keeps the values as they are, to the byte: the subject
// depends on them. The error is a [*FieldError].
func New(f Fields) (Identity, error) {
	if err := check(f); err != nil {
		return Identity{}, err
	}
	return Identity{fields: f.clone()}, nil
}

// IsZero reports whether i is nobody.
func (i Identity) IsZero() bool { return i.fields.FamilyName == "" }

// Fields returns a copy of the values.
func (i Identity) Fields() Fields { return i.fields.clone() }

// Equal reports whether two identities hold the same values, to the byte.
func (i Identity) Equal(other Identity) bool { return bytes.Equal(i.Encode(), other.Encode()) }

// civil returns the values that identify the person to the State: the register's
// where it was asked, else those given.
func (i Identity) civil() Record {
	if i.fields.Register != nil {
		return *i.fields.Register
	}
	f := i.fields
	return Record{
		GivenNames: []string{f.GivenName}, FamilyName: f.FamilyName, Gender: f.Gender,
		Birthdate: f.Birthdate, Birthcountry: f.Birthcountry, Birthplace: f.Birthplace,
	}
}

func (f Fields) clone() Fields {
	if f.Register != nil {
		r := *f.Register
		r.GivenNames = slices.Clone(r.GivenNames)
		f.Register = &r
	}
	return f
}

const redacted = "identity(redacted)"

// String redacts.
func (i Identity) String() string { return redacted }

// Format redacts, whatever the verb.
func (i Identity) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// LogValue implements [slog.LogValuer], redacted.
func (i Identity) LogValue() slog.Value { return slog.StringValue(redacted) }

// String redacts.
func (f Fields) String() string { return redacted }

// Format redacts, whatever the verb.
func (f Fields) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts, so that a structure that holds an identity may be logged.
func (f Fields) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (f Fields) LogValue() slog.Value { return slog.StringValue(redacted) }

// String redacts.
func (r Record) String() string { return redacted }

// Format redacts, whatever the verb.
func (r Record) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts.
func (r Record) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (r Record) LogValue() slog.Value { return slog.StringValue(redacted) }
