package flow

import (
	"context"
	"errors"
	"strings"

	"pivot/app/internal/api"
	"pivot/app/internal/handoff"
	"pivot/app/internal/keystore"
	"pivot/shared/wire"
)

// pairing is a pairing under way. Until the card's proof leaves for the broker, nothing of it is on disk but its key.
type pairing struct {
	*run
	before keystore.Profile // of an earlier pairing with the same broker
	again  bool             // there was one
	saved  bool
	ended  bool // the broker has enrolled this device
}

// pair makes this computer the citizen's, with their card, as a table of contents.
func (r *run) pair(ctx context.Context, code, origin string) (err error) {
	p := &pairing{run: r}
	if err := p.prepare(ctx, origin); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.settle(err)) }()
	if err := p.begin(ctx, code); err != nil {
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
	r.show(StepCompare)
	if err := r.watch.until(ctx, stageConfirmed); err != nil {
		return err
	}
	r.view.ShortString, r.view.Protection = "", ""
	if err := r.meet(ctx, handoff.ReturnOfPairing(origin, r.ceremony.id)); err != nil {
		return err
	}
	if err := p.secrets(ctx); err != nil {
		return err
	}
	if err := r.present(ctx, &judge{r: r, groups: []int{2, 11, 13}, finish: p.finish}, true); err != nil {
		return err
	}
	r.view.Level, r.view.Reference = r.outcome.Level, r.outcome.Reference
	r.show(StepDone)
	return nil
}

// prepare takes the broker's profile and makes the device's key.
func (p *pairing) prepare(ctx context.Context, origin string) error {
	parts := p.companion.parts
	var err error
	if p.lease, err = parts.Store.Acquire(origin); err != nil {
		return profileTrouble(err)
	}
	switch p.before, err = p.lease.Profile(); {
	case err == nil:
		p.again = true
		if err := p.confirm(ctx, Question{Kind: AskReplace}, ours(CauseCitizen, "already-paired", nil)); err != nil {
			return err
		}
	case !errors.Is(err, keystore.ErrUnpaired):
		return profileTrouble(err)
	}
	p.show(StepConnect)
	created, err := parts.Store.Create()
	if err != nil {
		return profileTrouble(err)
	}
	p.profile = keystore.Profile{Origin: origin, Name: parts.Name, Key: created.Ref}
	p.view.Protection = created.Key.Protection()
	if p.client, err = parts.Dial(origin, created.Key); err != nil {
		return errors.Join(ours(CauseUsage, "origin-malformed", err), parts.Store.Drop(created.Ref))
	}
	// The string to compare is made of the key, whose public half is at hand here alone.
	p.thumbprint = api.Thumbprint(created.Key.Public())
	return nil
}

// begin spends the code.
func (p *pairing) begin(ctx context.Context, code string) error {
	parts := p.companion.parts
	done := p.clock()
	answer, err := p.client.Pair(ctx, wire.PairRequest{
		Code: code, Protection: p.view.Protection, Name: parts.Name, Platform: parts.Platform,
	})
	done()
	if err != nil {
		return err
	}
	// The issuer is whom approvals are for: never another than the broker that was called.
	if answer.Issuer != p.profile.Origin && !strings.HasPrefix(answer.Issuer, p.profile.Origin+"/") {
		return noBroker(errors.New("flow: the issuer is elsewhere"))
	}
	p.profile.Issuer, p.profile.Device, p.profile.Keys = answer.Issuer, answer.Device, answer.Keys
	p.profile.Ratchet = answer.Ratchet
	p.ceremony = ceremony{id: answer.Ceremony, nonce: answer.Nonce}
	p.view.ShortString = wire.ShortString(answer.Ceremony, p.thumbprint[:], answer.Nonce)
	return nil
}

// secrets asks for the access number of the card, because the secret code must not be the same, and sets the secret code.
func (p *pairing) secrets(ctx context.Context) error {
	can, err := p.askCAN(ctx, Question{}, nil)
	if err != nil {
		return err
	}
	defer clear(can)
	digits, err := p.choosePIN(ctx, can)
	if err != nil {
		return err
	}
	defer clear(digits)
	return p.setPIN(ctx, digits, func(share keystore.PIN) error {
		p.profile.PIN = share
		return nil
	})
}

// finish hands the card's proof in. The profile is on disk before it leaves: from then on this device may be enrolled.
func (p *pairing) finish(ctx context.Context, o wire.Opening, responses [][]byte) error {
	if err := p.lease.Save(p.profile); err != nil {
		return profileTrouble(err)
	}
	p.saved = true
	answer, err := p.client.Result(ctx, p.ceremony.id, wire.ResultRequest{Opening: o.ID, Responses: responses})
	if err != nil {
		return err
	}
	p.ended = true
	p.outcome.Level, p.outcome.Reference = answer.Level, answer.Reference
	if len(answer.Card) == 0 {
		return nil
	}
	return p.save(func(q *keystore.Profile) { q.Cards = remember(q.Cards, answer.Card) })
}

// settle leaves one key and one profile behind: the new ones once the broker has enrolled this device, or may have and there
// is nothing to go back to; else those from before.
func (p *pairing) settle(err error) error {
	store := p.companion.parts.Store
	switch {
	case p.ended && p.again:
		return store.Drop(p.before.Key)
	case p.ended:
		return nil
	case p.again && p.saved:
		return errors.Join(p.lease.Save(p.before), store.Drop(p.profile.Key))
	case p.saved && failureOf(err).Cause == CauseOffline:
		return nil
	case p.saved:
		return p.lease.Forget()
	}
	return store.Drop(p.profile.Key)
}
