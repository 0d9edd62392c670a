package mrtd

import (
	"crypto"
	encodingasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// readOID reads an OBJECT IDENTIFIER and returns it dotted, with its content
// octets.
func readOID(in *cryptobyte.String) (string, []byte, bool) {
	peek := *in
	var content cryptobyte.String
	if !peek.ReadASN1(&content, asn1.OBJECT_IDENTIFIER) {
		return "", nil, false
	}
	var oid encodingasn1.ObjectIdentifier
	if !in.ReadASN1ObjectIdentifier(&oid) {
		return "", nil, false
	}
	return oid.String(), content, true
}

// readIntegerOctets reads an INTEGER of any sign and returns its content
// octets: the form in which serial numbers are compared (RFC 5280 §4.1.2.2).
func readIntegerOctets(in *cryptobyte.String, limit int) ([]byte, bool) {
	var octets cryptobyte.String
	if !in.ReadASN1(&octets, asn1.INTEGER) || len(octets) == 0 || len(octets) > limit {
		return nil, false
	}
	if len(octets) > 1 && (octets[0] == 0x00 && octets[1] < 0x80 || octets[0] == 0xFF && octets[1] >= 0x80) {
		return nil, false // not minimal (X.690 §8.3.2)
	}
	return octets, true
}

// readOptionalSmall reads an INTEGER of 0 to 2^31-1 when the next element is
// one; it returns nil when the input goes on otherwise.
func readOptionalSmall(in *cryptobyte.String) (*int, bool) {
	if !in.PeekASN1Tag(asn1.INTEGER) {
		return nil, true
	}
	var n int32
	if !in.ReadASN1Integer(&n) || n < 0 {
		return nil, false
	}
	return new(int(n)), true
}

// wellFormed reports whether in is a chain of at most limit DER elements.
func wellFormed(in cryptobyte.String, limit int) bool {
	for range limit {
		if in.Empty() {
			return true
		}
		var element cryptobyte.String
		var tag asn1.Tag
		if !in.ReadAnyASN1Element(&element, &tag) {
			return false
		}
	}
	return in.Empty()
}

// readDigestAlgorithm reads the AlgorithmIdentifier of a hash function, whose
// parameters are absent or NULL (RFC 5754 §2).
func readDigestAlgorithm(in *cryptobyte.String) (string, bool) {
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) {
		return "", false
	}
	oid, _, ok := readOID(&body)
	if !ok {
		return "", false
	}
	if body.Empty() {
		return oid, true
	}
	var null cryptobyte.String
	return oid, body.ReadASN1(&null, asn1.NULL) && null.Empty() && body.Empty()
}

// HashOf names the hash function of a dotted OID: SHA-1, SHA-224, SHA-256,
// SHA-384 or SHA-512 (RFC 8017 Appendix B.1, ICAO 9303-12 §4.4). It reports
// false for any other, MD5 included. SHA-1 is recognised, not approved.
func HashOf(oid string) (crypto.Hash, bool) {
	switch oid {
	case "1.3.14.3.2.26":
		return crypto.SHA1, true
	case "2.16.840.1.101.3.4.2.4":
		return crypto.SHA224, true
	case "2.16.840.1.101.3.4.2.1":
		return crypto.SHA256, true
	case "2.16.840.1.101.3.4.2.2":
		return crypto.SHA384, true
	case "2.16.840.1.101.3.4.2.3":
		return crypto.SHA512, true
	}
	return 0, false
}
