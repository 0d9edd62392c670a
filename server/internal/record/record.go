// Package record owns what is kept beside transactions: accounts, devices, cards, ceremonies and desk cases, each as one
// versioned record whose body only its own package can read. A record is changed by a guarded statement that names the
// version it was read at, so that of two callers who read the same version one wins and the other reads again.
//
// The interfaces are for a store to implement; package record knows nothing of what a body holds.
package record

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// Kind says what a record is. Kinds are stable: rows rest on them.
type Kind string

// The kinds.
const (
	Account  Kind = "account"   // a person, and nothing else: who
	Device   Kind = "device"    // a companion's key and PIN: a means
	Card     Kind = "card"      // an enrolled document: a means
	Ceremony Kind = "ceremony"  // what a device and a browser do together
	DeskCase Kind = "desk-case" // an activation in person that waits
	Session  Kind = "session"   // who logged in by a browser, and where
	Logout   Kind = "logout"    // a service provider that is still to be told of one
	Pushed   Kind = "pushed"    // an authorization request that a client sent ahead
)

// StateActive is the state of a means that may be used. Whatever else a means is, a code is not issued on it.
const StateActive = "active"

// Record is one thing as it is stored: what it is found and guarded by, and a body that is sealed.
type Record struct {
	Kind    Kind
	ID      string    // unique in its kind; 1 to 128 printable characters of ASCII without space
	Version int       // from 1, one more with each change
	State   string    // lower case letters, digits and hyphens, at most 32
	Owner   string    // what it belongs to, formed like ID; empty for nothing
	Alias   [32]byte  // a second name, unique in its kind: the hash of a secret or of a key; zero for none
	Expires time.Time // in milliseconds; from then on it is unknown, as after a restored backup; zero for never
	Body    []byte    // 1 to 262,144 octets
}

// String redacts: a body holds identities and keys.
func (r Record) String() string {
	return fmt.Sprintf("record(%s version %d redacted)", r.Kind, r.Version)
}

// Format implements [fmt.Formatter], redacted whatever the verb.
func (r Record) Format(s fmt.State, _ rune) { fmt.Fprint(s, r.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (r Record) LogValue() slog.Value { return slog.StringValue(r.String()) }

// MarshalText redacts, for a log that nests the record.
func (r Record) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// The errors of a [Book]. Any other error says that the book could not answer.
var (
	// ErrStale says that a record was not at the version given, or is not known any more. Nothing was written.
	ErrStale = errors.New("record: not at that version any more")
	// ErrUnknown says that there is no such record: never was, expired, or pending in an older epoch.
	ErrUnknown = errors.New("record: no such record")
	// ErrTaken says that another record has that identifier or that alias. Nothing was written.
	ErrTaken = errors.New("record: identifier or alias is taken")
)

// Change puts a record in the place of an earlier version of itself.
type Change struct {
	From int    // the version that was read; 0 for a new record
	Next Record // its version is From+1
}

const (
	mostName  = 128
	mostState = 32
	mostBody  = 256 << 10

	latest = 253402300799999 // the end of the year 9999, in milliseconds
)

// Check says whether the change can be written at all. A book asks it of every change before it writes the first.
// Errors: a field out of its bounds, a version that does not follow; none quotes a value.
func (c Change) Check() error {
	r := c.Next
	for _, check := range []struct {
		ok   bool
		name string
	}{
		{r.Kind.valid(), "kind"},
		{graphic(r.ID), "identifier"},
		{c.From >= 0 && r.Version == c.From+1, "version"},
		{word(r.State), "state"},
		{r.Owner == "" || graphic(r.Owner), "owner"},
		{r.Expires.IsZero() || moment(r.Expires), "expiry"},
		{len(r.Body) > 0 && len(r.Body) <= mostBody, "body"},
	} {
		if !check.ok {
			return fmt.Errorf("record: change: %s is missing or out of bounds", check.name)
		}
	}
	return nil
}

func (k Kind) valid() bool {
	switch k {
	case Account, Device, Card, Ceremony, DeskCase, Session, Logout, Pushed:
		return true
	}
	return false
}

// graphic reports whether s is a name that can stand in any row, address or line of a log.
func graphic(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return s != "" && len(s) <= mostName
}

func word(s string) bool {
	for _, c := range []byte(s) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= mostState
}

// moment reports whether t comes back from a row as it went in.
func moment(t time.Time) bool {
	ms := t.UnixMilli()
	return ms > 0 && ms <= latest && time.UnixMilli(ms).Equal(t)
}

// Reader reads records that are live.
type Reader interface {
	// Get finds a record by its identifier. Errors: [ErrUnknown].
	Get(ctx context.Context, kind Kind, id string) (Record, error)
	// Find finds a record by its alias; the zero alias finds none. Errors: [ErrUnknown].
	Find(ctx context.Context, kind Kind, alias [32]byte) (Record, error)
	// Owned lists what belongs to an owner, what expires first in front and what never does behind, by identifier
	// within; at most 256. No owner owns nothing.
	Owned(ctx context.Context, kind Kind, owner string) ([]Record, error)
}

// Book keeps records, each change with its audit entries. An answer means that it is on disk.
type Book interface {
	Reader
	// Apply writes all changes and all entries, or nothing. At least one change; no two of the same record. Errors:
	// what [Change.Check] says, before anything is written; [ErrStale]; [ErrTaken].
	Apply(ctx context.Context, changes []Change, entries ...audit.Entry) error
	// AdvanceWith is [txn.Ledger] Advance, with changes that are written if it is, and it if they are. Errors: those of
	// Advance and of Apply.
	AdvanceWith(ctx context.Context, step Step, changes []Change) error
}

// Step is a transition of a transaction, as [txn.Ledger] Advance takes it.
type Step struct {
	From, Next txn.State
	Entry      audit.Entry
	Also       []audit.Entry // of what the changes do beside it
}
