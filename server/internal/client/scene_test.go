package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

const (
	issuer   = "https://auth.example.fr/api/v2"
	callback = "https://sp.example.fr/cb"
	secret   = oauth.Secret("kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw")
)

// at is when the tests happen.
func at() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) }

// keys are the test's own: made once, never stored.
var keys = sync.OnceValue(func() (k struct{ sign, other, seal *ecdsa.PrivateKey },
) {
	for _, into := range []**ecdsa.PrivateKey{&k.sign, &k.other, &k.seal} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic("internal error: no random key: " + err.Error())
		}
		*into = key
	}
	return k
})

// jwks prints public keys as a client's metadata has them.
func jwks(t testing.TB, list ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func signKey() jose.JSONWebKey {
	return jose.JSONWebKey{Key: &keys().sign.PublicKey, KeyID: "s1", Use: "sig", Algorithm: "ES256"}
}

func sealKey() jose.JSONWebKey {
	return jose.JSONWebKey{Key: &keys().seal.PublicKey, KeyID: "e1", Use: "enc", Algorithm: "ECDH-ES"}
}

// record is a valid client of the plus profile that authenticates by secret.
func record(t testing.TB) client.Record {
	t.Helper()
	hash, err := client.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := client.Encryption{Alg: "ECDH-ES", Enc: "A256GCM"}
	return client.Record{
		ID: "sp-1", Name: "Démarches d'Exempleville", EntityID: strings.Repeat("e", 32), Active: true, Public: true,
		RedirectURIs: []string{callback, "https://sp.example.fr/autre?lang=fr"},
		JWKS:         jwks(t, sealKey()),
		Authentication: client.Authentication{
			Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{hash},
		},
		Rights: client.Rights{
			Scopes: []string{"given_name", "family_name", "profile"}, Claims: []string{"amr", "email"}, Prompts: []string{"login", "consent"},
		},
		Answers: client.Answers{IDToken: encrypted, Userinfo: encrypted},
	}
}

// signer is the same client, authenticating by private_key_jwt.
func signer(t testing.TB) client.Record {
	t.Helper()
	r := record(t)
	r.ID = "sp-2"
	r.JWKS = jwks(t, signKey(), sealKey())
	r.Authentication = client.Authentication{Method: oauth.PrivateKeyJWT}
	return r
}

func build(t testing.TB, r client.Record) *client.Client {
	t.Helper()
	c, err := client.New(r, oauth.Plus())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// offer is an issuer with a few scopes, one of which the client is not entitled to.
func offer() client.Offer {
	return client.Offer{
		Scope: func(name string) bool {
			return slices.Contains([]string{"openid", "given_name", "family_name", "profile", "email"}, name)
		},
		IDPHints: []string{"idp-global"},
	}
}

// request is a valid authorization request.
func request() url.Values {
	return url.Values{
		"client_id": {"sp-1"}, "redirect_uri": {callback}, "response_type": {"code"},
		"scope": {"openid given_name family_name"}, "acr_values": {"eidas2"},
		"state": {"état & co=1"}, "nonce": {"0123456789012345678901"},
	}
}

// memory is an honest Once.
type memory struct {
	mu    sync.Mutex
	until map[string]time.Time
}

func (m *memory) Spend(_ context.Context, kind, key string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.until == nil {
		m.until = make(map[string]time.Time)
	}
	if _, ok := m.until[kind+key]; ok {
		return client.ErrSpent
	}
	m.until[kind+key] = until
	return nil
}

// gone is a store that does not answer.
type gone struct{}

func (gone) Spend(context.Context, string, string, time.Time) error { return errGone }

var errGone = errors.New("the store is gone")

// members is a JSON object that keeps the order of what is written, and allows a member twice.
type members [][2]string

func (m members) encode() string {
	var parts []string
	for _, p := range m {
		parts = append(parts, `"`+p[0]+`":`+p[1])
	}
	return base64.RawURLEncoding.EncodeToString([]byte("{" + strings.Join(parts, ",") + "}"))
}

// with replaces a member, or adds it; an empty value removes it.
func (m members) with(name, value string) members {
	out := slices.DeleteFunc(slices.Clone(m), func(p [2]string) bool { return p[0] == name })
	if value != "" {
		out = append(out, [2]string{name, value})
	}
	return out
}

// also adds a member, be it there or not.
func (m members) also(name, value string) members {
	return append(slices.Clone(m), [2]string{name, value})
}
