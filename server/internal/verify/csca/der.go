package csca

import (
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Object identifiers are compared by their content octets: arcs of any size then
// pass through an extension list without being decoded.
type oid string

// readOID reads an OBJECT IDENTIFIER, X.690 §8.19: each arc in the fewest octets,
// the last one ended.
func readOID(s *cryptobyte.String, out *oid) bool {
	var b cryptobyte.String
	if !s.ReadASN1(&b, asn1.OBJECT_IDENTIFIER) || len(b) == 0 || b[len(b)-1]&0x80 != 0 {
		return false
	}
	first := true
	for _, octet := range b {
		if first && octet == 0x80 {
			return false
		}
		first = octet&0x80 == 0
	}
	*out = oid(b)
	return true
}

// readUnsigned reads a non-negative INTEGER as big-endian octets without leading
// zero; at most limit octets.
func readUnsigned(s *cryptobyte.String, out *[]byte, limit int) bool {
	var b []byte
	if !readInteger(s, &b) || b[0]&0x80 != 0 {
		return false
	}
	if b[0] == 0 {
		b = b[1:]
	}
	*out = b
	return len(b) <= limit
}

// readInteger reads the content octets of an INTEGER in the fewest octets,
// X.690 §8.3.2. There is at least one.
func readInteger(s *cryptobyte.String, out *[]byte) bool {
	var b cryptobyte.String
	if !s.ReadASN1(&b, asn1.INTEGER) || len(b) == 0 {
		return false
	}
	if len(b) > 1 && (b[0] == 0 && b[1]&0x80 == 0 || b[0] == 0xff && b[1]&0x80 != 0) {
		return false
	}
	*out = b
	return true
}

// readSerial reads a certificate's serial number as the content octets of its
// INTEGER: positive and at most 20 octets (RFC 5280 §4.1.2.2), and one more for
// the sign because issuers count it out.
func readSerial(s *cryptobyte.String, out *[]byte) bool {
	return readInteger(s, out) && len(*out) <= 21 && (*out)[0]&0x80 == 0
}

// readTime reads a Time, RFC 5280 §4.1.2.5: with seconds, in Zulu, no fraction.
// A GeneralizedTime before 2050 is against the profile but unambiguous, and
// issuers write it: accepted.
func readTime(s *cryptobyte.String, out *time.Time) bool {
	peek := *s
	var value cryptobyte.String
	var tag asn1.Tag
	if !peek.ReadAnyASN1(&value, &tag) || len(value) == 0 || value[len(value)-1] != 'Z' {
		return false
	}
	switch {
	case tag == asn1.UTCTime && len(value) == len("060102150405Z"):
		return s.ReadASN1UTCTime(out)
	case tag == asn1.GeneralizedTime && len(value) == len("20060102150405Z"):
		return s.ReadASN1GeneralizedTime(out)
	}
	return false
}

// readNull consumes a NULL when there is one; what remains must be empty. Both
// forms of "no parameters" are in use (RFC 4055 §2.1).
func readNull(s *cryptobyte.String) bool {
	if s.Empty() {
		return true
	}
	var null cryptobyte.String
	return s.ReadASN1(&null, asn1.NULL) && null.Empty() && s.Empty()
}

// readFlag reads a BOOLEAN DEFAULT FALSE.
func readFlag(s *cryptobyte.String, out *bool) bool {
	*out = false
	return !s.PeekASN1Tag(asn1.BOOLEAN) || s.ReadASN1Boolean(out)
}

// readOctets reads an OCTET STRING.
func readOctets(s *cryptobyte.String, out *[]byte) bool {
	return s.ReadASN1Bytes(out, asn1.OCTET_STRING)
}

// readBits reads a BIT STRING of whole octets.
func readBits(s *cryptobyte.String, out *[]byte) bool {
	return s.ReadASN1BitStringAsBytes(out)
}

// A signed value is the common frame of certificates and lists: what is signed,
// how, and the signature (RFC 5280 §4.1.1 and §5.1.1).
type signed struct {
	tbs       cryptobyte.String // whole element, as signed
	body      cryptobyte.String // its content
	algorithm []byte            // AlgorithmIdentifier, whole element
	signature []byte
}

// readSigned takes der apart; nothing may follow.
func readSigned(der cryptobyte.String, out *signed) bool {
	var outer, alg cryptobyte.String
	if !der.ReadASN1(&outer, asn1.SEQUENCE) || !der.Empty() ||
		!outer.ReadASN1Element(&out.tbs, asn1.SEQUENCE) ||
		!outer.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!readBits(&outer, &out.signature) || !outer.Empty() {
		return false
	}
	out.algorithm = alg
	rest := out.tbs
	return rest.ReadASN1(&out.body, asn1.SEQUENCE)
}
