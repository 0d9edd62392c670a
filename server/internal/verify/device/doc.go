// Package device judges what a paired device gives: its signed calls, the evaluation and the proof of the PIN, the hop
// through the citizen's browser, and the approval, of which alone it makes proofs.
//
// The companion is not trusted: whatever it says of itself is compared with what the broker keeps. The package is pure:
// no clock, no I/O, no log, no goroutine; what must be spent once (the identifier of a call, an attempt at the PIN, an
// approval's transaction) is the caller's to spend. Keys are P-256 and signatures ES256, nothing else.
//
// Sources: RFC 7515 and RFC 7517 (JWS, JWK), RFC 7638 (thumbprint), RFC 9449 (the form of a signed call), RFC 9497
// (OPRF), RFC 8725 (JWT best practice).
package device
