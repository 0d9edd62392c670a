package flow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"pivot/app/internal/flow"
	"pivot/cardreader"
	"pivot/cardreader/cardsim/simtest"
	"pivot/shared/wire"
)

// TestWrongCAN costs the card a try, the citizen a sentence and the broker nothing.
func TestWrongCAN(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	c.says(flow.AskCAN, secret("12345"), secret("000000"), secret(" 123456\n"))
	if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
		t.Fatal(err)
	}
	q := c.asked(flow.AskCAN)
	if len(q) != 3 || q[1].Again != "can.malformed" || q[2].Again != "problem.can-wrong" || q[2].TriesLeft == nil || *q[2].TriesLeft != 2 {
		t.Errorf("asked %+v", q)
	}
	if s.table.opened != 2 || s.broker.count(wire.PathCard) != 0 || s.broker.count(wire.PathPIN) != 1 {
		t.Errorf("opened %d times; calls %v", s.table.opened, s.broker.calls)
	}
}

func TestWrongCANLeft(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	_, err := s.companion.Approve(t.Context(), c.says(flow.AskCAN, secret("000000")), startCode, "")
	if f := failure(t, err); f.Cause != flow.CauseCAN || f.Problem != "can-wrong" || f.TriesLeft == nil || *f.TriesLeft != 2 {
		t.Errorf("%v", f)
	}
	if !slices.Equal(s.broker.refusals, []string{"refused"}) {
		t.Errorf("the page was told %q", s.broker.refusals)
	}
}

// TestCardPulled takes the card away at each command in turn and puts it back: the ceremony goes on, with the opening that
// was not answered, and nothing is asked again.
func TestCardPulled(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		commands, openings := 10, 0
		if !known {
			commands, openings = 12, 1
		}
		for at := 1; at <= commands; at++ {
			t.Run(fmt.Sprintf("known %v, command %d", known, at), func(t *testing.T) {
				t.Parallel()
				s, c := paired(t, "genuine"), newCitizen(t)
				if !known {
					s.broker.handle = nil
				}
				s.table.leaves, s.table.sent = at, 0
				s.table.before = func(opened int, lacking func(cardreader.Problem)) error {
					if opened > 1 {
						lacking(cardreader.NoCard)
					}
					return nil
				}
				if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
					t.Fatal(err)
				}
				if n := s.broker.count(wire.PathCard); n != openings || s.table.opened != 2 || len(s.broker.approvals) != 1 {
					t.Errorf("%d openings, the card opened %d times, %d approvals", n, s.table.opened, len(s.broker.approvals))
				}
				if len(c.questions) != 3 {
					t.Errorf("asked %+v", c.questions)
				}
				if !slices.ContainsFunc(c.views, func(v flow.View) bool { return v.Problem == "flow.card-back" }) {
					t.Error("nobody says to put it back")
				}
			})
		}
	}
}

// TestCardPulledForEver asks after a while, and ends with what is wrong.
func TestCardPulledForEver(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.table.before = func(int, func(cardreader.Problem)) error {
		s.table.card = simtest.Card(t, "removed-during-ca")
		return nil
	}
	c.says(flow.AskRetry, flow.Answer{Approve: true}, flow.Answer{})
	_, err := s.companion.Approve(t.Context(), c, startCode, "")
	if f := failure(t, err); f.Cause != flow.CauseCard || f.Problem != string(cardreader.Removed) {
		t.Errorf("%v", f)
	}
	if q := c.asked(flow.AskRetry); len(q) != 2 || q[0].Again != "problem.card-removed" {
		t.Errorf("asked %+v", q)
	}
	if len(s.broker.approvals) != 0 || s.broker.count(wire.PathPIN) != 1 {
		t.Errorf("calls %v", s.broker.calls)
	}
}

// TestNoCard says what is lacking, asks, and finds the card at the second look without a new secret code.
func TestNoCard(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.table.before = func(opened int, lacking func(cardreader.Problem)) error {
		lacking(cardreader.NoReader)
		if opened == 1 {
			return context.DeadlineExceeded // as a reader that stalls
		}
		return nil
	}
	c.says(flow.AskRetry, flow.Answer{Approve: true})
	if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
		t.Fatal(err)
	}
	if q := c.asked(flow.AskRetry); len(q) != 1 || q[0].Again != "problem.card-mute" {
		t.Errorf("asked %+v", q)
	}
	if !slices.ContainsFunc(c.views, func(v flow.View) bool { return v.Problem == "problem.no-reader" }) {
		t.Error("what is lacking is not said")
	}
	if s.broker.count(wire.PathPIN) != 1 {
		t.Error("a fault of the card cost a try of the secret code")
	}
}

// TestForgottenCard has the broker know another card than the one on the reader, or no card any more.
func TestForgottenCard(t *testing.T) {
	t.Parallel()
	t.Run("another card", func(t *testing.T) {
		t.Parallel()
		s, c := paired(t, "compound-name"), newCitizen(t).says(flow.AskCAN, secret("271828"))
		if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
			t.Fatal(err)
		}
		if n := s.broker.count(wire.PathCard); n != 1 || len(s.broker.approvals) != 2 {
			t.Errorf("%d openings, %d approvals", n, len(s.broker.approvals))
		}
	})
	t.Run("forgotten", func(t *testing.T) {
		t.Parallel()
		s := paired(t, "genuine")
		s.broker.handle = nil
		if _, err := s.companion.Approve(t.Context(), newCitizen(t), startCode, ""); err != nil {
			t.Fatal(err)
		}
		if n := s.broker.count(wire.PathCard); n != 1 {
			t.Errorf("%d openings", n)
		}
		p, err := s.store.Find(s.broker.origin())
		if err != nil || len(p.Cards) != 2 || !slices.Equal(p.Cards[1].Handle, s.broker.handle) {
			t.Errorf("the new handle is not kept: %v", err)
		}
	})
}

// TestShortCards go on with shorter commands, with a new opening and a new approval.
func TestShortCards(t *testing.T) {
	t.Parallel()
	for _, persona := range []string{"short-only", "refuse-256", "refuse-256-6700", "short-answers", "t0-quirks"} {
		t.Run(persona, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, persona)
			s.pair(t, newCitizen(t))
			s.works(t, goodPIN)
			if s.broker.count(wire.PathPIN) != 2 {
				t.Error("a length cost a try of the secret code")
			}
		})
	}
}

// TestRefusedCard may be replaced by the right one.
func TestRefusedCard(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "clone"), newCitizen(t)
	c.says(flow.AskCAN, secret(goodCAN), secret(goodCAN)).says(flow.AskRetry, flow.Answer{Approve: true})
	s.table.before = func(opened int, _ func(cardreader.Problem)) error {
		if opened == 2 {
			s.table.card = simtest.Card(t, "genuine")
		}
		return nil
	}
	if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
		t.Fatal(err)
	}
	if q := c.asked(flow.AskRetry); len(q) != 1 || q[0].Again != "broker.card-refused" {
		t.Errorf("asked %+v", q)
	}
	s, c = paired(t, "clone"), newCitizen(t)
	_, err := s.companion.Approve(t.Context(), c, startCode, "")
	f := failure(t, err)
	if f.Cause != flow.CauseRefused || f.Problem != "card-refused" || f.Reason != "chip-not-genuine" || f.Detail != "reason.chip-not-genuine" {
		t.Errorf("%v", f)
	}
	if !slices.Equal(s.broker.refusals, []string{"refused"}) {
		t.Errorf("the page was told %q", s.broker.refusals)
	}
}

// TestOpeningsAreSpent ends with the broker's word.
func TestOpeningsAreSpent(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.broker.handle = nil
	s.broker.refuse[wire.PathCard] = []*wire.Problem{{Code: wire.CodeTooManyOpenings, ID: "incident-7"}}
	_, err := s.companion.Approve(t.Context(), c, startCode, "")
	if f := failure(t, err); f.Cause != flow.CauseRefused || f.Problem != "too-many-openings" || f.ID != "incident-7" {
		t.Errorf("%v", f)
	}
	if len(c.asked(flow.AskRetry)) != 0 {
		t.Error("asked to try again what cannot be")
	}
}
