package client

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"pivot/server/internal/oauth"
)

// SecretHash is the SHA-256 of a client secret. A plain hash is enough, because HashSecret accepts only secrets that were
// generated with 256 bits: who holds the hash would have to try them all, and a slow hash would make each try dearer by a
// factor that changes nothing while it made every honest login slower. It prints as a placeholder all the same.
type SecretHash [32]byte

// mostSecrets lets an old and a new secret overlap.
const mostSecrets = 2

const redacted = "[redacted]"

// String redacts.
func (SecretHash) String() string { return redacted }

// GoString redacts.
func (SecretHash) GoString() string { return redacted }

// Format redacts under every verb.
func (SecretHash) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue redacts.
func (SecretHash) LogValue() slog.Value { return slog.StringValue(redacted) }

// A generated secret of 256 bits has 43 characters of base64url without padding, or 64 hexadecimal ones.
const (
	leastBase64   = 43
	leastHex      = 64
	mostSecret    = 256
	leastDistinct = 12 // of 16 hexadecimal digits at the least; 64 random ones have fewer once in a million million
)

const (
	hexAlphabet    = "0123456789abcdefABCDEF"
	base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
)

// HashSecret hashes a client secret for a Record. Errors: a secret that is not the text of 256 random bits, as far as
// that can be told from one: too short, other characters, or too few different ones. The error does not quote it.
func HashSecret(secret oauth.Secret) (SecretHash, error) {
	s := string(secret)
	least := leastBase64
	if strings.Trim(s, hexAlphabet) == "" {
		least = leastHex
	}
	if len(s) < least || len(s) > mostSecret {
		return SecretHash{}, errors.New("client: secret is not 256 random bits: at least 43 characters of base64url or 64 hexadecimal ones")
	}
	if strings.Trim(s, base64Alphabet) != "" {
		return SecretHash{}, errors.New("client: secret is not base64url without padding, or hexadecimal")
	}
	distinct := make(map[byte]bool)
	for i := range len(s) {
		distinct[s[i]] = true
	}
	if len(distinct) < leastDistinct {
		return SecretHash{}, errors.New("client: secret repeats itself: it was not generated at random")
	}
	return SecretHash(sha256.Sum256([]byte(s))), nil
}

// authenticateSecret compares with every secret that the client may have, and does the same work for a client that has
// fewer, or none, or is not known.
func (c *Client) authenticateSecret(cred oauth.Credentials) error {
	presented := sha256.Sum256([]byte(cred.Presented))
	var hashes [mostSecrets]SecretHash
	if c != nil {
		copy(hashes[:], c.record.Authentication.Secrets)
	}
	match := 0
	for _, h := range hashes {
		match |= subtle.ConstantTimeCompare(presented[:], h[:]) &^ subtle.ConstantTimeCompare(h[:], make([]byte, len(h)))
	}
	if err := c.may(cred); err != nil {
		return err
	}
	if match != 1 {
		return oauth.FaultAuthSecret.Err()
	}
	return nil
}
