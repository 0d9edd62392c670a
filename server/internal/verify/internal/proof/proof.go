// Package proof owns the proof: what a verifier concluded from evidence, and the only thing that carries a level of
// assurance through the broker. Only packages below server/internal/verify can import this one, so only a verifier
// can make a proof; everybody else names the type through its alias in package verify.
package proof

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"pivot/server/internal/assurance"
)

// Binding is what a proof is for: one transaction of one account, and what the stored means say of themselves.
type Binding struct {
	Transaction string                 // identifier of the transaction within which the evidence was given
	Account     string                 // identifier of the account whose means gave it
	Activations []assurance.Activation // as [assurance.Contribution] wants them
	Means       []string               // identifiers of the means that gave it, four at most; none for an identity provider's answer
}

// Proof is what a verifier concluded. Its zero value proves nothing. A proof is never stored nor sent: the transition
// that consumes it records level, row of evidence and digest.
type Proof struct {
	transaction, account string
	contribution         assurance.Contribution
	means                []string
	digest               [32]byte
}

// The most octets of an identifier (256 random bits take 43 characters), and of the one of a means; the most means: a
// card, a device and what may come.
const (
	most      = 128
	mostMeans = 64
	mostUsed  = 4
)

// New makes a proof. digest is the SHA-256 of the evidence that was verified, which an auditor can compare. Errors: an
// identifier that is missing or too long, evidence or an activation that the policy table does not know, no digest.
func New(b Binding, evidence assurance.Evidence, hop bool, digest [32]byte) (Proof, error) {
	return build(b, assurance.Contribution{Evidence: evidence, Hop: hop, Activations: slices.Clone(b.Activations)}, digest)
}

// NewUpstream makes a proof of an identity provider's answer at a level that its record allows. Errors as for [New],
// and an activation where no means of ours took part.
func NewUpstream(b Binding, level assurance.Level, digest [32]byte) (Proof, error) {
	if !level.Valid() {
		return Proof{}, errors.New("proof: an identity provider's answer without a level")
	}
	if len(b.Activations) != 0 || len(b.Means) != 0 {
		return Proof{}, errors.New("proof: an activation or a means beside an identity provider's answer")
	}
	return build(b, assurance.Contribution{Evidence: assurance.Upstream, Upstream: level}, digest)
}

func build(b Binding, c assurance.Contribution, digest [32]byte) (Proof, error) {
	for _, id := range []string{b.Transaction, b.Account} {
		if id == "" || len(id) > most {
			return Proof{}, fmt.Errorf("proof: an identifier of %d bytes", len(id))
		}
	}
	if !countable(b.Means) {
		return Proof{}, errors.New("proof: means that are too many, named twice or not named")
	}
	switch {
	case !c.Evidence.Valid():
		return Proof{}, errors.New("proof: no evidence")
	case (c.Evidence == assurance.Upstream) != c.Upstream.Valid():
		return Proof{}, fmt.Errorf("proof: %s with an upstream level of %s", c.Evidence, c.Upstream)
	case slices.ContainsFunc(c.Activations, func(a assurance.Activation) bool { return !a.Valid() }):
		return Proof{}, errors.New("proof: an unknown activation")
	case digest == [32]byte{}:
		return Proof{}, errors.New("proof: no digest of the evidence")
	}
	return Proof{
		transaction: b.Transaction, account: b.Account, contribution: c, means: slices.Clone(b.Means), digest: digest,
	}, nil
}

// countable reports whether means are few, each named in graphic ASCII, none twice.
func countable(means []string) bool {
	for i, id := range means {
		if id == "" || len(id) > mostMeans || slices.Contains(means[:i], id) ||
			strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return false
		}
	}
	return len(means) <= mostUsed
}

// IsZero reports whether p proves nothing.
func (p Proof) IsZero() bool { return !p.contribution.Evidence.Valid() }

// Transaction is the identifier of the transaction that the proof is for.
func (p Proof) Transaction() string { return p.transaction }

// Account is the identifier of the account that the proof is for.
func (p Proof) Account() string { return p.account }

// Contribution is what the proof brings before the policy table.
func (p Proof) Contribution() assurance.Contribution {
	c := p.contribution
	c.Activations = slices.Clone(c.Activations)
	return c
}

// Means are the identifiers of the means that gave the evidence: who consumes the proof sees that each is still good.
func (p Proof) Means() []string { return slices.Clone(p.means) }

// Digest is the SHA-256 of the evidence.
func (p Proof) Digest() [32]byte { return p.digest }

// String redacts: a proof names an account.
func (p Proof) String() string { return "proof(" + p.contribution.Evidence.String() + " redacted)" }

// GoString redacts likewise.
func (p Proof) GoString() string { return p.String() }

// Format implements [fmt.Formatter], so that no verb reaches the fields.
func (p Proof) Format(s fmt.State, _ rune) { fmt.Fprint(s, p.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (p Proof) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalJSON always fails: a proof is consumed where it was made, never stored nor sent.
func (p Proof) MarshalJSON() ([]byte, error) {
	return nil, errors.New("proof: a proof has no encoding")
}
