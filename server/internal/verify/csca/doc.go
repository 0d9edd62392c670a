// Package csca owns the certificates and revocation lists of country signing
// certification authorities (CSCA), and the path that leads from a document
// signer (DS) to a pinned one: ICAO 9303-12 §7 and RFC 5280 §6, cut down to what
// travel and identity documents use.
//
// [ParseCertificate] and [ParseCRL] read strict DER with a cursor of their own,
// because crypto/x509 refuses brainpool curves and the explicit curve parameters
// that ICAO 9303-12 demands. Reading grants nothing: a certificate on an
// unknown curve or with a weak signature still parses, so that it can be named in
// a report, and is refused when it is used. [NewAnchors] pins roots; [Anchors.Path]
// is the only place where trust is granted, and it grants it to pinned roots alone.
// A link certificate says that a new key belongs to an old root: it counts as far
// as a pinned root signed it. A certificate that comes with a document is at most
// the one intermediate below such a key.
//
// Validity follows ICAO 9303-12: the DS must be valid when it signed, each
// authority above it when the DS was issued (it may have expired since), and
// revocation is judged now. Times are parameters. The package does no I/O and
// keeps no state: all its values are safe for concurrent use.
//
// Every refusal is an [*Error] with a stable [Reason]:
//
//	if errors.Is(err, csca.DSRevoked) { ... }
package csca
