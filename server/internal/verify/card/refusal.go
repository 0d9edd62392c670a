package card

import (
	"errors"
	"fmt"

	"pivot/server/internal/verify/csca"
)

// Step is one guarantee of the judgement, in the order in which they are established. A refusal at a step means
// that every step before it held.
type Step uint8

// The steps, in order.
const (
	StepStructure  Step = iota + 1 // every file is within bounds and strictly encoded
	StepSigner                     // the signer's certificate chains to a pinned CSCA, is valid and not revoked
	StepSignature                  // the SOD is signed by that certificate
	StepChipKey                    // DG14 is the one that was signed, and holds a usable key
	StepCardAccess                 // EF.CardAccess promises nothing that DG14 does not
	StepChip                       // the chip holds the private key of DG14 and used it for this very login
	StepDataGroups                 // each data group read is the one that was signed
	StepDocument                   // the document is of an accepted kind, of the signing State, and not expired
	StepStanding                   // the document is not reported, and is the one enrolled
)

// String returns the step's stable name, as reports print it.
func (s Step) String() string {
	switch s {
	case StepStructure:
		return "structure"
	case StepSigner:
		return "signer"
	case StepSignature:
		return "signature"
	case StepChipKey:
		return "chip-key"
	case StepCardAccess:
		return "card-access"
	case StepChip:
		return "chip"
	case StepDataGroups:
		return "data-groups"
	case StepDocument:
		return "document"
	case StepStanding:
		return "standing"
	}
	return "unknown"
}

// Reason says why evidence was refused. Reasons are stable: they go to the audit log and to the citizen's screen.
// A refusal at [StepSigner] carries the reason that package csca gave.
type Reason string

// The reasons of this package.
const (
	ReasonMalformed          Reason = "malformed-evidence"         // a file is out of bounds or not strictly encoded
	ReasonNoSigner           Reason = "no-signer-certificate"      // the SOD does not hold its signer's certificate
	ReasonUnsignedAttributes Reason = "no-signed-attributes"       // the signature does not cover the content's digest
	ReasonWeakDigest         Reason = "weak-digest"                // a digest below SHA-256
	ReasonBadSignature       Reason = "bad-signature"              // the SOD was not signed by its signer
	ReasonNoChipAuth         Reason = "no-chip-authentication"     // the document has no key that its chip could prove
	ReasonDG14Missing        Reason = "chip-authentication-hidden" // the SOD lists DG14, the evidence leaves it out
	ReasonChipAuthProtocol   Reason = "chip-protocol-unsupported"  // only a Chip Authentication that we do not accept
	ReasonUnknownCurve       Reason = "unknown-curve"              // the chip's key is on a curve that is not allowed
	ReasonBadChipKey         Reason = "bad-chip-key"               // the chip's key is not a point of its curve
	ReasonCardAccess         Reason = "card-access-mismatch"       // EF.CardAccess promises what DG14 does not
	ReasonPlan               Reason = "reading-plan-refused"       // a plan that no card could serve
	ReasonIncomplete         Reason = "incomplete-responses"       // not one response to each command
	ReasonLengthRefused      Reason = "length-refused"             // the chip refuses the length asked: open again, shorter
	ReasonChipNotGenuine     Reason = "chip-not-genuine"           // the responses do not come from the chip of DG14
	ReasonKnownCardMismatch  Reason = "known-card-mismatch"        // not the chip remembered: take the full path once
	ReasonReadFailed         Reason = "read-failed"                // the genuine chip answered, but with an error
	ReasonHashMismatch       Reason = "dg-hash-mismatch"           // a data group is not the one that was signed
	ReasonBadData            Reason = "bad-data-group"             // signed, yet not as the norm has it
	ReasonNotAccepted        Reason = "document-not-accepted"      // a kind of document or a State not on the list
	ReasonIssuerMismatch     Reason = "issuer-mismatch"            // the signer is of another State than the document
	ReasonExpired            Reason = "document-expired"           // past its last day
	ReasonReported           Reason = "document-reported"          // lost, stolen or withdrawn, or the register did not answer
	ReasonNotEnrolled        Reason = "document-not-enrolled"      // genuine, but not the one enrolled
)

// Refusal is the error of every judgement that does not succeed.
type Refusal struct {
	Step   Step   // the guarantee that does not hold; all before it do
	Reason Reason // stable, for the audit log and the citizen
	Err    error  // detail for an operator; may be nil; never holds personal data or keys
}

// Error implements error. It holds no personal data.
func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("card refused: %s (%s)", r.Reason, r.Step)
	}
	return fmt.Sprintf("card refused: %s (%s): %v", r.Reason, r.Step, r.Err)
}

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(step Step, reason Reason, err error) error {
	return &Refusal{Step: step, Reason: reason, Err: err}
}

// refusePath carries a reason of package csca over: paths and revocation are judged there, and the words are its own.
func refusePath(step Step, err error) error {
	if e, ok := errors.AsType[*csca.Error](err); ok {
		return refuse(step, Reason(e.Reason), err)
	}
	return refuse(step, ReasonMalformed, err)
}
