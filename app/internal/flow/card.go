package flow

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"strconv"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/shared/wire"
)

// mostRemovals is how often a card that is pulled out and put back is taken up without a question.
const mostRemovals = 3

// askCAN asks for the access number of the card until it is one. The first answer may be given.
func (r *run) askCAN(ctx context.Context, q Question, otherwise *Failure) ([]byte, error) {
	q.Kind = AskCAN
	for range mostAsked {
		a, err := r.ask(ctx, q, otherwise)
		if err != nil {
			return nil, err
		}
		password, err := pace.CAN(bytes.TrimSpace(a.Secret))
		if err == nil {
			r.can.Wipe()
			r.can = password
			return bytes.TrimSpace(a.Secret), nil
		}
		clear(a.Secret)
		otherwise = &Failure{Cause: CauseCAN, Problem: "can-malformed", Message: "can.malformed"}
		q.Again = otherwise.Message
	}
	return nil, otherwise
}

// present has the card prove itself to the broker. known says that the access number was asked for already. What can be put
// right at the desk is asked for again; the ceremony, the secret code that was verified and an opening that was not
// answered stay as they are.
func (r *run) present(ctx context.Context, j *judge, known bool) error {
	var question Question
	var otherwise *Failure
	removals := 0
	for {
		if !known {
			digits, err := r.askCAN(ctx, question, otherwise)
			if err != nil {
				return err
			}
			clear(digits)
		}
		err := r.read(ctx, j, removals > 0)
		if err == nil {
			return nil
		}
		otherwise = failureOf(why(ctx, err))
		if another := otherwise.Problem == string(wire.CodeCardRefused); another {
			// Perhaps not the right card: while the broker allows openings, the citizen may take another.
			j.card, j.fault, question, known, removals = nil, nil, Question{}, false, 0
			if err := r.confirm(ctx, Question{Kind: AskRetry, Again: otherwise.Message}, otherwise); err != nil {
				return err
			}
			otherwise = nil
			continue
		}
		if !atDesk(otherwise) || j.fault != nil {
			return otherwise
		}
		if w, ok := errors.AsType[*pace.WrongPasswordError](err); ok {
			question, known = Question{Again: otherwise.Message}, false
			if w.Known {
				question.TriesLeft, otherwise.TriesLeft = &w.TriesLeft, &w.TriesLeft
			}
			continue
		}
		known = true
		if otherwise.Problem == string(cardreader.Removed) && removals < mostRemovals {
			removals++
			continue
		}
		if err := r.confirm(ctx, Question{Kind: AskRetry, Again: otherwise.Message}, otherwise); err != nil {
			return err
		}
	}
}

// atDesk reports whether a failure is of the reader or of the card, for which the citizen may do something.
func atDesk(f *Failure) bool { return f.Cause == CauseCard || f.Cause == CauseCAN }

// read is one session with the card, once it is there.
func (r *run) read(ctx context.Context, j *judge, back bool) error {
	view := r.view
	view.Step = StepCard
	r.d.Show(view)
	link, closer, err := r.companion.parts.OpenCard(ctx, func(p cardreader.Problem) {
		waiting := view
		waiting.Problem = "problem." + string(p)
		if back && p == cardreader.NoCard {
			waiting.Problem = "flow.card-back"
		}
		r.d.Show(waiting)
	})
	if err != nil {
		return err
	}
	defer closer.Close()
	meter := session.NewMeter(link)
	figures := &r.outcome.Figures
	began, broker := time.Now(), figures.Broker
	err = session.Prove(ctx, meter, session.Request{
		Password: r.can, Known: j.card != nil, Groups: j.groups,
		Progress: func(p session.Progress) {
			at := view
			at.Progress = p
			r.d.Show(at)
		},
	}, j)
	figures.Card += time.Since(began) - (figures.Broker - broker)
	sent, received := meter.Bytes()
	figures.APDUs, figures.Sent, figures.Received = figures.APDUs+meter.APDUs(), figures.Sent+sent, figures.Received+received
	return err
}

// judge is the broker, as a session with a card sees it.
type judge struct {
	r      *run
	card   []byte // handle under which the broker knows the card; nil: by its files
	groups []int  // that the broker will read, to look their sizes up if need be
	finish func(context.Context, wire.Opening, [][]byte) error

	opening  *wire.Opening // not answered yet
	evidence session.Evidence
	reach    session.Reach
	fault    error // what the broker said, or what kept it from saying it
}

// Challenge implements [session.Judge]. An opening that was not answered serves again, when the same card is back in the
// same place: the same commands are then given to the same chip.
func (j *judge) Challenge(ctx context.Context, e session.Evidence, reach session.Reach) (session.Challenge, error) {
	if j.opening == nil || !sameEvidence(j.evidence, e) || !sameReach(j.reach, reach) {
		request := wire.OpenRequest{CardAccess: e.CardAccess, DG14: e.DG14, SOD: e.SOD, Reach: *wireReach(reach)}
		if len(e.SOD) == 0 && len(e.CardAccess) == 0 {
			request.Card = j.card
		}
		done := j.r.clock()
		opening, err := j.r.client.Open(ctx, j.r.ceremony.id, request)
		done()
		if err != nil {
			return session.Challenge{}, j.refused(err)
		}
		j.opening, j.evidence, j.reach = &opening, e, reach
	}
	o := j.opening
	return session.Challenge{OID: o.OID, KeyID: o.KeyID, EphemeralPublic: o.EphemeralPublic, Batch: o.Batch}, nil
}

// Answer implements [session.Judge].
func (j *judge) Answer(ctx context.Context, responses [][]byte) error {
	opening := *j.opening
	j.opening = nil
	j.r.show(StepSend)
	j.r.watch.mind(false)
	done := j.r.clock()
	err := j.finish(ctx, opening, responses)
	done()
	if err == nil {
		return nil
	}
	j.r.watch.mind(true)
	return j.refused(err)
}

// refused keeps what the broker said, and asks the session for another round where one may do.
func (j *judge) refused(err error) error {
	if p, ok := errors.AsType[*wire.Problem](err); ok && p.Code == wire.CodeCardRefused {
		switch p.Again {
		case "shorter":
			j.card = nil // the second round is by the files, as the session does it
			return errors.Join(session.ErrShorter, err)
		case "files":
			if j.card != nil {
				j.card = nil
				return errors.Join(session.ErrUnknownCard, err)
			}
		}
	}
	j.fault = err
	return err
}

// firstReach is what a session tells the judge of a card that it knows, before it saw anything of it.
func firstReach() session.Reach { return session.Reach{Extended: true, MaxResponse: 4096} }

func sameEvidence(a, b session.Evidence) bool {
	return bytes.Equal(a.CardAccess, b.CardAccess) && bytes.Equal(a.DG14, b.DG14) && bytes.Equal(a.SOD, b.SOD)
}

func sameReach(a, b session.Reach) bool {
	return a.Extended == b.Extended && a.MaxResponse == b.MaxResponse && a.Block == b.Block && maps.Equal(a.Sizes, b.Sizes)
}

func wireReach(r session.Reach) *wire.Reach {
	out := &wire.Reach{Extended: r.Extended, MaxResponse: r.MaxResponse, Block: r.Block}
	for group, size := range r.Sizes {
		if out.Sizes == nil {
			out.Sizes = make(map[string]int, len(r.Sizes))
		}
		out.Sizes[strconv.Itoa(group)] = size
	}
	return out
}

// digestOf is SHA-256, as a slice.
func digestOf(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
