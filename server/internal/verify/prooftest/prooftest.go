// Package prooftest makes proofs of nothing, for the tests of what consumes them. It is below package verify because
// only there a proof can be made, it wants a test to be called, and only tests may import it.
package prooftest

import (
	"crypto/rand"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/internal/proof"
)

// New makes a proof for a transaction and an account, as if a verifier had concluded what c says.
func New(tb testing.TB, transaction, account string, c assurance.Contribution) verify.Proof {
	tb.Helper()
	return Bound(tb, verify.Binding{Transaction: transaction, Account: account, Activations: c.Activations}, c)
}

// Bound makes a proof for a binding whole, its means included; the activations are the binding's.
func Bound(tb testing.TB, b verify.Binding, c assurance.Contribution) verify.Proof {
	tb.Helper()
	var digest [32]byte
	rand.Read(digest[:])
	p, err := proof.New(b, c.Evidence, c.Hop, digest)
	if c.Evidence == assurance.Upstream {
		p, err = proof.NewUpstream(b, c.Upstream, digest)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return p
}
