package txn

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
)

// ID names one transaction: 256 random bits, never used again. It appears in addresses and in the audit log: it says
// which transaction is meant and gives no right to it. Its zero value names none.
type ID struct{ raw [32]byte }

// NewID returns a fresh identifier.
func NewID() ID {
	var id ID
	rand.Read(id.raw[:]) // never fails: see package crypto/rand
	return id
}

var errID = errors.New("txn: not a transaction identifier")

// ParseID reads what [ID.String] writes: 43 characters of base64url, nothing else. Errors: any other text.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != base64.RawURLEncoding.EncodedLen(len(id.raw)) {
		return ID{}, errID
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(id.raw) {
		return ID{}, errID
	}
	copy(id.raw[:], raw)
	if id.IsZero() {
		return ID{}, errID
	}
	return id, nil
}

// IsZero reports whether id names no transaction.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the identifier in base64url without padding.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id.raw[:]) }
