package companion

import (
	"context"
	"errors"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// result takes what the card answered and what the citizen signed, and ends the ceremony.
func (e *edge) result(ctx context.Context, x visit, in wire.ResultRequest) (wire.ResultAnswer, error) {
	if in.Opening == "" && len(in.Responses) > 0 {
		return wire.ResultAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	if x.ceremony.Stage() == ceremony.Ended && x.ceremony.Reason() == ceremony.Done {
		return e.said(ctx, x)
	}
	switch x.ceremony.Kind() {
	case ceremony.Pair:
		return e.enrol(ctx, x, in)
	case ceremony.Login:
		return e.approve(ctx, x, in)
	}
	return wire.ResultAnswer{}, ceremony.ErrNotReady
}

// said answers again what was concluded, for an app that did not hear it. The handle of the card is not kept: the app brings
// the files once more.
func (e *edge) said(ctx context.Context, x visit) (wire.ResultAnswer, error) {
	if x.ceremony.Kind() == ceremony.Pair {
		cards, err := e.cards(ctx, x.device)
		return wire.ResultAnswer{Reference: x.device.Desk(), Level: e.best(x.device, cards).String()}, err
	}
	id, err := txn.ParseID(x.ceremony.ID())
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	state, err := e.Store.Ledger.Load(ctx, e.Issuer.URL, id)
	if err != nil && !errors.Is(err, txn.ErrUnknown) {
		return wire.ResultAnswer{}, err
	}
	level, ok := state.(interface{ Level() assurance.Level })
	if !ok {
		return wire.ResultAnswer{}, ceremony.ErrEnded
	}
	return wire.ResultAnswer{Level: level.Level().String()}, nil
}

// take spends an opening, on disk before anything of the card is judged. It returns the ceremony as it then is.
func (e *edge) take(ctx context.Context, x visit, taken ceremony.Ceremony) (ceremony.Ceremony, error) {
	if err := e.apply(ctx, taken, stored(taken)); err != nil {
		return ceremony.Ceremony{}, err
	}
	return taken.Stored(), nil
}

// judge judges what the chip answered, and whether the document is an enrolled one; none need be for a pairing.
func (e *edge) judge(x visit, o ceremony.Opening, responses [][]byte, enrolled []means.Card) (*card.Verdict, means.Card, error) {
	session, err := card.Resume(o.Session)
	if err != nil {
		return nil, means.Card{}, err
	}
	reading, err := session.Judge(responses, e.Cards(), x.now)
	if err != nil {
		return nil, means.Card{}, err
	}
	// No register of lost documents is configured: a deployment's stated choice.
	if x.ceremony.Kind() == ceremony.Pair {
		v, err := reading.Conclude(card.NotAsked, nil)
		return v, means.Card{}, err
	}
	if len(enrolled) == 0 {
		return nil, means.Card{}, ceremony.ErrNotReady
	}
	match := enrolled[0] // of several, the one that lies there; else the refusal says that it is none of them
	for _, c := range enrolled {
		if c.Document() == reading.Document() {
			match = c
		}
	}
	v, err := reading.Conclude(card.NotAsked, new(match.Document()))
	return v, match, err
}

// refusedCard records that the card's answer was refused. The ceremony stays while it has an opening left; without one it
// ends.
func (e *edge) refusedCard(ctx context.Context, x visit, err error) error {
	refusal, ok := errors.AsType[*card.Refusal](err)
	if !ok {
		return settled(err)
	}
	if err := e.Store.Log.Record(ctx, e.entry(x, audit.CardRefused, string(refusal.Reason))); err != nil {
		return err
	}
	p := cardProblem(refusal)
	if x.ceremony.OpeningsLeft() < 1 {
		p.Again = ""
		if err := e.end(ctx, x, "card-refused"); err != nil && !late(err) {
			return err
		}
	}
	return p
}

// settled keeps what failed after an opening was spent from being tried again by itself.
func settled(err error) error {
	p, cause := problemOf(err)
	if cause != nil {
		return cause
	}
	return &p
}

// who asks the register about the holder of a card.
func (e *edge) who(ctx context.Context, v *card.Verdict) (enrolment.Evidence, []rnipp.Person, error) {
	evidence, err := enrolment.Read(v.MRZ(), v.File(11), v.File(13))
	if err != nil || e.Register == nil {
		return evidence, nil, err
	}
	people, err := e.Register.Find(ctx, rnipp.QueryOf(evidence.Zone))
	return evidence, people, tooMany(err)
}

// refusedPerson ends a ceremony whose card and register do not name one and the same person.
func (e *edge) refusedPerson(ctx context.Context, x visit, err error) error {
	refusal, ok := errors.AsType[*enrolment.Refusal](err)
	if !ok {
		return settled(err)
	}
	if err := e.end(ctx, x, string(refusal.Reason)); err != nil && !late(err) {
		return err
	}
	return personProblem(refusal)
}

// account loads the account that a device belongs to.
func (e *edge) account(ctx context.Context, id string) (means.Account, error) {
	r, err := e.Store.Book.Get(ctx, record.Account, id)
	if err != nil {
		return means.Account{}, err
	}
	return means.ParseAccount(r)
}
