package keyset_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/keyset"
)

// keys are the test's own: made once, never stored.
var keys = sync.OnceValue(func() (k struct {
	p256, p384 *ecdsa.PrivateKey
	rsa        *rsa.PrivateKey
},
) {
	var err error
	if k.p256, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic("internal error: no random key: " + err.Error())
	}
	if k.p384, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader); err != nil {
		panic("internal error: no random key: " + err.Error())
	}
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		panic("internal error: no random key: " + err.Error())
	}
	return k
})

func set(t testing.TB, list ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestPublished: a set that others write for everybody is read for what serves us; a record's own has nothing else.
func TestPublished(t *testing.T) {
	t.Parallel()
	sig := jose.JSONWebKey{Key: keys().p256.Public(), KeyID: "s", Use: "sig", Algorithm: "ES256"}
	enc := jose.JSONWebKey{Key: keys().p384.Public(), KeyID: "e", Use: "enc", Algorithm: "ECDH-ES"}
	many := make([]jose.JSONWebKey, 9)
	for i := range many {
		many[i] = jose.JSONWebKey{Key: keys().p256.Public(), KeyID: fmt.Sprint(i), Use: "sig"}
	}
	for _, tc := range []struct {
		name              string
		raw               []byte
		sign, seal        string // identifiers of the keys found
		published, parsed bool   // whether each of the two readers takes it
	}{
		{"both", set(t, sig, enc), "s", "e", true, true},
		{"none", set(t), "", "", true, true},
		{"without use", set(t, jose.JSONWebKey{Key: sig.Key, KeyID: "s", Algorithm: "ES256"}, jose.JSONWebKey{Key: enc.Key, KeyID: "e", Algorithm: "ECDH-ES"}), "s", "e", true, false},
		{"without use and alg", set(t, jose.JSONWebKey{Key: sig.Key, KeyID: "s"}), "", "", true, false},
		{"of RSA", set(t, sig, jose.JSONWebKey{Key: keys().rsa.Public(), KeyID: "r", Use: "sig", Algorithm: "RS256"}), "sr", "", true, true},
		{"of another algorithm", set(t, sig, jose.JSONWebKey{Key: keys().rsa.Public(), KeyID: "r", Use: "sig", Algorithm: "PS256"}), "s", "", true, false},
		{"of another curve", set(t, sig, jose.JSONWebKey{Key: keys().p384.Public(), KeyID: "r", Use: "sig"}), "s", "", true, false},
		{"without kid", set(t, sig, jose.JSONWebKey{Key: sig.Key, Use: "sig"}), "s", "", true, false},
		{"a kid twice", set(t, sig, sig), "s", "", true, false},
		{"of an unknown type", []byte(`{"keys":[{"kty":"AKP","alg":"ML-DSA-65","pub":"AA","kid":"q","use":"sig"},` + string(set(t, sig)[9:])), "s", "", true, false},
		{"not on the curve", []byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA","kid":"q","use":"sig"},` + string(set(t, sig)[9:])), "s", "", true, false},
		{"private", set(t, sig, jose.JSONWebKey{Key: keys().p256, KeyID: "p", Use: "sig"}), "", "", false, false},
		{"private RSA", set(t, sig, jose.JSONWebKey{Key: keys().rsa, KeyID: "p", Use: "enc"}), "", "", false, false},
		{"symmetric", set(t, sig, jose.JSONWebKey{Key: []byte("secret"), KeyID: "p", Use: "sig"}), "", "", false, false},
		{"too many of one use", set(t, many...), "", "", false, false},
		{"too many", []byte(`{"keys":[` + strings.Repeat(`{"kty":"OKP"},`, 64) + `{}]}`), "", "", false, false},
		{"too long", []byte(`{"keys":[],"x":"` + strings.Repeat("x", 32<<10) + `"}`), "", "", false, false},
		{"a member twice", []byte(`{"keys":[],"keys":[]}`), "", "", false, false},
		{"no list", []byte(`{"keys":{}}`), "", "", false, false},
		{"no keys", []byte(`{}`), "", "", false, false},
		{"a list", []byte(`[]`), "", "", false, false},
		{"nothing", nil, "", "", false, true}, // a record without keys
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := keyset.ParsePublished(tc.raw)
			if (err == nil) != tc.published {
				t.Fatalf("published: %v", err)
			}
			if _, err := keyset.Parse(tc.raw); (err == nil) != tc.parsed {
				t.Errorf("in a record: %v", err)
			}
			var sign, seal string
			for _, k := range got.Signing("") {
				sign += k.KeyID
			}
			if k, ok := got.Sealing("ECDH-ES"); ok {
				seal = k.KeyID
			}
			if sign != tc.sign || seal != tc.seal {
				t.Errorf("keys %q and %q, want %q and %q", sign, seal, tc.sign, tc.seal)
			}
			if len(got.Signing("nobody")) != 0 {
				t.Error("a key of another name")
			}
		})
	}
}

// FuzzPublished: whatever comes back from an address, it is refused or every key is public and has a name.
func FuzzPublished(f *testing.F) {
	f.Add(set(f, jose.JSONWebKey{Key: keys().p256.Public(), KeyID: "s", Use: "sig"}))
	f.Add([]byte(`{"keys":[{"kty":"RSA","use":"enc","kid":"k","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := keyset.ParsePublished(raw)
		if err != nil {
			return
		}
		all := got.Signing("")
		if k, ok := got.Sealing("ECDH-ES"); ok {
			all = append(all, k)
		}
		for _, k := range all {
			if !k.IsPublic() || k.KeyID == "" || !k.Valid() {
				t.Errorf("key %q", k.KeyID)
			}
		}
	})
}
