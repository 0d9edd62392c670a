package flow

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"errors"
	"slices"
	"time"

	"pivot/app/internal/api"
	"pivot/app/internal/handoff"
	"pivot/app/internal/keystore"
	"pivot/app/internal/pin"
	"pivot/shared/wire"
)

// approve answers a login, as a table of contents.
func (r *run) approve(ctx context.Context, start string) (err error) {
	if err := r.attach(ctx, start); err != nil {
		return err
	}
	outer := ctx
	ctx, unfollow := r.follow(ctx)
	defer unfollow()
	defer func() {
		if err != nil {
			err = why(ctx, err)
			r.part(outer, err)
		}
	}()
	if err := r.meet(ctx, handoff.ReturnOfLogin(r.profile.Issuer, r.ceremony.id)); err != nil {
		return err
	}
	a, err := r.receive(ctx)
	if err != nil {
		return err
	}
	if err := r.decide(ctx, a.request); err != nil {
		return err
	}
	if a.key, err = r.unlock(ctx); err != nil {
		return err
	}
	defer pin.Wipe(a.key)
	if err := a.settle(ctx); err != nil {
		return err
	}
	r.view.Level = r.outcome.Level
	r.show(StepDone)
	return nil
}

// attach binds the login to this device.
func (r *run) attach(ctx context.Context, start string) error {
	return r.join(func(ratchet, roll []byte) (wire.AttachAnswer, error) {
		return r.client.Attach(ctx, wire.AttachRequest{Start: start, Ratchet: ratchet, Roll: roll})
	})
}

// join takes part in a ceremony, and turns the ratchet by that.
func (r *run) join(call func(ratchet, roll []byte) (wire.AttachAnswer, error)) error {
	r.show(StepConnect)
	ratchet, roll, err := r.lease.Roll()
	if err != nil {
		return profileTrouble(err)
	}
	done := r.clock()
	answer, err := call(ratchet, roll)
	done()
	if err != nil {
		return err
	}
	if err := r.lease.Rolled(answer.Ratchet); err != nil {
		return profileTrouble(err)
	}
	r.ceremony = ceremony{id: answer.Ceremony, nonce: answer.Nonce}
	return nil
}

// approval is the citizen's yes in the making.
type approval struct {
	r       *run
	signed  string // the request as it came
	request wire.Request
	opening *wire.Opening // of the known card, when it came with the request
	card    []byte        // its handle
	until   time.Time     // by this computer's clock: when to ask for the request again before it is answered
	key     *ecdsa.PrivateKey
}

// receive gets the request and verifies it. A card that the broker knows is opened in the same answer.
func (r *run) receive(ctx context.Context) (*approval, error) {
	r.show(StepRequest)
	a := &approval{r: r}
	ask := wire.AskRequest{Language: r.companion.speaks()}
	if n := len(r.profile.Cards); n > 0 {
		a.card = r.profile.Cards[n-1].Handle
		ask.Card, ask.Reach = a.card, wireReach(firstReach())
	}
	defer r.clock()()
	r.watch.mind(false) // where the login ends here, the answer says why
	opening, err := a.fetch(ctx, ask)
	if err != nil {
		return nil, err
	}
	r.watch.heed()
	if a.opening = opening; opening == nil {
		a.card = nil // the broker does not know the card, or needs none
	}
	return a, nil
}

// requestMargin is what is left of a request's life when it is asked for again: an answer takes its time on the way.
const requestMargin = 30 * time.Second

// fetch asks for the request and verifies it.
func (a *approval) fetch(ctx context.Context, ask wire.AskRequest) (*wire.Opening, error) {
	r := a.r
	asked := r.wall()
	answer, err := r.client.Ask(ctx, r.ceremony.id, ask)
	if err != nil {
		return nil, err
	}
	request, keys, err := r.client.VerifyRequest(ctx, answer.Request, api.Expect{
		Issuer: r.profile.Issuer, Device: r.profile.Device, Keys: r.profile.Keys,
		Ceremony: r.ceremony.id, Nonce: r.ceremony.nonce, Hop: r.ceremony.hop,
	})
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(keys, r.profile.Keys) {
		if err := r.save(func(p *keystore.Profile) { p.Keys = keys }); err != nil {
			return nil, err
		}
	}
	a.signed, a.request = answer.Request, request
	// How long it lives, from when it was asked for: the two clocks need not agree.
	a.until = asked.Add(time.Duration(request.Exp-request.Iat)*time.Second - requestMargin)
	r.view.Service, r.view.Level = request.Service.Name, request.Level
	r.outcome.Service = request.Service.Name
	return answer.Opening, nil
}

// wall is the time as a clock on the wall has it, which goes on while the computer sleeps.
func (r *run) wall() time.Time { return r.client.Now().Round(0) }

// renew gets the request again, whose time ran out while the citizen took theirs. They are asked again only if it says
// something else than what they approved.
func (a *approval) renew(ctx context.Context) error {
	r, approved := a.r, wire.DisplayOf(a.request).Digest()
	if _, err := a.fetch(ctx, wire.AskRequest{Language: a.request.Language}); err != nil {
		return err
	}
	if wire.DisplayOf(a.request).Digest() == approved {
		return nil
	}
	r.watch.mind(true)
	defer r.watch.mind(false)
	return r.decide(ctx, a.request)
}

// decide asks the citizen. No is a failure of the flow, and no failure of anybody.
func (r *run) decide(ctx context.Context, request wire.Request) error {
	a, err := r.ask(ctx, Question{Kind: AskApprove, Request: &request}, nil)
	switch {
	case err != nil:
		return err
	case a.Approve:
		return nil
	case a.Reason == RefusedNotMine:
		return ours(CauseCitizen, RefusedNotMine, nil)
	}
	return ours(CauseCitizen, RefusedChange, nil)
}

// settle sends the approval, with the card's proof where one is asked for.
func (a *approval) settle(ctx context.Context) error {
	r := a.r
	if !a.request.Card {
		r.show(StepSend)
		r.watch.mind(false)
		defer r.clock()()
		return a.send(ctx, wire.ResultRequest{}, nil)
	}
	j := &judge{r: r, card: a.card, groups: []int{11, 13}, opening: a.opening, reach: firstReach()}
	j.finish = func(ctx context.Context, o wire.Opening, responses [][]byte) error {
		digest := wire.CardDigest(o.ID, o.EphemeralPublic, responses)
		return a.send(ctx, wire.ResultRequest{Opening: o.ID, Responses: responses}, digest[:])
	}
	return r.present(ctx, j, false)
}

// approvalLife is how long an approval may be under way.
const approvalLife = 60 * time.Second

// send hands in what the citizen approved, with the card's proof when there is one. However long that took, the request is a
// fresh one.
func (a *approval) send(ctx context.Context, result wire.ResultRequest, card []byte) error {
	if !a.r.wall().Before(a.until) {
		if err := a.renew(ctx); err != nil {
			return err
		}
	}
	err := a.answer(ctx, result, card)
	if p, ok := errors.AsType[*wire.Problem](err); !ok || p.Code != wire.CodeApprovalRefused || p.Reason != "request-expired" {
		return err
	}
	if err := a.renew(ctx); err != nil {
		return err
	}
	return a.answer(ctx, result, card)
}

// answer signs the approval and sends it.
func (a *approval) answer(ctx context.Context, result wire.ResultRequest, card []byte) error {
	r := a.r
	now := r.client.Now()
	shown := wire.DisplayOf(a.request).Digest()
	signed, err := r.client.Approve(wire.ApprovalClaims{
		Iss: r.profile.Device, Aud: r.profile.Issuer, Iat: now.Unix(), Exp: now.Add(approvalLife).Unix(),
		Ceremony: r.ceremony.id, Nonce: r.ceremony.nonce, Hop: r.ceremony.hop,
		Request: digestOf([]byte(a.signed)), Display: shown[:],
		Language: a.request.Language, Decision: "approve", Card: card,
	}, a.key)
	if err != nil {
		return err
	}
	result.Approval = signed
	answer, err := r.client.Result(ctx, r.ceremony.id, result)
	if err != nil {
		return err
	}
	r.outcome.Level = answer.Level
	if len(answer.Card) == 0 {
		return nil
	}
	return r.save(func(p *keystore.Profile) { p.Cards = remember(p.Cards, answer.Card) })
}

// mostCards is how many cards are remembered.
const mostCards = 8

// remember puts a card last, where the one in use is looked for.
func remember(cards []keystore.Card, handle []byte) []keystore.Card {
	card := keystore.Card{Handle: handle}
	cards = slices.DeleteFunc(slices.Clone(cards), func(c keystore.Card) bool {
		if !bytes.Equal(c.Handle, handle) {
			return false
		}
		card.Label = c.Label
		return true
	})
	if len(cards) >= mostCards {
		cards = cards[len(cards)-mostCards+1:]
	}
	return append(cards, card)
}
