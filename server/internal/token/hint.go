package token

import (
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

// MostHint is the most bytes of an ID token that comes back: what is issued has about 700.
const MostHint = 4096

const mostHintDepth = 4

// Hint is what an ID token of ours says, that a service provider sends back (id_token_hint).
type Hint struct {
	Audience string // the service provider
	Subject  string
	Nonce    string
	AuthTime time.Time
	Session  string // `sid`; empty where the token has none
}

var errHint = errors.New("token: not an ID token of this issuer")

// ReadHint reads an ID token that this issuer signed, by the keys that it publishes; whether it has expired does not matter
// (OpenID Connect RP-Initiated Logout 1.0 §2). What is signed for another purpose is refused: another header, a userinfo
// answer. Errors: anything but such a token; they do not say why.
func ReadHint(compact, issuer string, published []byte) (Hint, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(published, &set); err != nil {
		return Hint{}, errors.New("token: the published keys are not a key set")
	}
	if len(compact) > MostHint {
		return Hint{}, errHint
	}
	for _, key := range set.Keys {
		if payload, ok := opened(compact, key); ok {
			return parseHint(payload, issuer)
		}
	}
	return Hint{}, errHint
}

// opened gives the payload of a JWS that a key signed as Seal had it signed. The header is compared as text: there is one
// way in which it was written.
func opened(compact string, key jose.JSONWebKey) ([]byte, bool) {
	alg := jose.SignatureAlgorithm(key.Algorithm)
	if _, ok := key.Key.(*ecdsa.PublicKey); ok && alg == "" {
		alg = jose.ES256
	}
	if alg != jose.ES256 && alg != jose.RS256 {
		return nil, false
	}
	header := new(object)
	header.text("alg", string(alg))
	header.text("kid", key.KeyID)
	text, err := header.close()
	if err != nil {
		return nil, false
	}
	parts := strings.Split(compact, ".")
	b64 := base64.RawURLEncoding.Strict()
	if len(parts) != 3 || parts[0] != b64.EncodeToString(text) || strings.ContainsAny(compact, "\r\n") {
		return nil, false
	}
	payload, err := b64.DecodeString(parts[1])
	if err != nil {
		return nil, false
	}
	if _, err := b64.DecodeString(parts[2]); err != nil {
		return nil, false
	}
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{alg})
	if err != nil {
		return nil, false
	}
	verified, err := jws.Verify(key.Key)
	return payload, err == nil && string(verified) == string(payload)
}

// parseHint reads the members that every ID token of ours has; a userinfo answer lacks some. A token may be without nonce,
// which clients of profile fapi2 need not send, and without sid.
func parseHint(payload []byte, issuer string) (Hint, error) {
	members, err := oauth.ParseObject(payload, mostHintDepth)
	if err != nil {
		return Hint{}, errHint
	}
	var h Hint
	var iss, level string
	var at float64
	for name, into := range map[string]any{
		"iss": &iss, "aud": &h.Audience, "sub": &h.Subject, "acr": &level, "auth_time": &at, "nonce": &h.Nonce, "sid": &h.Session,
	} {
		if raw, ok := members[name]; ok && json.Unmarshal(raw, into) != nil {
			return Hint{}, errHint
		}
	}
	for name, given := range map[string]string{"nonce": h.Nonce, "sid": h.Session} {
		if _, ok := members[name]; ok && given == "" {
			return Hint{}, errHint
		}
	}
	if iss != issuer || level == "" || h.Audience == "" || h.Subject == "" || at != math.Trunc(at) || at <= 0 || at > 1<<40 {
		return Hint{}, errHint
	}
	h.AuthTime = time.Unix(int64(at), 0).UTC()
	return h, nil
}
