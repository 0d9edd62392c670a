// Package session owns the session that a browser has at an issuer: who logged in by it, and at which service providers,
// so that one logout ends all of it. It opens nothing: no login rests on a session, and there is no single sign-on.
//
// A session is found by the hash of the browser's cookie, which changes with every login. It ends by logout or with its
// time, and then forgets whose it was.
//
// Sources: OpenID Connect RP-Initiated Logout 1.0, OpenID Connect Back-Channel Logout 1.0, franceconnect.md 1.6 and 1.9.
package session

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"time"

	"pivot/server/internal/txn"
)

// The lives of sessions: that of FranceConnect+ is absolute from the login on; that of FranceConnect begins anew whenever
// the browser comes back.
const (
	plusLife     = 600 * time.Second
	standardLife = 1800 * time.Second
)

// MostLogins is how many logins a session remembers: the oldest is forgotten for a new one.
const MostLogins = 64

// ErrPerson is the error of a login by somebody else than the session's person.
var ErrPerson = errors.New("session: another person's")

// Session is one browser's session at one issuer. It is a value and never changes; its zero value is none.
type Session struct {
	id      string
	stored  int // version as read; 0 when it is new
	alias   [32]byte
	expires time.Time
	ended   bool
	state   state
}

// state is what is sealed.
type state struct {
	Format  int         `json:"format"`
	Issuer  string      `json:"issuer"`
	Profile txn.Profile `json:"profile"`
	Account string      `json:"account"`
	Logins  []Login     `json:"logins"`
}

// Login is one login of a session's person at one service provider.
type Login struct {
	Client      string   `json:"client"`      // its client_id
	Subject     string   `json:"subject"`     // what it calls the person
	SID         string   `json:"sid"`         // what it calls the session: the claim sid
	Transaction string   `json:"transaction"` // that the login was
	Token       [32]byte `json:"token"`       // Print of the ID token
	At          int64    `json:"at"`          // when the code was issued, in Unix seconds
}

// Person is whose session it is, and where.
type Person struct {
	Issuer  string
	Profile txn.Profile
	Account string
}

// Begin makes the session of a person in a browser, by the hash of its cookie. Errors: a value that is missing.
func Begin(p Person, browser [32]byte, now time.Time) (Session, error) {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: see package crypto/rand
	s := Session{
		id: base64.RawURLEncoding.EncodeToString(raw[:]), alias: Alias(p.Issuer, browser),
		state: state{Format: format, Issuer: p.Issuer, Profile: p.Profile, Account: p.Account, Logins: []Login{}},
	}
	if p.Issuer == "" || p.Account == "" || life(p.Profile) == 0 || browser == [32]byte{} {
		return Session{}, errors.New("session: begun without issuer, profile, account or browser")
	}
	s.expires = until(now, p.Profile)
	return s, nil
}

func life(p txn.Profile) time.Duration {
	switch p {
	case txn.Plus:
		return plusLife
	case txn.Standard:
		return standardLife
	}
	return 0
}

// until is in milliseconds, as a record keeps it.
func until(now time.Time, p txn.Profile) time.Time {
	return time.UnixMilli(now.Add(life(p)).UnixMilli()).UTC()
}

// Join adds a login, in a browser whose cookie is a new one: who held the old one has lost the session. The person was
// authenticated again, so the session lasts again as long as a new one. Errors: [ErrPerson]; a session that has ended; a
// login without its values.
func (s Session) Join(account string, l Login, browser [32]byte, now time.Time) (Session, error) {
	switch {
	case s.id == "" || s.ended:
		return Session{}, errOver
	case account != s.state.Account:
		return Session{}, ErrPerson
	case l.Client == "" || l.Subject == "" || l.SID == "" || l.Transaction == "" || l.Token == [32]byte{} || browser == [32]byte{}:
		return Session{}, errors.New("session: a login without its values")
	}
	l.At = now.Unix()
	s.state.Logins = append(slices.Clone(s.state.Logins), l)
	if over := len(s.state.Logins) - MostLogins; over > 0 {
		s.state.Logins = s.state.Logins[over:]
	}
	s.alias, s.expires = Alias(s.state.Issuer, browser), until(now, s.state.Profile)
	return s, nil
}

var errOver = errors.New("session: there is none any more")

// Come records that the browser came back. It reports false where that changes nothing worth storing: the session does not
// slide, or came back within the last minute.
func (s Session) Come(now time.Time) (Session, bool) {
	const enough = time.Minute
	if s.id == "" || s.ended || s.state.Profile != txn.Standard || until(now, s.state.Profile).Sub(s.expires) < enough {
		return s, false
	}
	s.expires = until(now, s.state.Profile)
	return s, true
}

// End is the session that is over. It says no more whose it was, and is forgotten at once.
func (s Session) End(now time.Time) Session {
	s.ended, s.alias, s.expires = true, [32]byte{}, time.UnixMilli(now.UnixMilli()).UTC()
	s.state.Account, s.state.Logins = "", []Login{}
	return s
}

// ID is the session's identifier, a pseudonym for the audit log: it gives no right to it.
func (s Session) ID() string { return s.id }

// Issuer is where the session is.
func (s Session) Issuer() string { return s.state.Issuer }

// Account is whose it is; empty once it has ended.
func (s Session) Account() string { return s.state.Account }

// Expires is when it ends by itself.
func (s Session) Expires() time.Time { return s.expires }

// Logins are those of the session, the oldest first.
func (s Session) Logins() []Login { return slices.Clone(s.state.Logins) }

// Token is what of an ID token tells it from every other.
type Token struct {
	Client, Subject, Nonce string
	AuthTime               time.Time
}

// Print is the fingerprint of an ID token: a SHA-256 over its parts, each behind its length.
func (t Token) Print() [32]byte {
	return digest("pivot-id-token/1", t.Client, t.Subject, t.Nonce, strconv.FormatInt(t.AuthTime.Unix(), 10))
}

// Gave reports whether an ID token was issued by this very session. sid is the claim of that token; empty where it has none.
func (s Session) Gave(t Token, sid string) bool {
	wanted, found := t.Print(), 0
	for _, l := range s.state.Logins {
		if sid == "" || sid == l.SID {
			found |= subtle.ConstantTimeCompare(wanted[:], l.Token[:])
		}
	}
	return found == 1
}

// SID is what a service provider calls the session that a login began: the claim sid. It is derived, so that the token
// endpoint knows it as well; no two logins share one, so that service providers cannot compare them.
func SID(transaction string) string {
	d := digest("pivot-sid/1", transaction)
	return base64.RawURLEncoding.EncodeToString(d[:])
}

// Alias is the name by which a session is found: of an issuer, by the hash of the browser's cookie.
func Alias(issuer string, browser [32]byte) [32]byte {
	return digest("pivot-session/1", issuer, string(browser[:]))
}

// digest covers the parts with their lengths, so that no others give the same.
func digest(parts ...string) [32]byte {
	var input []byte
	for _, part := range parts {
		input = binary.BigEndian.AppendUint32(input, uint32(len(part)))
		input = append(input, part...)
	}
	return sha256.Sum256(input)
}
