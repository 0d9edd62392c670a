package device

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/shared/wire"
)

const (
	mostProof = 4 << 10         // octets of a call's proof
	skew      = 2 * time.Minute // between the device's clock and ours

	// Octets of a jti: those of 128 random bits at least.
	leastID = 16
	mostID  = 64

	typeCall = "dpop+jwt"
)

// CallRequest is the call as it arrived.
type CallRequest struct {
	Method string
	URL    string // origin of the issuer and path, without query
	Body   []byte // as it arrived; empty for GET
	Now    time.Time
}

// Call is a call whose signature holds.
type Call struct {
	Key Key    // that signed: whose it is, is the caller's to find
	ID  string // jti: to be spent once, for five minutes
}

// callHeader and callClaims are what a proof holds, and all that it may hold.
type callHeader struct {
	Typ string          `json:"typ"`
	Alg string          `json:"alg"`
	JWK json.RawMessage `json:"jwk"`
}

type callClaims struct {
	Jti string `json:"jti"`
	Htm string `json:"htm"`
	Htu string `json:"htu"`
	Iat int64  `json:"iat"`
	Bh  string `json:"bh"` // base64url SHA-256 of the body, in place of RFC 9449's access token hash
}

// ParseCall judges the header DPoP of one call (RFC 9449 §4.3, with a hash of the body). It does not know whose the key
// is, nor whether the identifier was used before. Errors: a [*Refusal] with one of the reasons of a call; clock comes
// last, so that only a device whose call is otherwise good learns our time.
func ParseCall(proof string, want CallRequest) (Call, error) {
	header, payload, err := parseCompact(proof)
	if err != nil {
		return Call{}, err
	}
	key, err := ParseJWK(header.JWK)
	if err != nil {
		return Call{}, refuse(ReasonMalformed, err)
	}
	jws, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return Call{}, refuse(ReasonMalformed, nil)
	}
	if signed, err := jws.Verify(key.public); err != nil || !bytes.Equal(signed, payload) {
		return Call{}, refuse(ReasonSignature, nil)
	}
	var c callClaims
	if err := wire.Decode(payload, &c); err != nil {
		return Call{}, refuse(ReasonMalformed, err)
	}
	if id, ok := decode64(c.Jti); !ok || len(id) < leastID || len(id) > mostID {
		return Call{}, refuse(ReasonMalformed, errors.New("jti"))
	}
	if reason, ok := c.judge(want); !ok {
		return Call{}, refuse(reason, nil)
	}
	return Call{Key: key, ID: c.Jti}, nil
}

// parseCompact reads the form of a proof and its header: three parts in their one spelling, no member but three.
func parseCompact(proof string) (callHeader, []byte, error) {
	parts := strings.Split(proof, ".")
	if len(proof) > mostProof || len(parts) != 3 {
		return callHeader{}, nil, refuse(ReasonMalformed, errors.New("not a compact JWS"))
	}
	var decoded [3][]byte
	for i, part := range parts {
		raw, ok := decode64(part)
		if !ok || len(raw) == 0 {
			return callHeader{}, nil, refuse(ReasonMalformed, errors.New("not base64url"))
		}
		decoded[i] = raw
	}
	var h callHeader
	if err := wire.Decode(decoded[0], &h); err != nil {
		return callHeader{}, nil, refuse(ReasonMalformed, err)
	}
	if h.Typ != typeCall || h.Alg != string(jose.ES256) {
		return callHeader{}, nil, refuse(ReasonMalformed, errors.New("another typ or alg"))
	}
	return h, decoded[1], nil
}

// judge compares what was signed with what arrived.
func (c callClaims) judge(want CallRequest) (Reason, bool) {
	digest := sha256.Sum256(want.Body)
	at := time.Unix(c.Iat, 0)
	switch {
	case c.Htm != want.Method || want.Method == "":
		return ReasonMethod, false
	case c.Htu != want.URL || want.URL == "":
		return ReasonURL, false
	case c.Bh != base64url.EncodeToString(digest[:]):
		return ReasonBody, false
	case at.Before(want.Now.Add(-skew)) || at.After(want.Now.Add(skew)):
		return ReasonClock, false
	}
	return "", true
}
