package client_test

import (
	"crypto/elliptic"
	"crypto/sha256"
	"math/big"
	"testing"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// TestDecoyIsNobodys makes the decoy again from its sentence: whoever chose it could not know its private key.
func TestDecoyIsNobodys(t *testing.T) {
	t.Parallel()
	point, err := client.Decoy().Bytes()
	if err != nil {
		t.Fatal(err)
	}
	x := sha256.Sum256([]byte("pivot: a key that nobody holds 0"))
	p := elliptic.P256().Params()
	// y² = x³ - 3x + b
	square := new(big.Int).Exp(new(big.Int).SetBytes(x[:]), big.NewInt(3), p.P)
	square.Sub(square, new(big.Int).Mul(big.NewInt(3), new(big.Int).SetBytes(x[:])))
	square.Add(square, p.B).Mod(square, p.P)
	y := new(big.Int).ModSqrt(square, p.P)
	if y == nil {
		t.Fatal("the sentence gives no point")
	}
	if y.Bit(0) == 1 {
		y.Sub(p.P, y)
	}
	want := append([]byte{4}, x[:]...)
	want = append(want, y.FillBytes(make([]byte, 32))...)
	if string(point) != string(want) {
		t.Errorf("decoy %x, want %x", point, want)
	}
}

// FuzzAuthenticateAssertion: no text that the fuzzer makes authenticates, but the one that the client's key signed.
func FuzzAuthenticateAssertion(f *testing.F) {
	c := build(f, signer(f))
	valid := sign(f, keys().sign, joseHeader().encode(), claims().encode())
	f.Add(valid)
	f.Add(joseHeader().with("alg", `"none"`).encode() + "." + claims().encode() + ".")
	f.Add(sign(f, keys().other, joseHeader().with("jwk", `{"kty":"EC"}`).encode(), claims().encode()))
	f.Add("e30.e30.e30")
	f.Fuzz(func(t *testing.T, assertion string) {
		err := present(c, t, assertion, &memory{})
		if (err == nil) != (assertion == valid) {
			t.Errorf("%q: %v", assertion, err)
		}
	})
}

// FuzzKeySet: whatever a record holds, it is refused or makes a client whose keys are public.
func FuzzKeySet(f *testing.F) {
	f.Add(jwks(f, sealKey()))
	f.Add(jwks(f, sealKey(), signKey()))
	f.Add([]byte(`{"keys":[{"kty":"RSA","use":"enc","kid":"k","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"oct","use":"sig","kid":"k","k":"AAAA"}]}`))
	r := record(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := r
		r.JWKS = raw
		c, err := client.New(r, oauth.Plus())
		if err != nil {
			return
		}
		k, err := c.EncryptionKey(t.Context(), r.Answers.IDToken.Alg, nil)
		if err != nil || !k.IsPublic() || k.KeyID == "" {
			t.Errorf("key %q: %v", k.KeyID, err)
		}
	})
}

// BenchmarkAuthenticate shows what an unknown client costs beside a known one.
func BenchmarkAuthenticate(b *testing.B) {
	known := build(b, signer(b))
	assertion := oauth.Secret(sign(b, keys().other, joseHeader().encode(), claims().encode()))
	bySecret := build(b, record(b))
	for _, row := range []struct {
		name string
		who  *client.Client
		cred oauth.Credentials
	}{
		{"assertion/known", known, oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: assertion}},
		{"assertion/unknown", nil, oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: assertion}},
		{"secret/known", bySecret, oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: secret + "x"}},
		{"secret/unknown", nil, oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: secret + "x"}},
	} {
		b.Run(row.name, func(b *testing.B) {
			k := check(&memory{})
			for b.Loop() {
				if row.who.Authenticate(b.Context(), row.cred, k) == nil {
					b.Fatal("authenticated")
				}
			}
		})
	}
}
