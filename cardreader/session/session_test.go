package session_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/cardcheck"
)

// inProcess is a simulated card without reader; it counts its resets.
type inProcess struct {
	*cardsim.Card
	resets int
}

func (c *inProcess) Reset(context.Context) error {
	c.resets++
	c.Power(true)
	return nil
}

// verifier judges by the real one, and counts what it is asked.
type verifier struct {
	check               *cardcheck.Check
	memory              []byte
	challenges, answers int
	reach               session.Reach
}

func (v *verifier) Challenge(_ context.Context, e session.Evidence, r session.Reach) (session.Challenge, error) {
	v.challenges++
	v.reach = r
	if v.memory != nil && len(e.SOD) == 0 {
		c, err := v.check.Recall(v.memory, cardcheck.Reach(r))
		return session.Challenge(c), err
	}
	c, err := v.check.Open(cardcheck.Evidence(e), cardcheck.Reach(r))
	return session.Challenge(c), err
}

func (v *verifier) Answer(_ context.Context, responses [][]byte) error {
	v.answers++
	err := v.check.Judge(responses)
	switch v.check.Again() {
	case cardcheck.Shorter:
		return errors.Join(session.ErrShorter, err)
	case cardcheck.Files:
		return errors.Join(session.ErrUnknownCard, err)
	}
	return err
}

func newVerifier(tb testing.TB, groups ...int) *verifier {
	tb.Helper()
	dir := tb.TempDir()
	if err := simtest.PKI(tb).Save(dir); err != nil {
		tb.Fatal(err)
	}
	v, err := cardcheck.Load(cardcheck.Options{Anchors: dir, Now: simtest.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return &verifier{check: v.Begin(groups...)}
}

// digits is the access number that the holder of a persona types.
func digits(tb testing.TB, persona string) pace.Password {
	tb.Helper()
	p, err := cardsim.FindPersona(persona)
	if err != nil {
		tb.Fatal(err)
	}
	can, err := pace.CAN([]byte(p.CAN))
	if err != nil {
		tb.Fatal(err)
	}
	return can
}

// TestCommandsOfALogin holds the commands of a login to what was designed: each costs the citizen time.
func TestCommandsOfALogin(t *testing.T) {
	t.Parallel()
	first := newVerifier(t)
	if err := session.Prove(t.Context(), &inProcess{Card: simtest.Card(t, "genuine")}, session.Request{
		Password: digits(t, "genuine"),
	}, first); err != nil {
		t.Fatal(err)
	}
	memory := first.check.Report().Memory
	for _, tc := range []struct {
		name string
		req  session.Request
		want int
	}{
		{"first time, extended length", session.Request{}, 12},
		{"first time, short", session.Request{Short: true}, 21},
		{"known card", session.Request{Known: true}, 10},
		{"known card, short", session.Request{Known: true, Short: true}, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tc.req.Password = digits(t, "genuine")
			v := newVerifier(t)
			if tc.req.Known {
				v.memory = memory
			}
			meter := session.NewMeter(&inProcess{Card: simtest.Card(t, "genuine")})
			if err := session.Prove(t.Context(), meter, tc.req, v); err != nil {
				t.Fatal(err)
			}
			sent, received := meter.Bytes()
			t.Logf("%d commands, %d bytes out, %d bytes in", meter.APDUs(), sent, received)
			if meter.APDUs() > tc.want {
				t.Errorf("%d commands, want at most %d", meter.APDUs(), tc.want)
			}
			if v.challenges != 1 || v.answers != 1 {
				t.Errorf("%d challenges, %d answers", v.challenges, v.answers)
			}
		})
	}
}

// TestWrongNumberIsTriedOnce holds that a wrong access number costs one try and reaches no judge.
func TestWrongNumberIsTriedOnce(t *testing.T) {
	t.Parallel()
	card := &inProcess{Card: simtest.Card(t, "genuine")}
	wrong, err := pace.CAN([]byte("000000"))
	if err != nil {
		t.Fatal(err)
	}
	for _, left := range []int{2, 1} {
		v := newVerifier(t)
		err := session.Prove(t.Context(), card, session.Request{Password: wrong}, v)
		w, ok := errors.AsType[*pace.WrongPasswordError](err)
		if !ok || !w.Known || w.TriesLeft != left {
			t.Fatalf("with %d tries to be left: %v", left, err)
		}
		if problem, _ := cardreader.Explain(err); problem != cardreader.CANWrong {
			t.Errorf("explained as %q", problem)
		}
		if v.challenges != 0 || card.resets != 0 {
			t.Errorf("%d challenges, %d resets", v.challenges, card.resets)
		}
		card.Power(true)
	}
	// The right number still opens it.
	if err := session.Prove(t.Context(), card, session.Request{Password: digits(t, "genuine")}, newVerifier(t)); err != nil {
		t.Errorf("the right number: %v", err)
	}
}

// TestRounds counts the rounds and resets of cards that refuse lengths.
func TestRounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		persona        string
		rounds, resets int
		extended       bool
	}{
		{"genuine", 1, 0, true},
		{"short-only", 1, 1, false},
		{"refuse-256", 1, 0, true},
		{"refuse-256-6700", 1, 0, true},
		{"short-answers", 1, 0, true},
		{"t0-quirks", 1, 1, false}, // T=0 carries no extended length
	} {
		t.Run(tc.persona, func(t *testing.T) {
			t.Parallel()
			card, v := &inProcess{Card: simtest.Card(t, tc.persona)}, newVerifier(t)
			if err := session.Prove(t.Context(), card, session.Request{Password: digits(t, tc.persona)}, v); err != nil {
				t.Fatal(err)
			}
			if v.challenges != tc.rounds || card.resets != tc.resets || v.reach.Extended != tc.extended {
				t.Errorf("%d rounds, %d resets, extended %v; want %d, %d, %v",
					v.challenges, card.resets, v.reach.Extended, tc.rounds, tc.resets, tc.extended)
			}
		})
	}
}

// insatiable always asks for another round.
type insatiable struct {
	verifier
	with error
}

func (j *insatiable) Answer(context.Context, [][]byte) error { j.answers++; return j.with }

func TestRoundsAreBounded(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		with error
		want int
	}{
		{session.ErrShorter, 3},
		{session.ErrUnknownCard, 1}, // the files were sent already
		{errors.New("refused"), 1},
	} {
		t.Run(tc.with.Error(), func(t *testing.T) {
			t.Parallel()
			j := &insatiable{verifier: *newVerifier(t), with: tc.with}
			err := session.Prove(t.Context(), &inProcess{Card: simtest.Card(t, "genuine")}, session.Request{Password: digits(t, "genuine")}, j)
			if !errors.Is(err, tc.with) || j.answers != tc.want {
				t.Errorf("%d answers, error %v", j.answers, err)
			}
		})
	}
}

func TestProgressIsToldInOrder(t *testing.T) {
	t.Parallel()
	var stages []session.Stage
	var files int
	err := session.Prove(t.Context(), &inProcess{Card: simtest.Card(t, "genuine")}, session.Request{
		Password: digits(t, "genuine"), Short: true,
		Progress: func(p session.Progress) {
			if len(stages) == 0 || stages[len(stages)-1] != p.Stage {
				stages = append(stages, p.Stage)
			}
			if p.Stage == session.StageFiles && p.Total > 0 {
				if p.Done <= files || p.Done > p.Total {
					t.Errorf("%d after %d of %d", p.Done, files, p.Total)
				}
				files = p.Done
			}
		},
	}, newVerifier(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []session.Stage{
		session.StageAccess, session.StageUnlock, session.StageFiles, session.StageProve, session.StageRead,
	}
	if !slices.Equal(stages, want) {
		t.Errorf("stages %v", stages)
	}
}

// TestPatience plays slow and mute cards on a clock that does not wait.
func TestPatience(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		persona string
		want    cardreader.Problem
		within  time.Duration
	}{
		{"slow", "", 2 * time.Minute},
		{"slow-first", "", 2 * time.Minute},
		{"mute", cardreader.Mute, 61 * time.Second},
	} {
		t.Run(tc.persona, func(t *testing.T) {
			t.Parallel()
			v, can := newVerifier(t), digits(t, tc.persona)
			synctest.Test(t, func(t *testing.T) {
				card := simtest.Card(t, tc.persona)
				card.Wait = nil // the bubble's clock
				began := time.Now()
				err := session.Prove(t.Context(), &inProcess{Card: card}, session.Request{Password: can}, v)
				if problem, _ := cardreader.Explain(err); err != nil && problem != tc.want || err == nil && tc.want != "" {
					t.Errorf("ends with %v", err)
				}
				if d := time.Since(began); d > tc.within {
					t.Errorf("took %v", d)
				}
			})
		})
	}
}
