// Package der composes DER values (X.690) from their parts: what the simulated issuing State writes its certificates,
// revocation lists, security infos and signed data with. It never reads.
package der

import (
	"bytes"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"pivot/shared/tlv"
)

// Wrap returns the parts, one after the other, under a tag.
func Wrap(t tlv.Tag, parts ...[]byte) []byte {
	return tlv.Append(nil, t, bytes.Join(parts, nil))
}

// Sequence returns a SEQUENCE of the parts.
func Sequence(parts ...[]byte) []byte { return Wrap(0x30, parts...) }

// Set returns a SET OF the parts, in DER's order (X.690 §11.6).
func Set(parts ...[]byte) []byte {
	sorted := slices.SortedFunc(slices.Values(parts), bytes.Compare)
	return Wrap(0x31, sorted...)
}

// Context returns the parts under a constructed context-specific tag: [n] EXPLICIT, or IMPLICIT of a constructed value.
func Context(n byte, parts ...[]byte) []byte { return Wrap(0xA0|tlv.Tag(n), parts...) }

// OID returns an OBJECT IDENTIFIER.
func OID(dotted string) []byte { return Wrap(0x06, OIDContent(dotted)) }

// OIDContent returns the content octets of an object identifier (X.690 §8.19). The identifiers are constants of the
// program: a malformed one panics.
func OIDContent(dotted string) []byte {
	var arcs []uint64
	for part := range strings.SplitSeq(dotted, ".") {
		arc, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			panic("internal error: der: object identifier " + dotted)
		}
		arcs = append(arcs, arc)
	}
	out := base128(nil, arcs[0]*40+arcs[1])
	for _, arc := range arcs[2:] {
		out = base128(out, arc)
	}
	return out
}

func base128(dst []byte, v uint64) []byte {
	septets := []byte{byte(v & 0x7F)}
	for v >>= 7; v > 0; v >>= 7 {
		septets = append(septets, byte(v&0x7F)|0x80)
	}
	slices.Reverse(septets)
	return append(dst, septets...)
}

// Integer returns an INTEGER of a number that is not negative.
func Integer(v *big.Int) []byte {
	b := v.Bytes()
	if len(b) == 0 || b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return Wrap(0x02, b)
}

// Int returns an INTEGER of a small number that is not negative.
func Int(v int64) []byte { return Integer(big.NewInt(v)) }

// Octets returns an OCTET STRING of the parts.
func Octets(parts ...[]byte) []byte { return Wrap(0x04, parts...) }

// Bits returns a BIT STRING of whole bytes.
func Bits(b []byte) []byte { return Wrap(0x03, []byte{0}, b) }

// Null returns a NULL.
func Null() []byte { return Wrap(0x05) }

// True returns the BOOLEAN true.
func True() []byte { return Wrap(0x01, []byte{0xFF}) }

// Printable returns a PrintableString; the caller keeps to its alphabet.
func Printable(s string) []byte { return Wrap(0x13, []byte(s)) }

// Time returns a UTCTime until 2049 and a GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5).
func Time(t time.Time) []byte {
	t = t.UTC()
	if t.Year() >= 2050 {
		return Wrap(0x18, []byte(t.Format("20060102150405Z")))
	}
	return Wrap(0x17, []byte(t.Format("060102150405Z")))
}
