package device_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// The golden files of testdata were made by Python's cryptography 48.0.0 (deterministic ECDSA), which shares no code with
// this package; the keys are the SHA-256 of a sentence.
const (
	thumbprintDevice = "T4XyS5_Dzt0GVsLqbMikRSJstUcG9xw6obO_ARHfa-E"
	thumbprintPIN    = "BF1ZsCbiDVrhD5lk6NwkK9LRWBHxFn4rmSpzsKfKZhA"
	signaturePIN     = "3046022100a4952934ae9148fdc935364a560f0602ee3b62104b4e896ef032b5594eef6695022100" +
		"dead59a6b141bf72f958e8bd31dd8ce254fdab15273a4c4a98ccc297f26fe1ac"
)

// now is when the golden files were signed.
func now() time.Time { return time.Unix(1795340000, 0) }

func golden(tb testing.TB, name string) string {
	tb.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.TrimSuffix(string(raw), "\n")
}

// signer is a private key and what the package under test makes of its public half.
type signer struct {
	private *ecdsa.PrivateKey
	device.Key
}

func newSigner(tb testing.TB, sentence string) signer {
	tb.Helper()
	scalar := sha256.Sum256([]byte(sentence))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
	if err != nil {
		tb.Fatal(err)
	}
	return signer{private, parsed(tb, &private.PublicKey)}
}

func parsed(tb testing.TB, public *ecdsa.PublicKey) device.Key {
	tb.Helper()
	point, err := public.Bytes()
	if err != nil {
		tb.Fatal(err)
	}
	key, err := device.ParsePoint(point)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func deviceKey(tb testing.TB) signer { tb.Helper(); return newSigner(tb, "pivot test device") }
func pinKey(tb testing.TB) signer    { tb.Helper(); return newSigner(tb, "pivot test pin") }
func otherKey(tb testing.TB) signer  { tb.Helper(); return newSigner(tb, "pivot test other") }

// sign is ES256 (RFC 7518 §3.4) over the two parts.
func (s signer) sign(tb testing.TB, protected, payload string) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(protected + "." + payload))
	r, v, err := ecdsa.Sign(rand.Reader, s.private, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return b64(append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...))
}

func b64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func encoded(tb testing.TB, v any) string {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return b64(raw)
}

func octets(n int) []byte {
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(i)
	}
	return out
}

// reason gives the reason of a refusal; "" for none.
func reason(tb testing.TB, err error) device.Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	r, ok := errors.AsType[*device.Refusal](err)
	if !ok {
		tb.Fatalf("not a refusal: %v", err)
	}
	return r.Reason
}

// approval is one as an app makes it, valid as it is drafted.
type approval struct {
	claims  map[string]any
	payload string // in place of the claims
	headers []map[string]any
	by      []signer
	more    map[string]any // beside payload and signatures
}

func newApproval(tb testing.TB) *approval {
	tb.Helper()
	digest := func(s string) []byte { d := sha256.Sum256([]byte(s)); return d[:] }
	return &approval{
		claims: map[string]any{
			"iss": "device-1", "aud": "https://broker.example/api/v2", "iat": now().Unix(), "exp": now().Unix() + 60,
			"ceremony": "ceremony-1", "nonce": octets(32), "hop": "hop-1", "request": digest("request"), "display": digest("display"),
			"language": "fr", "decision": "approve", "card": digest("card"),
		},
		headers: []map[string]any{
			{"alg": "ES256", "typ": "pivot-approval+jwt", "kid": thumbprintDevice},
			{"alg": "ES256", "typ": "pivot-approval+jwt", "kid": "pin"},
		},
		by: []signer{deviceKey(tb), pinKey(tb)},
	}
}

func (a *approval) encode(tb testing.TB) []byte {
	tb.Helper()
	payload := a.payload
	if payload == "" {
		payload = encoded(tb, a.claims)
	}
	signatures := []map[string]any{}
	for i, by := range a.by {
		protected := encoded(tb, a.headers[i])
		signatures = append(signatures, map[string]any{"protected": protected, "signature": by.sign(tb, protected, payload)})
	}
	out := map[string]any{"payload": payload, "signatures": signatures}
	maps.Copy(out, a.more)
	raw, err := json.Marshal(out)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// expect is what the approval must say.
func expect(tb testing.TB) device.Expect {
	tb.Helper()
	return device.Expect{
		Issuer: "https://broker.example/api/v2", Device: "device-1", Ceremony: "ceremony-1", Hop: "hop-1", Nonce: octets(32),
		Request: sha256.Sum256([]byte("request")), Display: sha256.Sum256([]byte("display")), Card: sha256.Sum256([]byte("card")),
		Keys: device.Keys{Device: deviceKey(tb).Key, PIN: pinKey(tb).Key}, Now: now().Add(time.Second),
	}
}

func pinParts() wire.PINParts {
	return wire.PINParts{
		Issuer: "https://broker.example/api/v2", Device: "device-1", Ceremony: "ceremony-1", Nonce: octets(32),
		Blinded: append([]byte{2}, make([]byte, 32)...),
	}
}

// signASN1 signs an attempt at the PIN.
func (s signer) signASN1(tb testing.TB, p wire.PINParts) []byte {
	tb.Helper()
	digest := sha256.Sum256(wire.PINTranscript(p))
	signature, err := ecdsa.SignASN1(rand.Reader, s.private, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return signature
}
