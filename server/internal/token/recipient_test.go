package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/token"
)

func TestAlgsAreTheProfile(t *testing.T) {
	t.Parallel()
	if got, want := token.Algs(), []string{"ECDH-ES", "RSA-OAEP-256", "RSA-OAEP"}; !slices.Equal(got, want) {
		t.Errorf("algorithms %q, want %q", got, want)
	}
}

func TestNewRecipientRefuses(t *testing.T) {
	t.Parallel()
	curve := &curveKey(t, elliptic.P256()).PublicKey
	modulus := &rsaKey().PublicKey
	small := &rsa.PublicKey{N: new(big.Int).Rsh(modulus.N, 1), E: modulus.E}
	small.N.SetBit(small.N, 0, 1)
	outside, beyond := *curve, curveKey(t, elliptic.P384()).PublicKey
	outside.Curve, beyond.Curve = elliptic.P384(), elliptic.P256()
	k := public(curve)
	with := func(change func(*jose.JSONWebKey)) jose.JSONWebKey {
		out := k
		change(&out)
		return out
	}
	for _, row := range []struct {
		name, alg string
		key       jose.JSONWebKey
	}{
		{"no algorithm", "", k},
		{"key wrapping", "ECDH-ES+A256KW", k},
		{"RSA 1.5", "RSA1_5", public(modulus)},
		{"direct", "dir", public([]byte("0123456789abcdef0123456789abcdef"))},
		{"symmetric wrapping", "A256KW", public([]byte("0123456789abcdef0123456789abcdef"))},
		{"password", "PBES2-HS512+A256KW", public([]byte("password"))},
		{"curve for RSA", "RSA-OAEP", k},
		{"RSA for a curve", "ECDH-ES", public(modulus)},
		{"secret for a curve", "ECDH-ES", public([]byte("0123456789abcdef0123456789abcdef"))},
		{"private curve key", "ECDH-ES", public(curveKey(t, elliptic.P256()))},
		{"private RSA key", "RSA-OAEP-256", public(rsaKey())},
		{"no key", "ECDH-ES", public(nil)},
		{"nil curve key", "ECDH-ES", public((*ecdsa.PublicKey)(nil))},
		{"empty curve key", "ECDH-ES", public(&ecdsa.PublicKey{})},
		{"nil RSA key", "RSA-OAEP", public((*rsa.PublicKey)(nil))},
		{"empty RSA key", "RSA-OAEP", public(&rsa.PublicKey{})},
		{"curve key without a point", "ECDH-ES", public(&ecdsa.PublicKey{Curve: elliptic.P256()})},
		{"point off the curve", "ECDH-ES", public(&outside)},
		{"point beyond the field", "ECDH-ES", public(&beyond)},
		{"small curve", "ECDH-ES", public(&curveKey(t, elliptic.P224()).PublicKey)},
		{"small modulus", "RSA-OAEP-256", public(small)},
		{"huge modulus", "RSA-OAEP-256", public(&rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(modulus.N, 8192), big.NewInt(1)), E: modulus.E})},
		{"even modulus", "RSA-OAEP-256", public(&rsa.PublicKey{N: new(big.Int).Add(modulus.N, big.NewInt(1)), E: modulus.E})},
		{"exponent 3", "RSA-OAEP-256", public(&rsa.PublicKey{N: modulus.N, E: 3})},
		{"even exponent", "RSA-OAEP-256", public(&rsa.PublicKey{N: modulus.N, E: 1<<16 + 2})},
		{"no kid", "ECDH-ES", with(func(k *jose.JSONWebKey) { k.KeyID = "" })},
		{"kid not UTF-8", "ECDH-ES", with(func(k *jose.JSONWebKey) { k.KeyID = "\xff" })},
		{"signature key", "ECDH-ES", with(func(k *jose.JSONWebKey) { k.Use = "sig" })},
		{"key for another algorithm", "ECDH-ES", with(func(k *jose.JSONWebKey) { k.Algorithm = "ECDH-ES+A256KW" })},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := token.NewRecipient(issuer, clientID, row.alg, row.key); err == nil {
				t.Error("accepted")
			}
		})
	}
	for _, row := range []struct{ issuer, client string }{{"", clientID}, {issuer, ""}, {issuer, "\xff"}, {strings.Repeat("i", 2049), clientID}} {
		if _, err := token.NewRecipient(row.issuer, row.client, "ECDH-ES", k); err == nil {
			t.Errorf("accepted issuer %.20q and client %q", row.issuer, row.client)
		}
	}
}

func TestNewRecipientAccepts(t *testing.T) {
	t.Parallel()
	for name, k := range clients(t) {
		for _, key := range []jose.JSONWebKey{
			{Key: k.public, KeyID: "k"}, {Key: k.public, KeyID: "k", Use: "enc"}, {Key: k.public, KeyID: "k", Algorithm: k.alg},
		} {
			if _, err := token.NewRecipient(issuer, clientID, k.alg, key); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	large, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.NewRecipient(issuer, clientID, "RSA-OAEP-256", public(&large.PublicKey)); err != nil {
		t.Errorf("RSA of 3072 bits: %v", err)
	}
}
