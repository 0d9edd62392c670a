package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Message is a payload that is signed beside ID token and userinfo, under a type of its own: what is signed for one purpose
// must not pass for another (RFC 8725 §3.11).
type Message struct {
	Type    string // `typ` of its header, such as token-introspection+jwt
	Payload []byte
}

// A TypedSigner signs messages that have a type.
type TypedSigner interface {
	// SignAs returns the compact JWS of the payload by ES256 and the current key. Its header is
	// {"alg":"ES256","kid":…,"typ":typ}, in that order, without spaces.
	SignAs(ctx context.Context, typ string, payload []byte) (string, error)
}

// SealAs is [Seal] for a message with a type.
func SealAs(ctx context.Context, s TypedSigner, to Recipient, m Message) (string, error) {
	if err := checkText("type", m.Type); err != nil {
		return "", err
	}
	return to.seal(m.Payload, func() (string, error) {
		signed, err := s.SignAs(ctx, m.Type, m.Payload)
		if err != nil {
			return "", err
		}
		return signed, checkTyped(signed, m)
	})
}

// checkTyped holds a JWS to the header of a message: the key that signed is named there alone, so it is read from there, and
// the header written again.
func checkTyped(compact string, m Message) error {
	first, _, _ := strings.Cut(compact, ".")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(first)
	if err != nil || len(raw) > maxText {
		return errSigned
	}
	var header struct {
		KeyID string `json:"kid"`
	}
	if json.Unmarshal(raw, &header) != nil {
		return errSigned
	}
	if err := checkText("key identifier", header.KeyID); err != nil {
		return err
	}
	expected := new(object)
	expected.text("alg", string(jose.ES256))
	expected.text("kid", header.KeyID)
	expected.text("typ", m.Type)
	return expected.heads(compact, m.Payload, jose.ES256)
}

var errReadable = errors.New("token: such an answer is never readable")

// Bare returns the same recipient for an answer whose outer header has the algorithms alone, `epk` aside: neither names nor
// content type (franceconnect.md 5, the answer of /checktoken). Errors: a recipient that nothing is encrypted to.
func (to Recipient) Bare() (Recipient, error) {
	if to.key.Key == nil {
		return Recipient{}, errReadable
	}
	to.bare, to.key.KeyID = true, ""
	return to, nil
}
