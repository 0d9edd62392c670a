package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
)

// testAdvanceWith: whichever of the two is refused, neither is written.
func testAdvanceWith(t *testing.T, s *scene) {
	ctx := t.Context()
	l, waiting := s.reach(IssuerA, txn.NameWaiting)
	proven, e := s.next(l, waiting)
	step := record.Step{From: waiting, Next: proven, Entry: e}
	r := s.ceremony(l.ID.String())
	ended := s.update(r, func(r *record.Record) { r.State = "ended" })

	wantError(t, "AdvanceWith a stale change", s.AdvanceWith(ctx, step, []record.Change{ended}), record.ErrStale)
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, waiting, "Load")
	s.apply("the record", insert(r))
	wantError(t, "AdvanceWith an identifier again", s.AdvanceWith(ctx, step, []record.Change{insert(r)}), record.ErrTaken)
	if err := s.AdvanceWith(ctx, step, []record.Change{{}}); err == nil {
		t.Error("AdvanceWith took a change that is none")
	}
	backwards := record.Step{From: proven, Next: waiting, Entry: e}
	if err := s.AdvanceWith(ctx, backwards, []record.Change{ended}); err == nil {
		t.Error("AdvanceWith took a step that is none")
	}
	s.stored(r)
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, waiting, "Load")

	race(t, "AdvanceWith", txn.ErrSpent, func(ctx context.Context) error { return s.AdvanceWith(ctx, step, []record.Change{ended}) })
	s.stored(ended.Next)
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, proven, "Load")
	again := s.update(ended.Next, same)
	wantError(t, "AdvanceWith a spent step", s.AdvanceWith(ctx, step, []record.Change{again}), txn.ErrSpent)
	s.stored(ended.Next)
	s.wantEvents(l.ID, audit.AuthorizeReceived, audit.ProofAccepted)

	consented, e := s.next(l, proven)
	also := e
	also.Event = audit.SessionEnded
	noEntry := record.Step{From: proven, Next: consented, Entry: e, Also: []audit.Entry{{}}}
	if err := s.AdvanceWith(ctx, noEntry, nil); err == nil {
		t.Error("AdvanceWith took an entry that is none")
	}
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, proven, "Load")
	if err := s.AdvanceWith(ctx, record.Step{From: proven, Next: consented, Entry: e, Also: []audit.Entry{also}}, nil); err != nil {
		t.Errorf("AdvanceWith no change: %v", err)
	}
	find(s.Load(ctx, l.Issuer, l.ID)).is(t, consented, "Load")
	s.wantEvents(l.ID, audit.AuthorizeReceived, audit.ProofAccepted, e.Event, audit.SessionEnded)
}

// A meansCase is what happened to the means of a login between the proof and the code.
type meansCase struct {
	name   string
	means  []string // that gave the proof: "device", "card", or another word
	change func(device, card record.Record) []record.Change
	want   error
}

// meansCases are the ways that it can go.
func (s *scene) meansCases() []meansCase {
	suspend := func(r *record.Record) { r.State = "suspended" }
	return []meansCase{
		{"both active", []string{"device", "card"}, nil, nil},
		{"one, used alone", []string{"device"}, nil, nil},
		{"none, where an identity provider vouched", nil, nil, nil},
		{"the device suspended", []string{"device", "card"}, func(device, _ record.Record) []record.Change {
			return []record.Change{s.update(device, suspend)}
		}, txn.ErrSpent},
		{"the card suspended", []string{"device", "card"}, func(_, card record.Record) []record.Change {
			return []record.Change{s.update(card, suspend)}
		}, txn.ErrSpent},
		{"another version, active still", []string{"device", "card"}, func(device, card record.Record) []record.Change {
			return []record.Change{s.update(device, same), s.update(card, same)}
		}, nil},
		{"a card suspended that was not used", []string{"device"}, func(_, card record.Record) []record.Change {
			return []record.Change{s.update(card, suspend)}
		}, nil},
		{"one that is not known", []string{"device", "card", "third"}, nil, txn.ErrSpent},
		{"one that is about to be forgotten", []string{"device"}, func(device, _ record.Record) []record.Change {
			return []record.Change{s.update(device, func(r *record.Record) { r.Expires = s.clock.Now().Add(time.Hour) })}
		}, txn.ErrSpent},
		{"an account is no means", []string{"account"}, func(_, card record.Record) []record.Change {
			card.Kind, card.ID = record.Account, "account-"+card.ID
			return []record.Change{insert(card)}
		}, txn.ErrSpent},
		{"a name that two bear", []string{"device"}, func(device, _ record.Record) []record.Change {
			device.Kind, device.State = record.Card, "suspended"
			return []record.Change{insert(device)}
		}, txn.ErrSpent},
	}
}

// testMeans: what happened to a means between the proof and the code counts, by the statement that issues the code.
func testMeans(t *testing.T, s *scene) {
	for _, row := range s.meansCases() {
		t.Run(row.name, func(t *testing.T) {
			l := NewLogin(IssuerA, s.clock.Now)
			device, card := s.device("device-"+l.ID.String()[:8]), s.device("card-"+l.ID.String()[:8])
			card.Kind = record.Card
			s.apply("the means", insert(device), insert(card))
			for _, name := range row.means {
				l.Means = append(l.Means, name+"-"+l.ID.String()[:8])
			}
			consented, err := l.Reach(t.Context(), s, txn.NameConsented)
			if err != nil {
				t.Fatal(err)
			}
			if got := consented.(txn.Consented).Means(); !slices.Equal(got, l.Means) {
				t.Fatalf("the state names %q, not %q", got, l.Means)
			}
			if row.change != nil {
				s.apply(row.name, row.change(device, card)...)
			}
			granted, e := s.next(l, consented)
			wantError(t, "Advance", s.Advance(t.Context(), consented, granted, e), row.want)
			if row.want == nil {
				find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, granted, "Load")
				return
			}
			find(s.Load(t.Context(), l.Issuer, l.ID)).is(t, consented, "Load")
			find(s.ByCode(t.Context(), l.Issuer, l.Code)).unknown(t, "ByCode")
			wantError(t, "AdvanceWith", s.AdvanceWith(t.Context(), record.Step{From: consented, Next: granted, Entry: e}, nil), row.want)
		})
	}
}

// testBoundRecords: what was sealed for one version of a record opens in no other place.
func testBoundRecords(t *testing.T, s *scene) {
	swap := &swapper{Sealer: s.options.Sealer, data: make(map[string]bool)}
	s.options.Sealer = swap
	s.restart()
	one, two := s.device("one"), s.device("two")
	next := s.update(one, same)
	s.apply("two", insert(one), insert(two))
	s.apply("another version", next)
	if _, err := s.Get(t.Context(), one.Kind, one.ID); err != nil {
		t.Fatal(err)
	}
	current := 0
	for _, sealed := range swap.kept {
		swap.replace = sealed
		if got, err := s.Get(t.Context(), one.Kind, one.ID); err == nil && compare(next.Next, got) == "" {
			current++
		}
	}
	if current != 1 || len(swap.kept) != 3 || len(swap.data) != 3 {
		t.Errorf("%d of %d sealed values, bound to %d places, open as the current version", current, len(swap.kept), len(swap.data))
	}
}
