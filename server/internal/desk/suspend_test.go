package desk_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/audit"
	"pivot/server/internal/desk"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// TestRefusedMeans: an agent who sees another face ends the use of what was enrolled, in one write; a yes leaves it.
func TestRefusedMeans(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.must(s.Refuse(t.Context(), s.order()))
	if d, c := s.device(), s.card(); d.Active() || c.Active() || d.Reason() != "desk-refused" || c.Reason() != "desk-refused" {
		t.Errorf("after another face: device active %v (%s), card active %v (%s)", d.Active(), d.Reason(), c.Active(), c.Reason())
	}
	if e := s.entries(audit.DeviceSuspended); len(e) != 1 || e[0].Reason != "desk-refused" || e[0].Details["agent"] != agent ||
		e[0].Details["device"] != deviceID || e[0].Account != account {
		t.Errorf("entries %v", e)
	}
	if waiting := s.account().Waiting(); len(waiting) != 0 {
		t.Errorf("%v still wait", waiting)
	}
	yes := newScene(t)
	yes.approve()
	if !yes.device().Active() || !yes.card().Active() || len(yes.entries(audit.DeviceSuspended)) != 0 {
		t.Error("the same face: suspended")
	}
}

// TestRefusedAlone: what is suspended already, and a device that waits for another case by now, hold no refusal up.
func TestRefusedAlone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.must(s.store.Apply(t.Context(), []record.Change{s.device().Suspend("lost").Change(), s.card().Suspend("lost").Change()}))
	s.must(s.Refuse(t.Context(), s.order()))
	if s.device().Reason() != "lost" || len(s.entries("desk-refused")) != 1 {
		t.Errorf("suspended for %q", s.device().Reason())
	}
	s = newScene(t)
	d, err := s.device().Await(wire.NewCode())
	s.must(err)
	s.must(s.store.Apply(t.Context(), []record.Change{d.Change()}))
	s.must(s.Refuse(t.Context(), s.order()))
	if _, err := s.Activate(t.Context(), s.order()); !errors.Is(err, desk.ErrUnknown) || s.device().Active() {
		t.Errorf("the case goes on: %v", err)
	}
}

// TestEmail: the address of the pairing that the desk confirmed is the account's from then on, and no sooner.
func TestEmail(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.approve()
	if _, err := s.Redeem(t.Context(), s.device(), wire.NewCode()); !errors.Is(err, desk.ErrWrongCode) {
		t.Fatal(err)
	}
	if got := s.account().Person().Fields().Email; got != firstEmail {
		t.Errorf("before the code: %s", got)
	}
	before := s.account()
	if _, err := s.Redeem(t.Context(), s.device(), code); err != nil {
		t.Fatal(err)
	}
	after := s.account()
	f := after.Person().Fields()
	if f.Email != email || f.FamilyName != "DUPONT" || f.Birthplace != "69383" || after.Lookup() != before.Lookup() || len(after.Waiting()) != 0 {
		t.Errorf("after it: %s, and %v wait", f.Email, after.Waiting())
	}
	if e := s.entries(audit.DeskActivated); len(e) != 1 || e[0].Details["email"] != "changed" || e[0].Details["agent"] != agent {
		t.Errorf("entries %v", e)
	}

	s = newScene(t)
	s.must(s.Refuse(t.Context(), s.order()))
	if got := s.account().Person().Fields().Email; got != firstEmail {
		t.Errorf("after a refusal: %s", got)
	}
}

// TestEmailUnsaid: a case of before, which has no address, leaves the account its own.
func TestEmailUnsaid(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", firstEmail} {
		s := newScene(t)
		k, err := means.NewDeskCase(means.DeskParts{
			ID: "case-2", Reference: wire.NewCode(), Account: account, Device: deviceID, Card: cardID, Portrait: dg2(), Holder: []string{"x"}, Email: said,
		}, s.now())
		s.must(err)
		d, err := s.device().Await(k.Reference())
		s.must(err)
		s.must(s.store.Apply(t.Context(), []record.Change{k.Change(), d.Change()}))
		s.reference = k.Reference()
		if _, err := s.Redeem(t.Context(), s.device(), s.approve()); err != nil || !s.activated() {
			t.Fatalf("%q: %v", said, err)
		}
		if got := s.account().Person().Fields().Email; got != firstEmail {
			t.Errorf("%q: %s", said, got)
		}
		if e := s.entries(audit.DeskActivated); len(e) != 1 || e[0].Details["email"] != "" {
			t.Errorf("%q: entries %v", said, e)
		}
	}
}

// TestListBesidePast: however many cases are over, none hides one that waits.
func TestListBesidePast(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for i := range 260 {
		k, err := means.NewDeskCase(means.DeskParts{
			ID: fmt.Sprintf("past-%d", i), Reference: wire.NewCode(), Account: account, Device: "device-2", Card: "card-2",
			Portrait: []byte("portrait"), Holder: []string{"x"},
		}, s.now())
		s.must(err)
		k, err = k.End(s.now())
		s.must(err)
		s.must(s.store.Apply(t.Context(), []record.Change{k.Change()}))
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 1 || list[0].Reference != s.reference {
		t.Errorf("%d of one waiting case listed, %v", len(list), err)
	}
}

// TestSuspend ends the use of a device with what rests on it, or of one card; each refusal beside it.
func TestSuspend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		o            desk.Suspension
		device, card bool // active after it
		ok           bool
	}{
		{"a device", desk.Suspension{ID: deviceID, Reason: "lost", Agent: agent}, false, false, true},
		{"a card", desk.Suspension{ID: cardID, Reason: "stolen", Agent: agent}, true, false, true},
		{"another identifier", desk.Suspension{ID: "device-2", Reason: "lost", Agent: agent}, true, true, false},
		{"none", desk.Suspension{Reason: "lost", Agent: agent}, true, true, false},
		{"nobody says so", desk.Suspension{ID: deviceID, Reason: "lost"}, true, true, false},
		{"no reason", desk.Suspension{ID: deviceID, Agent: agent}, true, true, false},
		{"no word", desk.Suspension{ID: deviceID, Reason: "he lost it", Agent: agent}, true, true, false},
		{"a word without end", desk.Suspension{ID: deviceID, Reason: strings.Repeat("a", 65), Agent: agent}, true, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			input, err := json.Marshal(test.o)
			s.must(err)
			for range 2 { // again, nothing changes
				if _, err := s.Perform(t.Context(), "means-suspend", input); (err == nil) != test.ok {
					t.Fatalf("error %v", err)
				}
			}
			if s.device().Active() != test.device || s.card().Active() != test.card {
				t.Errorf("device active %v, card active %v", s.device().Active(), s.card().Active())
			}
			entries := append(s.entries(audit.DeviceSuspended), s.entries("card-suspended")...)
			if want := map[bool]int{true: 1}[test.ok]; len(entries) != want {
				t.Fatalf("%d entries, want %d", len(entries), want)
			}
			if test.ok && (entries[0].Reason != test.o.Reason || entries[0].Details["agent"] != agent || entries[0].Account != account) {
				t.Errorf("entry %v", entries[0])
			}
			cases, err := s.List(t.Context())
			if err != nil || (len(cases) == 0) == test.device {
				t.Errorf("%d cases wait, %v", len(cases), err)
			}
			if waits := slices.Contains(s.account().Waiting(), deviceID); waits != test.device {
				t.Errorf("the device waits: %v", waits)
			}
		})
	}
	if _, err := newScene(t).Perform(t.Context(), "means-suspend", []byte(`{"id":"x","agent":"y","reason":"z","all":true}`)); err == nil {
		t.Error("an unknown member")
	}
}

// TestSuspendedIsClosed: a case whose device or card was suspended otherwise says so at the next touch, and is over.
func TestSuspendedIsClosed(t *testing.T) {
	t.Parallel()
	suspended := map[string]func(s *scene) record.Change{
		"device": func(s *scene) record.Change { return s.device().Suspend("lost").Change() },
		"card":   func(s *scene) record.Change { return s.card().Suspend("lost").Change() },
	}
	touch := map[string]func(s *scene) error{
		"show":     func(s *scene) error { _, err := s.Show(t.Context(), s.order()); return err },
		"activate": func(s *scene) error { _, err := s.Activate(t.Context(), s.order()); return err },
	}
	for name, change := range suspended {
		for touched, do := range touch {
			s := newScene(t)
			s.must(do(s))
			s.must(s.store.Apply(t.Context(), []record.Change{change(s)}))
			if err := do(s); !errors.Is(err, desk.ErrOver) {
				t.Errorf("%s, %s: %v", name, touched, err)
			}
			if err := do(s); !errors.Is(err, desk.ErrUnknown) {
				t.Errorf("%s, %s again: %v", name, touched, err)
			}
			if e := s.entries("desk-refused"); len(e) != 1 || e[0].Reason != "means-suspended" {
				t.Errorf("%s, %s: entries %v", name, touched, e)
			}
		}
		s := newScene(t)
		code := s.approve()
		s.must(s.store.Apply(t.Context(), []record.Change{change(s)}))
		if _, err := s.Redeem(t.Context(), s.device(), code); !errors.Is(err, means.ErrSuspended) || s.activated() {
			t.Errorf("%s, redeemed: %v", name, err)
		}
		if _, err := s.Show(t.Context(), s.order()); !errors.Is(err, desk.ErrUnknown) {
			t.Errorf("%s, shown after it: %v", name, err)
		}
	}
}

// TestRefuseBesideOthers: the means of another device of the account go on.
func TestRefuseBesideOthers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	d, _, err := means.NewDevice(means.DeviceParts{
		ID: "device-2", Key: []byte(`{"kty":"EC"}`), Thumbprint: [32]byte{8}, Name: "Desktop", Platform: "Linux", Protection: "file",
	}, s.now())
	s.must(err)
	d, err = d.Enrol(account, 1)
	s.must(err)
	c, err := means.NewCard(means.CardParts{
		ID: "card-2", Account: account, Device: "device-2", Handle: make([]byte, 32),
		Document: card.Document{State: "FRA", Code: "ID", Number: "T1ST00002"}, Memory: []byte("memory"),
	}, 1)
	s.must(err)
	s.must(s.store.Apply(t.Context(), []record.Change{d.Change(), c.Change()}))
	s.must(s.Refuse(t.Context(), s.order()))
	for kind, id := range map[record.Kind]string{record.Device: "device-2", record.Card: "card-2"} {
		if r, err := s.store.Get(t.Context(), kind, id); err != nil || r.State != record.StateActive {
			t.Errorf("%s: %s, %v", id, r.State, err)
		}
	}
}
