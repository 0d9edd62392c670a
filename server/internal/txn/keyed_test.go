package txn_test

import (
	"bytes"
	"encoding/base64"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/txn"
)

// thumbprint names a key, as the test likes.
func thumbprint(name string) string {
	digest := hash(name)
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// TestRedeemByKey: a code that was announced for a key is redeemed by that key alone; the access token is bound to whatever
// key redeems (RFC 9449 §6, §10).
func TestRedeemByKey(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, announced, by string
		reason              txn.Reason
	}{
		{"no key", "", "", ""},
		{"a key", "", thumbprint("k"), ""},
		{"the key announced", thumbprint("k"), thumbprint("k"), ""},
		{"another key than announced", thumbprint("k"), thumbprint("l"), txn.ReasonOtherKey},
		{"no key where one was announced", thumbprint("k"), "", txn.ReasonOtherKey},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t)
			l.params.Thumbprint = tc.announced
			g, r := l.granted(), redemption()
			r.Thumbprint = tc.by
			next, _, err := g.Redeem(r, l.now)
			if tc.reason != "" {
				expectRefusal(t, g, next, err, tc.reason)
				return
			}
			if err != nil || next.Thumbprint() != tc.by {
				t.Fatalf("%q, %v", next.Thumbprint(), err)
			}
			used, _, err := next.Use(l.now)
			if err != nil || used.Thumbprint() != tc.by {
				t.Errorf("after its use: %q, %v", used.Thumbprint(), err)
			}
		})
	}
	l := newLogin(t)
	r := redemption()
	r.Thumbprint = "short"
	if _, _, err := l.granted().Redeem(r, l.now); err == nil {
		t.Error("a thumbprint that is none")
	}
	p := params()
	p.Thumbprint = "short"
	if _, err := txn.NewRequest(p); err == nil {
		t.Error("a request for a thumbprint that is none")
	}
}

// keyed gives states of every kind that have a key.
func keyed(t *testing.T) []txn.State {
	t.Helper()
	l := newLogin(t)
	l.params.Thumbprint = thumbprint("k")
	g := l.granted()
	r := redemption()
	r.Thumbprint = thumbprint("k")
	redeemed, _, err := g.Redeem(r, l.now)
	if err != nil {
		t.Fatal(err)
	}
	ended, _, err := redeemed.Replay(l.now)
	if err != nil {
		t.Fatal(err)
	}
	later := newLogin(t)
	bound, _, err := later.granted().Redeem(r, later.now) // not announced
	if err != nil {
		t.Fatal(err)
	}
	first := newLogin(t)
	first.params.Thumbprint = thumbprint("k")
	return []txn.State{first.waiting(), g, redeemed, ended, bound}
}

// TestEncodeKeyed: a state with a key has the third version of the encoding, and no other state has.
func TestEncodeKeyed(t *testing.T) {
	t.Parallel()
	key := []byte(text(thumbprint("k")))
	for _, s := range keyed(t) {
		raw := txn.Encode(s)
		if raw[placeVersion] != 3 || !bytes.Contains(raw, key) {
			t.Errorf("%s: version %d", s.Name(), raw[placeVersion])
		}
		got, err := txn.Decode(raw)
		if err != nil {
			t.Errorf("%s: %v", s.Name(), err)
			continue
		}
		if diff := cmp.Diff(describe(s), describe(got)); diff != "" || !bytes.Equal(txn.Encode(got), raw) {
			t.Errorf("%s (-want +got):\n%s", s.Name(), diff)
		}
		if r, ok := got.(txn.Redeemed); ok && r.Thumbprint() != thumbprint("k") {
			t.Errorf("thumbprint %q", r.Thumbprint())
		}
		for name, changed := range map[string][]byte{
			"without its keys": bytes.ReplaceAll(raw, key, []byte(text(""))),
			"with half a key":  bytes.Replace(raw, key, []byte(text(thumbprint("k")[:42])), 1),
			"as version 2":     append([]byte{2}, raw[1:]...),
			"as version 4":     append([]byte{4}, raw[1:]...),
		} {
			if s, err := txn.Decode(changed); err == nil {
				t.Errorf("%s %s was read", s.Name(), name)
			}
		}
		for cut := range raw {
			if _, err := txn.Decode(raw[:cut]); err == nil {
				t.Errorf("%s cut at %d was read", s.Name(), cut)
			}
		}
	}
	for _, s := range states(t) {
		if raw := txn.Encode(s); raw[placeVersion] != 2 {
			t.Errorf("%s without a key: version %d", s.Name(), raw[placeVersion])
		}
	}
}
