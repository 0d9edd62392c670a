package flow_test

import (
	"slices"
	"testing"

	"pivot/app/internal/flow"
	"pivot/shared/wire"
)

func TestWrongPIN(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	c.says(flow.AskPIN, secret("999999"), secret("12"), secret(goodPIN))
	if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
		t.Fatal(err)
	}
	q := c.asked(flow.AskPIN)
	if len(q) != 3 || q[1].Again != "broker.pin-wrong" || q[1].TriesLeft == nil || *q[1].TriesLeft != 4 ||
		q[2].Again != "flow.pin-malformed" {
		t.Errorf("asked %+v", q)
	}
	if n := s.broker.count(wire.PathPIN); n != 2 {
		t.Errorf("%d attempts: what is no secret code must cost no try", n)
	}
}

func TestPINLocks(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	wrong := slices.Repeat([]flow.Answer{secret("999999")}, 8)
	_, err := s.companion.Approve(t.Context(), c.says(flow.AskPIN, wrong...), startCode, "")
	if f := failure(t, err); f.Cause != flow.CausePIN || f.Problem != "pin-locked" {
		t.Errorf("%v", f)
	}
	if n := len(c.asked(flow.AskPIN)); n != 5 || s.table.opened != 0 || len(s.broker.approvals) != 0 {
		t.Errorf("asked %d times", n)
	}
}

// TestPINLeft holds that who leaves after a wrong secret code is told of it, not of having left.
func TestPINLeft(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	_, err := s.companion.Approve(t.Context(), c.says(flow.AskPIN, secret("999999")), startCode, "")
	if f := failure(t, err); f.Cause != flow.CausePIN || f.Problem != "pin-wrong" || f.TriesLeft == nil || *f.TriesLeft != 4 {
		t.Errorf("%v", f)
	}
}

const otherPIN = "830417"

func changing(t *testing.T) *citizen {
	return newCitizen(t).says(flow.AskNewPIN, secret(otherPIN)).says(flow.AskRepeatPIN, secret(otherPIN))
}

func TestChangePIN(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	if _, err := s.companion.ChangePIN(t.Context(), changing(t), ""); err != nil {
		t.Fatal(err)
	}
	s.works(t, otherPIN)
	s.fails(t, goodPIN)
	if p, err := s.store.Find(s.broker.origin()); err != nil || len(p.PINBefore.Masked) != 0 {
		t.Errorf("the old share is kept: %v", err)
	}
}

func (s *scene) works(t *testing.T, pin string) {
	t.Helper()
	s.broker.move("offered", "")
	if _, err := s.companion.Approve(t.Context(), newCitizen(t).says(flow.AskPIN, secret(pin)), startCode, ""); err != nil {
		t.Errorf("the right secret code: %v", err)
	}
}

func (s *scene) fails(t *testing.T, pin string) {
	t.Helper()
	s.broker.move("offered", "")
	_, err := s.companion.Approve(t.Context(), newCitizen(t).says(flow.AskPIN, secret(pin)), startCode, "")
	if f := failure(t, err); f.Cause != flow.CausePIN {
		t.Errorf("the wrong secret code: %v", f)
	}
}

// TestChangePINRefused holds that the old secret code stays when the broker refuses the new one.
func TestChangePINRefused(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	s.broker.refuse[wire.PathPINProof] = []*wire.Problem{nil, {Code: wire.CodeExpired}}
	if _, err := s.companion.ChangePIN(t.Context(), changing(t), ""); failure(t, err).Problem != "expired" {
		t.Errorf("%v", err)
	}
	s.works(t, goodPIN)
}

// TestChangePINInterrupted loses the broker at the last message: whichever secret code the broker then knows opens.
func TestChangePINInterrupted(t *testing.T) {
	t.Parallel()
	for _, known := range []struct {
		name string
		pin  string
	}{{"the new one", otherPIN}, {"the old one", goodPIN}} {
		t.Run(known.name, func(t *testing.T) {
			t.Parallel()
			s := paired(t, "genuine")
			old := s.broker.pin
			s.broker.loseProof = true
			if _, err := s.companion.ChangePIN(t.Context(), changing(t), ""); failure(t, err).Cause != flow.CauseOffline {
				t.Fatalf("%v", err)
			}
			s.broker.loseProof = false
			if known.pin == goodPIN {
				s.broker.pin = old
			}
			s.works(t, known.pin)
			if p, err := s.store.Find(s.broker.origin()); err != nil || len(p.PINBefore.Masked) != 0 {
				t.Errorf("two shares are kept: %v", err)
			}
			s.works(t, known.pin)
		})
	}
}
