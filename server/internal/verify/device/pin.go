package device

import (
	"bytes"
	"crypto/rand"
	"errors"

	"github.com/cloudflare/circl/group"
	"github.com/cloudflare/circl/oprf"

	"pivot/shared/wire"
)

// Octets of what RFC 9497 §4.3 calls Ns and Ne.
const (
	scalarLen  = 32
	elementLen = 33
)

var (
	errPINSecret = errors.New("device: not the secret of a PIN")
	errBlinded   = errors.New("device: not a blinded element")
)

// NewPINSecret makes the broker's OPRF key of one device: a random scalar of P-256, 32 octets, never zero. The caller
// seals it.
func NewPINSecret() []byte {
	raw, err := group.P256.RandomNonZeroScalar(rand.Reader).MarshalBinary()
	if err != nil {
		panic("device: internal error: a scalar without encoding")
	}
	return raw
}

// EvaluatePIN answers one blinded attempt (RFC 9497 §3.3.1 BlindEvaluate, P256-SHA256, mode OPRF): both are compressed
// points of 33 octets. The attempt must have been counted before: who gets an answer has had a try. Errors: a secret
// that [NewPINSecret] would not make, an element that is not a point of the curve or is the identity.
func EvaluatePIN(secret, blinded []byte) ([]byte, error) {
	if len(blinded) != elementLen {
		return nil, errBlinded
	}
	element := group.P256.NewElement()
	if err := element.UnmarshalBinary(blinded); err != nil || element.IsIdentity() {
		return nil, errBlinded
	}
	if len(secret) != scalarLen {
		return nil, errPINSecret
	}
	var key oprf.PrivateKey
	if err := key.UnmarshalBinary(oprf.SuiteP256, secret); err != nil {
		return nil, errPINSecret
	}
	// Reading reduces modulo the order: what was reduced, or is zero, is no key of ours.
	if canonical, err := key.MarshalBinary(); err != nil || !bytes.Equal(canonical, secret) || bytes.Count(secret, []byte{0}) == scalarLen {
		return nil, errPINSecret
	}
	answer, err := oprf.NewServer(oprf.SuiteP256, &key).Evaluate(&oprf.EvaluationRequest{Elements: []oprf.Blinded{element}})
	if err != nil {
		return nil, errBlinded
	}
	return answer.Elements[0].MarshalBinaryCompress()
}

// VerifyPIN reports whether the key that the PIN unmasked signed this attempt: ASN.1 ECDSA over the SHA-256 of
// [wire.PINTranscript]. Where a PIN is set, the transcript names its key, which must be this one.
func VerifyPIN(public Key, p wire.PINParts, signature []byte) bool {
	if len(p.PublicKey) > 0 && !bytes.Equal(p.PublicKey, public.Point()) {
		return false
	}
	return public.verify(wire.PINTranscript(p), signature)
}
