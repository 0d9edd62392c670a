package client_test

import (
	"context"
	"errors"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/client"
	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

const jwksURI = "https://sp.example.fr/jwks"

// publisher is the client of private_key_jwt whose keys are at an address.
func publisher(t testing.TB) client.Record {
	t.Helper()
	r := signer(t)
	r.JWKS, r.Authentication.JWKSURI = nil, jwksURI
	return r
}

// source answers with one set after another; the last again and again.
type source struct {
	sets  [][]byte
	asked int
	err   error
}

func (s *source) Keys(_ context.Context, address string, has func(keyset.Set) bool) (keyset.Set, error) {
	if s.err != nil || address != jwksURI {
		return keyset.Set{}, errors.Join(s.err, errGone)
	}
	for {
		set, err := keyset.ParsePublished(s.sets[s.asked])
		if err != nil || has(set) || s.asked == len(s.sets)-1 {
			return set, err
		}
		s.asked++
	}
}

// TestPublishedKeys: an assertion is judged by the keys that are published now, and a key that is not there is asked for.
func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	old := jose.JSONWebKey{Key: &keys().other.PublicKey, KeyID: "s0", Use: "sig", Algorithm: "ES256"}
	for _, row := range []struct {
		name   string
		source keyset.Source
		want   oauth.Fault
		asked  int
	}{
		{"the base", &source{sets: [][]byte{jwks(t, signKey())}}, 0, 0},
		{"a new key", &source{sets: [][]byte{jwks(t, old), jwks(t, signKey())}}, 0, 1},
		{"no such key", &source{sets: [][]byte{jwks(t, old)}}, oauth.FaultAssertionKey, 0},
		{"another key of that name", &source{sets: [][]byte{jwks(t, jose.JSONWebKey{Key: old.Key, KeyID: "s1", Use: "sig"})}}, oauth.FaultAssertionSignature, 0},
		{"a key for encryption", &source{sets: [][]byte{jwks(t, jose.JSONWebKey{Key: &keys().sign.PublicKey, KeyID: "s1", Use: "enc"})}}, oauth.FaultAssertionKey, 0},
		{"nothing published", &source{err: keyset.ErrUnavailable}, oauth.FaultUnavailable, 0},
		{"no source", nil, oauth.FaultUnavailable, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := check(new(memory))
			k.Keys = row.source
			cred := oauth.Credentials{
				Method: oauth.PrivateKeyJWT, ClientID: "sp-2",
				Presented: oauth.Secret(sign(t, keys().sign, joseHeader().encode(), claims().encode())),
			}
			wantFault(t, build(t, publisher(t)).Authenticate(t.Context(), cred, k), row.want)
			if s, ok := row.source.(*source); ok && s.asked != row.asked {
				t.Errorf("asked %d times more", s.asked)
			}
		})
	}
	// Nobody else makes us ask.
	k := check(new(memory))
	s := &source{sets: [][]byte{jwks(t, signKey())}, err: errors.New("asked")}
	k.Keys = s
	struck := publisher(t)
	struck.Active = false
	for _, c := range []*client.Client{nil, build(t, struck), build(t, record(t))} {
		cred := oauth.Credentials{
			Method: oauth.PrivateKeyJWT, ClientID: "sp-2",
			Presented: oauth.Secret(sign(t, keys().sign, joseHeader().encode(), claims().encode())),
		}
		wantFault(t, c.Authenticate(t.Context(), cred, k), oauth.FaultAuthUnknownClient)
	}
}

func TestPublishedEncryptionKey(t *testing.T) {
	t.Parallel()
	c := build(t, publisher(t))
	k, err := c.EncryptionKey(t.Context(), "ECDH-ES", &source{sets: [][]byte{jwks(t, signKey()), jwks(t, sealKey())}})
	if err != nil || k.KeyID != "e1" {
		t.Errorf("%q, %v", k.KeyID, err)
	}
	if _, err = c.EncryptionKey(t.Context(), "ECDH-ES", &source{sets: [][]byte{jwks(t, signKey())}}); err == nil || errors.Is(err, keyset.ErrUnavailable) {
		t.Errorf("no such key: %v", err)
	}
	for _, s := range []keyset.Source{nil, &source{err: keyset.ErrUnavailable}} {
		if _, err = c.EncryptionKey(t.Context(), "ECDH-ES", s); !errors.Is(err, keyset.ErrUnavailable) {
			t.Errorf("%v", err)
		}
	}
}

// TestRecordOfPublishedKeys: keys are in one place, at an address that may be asked.
func TestRecordOfPublishedKeys(t *testing.T) {
	t.Parallel()
	if _, err := client.New(publisher(t), oauth.Plus()); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ uri, want string }{
		{"http://sp.example.fr/jwks", "https"},
		{"https://127.0.0.1/jwks", "https"},
		{"https://intranet/jwks", "https"},
		{"https://u@sp.example.fr/jwks", "user name"},
	} {
		r := publisher(t)
		r.Authentication.JWKSURI = row.uri
		_, err := client.New(r, oauth.Plus())
		checkField(t, row.uri, err, "jwks_uri", row.want)
	}
	both := publisher(t)
	both.JWKS = jwks(t, signKey(), sealKey())
	_, err := client.New(both, oauth.Plus())
	checkField(t, "both", err, "jwks_uri", "goes without jwks")
	local := publisher(t)
	local.Authentication.JWKSURI = "http://127.0.0.1:9000/jwks"
	if _, err := client.New(local, oauth.Plus().OnLoopback()); err != nil {
		t.Error(err)
	}
}
