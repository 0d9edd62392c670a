// Package card judges the evidence of an electronic identity card on the server's side, and is the only place
// that says that a chip is genuine and that what it holds was signed by its State.
//
// The companion that carries the evidence is not trusted: it is a pipe. It uploads the files that the chip gives
// to anybody who knows the card access number, and it relays commands that it can neither read nor alter.
// The judgement runs through typed states, each reachable only from the one before:
//
//	Examine or Recall   passive authentication: SOD, signer, path to a pinned CSCA, DG14, CardAccess   -> Chip
//	Chip.Challenge      a fresh ephemeral key, Chip Authentication keys, a ready-made batch            -> Session, Challenge
//	Session.Judge       every MAC and counter, then decryption, then the hashes of the SOD             -> Reading
//	Reading.Conclude    what the register says of the document, and whether it is the enrolled one     -> Verdict
//
// The first step that fails ends the judgement with a [Refusal], which names the [Step] and a [Reason]; there is
// no partial success. The package is pure: no clock, no I/O, no log, no goroutine. Randomness comes from
// crypto/rand, time is an argument.
//
// Sources: ICAO 9303-10, -11 and -12 (8th edition), BSI TR-03110-1 §3.4 and TR-03110-3 A.4, RFC 5652.
package card
