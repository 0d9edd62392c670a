package client_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// rsaKeys are two keys of 2048 bits: the client's, and another's.
var rsaKeys = sync.OnceValue(func() (k [2]*rsa.PrivateKey) {
	for i := range k {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("internal error: no random key: " + err.Error())
		}
		k[i] = key
	}
	return k
})

func rsaSigner(t testing.TB) client.Record {
	t.Helper()
	r := signer(t)
	r.JWKS = jwks(t, signKey(), sealKey(), jose.JSONWebKey{Key: rsaKeys()[0].Public(), KeyID: "r1", Use: "sig", Algorithm: "RS256"})
	return r
}

// TestB8AssertionByRS256: profile standard takes RS256 beside ES256 (franceconnect.md 1.6, low), profile plus does not, and
// neither takes a key for the other algorithm.
func TestB8AssertionByRS256(t *testing.T) {
	t.Parallel()
	byRSA := func(key *rsa.PrivateKey, h members) string {
		input := h.encode() + "." + claims().encode()
		digest := sha256.Sum256([]byte(input))
		raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return input + "." + base64.RawURLEncoding.EncodeToString(raw)
	}
	mine, other := rsaKeys()[0], rsaKeys()[1]
	rs := joseHeader().with("alg", `"RS256"`).with("kid", `"r1"`)
	both := []string{"ES256", "RS256"}
	for _, row := range []struct {
		name, assertion string
		algs            []string
		want            oauth.Fault
	}{
		{"RS256", byRSA(mine, rs), both, 0},
		{"RS256 without kid", byRSA(mine, rs.with("kid", "")), both, 0},
		{"ES256 beside it", sign(t, keys().sign, joseHeader().encode(), claims().encode()), both, 0},
		{"RS256 where ES256 alone is served", byRSA(mine, rs), []string{"ES256"}, oauth.FaultAssertionHeader},
		{"RS256 where nothing is said", byRSA(mine, rs), nil, oauth.FaultAssertionHeader},
		{"by another key", byRSA(other, rs), both, oauth.FaultAssertionSignature},
		{"RS256 with the name of the ES256 key", byRSA(mine, rs.with("kid", `"s1"`)), both, oauth.FaultAssertionSignature},
		{"ES256 with the name of the RS256 key", sign(t, keys().sign, joseHeader().with("kid", `"r1"`).encode(), claims().encode()), both, oauth.FaultAssertionSignature},
		{"PS256", byRSA(mine, rs.with("alg", `"PS256"`)), both, oauth.FaultAssertionHeader},
		{"HS256", byRSA(mine, rs.with("alg", `"HS256"`)), both, oauth.FaultAssertionHeader},
		{"none", byRSA(mine, rs.with("alg", `"none"`)), both, oauth.FaultAssertionHeader},
		{"a name that is nobody's", byRSA(mine, rs.with("kid", `"r2"`)), both, oauth.FaultAssertionKey},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			with := check(&memory{})
			with.Algs = row.algs
			cred := oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: oauth.Secret(row.assertion)}
			wantFault(t, build(t, rsaSigner(t)).Authenticate(t.Context(), cred, with), row.want)
			// Whoever asks for a client that does not exist waits for a key of the same kind, and learns nothing.
			if row.want == 0 {
				var nobody *client.Client
				wantFault(t, nobody.Authenticate(t.Context(), cred, with), oauth.FaultAuthUnknownClient)
			}
		})
	}
}

// TestB8SignatureOfTheRecord: what a record may ask for, by its profile.
func TestB8SignatureOfTheRecord(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		change  func(*client.Record)
		profile oauth.Profile
		key     string // at fault; empty for none
	}{
		{"ES256 at plus", func(r *client.Record) { r.Answers.IDTokenSigned, r.Answers.UserinfoSigned = "ES256", "ES256" }, oauth.Plus(), ""},
		{"RS256 at standard", func(r *client.Record) { r.Answers.IDTokenSigned, r.Answers.UserinfoSigned = "RS256", "RS256" }, oauth.Standard(), ""},
		{"ID token by RS256 at plus", func(r *client.Record) { r.Answers.IDTokenSigned = "RS256" }, oauth.Plus(), "id_token_signed_response_alg"},
		{"userinfo by RS256 at plus", func(r *client.Record) { r.Answers.UserinfoSigned = "RS256" }, oauth.Plus(), "userinfo_signed_response_alg"},
		{"HS256", func(r *client.Record) { r.Answers.IDTokenSigned = "HS256" }, oauth.Standard(), "id_token_signed_response_alg"},
		{"none", func(r *client.Record) { r.Answers.UserinfoSigned = "none" }, oauth.Standard(), "userinfo_signed_response_alg"},
		{"a key for RS256 alone at standard", onlyRSA(t), oauth.Standard(), ""},
		{"a key for RS256 alone at plus", onlyRSA(t), oauth.Plus(), "token_endpoint_auth_method"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := signer(t)
			row.change(&r)
			_, err := client.New(r, row.profile)
			field, refused := errors.AsType[*client.FieldError](err)
			if refused != (row.key != "") || refused && field.Key != row.key {
				t.Errorf("%v, want a fault of %q", err, row.key)
			}
		})
	}
}

func onlyRSA(t *testing.T) func(*client.Record) {
	return func(r *client.Record) {
		r.JWKS = jwks(t, sealKey(), jose.JSONWebKey{Key: rsaKeys()[0].Public(), KeyID: "r1", Use: "sig"})
	}
}
