// Package wire owns what the companion and the broker say to each other: where, in which messages, and over which
// transcripts they sign. Both programs link it, so that neither can understand a message otherwise than the other.
//
// Messages are JSON read strictly by [Decode]: every member known and there once, nothing null, nothing behind the end.
// Octets are standard base64. Times are Unix seconds. What is signed or compared is a [Transcript]: a domain and parts,
// each behind its length, so that no two meanings share their octets.
//
// Sources: RFC 8259 and RFC 7493 for the form, RFC 9449 for signed calls, RFC 9497 for the PIN.
package wire
