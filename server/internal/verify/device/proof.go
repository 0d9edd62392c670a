package device

import (
	"errors"
	"fmt"
	"slices"

	"pivot/server/internal/assurance"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/internal/proof"
	"pivot/shared/wire"
)

// Standing is what the broker knows of the device beside the approval.
type Standing struct {
	Hop     bool // the browser that began was shown to run beside the app, in this transaction
	Guarded bool // the key cannot be copied, or its copy is noticed
}

var (
	errApproval = errors.New("device: a proof without an approval, or a second one of the same")
	errBinding  = errors.New("device: a proof for another transaction, or without the device among its means")
	errHop      = errors.New("device: a hop that the approval does not name")
	errCard     = errors.New("device: an approval that was not given with this card")
)

// Proof makes the proof of a device's key and the PIN, without a card (Regulation (EU) 2015/1502, annex, 2.2.1). The
// binding's means hold the device, and its activations are those of device and PIN. Errors: a second proof of one
// approval, a binding of another transaction, an approval given with a card, a hop that it does not name.
func (a *Approval) Proof(b verify.Binding, s Standing) (verify.Proof, error) {
	if err := a.binds(b, s.Hop); err != nil {
		return verify.Proof{}, err
	}
	if a.card != [32]byte{} {
		return verify.Proof{}, errCard
	}
	evidence := assurance.SoftwareKey
	if s.Guarded {
		evidence = assurance.GuardedKey
	}
	return a.prove(b, evidence, s.Hop, nil)
}

// ProofWithCard makes the proof of a card together with the device's key and the PIN. The binding's means hold the
// device and the card, and its activations are those of card, device and PIN. Errors: as for [Approval.Proof], and a
// verdict on other evidence than what the citizen approved.
func (a *Approval) ProofWithCard(v *card.Verdict, b verify.Binding, hop bool) (verify.Proof, error) {
	if err := a.binds(b, hop); err != nil {
		return verify.Proof{}, err
	}
	if v == nil || a.card == [32]byte{} || v.Transcript() != a.card || len(b.Means) < 2 {
		return verify.Proof{}, errCard
	}
	digest, err := v.Evidence(b)
	if err != nil {
		return verify.Proof{}, fmt.Errorf("%w: %w", errCard, err)
	}
	return a.prove(b, assurance.CardWithKey, hop, digest[:])
}

func (a *Approval) binds(b verify.Binding, hop bool) error {
	switch {
	case a == nil || a.spent || a.evidence == [32]byte{}:
		return errApproval
	case b.Transaction != a.ceremony || !slices.Contains(b.Means, a.device):
		return errBinding
	case hop && a.hop == "":
		return errHop
	}
	return nil
}

// prove digests what was verified, each part behind its length: the transaction and the account, so that the audit log
// does not show which logins used one device; what was signed; the device; and the card's own evidence. The PIN's key is
// left out: the broker alone may hold it.
func (a *Approval) prove(b verify.Binding, evidence assurance.Evidence, hop bool, card []byte) (verify.Proof, error) {
	digest := wire.Transcript("pivot-approval-evidence/1",
		[]byte(b.Transaction), []byte(b.Account), a.evidence[:], []byte(a.device), card)
	p, err := proof.New(b, evidence, hop, digest)
	if err != nil {
		return verify.Proof{}, err
	}
	a.spent = true
	return p, nil
}
