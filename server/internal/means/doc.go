// Package means owns the account and what authenticates it: the device with its PIN, the card, and the desk case by
// which an activation in person goes on. Each is a value. A transition returns the next value and leaves the one it was
// called on as it was; [Device.Change] and its likes give the record to store, guarded by the version that was read, so
// that of two callers who spend the same attempt one wins and the other reads again.
//
// Where a transition counts an attempt, what is returned beside an error must be stored too: an attempt costs whether
// it succeeds or not, and is on disk before anybody learns which.
package means

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"pivot/server/internal/record"
)

// Error is why a transition was refused: `errors.Is(err, means.ErrLocked)`.
type Error string

// The errors of this package, but for values that are out of their bounds.
const (
	ErrSuspended  Error = "suspended"     // the means may not be used any more
	ErrOwned      Error = "owned"         // the device belongs to an account already
	ErrUnowned    Error = "unowned"       // the device belongs to nobody yet
	ErrCloned     Error = "cloned"        // two parties hold the device's file; suspend the device
	ErrLate       Error = "late"          // a turn of the ratchet that was answered, and whose answer was used since
	ErrUnset      Error = "pin-unset"     // there is no PIN
	ErrLocked     Error = "pin-locked"    // too many attempts failed
	ErrNotPending Error = "pin-used"      // no such attempt waits to be proved: never made, or proved before
	ErrWrongCode  Error = "wrong-code"    // not the code of the desk; the try is counted
	ErrNotReady   Error = "not-approved"  // the desk has not compared faces yet, or not for this device
	ErrOver       Error = "desk-case-end" // the case is done, has expired, or has no try left
)

// Error implements error.
func (e Error) Error() string { return "means: " + string(e) }

// Alias is what a secret that names a record is found by: the handle of a card, the reference of a desk case.
func Alias(secret []byte) [32]byte { return sha256.Sum256(secret) }

// head is what every value has: which record it was read from.
type head struct {
	kind    record.Kind
	id      string
	version int // that was read; 0 for a new value
}

// ID is the identifier of the record.
func (h head) ID() string { return h.id }

// Version is the version that was read; 0 for a value that was never stored.
func (h head) Version() int { return h.version }

// IsZero reports whether this is the zero value, which is no means and no account.
func (h head) IsZero() bool { return h.id == "" }

// String redacts: values hold identities and secrets.
func (h head) String() string { return string(h.kind) + "(" + h.id + " redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (h head) Format(s fmt.State, _ rune) { fmt.Fprint(s, h.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (h head) LogValue() slog.Value { return slog.StringValue(h.String()) }

// MarshalText redacts, for a log that nests the value.
func (h head) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// change gives the change that stores a body in the place of what was read.
func (h head) change(state, owner string, body any) record.Change {
	return record.Change{From: h.version, Next: record.Record{
		Kind: h.kind, ID: h.id, Version: h.version + 1, State: state, Owner: owner, Body: encode(body),
	}}
}

// standing is whether a means may be used, and why not.
type standing struct {
	State  string `json:"state"`
	Reason string `json:"reason,omitempty"`
}

const stateSuspended = "suspended"

func (s standing) active() bool { return s.State == record.StateActive }

func (s standing) valid() bool {
	return s.active() && s.Reason == "" || s.State == stateSuspended && word(s.Reason)
}

// suspended is the standing that follows; the first reason stays.
func (s standing) suspended(reason string) standing {
	if !s.active() {
		return s
	}
	if !word(reason) {
		reason = "unknown"
	}
	return standing{State: stateSuspended, Reason: reason}
}

var errParts = errors.New("means: a value is missing or out of bounds")

// millis is a time as it is stored: UTC, in milliseconds.
func millis(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }
