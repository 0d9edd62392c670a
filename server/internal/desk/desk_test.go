package desk_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/desk"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

func TestDesk(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	cases, err := s.List(t.Context())
	if err != nil || len(cases) != 1 || cases[0].Reference != s.reference || cases[0].State != "open" {
		t.Fatalf("%v, %v", cases, err)
	}
	shown, err := s.Show(t.Context(), desk.Order{Reference: strings.ToLower(strings.ReplaceAll(s.reference, "-", " ")), Agent: agent})
	if err != nil || !slices.Contains(shown.Holder, "DUPONT") || shown.Format != "jp2" || !bytes.Equal(shown.Portrait, picture) {
		t.Fatalf("%q %q, %v", shown.Holder, shown.Format, err)
	}
	h, err := s.Activate(t.Context(), s.order())
	if err != nil || h.Until.Sub(s.now()) != 15*time.Minute {
		t.Fatalf("until %v, %v", h.Until, err)
	}
	if s.activated() {
		t.Error("activated before the code was entered")
	}
	if _, err := s.Redeem(t.Context(), s.device(), strings.ToLower(h.Code)); err != nil {
		t.Fatal(err)
	}
	if !s.activated() || s.device().Desk() != "" {
		t.Error("not activated, or a case still waits")
	}
	if cases, err := s.List(t.Context()); err != nil || len(cases) != 0 {
		t.Errorf("still listed: %v, %v", cases, err)
	}
	if _, err := s.Show(t.Context(), s.order()); !errors.Is(err, desk.ErrUnknown) {
		t.Errorf("a case that is over is shown: %v", err)
	}
	for event, by := range map[audit.Event]string{"desk-shown": agent, "desk-approved": agent, audit.DeskActivated: agent} {
		e := s.entries(event)
		if len(e) != 1 || e[0].Details["agent"] != by || e[0].Details["case"] != caseID || e[0].Account != account {
			t.Errorf("%s: %v", event, e)
		}
	}
}

// TestOrders: what an agent may not do, each beside TestDesk.
func TestOrders(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for _, test := range []struct {
		name string
		o    desk.Order
		want error
	}{
		{"other reference", desk.Order{Reference: wire.NewCode(), Agent: agent}, desk.ErrUnknown},
		{"no reference", desk.Order{Agent: agent}, desk.ErrUnknown},
		{"no agent", desk.Order{Reference: s.reference}, desk.ErrAgent},
		{"an agent who forges a line", desk.Order{Reference: s.reference, Agent: "a\nb"}, desk.ErrAgent},
		{"an agent without end", desk.Order{Reference: s.reference, Agent: strings.Repeat("a", 65)}, desk.ErrAgent},
	} {
		if _, err := s.Show(t.Context(), test.o); !errors.Is(err, test.want) {
			t.Errorf("show, %s: %v", test.name, err)
		}
		if _, err := s.Activate(t.Context(), test.o); !errors.Is(err, test.want) {
			t.Errorf("activate, %s: %v", test.name, err)
		}
		if err := s.Refuse(t.Context(), test.o); !errors.Is(err, test.want) {
			t.Errorf("refuse, %s: %v", test.name, err)
		}
	}
	if len(s.entries("desk-approved")) != 0 || s.activated() {
		t.Error("something was approved")
	}
	if _, err := desk.New(desk.Parts{}); err == nil {
		t.Error("a desk of nothing")
	}
}

// TestNoFace: without a portrait there is nothing to compare.
func TestNoFace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	k, err := means.NewDeskCase(means.DeskParts{
		ID: "case-2", Reference: wire.NewCode(), Account: account, Device: deviceID, Card: cardID, Portrait: []byte("no file"), Holder: []string{"x"},
	}, s.now())
	s.must(err)
	s.must(s.store.Apply(t.Context(), []record.Change{k.Change()}))
	o := desk.Order{Reference: k.Reference(), Agent: agent}
	if _, err := s.Show(t.Context(), o); !errors.Is(err, desk.ErrPortrait) {
		t.Errorf("shown: %v", err)
	}
	if _, err := s.Activate(t.Context(), o); !errors.Is(err, desk.ErrPortrait) {
		t.Errorf("activated: %v", err)
	}
}

// TestRefuse: another face ends the case, and no code of before is good any more.
func TestRefuse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.approve()
	s.must(s.Refuse(t.Context(), s.order()))
	if _, err := s.Redeem(t.Context(), s.device(), code); !errors.Is(err, means.ErrOver) || s.activated() {
		t.Errorf("redeemed: %v", err)
	}
	if e := s.entries("desk-refused"); len(e) != 1 || e[0].Details["agent"] != agent {
		t.Errorf("entries %v", e)
	}
}

// TestWrongCodes: each is counted on disk, the fifth ends the case, and the right one is too late.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	for _, wrong := range []string{wire.NewCode(), "", "no code at all", strings.Repeat("A", 1000)} {
		s := newScene(t)
		code := s.approve()
		for left := 4; left >= 0; left-- {
			tries, err := s.Redeem(t.Context(), s.device(), wrong)
			if tries != left || !errors.Is(err, desk.ErrWrongCode) {
				t.Fatalf("%d tries left, %v, want %d", tries, err, left)
			}
		}
		if _, err := s.Redeem(t.Context(), s.device(), code); !errors.Is(err, means.ErrOver) || s.activated() {
			t.Errorf("after five: %v", err)
		}
		if e := s.entries(audit.CeremonyRefused); len(e) != 5 || e[0].Reason != "desk-code-wrong" {
			t.Errorf("%d entries", len(e))
		}
	}
}

// TestFourWrongCodes is the control of TestWrongCodes.
func TestFourWrongCodes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.approve()
	for range 4 {
		if _, err := s.Redeem(t.Context(), s.device(), wire.NewCode()); !errors.Is(err, desk.ErrWrongCode) {
			t.Fatal(err)
		}
	}
	if _, err := s.Redeem(t.Context(), s.device(), code); err != nil || !s.activated() {
		t.Errorf("the fifth, right: %v", err)
	}
}

func TestNotYetAndTooLate(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if _, err := s.Redeem(t.Context(), s.device(), wire.NewCode()); !errors.Is(err, means.ErrNotReady) {
		t.Errorf("before the desk: %v", err)
	}
	code := s.approve()
	s.advance(15 * time.Minute)
	if _, err := s.Redeem(t.Context(), s.device(), code); !errors.Is(err, means.ErrOver) || s.activated() {
		t.Errorf("a quarter of an hour later: %v", err)
	}
	code = s.approve() // the agent hands over another
	s.advance(15*time.Minute - time.Millisecond)
	if _, err := s.Redeem(t.Context(), s.device(), code); err != nil || !s.activated() {
		t.Errorf("just in time: %v", err)
	}
}

// TestSecondCode: the code of before is not good any more.
func TestSecondCode(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	first := s.approve()
	second := s.approve()
	if _, err := s.Redeem(t.Context(), s.device(), first); !errors.Is(err, desk.ErrWrongCode) {
		t.Errorf("the first: %v", err)
	}
	if _, err := s.Redeem(t.Context(), s.device(), second); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// TestOtherDevice: the code is for one device.
func TestOtherDevice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.approve()
	other, _, err := means.NewDevice(means.DeviceParts{
		ID: "device-2", Key: []byte(`{"kty":"EC"}`), Thumbprint: [32]byte{9}, Name: "Other", Platform: "Linux", Protection: "file",
	}, s.now())
	s.must(err)
	if _, err := s.Redeem(t.Context(), other, code); !errors.Is(err, means.ErrNotReady) {
		t.Errorf("a device without a case: %v", err)
	}
	other, err = other.Enrol(account, 1)
	s.must(err)
	other, err = other.Await(s.reference)
	s.must(err)
	if _, err := s.Redeem(t.Context(), other, code); err == nil || s.activated() {
		t.Error("a device that names another's case")
	}
}

// TestSuspended: a means that was suspended meanwhile is not activated.
func TestSuspended(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code := s.approve()
	s.must(s.store.Apply(t.Context(), []record.Change{s.card().Suspend("lost").Change()}))
	if _, err := s.Redeem(t.Context(), s.device(), code); !errors.Is(err, means.ErrSuspended) || s.activated() {
		t.Errorf("redeemed: %v", err)
	}
}

// TestRedeemedOnce: of many who enter the right code at once, one activates.
func TestRedeemedOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	code, d := s.approve(), s.device()
	var group sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		group.Go(func() { _, errs[i] = s.Redeem(t.Context(), d, code) })
	}
	group.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, record.ErrStale) && !errors.Is(err, means.ErrOver):
			t.Errorf("lost by %v", err)
		}
	}
	if won != 1 || len(s.entries(audit.DeskActivated)) != 1 || !s.activated() {
		t.Errorf("%d won", won)
	}
}

func TestPerform(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	input, err := json.Marshal(s.order())
	s.must(err)
	for _, operation := range []string{"desk-list", "desk-show", "desk-activate", "desk-refuse"} {
		v, err := s.Perform(t.Context(), operation, input)
		if err != nil {
			t.Errorf("%s: %v", operation, err)
		}
		if raw, err := json.Marshal(v); err != nil || len(raw) < 2 {
			t.Errorf("%s: %s, %v", operation, raw, err)
		}
	}
	for name, input := range map[string]string{
		"nothing": "", "an unknown member": `{"reference":"x","agent":"y","same_face":true}`, "two": string(input) + string(input),
	} {
		if _, err := s.Perform(t.Context(), "desk-activate", []byte(input)); err == nil {
			t.Errorf("%s: performed", name)
		}
	}
	if _, err := s.Perform(t.Context(), "desk-burn", input); err == nil {
		t.Error("an operation that is none")
	}
}
