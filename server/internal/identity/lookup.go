package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// lookupPurpose separates this use of a key from any other, and names the
// encoding under it.
const lookupPurpose = "pivot-account-lookup/1"

// LookupKey is the secret under which accounts are found by identity: without
// it, a stolen database cannot be asked whether it knows somebody. The zero
// LookupKey finds nothing. It prints redacted.
type LookupKey struct {
	key []byte
}

// NewLookupKey takes a key of 32 octets.
func NewLookupKey(key []byte) (LookupKey, error) {
	if len(key) != sha256.Size {
		return LookupKey{}, fmt.Errorf("identity: lookup key of %d octets, want %d", len(key), sha256.Size)
	}
	return LookupKey{key: append([]byte(nil), key...)}, nil
}

// Account returns the index of a person's account: HMAC-SHA-256 over the six
// civil values, each behind its length, so that no two identities share it by
// the way their values join. It does not depend on who vouched for the identity,
// on how an accent is encoded, nor on how an unknown day is written. A birth
// place abroad does not count: it is free text.
func (k LookupKey) Account(i Identity) ([sha256.Size]byte, error) {
	if k.key == nil || i.IsZero() {
		return [sha256.Size]byte{}, errors.New("identity: account lookup without key or identity")
	}
	r := i.civil()
	if r.Birthcountry != france {
		r.Birthplace = ""
	}
	var w writer
	for _, s := range []string{
		lookupPurpose, r.GivenName(), r.FamilyName, strings.TrimSuffix(strings.TrimSuffix(r.Birthdate, "-00"), "-00"),
		r.Gender, r.Birthplace, r.Birthcountry,
	} {
		w.text(composed(s))
	}
	mac := hmac.New(sha256.New, k.key)
	mac.Write(w)
	return [sha256.Size]byte(mac.Sum(nil)), nil
}

// String redacts.
func (k LookupKey) String() string { return "lookup-key(redacted)" }

// Format redacts, whatever the verb.
func (k LookupKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (k LookupKey) LogValue() slog.Value { return slog.StringValue(k.String()) }
