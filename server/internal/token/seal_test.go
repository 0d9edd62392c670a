package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/token"
)

// clients are the keys that a client of the profile may register.
func clients(tb testing.TB) map[string]clientKey {
	tb.Helper()
	out := map[string]clientKey{
		"RSA-OAEP":     {"RSA-OAEP", rsaKey(), &rsaKey().PublicKey},
		"RSA-OAEP-256": {"RSA-OAEP-256", rsaKey(), &rsaKey().PublicKey},
	}
	for name, curve := range map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()} {
		k := curveKey(tb, curve)
		out["ECDH-ES "+name] = clientKey{"ECDH-ES", k, &k.PublicKey}
	}
	return out
}

type clientKey struct {
	alg             string
	private, public any
}

// TestSealHeaders: six members outside, seven for ECDH-ES, two inside
// (franceconnect.md 1.6), and the payload untouched.
func TestSealHeaders(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	payload, err := idToken().Payload(frame())
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range clients(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sealed, err := token.Seal(t.Context(), s, recipient(t, k.alg, k.public), payload)
			if err != nil {
				t.Fatal(err)
			}
			got, err := open(sealed, k.private, &s.key.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"alg": k.alg, "enc": "A256GCM", "cty": "JWT", "kid": "the-client-key", "iss": issuer, "aud": clientID,
			}
			if k.alg == "ECDH-ES" {
				epk := got.outer["epk"].(map[string]any)
				if diff := cmp.Diff([]string{"crv", "kty", "x", "y"}, slices.Sorted(maps.Keys(epk))); diff != "" {
					t.Errorf("epk (-want +got):\n%s", diff)
				}
				want["epk"] = epk
			}
			if diff := cmp.Diff(want, got.outer); diff != "" {
				t.Errorf("outer header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": "the-signing-key"}, got.header); diff != "" {
				t.Errorf("inner header (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(string(payload), string(got.raw)); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSealSignedAlone(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	signed, err := token.Seal(t.Context(), s, token.SignedAlone(), []byte(`{"sub":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	var o opened
	if err := o.verify(signed, &s.key.PublicKey); err != nil || string(o.raw) != `{"sub":"x"}` {
		t.Errorf("payload %s, error %v", o.raw, err)
	}
}

// TestSealIsFresh: nothing is used twice, neither the ephemeral key nor the
// content key nor the nonce.
func TestSealIsFresh(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for name, k := range clients(t) {
		seen := make(map[string]bool)
		to := recipient(t, k.alg, k.public)
		for range 8 {
			sealed, err := token.Seal(t.Context(), s, to, []byte(`{"sub":"x"}`))
			if err != nil {
				t.Fatal(err)
			}
			for i, part := range strings.Split(sealed, ".") {
				constant := i == 0 && k.alg != "ECDH-ES" || i == 1 && k.alg == "ECDH-ES"
				if !constant && seen[part] {
					t.Errorf("%s: segment %d came twice", name, i)
				}
				seen[part] = true
			}
		}
	}
}

// TestSealKeepsLeadingZeros: one agreed secret in 256 begins with a zero byte,
// and a peer that drops it derives another key. Both the secret and the
// coordinates of epk keep their length (RFC 7518 §4.6.2, §6.2.1.2).
func TestSealKeepsLeadingZeros(t *testing.T) {
	t.Parallel()
	s, k := newSigner(t), curveKey(t, elliptic.P256())
	to := recipient(t, "ECDH-ES", &k.PublicKey)
	secrets, coordinates := 0, 0
	for range 20_000 { // neither seen in 20,000: once in 10^34
		sealed, err := token.Seal(t.Context(), s, to, []byte(`{"sub":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		got, err := open(sealed, k, &s.key.PublicKey)
		if err != nil {
			t.Fatalf("%v: %s", err, sealed)
		}
		if got.secret[0] == 0 {
			secrets++
		}
		if unb64(t, got.outer["epk"].(map[string]any)["x"].(string))[0] == 0 {
			coordinates++
		}
		if secrets > 0 && coordinates > 0 {
			return
		}
	}
	t.Errorf("%d secrets and %d coordinates with a leading zero: the test saw none", secrets, coordinates)
}

// signing is a Signer that answers as it is told.
type signing struct {
	signer
	sign func(payload []byte) (string, error)
}

func (s signing) Sign(_ context.Context, payload []byte) (string, error) { return s.sign(payload) }

// TestSealHoldsTheSigner: whatever signs, nothing leaves that is not the
// payload under the header of the profile.
func TestSealHoldsTheSigner(t *testing.T) {
	t.Parallel()
	honest := newSigner(t)
	header := func(text string) func([]byte) (string, error) {
		return func(payload []byte) (string, error) { return honest.jws(text, payload) }
	}
	payload := []byte(`{"sub":"x"}`)
	control := signing{honest, header(`{"alg":"ES256","kid":"the-signing-key"}`)}
	if _, err := token.Seal(t.Context(), control, token.SignedAlone(), payload); err != nil {
		t.Fatalf("control: %v", err)
	}
	for name, sign := range map[string]func([]byte) (string, error){
		"failure":            func([]byte) (string, error) { return "", errors.New("the device is gone") },
		"nothing":            func([]byte) (string, error) { return "", nil },
		"none":               header(`{"alg":"none","kid":"the-signing-key"}`),
		"another algorithm":  header(`{"alg":"RS256","kid":"the-signing-key"}`),
		"another key":        header(`{"alg":"ES256","kid":"another"}`),
		"no kid":             header(`{"alg":"ES256"}`),
		"typ as well":        header(`{"alg":"ES256","kid":"the-signing-key","typ":"JWT"}`),
		"jwk as well":        header(`{"alg":"ES256","kid":"the-signing-key","jwk":{}}`),
		"member twice":       header(`{"alg":"none","alg":"ES256","kid":"the-signing-key"}`),
		"member in capital":  header(`{"alg":"ES256","KID":"the-signing-key"}`),
		"member in disorder": header(`{"kid":"the-signing-key","alg":"ES256"}`),
		"spaces":             header(`{"alg": "ES256", "kid": "the-signing-key"}`),
		"header of garbage":  header(`{`),
		"header of null":     header(`null`),
		"another payload":    func([]byte) (string, error) { return honest.Sign(context.Background(), []byte(`{"sub":"y"}`)) },
		"short signature":    func(p []byte) (string, error) { return trim(honest.Sign(context.Background(), p)) },
		"four segments":      func(p []byte) (string, error) { return add(honest.Sign(context.Background(), p))(".e30") },
		"padding":            func(p []byte) (string, error) { return add(honest.Sign(context.Background(), p))("==") },
		"inner line break": func(p []byte) (string, error) {
			signed, err := honest.Sign(context.Background(), p)
			return strings.Replace(signed, ".", "\n.", 1), err
		},
		"line break": func(p []byte) (string, error) { return add(honest.Sign(context.Background(), p))("\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if sealed, err := token.Seal(t.Context(), signing{honest, sign}, token.SignedAlone(), payload); err == nil {
				t.Errorf("accepted: %s", sealed)
			}
		})
	}
}

func trim(s string, err error) (string, error) { return s[:len(s)-2], err }

func add(s string, err error) func(string) (string, error) {
	return func(more string) (string, error) { return s + more, err }
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	s, big := newSigner(t), []byte(strings.Repeat("x", 64<<10))
	if _, err := token.Seal(t.Context(), s, token.SignedAlone(), big); err != nil {
		t.Fatalf("control: %v", err)
	}
	if _, err := token.Seal(t.Context(), s, token.Recipient{}, []byte("{}")); err == nil {
		t.Error("sealed to nobody")
	}
	if _, err := token.Seal(t.Context(), s, token.SignedAlone(), nil); err == nil {
		t.Error("sealed nothing")
	}
	if _, err := token.Seal(t.Context(), s, token.SignedAlone(), append(big, 'x')); err == nil {
		t.Error("sealed more than the bound")
	}
	anonymous := s
	anonymous.kid = ""
	if _, err := token.Seal(t.Context(), anonymous, token.SignedAlone(), []byte("{}")); err == nil {
		t.Error("signed by a key without a name")
	}
	gone := errors.New("the device is gone")
	broken := signing{s, func([]byte) (string, error) { return "", gone }}
	if _, err := token.Seal(t.Context(), broken, token.SignedAlone(), []byte("{}")); !errors.Is(err, gone) {
		t.Errorf("the cause is lost: %v", err)
	}
}

// TestOpenRefusesTheAltered: each segment of an answer counts, and so does the
// signature inside.
func TestOpenRefusesTheAltered(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for name, k := range clients(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sealed, err := token.Seal(t.Context(), s, recipient(t, k.alg, k.public), []byte(`{"sub":"x"}`))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := open(sealed, k.private, &s.key.PublicKey); err != nil {
				t.Fatalf("control: %v", err)
			}
			for i := range strings.Split(sealed, ".") {
				altered := alter(t, sealed, i)
				if altered == sealed {
					t.Errorf("segment %d: nothing altered", i)
				}
				if _, err := open(altered, k.private, &s.key.PublicKey); err == nil {
					t.Errorf("segment %d altered, and it opens", i)
				}
				// RFC 7516 §5.2 step 10 wants the encrypted key of a direct
				// agreement empty; go-jose reads over it.
				tolerated := i == 1 && k.alg == "ECDH-ES"
				if opensWithJOSE(altered, k) && !tolerated {
					t.Errorf("segment %d altered, and go-jose opens it", i)
				}
			}
			if !opensWithJOSE(sealed, k) {
				t.Error("go-jose does not open it")
			}
			other := curveKey(t, elliptic.P256())
			if _, err := open(sealed, k.private, &other.PublicKey); err == nil {
				t.Error("verified with another key")
			}
			if _, ok := k.private.(*ecdsa.PrivateKey); ok {
				if _, err := open(sealed, other, &s.key.PublicKey); err == nil {
					t.Error("opened with another key")
				}
			}
		})
	}
}

func opensWithJOSE(compact string, k clientKey) bool {
	object, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.KeyAlgorithm(k.alg)}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return false
	}
	_, err = object.Decrypt(k.private)
	return err == nil
}

// alter changes one bit of one segment; an empty one gains a byte.
func alter(tb testing.TB, compact string, segment int) string {
	tb.Helper()
	parts := strings.Split(compact, ".")
	b, err := base64.RawURLEncoding.DecodeString(parts[segment])
	if err != nil {
		tb.Fatal(err)
	}
	if len(b) == 0 {
		b = []byte{0}
	}
	b[len(b)/2] ^= 1
	parts[segment] = b64(b)
	return strings.Join(parts, ".")
}
