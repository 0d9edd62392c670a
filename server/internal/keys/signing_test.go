package keys_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/keys"
	"pivot/server/internal/token"
)

func published(tb testing.TB, s *keys.Signing) jose.JSONWebKeySet {
	tb.Helper()
	b, err := s.JWKS()
	if err != nil {
		tb.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(b, &set); err != nil {
		tb.Fatal(err)
	}
	return set
}

func ids(set jose.JSONWebKeySet) []string {
	var out []string
	for _, k := range set.Keys {
		out = append(out, k.KeyID)
	}
	return out
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	s := newScene(t).signing(t)
	b, err := s.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Keys []map[string]string }
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Keys) != 2 {
		t.Fatalf("%d keys published: %s", len(document.Keys), b)
	}
	for _, k := range document.Keys {
		x, y := k["x"], k["y"]
		want := map[string]string{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": k["kid"], "x": x, "y": y}
		if diff := cmp.Diff(want, k); diff != "" || len(x) != 43 || len(y) != 43 {
			t.Errorf("members (-want +got):\n%s", diff)
		}
		// RFC 7638 §3: the kid is the hash of the required members in order.
		if want := sha256Text(`{"crv":"P-256","kty":"EC","x":"` + x + `","y":"` + y + `"}`); k["kid"] != want {
			t.Errorf("kid %s, thumbprint %s", k["kid"], want)
		}
	}
	if document.Keys[0]["kid"] == document.Keys[1]["kid"] {
		t.Error("next and current are one key")
	}
	if got := s.Signer().KeyID(); got != document.Keys[1]["kid"] {
		t.Errorf("%s signs, which is not the second key published", got)
	}
}

func TestSign(t *testing.T) {
	t.Parallel()
	s := newScene(t).signing(t)
	signer := s.Signer()
	payload := []byte(`{"sub":"x"}`)
	signed, err := signer.Sign(t.Context(), payload)
	if err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(signed, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	if want := `{"alg":"ES256","kid":"` + signer.KeyID() + `"}`; err != nil || string(text) != want {
		t.Errorf("header %s, want %s", text, want)
	}
	got, err := verify(signed, published(t, s))
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("verified %s, %v", got, err)
	}
	// The core, which holds every signer to the profile, takes it.
	if _, err := token.Seal(t.Context(), signer, token.SignedAlone(), payload); err != nil {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := signer.Sign(ended, payload); !errors.Is(err, context.Canceled) {
		t.Errorf("signed for nobody: %v", err)
	}
}

func verify(signed string, set jose.JSONWebKeySet) ([]byte, error) {
	object, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return nil, err
	}
	return object.Verify(set)
}

// TestSignKeepsLeadingZeros: the two integers keep their length.
func TestSignKeepsLeadingZeros(t *testing.T) {
	t.Parallel()
	s := newScene(t).signing(t)
	set := published(t, s)
	var r, v bool
	for range 20_000 { // neither seen in 20,000: once in 10^34
		signed, err := s.Signer().Sign(t.Context(), []byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		b, err := base64.RawURLEncoding.DecodeString(signed[strings.LastIndexByte(signed, '.')+1:])
		if err != nil || len(b) != 64 {
			t.Fatalf("signature of %d bytes, %v", len(b), err)
		}
		if b[0] == 0 || b[32] == 0 {
			if _, err := verify(signed, set); err != nil {
				t.Fatal(err)
			}
		}
		r, v = r || b[0] == 0, v || b[32] == 0
		if r && v {
			return
		}
	}
	t.Error("no leading zero seen")
}

// TestFaultySignatureStays: a signature that the published key does not verify
// does not leave.
func TestFaultySignatureStays(t *testing.T) {
	t.Parallel()
	s := newScene(t).signing(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Damaged(other).Sign(t.Context(), []byte("x"))
	if signed != "" {
		t.Errorf("left: %s", signed)
	}
	expect(t, err, "did not verify")
	if _, err := s.Signer().Sign(t.Context(), []byte("x")); err != nil {
		t.Errorf("control: %v", err)
	}
}

// TestRotation walks one key through its life, and asks at each moment what is
// published.
func TestRotation(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	set := ids(published(t, s))
	b, a := set[0], set[1] // next, current
	if due := s.Due(); !due.Equal(start.Add(time.Hour)) {
		t.Errorf("due at %v", due)
	}

	scene.move(before - time.Millisecond)
	if _, err := s.Rotate(); !errors.Is(err, keys.ErrTooSoon) {
		t.Errorf("rotated to a key that is not published for long enough: %v", err)
	}
	if got := ids(published(t, s)); !slices.Equal(got, set) {
		t.Errorf("a refused rotation changed the set: %v", got)
	}
	old, err := s.Signer().Sign(t.Context(), []byte("old"))
	if err != nil {
		t.Fatal(err)
	}

	scene.move(time.Millisecond)
	kept := s.Signer()
	rotated, err := s.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	now := start.Add(before)
	want := keys.Key{ID: b, State: keys.Current, Published: start, Used: now}
	if diff := cmp.Diff(want, rotated); diff != "" {
		t.Errorf("new current key (-want +got):\n%s", diff)
	}
	list := s.Keys()
	if len(list) != 3 || list[1] != want || list[2] != (keys.Key{ID: a, State: keys.Retired, Published: start, Used: start, Retired: now}) ||
		list[0].State != keys.Next || list[0].ID == a || list[0].ID == b {
		t.Errorf("keys %+v", list)
	}
	if kept.KeyID() != a || s.Signer().KeyID() != b {
		t.Error("a signer in use changed its key, or a new one did not")
	}
	if due := s.Due(); !due.Equal(now.Add(time.Hour)) {
		t.Errorf("due at %v", due)
	}

	scene.move(after - time.Millisecond)
	if _, err := verify(old, published(t, s)); err != nil {
		t.Errorf("a token of the retired key no longer verifies: %v", err)
	}
	scene.move(time.Millisecond)
	if got := ids(published(t, s)); slices.Contains(got, a) || len(got) != 2 || len(s.Keys()) != 2 {
		t.Errorf("the retired key is still published: %v", got)
	}

	// What is published survives a restart, and the next rotation forgets.
	loaded, err := scene.reopen(t).LoadSigning("plus", schedule)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Keys(), loaded.Keys()); diff != "" {
		t.Errorf("after a restart (-before +after):\n%s", diff)
	}
	if _, err := loaded.Rotate(); err != nil {
		t.Fatal(err)
	}
	content, err := scene.folder.Content("signing-plus")
	if err != nil || strings.Contains(string(content), a) || !strings.Contains(string(content), b) {
		t.Errorf("the file holds a key that nobody needs, or not the one retired now (%v)", err)
	}
}

func TestRevoke(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	list := s.Keys()
	scene.move(time.Second) // the next key is a second old: rotation would be refused
	if _, err := s.Rotate(); !errors.Is(err, keys.ErrTooSoon) {
		t.Errorf("control: %v", err)
	}
	now, err := s.Revoke()
	if err != nil {
		t.Fatal(err)
	}
	got := ids(published(t, s))
	if now.ID != list[0].ID || slices.Contains(got, list[1].ID) || !slices.Contains(got, list[2].ID) {
		t.Errorf("before %+v, after %v, signing %s", list, got, now.ID)
	}
	content, err := scene.folder.Content("signing-plus")
	if err != nil || strings.Contains(string(content), list[1].ID) {
		t.Errorf("the revoked key still rests (%v)", err)
	}
	if _, err := scene.reopen(t).LoadSigning("plus", schedule); err != nil {
		t.Error(err)
	}
}

// TestClockSetBack: a set that is written while the clock is wrong reads again.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	scene.move(-time.Hour)
	if _, err := s.Rotate(); !errors.Is(err, keys.ErrTooSoon) {
		t.Errorf("rotated: %v", err)
	}
	if len(s.Keys()) != 3 {
		t.Errorf("a key is gone: %+v", s.Keys())
	}
	if _, err := s.Revoke(); err != nil {
		t.Fatal(err)
	}
	if _, err := scene.reopen(t).LoadSigning("plus", schedule); err != nil {
		t.Error(err)
	}
	// The key that signs now did so, by the dates, in an hour: it retires no earlier.
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	if _, err := scene.reopen(t).LoadSigning("plus", schedule); err != nil {
		t.Error(err)
	}
}

// TestSetStaysBounded: rotations at the fastest pace do not fill the set.
func TestSetStaysBounded(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	for range 20 {
		scene.move(before)
		if _, err := s.Rotate(); err != nil {
			t.Fatal(err)
		}
		if n := len(s.Keys()); n > 4 {
			t.Errorf("%d keys published", n)
		}
	}
	if _, err := scene.reopen(t).LoadSigning("plus", schedule); err != nil {
		t.Error(err)
	}
}

// TestSignWhileRotating: every answer verifies with the set published after it
// was signed, whatever rotates meanwhile.
func TestSignWhileRotating(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				signed, err := s.Signer().Sign(t.Context(), []byte("x"))
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := verify(signed, published(t, s)); err != nil {
					t.Errorf("does not verify: %v", err)
				}
			}
		})
	}
	scene.move(before)
	winners := make(chan string, 8)
	for range 8 {
		group.Go(func() {
			k, err := s.Rotate()
			if err == nil {
				winners <- k.ID
			} else if !errors.Is(err, keys.ErrTooSoon) {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(winners) != 1 {
		t.Errorf("%d rotations at one moment", len(winners))
	}
}

func TestScheduleBounds(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	for _, row := range []struct {
		name   string
		change func(*keys.Schedule)
		want   string
	}{
		{"valid", func(*keys.Schedule) {}, ""},
		{"no skew", func(s *keys.Schedule) { s.Skew = 0 }, ""},
		{"just long enough", func(s *keys.Schedule) { s.Every = before + after }, ""},
		{"too fast", func(s *keys.Schedule) { s.Every = before + after - 1 }, "around its use"},
		{"no cache", func(s *keys.Schedule) { s.Cache = 0 }, "no cache time"},
		{"no token", func(s *keys.Schedule) { s.Token = 0 }, "no token life"},
		{"negative skew", func(s *keys.Schedule) { s.Skew = -1 }, "not between"},
		{"long cache", func(s *keys.Schedule) { s.Cache = 25 * time.Hour }, "not between"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			sch := schedule
			row.change(&sch)
			_, err := scene.folder.CreateSigning("s-"+strings.ReplaceAll(row.name, " ", "-"), sch)
			expect(t, err, row.want)
		})
	}
}

func TestStateNames(t *testing.T) {
	t.Parallel()
	var got []string
	for s := range keys.Retired + 2 {
		got = append(got, s.String())
	}
	if diff := cmp.Diff([]string{"no state", "next", "current", "retired", "no state"}, got); diff != "" {
		t.Error(diff)
	}
}
