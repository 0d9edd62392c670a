package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf16"
)

// Hash is FranceConnect's identityHash: 44 characters of base64. Only the
// subject is made from it, and it never leaves the server: whoever holds it can
// try names and birth dates until one fits. It prints redacted.
type Hash struct {
	text string
}

// Hash computes the identityHash over the register's record, or over the values
// given where the register was not asked. It is kept bit for bit, with its two
// weaknesses, because service providers know their users by what comes of it:
// values are concatenated without separators, and each UTF-16 unit is cut to
// its low octet, so that "ł" is hashed as "B". An identity that succeeds another
// has the hash of the other.
func (i Identity) Hash() Hash {
	if i.IsZero() {
		return Hash{}
	}
	if !i.origin.IsZero() {
		return i.origin
	}
	r := i.civil()
	place := ""
	if r.Birthcountry == france {
		place = r.Birthplace
	}
	return hashOf(r.GivenName() + r.FamilyName + r.Birthdate + r.Gender + place + r.Birthcountry)
}

// Succeed returns the identity as what the register says now of a person who was
// known as previous: services go on knowing them by the subjects that they had.
// Nobody succeeds nobody.
func (i Identity) Succeed(previous Identity) Identity {
	if i.IsZero() {
		return i
	}
	i.origin = Hash{}
	if before := previous.Hash(); before != i.Hash() {
		i.origin = before
	}
	return i
}

// BridgeHash is the identityHash of a citizen of another Member State: of the
// subject that the eIDAS bridge gave, which is all that the register knows.
func BridgeHash(subject string) (Hash, error) {
	if subject == "" || !printable(subject) {
		return Hash{}, &FieldError{Field: "sub", Rule: ruleName}
	}
	return hashOf(subject), nil
}

// hashOf cuts each UTF-16 unit to its low octet, as Node's "binary" encoding
// does: FranceConnect hashes what it leaves.
func hashOf(serial string) Hash {
	units := utf16.Encode([]rune(serial))
	low := make([]byte, len(units))
	for i, unit := range units {
		low[i] = byte(unit)
	}
	sum := sha256.Sum256(low)
	return Hash{text: base64.StdEncoding.EncodeToString(sum[:])}
}

// IsZero reports whether h is the hash of nobody.
func (h Hash) IsZero() bool { return h.text == "" }

// String redacts.
func (h Hash) String() string { return "identity-hash(redacted)" }

// Format redacts, whatever the verb.
func (h Hash) Format(s fmt.State, _ rune) { fmt.Fprint(s, h.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (h Hash) LogValue() slog.Value { return slog.StringValue(h.String()) }

// SubjectKey is the secret that makes a subject unlinkable from one service
// provider to the next. The zero SubjectKey makes none. It prints redacted.
type SubjectKey struct {
	text string
}

// The bounds of a subject key, in characters. FranceConnect's are the 64 digits
// of 32 octets in hexadecimal, and count as text.
const (
	minSubjectKey = 32
	maxSubjectKey = 512
)

// ParseSubjectKey takes a key as its file holds it, without the line's end. What
// has fewer than 32 characters, or a character that is not printable ASCII, is
// refused.
func ParseSubjectKey(text string) (SubjectKey, error) {
	if len(text) < minSubjectKey || len(text) > maxSubjectKey {
		return SubjectKey{}, fmt.Errorf("identity: subject key of %d characters, from %d to %d are accepted", len(text), minSubjectKey, maxSubjectKey)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return SubjectKey{}, errors.New("identity: subject key with a character that is not printable ASCII")
	}
	return SubjectKey{text: text}, nil
}

// String redacts.
func (k SubjectKey) String() string { return "subject-key(redacted)" }

// Format redacts, whatever the verb.
func (k SubjectKey) Format(s fmt.State, _ rune) { fmt.Fprint(s, k.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (k SubjectKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// subjectVersion ends every subject: FranceConnect's way to tell computations
// apart.
const subjectVersion = "v1"

// Subject computes the sub of a person for one service provider, bit for bit as
// FranceConnect does: 64 hexadecimal digits and "v1". Service providers with the
// same entity identifier share it. An account that already holds a subject for
// the entity keeps that one instead.
func (k SubjectKey) Subject(entityID string, h Hash) (string, error) {
	if entityID == "" || h.IsZero() || k.text == "" {
		return "", errors.New("identity: subject without entity, identity or key")
	}
	sum := sha256.Sum256([]byte(entityID + h.text + k.text))
	return hex.EncodeToString(sum[:]) + subjectVersion, nil
}
