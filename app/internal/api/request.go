package api

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/shared/wire"
)

// Expect is what a request must say to be shown.
type Expect struct {
	Issuer, Device string          // of the profile
	Keys           json.RawMessage // of the profile: the pinned JWK Set
	Ceremony       string          // as attached
	Nonce          []byte          // as attached
	Hop            string          // of the hop that was made
}

// ErrRequest says that a request is not one that this device may show: its signature, or what it says, is not as expected.
var ErrRequest = errors.New("api: the request is not one of this broker to this device")

const (
	requestType  = "pivot-request+jwt"
	mostRequest  = 64 << 10
	requestLife  = 120 * time.Second
	clockAllowed = 60 * time.Second // between two clocks of which one may have been corrected in whole seconds
	mostKeys     = 32
	mostKeySet   = 32 << 10
)

// VerifyRequest verifies a request and gives what it says. Keys that are not pinned yet are asked for once, of the broker
// itself; the keys returned are those to pin from now on. Errors: [ErrRequest], and those of a call.
func (c *Client) VerifyRequest(ctx context.Context, jws string, e Expect) (wire.Request, json.RawMessage, error) {
	if len(jws) > mostRequest {
		return wire.Request{}, nil, fmt.Errorf("%w: too long", ErrRequest)
	}
	signed, err := jose.ParseSignedCompact(jws, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return wire.Request{}, nil, fmt.Errorf("%w: no JWS", ErrRequest)
	}
	header := signed.Signatures[0].Protected
	if typ, ok := header.ExtraHeaders[jose.HeaderType].(string); !ok || typ != requestType || header.KeyID == "" ||
		header.JSONWebKey != nil || len(header.ExtraHeaders) != 1 {
		return wire.Request{}, nil, fmt.Errorf("%w: header", ErrRequest)
	}
	keys := e.Keys
	key, err := find(keys, header.KeyID)
	if errors.Is(err, errNoKey) {
		if keys, err = c.Keys(ctx); err != nil {
			return wire.Request{}, nil, err
		}
		key, err = find(keys, header.KeyID)
	}
	if err != nil {
		return wire.Request{}, nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return wire.Request{}, nil, fmt.Errorf("%w: signature", ErrRequest)
	}
	var r wire.Request
	if err := wire.Decode(payload, &r); err != nil {
		return wire.Request{}, nil, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	if err := e.check(r, c.Now()); err != nil {
		return wire.Request{}, nil, err
	}
	return r, keys, nil
}

func (e Expect) check(r wire.Request, now time.Time) error {
	issued, expires := time.Unix(r.Iat, 0), time.Unix(r.Exp, 0)
	for _, rule := range []struct {
		broken bool
		what   string
	}{
		{r.Iss != e.Issuer, "issuer"},
		{r.Aud != e.Device, "audience"},
		{r.Ceremony != e.Ceremony, "ceremony"},
		{!bytes.Equal(r.Nonce, e.Nonce), "nonce"},
		{r.Hop != e.Hop, "hop"},
		{r.Jti == "", "identifier"},
		{expires.Before(issued) || expires.Sub(issued) > requestLife, "lifetime"},
		{issued.After(now.Add(clockAllowed)), "not yet valid"},
		{!expires.After(now.Add(-clockAllowed)), "expired"},
	} {
		if rule.broken {
			return fmt.Errorf("%w: %s", ErrRequest, rule.what)
		}
	}
	return nil
}

var errNoKey = errors.New("no such key")

// find gives the key of that id.
func find(set json.RawMessage, id string) (*ecdsa.PublicKey, error) {
	keys, err := parseKeys(set)
	if err != nil {
		return nil, err
	}
	key, ok := keys[id]
	if !ok {
		return nil, errNoKey
	}
	return key, nil
}

// parseKeys reads a JWK Set of public P-256 keys for signatures, by their ids, no id twice.
func parseKeys(raw json.RawMessage) (map[string]*ecdsa.PublicKey, error) {
	var set jose.JSONWebKeySet
	if len(raw) > mostKeySet || json.Unmarshal(raw, &set) != nil || len(set.Keys) == 0 || len(set.Keys) > mostKeys {
		return nil, errors.New("no JWK Set")
	}
	out := make(map[string]*ecdsa.PublicKey, len(set.Keys))
	for _, k := range set.Keys {
		public, ok := k.Key.(*ecdsa.PublicKey)
		if !ok || public.Curve != elliptic.P256() || k.KeyID == "" || out[k.KeyID] != nil || k.Use != "" && k.Use != "sig" {
			return nil, errors.New("a JWK Set with something else than public P-256 keys for signatures")
		}
		out[k.KeyID] = public
	}
	return out, nil
}
