package companion_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"pivot/cardreader/cardsim"
	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/desk"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// shortened is a genuine card whose zone is too small for the names, and of which no other file has them.
const shortened = "truncated-name"

// newTruncated is a scene with a real desk, whose register knows the holder of that card.
func newTruncated(tb testing.TB) *scene {
	tb.Helper()
	s := newScene(tb)
	var err error
	s.desk, err = desk.New(desk.Parts{Book: s.store, Log: s.store, Now: s.now})
	must(tb, err)
	s.register.people = []rnipp.Person{personOf(tb, "antoinette")}
	return s
}

func (p *phone) status() wire.DeviceStatus {
	p.s.tb.Helper()
	var status wire.DeviceStatus
	p.ok(p.send(p.request(http.MethodGet, wire.PathDevice, nil), &status))
	return status
}

// tooLow wants a login to be refused at every level that is served, before anything is asked for.
func (p *phone) tooLow() {
	tb := p.s.tb
	tb.Helper()
	for level := assurance.Substantial; level.Valid(); level++ {
		id, start := p.s.login(level)
		p.come(start)
		_, problem := p.ask(french())
		refused(tb, level.String(), problem, wire.CodeLevelTooLow, "none")
		refused(tb, "a PIN all the same", p.guess(p.pin), wire.CodeEnded, "level-too-low")
		refused(tb, "a yes all the same", p.post(wire.PathResult, wire.ResultRequest{Approval: []byte("{}")}, &wire.ResultAnswer{}), wire.CodeEnded, "level-too-low")
		if ended, ok := p.s.state(id).(txn.Ended); !ok || ended.Reason() != txn.ReasonLevelTooLow {
			tb.Errorf("%s: the transaction is %s", level, p.s.state(id).Name())
		}
	}
}

// enter logs in at eidas3 with a card, by its handle when the phone has one and known is set.
func (p *phone) enter(name string, known bool) wire.ResultAnswer {
	s := p.s
	s.tb.Helper()
	id, start := s.login(assurance.High)
	p.come(start)
	in, r := french(), &reading{p: p, known: known}
	if known {
		in.Card = p.handle
	}
	a, problem := p.ask(in)
	p.ok(problem)
	if known {
		r.opening = *a.opening
	}
	p.ok(p.guess(p.pin))
	must(s.tb, r.read(name))
	var answer wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}, &answer))
	if proven, ok := s.state(id).(txn.Proven); !ok || proven.Level() != assurance.High || answer.Level != "eidas3" {
		s.tb.Errorf("the transaction is %s, the answer %+v", s.state(id).Name(), answer)
	}
	if answer.Card != nil {
		p.handle = answer.Card
	}
	return answer
}

// TestUnconfirmed: a card that shortens the names pairs without a grade, opens nothing before a desk has compared them, and
// everything after.
func TestUnconfirmed(t *testing.T) {
	t.Parallel()
	s := newTruncated(t)
	p := newPhone(s)
	answer := p.pair(shortened)
	if answer.Level != "none" || len(answer.Card) != 32 || len(answer.Reference) != 9 {
		t.Fatalf("paired: %+v", answer)
	}
	if status := p.status(); status.Level != "none" || status.PIN != "set" || status.Cards != 1 || status.Desk != answer.Reference || status.State != "active" {
		t.Errorf("status %+v", status)
	}
	var again wire.ResultAnswer
	p.ok(p.post(wire.PathResult, wire.ResultRequest{}, &again))
	if again.Level != "none" || again.Reference != answer.Reference {
		t.Errorf("again %+v", again)
	}
	d := s.device(p)
	if d.Activation() != 0 || d.PINActivation() != 0 || s.cardsOf(d)[0].Activation() != 0 {
		t.Error("something has a grade")
	}
	for _, event := range []audit.Event{audit.CardEnrolled, audit.DeskRequested} {
		if !s.logged(event, "names-unconfirmed") {
			t.Errorf("%s does not say why", event)
		}
	}
	p.tooLow()

	o := desk.Order{Reference: answer.Reference, Agent: "agent"}
	shown, err := s.desk.Show(t.Context(), o)
	must(t, err)
	if !shown.Unconfirmed || !slices.Equal(shown.Holder, []string{
		"DE LA ROCHEFOUCAULD-MONTBEL D'ESTISSAC", "Marie-Antoinette Apolline", "1968-07-01", "…0004",
	}) {
		t.Errorf("the agent sees %q", shown.Holder)
	}
	if _, err := s.desk.Activate(t.Context(), o); !errors.Is(err, desk.ErrNames) {
		t.Fatalf("activated without comparing names: %v", err)
	}
	o.SameNames = true
	handover, err := s.desk.Activate(t.Context(), o)
	must(t, err)
	p.tooLow() // a code that was not entered changes nothing
	refused(t, "another code", p.post(wire.PathDesk, wire.DeskCode{Code: wire.NewCode()}, &wire.DeviceStatus{}), wire.CodeDeskCodeWrong, "")
	var status wire.DeviceStatus
	p.ok(p.post(wire.PathDesk, wire.DeskCode{Code: handover.Code}, &status))
	if status.Level != "eidas3" || status.Desk != "" {
		t.Fatalf("after the desk: %+v", status)
	}
	if answer := p.enter(shortened, false); len(answer.Card) != 32 {
		t.Error("no handle by the files")
	}
	p.enter(shortened, true)
}

// TestUnconfirmedBeside: another computer of a person who has an account gets no grade from it, and takes none away.
func TestUnconfirmedBeside(t *testing.T) {
	t.Parallel()
	s := newTruncated(t)
	p := newPhone(s)
	o := desk.Order{Reference: p.pair(shortened).Reference, Agent: "agent", SameNames: true}
	handover, err := s.desk.Activate(t.Context(), o)
	must(t, err)
	p.ok(p.post(wire.PathDesk, wire.DeskCode{Code: handover.Code}, &wire.DeviceStatus{}))

	q := newPhone(s)
	answer := q.pair(shortened)
	if answer.Level != "none" || s.device(q).Account() != s.device(p).Account() || s.device(q).Activation() != 0 {
		t.Errorf("the second: %+v, %s", answer, s.device(q).Activation())
	}
	q.tooLow()
	refused(t, "the code of the first", q.post(wire.PathDesk, wire.DeskCode{Code: handover.Code}, &wire.DeviceStatus{}), wire.CodeNotReady, "")
	p.enter(shortened, true)
	if status := p.status(); status.Level != "eidas3" {
		t.Errorf("the first: %+v", status)
	}

	// Refused at the desk: that device does nothing any more, and the first goes on.
	must(t, s.desk.Refuse(t.Context(), desk.Order{Reference: answer.Reference, Agent: "agent"}))
	refused(t, "after a refusal", q.post(wire.PathDesk, wire.DeskCode{Code: wire.NewCode()}, &wire.DeviceStatus{}), wire.CodeDeviceSuspended, "desk-refused")
	_, start := s.login(assurance.Substantial)
	refused(t, "a login", q.redeem(start), wire.CodeDeviceSuspended, "desk-refused")
	p.enter(shortened, true)
}

// TestUnconfirmedRefused changes one person of the register; nothing is enrolled for a doubt that no desk can lift.
func TestUnconfirmedRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(people []rnipp.Person) []rnipp.Person
		code   wire.Code
		reason enrolment.Reason
	}{
		{"nothing changed", func(p []rnipp.Person) []rnipp.Person { return p }, "", ""},
		{"two who fit", func(p []rnipp.Person) []rnipp.Person {
			sister := p[0]
			sister.Record.GivenNames, sister.PlaceName = []string{"Mathilde"}, "BREST"
			return append(p, sister)
		}, wire.CodeIdentityAmbiguous, enrolment.ReasonAmbiguous},
		{"another birth place", func(p []rnipp.Person) []rnipp.Person {
			p[0].PlaceName = "BREST"
			return p
		}, wire.CodeIdentityMismatch, enrolment.ReasonBirthplace},
		{"nobody", func([]rnipp.Person) []rnipp.Person { return nil }, wire.CodeIdentityUnknown, enrolment.ReasonUnknown},
	} {
		s := newTruncated(t)
		s.register.people = test.change(s.register.people)
		p := newPhone(s)
		p.join()
		r := &reading{p: p}
		must(t, r.read(shortened))
		problem := p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}, &wire.ResultAnswer{})
		if test.code == "" {
			p.ok(problem)
			continue
		}
		refused(t, test.name, problem, test.code, string(test.reason))
		if c := s.ceremony(p.id); c.Stage() != ceremony.Ended || s.device(p).Account() != "" {
			t.Errorf("%s: the pairing is %s %s", test.name, c.Stage(), c.Reason())
		}
		if cases, err := s.desk.List(t.Context()); err != nil || len(cases) != 0 {
			t.Errorf("%s: the desk has %v, %v", test.name, cases, err)
		}
	}
}

// TestConfirmedHasNoNotice is the control: a card that has the names whole asks nothing of the agent but the face.
func TestConfirmedHasNoNotice(t *testing.T) {
	t.Parallel()
	s := newTruncated(t)
	s.register.people = []rnipp.Person{personOf(t, "helene")}
	p := newPhone(s)
	answer := p.pair(persona)
	r, err := s.store.Find(t.Context(), record.DeskCase, means.Alias([]byte(answer.Reference)))
	must(t, err)
	c, err := means.ParseDeskCase(r)
	must(t, err)
	if c.Unconfirmed() || answer.Level != "eidas1" || s.logged(audit.CardEnrolled, "names-unconfirmed") {
		t.Errorf("names in full, and in doubt: %+v", answer)
	}
	if _, err := s.desk.Activate(t.Context(), desk.Order{Reference: answer.Reference, Agent: "agent"}); err != nil {
		t.Error(err)
	}
}

// TestHiddenDG14: a card that leaves out the file which asks for Chip Authentication is refused by the verifier, in its own
// words, and costs no opening. The genuine card is the control; so are files that are not all there.
func TestHiddenDG14(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	p.join()
	left := s.ceremony(p.id).OpeningsLeft()
	who, err := cardsim.FindPersona("clone-no-dg14")
	must(t, err)
	err = (&reading{p: p}).read(who.Name)
	if problem, ok := errors.AsType[*wire.Problem](err); !ok {
		t.Errorf("the clone: %v", err)
	} else {
		refused(t, "the clone", problem, wire.CodeCardRefused, who.Expect)
	}
	if who.Expect != string(card.ReasonDG14Missing) || !s.logged(audit.CardRefused, who.Expect) || s.ceremony(p.id).OpeningsLeft() != left {
		t.Errorf("want %s, logged, and %d openings: %d are left", who.Expect, left, s.ceremony(p.id).OpeningsLeft())
	}
	for name, in := range map[string]wire.OpenRequest{
		"DG14 alone":           {DG14: []byte{0x6E, 0}},
		"no EF.SOD":            {CardAccess: []byte{0x31, 0}, DG14: []byte{0x6E, 0}},
		"no EF.CardAccess":     {DG14: []byte{0x6E, 0}, SOD: []byte{0x77, 0}},
		"a handle beside DG14": {DG14: []byte{0x6E, 0}, Card: make([]byte, 32)},
		"nothing":              {},
	} {
		refused(t, name, p.post(wire.PathCard, in, &wire.Opening{}), wire.CodeBadRequest, "")
	}
	must(t, (&reading{p: p}).read(persona))
}
