package txn_test

import (
	"fmt"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// TestFollows tries every pair of states of one login, each at its own version: what a ledger accepts is what a
// transition can make.
func TestFollows(t *testing.T) {
	t.Parallel()
	all := states(t)
	for i, from := range all {
		for j, next := range all {
			// Along the chain only: the ended state of the suite is the replay of the redeemed one.
			want := j == i+1
			if err := txn.Follows(from, next); (err == nil) != want {
				t.Errorf("%s to %s: %v", from.Name(), next.Name(), err)
			}
		}
		if s, ok := from.(live); ok {
			ended, _, err := s.Refuse(txn.ReasonCancelled, start)
			if err != nil {
				t.Fatal(err)
			}
			if err := txn.Follows(from, ended); err != nil {
				t.Errorf("%s to its end: %v", from.Name(), err)
			}
			for j, other := range all {
				if i != j && txn.Follows(other, ended) == nil {
					t.Errorf("the end of %s follows %s", from.Name(), other.Name())
				}
				if txn.Follows(ended, other) == nil {
					t.Errorf("%s follows the end of %s", other.Name(), from.Name())
				}
			}
		}
	}
}

// TestFollowsUse: a use follows a redemption and a use, each once.
func TestFollowsUse(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	r := l.redeemed()
	once, _, err := r.Use(l.now)
	if err != nil {
		t.Fatal(err)
	}
	twice, _, err := once.Use(l.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := txn.Follows(r, once); err != nil {
		t.Error(err)
	}
	if err := txn.Follows(once, twice); err != nil {
		t.Error(err)
	}
	if txn.Follows(r, twice) == nil || txn.Follows(once, once) == nil || txn.Follows(twice, once) == nil {
		t.Error("a use follows another than the one before it")
	}
}

// renamed is a state that calls itself another: a ledger that believed it would index it wrongly.
type renamed struct{ txn.Proven }

func (renamed) Name() txn.StateName { return txn.NameGranted }

func TestFollowsRefuses(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	w := l.waiting()
	p, _, err := w.Prove(l.proof(), l.policy, l.person, l.now)
	if err != nil {
		t.Fatal(err)
	}
	if err := txn.Follows(w, p); err != nil {
		t.Fatal(err)
	}
	otherTransaction := newLogin(t).proven()
	elsewhere := newLogin(t)
	elsewhere.id, elsewhere.params.Issuer = l.id, "https://other.example/api/v2"
	otherIssuer := elsewhere.proven()
	for name, pair := range map[string][2]txn.State{
		"no state":                 {nil, p},
		"no next":                  {w, nil},
		"a zero state":             {txn.Waiting{}, p},
		"a zero next":              {w, txn.Proven{}},
		"two zero states":          {txn.Waiting{}, txn.Proven{}},
		"another transaction":      {w, otherTransaction},
		"another issuer":           {w, otherIssuer},
		"a pointer":                {&w, p},
		"a pointer to the next":    {w, &p},
		"a state that is embedded": {w, renamed{p}},
		"the same state":           {w, w},
		"backwards":                {p, w},
	} {
		if txn.Follows(pair[0], pair[1]) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// Example shows the shape of a step: take the transition, store what it returned, then answer.
func Example() {
	request, err := txn.NewRequest(params())
	if err != nil {
		panic(err)
	}
	now := time.Date(2026, time.November, 22, 9, 30, 0, 0, time.UTC)
	waiting, entry, err := request.Begin(txn.NewID(), browser(), now)
	if err != nil {
		panic(err)
	}
	// The ledger would store both here, before the browser hears of it.
	report(waiting, entry)
	ended, entry, err := waiting.Refuse(txn.ReasonCancelled, now.Add(time.Minute))
	if err != nil {
		panic(err)
	}
	report(ended, entry)
	// Output:
	// waiting until 09:40:00: authorize-received
	// ended until 09:40:00: login-abandoned
}

func report(s txn.State, e audit.Entry) {
	fmt.Printf("%s until %s: %s\n", s.Name(), s.Expires().Format(time.TimeOnly), e.Event)
}
