// Package rnipp asks the civil register (RNIPP) who a person is. What stands here is a register in a file, for a deployment
// that has an extract and for the demonstration; a client of the State's own service has the same interface.
//
// A register answers with those whom a document may mean; package enrolment alone decides who it is.
package rnipp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"pivot/server/internal/enrolment"
	"pivot/server/internal/identity"
)

// Person is a person of the register.
type Person = enrolment.Candidate

// Register is the civil register.
type Register interface {
	// Find returns those whom a document may mean: none, or a few. Errors: [ErrTooMany]; ctx's; a register that did not
	// answer. It keeps no trace of who was looked for.
	Find(ctx context.Context, q Query) ([]Person, error)
}

// ErrTooMany is the error of a query that too many people answer to: no document tells them apart.
var ErrTooMany = errors.New("rnipp: too many people answer to the query")

// Query is what a document says of its holder, in its own spelling: see [identity.Zone], whose fields these are. Names may
// be cut. It is personal data and prints redacted.
type Query struct {
	Surname, GivenNames string
	Birth               string // YYYY-MM-DD with "??" for what the document does not say, the century among it
	Sex                 string // M, F, or empty when not specified
}

// QueryOf asks for the holder of a document.
func QueryOf(z identity.Zone) Query {
	return Query{Surname: z.Surname, GivenNames: z.GivenNames, Birth: z.Birth, Sex: z.Sex}
}

const redacted = "rnipp(redacted)"

// String redacts.
func (q Query) String() string { return redacted }

// Format redacts, whatever the verb.
func (q Query) Format(s fmt.State, _ rune) { fmt.Fprint(s, redacted) }

// MarshalText redacts.
func (q Query) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue implements [slog.LogValuer], redacted.
func (q Query) LogValue() slog.Value { return slog.StringValue(redacted) }
