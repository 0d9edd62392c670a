package client

import (
	"context"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

const (
	objectType  = "oauth-authz-req+jwt" // RFC 9101 §10.8: so that no other token of the client passes for a request
	objectLife  = time.Hour             // FAPI 2.0 Message Signing §5.3.1
	objectDepth = 8                     // of the claims parameter, inside
)

// checkObjects wants an algorithm and a key for requests that are signed.
func (c *Client) checkObjects() error {
	switch a := c.record.Authentication; {
	case a.ObjectAlg == "" && a.SignedOnly:
		return errors.New("is missing: require_signed_request_object needs it")
	case a.ObjectAlg == "":
		return nil
	case a.ObjectAlg != string(jose.ES256):
		return fmt.Errorf("%q is not ES256", a.ObjectAlg)
	case a.JWKSURI == "" && len(curved(c.keys.Signing(""))) == 0:
		return errors.New("goes with a key of use sig for ES256 in jwks")
	}
	return nil
}

// checkProfile wants of a client that follows the FAPI 2.0 Security Profile (§5.3.2.1) that it authenticates by a key,
// and that nothing is signed by RS256 (§5.4.1). What else the profile demands is demanded of each of its requests, whatever
// the rest of its record says.
func (c *Client) checkProfile() error {
	answers := c.record.Answers
	switch a := c.record.Authentication; {
	case !a.FAPI:
		return nil
	case a.Method != oauth.PrivateKeyJWT:
		return errors.New("fapi2 goes with token_endpoint_auth_method private_key_jwt")
	case slices.Contains([]string{answers.IDTokenSigned, answers.UserinfoSigned}, string(jose.RS256)):
		return errors.New("fapi2 goes without RS256: ID tokens and userinfo are signed by ES256")
	case c.keys.Verifies(string(jose.RS256)):
		return errors.New("fapi2 goes without RS256: jwks has a key of use sig for it")
	}
	return nil
}

// OpenRequest judges an authorization request that this client signed (RFC 9101 §4, §6) and gives its parameters. Errors: a
// PageError, for until then nobody knows whose address it names; any other when the check could not be made.
func (c *Client) OpenRequest(ctx context.Context, object oauth.Secret, check Check) (url.Values, error) {
	if !c.Active() {
		return nil, oauth.PageError{Err: oauth.FaultUnknownClient.Err(), Parameter: "client_id"}
	}
	refused := func(f oauth.Fault) error { return oauth.PageError{Err: f.Err(), Parameter: "request"} }
	if c.record.Authentication.ObjectAlg == "" {
		return nil, refused(oauth.FaultObjectUnregistered)
	}
	keyID, ok := objectHeader(string(object))
	if !ok {
		return nil, refused(oauth.FaultObjectForm)
	}
	keys, err := c.signingKeys(ctx, keyID, check.Keys)
	if err != nil {
		return nil, err
	}
	jws, err := jose.ParseSignedCompact(string(object), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, refused(oauth.FaultObjectForm)
	}
	payload, err := signedBy(jws, curved(keys))
	if err != nil {
		return nil, refused(oauth.FaultObjectSignature)
	}
	members, err := oauth.ParseObject(payload, objectDepth)
	if err != nil {
		return nil, refused(oauth.FaultObjectForm)
	}
	if fault := c.judgeObject(members, check); fault != 0 {
		return nil, refused(fault)
	}
	return inside(members), nil
}

// objectHeader reads the header of a signed request, which names a key or none. What would change how the rest is read, or
// bring a key of its own, is refused.
func objectHeader(object string) (keyID string, ok bool) {
	parts := strings.Split(object, ".")
	if len(parts) != 3 {
		return "", false
	}
	var first []byte
	for i, part := range parts { // one text for one value: the library accepts several
		raw, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil || len(raw) == 0 || strings.ContainsAny(part, "\r\n") {
			return "", false
		}
		if i == 0 {
			first = raw
		}
	}
	members, err := oauth.ParseObject(first, mostAssertionDepth)
	if err != nil {
		return "", false
	}
	for _, name := range []string{"crit", "b64", "zip", "cty", "jku", "jwk", "x5u", "x5c"} {
		if _, has := members[name]; has {
			return "", false
		}
	}
	alg, _ := text(members, "alg")
	typ, _ := text(members, "typ")
	if alg != string(jose.ES256) || !strings.EqualFold(strings.TrimPrefix(typ, "application/"), objectType) {
		return "", false
	}
	if _, has := members["kid"]; has {
		keyID, ok = text(members, "kid")
		return keyID, ok && keyID != "" && len(keyID) <= mostText
	}
	return "", true
}

// curved keeps the keys of ES256.
func curved(keys []jose.JSONWebKey) []jose.JSONWebKey {
	return slices.DeleteFunc(slices.Clone(keys), func(k jose.JSONWebKey) bool {
		_, ok := k.Key.(*ecdsa.PublicKey)
		return !ok
	})
}

var errUnsigned = errors.New("client: no key of the client signed it")

func signedBy(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, error) {
	for _, k := range keys {
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errUnsigned
}

// judgeObject compares what is said of the request itself with what must be. It may come again until it expires: a person
// may reload a page.
func (c *Client) judgeObject(members map[string]json.RawMessage, check Check) oauth.Fault {
	issuer, ok := text(members, "iss")
	to, single := audience(members)
	if _, has := members["sub"]; has || !ok || issuer != c.record.ID || !single || to != check.Issuer {
		return oauth.FaultObjectClaims // RFC 9101 §10.8: without sub, so that it is no client assertion
	}
	latest, oldest := check.Now.Add(clockSkew), check.Now.Add(-clockSkew)
	expiry, ok := date(members, "exp")
	if !ok || !expiry.After(oldest) || expiry.After(latest.Add(objectLife)) {
		return oauth.FaultObjectTime
	}
	for _, name := range []string{"nbf", "iat"} {
		if _, has := members[name]; !has {
			continue
		}
		if at, ok := date(members, name); !ok || at.After(latest) || at.Before(oldest.Add(-objectLife)) {
			return oauth.FaultObjectTime
		}
	}
	return 0
}

// inside are the parameters of a signed request: a member that is no string is its JSON text, as claims may be an object
// (OpenID Connect Core §6.1).
func inside(members map[string]json.RawMessage) url.Values {
	values := make(url.Values, len(members))
	for name, raw := range members {
		if slices.Contains([]string{"iss", "aud", "exp", "nbf", "iat", "jti"}, name) {
			continue
		}
		value, ok := text(members, name)
		if !ok {
			value = string(raw)
		}
		values.Set(name, value)
	}
	return values
}
