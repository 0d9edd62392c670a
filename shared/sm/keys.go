// Package sm owns AES secure messaging of the electronic travel document
// (ICAO 9303-11 §9.8, BSI TR-03110-3 annex F): the session keys and their
// derivation, the protection of one command, the opening of one response, and
// the channel that counts them. Triple DES is deliberately absent. The same code
// serves the side that holds the card and the side that only holds the keys.
package sm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"

	"pivot/shared/cmac"
)

// Suite is the block cipher of a channel, which fixes its key length and its key
// derivation. The zero Suite is none.
type Suite uint8

// The suites of ICAO 9303-11 §9.8.1.
const (
	AES128 Suite = iota + 1
	AES192
	AES256
)

// KeyLen returns the length of each session key in bytes, 0 for no suite.
func (s Suite) KeyLen() int {
	switch s {
	case AES128:
		return 16
	case AES192:
		return 24
	case AES256:
		return 32
	}
	return 0
}

// String returns the usual name of the suite.
func (s Suite) String() string {
	if n := s.KeyLen(); n != 0 {
		return fmt.Sprintf("AES-%d", 8*n)
	}
	return "no suite"
}

// The counters of the key derivation function, ICAO 9303-11 §9.7.1.
const (
	counterEncryption = 1
	counterMAC        = 2
	counterPassword   = 3
)

var errSuite = errors.New("sm: no suite")

// Derive returns the session keys that a shared secret gives (ICAO 9303-11
// §9.7.1). The secret is the x coordinate of an ECDH agreement in full length,
// leading zeros included.
func (s Suite) Derive(secret []byte) (Keys, error) {
	if s.KeyLen() == 0 {
		return Keys{}, errSuite
	}
	return newKeys(s, s.kdf(secret, counterEncryption), s.kdf(secret, counterMAC))
}

// PasswordKey returns the key K_pi that protects the nonce of PACE (ICAO 9303-11
// §9.7.3). The password is the CAN as text, or the SHA-1 digest of the fields of
// the machine readable zone.
func (s Suite) PasswordKey(password []byte) ([]byte, error) {
	if s.KeyLen() == 0 {
		return nil, errSuite
	}
	return s.kdf(password, counterPassword), nil
}

// kdf is the function of ICAO 9303-11 §9.7.1: SHA-1 for AES-128, else SHA-256,
// of the secret and a 32-bit counter, truncated to the key length.
func (s Suite) kdf(secret []byte, counter byte) []byte {
	input := make([]byte, 0, len(secret)+4)
	input = append(input, secret...)
	input = append(input, 0, 0, 0, counter)
	defer clear(input)
	if s == AES128 {
		digest := sha1.Sum(input)
		return digest[:s.KeyLen()]
	}
	digest := sha256.Sum256(input)
	return digest[:s.KeyLen()]
}

// Keys are the two session keys of a channel. They print as redacted, also when
// they are a field of something else. The zero Keys protect and open nothing.
type Keys struct {
	// A function, because fmt follows every pointer and field of a value whose
	// methods it may not call, but not what a function captures.
	reveal func() *material
}

type material struct {
	suite    Suite
	enc, mac []byte
	block    cipher.Block
	cmac     *cmac.MAC
}

func newKeys(s Suite, enc, mac []byte) (Keys, error) {
	block, err := aes.NewCipher(enc)
	if err != nil {
		return Keys{}, fmt.Errorf("sm: %w", err)
	}
	code, err := cmac.New(mac)
	if err != nil {
		return Keys{}, fmt.Errorf("sm: %w", err)
	}
	m := &material{suite: s, enc: enc, mac: mac, block: block, cmac: code}
	return Keys{func() *material { return m }}, nil
}

// Token returns the authentication token of PACE over data: AES-CMAC under the
// MAC key, truncated to 8 bytes (ICAO 9303-11 §4.4.3.4). The token of zero Keys
// is zero.
func (k Keys) Token(data []byte) [8]byte {
	if k.reveal == nil {
		return [8]byte{}
	}
	sum := k.reveal().cmac.Sum(data)
	return [8]byte(sum[:8])
}

// Marshal returns the suite and both keys, in clear, for a caller that seals
// them. The form is one byte of suite, the encryption key, the MAC key.
func (k Keys) Marshal() []byte {
	if k.reveal == nil {
		return nil
	}
	m := k.reveal()
	b := make([]byte, 0, 1+2*m.suite.KeyLen())
	b = append(b, byte(m.suite))
	b = append(b, m.enc...)
	return append(b, m.mac...)
}

// ParseKeys reads what Marshal wrote and nothing else.
func ParseKeys(b []byte) (Keys, error) {
	if len(b) == 0 {
		return Keys{}, errSuite
	}
	s := Suite(b[0])
	n := s.KeyLen()
	if n == 0 {
		return Keys{}, errSuite
	}
	if len(b) != 1+2*n {
		return Keys{}, fmt.Errorf("sm: %d bytes of keys for %v", len(b)-1, s)
	}
	own := append([]byte(nil), b[1:]...)
	return newKeys(s, own[:n:n], own[n:])
}

const redacted = "[redacted]"

// Format prints no key, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no key.
func (k Keys) LogValue() slog.Value { return slog.StringValue(redacted) }
