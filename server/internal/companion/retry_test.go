package companion_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// A lost answer costs nothing: the same redemption again gives the same ratchet; with another roll it is a copy's.
func TestAttachAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	_, start := s.login(assurance.High)
	roll := make([]byte, 16)
	rand.Read(roll)
	in := wire.AttachRequest{Start: start, Ratchet: p.ratchet, Roll: roll}
	var first, again wire.AttachAnswer
	p.ok(p.post(wire.PathCeremonies, in, &first))
	p.ok(p.post(wire.PathCeremonies, in, &again))
	if !bytes.Equal(first.Ratchet, again.Ratchet) || !bytes.Equal(first.Nonce, again.Nonce) || first.Ceremony != again.Ceremony {
		t.Error("the answers differ")
	}
	in.Roll = roll[:15]
	refused(t, "a short roll", p.post(wire.PathCeremonies, in, &again), wire.CodeBadRequest, "")
	if !s.device(p).Active() {
		t.Fatal("a malformed call suspends the device")
	}
	in.Roll = make([]byte, 16)
	refused(t, "another roll", p.post(wire.PathCeremonies, in, &again), wire.CodeDeviceCloned, "")
}

// TestSetPINBadly: the PIN that is set is the one whose key signed, and not the device's own.
func TestSetPINBadly(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	id := txn.NewID().String()
	code := s.offer(id, ceremony.Pair)
	var answer wire.PairAnswer
	p.ok(p.post(wire.PathPairings, p.pairRequest(code), &answer))
	p.id, p.device, p.nonce = answer.Ceremony, answer.Device, answer.Nonce
	s.step(id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.Confirm(browser, s.now()) })
	p.meet()
	public, err := p.pin.PublicKey.Bytes()
	must(t, err)
	own, err := p.key.PublicKey.Bytes()
	must(t, err)
	blinded := point(t)
	prove := func(in wire.PINProof) *wire.Problem { return p.post(wire.PathPINProof, in, &wire.Empty{}) }
	good := wire.PINProof{Signature: p.pinSignature(p.pin, blinded, public), PublicKey: public}
	refused(t, "before the evaluation", prove(good), wire.CodeNotReady, "")
	p.ok(p.post(wire.PathPIN, wire.PINRequest{Blinded: blinded, New: true}, &wire.PINAnswer{}))
	refused(t, "another attempt's", prove(wire.PINProof{Signature: p.pinSignature(p.pin, point(t), public), PublicKey: public}), wire.CodeSignature, "")
	refused(t, "another key's", prove(wire.PINProof{Signature: p.pinSignature(newKey(t), blinded, public), PublicKey: public}), wire.CodeSignature, "")
	refused(t, "the device's own", prove(wire.PINProof{Signature: p.pinSignature(p.key, blinded, own), PublicKey: own}), wire.CodeBadRequest, "")
	refused(t, "no key", prove(wire.PINProof{Signature: good.Signature, PublicKey: public[:64]}), wire.CodeBadRequest, "")
	refused(t, "a proof of a PIN that is not asked", prove(wire.PINProof{Signature: good.Signature}), wire.CodeNotReady, "")
	r := &reading{p: p}
	if err := r.read(persona); err == nil {
		t.Error("a card before the PIN")
	}
	p.ok(prove(good))
	refused(t, "again", prove(good), wire.CodePINUsed, "")
	must(t, r.read(persona))
	refused(t, "an approval at a pairing", p.post(wire.PathResult,
		wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: []byte(`{}`)}, &wire.ResultAnswer{}), wire.CodeBadRequest, "")
	refused(t, "responses to no opening", p.post(wire.PathResult, wire.ResultRequest{Responses: r.responses}, &wire.ResultAnswer{}), wire.CodeBadRequest, "")
	p.ok(p.post(wire.PathRefusal, wire.Refusal{Reason: "refused"}, &wire.Empty{}))
	if c := s.ceremony(id); c.Reason() != "refused-in-app" || !s.logged(audit.CeremonyRefused, "refused-in-app") {
		t.Errorf("the pairing is %s %s", c.Stage(), c.Reason())
	}
}

// A proof is good once, and a login whose service is gone asks for nothing.
func TestProofIsGoodOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	_, start := s.login(assurance.High)
	p.come(start)
	_, problem := p.ask(french())
	p.ok(problem)
	blinded := point(t)
	p.ok(p.post(wire.PathPIN, wire.PINRequest{Blinded: blinded}, &wire.PINAnswer{}))
	in := wire.PINProof{Signature: p.pinSignature(p.pin, blinded, nil)}
	p.ok(p.post(wire.PathPINProof, in, &wire.Empty{}))
	refused(t, "the same proof", p.post(wire.PathPINProof, in, &wire.Empty{}), wire.CodePINUsed, "")
	if s.device(p).TriesLeft() != 5 {
		t.Error("a proved PIN costs a try")
	}
}

// The citizen gave up on the page: the app is told at its next call, whatever it is.
func TestCancelledElsewhere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	waiting := s.state(id).(txn.Waiting)
	ended, entry, err := waiting.Refuse(txn.ReasonCancelled, s.now())
	must(t, err)
	must(t, s.store.Advance(t.Context(), waiting, ended, entry))
	in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}
	refused(t, "the result", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeEnded, "cancelled")
	_, problem := p.ask(french())
	refused(t, "the request", problem, wire.CodeEnded, "cancelled")
	s.step(id, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End("cancelled", s.now()) })
	refused(t, "the result, later", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeEnded, "cancelled")
}

// A card whose trust is gone is refused though it is known.
func TestKnownCardIsJudgedAnew(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	_, start := s.login(assurance.High)
	p.come(start)
	in := wire.AskRequest{Language: "fr", Card: p.handle}
	before := s.policy
	s.policy = card.Policy{Anchors: nil}
	if _, problem := p.ask(in); problem == nil {
		t.Error("judged without anchors")
	}
	s.policy = before
	a, problem := p.ask(in)
	p.ok(problem)
	if a.opening == nil || s.ceremony(p.id).OpeningsLeft() != 2 {
		t.Error("the known card was not opened")
	}
	in.Card = make([]byte, 32)
	if a, problem = p.ask(in); problem != nil || a.opening != nil {
		t.Errorf("an unknown handle: %+v", problem)
	}
}
