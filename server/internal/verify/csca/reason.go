package csca

import (
	"errors"
	"fmt"
)

// Reason says why a certificate, a list or a path was refused. Reasons are
// stable: they go to the audit log. A Reason is an error, so that
// errors.Is(err, csca.DSRevoked) asks for one.
type Reason string

// The reasons. Those of [Anchors.Path] begin where the comment says so.
const (
	Malformed            Reason = "malformed"                  // not strict DER, out of bounds, or not the X.509 profile
	UnsupportedAlgorithm Reason = "unsupported-algorithm"      // a signature algorithm that we do not know, or not for this key
	WeakDigest           Reason = "weak-digest"                // a signature over MD5, SHA-1 or SHA-224
	UnsupportedKey       Reason = "unsupported-key"            // a key type, curve or encoding that we do not know
	WeakKey              Reason = "weak-key"                   // RSA below 2048 bits or with a small exponent
	BadSignature         Reason = "bad-signature"              // the signature does not verify
	UnknownCritical      Reason = "unknown-critical-extension" // a critical extension that we do not process
	UnsupportedCRL       Reason = "unsupported-crl"            // a delta, indirect or partial list
	NotSelfSigned        Reason = "not-self-signed"            // pinned as a root, but names another issuer
	NotAnAuthority       Reason = "not-an-authority"           // an issuer without CA flag or keyCertSign

	// Given as alarms.
	CRLUntrusted  Reason = "crl-untrusted"  // signed by none of the authorities of its name: ignored
	LinkUntrusted Reason = "link-untrusted" // leads to no pinned root: ignored

	// Given by Path alone, besides those above.
	NotASigner        Reason = "not-a-signer"                   // the certificate's purpose is not to sign documents
	DSNotYetValid     Reason = "ds-not-yet-valid"               // signed before the certificate's first day
	DSExpired         Reason = "ds-expired-at-signing"          // signed after its last day
	SignedInFuture    Reason = "signed-in-future"               // the signing time is later than now
	UnknownIssuer     Reason = "unknown-issuer"                 // no pinned authority of that name and key
	CountryMismatch   Reason = "country-mismatch"               // signer and authorities are not of one country
	PathTooLong       Reason = "path-too-long"                  // an intermediate where the authority allows none
	AuthorityNotValid Reason = "authority-not-valid-at-issuing" // not valid when the signer's certificate was issued
	DSRevoked         Reason = "ds-revoked"                     // on the list of its issuer
	AuthorityRevoked  Reason = "authority-revoked"              // an authority on the path is on the list of its issuer
	TooManyCandidates Reason = "too-many-candidates"            // more signatures to try than the bound allows
)

// Error implements error.
func (r Reason) Error() string { return string(r) }

// Error is a refusal.
type Error struct {
	Reason Reason
	Err    error // detail for an operator; may be nil; names certificates, never a person
}

// Error implements error.
func (e *Error) Error() string {
	if e.Err == nil {
		return "csca: " + string(e.Reason)
	}
	return fmt.Sprintf("csca: %s: %v", e.Reason, e.Err)
}

// Unwrap returns the reason and the detail.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// malformed says what could not be read.
func malformed(what string) error {
	return &Error{Reason: Malformed, Err: errors.New(what)}
}

func refuse(reason Reason, err error) error {
	return &Error{Reason: reason, Err: err}
}
