package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
)

// device gives the first version of a record that never expires.
func (s *scene) device(id string) record.Record {
	return record.Record{
		Kind: record.Device, ID: id, Version: 1, State: record.StateActive, Owner: "owner-1",
		Alias: sha256.Sum256([]byte(id)), Body: []byte("body-plaintext of " + id),
	}
}

// ceremony gives the first version of a record that expires in ten minutes.
func (s *scene) ceremony(id string) record.Record {
	return record.Record{
		Kind: record.Ceremony, ID: id, Version: 1, State: "offered", Alias: sha256.Sum256([]byte(id)),
		Expires: s.clock.Now().Add(10 * time.Minute), Body: []byte("body-plaintext of " + id),
	}
}

// insert is the change that stores a record for the first time.
func insert(r record.Record) record.Change { return record.Change{Next: r} }

// update is the change that stores the next version of a record, whatever change does to it.
func (s *scene) update(r record.Record, change func(r *record.Record)) record.Change {
	from := r.Version
	r.Version++
	change(&r)
	return record.Change{From: from, Next: r}
}

// same changes nothing but the version.
func same(*record.Record) {}

// apply writes changes that must be written.
func (s *scene) apply(what string, changes ...record.Change) {
	s.t.Helper()
	if err := s.Apply(s.t.Context(), changes); err != nil {
		s.t.Fatalf("Apply, %s: %v", what, err)
	}
}

// refuse wants changes to be refused, and says so of nothing else than want.
func (s *scene) refuse(what string, want error, changes ...record.Change) {
	s.t.Helper()
	err := s.Apply(s.t.Context(), changes, audit.Entry{Event: "never-recorded", At: s.clock.Now()})
	wantError(s.t, "Apply, "+what, err, want)
	if slices.Contains(s.events(txn.ID{}), "never-recorded") {
		s.t.Errorf("Apply, %s: refused, with its entry recorded", what)
	}
}

// stored wants a record to be found, exactly so, by its identifier and by its alias.
func (s *scene) stored(want record.Record) {
	s.t.Helper()
	got, err := s.Get(s.t.Context(), want.Kind, want.ID)
	if diff := compare(want, got); diff != "" || err != nil {
		s.t.Errorf("Get: %v; not as stored: %s", err, diff)
	}
	got, err = s.Find(s.t.Context(), want.Kind, want.Alias)
	if want.Alias == [32]byte{} {
		wantError(s.t, "Find of no alias", err, record.ErrUnknown)
		return
	}
	if diff := compare(want, got); diff != "" || err != nil {
		s.t.Errorf("Find: %v; not as stored: %s", err, diff)
	}
}

// compare names the fields that differ: records print redacted.
func compare(want, got record.Record) string {
	var differ []string
	for name, same := range map[string]bool{
		"kind": want.Kind == got.Kind, "identifier": want.ID == got.ID, "version": want.Version == got.Version,
		"state": want.State == got.State, "owner": want.Owner == got.Owner, "alias": want.Alias == got.Alias,
		"expiry": want.Expires.Equal(got.Expires), "body": bytes.Equal(want.Body, got.Body),
	} {
		if !same {
			differ = append(differ, name)
		}
	}
	slices.Sort(differ)
	return strings.Join(differ, ", ")
}

// unknown wants a record to be found by nothing.
func (s *scene) unknown(r record.Record) {
	s.t.Helper()
	_, err := s.Get(s.t.Context(), r.Kind, r.ID)
	wantError(s.t, "Get", err, record.ErrUnknown)
	_, err = s.Find(s.t.Context(), r.Kind, r.Alias)
	wantError(s.t, "Find", err, record.ErrUnknown)
}

func testRecords(t *testing.T, s *scene) {
	r := s.device("one")
	s.unknown(r)
	s.apply("the first version", insert(r))
	for _, change := range []func(r *record.Record){
		same,
		func(r *record.Record) { r.State = "suspended" },
		func(r *record.Record) { r.Owner = "" },
		func(r *record.Record) { r.Alias = sha256.Sum256([]byte("another")) },
		func(r *record.Record) { r.Alias = [32]byte{} },
		func(r *record.Record) { r.Expires = s.clock.Now().Add(time.Millisecond) },
		func(r *record.Record) { r.Expires = time.Time{} },
		func(r *record.Record) { r.Body = make([]byte, 256<<10) },
		func(r *record.Record) { r.Alias, r.Body, r.Owner = [32]byte{7}, []byte{0}, "owner-2" },
	} {
		before := r
		c := s.update(r, change)
		s.apply("another version", c)
		r = c.Next
		s.stored(r)
		if before.Alias != r.Alias {
			_, err := s.Find(t.Context(), r.Kind, before.Alias)
			wantError(t, "Find by an alias of before", err, record.ErrUnknown)
		}
	}
	s.restart()
	s.stored(r)
	other := r
	other.Kind = record.Card
	s.unknown(other)
}

func testStaleChange(t *testing.T, s *scene) {
	r := s.device("one")
	s.refuse("of what is not there", record.ErrStale, s.update(r, same))
	s.apply("the first version", insert(r))
	second := s.update(r, func(r *record.Record) { r.State = "suspended" })
	s.apply("the second", second)
	s.refuse("of the first again", record.ErrStale, second)
	s.refuse("of the first to something else", record.ErrStale, s.update(r, same))
	later := second.Next
	later.Version = 7
	s.refuse("of a version that is to come", record.ErrStale, s.update(later, same))
	foreign := second.Next
	foreign.Kind = record.Card
	s.refuse("of another kind", record.ErrStale, s.update(foreign, same))
	s.stored(second.Next)
}

func testTaken(t *testing.T, s *scene) {
	one, two := s.device("one"), s.device("two")
	s.apply("two records", insert(one), insert(two))
	s.refuse("an identifier again", record.ErrTaken, insert(one))
	again := one
	again.Alias = [32]byte{1}
	s.refuse("an identifier again, with another alias", record.ErrTaken, insert(again))
	three := s.device("three")
	three.Alias = one.Alias
	s.refuse("an alias again", record.ErrTaken, insert(three))
	s.refuse("an alias again, by an update", record.ErrTaken, s.update(two, func(r *record.Record) { r.Alias = one.Alias }))
	s.stored(one)
	s.stored(two)
	s.unknown(s.device("three"))

	card := one
	card.Kind = record.Card
	s.apply("both in another kind", insert(card))
	for _, id := range []string{"bare-1", "bare-2"} {
		bare := s.device(id)
		bare.Alias = [32]byte{}
		s.apply("no alias, more than once", insert(bare))
		s.stored(bare)
	}
	freed := s.update(one, func(r *record.Record) { r.Alias = [32]byte{} })
	s.apply("an alias given up", freed)
	s.apply("and taken", insert(three))
	s.stored(three)
}

func testTogether(t *testing.T, s *scene) {
	one, two := s.device("one"), s.device("two")
	s.apply("one", insert(one))
	next := s.update(one, func(r *record.Record) { r.State = "suspended" })
	s.refuse("a good change before a stale one", record.ErrStale, next, s.update(two, same))
	s.refuse("a good change after a stale one", record.ErrStale, s.update(two, same), next)
	s.refuse("a good change before a taken identifier", record.ErrTaken, next, insert(two), insert(s.device("one-more")),
		insert(record.Record{Kind: record.Card, ID: "card", Version: 1, State: "active", Body: []byte{1}}),
		insert(record.Record{Kind: record.Card, ID: "card-2", Version: 1, State: "active", Body: []byte{1}}),
		insert(func() record.Record { r := s.device("four"); r.Alias = one.Alias; return r }()))
	s.stored(one)
	s.unknown(two)
	first := audit.Entry{Event: audit.ConfigReloaded, At: s.clock.Now()}
	second := audit.Entry{Event: audit.KeyRotated, At: s.clock.Now()}
	if err := s.Apply(t.Context(), []record.Change{next, insert(two)}, first, second); err != nil {
		t.Fatal(err)
	}
	s.stored(next.Next)
	s.stored(two)
	s.wantEvents(txn.ID{}, audit.ConfigReloaded, audit.KeyRotated)
}

// testChangeRefused: each field out of its bounds, beside the change as it should be.
func testChangeRefused(t *testing.T, s *scene) {
	for _, row := range []struct {
		name   string
		change func(c *record.Change)
	}{
		{"another kind", func(c *record.Change) { c.Next.Kind = "passport" }},
		{"no identifier", func(c *record.Change) { c.Next.ID = "" }},
		{"no version", func(c *record.Change) { c.Next.Version = 0 }},
		{"no body", func(c *record.Change) { c.Next.Body = nil }},
	} {
		c := insert(s.device("one"))
		row.change(&c)
		if err := s.Apply(t.Context(), []record.Change{c}); err == nil || errors.Is(err, record.ErrStale) || errors.Is(err, record.ErrTaken) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
	good := insert(s.device("one"))
	if err := s.Apply(t.Context(), nil, audit.Entry{Event: audit.KeyRotated, At: s.clock.Now()}); err == nil {
		t.Error("no change at all was applied")
	}
	if err := s.Apply(t.Context(), []record.Change{good, s.update(good.Next, same)}); err == nil {
		t.Error("two changes of one record were applied")
	}
	if err := s.Apply(t.Context(), []record.Change{good}, audit.Entry{Event: "not a word", At: s.clock.Now()}); err == nil {
		t.Error("an entry that is none was recorded")
	}
	s.unknown(good.Next)
	s.wantEvents(txn.ID{})
	s.apply("as it should be", good)
}

func testRecordExpiry(t *testing.T, s *scene) {
	dying := s.ceremony("one")
	other := s.ceremony("other")
	other.Expires = other.Expires.Add(time.Hour)
	living := s.device("one")
	s.apply("one that expires, one that never does", insert(dying), insert(other), insert(living))
	s.clock.Advance(10*time.Minute - time.Millisecond)
	s.stored(dying)
	s.sweep(0)
	s.clock.Advance(time.Millisecond)
	s.unknown(dying)
	s.refuse("of what has expired", record.ErrStale, s.update(dying, func(r *record.Record) { r.Expires = s.clock.Now().Add(time.Hour) }))
	s.refuse("its identifier again", record.ErrTaken, insert(func() record.Record { r := dying; r.Alias = [32]byte{1}; return r }()))
	heir := s.ceremony("two")
	heir.Alias = dying.Alias
	s.apply("its alias, which is free", insert(heir))
	s.stored(heir)
	s.apply("an alias that has expired meanwhile, by an update", s.update(other, func(r *record.Record) { r.Alias = [32]byte{9} }))

	for n := range 150 {
		s.apply("many", insert(s.ceremony(fmt.Sprintf("many-%d", n))))
	}
	s.clock.Advance(10 * time.Minute)
	s.sweep(150 + 1)
	s.sweep(0)
	s.clock.Advance(1000 * time.Hour)
	s.stored(living)
	s.sweep(1)
	s.apply("an identifier that was swept", insert(dying))
}

func testRecordEpochs(t *testing.T, s *scene) {
	pending, living := s.ceremony("one"), s.device("one")
	s.apply("two", insert(pending), insert(living))
	if _, err := s.NewEpoch(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.unknown(pending)
	s.refuse("of what was pending", record.ErrStale, s.update(pending, same))
	s.stored(living)
	temporary := s.update(living, func(r *record.Record) { r.Expires = s.clock.Now().Add(time.Hour) })
	s.apply("what lives on", temporary)
	s.stored(temporary.Next)
	heir := s.ceremony("two")
	heir.Alias = pending.Alias
	s.apply("the alias of what was pending", insert(heir))
	s.stored(heir)
	s.clock.Advance(10 * time.Minute)
	s.sweep(1)
}

func testOwned(t *testing.T, s *scene) {
	if got, err := s.Owned(t.Context(), record.Device, "owner-1"); len(got) != 0 || err != nil {
		t.Errorf("of nothing: %d, %v", len(got), err)
	}
	later := s.device("a")
	later.Expires = s.clock.Now().Add(2 * time.Hour)
	sooner := s.device("z")
	sooner.Expires = s.clock.Now().Add(time.Hour)
	card := s.device("a")
	card.Kind = record.Card
	other, none := s.device("b"), s.device("d")
	other.Owner, none.Owner = "owner-2", ""
	all := []record.Record{sooner, later, s.device("c"), s.device("e")}
	for _, r := range append([]record.Record{card, other, none}, all...) {
		s.apply(r.ID, insert(r))
	}
	list := func(owner string, want ...record.Record) {
		t.Helper()
		got, err := s.Owned(t.Context(), record.Device, owner)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%q owns %d, %v; want %d", owner, len(got), err, len(want))
		}
		for i := range got {
			if diff := compare(want[i], got[i]); diff != "" {
				t.Errorf("number %d is not as stored: %s", i, diff)
			}
		}
	}
	list("owner-1", all...)
	list("owner-2", other)
	list("")
	s.clock.Advance(time.Hour)
	list("owner-1", all[1:]...)
}

func testRaceOfChanges(t *testing.T, s *scene) {
	r, e := s.device("one"), audit.Entry{Event: audit.KeyRotated, At: s.clock.Now()}
	race(t, "insert", record.ErrTaken, func(ctx context.Context) error { return s.Apply(ctx, []record.Change{insert(r)}, e) })
	for range 4 {
		c := s.update(r, func(r *record.Record) { r.Body = []byte(strings.Repeat("body-plaintext", r.Version)) })
		race(t, "update", record.ErrStale, func(ctx context.Context) error { return s.Apply(ctx, []record.Change{c}, e) })
		r = c.Next
	}
	s.stored(r)
	if events := s.events(txn.ID{}); len(events) != 5 {
		t.Errorf("five changes left %d entries", len(events))
	}
}
