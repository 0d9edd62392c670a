package flow

import (
	"bytes"
	"context"
	"crypto/ecdsa"
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

// attach binds the login to this device, and turns the ratchet.
func (r *run) attach(ctx context.Context, start string) error {
	r.show(StepConnect)
	ratchet, roll, err := r.lease.Roll()
	if err != nil {
		return profileTrouble(err)
	}
	done := r.clock()
	answer, err := r.client.Attach(ctx, wire.AttachRequest{Start: start, Ratchet: ratchet, Roll: roll})
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
	a.signed, a.request, a.opening = answer.Request, request, answer.Opening
	if a.opening == nil {
		a.card = nil // the broker does not know the card, or needs none
	}
	r.view.Service, r.view.Level = request.Service.Name, request.Level
	r.outcome.Service = request.Service.Name
	return a, nil
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

// send signs what the citizen approved, with the card's proof when there is one, and hands it in.
func (a *approval) send(ctx context.Context, result wire.ResultRequest, card []byte) error {
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
