package companion_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

// everything a device may do in a pairing, but to end it.
func (p *phone) everything() map[string]*wire.Problem {
	return map[string]*wire.Problem{
		"the hop":     p.post(wire.PathHop, wire.HopRequest{Port: 40123}, &wire.HopAnswer{}),
		"a PIN":       p.trySetPIN(newKey(p.s.tb)),
		"a card":      p.post(wire.PathCard, wire.OpenRequest{CardAccess: []byte{1}, SOD: []byte{1}}, &wire.Opening{}),
		"the result":  p.post(wire.PathResult, wire.ResultRequest{}, &wire.ResultAnswer{}),
		"the request": func() *wire.Problem { _, problem := p.ask(french()); return problem }(),
	}
}

// TestTwoPairingsOfOneKey: a device has one pairing, the last. The card of one never enrols the PIN or the ratchet of the
// other, whichever came first and wherever it stands.
func TestTwoPairingsOfOneKey(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		reach func(*phone) // how far the first pairing is when the second begins
	}{
		{"before the PIN", (*phone).begin},
		{"after the PIN", (*phone).join},
		{"when the card was read", func(p *phone) {
			p.join()
			must(p.s.tb, (&reading{p: p}).read(persona))
		}},
	} {
		s := newScene(t)
		first := newPhone(s)
		second := &phone{s: s, key: first.key, pin: newKey(t)}
		row.reach(first)
		second.begin()
		for what, problem := range first.everything() {
			refused(t, row.name+": "+what, problem, wire.CodeOtherDevice, "")
		}
		if d := s.device(second); d.PINSet() || d.Account() != "" || d.Pairing() != second.id {
			t.Errorf("%s: the device has a PIN %v, account %q, pairing %q", row.name, d.PINSet(), d.Account(), d.Pairing())
		}
		second.setPIN(second.pin)
		if answer := second.enrol(persona); answer.Level != "eidas1" { // the control
			t.Errorf("%s: the second pairing reached %s", row.name, answer.Level)
		}
		for what, problem := range first.everything() {
			refused(t, row.name+", enrolled: "+what, problem, wire.CodeOtherDevice, "")
		}
		d := s.device(second)
		public, err := second.pin.PublicKey.Bytes()
		must(t, err)
		if d.Pairing() != "" || !slices.Equal(d.PINPublic(), public) || len(s.cardsOf(d)) != 1 {
			t.Errorf("%s: the enrolled device is not the second pairing's", row.name)
		}
	}
}

// enrol reads a persona's card and ends the pairing.
func (p *phone) enrol(name string) wire.ResultAnswer {
	p.s.tb.Helper()
	r := &reading{p: p}
	must(p.s.tb, r.read(name))
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}, &answer))
	p.handle = answer.Card
	return answer
}

// TestEnrolNeedsItsOwnPIN: no device is enrolled that lost its PIN while its card was read.
func TestEnrolNeedsItsOwnPIN(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	p.join()
	r := &reading{p: p}
	must(t, r.read(persona))
	before := s.device(p)
	bare, _, err := means.NewDevice(means.DeviceParts{
		ID: before.ID(), Key: before.Key(), Thumbprint: before.Thumbprint(), Name: "my computer", Platform: "Linux", Protection: "file", Pairing: p.id,
	}, s.now())
	must(t, err)
	change := bare.Change()
	change.From, change.Next.Version = before.Version(), before.Version()+1
	must(t, s.store.Apply(t.Context(), []record.Change{change}))
	in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}
	refused(t, "no PIN", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeNotReady, "")
	if s.device(p).Account() != "" || s.ceremony(p.id).OpeningsLeft() != 2 {
		t.Error("enrolled, or the opening is spent")
	}
	change = before.Change()
	change.From, change.Next.Version = before.Version()+1, before.Version()+2
	must(t, s.store.Apply(t.Context(), []record.Change{change}))
	p.ok(p.post(wire.PathResult, in, &wire.ResultAnswer{}))
}

// enter2 answers a login at eidas2, and reports whether it went well.
func (p *phone) enter2(roll []byte) bool {
	s := p.s
	s.tb.Helper()
	id, start := s.login(assurance.Substantial)
	if p.redeemBy(start, roll) != nil {
		return false
	}
	p.meet()
	a, problem := p.ask(french())
	p.ok(problem)
	p.ok(p.guess(p.pin))
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Approval: p.approve(a, nil, nil)}, &wire.ResultAnswer{}))
	return s.state(id).Name() == txn.NameProven
}

// TestCopyOfAPendingRoll: a file that was copied while a roll was on its disk is found at the first use after the other's, be
// that a login or a change of the PIN.
func TestCopyOfAPendingRoll(t *testing.T) {
	t.Parallel()
	uses := map[string]func(p *phone, roll []byte) bool{
		"login": (*phone).enter2,
		"change": func(p *phone, roll []byte) bool {
			return p.changeBy(roll) == nil && p.guess(p.pin) == nil
		},
	}
	for first, use := range uses {
		for second, again := range uses {
			s := newScene(t)
			p := ready(s)
			pending := roll() // on disk; its call was never sent
			stolen := *p
			if !use(&stolen, pending) { // the control: nobody can tell yet
				t.Fatalf("%s: the first use was refused", first)
			}
			if again(p, pending) {
				t.Errorf("%s then %s: the other was not found", first, second)
			}
			if d := s.device(p); d.Active() || d.Reason() != "device-cloned" {
				t.Errorf("%s then %s: the device is active", first, second)
			}
		}
	}
}

// TestLateRepetition: the very call that was answered comes once more, after the app went on with the answer: it changes
// nothing, and makes no copy of the device.
func TestLateRepetition(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.Substantial)
	before, drawn := *p, roll()
	p.ok(p.redeemBy(start, drawn))
	p.ok(p.post(wire.PathHop, wire.HopRequest{Port: 40123}, &wire.HopAnswer{}))
	refused(t, "the repetition", before.redeemBy(start, drawn), wire.CodeStartUnknown, "")
	if !s.device(p).Active() {
		t.Fatal("suspended by a repetition")
	}
	if !p.enter2(roll()) {
		t.Error("the device is not as it was")
	}
	// An app that begins the same login anew holds the answer: it turns the ratchet again.
	_, start = s.login(assurance.Substantial)
	p.ok(p.redeem(start))
	p.ok(p.redeem(start))
	p.meet()
	refused(t, "a copy, with another roll", before.redeem(func() string { _, start := s.login(assurance.Substantial); return start }()), wire.CodeDeviceCloned, "")
	if s.state(id).Name() != txn.NameWaiting {
		t.Error("the first login is over")
	}
}

// TestCopyGuessesByChanges: a copy that tries PINs in changes of the PIN turns the ratchet by that, and the device's next use
// finds it.
func TestCopyGuessesByChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	stolen := *p
	p.ok(p.change()) // the control: a change and a login by the device itself
	p.ok(p.guess(p.pin))
	if !p.enter2(roll()) {
		t.Fatal("a login after a change was refused")
	}
	stolen.ratchet = p.ratchet
	(&stolen).ok((&stolen).change())
	refused(t, "a guess", (&stolen).guess(newKey(t)), wire.CodePINWrong, "")
	refused(t, "the device", p.change(), wire.CodeDeviceCloned, "")
	if s.device(p).Active() {
		t.Error("the device is active")
	}
	for _, short := range []wire.ChangeRequest{{}, {Ratchet: p.ratchet}, {Ratchet: p.ratchet, Roll: make([]byte, 15)}} {
		q := ready(s)
		refused(t, "half a turn", q.post(wire.PathPINChange, short, &wire.AttachAnswer{}), wire.CodeBadRequest, "")
		if !s.device(q).Active() {
			t.Error("a malformed call suspends the device")
		}
	}
}

// TestProofEndsWithItsPIN: who proved a PIN that was changed since has proved nothing, neither for another change nor for a
// login.
func TestProofEndsWithItsPIN(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.Substantial)
	p.come(start)
	a, problem := p.ask(french())
	p.ok(problem)
	p.ok(p.guess(p.pin))
	login := *p
	p.ok(p.change())
	p.ok(p.guess(p.pin))
	stale := *p
	p.ok(p.change())
	p.ok(p.guess(p.pin))
	p.setPIN(newKey(t))
	refused(t, "another change", (&stale).trySetPIN(newKey(t)), wire.CodeNotReady, "")
	if s.device(p).PINActivation() != assurance.CardDesk {
		t.Error("the PIN is not the device's")
	}
	in := wire.ResultRequest{Approval: (&login).approve(a, nil, nil)}
	refused(t, "a login", (&login).post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeNotReady, "")
	login.pin = p.pin
	(&login).ok((&login).guess(login.pin)) // the control: the PIN of now
	(&login).ok((&login).post(wire.PathResult, wire.ResultRequest{Approval: (&login).approve(a, nil, nil)}, &wire.ResultAnswer{}))
	if s.state(id).Name() != txn.NameProven {
		t.Error("not logged in")
	}
}

// TestRequestRunsOut: a request is answered while it is good. Asked for again it is as good as before, and nothing that the
// citizen did is lost.
func TestRequestRunsOut(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	left := s.ceremony(p.id).OpeningsLeft()
	result := func() *wire.Problem {
		in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}
		return p.post(wire.PathResult, in, &wire.ResultAnswer{})
	}
	s.advance(time.Duration(a.Exp-s.now().Unix()) * time.Second)
	refused(t, "a request whose time is over", result(), wire.CodeApprovalRefused, "request-expired")
	if s.ceremony(p.id).OpeningsLeft() != left || s.state(id).Name() != txn.NameWaiting || !s.logged(audit.ApprovalRefused, "request-expired") {
		t.Error("it spent the opening or the login, or left no entry")
	}
	shown := wire.DisplayOf(a.Request).Digest()
	again, problem := p.ask(french())
	p.ok(problem)
	if wire.DisplayOf(again.Request).Digest() != shown || again.Exp <= a.Exp {
		t.Error("the fresh request is another")
	}
	refused(t, "a yes to the one before", result(), wire.CodeApprovalRefused, "request")
	a = again
	s.advance(119 * time.Second)
	p.ok(result())
	if s.state(id).Name() != txn.NameProven {
		t.Error("not logged in")
	}
}

// TestWhatTheLogSays: an attempt at the PIN has one entry, and a wrong one another; who answers a login is named.
func TestWhatTheLogSays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.Substantial)
	p.come(start)
	_, problem := p.ask(french())
	p.ok(problem)
	count := func() map[audit.Event]int {
		out := make(map[audit.Event]int)
		for e, err := range s.store.Entries(t.Context()) {
			must(t, err)
			if e.Transaction == id {
				out[e.Event]++
				if e.Details["device"] != p.device && e.Event != audit.AuthorizeReceived {
					t.Errorf("%s names no device", e.Event)
				}
			}
		}
		return out
	}
	p.ok(p.guess(p.pin))
	right := count()
	if right["device-attached"] != 1 || right["pin-tried"] != 1 || right[audit.PINFailed] != 0 {
		t.Errorf("after the right PIN: %v", right)
	}
	refused(t, "a wrong PIN", p.guess(newKey(t)), wire.CodePINWrong, "")
	wrong := maps.Clone(right)
	wrong["pin-tried"], wrong[audit.PINFailed] = 2, 1
	if got := count(); !maps.Equal(got, wrong) {
		t.Errorf("after a wrong one: %v, want %v", got, wrong)
	}
}

// A pairing that has ended says what it came to, though the device is its owner's by now.
func TestEndedPairingAnswers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	p.join()
	first := p.enrol(persona)
	var again wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{}, &again))
	if again.Reference != first.Reference || s.ceremony(p.id).Stage() != ceremony.Ended {
		t.Errorf("said %+v", again)
	}
}
