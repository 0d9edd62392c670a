package token

import (
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"pivot/server/internal/assurance"
)

// A Frame holds what every answer states about itself: who made it, for whom
// and for how long.
type Frame struct {
	Issuer   string        // the issuer identifier, `iss`
	Audience string        // the client identifier, `aud`
	At       time.Time     // when it is issued, `iat`; whole seconds are kept
	Life     time.Duration // until `exp`: whole seconds, at most MaxLife
}

// MaxLife bounds the validity of one answer. The profile asks for 60 s; nobody
// needs an ID token for longer than a login may last.
const MaxLife = 30 * time.Minute

// Bounds of single values, in bytes.
const (
	maxSubject = 255 // OpenID Connect Core 1.0 §2: at most 255 ASCII characters
	maxText    = 2048
	maxMethods = 24 // there are 23 values in the profile
	maxClaims  = 256
	maxPayload = 64 << 10
)

// An IDToken holds what an ID token says of one authentication.
type IDToken struct {
	Subject  string          // pairwise identifier, `sub`
	Level    assurance.Level // what was obtained, `acr`
	Methods  []string        // `amr` (RFC 8176); none: the member is absent
	AuthTime time.Time       // when the citizen was authenticated, `auth_time`
	Nonce    string          // echoed from the request; none: the member is absent
	Session  string          // what the client calls the session, `sid`; empty: the member is absent
}

var errLevel = errors.New("token: no level was obtained")

// Payload returns the members of the ID token as JSON: `sub`, `acr`, `amr` when
// it is released, `auth_time`, `nonce`, `sid` when the client wants it, `aud`, `exp`, `iat`, `iss`. There is no
// at_hash, no c_hash and no claim about identity (FranceConnect+ profile). An
// error says which value is missing or out of bounds.
func (t IDToken) Payload(f Frame) ([]byte, error) {
	if err := errors.Join(f.check(), checkSubject(t.Subject), checkNonce(t.Nonce), checkMethods(t.Methods)); err != nil {
		return nil, err
	}
	if t.Session != "" {
		if err := checkText("session", t.Session); err != nil {
			return nil, err
		}
	}
	if !t.Level.Valid() {
		return nil, errLevel
	}
	if t.AuthTime.IsZero() || t.AuthTime.Unix() < 0 || t.AuthTime.After(f.At) {
		return nil, errors.New("token: the time of authentication is missing or later than the time of issue")
	}
	o := new(object)
	o.text("sub", t.Subject)
	o.text("acr", t.Level.String())
	if len(t.Methods) > 0 {
		o.list("amr", t.Methods)
	}
	o.seconds("auth_time", t.AuthTime.Unix())
	if t.Nonce != "" {
		o.text("nonce", t.Nonce)
	}
	if t.Session != "" {
		o.text("sid", t.Session)
	}
	f.close(o)
	return o.close()
}

// close writes the members that every answer ends with.
func (f Frame) close(o *object) {
	o.text("aud", f.Audience)
	o.seconds("exp", f.expiry())
	o.seconds("iat", f.At.Unix())
	o.text("iss", f.Issuer)
}

func (f Frame) expiry() int64 { return f.At.Add(f.Life).Unix() }

func (f Frame) check() error {
	if err := errors.Join(checkText("issuer", f.Issuer), checkText("audience", f.Audience)); err != nil {
		return err
	}
	if f.At.IsZero() || f.At.Unix() < 0 {
		return errors.New("token: no time of issue")
	}
	if f.Life <= 0 || f.Life > MaxLife || f.Life%time.Second != 0 {
		return fmt.Errorf("token: a life of %v is not a whole number of seconds up to %v", f.Life, MaxLife)
	}
	return nil
}

// checkText refuses what JSON would silently change: encoding/json replaces
// bytes that are not UTF-8, and the client would then see another nonce than
// the one that it sent.
func checkText(name, value string) error {
	switch {
	case value == "":
		return fmt.Errorf("token: no %s", name)
	case len(value) > maxText:
		return fmt.Errorf("token: %s of %d bytes, at most %d", name, len(value), maxText)
	case !utf8.ValidString(value):
		return fmt.Errorf("token: %s is not UTF-8", name)
	}
	return nil
}

// checkNonce accepts none: a client that follows FAPI 2.0 need not send one.
func checkNonce(nonce string) error {
	if nonce == "" {
		return nil
	}
	return checkText("nonce", nonce)
}

func checkSubject(s string) error {
	if s == "" || len(s) > maxSubject {
		return fmt.Errorf("token: subject of %d characters, 1 to %d", len(s), maxSubject)
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return errors.New("token: subject is not printable ASCII")
		}
	}
	return nil
}

func checkMethods(methods []string) error {
	if len(methods) > maxMethods {
		return fmt.Errorf("token: %d authentication methods, at most %d", len(methods), maxMethods)
	}
	seen := make(map[string]bool, len(methods))
	for _, m := range methods {
		if err := checkText("authentication method", m); err != nil {
			return err
		}
		if seen[m] {
			return fmt.Errorf("token: authentication method %q twice", m)
		}
		seen[m] = true
	}
	return nil
}
