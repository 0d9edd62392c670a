package mrtd

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Bounds and identifiers of a signer info.
const (
	maxSerial       = 32 // RFC 5280 §4.1.2.2 says 20; issued certificates exceed it
	maxName         = 1 << 10
	maxSubjectKeyID = 64
	maxAttributes   = 16
	maxValues       = 8
	maxSignature    = 1 << 10

	oidContentType   = "1.2.840.113549.1.9.3"
	oidMessageDigest = "1.2.840.113549.1.9.4"
	oidSigningTime   = "1.2.840.113549.1.9.5"
)

// SignerInfo is one signature of a CMS SignedData. It names its certificate
// either by Issuer and Serial or by SubjectKeyID.
type SignerInfo struct {
	Issuer       []byte      // Name in DER, or nil
	Serial       []byte      // content octets of the INTEGER, sign octet included, or nil
	SubjectKeyID []byte      // or nil
	Digest       crypto.Hash // zero when not known here
	DigestOID    string      // the same, dotted
	// SignedAttrs is what the signature covers: the attributes in the order
	// received, tagged SET (31) instead of [0] (RFC 5652 §5.4). When it is nil
	// the signature would cover the content itself; ICAO 9303-10 §4.6.2.2 does
	// not allow that, and the three fields below are empty.
	SignedAttrs        []byte
	MessageDigest      []byte     // digest of the content, as signed
	ContentType        string     // dotted OID, as signed: that of the content
	SigningTime        *time.Time // UTC, nil when not said
	SignatureAlgorithm []byte     // AlgorithmIdentifier in DER
	Signature          []byte
}

// readSignerInfo reads SignerInfo ::= SEQUENCE { version INTEGER, sid CHOICE,
// digestAlgorithm, signedAttrs [0] IMPLICIT OPTIONAL, signatureAlgorithm,
// signature OCTET STRING, unsignedAttrs [1] IMPLICIT OPTIONAL } (RFC 5652 §5.3).
func readSignerInfo(in *cryptobyte.String) (SignerInfo, error) {
	var body cryptobyte.String
	if !in.ReadASN1(&body, asn1.SEQUENCE) {
		return SignerInfo{}, errors.New("no signer")
	}
	var s SignerInfo
	if err := s.readIdentifier(&body); err != nil {
		return SignerInfo{}, err
	}
	oid, ok := readDigestAlgorithm(&body)
	if !ok {
		return SignerInfo{}, errors.New("malformed digest algorithm of the signer")
	}
	s.DigestOID = oid
	s.Digest, _ = HashOf(oid)
	if body.PeekASN1Tag(tagContext0) {
		if err := s.readSignedAttrs(&body); err != nil {
			return SignerInfo{}, err
		}
	}
	var algorithm, signature cryptobyte.String
	if !body.ReadASN1Element(&algorithm, asn1.SEQUENCE) || !algorithmIdentifier(algorithm) ||
		!body.ReadASN1(&signature, asn1.OCTET_STRING) || len(signature) == 0 || len(signature) > maxSignature {
		return SignerInfo{}, errors.New("malformed signature")
	}
	if body.PeekASN1Tag(tagContext1) {
		return SignerInfo{}, errors.New("unsigned attributes")
	}
	if !body.Empty() {
		return SignerInfo{}, errors.New("trailing data in signer info")
	}
	s.SignatureAlgorithm, s.Signature = algorithm, signature
	return s, nil
}

// readIdentifier reads the version and sid ::= CHOICE { issuerAndSerialNumber
// SEQUENCE { Name, INTEGER }, subjectKeyIdentifier [0] IMPLICIT OCTET STRING }.
// The version goes with the choice, 1 or 3.
func (s *SignerInfo) readIdentifier(in *cryptobyte.String) error {
	var version int
	if !in.ReadASN1Integer(&version) {
		return errors.New("malformed signer info")
	}
	var id, issuer cryptobyte.String
	if in.PeekASN1Tag(tagPrimitive) {
		if !in.ReadASN1(&id, tagPrimitive) || len(id) == 0 || len(id) > maxSubjectKeyID || version != 3 {
			return errors.New("malformed subject key identifier of the signer")
		}
		s.SubjectKeyID = id
		return nil
	}
	if !in.ReadASN1(&id, asn1.SEQUENCE) || !id.ReadASN1Element(&issuer, asn1.SEQUENCE) || len(issuer) > maxName || version != 1 {
		return errors.New("malformed issuer of the signer")
	}
	serial, ok := readIntegerOctets(&id, maxSerial)
	if !ok || !id.Empty() {
		return errors.New("malformed serial number of the signer")
	}
	s.Issuer, s.Serial = issuer, serial
	return nil
}

// readSignedAttrs reads SET OF Attribute ::= SEQUENCE { type OBJECT IDENTIFIER,
// values SET }. Each type comes once (RFC 5652 §11 for the three that are read),
// and the content type and the message digest must be there (§5.3).
func (s *SignerInfo) readSignedAttrs(in *cryptobyte.String) error {
	var element, set cryptobyte.String
	if !in.ReadASN1Element(&element, tagContext0) {
		return errors.New("malformed signed attributes")
	}
	s.SignedAttrs = bytes.Clone(element)
	s.SignedAttrs[0] = byte(asn1.SET)
	if !element.ReadASN1(&set, tagContext0) {
		return errors.New("malformed signed attributes")
	}
	seen := make(map[string]bool)
	for !set.Empty() {
		var attribute, values cryptobyte.String
		if !set.ReadASN1(&attribute, asn1.SEQUENCE) {
			return errors.New("malformed signed attribute")
		}
		oid, _, ok := readOID(&attribute)
		if !ok || !attribute.ReadASN1(&values, asn1.SET) || !attribute.Empty() || values.Empty() || !wellFormed(values, maxValues) {
			return errors.New("malformed signed attribute")
		}
		if seen[oid] || len(seen) == maxAttributes {
			return fmt.Errorf("signed attribute %s again or one too many", oid)
		}
		seen[oid] = true
		if !s.setAttribute(oid, values) {
			return fmt.Errorf("malformed signed attribute %s", oid)
		}
	}
	if s.ContentType != oidLDSSecurityObject || s.MessageDigest == nil {
		return errors.New("signed attributes do not name the content")
	}
	return nil
}

// setAttribute reads the value of an attribute; the three that are known have
// exactly one (RFC 5652 §11.1 to §11.3). Others are signed and let go.
func (s *SignerInfo) setAttribute(oid string, values cryptobyte.String) bool {
	switch oid {
	case oidContentType:
		contentType, _, ok := readOID(&values)
		s.ContentType = contentType
		return ok && values.Empty()
	case oidMessageDigest:
		var digest cryptobyte.String
		if !values.ReadASN1(&digest, asn1.OCTET_STRING) || !values.Empty() || len(digest) == 0 || len(digest) > 64 {
			return false
		}
		s.MessageDigest = digest
		return s.Digest == 0 || len(digest) == s.Digest.Size()
	case oidSigningTime:
		at, ok := readTime(&values)
		s.SigningTime = &at
		return ok && values.Empty()
	}
	return true
}

// readTime reads Time ::= CHOICE { UTCTime, GeneralizedTime }, to the second and
// in UTC (RFC 5652 §11.3).
func readTime(in *cryptobyte.String) (time.Time, bool) {
	const utc, generalized = len("060102150405Z"), len("20060102150405Z")
	var at time.Time
	peek := *in
	var text cryptobyte.String
	if in.PeekASN1Tag(asn1.UTCTime) {
		ok := peek.ReadASN1(&text, asn1.UTCTime) && len(text) == utc && in.ReadASN1UTCTime(&at)
		return at.UTC(), ok
	}
	ok := peek.ReadASN1(&text, asn1.GeneralizedTime) && len(text) == generalized && in.ReadASN1GeneralizedTime(&at)
	return at.UTC(), ok
}

// algorithmIdentifier reports whether a DER sequence is AlgorithmIdentifier ::=
// SEQUENCE { OBJECT IDENTIFIER, parameters ANY OPTIONAL }.
func algorithmIdentifier(element cryptobyte.String) bool {
	var body cryptobyte.String
	if !element.ReadASN1(&body, asn1.SEQUENCE) {
		return false
	}
	_, _, ok := readOID(&body)
	return ok && wellFormed(body, 1)
}
