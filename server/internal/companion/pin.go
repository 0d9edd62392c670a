package companion

import (
	"context"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// eventPINTried is the entry of an attempt at the PIN, whatever it comes to: it is written with the count, before anything is
// evaluated. A wrong one is [audit.PINFailed] beside it.
const eventPINTried audit.Event = "pin-tried"

// pin evaluates one blinded attempt. The attempt is counted, and on disk, before it is evaluated: whoever gets an answer
// has had a try. Whoever is here holds the answer to the turn of the ratchet by which they came.
func (e *edge) pin(ctx context.Context, x visit, in wire.PINRequest) (wire.PINAnswer, error) {
	if in.New {
		return e.draft(ctx, x, in.Blinded)
	}
	next, err := x.ceremony.Guess(in.Blinded, x.now)
	if err != nil {
		return wire.PINAnswer{}, err
	}
	d, held := x.device.Held(next.Turn())
	d, repeated, err := d.Attempt(next.ID(), in.Blinded)
	if err != nil {
		return wire.PINAnswer{}, err
	}
	changes := stored(next)
	var entries []audit.Entry
	if !repeated || held {
		changes = append(changes, d.Change())
	}
	if !repeated {
		entries = append(entries, e.entry(x, eventPINTried, ""))
		if d.Locked() {
			entries = append(entries, e.entry(x, audit.PINLocked, "last-try"))
		}
	}
	if len(changes) > 0 {
		if err := e.apply(ctx, next, changes, entries...); err != nil {
			return wire.PINAnswer{}, err
		}
	}
	return evaluate(d.PINSecret(), in.Blinded, d.TriesLeft())
}

func evaluate(secret, blinded []byte, left int) (wire.PINAnswer, error) {
	evaluated, err := device.EvaluatePIN(secret, blinded)
	if err != nil {
		return wire.PINAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	return wire.PINAnswer{Evaluated: evaluated, TriesLeft: left}, nil
}

// draft evaluates under the key of the PIN being set. There is nothing to guess: nobody knows a PIN yet.
func (e *edge) draft(ctx context.Context, x visit, blinded []byte) (wire.PINAnswer, error) {
	next, secret, err := x.ceremony.Draft(device.NewPINSecret(), blinded, x.now)
	if err != nil {
		return wire.PINAnswer{}, err
	}
	answer, err := evaluate(secret, blinded, x.device.TriesLeft())
	if err != nil || !next.Changed() {
		return answer, err
	}
	return answer, e.apply(ctx, next, stored(next))
}

// pinProof takes the signature by the key that the attempt unmasked: it clears the count, or sets the new PIN.
func (e *edge) pinProof(ctx context.Context, x visit, in wire.PINProof) (wire.Empty, error) {
	parts := wire.PINParts{
		Issuer: e.Issuer.URL, Device: x.device.ID(), Ceremony: x.ceremony.ID(), Nonce: x.ceremony.Nonce(),
	}
	if len(in.PublicKey) > 0 {
		return wire.Empty{}, e.setPIN(ctx, x, in, parts)
	}
	if parts.Blinded = x.ceremony.Guessed(); parts.Blinded == nil {
		_, err := x.ceremony.Prove(x.device.PINPublic(), x.now) // says why there is none
		return wire.Empty{}, err
	}
	public, err := device.ParsePoint(x.device.PINPublic())
	if err != nil {
		return wire.Empty{}, err
	}
	if !device.VerifyPIN(public, parts, in.Signature) {
		return wire.Empty{}, e.wrongPIN(ctx, x)
	}
	d, err := x.device.Succeed(x.ceremony.ID(), parts.Blinded)
	if err != nil {
		return wire.Empty{}, err
	}
	next, err := x.ceremony.Prove(x.device.PINPublic(), x.now)
	if err != nil {
		return wire.Empty{}, err
	}
	return wire.Empty{}, e.apply(ctx, next, stored(next, d.Change()))
}

// wrongPIN says how many tries are left. The attempt was counted when it was begun.
func (e *edge) wrongPIN(ctx context.Context, x visit) error {
	if err := e.Store.Log.Record(ctx, e.entry(x, audit.PINFailed, "wrong")); err != nil {
		return err
	}
	p := &wire.Problem{Code: wire.CodePINWrong, TriesLeft: new(x.device.TriesLeft())}
	if x.device.Locked() {
		p.Code = wire.CodePINLocked
	}
	return p
}

// setPIN sets the PIN whose key signed: the first of a pairing, or another in place of one that was proved.
func (e *edge) setPIN(ctx context.Context, x visit, in wire.PINProof, parts wire.PINParts) error {
	if x.ceremony.PINSet() {
		return &wire.Problem{Code: wire.CodePINUsed}
	}
	secret, blinded := x.ceremony.Drafted()
	next, err := x.ceremony.SetPIN(x.device.PINPublic(), x.now)
	if err != nil {
		return err
	}
	public, err := device.ParsePoint(in.PublicKey)
	if err != nil || public.Equal(x.call.Key) {
		return &wire.Problem{Code: wire.CodeBadRequest}
	}
	parts.Blinded, parts.PublicKey = blinded, in.PublicKey
	if !device.VerifyPIN(public, parts, in.Signature) {
		return &wire.Problem{Code: wire.CodeSignature}
	}
	event, set := audit.PINSet, x.device.SetPIN
	if next.Kind() == ceremony.PINChange {
		event, set = audit.PINChanged, x.device.ChangePIN
		if next, err = next.End(ceremony.Done, x.now); err != nil {
			return err
		}
	}
	d, err := set(secret, in.PublicKey)
	if err != nil {
		return err
	}
	return e.apply(ctx, next, stored(next, d.Change()), e.entry(x, event, ""))
}
