package token

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// A Signer holds one private key. It never changes key: after a rotation there
// is another Signer.
type Signer interface {
	// Sign returns the compact JWS (RFC 7515 §7.1) of the payload by ES256, or
	// by what a method Algorithm() string names. Its header is
	// {"alg":"ES256","kid":KeyID}, in that order, without spaces.
	Sign(ctx context.Context, payload []byte) (string, error)
	// KeyID returns the `kid` under which the public key is published.
	KeyID() string
}

// Seal has the payload signed and encrypts the result to the recipient. What
// the signer returns is held to the profile before it is used: this header, this
// key identifier, this payload. Whether the signature is good is the signer's to
// check, who has the key.
func Seal(ctx context.Context, s Signer, to Recipient, payload []byte) (string, error) {
	return to.seal(payload, func() (string, error) {
		signed, err := s.Sign(ctx, payload)
		if err != nil {
			return "", err
		}
		return signed, checkSigned(signed, s, payload)
	})
}

// seal encrypts what signs and checks the payload.
func (to Recipient) seal(payload []byte, sign func() (string, error)) (string, error) {
	switch {
	case !to.known:
		return "", errors.New("token: no recipient")
	case len(payload) == 0 || len(payload) > maxPayload:
		return "", fmt.Errorf("token: payload of %d bytes, 1 to %d", len(payload), maxPayload)
	}
	signed, err := sign()
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	if to.key.Key == nil {
		return signed, nil
	}
	return to.encrypt(signed)
}

// encrypt wraps a JWS (RFC 7519 §5.2: the content type says that a JWT is
// inside). The header has the six members of the profile, and `epk` for
// ECDH-ES: go-jose sets enc, alg, kid and epk, the options the rest.
func (to Recipient) encrypt(signed string) (string, error) {
	options := new(jose.EncrypterOptions)
	if !to.bare {
		options = options.WithContentType("JWT").WithHeader("iss", to.issuer).WithHeader("aud", to.audience)
	}
	e, err := jose.NewEncrypter(jose.A256GCM, to.key, options)
	if err != nil {
		return "", fmt.Errorf("token: encrypt: %w", err)
	}
	object, err := e.Encrypt([]byte(signed))
	if err != nil {
		return "", fmt.Errorf("token: encrypt: %w", err)
	}
	compact, err := object.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("token: encrypt: %w", err)
	}
	return compact, nil
}

// Lengths of a signature: of ES256 two integers of 32 bytes (RFC 7518 §3.4), of
// RS256 a modulus of 2048 to 4096 bits.
const (
	signatureLen = 64
	leastModulus = 256
	mostModulus  = 512
)

// algorithm is that of a signer that names one; ES256 is every issuer's.
func algorithm(s Signer) jose.SignatureAlgorithm {
	if named, ok := s.(interface{ Algorithm() string }); ok {
		return jose.SignatureAlgorithm(named.Algorithm())
	}
	return jose.ES256
}

var errSigned = errors.New("token: the signer returned something else than it was asked for")

// checkSigned compares text with text: a parser forgives (a member twice, a line
// break in base64), and the next one may forgive otherwise.
func checkSigned(compact string, s Signer, payload []byte) error {
	kid, alg := s.KeyID(), algorithm(s)
	if err := checkText("key identifier", kid); err != nil {
		return err
	}
	header := new(object)
	header.text("alg", string(alg))
	header.text("kid", kid)
	return header.heads(compact, payload, alg)
}

// heads compares a compact JWS with this header and the payload.
func (o *object) heads(compact string, payload []byte, alg jose.SignatureAlgorithm) error {
	headerText, err := o.close()
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding.Strict()
	signature, ok := strings.CutPrefix(compact, b64.EncodeToString(headerText)+"."+b64.EncodeToString(payload)+".")
	raw, err := b64.DecodeString(signature)
	if !ok || err != nil || b64.EncodeToString(raw) != signature { // the decoder passes over line ends
		return errSigned
	}
	switch n := len(raw); {
	case alg == jose.ES256 && n == signatureLen, alg == jose.RS256 && n >= leastModulus && n <= mostModulus:
		return nil
	}
	return errSigned
}
