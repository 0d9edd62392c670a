package token_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/assurance"
	"pivot/server/internal/token"
)

const (
	issuer   = "https://pivot.test/api/v2"
	clientID = "b6048e95bb134ec5b1d1e1fa69f287172e91722b9354d637a1bcf2ebb0fd2ef5"
	subject  = "34f4e38b510841db1a83716b981f7298badec51dc52e91af245903b56e2d72bbv1"
	nonce    = "3f1c9f0f6d5a4c5f8d20"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 890e6, time.UTC) // 1772600767.89

func frame() token.Frame {
	return token.Frame{Issuer: issuer, Audience: clientID, At: at, Life: time.Minute}
}

func idToken() token.IDToken {
	return token.IDToken{
		Subject: subject, Level: assurance.High, Methods: []string{"fc", "pop", "hwk", "pin", "mfa"},
		AuthTime: at.Add(-40 * time.Second), Nonce: nonce,
	}
}

// signer signs by hand, so that go-jose does not judge itself.
type signer struct {
	key *ecdsa.PrivateKey
	kid string
}

func newSigner(tb testing.TB) signer {
	tb.Helper()
	return signer{curveKey(tb, elliptic.P256()), "the-signing-key"}
}

func (s signer) KeyID() string { return s.kid }

func (s signer) Sign(_ context.Context, payload []byte) (string, error) {
	return s.jws(`{"alg":"ES256","kid":"`+s.kid+`"}`, payload)
}

func (s signer) jws(header string, payload []byte) (string, error) {
	input := b64([]byte(header)) + "." + b64(payload)
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, s.key, digest[:])
	if err != nil {
		return "", err
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return input + "." + b64(signature), nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func curveKey(tb testing.TB, curve elliptic.Curve) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// rsaKey is one key of 2048 bits: making one is slow, and the tests only read it.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func public(key any) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: "the-client-key", Use: "enc"}
}

func recipient(tb testing.TB, alg string, key any) token.Recipient {
	tb.Helper()
	r, err := token.NewRecipient(issuer, clientID, alg, public(key))
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

// opened is what a client finds in an encrypted answer.
type opened struct {
	outer, header, payload map[string]any
	raw                    []byte // the payload as it was sent
	secret                 []byte // ECDH-ES: the agreed secret, in full length
}

// open opens an answer with the standard library alone: RFC 7516 §5.2, RFC 7518
// §4.3, §4.6 and §5.3, RFC 7515 §5.2.
func open(compact string, client any, broker *ecdsa.PublicKey) (opened, error) {
	var o opened
	parts, err := segments(compact, 5)
	if err != nil {
		return o, err
	}
	if err := json.Unmarshal(parts[0], &o.outer); err != nil {
		return o, err
	}
	var cek []byte
	switch k := client.(type) {
	case *ecdsa.PrivateKey:
		if len(parts[1]) != 0 {
			return o, errors.New("an encrypted key beside direct agreement")
		}
		if o.secret, err = agree(o.outer, k); err == nil {
			cek = concatKDF(o.secret, "A256GCM", nil, nil, 32)
		}
	case *rsa.PrivateKey:
		digest := map[any]hash.Hash{"RSA-OAEP": sha1.New(), "RSA-OAEP-256": sha256.New()}[o.outer["alg"]]
		cek, err = rsa.DecryptOAEP(digest, nil, k, parts[1], nil)
	}
	if err != nil {
		return o, err
	}
	block, err := aes.NewCipher(cek)
	if err != nil {
		return o, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return o, err
	}
	header, _, _ := strings.Cut(compact, ".")
	inner, err := gcm.Open(nil, parts[2], append(parts[3], parts[4]...), []byte(header))
	if err != nil {
		return o, err
	}
	return o, o.verify(string(inner), broker)
}

func (o *opened) verify(compact string, broker *ecdsa.PublicKey) error {
	parts, err := segments(compact, 3)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(compact[:strings.LastIndexByte(compact, '.')]))
	r, s := new(big.Int).SetBytes(parts[2][:32]), new(big.Int).SetBytes(parts[2][32:])
	if len(parts[2]) != 64 || !ecdsa.Verify(broker, digest[:], r, s) {
		return errors.New("bad signature")
	}
	o.raw = parts[1]
	return errors.Join(json.Unmarshal(parts[0], &o.header), json.Unmarshal(parts[1], &o.payload))
}

func segments(compact string, n int) ([][]byte, error) {
	var out [][]byte
	for part := range strings.SplitSeq(compact, ".") {
		b, err := base64.RawURLEncoding.Strict().DecodeString(part)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	if len(out) != n {
		return nil, errors.New("another number of segments")
	}
	return out, nil
}

func agree(header map[string]any, private *ecdsa.PrivateKey) ([]byte, error) {
	own, err := private.ECDH()
	if err != nil {
		return nil, err
	}
	epk, ok := header["epk"].(map[string]any)
	if !ok {
		return nil, errors.New("no epk")
	}
	point := []byte{4}
	for _, name := range []string{"x", "y"} {
		text, _ := epk[name].(string)
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil, err
		}
		point = append(point, b...) // a coordinate that lost its zeros makes a point of another length
	}
	theirs, err := own.Curve().NewPublicKey(point)
	if err != nil {
		return nil, err
	}
	return own.ECDH(theirs)
}

// concatKDF is the derivation of RFC 7518 §4.6.2 for one block of SHA-256.
func concatKDF(secret []byte, alg string, apu, apv []byte, size int) []byte {
	field := func(b []byte) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...) }
	h := sha256.New()
	h.Write([]byte{0, 0, 0, 1})
	h.Write(secret)
	h.Write(field([]byte(alg)))
	h.Write(field(apu))
	h.Write(field(apv))
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(8*size)))
	return h.Sum(nil)[:size]
}

// TestConcatKDF holds the judge to RFC 7518 appendix C before it judges.
func TestConcatKDF(t *testing.T) {
	t.Parallel()
	bob, err := ecdh.P256().NewPrivateKey(unb64(t, "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"))
	if err != nil {
		t.Fatal(err)
	}
	x, y := unb64(t, "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"), unb64(t, "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps")
	ephemeral, err := ecdh.P256().NewPublicKey(append(append([]byte{4}, x...), y...))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := bob.ECDH(ephemeral)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b64(concatKDF(secret, "A128GCM", []byte("Alice"), []byte("Bob"), 16)), "VqqN6vgjbSBcIijNcacQGg"; got != want {
		t.Errorf("derived %s, want %s", got, want)
	}
}

func unb64(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}
