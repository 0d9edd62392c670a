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
	// Sign returns the compact JWS (RFC 7515 §7.1) of the payload by ES256. Its
	// header is {"alg":"ES256","kid":KeyID}, in that order, without spaces.
	Sign(ctx context.Context, payload []byte) (string, error)
	// KeyID returns the `kid` under which the public key is published.
	KeyID() string
}

// Seal has the payload signed and encrypts the result to the recipient. What
// the signer returns is held to the profile before it is used: this header, this
// key identifier, this payload. Whether the signature is good is the signer's to
// check, who has the key.
func Seal(ctx context.Context, s Signer, to Recipient, payload []byte) (string, error) {
	switch {
	case !to.known:
		return "", errors.New("token: no recipient")
	case len(payload) == 0 || len(payload) > maxPayload:
		return "", fmt.Errorf("token: payload of %d bytes, 1 to %d", len(payload), maxPayload)
	}
	signed, err := s.Sign(ctx, payload)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	if err := checkSigned(signed, s.KeyID(), payload); err != nil {
		return "", err
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
	options := new(jose.EncrypterOptions).WithContentType("JWT").WithHeader("iss", to.issuer).WithHeader("aud", to.audience)
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

// Lengths of an ES256 signature: two integers of 32 bytes (RFC 7518 §3.4), and
// the same in base64url.
const (
	signatureLen  = 64
	signatureText = 86
)

var errSigned = errors.New("token: the signer returned something else than it was asked for")

// checkSigned compares text with text: a parser forgives (a member twice, a line
// break in base64), and the next one may forgive otherwise.
func checkSigned(compact, kid string, payload []byte) error {
	if err := checkText("key identifier", kid); err != nil {
		return err
	}
	header := new(object)
	header.text("alg", string(jose.ES256))
	header.text("kid", kid)
	headerText, err := header.close()
	if err != nil {
		return err
	}
	b64 := base64.RawURLEncoding.Strict()
	signature, ok := strings.CutPrefix(compact, b64.EncodeToString(headerText)+"."+b64.EncodeToString(payload)+".")
	if !ok || len(signature) != signatureText {
		return errSigned
	}
	if raw, err := b64.DecodeString(signature); err != nil || len(raw) != signatureLen {
		return errSigned
	}
	return nil
}
