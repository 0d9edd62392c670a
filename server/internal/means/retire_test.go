package means_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
)

// book reads what was put into it.
type book struct {
	records []record.Record
	err     error // of every reading
}

func (b *book) put(changes ...record.Change) {
	for _, c := range changes {
		b.records = slices.DeleteFunc(b.records, func(r record.Record) bool { return r.Kind == c.Next.Kind && r.ID == c.Next.ID })
		b.records = append(b.records, c.Next)
	}
}

func (b *book) first(match func(record.Record) bool) (record.Record, error) {
	if i := slices.IndexFunc(b.records, match); i >= 0 && b.err == nil {
		return b.records[i], nil
	}
	return record.Record{}, errors.Join(b.err, record.ErrUnknown)
}

func (b *book) Get(_ context.Context, kind record.Kind, id string) (record.Record, error) {
	return b.first(func(r record.Record) bool { return r.Kind == kind && r.ID == id })
}

func (b *book) Find(_ context.Context, kind record.Kind, alias [32]byte) (record.Record, error) {
	return b.first(func(r record.Record) bool { return r.Kind == kind && r.Alias == alias })
}

func (b *book) Owned(_ context.Context, kind record.Kind, owner string) ([]record.Record, error) {
	var out []record.Record
	for _, r := range b.records {
		if r.Kind == kind && r.Owner == owner && len(out) < 256 {
			out = append(out, r)
		}
	}
	return out, b.err
}

// waiting is a device that a desk is to activate.
func waiting(tb testing.TB) means.Device {
	tb.Helper()
	return stored(tb, must[means.Device](tb)(enrolled(tb).Await("ABCD-EFGH")), means.ParseDevice)
}

// TestRetire: device, card and case end together, and once.
func TestRetire(t *testing.T) {
	t.Parallel()
	b, d := new(book), waiting(t)
	other := cardParts()
	other.ID, other.Device = "card-2", "device-2"
	b.put(d.Change(), newCard(t).Change(), newCase(t).Change(), must[means.Card](t)(means.NewCard(other, assurance.CardMatch)).Change())
	changes, err := d.Retire(t.Context(), b, "desk-refused", start)
	if err != nil || len(changes) != 3 {
		t.Fatalf("%d changes, %v", len(changes), err)
	}
	b.put(changes...)
	gone, err := means.ParseDevice(changes[0].Next)
	if err != nil || gone.Active() || gone.Reason() != "desk-refused" {
		t.Errorf("the device: %v, %q", err, gone.Reason())
	}
	r, err := b.Get(t.Context(), record.Card, "card-1")
	if card := must[means.Card](t)(means.ParseCard(r)); err != nil || card.Active() || card.Reason() != "desk-refused" {
		t.Errorf("the card: %v, %q", err, card.Reason())
	}
	r, err = b.Get(t.Context(), record.DeskCase, "case-1")
	if c := must[means.DeskCase](t)(means.ParseDeskCase(r)); err != nil || c.State() != "ended" {
		t.Errorf("the case: %v, %s", err, c.State())
	}
	r, err = b.Get(t.Context(), record.Card, "card-2")
	if card := must[means.Card](t)(means.ParseCard(r)); err != nil || !card.Active() {
		t.Errorf("another's card: %v", err)
	}
	if changes, err := gone.Retire(t.Context(), b, "lost", start); err != nil || len(changes) != 0 {
		t.Errorf("again: %d changes, %v", len(changes), err)
	}
}

// TestRetireWhatIsThere: without a card, without a case, with a case of another device; and a book that does not answer.
func TestRetireWhatIsThere(t *testing.T) {
	t.Parallel()
	parts := deskParts()
	parts.Device = "device-2"
	for name, with := range map[string]func(b *book){
		"alone":               func(*book) {},
		"a case of another's": func(b *book) { b.put(must[means.DeskCase](t)(means.NewDeskCase(parts, start)).Change()) },
	} {
		b := new(book)
		with(b)
		if changes, err := waiting(t).Retire(t.Context(), b, "lost", start); err != nil || len(changes) != 1 {
			t.Errorf("%s: %d changes, %v", name, len(changes), err)
		}
	}
	fresh, _ := newDevice(t)
	if changes, err := fresh.Retire(t.Context(), new(book), "lost", start); err != nil || len(changes) != 1 {
		t.Errorf("of nobody: %d changes, %v", len(changes), err)
	}
	silent := errors.New("no answer")
	if _, err := waiting(t).Retire(t.Context(), &book{err: silent}, "lost", start); !errors.Is(err, silent) {
		t.Errorf("a book that does not answer: %v", err)
	}
}

// TestCards: a device finds its card beside any number of the account's, and one that was stored by its account.
func TestCards(t *testing.T) {
	t.Parallel()
	b, d := new(book), enrolled(t)
	for i := range 300 {
		p := cardParts()
		p.ID, p.Device = fmt.Sprintf("!%d", i), fmt.Sprintf("other-%d", i)
		b.put(must[means.Card](t)(means.NewCard(p, assurance.CardMatch)).Change())
	}
	b.put(newCard(t).Change())
	if cards, err := d.Cards(t.Context(), b); err != nil || len(cards) != 1 || cards[0].ID() != "card-1" {
		t.Errorf("%d cards, %v", len(cards), err)
	}
	before := newCard(t).Change()
	before.Next.Owner = "account-1"
	b = new(book)
	b.put(before)
	cards, err := d.Cards(t.Context(), b)
	if err != nil || len(cards) != 1 {
		t.Fatalf("stored by its account: %d, %v", len(cards), err)
	}
	if owner := cards[0].Change().Next.Owner; owner != "device-1" {
		t.Errorf("and then by %s", owner)
	}
	b.put(cards[0].Suspend("lost").Change())
	if cards, err := d.Cards(t.Context(), b); err != nil || len(cards) != 0 {
		t.Errorf("suspended: %d, %v", len(cards), err)
	}
	fresh, _ := newDevice(t)
	if cards, err := fresh.Cards(t.Context(), b); err != nil || cards != nil {
		t.Errorf("of nobody: %d, %v", len(cards), err)
	}
}

// TestWaiting: five devices of an account wait for a desk; a sixth displaces the oldest.
func TestWaiting(t *testing.T) {
	t.Parallel()
	a := newAccount(t)
	for i := 1; i <= 5; i++ {
		next, displaced, err := a.Await(fmt.Sprintf("device-%d", i))
		if err != nil || displaced != "" {
			t.Fatalf("the %dth: displaces %q, %v", i, displaced, err)
		}
		a = stored(t, next, means.ParseAccount)
	}
	again, displaced, err := a.Await("device-2")
	if err != nil || displaced != "" || len(again.Waiting()) != 5 || again.Waiting()[4] != "device-2" {
		t.Errorf("one that waits already: displaces %q, %v", displaced, err)
	}
	if settled := stored(t, a.Settle("device-3"), means.ParseAccount); slices.Contains(settled.Waiting(), "device-3") || len(settled.Waiting()) != 4 {
		t.Errorf("settled: %v wait", settled.Waiting())
	}
	sixth, displaced, err := a.Await("device-6")
	if err != nil || displaced != "device-1" || !slices.Equal(sixth.Waiting(), []string{"device-2", "device-3", "device-4", "device-5", "device-6"}) {
		t.Errorf("a sixth: displaces %q, %v, and %v wait", displaced, err, sixth.Waiting())
	}
	stored(t, sixth, means.ParseAccount)
	if !slices.Equal(a.Waiting(), []string{"device-1", "device-2", "device-3", "device-4", "device-5"}) {
		t.Errorf("the value before was changed: %v", a.Waiting())
	}
	_, _, err = a.Await("not a name")
	bounds(t, "Await of no device", err)
	_, _, err = means.Account{}.Await("device-1")
	bounds(t, "Await of nothing", err)
}

// TestWaitingStored: an account whose list is out of its bounds is read by nothing.
func TestWaitingStored(t *testing.T) {
	t.Parallel()
	a, _, err := newAccount(t).Await("device-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		after string
		ok    bool
	}{
		{`["device-1"]`, true},
		{`["device-1","device-2","device-3","device-4","device-5"]`, true},
		{`["device-1","device-2","device-3","device-4","device-5","device-6"]`, false},
		{`["device-1","device-1"]`, false},
		{`["device 1"]`, false},
		{`[""]`, false},
		{`[]`, false},
	} {
		r := a.Change().Next
		replacing(`["device-1"]`, row.after)(&r)
		if _, err := means.ParseAccount(r); (err == nil) != row.ok {
			t.Errorf("%s: %v", row.after, err)
		}
	}
}

// TestPastCases: a case that is over belongs to another owner than those that wait, and keeps no address.
func TestPastCases(t *testing.T) {
	t.Parallel()
	c := newCase(t)
	if c.Email() != "secret@example.org" || c.Change().Next.Owner != means.DeskOwner {
		t.Errorf("waits for %q as %s's", c.Email(), c.Change().Next.Owner)
	}
	a := stored(t, approved(t), means.ParseDeskCase)
	if a.Email() != "secret@example.org" || a.Change().Next.Owner != means.DeskOwner {
		t.Errorf("approved for %q as %s's", a.Email(), a.Change().Next.Owner)
	}
	done := must[means.DeskCase](t)(a.Redeem("device-1", code, start.Add(time.Minute)))
	for name, over := range map[string]means.DeskCase{"done": done, "ended": must[means.DeskCase](t)(c.End(start))} {
		over = stored(t, over, means.ParseDeskCase)
		r := over.Change().Next
		if over.Email() != "" || r.Owner == means.DeskOwner {
			t.Errorf("%s: %q, %s", name, over.Email(), r.Owner)
		}
		r.Owner = means.DeskOwner // as it was stored before
		if before, err := means.ParseDeskCase(r); err != nil || before.Change().Next.Owner == means.DeskOwner {
			t.Errorf("%s, as stored before: %v", name, err)
		}
	}
	open := c.Change().Next
	open.Owner = done.Change().Next.Owner
	if _, err := means.ParseDeskCase(open); err == nil {
		t.Error("a case that waits among those that are over")
	}
}
