// Package brainpool is the elliptic-curve groups that identity cards use and the
// standard library does not offer: the brainpool r1 curves of RFC 5639, and the
// NIST curves with the point addition and the multiplication of any point that
// the mappings of PACE need and crypto/ecdh hides (ICAO 9303-11 §4.4.3).
//
// Points and scalars are values that were checked when they were made: a [Point]
// is on its curve, a [Scalar] is between 1 and the order less 1. So everything
// after parsing cannot fail, except by mixing curves, which panics as the
// programming error it is.
//
// Time and memory access do not depend on a scalar or on the coordinates of a
// point. What may show is whether a result is infinity. Fields are fixed-limb
// Montgomery arithmetic, sums are complete formulas without exceptional cases,
// tables are read whole; math/big sees only curve constants and signatures.
//
// The files field4.go to group9.go are written by internal/fieldgen, one pair
// for each limb count.
package brainpool

//go:generate go run ./internal/fieldgen
