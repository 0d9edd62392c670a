package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"pivot/server/internal/record"
)

// format is the version of what is sealed.
const format = 1

// The states of a record.
const (
	stateOpen  = "open"
	stateEnded = "ended"
)

var errRecord = errors.New("session: not the record of a session")

// Change is what to store: the steps taken since the session was read, as one change guarded by its version.
func (s Session) Change() record.Change {
	body, err := json.Marshal(s.state)
	if err != nil { // no value of these types fails to encode
		body = nil
	}
	name := stateOpen
	if s.ended {
		name = stateEnded
	}
	return record.Change{From: s.stored, Next: record.Record{
		Kind: record.Session, ID: s.id, Version: s.stored + 1, State: name, Owner: s.state.Account, Alias: s.alias,
		Expires: s.expires, Body: body,
	}}
}

// Parse reads a stored session. Errors: a record that [Session.Change] does not write, and one of a session that has ended.
func Parse(r record.Record) (Session, error) {
	s := Session{id: r.ID, stored: r.Version, alias: r.Alias, expires: r.Expires}
	if r.Kind != record.Session || r.Version < 1 || r.State != stateOpen {
		return Session{}, errRecord
	}
	if err := json.Unmarshal(r.Body, &s.state); err != nil {
		return Session{}, errRecord // the decoder's error would quote the body
	}
	// Written again it is the same, so no member is unknown, missing or there twice.
	again := s.Change().Next
	if !s.sound() || r.Owner != again.Owner || !bytes.Equal(r.Body, again.Body) {
		return Session{}, errRecord
	}
	return s, nil
}

func (s Session) sound() bool {
	return s.state.Format == format && s.state.Issuer != "" && s.state.Account != "" && life(s.state.Profile) != 0 &&
		s.alias != [32]byte{} && !s.expires.IsZero() && s.state.Logins != nil && len(s.state.Logins) <= MostLogins
}

// String redacts: a session says where its person goes.
func (s Session) String() string { return "session(" + s.id + " redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (s Session) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (s Session) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText redacts, for a log that nests the session.
func (s Session) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
