// Package verify owns the name of the one value that carries a level of assurance: the [Proof]. The verifiers below it
// (verify/card and verify/device; verify/webauthn and verify/upstream as they come) are the only packages that can make
// one; this package gives everybody else the type, and no way to make a value of it that proves something.
package verify

import "pivot/server/internal/verify/internal/proof"

// Proof is what a verifier concluded from evidence, for one transaction of one account. Its zero value proves nothing
// and is refused by the transition that consumes it. It prints redacted, has no encoding, and is never stored.
type Proof = proof.Proof

// Binding says what a proof is for; a verifier that makes a proof is given one.
type Binding = proof.Binding
