package companion

import (
	"context"
	"crypto/rand"
	"errors"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/enrolment"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// approve judges the citizen's yes to a login, and the card where one is needed, in this order: the signatures of device
// and PIN and all that they cover; the opening, spent; the chip's answer, the document, the person; then the level.
func (e *edge) approve(ctx context.Context, x visit, in wire.ResultRequest) (wire.ResultAnswer, error) {
	if _, _, ok := x.ceremony.Request(); !ok || !x.ceremony.Proved(x.device.PINPublic()) {
		_, err := x.ceremony.Prove(x.device.PINPublic(), x.now) // says why it cannot be
		if err == nil {
			err = ceremony.ErrNotReady
		}
		return wire.ResultAnswer{}, err
	}
	waiting, err := e.waiting(ctx, x.ceremony.ID())
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	need, err := e.needs(ctx, x.device, waiting.Request().Level())
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	l := login{waiting: waiting, need: need}
	if in.Opening == "" {
		if need.card {
			return wire.ResultAnswer{}, ceremony.ErrNotReady
		}
		if l.approval, err = e.approval(ctx, x, in.Approval, [32]byte{}); err != nil {
			return wire.ResultAnswer{}, err
		}
		return e.withoutCard(ctx, x, l)
	}
	taken, opening, err := x.ceremony.Take(in.Opening, x.now)
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	l.opening = opening
	digest := wire.CardDigest(opening.ID, opening.Public, in.Responses)
	if l.approval, err = e.approval(ctx, x, in.Approval, digest); err != nil {
		return wire.ResultAnswer{}, err
	}
	if x.ceremony, err = e.take(ctx, x, taken); err != nil {
		return wire.ResultAnswer{}, err
	}
	return e.withCard(ctx, x, l, in.Responses)
}

// login is one login as it comes to its end.
type login struct {
	waiting  txn.Waiting
	need     need
	approval *device.Approval
	opening  ceremony.Opening
}

// reasonRequestExpired refuses a yes to a request whose time ran out: the app asks for it again, and spends nothing by that.
const reasonRequestExpired = "request-expired"

// approval verifies what was signed against what was released, and that what was released is still good.
func (e *edge) approval(ctx context.Context, x visit, raw []byte, card [32]byte) (*device.Approval, error) {
	request, display, _ := x.ceremony.Request()
	key, err := keyOf(x.device)
	if err != nil {
		return nil, err
	}
	pin, err := device.ParsePoint(x.device.PINPublic())
	if err != nil {
		return nil, means.ErrUnset
	}
	approval, err := device.VerifyApproval(raw, device.Expect{
		Issuer: e.Issuer.URL, Device: x.device.ID(), Ceremony: x.ceremony.ID(), Hop: x.ceremony.HopID(), Nonce: x.ceremony.Nonce(),
		Request: request, Display: display, Card: card, Keys: device.Keys{Device: key, PIN: pin}, Now: x.now,
	})
	reason := reasonRequestExpired
	if refusal, ok := errors.AsType[*device.Refusal](err); ok {
		reason = string(refusal.Reason)
	} else if err != nil || x.ceremony.Answerable(x.now) {
		return approval, err
	}
	if err := e.Store.Log.Record(ctx, e.entry(x, audit.ApprovalRefused, reason)); err != nil {
		return nil, err
	}
	return nil, &wire.Problem{Code: wire.CodeApprovalRefused, Reason: reason}
}

// binding says what a proof of this login is for.
func binding(x visit, cards ...means.Card) verify.Binding {
	b := verify.Binding{
		Transaction: x.ceremony.ID(), Account: x.device.Account(), Activations: activations(x.device, cards...), Means: []string{x.device.ID()},
	}
	for _, c := range cards {
		b.Means = append(b.Means, c.ID())
	}
	return b
}

// withoutCard ends a login that device and PIN are enough for.
func (e *edge) withoutCard(ctx context.Context, x visit, l login) (wire.ResultAnswer, error) {
	owner, err := e.account(ctx, x.device.Account())
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	proof, err := l.approval.Proof(binding(x), device.Standing{Hop: true, Guarded: guarded(x.device)})
	if err != nil {
		return wire.ResultAnswer{}, err
	}
	level, err := e.prove(ctx, x, outcome{l, proof, owner, nil})
	return wire.ResultAnswer{Level: level}, err
}

// withCard judges the card, and the person once more, then ends the login.
func (e *edge) withCard(ctx context.Context, x visit, l login, responses [][]byte) (wire.ResultAnswer, error) {
	verdict, known, err := e.judge(x, l.opening, responses, l.need.cards)
	if err != nil {
		return wire.ResultAnswer{}, e.refusedCard(ctx, x, err)
	}
	owner, err := e.account(ctx, x.device.Account())
	if err != nil {
		return wire.ResultAnswer{}, settled(err)
	}
	evidence, people, err := e.who(ctx, verdict)
	if err == nil {
		err = enrolment.Again(owner.Person(), evidence, people)
	}
	if err != nil {
		return wire.ResultAnswer{}, e.refusedPerson(ctx, x, err)
	}
	proof, err := l.approval.ProofWithCard(verdict, binding(x, known), true)
	if err != nil {
		return wire.ResultAnswer{}, settled(err)
	}
	var answer wire.ResultAnswer
	o := outcome{l, proof, owner, nil}
	if !l.opening.Known {
		answer.Card = handle()
		next, err := known.Remember(answer.Card, verdict.Memory(), l.opening.Reach)
		if err != nil {
			return wire.ResultAnswer{}, settled(err)
		}
		o.changes = append(o.changes, next.Change())
	}
	if answer.Level, err = e.prove(ctx, x, o); err != nil {
		return wire.ResultAnswer{}, settled(err)
	}
	return answer, nil
}

// handle draws the name by which a device keeps a card: 32 octets.
func handle() []byte {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	return raw
}

// outcome is what a login comes to.
type outcome struct {
	login
	proof   verify.Proof
	owner   means.Account
	changes []record.Change
}

// prove hands the proof to the transaction, and ends the ceremony with it. Errors: a problem, when the policy says no.
func (e *edge) prove(ctx context.Context, x visit, o outcome) (string, error) {
	proven, entry, err := o.waiting.Prove(o.proof, e.Policy, o.owner.Person(), x.now)
	if refusal, ok := errors.AsType[*txn.Refusal](err); ok {
		ended, err := x.ceremony.End(string(refusal.Reason), x.now)
		if err != nil {
			return "", err
		}
		if err := e.advance(ctx, ended, record.Step{From: o.waiting, Next: refusal.Ended, Entry: refusal.Entry}); err != nil {
			return "", err
		}
		if refusal.Reason == txn.ReasonLevelTooLow {
			return "", &wire.Problem{Code: wire.CodeLevelTooLow, Reason: assurance.Level(0).String()}
		}
		return "", &wire.Problem{Code: wire.CodeEnded, Reason: string(refusal.Reason)}
	}
	if err != nil {
		return "", err
	}
	done, err := x.ceremony.End(ceremony.Done, x.now)
	if err != nil {
		return "", err
	}
	step := record.Step{From: o.waiting, Next: proven, Entry: entry.With("device", x.device.ID())}
	if err := e.advance(ctx, done, step, o.changes...); err != nil {
		return "", err
	}
	return proven.Level().String(), nil
}
