package storetest

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// racers is how many callers race for one right.
const racers = 64

// found is what a ledger answered.
type found struct {
	state txn.State
	err   error
}

func find(state txn.State, err error) found { return found{state, err} }

// is fails the test unless the answer is that state.
func (f found) is(t *testing.T, want txn.State, what string) {
	t.Helper()
	if f.err != nil {
		t.Errorf("%s: %v", what, f.err)
		return
	}
	if !bytes.Equal(txn.Encode(f.state), txn.Encode(want)) {
		t.Errorf("%s: %s, version %d; want %s, version %d", what, f.state.Name(), f.state.Version(), want.Name(), want.Version())
	}
}

// unknown fails the test unless the answer is that there is nothing.
func (f found) unknown(t *testing.T, what string) {
	t.Helper()
	if f.state != nil {
		t.Errorf("%s: %s, want nothing", what, f.state.Name())
	}
	wantError(t, what, f.err, txn.ErrUnknown)
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// testLogin: by identifier at each state, by code from the grant on, by token once there is one; with one entry a step.
func testLogin(t *testing.T, s *scene) {
	ctx := t.Context()
	l := NewLogin(IssuerA, s.clock.Now)
	find(s.Load(ctx, l.Issuer, l.ID)).unknown(t, "Load before Begin")
	at, err := l.Reach(ctx, s, txn.NameWaiting)
	if err != nil {
		t.Fatal(err)
	}
	for {
		find(s.Load(ctx, l.Issuer, l.ID)).is(t, at, "Load "+string(at.Name()))
		_, coded := at.CodeHash()
		if got := find(s.ByCode(ctx, l.Issuer, l.Code)); coded {
			got.is(t, at, "ByCode "+string(at.Name()))
		} else {
			got.unknown(t, "ByCode "+string(at.Name()))
		}
		_, carries := at.TokenHash()
		if got := find(s.ByToken(ctx, l.Issuer, l.Token)); carries {
			got.is(t, at, "ByToken "+string(at.Name()))
		} else {
			got.unknown(t, "ByToken "+string(at.Name()))
		}
		if at.Version() == 6 {
			break
		}
		s.clock.Advance(time.Second)
		next, e := s.next(l, at)
		if err := s.Advance(ctx, at, next, e); err != nil {
			t.Fatalf("Advance to %s: %v", next.Name(), err)
		}
		at = next
	}
	ended, e, err := at.(txn.Redeemed).Replay(s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(ctx, at, ended, e); err != nil {
		t.Fatalf("Advance to the end: %v", err)
	}
	find(s.ByCode(ctx, l.Issuer, l.Code)).is(t, ended, "ByCode after the end")
	find(s.ByToken(ctx, l.Issuer, l.Token)).unknown(t, "ByToken after the end")
	s.wantEvents(l.ID, audit.AuthorizeReceived, audit.ProofAccepted, audit.ConsentGiven, audit.CodeIssued,
		audit.CodeRedeemed, audit.TokenUsed, audit.CodeReplayed)
}

func testBeginTwice(t *testing.T, s *scene) {
	l, first := s.reach(IssuerA, txn.NameWaiting)
	again, e, err := l.First()
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "Begin again", s.Begin(t.Context(), again, e), txn.ErrSpent)
	find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, first, "Load")
	s.wantEvents(l.ID, audit.AuthorizeReceived)
}

// testStaleAdvance: the second of two transitions out of one state is refused and leaves no trace.
func testStaleAdvance(t *testing.T, s *scene) {
	l, redeemed := s.reach(IssuerA, txn.NameRedeemed)
	for range 2 {
		s.clock.Advance(time.Second)
		used, e := s.next(l, redeemed)
		if err := s.Advance(t.Context(), redeemed, used, e); err != nil {
			t.Fatalf("Advance: %v", err)
		}
		before := s.events(l.ID)
		wantError(t, "Advance again", s.Advance(t.Context(), redeemed, used, e), txn.ErrSpent)
		ended, e, err := redeemed.(txn.Redeemed).Replay(s.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, "Advance elsewhere", s.Advance(t.Context(), redeemed, ended, e), txn.ErrSpent)
		find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, used, "Load")
		s.wantEvents(l.ID, before...)
		redeemed = used
	}
}

// testForeignAdvance: a store never mixes two transactions up, whatever it is handed.
func testForeignAdvance(t *testing.T, s *scene) {
	l, waiting := s.reach(IssuerA, txn.NameWaiting)
	other, otherWaiting := s.reach(IssuerA, txn.NameWaiting)
	next, e := s.next(l, waiting)
	otherNext, _ := s.next(other, otherWaiting)
	for _, row := range []struct {
		name       string
		from, next txn.State
	}{
		{"another transaction", waiting, otherNext},
		{"the same state", waiting, waiting},
		{"backwards", next, waiting},
		{"from nothing", nil, next},
		{"to nothing", waiting, nil},
		{"to a zero value", waiting, txn.Proven{}},
	} {
		if err := s.Advance(t.Context(), row.from, row.next, e); err == nil || errors.Is(err, txn.ErrSpent) {
			t.Errorf("Advance, %s: %v", row.name, err)
		}
	}
	if err := s.Begin(t.Context(), txn.Waiting{}, e); err == nil {
		t.Error("Begin took the zero value")
	}
	s.wantEvents(l.ID, audit.AuthorizeReceived)
	if err := s.Advance(t.Context(), waiting, next, e); err != nil {
		t.Errorf("Advance, as it should be: %v", err)
	}
}

// testExpiry: known until its last millisecond, unknown from then on; by then it can be ended and not continued.
func testExpiry(t *testing.T, s *scene) {
	ctx := t.Context()
	l, granted := s.reach(IssuerA, txn.NameGranted)
	redeemed, e := s.next(l, granted)
	s.clock.Advance(granted.Expires().Sub(s.clock.Now()) - time.Millisecond)
	find(s.ByCode(ctx, l.Issuer, l.Code)).is(t, granted, "ByCode in time")
	s.clock.Advance(time.Millisecond)
	find(s.ByCode(ctx, l.Issuer, l.Code)).unknown(t, "ByCode too late")
	find(s.Load(ctx, l.Issuer, l.ID)).unknown(t, "Load too late")
	wantError(t, "Advance too late", s.Advance(ctx, granted, redeemed, e), txn.ErrSpent)
	ended, e, err := granted.(txn.Granted).Expire(s.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Advance(ctx, granted, ended, e); err != nil {
		t.Errorf("Advance to the end: %v", err)
	}
	if got := s.events(l.ID); got[len(got)-1] != audit.TransactionExpired {
		t.Errorf("the last entry is %s", got[len(got)-1])
	}
}

// testIssuers: one identifier, one code and one token at two issuers are six different things.
func testIssuers(t *testing.T, s *scene) {
	ctx := t.Context()
	a, atA := s.reach(IssuerA, txn.NameRedeemed)
	unknown := func(what string) {
		t.Helper()
		find(s.Load(ctx, IssuerB, a.ID)).unknown(t, what+": Load")
		find(s.ByCode(ctx, IssuerB, a.Code)).unknown(t, what+": ByCode")
		find(s.ByToken(ctx, IssuerB, a.Token)).unknown(t, what+": ByToken")
	}
	unknown("at an issuer that has nothing")
	s.reach(IssuerB, txn.NameRedeemed)
	unknown("at an issuer that has others")
	b := a
	b.Issuer = IssuerB
	atB, err := b.Reach(ctx, s, txn.NameRedeemed)
	if err != nil {
		t.Fatalf("the same identifier, code and token at another issuer: %v", err)
	}
	used, e := s.next(a, atA)
	if err := s.Advance(ctx, atA, used, e); err != nil {
		t.Fatalf("Advance of one of the two: %v", err)
	}
	atA = used
	for _, one := range []struct {
		issuer string
		want   txn.State
	}{{IssuerA, atA}, {IssuerB, atB}} {
		find(s.Load(ctx, one.issuer, a.ID)).is(t, one.want, "Load at "+one.issuer)
		find(s.ByCode(ctx, one.issuer, a.Code)).is(t, one.want, "ByCode at "+one.issuer)
		find(s.ByToken(ctx, one.issuer, a.Token)).is(t, one.want, "ByToken at "+one.issuer)
	}
}

// testEpochs: after a restore nothing of before can be found, nor continued, nor begun again.
func testEpochs(t *testing.T, s *scene) {
	ctx := t.Context()
	l, redeemed := s.reach(IssuerA, txn.NameRedeemed)
	w, waiting := s.reach(IssuerA, txn.NameWaiting)
	if got := s.Epoch().Number; got != 1 {
		t.Errorf("the first epoch is %d", got)
	}
	s.clock.Advance(time.Second)
	epoch, err := s.NewEpoch(ctx)
	if err != nil || epoch != s.Epoch() || epoch.Number != 2 || !epoch.Started.Equal(s.clock.Now()) {
		t.Fatalf("NewEpoch: %+v, %v; Epoch: %+v", epoch, err, s.Epoch())
	}
	find(s.Load(ctx, l.Issuer, l.ID)).unknown(t, "Load")
	find(s.ByCode(ctx, l.Issuer, l.Code)).unknown(t, "ByCode")
	find(s.ByToken(ctx, l.Issuer, l.Token)).unknown(t, "ByToken")
	used, e := s.next(l, redeemed)
	wantError(t, "Advance", s.Advance(ctx, redeemed, used, e), txn.ErrSpent)
	proven, e := s.next(w, waiting)
	wantError(t, "Advance", s.Advance(ctx, waiting, proven, e), txn.ErrSpent)
	again, e, err := l.First()
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, "Begin again", s.Begin(ctx, again, e), txn.ErrSpent)
	if events := s.events(txn.ID{}); events[len(events)-1] != audit.EpochStarted {
		t.Errorf("the last entry is %s", events[len(events)-1])
	}
	n, now := s.reach(IssuerA, txn.NameRedeemed)
	find(s.ByToken(ctx, n.Issuer, n.Token)).is(t, now, "ByToken in the new epoch")
	s.restart()
	if s.Epoch() != epoch {
		t.Errorf("after a restart the epoch is %+v, not %+v", s.Epoch(), epoch)
	}
}

// race has many callers do the same at once, and counts those who won; the others must have got lost.
func race(t *testing.T, what string, lost error, do func(ctx context.Context) error) {
	t.Helper()
	start := make(chan struct{})
	errs := make([]error, racers)
	var group sync.WaitGroup
	for i := range racers {
		group.Go(func() {
			<-start
			errs[i] = do(t.Context())
		})
	}
	close(start)
	group.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			wantError(t, what, err, lost)
		}
	}
	if won != 1 {
		t.Errorf("%s: %d of %d won", what, won, racers)
	}
}

func testRaceOfTransitions(t *testing.T, s *scene) {
	l := NewLogin(IssuerA, s.clock.Now)
	first, e, err := l.First()
	if err != nil {
		t.Fatal(err)
	}
	race(t, "Begin", txn.ErrSpent, func(ctx context.Context) error { return s.Begin(ctx, first, e) })
	at := txn.State(first)
	for at.Version() < 6 {
		next, e := s.next(l, at)
		race(t, "Advance to "+string(next.Name()), txn.ErrSpent, func(ctx context.Context) error { return s.Advance(ctx, at, next, e) })
		at = next
	}
	find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, at, "Load")
	if events := s.events(l.ID); len(events) != 6 || len(slices.Compact(events)) != 6 {
		t.Errorf("six transitions left the entries %v", events)
	}
}

// wantEvents fails the test unless the log says exactly this of a transaction.
func (s *scene) wantEvents(id txn.ID, want ...audit.Event) {
	s.t.Helper()
	if got := s.events(id); !slices.Equal(got, want) {
		s.t.Errorf("the log says %q, want %q", got, want)
	}
}
