package flow

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"errors"

	"pivot/app/internal/keystore"
	"pivot/app/internal/pin"
	"pivot/shared/wire"
)

// unlock asks for the secret code until the broker confirms the key that it gives, which the caller wipes. The broker has
// then cleared its count: what goes wrong later costs no try.
func (r *run) unlock(ctx context.Context) (*ecdsa.PrivateKey, error) {
	q, otherwise := Question{Kind: AskPIN}, (*Failure)(nil)
	for {
		a, err := r.ask(ctx, q, otherwise)
		if err != nil {
			return nil, err
		}
		key, err := r.tryPIN(ctx, a.Secret)
		clear(a.Secret)
		if err == nil {
			return key, nil
		}
		otherwise = failureOf(why(ctx, err))
		switch {
		case otherwise.Problem == string(wire.CodePINWrong) && otherwise.TriesLeft != nil && *otherwise.TriesLeft > 0:
			q.TriesLeft = otherwise.TriesLeft
		case otherwise.Problem == string(wire.CodePINWrong):
			return nil, refusalOf(&wire.Problem{Code: wire.CodePINLocked, ID: otherwise.ID})
		case otherwise.Problem == problemPIN: // no try was spent
		default:
			return nil, otherwise
		}
		q.Again = otherwise.Message
	}
}

// problemPIN says that what was typed is no secret code.
const problemPIN = "pin-malformed"

func wellFormed(digits []byte) bool {
	return len(digits) >= pin.Shortest && len(digits) <= pin.Longest &&
		!bytes.ContainsFunc(digits, func(c rune) bool { return c < '0' || c > '9' })
}

// tryPIN makes one attempt; two where a change of the secret code was interrupted, and which of the two shares the broker
// knows is not known here.
func (r *run) tryPIN(ctx context.Context, digits []byte) (*ecdsa.PrivateKey, error) {
	if !wellFormed(digits) {
		return nil, ours(CausePIN, problemPIN, nil)
	}
	if len(r.profile.PIN.Masked) == 0 {
		return nil, refusalOf(&wire.Problem{Code: wire.CodePINUnset})
	}
	r.show(StepPIN)
	share, before := r.profile.PIN, r.profile.PINBefore
	key, err := r.attempt(ctx, digits, share)
	if len(before.Masked) == 0 {
		return key, err
	}
	if p, ok := errors.AsType[*wire.Problem](err); ok && p.Code == wire.CodePINWrong {
		share = before
		key, err = r.attempt(ctx, digits, share)
	}
	if err != nil {
		return nil, err
	}
	if err := r.save(func(p *keystore.Profile) { p.PIN, p.PINBefore = share, keystore.PIN{} }); err != nil {
		pin.Wipe(key)
		return nil, err
	}
	return key, nil
}

func (r *run) attempt(ctx context.Context, digits []byte, share keystore.PIN) (*ecdsa.PrivateKey, error) {
	state, blinded, err := pin.Blind(digits)
	if err != nil {
		return nil, err
	}
	defer state.Wipe()
	answer, err := r.evaluate(ctx, wire.PINRequest{Blinded: blinded})
	if err != nil {
		return nil, err
	}
	key, err := pin.Unmask(state, answer.Evaluated, share.Salt, share.Masked)
	if err != nil {
		return nil, noBroker(err)
	}
	if err := r.prove(ctx, key, blinded, nil); err != nil {
		pin.Wipe(key)
		return nil, err
	}
	return key, nil
}

func (r *run) evaluate(ctx context.Context, q wire.PINRequest) (wire.PINAnswer, error) {
	defer r.clock()()
	return r.client.PIN(ctx, r.ceremony.id, q)
}

// prove shows the broker that the attempt gave a key. public is the key's point where the secret code is being set.
func (r *run) prove(ctx context.Context, key *ecdsa.PrivateKey, blinded, public []byte) error {
	digest := sha256.Sum256(wire.PINTranscript(wire.PINParts{
		Issuer: r.profile.Issuer, Device: r.profile.Device, Ceremony: r.ceremony.id, Nonce: r.ceremony.nonce,
		Blinded: blinded, PublicKey: public,
	}))
	signature, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		return err
	}
	defer r.clock()()
	return r.client.ProvePIN(ctx, r.ceremony.id, wire.PINProof{Signature: signature, PublicKey: public})
}

// choosePIN asks for a new secret code, twice. The caller wipes it. can is that of the card in use, or empty.
func (r *run) choosePIN(ctx context.Context, can []byte) ([]byte, error) {
	q, otherwise := Question{Kind: AskNewPIN}, (*Failure)(nil)
	for range mostAsked {
		first, err := r.ask(ctx, q, otherwise)
		if err != nil {
			return nil, err
		}
		if err := pin.Check(first.Secret, pin.Known{CAN: can}); err != nil {
			clear(first.Secret)
			otherwise = ours(CausePIN, "pin-refused", err)
			if rule, ok := errors.AsType[*pin.RuleError](err); ok {
				otherwise.Reason, otherwise.Message = string(rule.Reason), "flow.pin-"+string(rule.Reason)
			}
			q.Again = otherwise.Message
			continue
		}
		second, err := r.ask(ctx, Question{Kind: AskRepeatPIN}, nil)
		same := err == nil && bytes.Equal(first.Secret, second.Secret)
		clear(second.Secret)
		if same {
			return first.Secret, nil
		}
		clear(first.Secret)
		if err != nil {
			return nil, err
		}
		otherwise = ours(CausePIN, "pin-differs", nil)
		q.Again = otherwise.Message
	}
	return nil, otherwise
}

// setPIN makes the key of a new secret code with the broker's help. What keep is given must be on disk, or be going there
// with the end of the ceremony, before the broker knows the key.
func (r *run) setPIN(ctx context.Context, digits []byte, keep func(keystore.PIN) error) error {
	r.show(StepPIN)
	state, blinded, err := pin.Blind(digits)
	if err != nil {
		return err
	}
	defer state.Wipe()
	answer, err := r.evaluate(ctx, wire.PINRequest{Blinded: blinded, New: true})
	if err != nil {
		return err
	}
	share := keystore.PIN{Salt: make([]byte, 32)}
	_, _ = rand.Read(share.Salt) // never fails
	key, masked, err := pin.Enrol(state, answer.Evaluated, share.Salt)
	if err != nil {
		return noBroker(err)
	}
	defer pin.Wipe(key)
	share.Masked = masked
	public, err := key.PublicKey.Bytes()
	if err != nil {
		return err
	}
	if err := keep(share); err != nil {
		return err
	}
	return r.prove(ctx, key, blinded, public)
}

// noBroker is an answer that no broker gives.
func noBroker(err error) error { return ours(CauseOffline, "no-broker", err) }

// changePIN replaces the secret code.
func (r *run) changePIN(ctx context.Context) (err error) {
	err = r.join(func(ratchet, roll []byte) (wire.AttachAnswer, error) {
		return r.client.ChangePIN(ctx, wire.ChangeRequest{Ratchet: ratchet, Roll: roll})
	})
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			r.part(ctx, err)
		}
	}()
	key, err := r.unlock(ctx)
	if err != nil {
		return err
	}
	pin.Wipe(key)
	digits, err := r.choosePIN(ctx, nil)
	if err != nil {
		return err
	}
	defer clear(digits)
	before := r.profile.PIN
	err = r.setPIN(ctx, digits, func(share keystore.PIN) error {
		return r.save(func(p *keystore.Profile) { p.PIN, p.PINBefore = share, before })
	})
	switch _, refused := errors.AsType[*wire.Problem](err); {
	case refused:
		return errors.Join(err, r.save(func(p *keystore.Profile) { p.PIN, p.PINBefore = before, keystore.PIN{} }))
	case err != nil: // whether the broker knows the new one is not known: both are kept
		return err
	}
	if err := r.save(func(p *keystore.Profile) { p.PINBefore = keystore.PIN{} }); err != nil {
		return err
	}
	r.show(StepDone)
	return nil
}
