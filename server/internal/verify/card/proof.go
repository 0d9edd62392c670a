package card

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"

	"pivot/server/internal/assurance"
	"pivot/server/internal/verify/internal/proof"
)

// Proof makes the proof that the card alone is good for: possession (Regulation (EU) 2015/1502, annex, 2.2.1). The
// binding's one activation is the card's. Errors: a binding that is not one, the zero verdict.
func (v *Verdict) Proof(b proof.Binding) (proof.Proof, error) {
	digest, err := v.Evidence(b)
	if err != nil {
		return proof.Proof{}, err
	}
	return proof.New(b, assurance.CardAlone, false, digest)
}

// Evidence is the SHA-256 of what was verified, each part behind its length: the transaction and the account, so that the
// audit log does not show which logins used one card; the card's key with the digests that its State signed, which
// stand for the files; and which of them were read. The chip's public key is known only to those who held the card, so
// that names cannot be guessed from the digest. Errors: the zero verdict.
func (v *Verdict) Evidence(b proof.Binding) ([32]byte, error) {
	if v == nil || len(v.memory) == 0 || len(v.groups) == 0 {
		return [32]byte{}, errors.New("card: a proof without a verdict")
	}
	var read []byte
	for _, group := range slices.Sorted(maps.Keys(v.groups)) {
		read = append(read, byte(group))
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte("pivot-card-evidence/1"), []byte(b.Transaction), []byte(b.Account), v.memory, read} {
		h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return [32]byte(h.Sum(nil)), nil
}
