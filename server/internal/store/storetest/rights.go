package storetest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/txn"
)

// A right is what can be spent once.
type right struct {
	kind, key string
	until     time.Time
}

// spend spends a right, whose kind is "jti" unless it has one.
func (s *scene) spend(what string, r right, want error) {
	s.t.Helper()
	if r.kind == "" {
		r.kind = "jti"
	}
	wantError(s.t, what, s.Spend(s.t.Context(), r.kind, r.key, r.until), want)
}

func testRaceOfSpending(t *testing.T, s *scene) {
	until := s.clock.Now().Add(time.Minute)
	race(t, "Spend", client.ErrSpent, func(ctx context.Context) error { return s.Spend(ctx, "jti", "one", until) })
}

func testSpend(t *testing.T, s *scene) {
	until := s.clock.Now().Add(time.Minute)
	s.spend("a right", right{key: "one", until: until}, nil)
	s.spend("again", right{key: "one", until: until}, client.ErrSpent)
	s.spend("again, for longer", right{key: "one", until: until.Add(time.Hour)}, client.ErrSpent)
	s.spend("another", right{key: "two", until: until}, nil)
	s.spend("of another kind", right{"csrf", "one", until}, nil)
	s.spend("whose kind and key join to the same", right{"jt", "ione", until}, nil)
	s.spend("that ended", right{key: "three", until: s.clock.Now()}, client.ErrSpent)
	s.restart()
	s.spend("again, after a restart", right{key: "one", until: until}, client.ErrSpent)
	s.spend("another, after a restart", right{key: "three", until: until}, nil)
}

// testSpentGrace: a clock that is set back by less than an hour must not make a spent right good again.
func testSpentGrace(t *testing.T, s *scene) {
	until := s.clock.Now().Add(time.Minute)
	s.spend("a right", right{key: "one", until: until}, nil)
	s.clock.Advance(time.Minute + 59*time.Minute)
	s.sweep(0)
	s.clock.Advance(-59 * time.Minute)
	s.spend("with the clock set back", right{key: "one", until: until.Add(time.Hour)}, client.ErrSpent)
	s.clock.Advance(60 * time.Minute)
	s.sweep(1)
	s.spend("forgotten", right{key: "one", until: s.clock.Now().Add(time.Minute)}, nil)
}

// testSpendAfterRestore: the backup does not know what was spent after it was made.
func testSpendAfterRestore(t *testing.T, s *scene) {
	old := s.clock.Now().Add(90 * time.Second)
	s.spend("in the first epoch", right{key: "one", until: old}, nil)
	s.clock.Advance(time.Second)
	if _, err := s.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.spend("a right of before", right{key: "two", until: old}, client.ErrSpent)
	s.spend("a right that ends too late to be of before", right{key: "three", until: s.clock.Now().Add(2 * time.Minute)}, nil)
	s.restart()
	s.spend("a right of before, after a restart", right{key: "four", until: old}, client.ErrSpent)
	s.clock.Advance(time.Minute)
	s.spend("a right of a minute later", right{key: "five", until: s.clock.Now().Add(time.Minute)}, nil)
}

func testCancelled(t *testing.T, s *scene) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := NewLogin(IssuerA, s.clock.Now)
	first, e, err := l.First()
	if err != nil {
		t.Fatal(err)
	}
	until := s.clock.Now().Add(time.Minute)
	wantError(t, "Begin", s.Begin(ctx, first, e), context.Canceled)
	wantError(t, "Spend", s.Spend(ctx, "jti", "one", until), context.Canceled)
	wantError(t, "Record", s.Record(ctx, e), context.Canceled)
	wantError(t, "Apply", s.Apply(ctx, []record.Change{insert(s.device("one"))}), context.Canceled)
	_, err = s.Get(ctx, record.Device, "one")
	wantError(t, "Get", err, context.Canceled)
	s.unknown(s.device("one"))
	_, err = s.Load(ctx, l.Issuer, l.ID)
	wantError(t, "Load", err, context.Canceled)
	s.wantEvents(l.ID)
	s.spend("Spend, by one who waits", right{key: "one", until: until}, nil)
	if err := s.Begin(t.Context(), first, e); err != nil {
		t.Errorf("Begin, by one who waits: %v", err)
	}
}

// testSealed: no file of the folder holds an identity, an account, or what was spent. The search finds what is there:
// the issuer, which is not sealed.
func testSealed(t *testing.T, s *scene) {
	l, _ := s.reach(IssuerA, txn.NameRedeemed)
	s.spend("a right", right{key: "key-plaintext", until: s.clock.Now().Add(time.Minute)}, nil)
	if err := s.Record(t.Context(), audit.Entry{Event: audit.ConfigReloaded, At: s.clock.Now(), Account: account}); err != nil {
		t.Fatal(err)
	}
	r := s.device("one")
	s.apply("a record", insert(r))
	s.apply("another version", s.update(r, func(r *record.Record) { r.Body = []byte("another body-plaintext") }))
	secrets := []string{"body-plaintext", familyName, nonce, account, clientID, redirect, "angela@", "key-plaintext", "Angela Claire", string(l.Browser[:])}
	for _, when := range []string{"while the store is open", "after it was closed"} {
		found := 0
		for name, content := range s.files() {
			found += bytes.Count(content, []byte(IssuerA))
			for _, secret := range secrets {
				if bytes.Contains(content, []byte(secret)) {
					t.Errorf("%s: %s holds %q", when, name, secret)
				}
			}
		}
		if found == 0 {
			t.Errorf("%s: the search finds nothing that is there", when)
		}
		s.restart()
	}
}

// files reads every file of the store's folder.
func (s *scene) files() map[string][]byte {
	s.t.Helper()
	entries, err := os.ReadDir(s.options.Dir)
	if err != nil {
		s.t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(s.options.Dir, entry.Name()))
		if err != nil {
			s.t.Fatal(err)
		}
		all[entry.Name()] = content
	}
	return all
}

// swapper seals like another sealer, until it is told to open what comes as something that was sealed before.
type swapper struct {
	store.Sealer
	data    map[string]bool // what was bound to, with the purpose
	kept    [][]byte
	replace []byte
}

func (w *swapper) Seal(purpose string, plaintext, aad []byte) ([]byte, error) {
	sealed, err := w.Sealer.Seal(purpose, plaintext, aad)
	w.kept = append(w.kept, sealed)
	w.data[string(bound(purpose, aad))] = true
	return sealed, err
}

func (w *swapper) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	if w.replace != nil {
		sealed = w.replace
	}
	return w.Sealer.Open(purpose, sealed, aad)
}

// testBoundRows: what was sealed for one row, or for an earlier version of it, opens in no other place.
func testBoundRows(t *testing.T, s *scene) {
	swap := &swapper{Sealer: s.options.Sealer, data: make(map[string]bool)}
	s.options.Sealer = swap
	s.restart()
	l, proven := s.reach(IssuerA, txn.NameProven)
	s.reach(IssuerA, txn.NameProven)
	current := 0
	for _, sealed := range swap.kept {
		swap.replace = sealed
		if got := find(s.Load(t.Context(), l.Issuer, l.ID)); got.err == nil {
			got.is(t, proven, "Load")
			current++
		}
	}
	if current != 1 || len(swap.kept) != 8 || len(swap.data) != 8 {
		t.Errorf("%d of %d sealed values, bound to %d places, open as the current state", current, len(swap.kept), len(swap.data))
	}
}

func testRestart(t *testing.T, s *scene) {
	l, redeemed := s.reach(IssuerA, txn.NameRedeemed)
	before := s.events(txn.ID{})
	s.restart()
	find(s.ByToken(t.Context(), l.Issuer, l.Token)).is(t, redeemed, "ByToken")
	if after := s.events(txn.ID{}); len(after) != len(before) || len(after) != 5 {
		t.Errorf("%d entries before, %d after", len(before), len(after))
	}
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("Health: %v", err)
	}
}

func testClosed(t *testing.T, s *scene) {
	ctx := t.Context()
	if err := s.Health(ctx); err != nil {
		t.Errorf("Health of an open store: %v", err)
	}
	l, waiting := s.reach(IssuerA, txn.NameWaiting)
	next, e := s.next(l, waiting)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	_, load := s.Load(ctx, l.Issuer, l.ID)
	_, sweep := s.Sweep(ctx)
	_, get := s.Get(ctx, record.Device, "one")
	_, owned := s.Owned(ctx, record.Device, "one")
	for what, err := range map[string]error{
		"Health": s.Health(ctx), "Advance": s.Advance(ctx, waiting, next, e), "Record": s.Record(ctx, e), "Load": load, "Sweep": sweep,
		"Spend": s.Spend(ctx, "jti", "one", s.clock.Now().Add(time.Minute)),
		"Apply": s.Apply(ctx, []record.Change{insert(s.device("one"))}), "Get": get, "Owned": owned,
	} {
		wantError(t, what, err, store.Closed)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close again: %v", err)
	}
	s.start()
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, waiting, "Load after another start")
}
