package desk_test

import (
	"errors"
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/desk"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// unconfirmed stores what a pairing leaves behind whose card shortens the names, beside the scene's own.
func (s *scene) unconfirmed() desk.Order {
	s.tb.Helper()
	reference := wire.NewCode()
	d, _, err := means.NewDevice(means.DeviceParts{
		ID: "device-9", Key: []byte(`{"kty":"EC"}`), Thumbprint: [32]byte{9}, Name: "Laptop", Platform: "Linux", Protection: "file",
	}, s.now())
	s.must(err)
	d, err = d.SetPIN(make([]byte, 32), make([]byte, 65))
	s.must(err)
	d, err = d.EnrolUnconfirmed(account, reference)
	s.must(err)
	c, err := means.NewCard(means.CardParts{
		ID: "card-9", Account: account, Device: "device-9", Handle: make([]byte, 32), Unconfirmed: true,
		Document: card.Document{State: "FRA", Code: "ID", Number: "T1ST00004"}, Memory: []byte("memory"),
	}, 0)
	s.must(err)
	k, err := means.NewDeskCase(means.DeskParts{
		ID: "case-9", Reference: reference, Account: account, Device: "device-9", Card: "card-9", Portrait: dg2(),
		Holder: []string{"DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC", "Marie-Antoinette Apolline"}, Unconfirmed: true,
	}, s.now())
	s.must(err)
	s.must(s.store.Apply(s.tb.Context(), []record.Change{d.Change(), c.Change(), k.Change()}))
	return desk.Order{Reference: reference, Agent: agent}
}

func (s *scene) grades() [3]assurance.Activation {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Device, "device-9")
	s.must(err)
	d, err := means.ParseDevice(r)
	s.must(err)
	r, err = s.store.Get(s.tb.Context(), record.Card, "card-9")
	s.must(err)
	c, err := means.ParseCard(r)
	s.must(err)
	return [3]assurance.Activation{d.Activation(), d.PINActivation(), c.Activation()}
}

// TestNames: where the chip shortens the names, no code is made before the agent says that they were compared.
func TestNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.unconfirmed()
	shown, err := s.Show(t.Context(), o)
	if err != nil || !shown.Unconfirmed || len(shown.Notices) != 2 || shown.Holder[0] != "DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC" {
		t.Fatalf("shown %q %v %q, %v", shown.Holder, shown.Unconfirmed, shown.Notices, err)
	}
	if !strings.Contains(shown.Notices["fr"], "imprimés sur la carte") || !strings.Contains(shown.Notices["en"], "printed on the card") {
		t.Errorf("told %q", shown.Notices)
	}
	if _, err := s.Activate(t.Context(), o); !errors.Is(err, desk.ErrNames) || len(s.entries("desk-approved")) != 0 {
		t.Fatalf("without a word on the names: %v", err)
	}
	if got := s.grades(); got != [3]assurance.Activation{} {
		t.Fatalf("grades before the desk: %v", got)
	}
	o.SameNames = true
	h, err := s.Activate(t.Context(), o)
	s.must(err)
	if e := s.entries("desk-approved"); len(e) != 1 || e[0].Details["names"] != "compared" || e[0].Details["agent"] != agent {
		t.Errorf("entries %v", e)
	}
	r, err := s.store.Get(t.Context(), record.Device, "device-9")
	s.must(err)
	d, err := means.ParseDevice(r)
	s.must(err)
	if _, err := s.Redeem(t.Context(), d, h.Code); err != nil {
		t.Fatal(err)
	}
	if got := s.grades(); got != [3]assurance.Activation{assurance.CardDesk, assurance.CardDesk, assurance.CardDesk} {
		t.Errorf("grades after it: %v", got)
	}
}

// TestOtherNames: the agent refuses, and the means never have a grade.
func TestOtherNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	o := s.unconfirmed()
	s.must(s.Refuse(t.Context(), o))
	o.SameNames = true
	if _, err := s.Activate(t.Context(), o); !errors.Is(err, desk.ErrUnknown) {
		t.Errorf("activated: %v", err)
	}
	if got := s.grades(); got != [3]assurance.Activation{} {
		t.Errorf("grades: %v", got)
	}
}

// TestNoNames: any other case tells nothing of names, and needs no word on them.
func TestNoNames(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	shown, err := s.Show(t.Context(), s.order())
	if err != nil || shown.Unconfirmed || shown.Notices != nil {
		t.Errorf("shown %v %q, %v", shown.Unconfirmed, shown.Notices, err)
	}
	s.approve()
	if e := s.entries("desk-approved"); len(e) != 1 || e[0].Details["names"] != "" {
		t.Errorf("entries %v", e)
	}
}
