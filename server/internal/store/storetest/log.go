package storetest

import (
	"crypto/ed25519"
	"errors"
	"reflect"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// NewKey gives a random key for checkpoints.
func NewKey(tb testing.TB) audit.Key {
	tb.Helper()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := audit.NewKey("store.test/audit", private)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func testRecord(t *testing.T, s *scene) {
	want := []audit.Entry{
		{Event: audit.AuthorizeRefused, Reason: "bad-client", At: s.clock.Now(), Issuer: IssuerA, Details: map[string]string{"code": "Y030007"}},
		{Event: audit.ConfigReloaded, At: s.clock.Now().Add(time.Second), Client: "somebody", Account: "someone", Transaction: "something"},
	}
	for _, e := range want {
		if err := s.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	var got []audit.Entry
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, e)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("entries %+v, want %+v", got, want)
	}
}

// testRecordRefused: a transition whose entry cannot be written does not happen.
func testRecordRefused(t *testing.T, s *scene) {
	l, waiting := s.reach(IssuerA, txn.NameWaiting)
	next, e := s.next(l, waiting)
	broken := e
	broken.Event = "not a word"
	if err := s.Record(t.Context(), broken); err == nil {
		t.Error("Record took an entry that is not one")
	}
	if err := s.Advance(t.Context(), waiting, next, broken); err == nil {
		t.Error("Advance took an entry that is not one")
	}
	find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, waiting, "Load")
	if err := s.Advance(t.Context(), waiting, next, e); err != nil {
		t.Errorf("Advance with its entry: %v", err)
	}
	s.wantEvents(l.ID, audit.AuthorizeReceived, audit.ProofAccepted)
}

// sequence numbers what waits and returns the checkpoint, opened and as it is.
func (s *scene) sequence(key audit.Key) (audit.Checkpoint, []byte) {
	s.t.Helper()
	signed, err := s.Sequence(s.t.Context(), key)
	if err != nil {
		s.t.Fatalf("Sequence: %v", err)
	}
	c, err := audit.OpenCheckpoint(signed, key.Verifier())
	if err != nil {
		s.t.Fatalf("the checkpoint: %v", err)
	}
	return c, signed
}

func testSequence(t *testing.T, s *scene) {
	key := NewKey(t)
	if signed, err := s.Sequence(t.Context(), key); signed != nil || err != nil {
		t.Errorf("Sequence of nothing: %q, %v", signed, err)
	}
	if n, err := s.VerifyAudit(t.Context(), key.Verifier()); n != 0 || err != nil {
		t.Errorf("VerifyAudit of nothing: %d, %v", n, err)
	}
	var witnessed [][]byte
	total := int64(0)
	for _, n := range []int{1, 1, 63, 64, 200, 0} {
		for range n {
			if err := s.Record(t.Context(), audit.Entry{Event: audit.ConfigReloaded, At: s.clock.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		total += int64(n)
		c, signed := s.sequence(key)
		if c.Size != total {
			t.Errorf("a checkpoint of %d after %d entries", c.Size, total)
		}
		witnessed = append(witnessed, signed)
		if n, err := s.VerifyAudit(t.Context(), key.Verifier(), witnessed...); n != total || err != nil {
			t.Errorf("VerifyAudit: %d of %d, %v", n, total, err)
		}
		s.restart()
	}
	last := len(witnessed) - 1
	if string(witnessed[last]) != string(witnessed[last-1]) {
		t.Error("a log that did not grow got another checkpoint")
	}
	other := NewKey(t)
	if c, _ := s.sequence(other); c.Size != total {
		t.Errorf("a checkpoint of %d by a new key", c.Size)
	}
}

// testForeignCheckpoint: a checkpoint that was witnessed must be of this very log.
func testForeignCheckpoint(t *testing.T, s *scene) {
	key := NewKey(t)
	s.reach(IssuerA, txn.NameWaiting)
	mine, signed := s.sequence(key)
	sign := func(c audit.Checkpoint) []byte {
		t.Helper()
		signed, err := c.Sign(key)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	other, longer := mine, mine
	other.Root[0] ^= 1
	longer.Size++
	for _, row := range []struct {
		name, key string
		signed    []byte
		want      error
	}{
		{"this log's", key.Verifier(), signed, nil},
		{"of another root", key.Verifier(), sign(other), audit.ErrChanged},
		{"of a longer log", key.Verifier(), sign(longer), audit.ErrChanged},
	} {
		_, err := s.VerifyAudit(t.Context(), row.key, row.signed)
		wantError(t, row.name, err, row.want)
	}
	if _, err := s.VerifyAudit(t.Context(), NewKey(t).Verifier(), signed); err == nil {
		t.Error("a checkpoint counted under another key")
	}
	if _, err := s.VerifyAudit(t.Context(), key.Verifier(), signed[:len(signed)-2]); err == nil {
		t.Error("a cut checkpoint counted")
	}
}

// sweep removes what is over and wants so many.
func (s *scene) sweep(want int) {
	s.t.Helper()
	if n, err := s.Sweep(s.t.Context()); n != want || err != nil {
		s.t.Errorf("Sweep: %d, %v; want %d", n, err, want)
	}
}

// testSweep: what expires unfinished is recorded, once; what was finished goes in silence; what lives stays.
func testSweep(t *testing.T, s *scene) {
	const unfinished = 150
	var logins []Login
	for range unfinished {
		l, _ := s.reach(IssuerA, txn.NameWaiting)
		logins = append(logins, l)
	}
	finished, _ := s.reach(IssuerA, txn.NameRedeemed)
	refused, waiting := s.reach(IssuerA, txn.NameWaiting)
	ended, e, err := waiting.(txn.Waiting).Refuse(txn.ReasonCancelled, s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(t.Context(), waiting, ended, e); err != nil {
		t.Fatal(err)
	}
	s.sweep(0)
	s.clock.Advance(5 * time.Minute)
	living, at := s.reach(IssuerA, txn.NameProven)
	s.sweep(1) // the redeemed one
	s.clock.Advance(5 * time.Minute)
	s.sweep(unfinished + 1)
	s.sweep(0)
	for _, l := range logins {
		s.wantEvents(l.ID, audit.AuthorizeReceived, audit.TransactionExpired)
	}
	s.wantEvents(refused.ID, audit.AuthorizeReceived, audit.LoginAbandoned)
	if events := s.events(finished.ID); len(events) != 5 {
		t.Errorf("of a finished login: %v", events)
	}
	find(s.Load(t.Context(), living.Issuer, living.ID)).is(t, at, "Load of one that lives")
	if _, err := s.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(10 * time.Minute)
	s.sweep(1) // also of an older epoch
}

// testRetention: payload and salt go, the leaf stays, and the log verifies against what was witnessed before.
func testRetention(t *testing.T, s *scene) {
	s.options.Retention = 24 * time.Hour
	s.restart()
	key := NewKey(t)
	record := func(reason string) {
		t.Helper()
		e := audit.Entry{Event: audit.AuthorizeRefused, Reason: reason, At: s.clock.Now()}
		if err := s.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	record("old")
	_, witnessed := s.sequence(key)
	s.clock.Advance(time.Hour)
	record("young")
	s.clock.Advance(23*time.Hour - time.Millisecond)
	s.sweep(0)
	s.clock.Advance(time.Millisecond)
	s.sweep(1)
	s.sweep(0)
	s.wantEvents(txn.ID{}, audit.AuthorizeRefused, audit.EntriesForgotten)
	s.clock.Advance(23 * time.Hour)
	s.sweep(0) // not in the tree yet: nobody could tell later that it was there
	s.sequence(key)
	s.sweep(1)
	s.sequence(key)
	if n, err := s.VerifyAudit(t.Context(), key.Verifier(), witnessed); n != 4 || err != nil {
		t.Errorf("VerifyAudit: %d, %v", n, err)
	}
	for e, err := range s.Entries(t.Context()) {
		if err != nil || e.Event != audit.EntriesForgotten || e.Details["entries"] != "1" {
			t.Errorf("left: %+v, %v", e, errors.Join(err))
		}
	}
}
