package device

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"

	"pivot/shared/wire"
)

const (
	coordinate = 32 // octets
	mostJWK    = 512
)

var (
	errKey = errors.New("device: not a P-256 public key")

	// base64url is the one spelling that octets have in JOSE (RFC 7515 §2).
	base64url = base64.RawURLEncoding.Strict()
)

// Key is a public P-256 key: a device's, or one that a PIN unmasks. Its zero value is no key, and verifies nothing.
type Key struct {
	public *ecdsa.PublicKey
}

// jwk is a public key as RFC 7518 §6.2.1 has it, and nothing else: what would say more of the key is refused.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y"`
}

// ParseJWK reads a public JWK: kty, crv, x and y, no other member. Errors: anything else, coordinates that are not 32
// octets in base64url, a point that is not on the curve.
func ParseJWK(raw []byte) (Key, error) {
	var j jwk
	if len(raw) > mostJWK || wire.Decode(raw, &j) != nil || j.Kty != "EC" || j.Crv != "P-256" {
		return Key{}, errKey
	}
	point := []byte{4}
	for _, text := range []string{j.X, j.Y} {
		value, ok := decode64(text)
		if !ok || len(value) != coordinate {
			return Key{}, errKey
		}
		point = append(point, value...)
	}
	return ParsePoint(point)
}

// ParsePoint reads an uncompressed point of 65 octets (SEC 1 §2.3.4). Errors: anything else, a point that is not on the
// curve, the point at infinity.
func ParsePoint(point []byte) (Key, error) {
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return Key{}, errKey
	}
	return Key{public: public}, nil
}

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.public == nil }

// Equal reports whether both are the same key, and one.
func (k Key) Equal(other Key) bool {
	return !k.IsZero() && !other.IsZero() && k.public.Equal(other.public)
}

// Point is the uncompressed point, 65 octets; nil for the zero key.
func (k Key) Point() []byte {
	if k.IsZero() {
		return nil
	}
	point, err := k.public.Bytes()
	if err != nil {
		panic("device: internal error: a parsed key is no point")
	}
	return point
}

// JWK is the key as RFC 7638 §3.2 writes it to be hashed; nil for the zero key. [ParseJWK] reads it.
func (k Key) JWK() []byte {
	if k.IsZero() {
		return nil
	}
	point := k.Point()
	x, y := base64url.EncodeToString(point[1:1+coordinate]), base64url.EncodeToString(point[1+coordinate:])
	return slices.Concat([]byte(`{"crv":"P-256","kty":"EC","x":"`), []byte(x), []byte(`","y":"`), []byte(y), []byte(`"}`))
}

// Thumbprint is the SHA-256 of [Key.JWK] (RFC 7638 §3): how the key is found and named.
func (k Key) Thumbprint() [32]byte {
	if k.IsZero() {
		return [32]byte{}
	}
	return sha256.Sum256(k.JWK())
}

// ID is the thumbprint in base64url, as a kid writes it; empty for the zero key.
func (k Key) ID() string {
	if k.IsZero() {
		return ""
	}
	digest := k.Thumbprint()
	return base64url.EncodeToString(digest[:])
}

// verify reports whether signature is one over message, in ASN.1 (FIPS 186-5 §6.4.2, SHA-256).
func (k Key) verify(message, signature []byte) bool {
	if k.IsZero() {
		return false
	}
	digest := sha256.Sum256(message)
	return ecdsa.VerifyASN1(k.public, digest[:], signature)
}

// decode64 reads base64url without padding, in its one spelling: the decoder alone skips line breaks.
func decode64(text string) ([]byte, bool) {
	raw, err := base64url.DecodeString(text)
	return raw, err == nil && !bytes.ContainsAny([]byte(text), "\r\n")
}
