package companion_test

import (
	"fmt"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/desk"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

// newDesk is a scene with a real desk.
func newDesk(tb testing.TB) *scene {
	tb.Helper()
	s := newScene(tb)
	var err error
	s.desk, err = desk.New(desk.Parts{Book: s.store, Log: s.store, Now: s.now})
	must(tb, err)
	return s
}

// pairAs pairs a phone with the persona's card, by a page where that address was given.
func (p *phone) pairAs(email string) wire.ResultAnswer {
	s := p.s
	s.tb.Helper()
	terms := ceremony.Terms{
		ID: txn.NewID().String(), Issuer: issuer, Kind: ceremony.Pair, Browser: browser, Expires: s.now().Add(9 * time.Minute), Email: email,
	}
	c, err := ceremony.Offer(terms)
	must(s.tb, err)
	c, code, err := c.Start(s.now())
	must(s.tb, err)
	must(s.tb, s.store.Apply(s.tb.Context(), []record.Change{c.Change()}))
	var paired wire.PairAnswer
	p.ok(p.post(wire.PathPairings, p.pairRequest(code), &paired))
	p.id, p.device, p.nonce, p.ratchet = paired.Ceremony, paired.Device, paired.Nonce, paired.Ratchet
	s.step(p.id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.Confirm(browser, s.now()) })
	p.meet()
	p.setPIN(p.pin)
	r := &reading{p: p}
	must(s.tb, r.read(persona))
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}, &answer))
	p.handle = answer.Card
	return answer
}

func (p *phone) activate(reference string) {
	s := p.s
	s.tb.Helper()
	handover, err := s.desk.Activate(s.tb.Context(), desk.Order{Reference: reference, Agent: "agent"})
	must(s.tb, err)
	p.ok(p.post(wire.PathDesk, wire.DeskCode{Code: handover.Code}, &wire.DeviceStatus{}))
}

func (s *scene) accountOf(p *phone) means.Account {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Account, s.device(p).Account())
	must(s.tb, err)
	a, err := means.ParseAccount(r)
	must(s.tb, err)
	return a
}

// TestEmailOfWhoWasSeen: whoever reads the card first gives the account an address; whoever the desk has seen, theirs.
func TestEmailOfWhoWasSeen(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	other, owner := newPhone(s), newPhone(s)
	other.pairAs("other@example.org")
	reference := owner.pairAs("helene@example.org").Reference
	if s.device(other).Account() != s.device(owner).Account() {
		t.Fatal("two accounts")
	}
	if got := s.accountOf(owner).Person().Fields().Email; got != "other@example.org" {
		t.Errorf("before the desk: %s", got)
	}
	owner.activate(reference)
	if got := s.accountOf(owner).Person().Fields().Email; got != "helene@example.org" {
		t.Errorf("after it: %s", got)
	}
	newPhone(s).pairAs("third@example.org")
	if got := s.accountOf(owner).Person().Fields().Email; got != "helene@example.org" {
		t.Errorf("after one more pairing: %s", got)
	}
}

// TestDisplaced: of one person's devices five wait for a desk. A sixth displaces the oldest, and none that a desk activated.
func TestDisplaced(t *testing.T) {
	t.Parallel()
	s := newDesk(t)
	seen := newPhone(s)
	seen.activate(seen.pair(persona).Reference)
	var waiting []*phone
	var references []string
	for range 5 {
		p := newPhone(s)
		references = append(references, p.pair(persona).Reference)
		waiting = append(waiting, p)
	}
	for i, p := range append(waiting, seen) {
		if !s.device(p).Active() {
			t.Fatalf("the %dth is suspended", i)
		}
	}
	sixth := newPhone(s)
	sixth.pair(persona)
	if d := s.device(waiting[0]); d.Active() || d.Reason() != "displaced" || len(s.cardsActive(d)) != 0 {
		t.Errorf("the oldest: active %v, %q", d.Active(), d.Reason())
	}
	for i, p := range append(waiting[1:], seen, sixth) {
		if d := s.device(p); !d.Active() || len(s.cardsActive(d)) != 1 {
			t.Errorf("the %dth: active %v", i, d.Active())
		}
	}
	if !s.logged(audit.DeviceSuspended, "displaced") {
		t.Error("no entry")
	}
	if _, err := s.desk.Activate(t.Context(), desk.Order{Reference: references[0], Agent: "agent"}); err == nil {
		t.Error("the case of the oldest goes on")
	}
	_, start := s.login(assurance.Substantial)
	refused(t, "a login of the oldest", waiting[0].redeem(start), wire.CodeDeviceSuspended, "displaced")
	if cases, err := s.desk.List(t.Context()); err != nil || len(cases) != 5 {
		t.Errorf("%d cases wait, %v", len(cases), err)
	}
}

func (s *scene) cardsActive(d means.Device) []means.Card {
	s.tb.Helper()
	cards, err := d.Cards(s.tb.Context(), s.store)
	must(s.tb, err)
	return cards
}

// TestManyCards: a device reaches its level however many cards the account has.
func TestManyCards(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	d := s.device(p)
	mine := s.cardsOf(d)[0]
	for i := range 300 {
		c, err := means.NewCard(means.CardParts{
			ID: fmt.Sprintf("!%d", i), Account: d.Account(), Device: fmt.Sprintf("other-%d", i), Handle: fmt.Appendf(nil, "%032d", i),
			Document: mine.Document(), Memory: mine.Memory(),
		}, assurance.CardMatch)
		must(t, err)
		must(t, s.store.Apply(t.Context(), []record.Change{c.Change()}))
	}
	if status := p.status(); status.Cards != 1 || status.Level != "eidas3" {
		t.Errorf("status %+v", status)
	}
}
