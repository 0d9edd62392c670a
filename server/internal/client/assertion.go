package client

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

const (
	// An assertion lives a minute at most, and clocks may differ by ten seconds (FAPI 2.0 Security Profile §5.3.2.1).
	assertionLife = 60 * time.Second
	clockSkew     = 10 * time.Second

	mostAssertionDepth = 4
	mostID             = 256 // bytes of jti
	assertionKind      = "client-assertion"
)

// authenticateAssertion is private_key_jwt: RFC 7523 §3 with the audience of RFC 10070, and RFC 8725. In order: form and
// header, signature, claims, and last the one use of its jti, so that nobody else can spend it.
func (c *Client) authenticateAssertion(ctx context.Context, cred oauth.Credentials, check Check) error {
	header, ok := parseHeader(string(cred.Presented))
	if !ok || !check.takes(header.alg) {
		return oauth.FaultAssertionHeader.Err()
	}
	keys, err := c.assertionKeys(ctx, header, cred, check.Keys)
	if err != nil {
		return err
	}
	payload, signed := verify(string(cred.Presented), header.alg, keys)
	if err := c.may(cred); err != nil {
		return err
	}
	if signed != nil {
		return signed
	}
	a, fault := parseAssertion(payload)
	if fault == 0 && a.listed && c.FAPI() {
		fault = oauth.FaultAssertionAudience // a string alone (FAPI 2.0 Security Profile §5.3.2.1)
	}
	if fault == 0 {
		fault = a.judge(c.record.ID, check)
	}
	if fault != 0 {
		return fault.Err()
	}
	err = check.Once.Spend(ctx, assertionKind, spentKey(check.Issuer, c.record.ID, a.id), a.expiry.Add(clockSkew))
	if errors.Is(err, ErrSpent) {
		return oauth.FaultAssertionReplayed.Err()
	}
	if err != nil {
		return fmt.Errorf("client: spending an assertion: %w", err)
	}
	return nil
}

// header is what is read of the JOSE header.
type header struct {
	alg   string
	keyID string // empty when there is none
}

// parseHeader accepts the types of a client assertion. What would change how the rest is read, or bring a key of
// its own, is refused rather than ignored; the rest is ignored (RFC 7515 §4).
func parseHeader(assertion string) (header, bool) {
	raw, ok := joseHeader(assertion)
	if !ok {
		return header{}, false
	}
	members, err := oauth.ParseObject(raw, mostAssertionDepth)
	if err != nil {
		return header{}, false
	}
	for _, name := range []string{"crit", "b64", "zip", "cty", "jku", "jwk", "x5u", "x5c"} {
		if _, ok := members[name]; ok {
			return header{}, false
		}
	}
	var h header
	if h.alg, ok = text(members, "alg"); !ok {
		return header{}, false
	}
	if _, has := members["typ"]; has {
		typ, ok := text(members, "typ")
		if !ok || !strings.EqualFold(typ, "JWT") && !strings.EqualFold(typ, "client-authentication+jwt") {
			return header{}, false
		}
	}
	if _, has := members["kid"]; has {
		h.keyID, ok = text(members, "kid")
		ok = ok && h.keyID != "" && len(h.keyID) <= mostText
	}
	return h, ok
}

// joseHeader checks the form of a compact JWS, and gives the bytes of its header. The strict decoding leaves one text for
// one value: the library accepts several.
func joseHeader(assertion string) ([]byte, bool) {
	parts := strings.Split(assertion, ".")
	if len(assertion) > oauth.MostAssertion || len(parts) != 3 || strings.ContainsAny(assertion, "\r\n") {
		return nil, false
	}
	var first []byte
	for i, part := range parts {
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(raw) == 0 {
			return nil, false
		}
		if i == 0 {
			first = raw
		}
	}
	return first, true
}

// text reads a member that must be a string.
func text(members map[string]json.RawMessage, name string) (string, bool) {
	var s *string
	if raw, ok := members[name]; !ok || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// assertionKeys are those that may have signed: none of a client that may not authenticate so, or sign so (FAPI 2.0 Security
// Profile §5.4.1). Errors: its key set cannot
// be had, which says nothing of the assertion.
func (c *Client) assertionKeys(ctx context.Context, h header, cred oauth.Credentials, source keyset.Source) ([]jose.JSONWebKey, error) {
	if c.may(cred) != nil || c.FAPI() && h.alg == string(jose.RS256) {
		return nil, nil
	}
	return c.signingKeys(ctx, h.keyID, source)
}

func (c *Client) signingKeys(ctx context.Context, keyID string, source keyset.Source) ([]jose.JSONWebKey, error) {
	set, err := c.keySet(ctx, source, func(s keyset.Set) bool { return len(s.Signing(keyID)) > 0 })
	if errors.Is(err, keyset.ErrUnavailable) {
		return nil, errors.Join(oauth.FaultUnavailable.Err(), err)
	}
	return set.Signing(keyID), err
}

// takes reports whether assertions may be signed so.
func (c Check) takes(alg string) bool {
	if len(c.Algs) == 0 {
		return alg == string(jose.ES256)
	}
	return slices.Contains(c.Algs, alg)
}

// verify tries keys. None, of a client without keys or unknown, costs one verification too, with a key that nobody holds.
func verify(assertion, alg string, keys []jose.JSONWebKey) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(assertion, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, oauth.FaultAssertionHeader.Err()
	}
	if len(keys) == 0 {
		// For its time alone: whatever it says, there is no key of the client.
		_, _ = jws.Verify(decoyOf(alg))
		return nil, oauth.FaultAssertionKey.Err()
	}
	for _, k := range keys {
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, nil
		}
	}
	return nil, oauth.FaultAssertionSignature.Err()
}

// decoy is a P-256 key whose private half nobody knows: its abscissa is the SHA-256 of a sentence, its ordinate even.
// It is made once, because making it would show an unknown client by its time.
var decoy = sync.OnceValue(func() *ecdsa.PublicKey {
	x := sha256.Sum256([]byte(decoySentence))
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x[:], []byte(decoyY)))
	if err != nil {
		panic("client: internal error: the decoy is no point of the curve")
	}
	return key
})

// decoyOf is the decoy of an algorithm, so that trying it takes the time of a client's own key.
func decoyOf(alg string) crypto.PublicKey {
	if alg == string(jose.RS256) {
		return decoyModulus()
	}
	return decoy()
}

// decoyModulus is an odd number of 3072 bits that nobody has factored: hashes of the same sentence, numbered.
var decoyModulus = sync.OnceValue(func() *rsa.PublicKey {
	var raw []byte
	for i := range 12 {
		part := sha256.Sum256(append([]byte(decoySentence), byte(i)))
		raw = append(raw, part[:]...)
	}
	raw[0], raw[len(raw)-1] = raw[0]|0x80, raw[len(raw)-1]|1
	return &rsa.PublicKey{N: new(big.Int).SetBytes(raw), E: 65537}
})

const (
	decoySentence = "pivot: a key that nobody holds 0"
	decoyY        = "\xec\xe5\xa4\xf8\x30\x41\x92\x80\x49\x9c\x45\xf1\xc7\xef\x08\x36\x67\xd3\x86\x1e\x0d\x0a\x16\xe3\x90\x82\xdf\xb2\x81\x34\xdd\x74"
)

// assertion is what is read of the claims, after the signature.
type assertion struct {
	issuer, subject, audience, id string
	listed                        bool // the audience came as a list
	expiry                        time.Time
	issuedAt, notBefore           time.Time // zero when not given
}

// parseAssertion reads the claims of RFC 7523 §3. The fault is that of the first claim that is missing or of another type.
func parseAssertion(payload []byte) (assertion, oauth.Fault) {
	members, err := oauth.ParseObject(payload, mostAssertionDepth)
	if err != nil {
		return assertion{}, oauth.FaultAssertionHeader
	}
	var a assertion
	var ok bool
	for _, claim := range []struct {
		name  string
		into  *string
		fault oauth.Fault
	}{
		{"iss", &a.issuer, oauth.FaultAssertionIssuer},
		{"sub", &a.subject, oauth.FaultAssertionSubject},
		{"jti", &a.id, oauth.FaultAssertionID},
	} {
		if *claim.into, ok = text(members, claim.name); !ok {
			return assertion{}, claim.fault
		}
	}
	if a.audience, ok = audience(members); !ok {
		return assertion{}, oauth.FaultAssertionAudience
	}
	_, single := text(members, "aud")
	a.listed = !single
	if a.expiry, ok = date(members, "exp"); !ok {
		return assertion{}, oauth.FaultAssertionExpiry
	}
	for name, into := range map[string]*time.Time{"iat": &a.issuedAt, "nbf": &a.notBefore} {
		if _, has := members[name]; !has {
			continue
		}
		if *into, ok = date(members, name); !ok {
			return assertion{}, oauth.FaultAssertionTime
		}
	}
	return a, 0
}

// audience is one name: a string, or a list of one. A list of several would let another server use the assertion here.
func audience(members map[string]json.RawMessage) (string, bool) {
	if s, ok := text(members, "aud"); ok {
		return s, true
	}
	var list []*string
	if json.Unmarshal(members["aud"], &list) != nil || len(list) != 1 || list[0] == nil {
		return "", false
	}
	return *list[0], true
}

// date reads a NumericDate (RFC 7519 §2): seconds, possibly with a fraction, until the year 9999.
func date(members map[string]json.RawMessage, name string) (time.Time, bool) {
	var seconds *float64
	if raw, ok := members[name]; !ok || json.Unmarshal(raw, &seconds) != nil || seconds == nil {
		return time.Time{}, false
	}
	if *seconds < 0 || *seconds > 253402300799 {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(*seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true
}

// judge compares the claims with what they must say.
func (a assertion) judge(clientID string, check Check) oauth.Fault {
	latest := check.Now.Add(clockSkew)
	switch {
	case a.issuer != clientID:
		return oauth.FaultAssertionIssuer
	case a.subject != clientID:
		return oauth.FaultAssertionSubject
	case a.audience != check.Issuer:
		return oauth.FaultAssertionAudience
	case !a.expiry.After(check.Now.Add(-clockSkew)):
		return oauth.FaultAssertionTime
	case a.expiry.After(latest.Add(assertionLife)):
		return oauth.FaultAssertionTime
	case a.issuedAt.After(latest), a.notBefore.After(latest):
		return oauth.FaultAssertionTime
	case a.id == "" || len(a.id) > mostID:
		return oauth.FaultAssertionID
	}
	return 0
}

// spentKey names one assertion of one client at one issuer. Lengths keep the parts apart: no others give the same key.
func spentKey(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}
