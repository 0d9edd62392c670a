package mrtd

import (
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Bounds and identifiers of EF.SOD. Issued ones are of two to six KiB with one
// certificate.
const (
	maxSOD          = 32 << 10
	maxCertificates = 4
	maxCertificate  = 8 << 10
	maxRevocations  = 4
	maxDigests      = 8
	maxDataGroup    = 16
	tagSOD          = 0x77

	oidSignedData        = "1.2.840.113549.1.7.2"
	oidLDSSecurityObject = "2.23.136.1.1.1"
)

// Context tags of CMS: [0] and [1] constructed, [0] primitive.
const (
	tagContext0  asn1.Tag = 0xA0
	tagContext1  asn1.Tag = 0xA1
	tagPrimitive asn1.Tag = 0x80
)

// SOD is a document security object: the digests of the data groups, and what
// is needed to verify that a State signed them. Nothing of it is verified.
type SOD struct {
	LDSVersion int            // of the LDSSecurityObject: 0 or 1
	LDSRelease string         // version of the LDS, such as 0108; empty in version 0
	Digest     crypto.Hash    // of the data groups; zero when not known here (MD5), then trust nothing
	DigestOID  string         // the same, dotted
	DataGroups map[int][]byte // digests by data group number, 1 to 16
	Content    []byte         // the LDSSecurityObject in DER: what MessageDigest covers
	Signer     SignerInfo
	// Certificates are at most four in DER, in the file's order; one of them
	// should be the signer's.
	Certificates [][]byte
}

// ParseSOD reads EF.SOD: under tag 77, a CMS SignedData with an LDSSecurityObject
// and exactly one signature (ICAO 9303-10 §4.6.2, RFC 5652 §5). The encoding must
// be DER: indefinite lengths, which BER allows in CMS, are refused. Revocation
// lists are tolerated and let go; unsigned attributes and certificates of other
// kinds than X.509 are refused.
func ParseSOD(b []byte) (SOD, error) {
	value, err := unwrap(b, tagSOD, maxSOD)
	if err != nil {
		return SOD{}, err
	}
	in := cryptobyte.String(value)
	var info, wrapped, signed cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !in.Empty() {
		return SOD{}, errors.New("mrtd: security object is not one content info in der")
	}
	oid, _, ok := readOID(&info)
	if !ok || oid != oidSignedData {
		return SOD{}, errors.New("mrtd: security object is not signed data")
	}
	if !info.ReadASN1(&wrapped, tagContext0) || !info.Empty() ||
		!wrapped.ReadASN1(&signed, asn1.SEQUENCE) || !wrapped.Empty() {
		return SOD{}, errors.New("mrtd: malformed content info")
	}
	sod, err := readSignedData(&signed)
	if err != nil {
		return SOD{}, fmt.Errorf("mrtd: %w", err)
	}
	return sod, nil
}

// readSignedData reads SignedData ::= SEQUENCE { version INTEGER,
// digestAlgorithms SET, encapContentInfo SEQUENCE { OBJECT IDENTIFIER, [0]
// EXPLICIT OCTET STRING }, certificates [0] IMPLICIT OPTIONAL, crls [1] IMPLICIT
// OPTIONAL, signerInfos SET } (RFC 5652 §5.1).
func readSignedData(in *cryptobyte.String) (SOD, error) {
	var version int
	var digests cryptobyte.String
	if !in.ReadASN1Integer(&version) || version != 1 && (version < 3 || version > 5) {
		return SOD{}, errors.New("version of signed data")
	}
	if !in.ReadASN1(&digests, asn1.SET) || !digestAlgorithms(digests) {
		return SOD{}, errors.New("malformed digest algorithms")
	}
	var sod SOD
	if err := sod.readContent(in); err != nil {
		return SOD{}, err
	}
	if err := sod.readCertificates(in); err != nil {
		return SOD{}, err
	}
	if !skipRevocations(in) {
		return SOD{}, errors.New("malformed revocation lists")
	}
	var signers cryptobyte.String
	if !in.ReadASN1(&signers, asn1.SET) || !in.Empty() {
		return SOD{}, errors.New("malformed signer infos")
	}
	signer, err := readSignerInfo(&signers)
	if err != nil {
		return SOD{}, err
	}
	if !signers.Empty() {
		return SOD{}, errors.New("more than one signer")
	}
	sod.Signer = signer
	return sod, nil
}

func digestAlgorithms(set cryptobyte.String) bool {
	for range maxDigests {
		if set.Empty() {
			return true
		}
		if _, ok := readDigestAlgorithm(&set); !ok {
			return false
		}
	}
	return set.Empty()
}

// skipRevocations lets crls [1] IMPLICIT RevocationInfoChoices OPTIONAL go: the
// verifier has its own lists.
func skipRevocations(in *cryptobyte.String) bool {
	var lists cryptobyte.String
	return !in.PeekASN1Tag(tagContext1) || in.ReadASN1(&lists, tagContext1) && wellFormed(lists, maxRevocations)
}

func (s *SOD) readContent(in *cryptobyte.String) error {
	var info, wrapped, content cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) {
		return errors.New("malformed encapsulated content")
	}
	oid, _, ok := readOID(&info)
	if !ok || oid != oidLDSSecurityObject {
		return errors.New("content is not an lds security object")
	}
	if !info.ReadASN1(&wrapped, tagContext0) || !info.Empty() ||
		!wrapped.ReadASN1(&content, asn1.OCTET_STRING) || !wrapped.Empty() {
		return errors.New("malformed encapsulated content")
	}
	s.Content = content
	return s.readSecurityObject(content)
}

// readCertificates reads CertificateSet, of which only X.509 certificates, plain
// sequences, are taken (RFC 5652 §10.2.2).
func (s *SOD) readCertificates(in *cryptobyte.String) error {
	if !in.PeekASN1Tag(tagContext0) {
		return nil
	}
	var set cryptobyte.String
	if !in.ReadASN1(&set, tagContext0) {
		return errors.New("malformed certificates")
	}
	for !set.Empty() {
		var certificate cryptobyte.String
		if !set.ReadASN1Element(&certificate, asn1.SEQUENCE) {
			return errors.New("malformed certificate")
		}
		if len(certificate) > maxCertificate || len(s.Certificates) == maxCertificates {
			return errors.New("certificates out of bounds")
		}
		s.Certificates = append(s.Certificates, certificate)
	}
	return nil
}

// readSecurityObject reads LDSSecurityObject ::= SEQUENCE { version INTEGER,
// hashAlgorithm AlgorithmIdentifier, dataGroupHashValues SEQUENCE OF,
// ldsVersionInfo SEQUENCE OPTIONAL }; the last is there in version 1 and not in
// version 0 (ICAO 9303-10 §4.6.2.3).
func (s *SOD) readSecurityObject(in cryptobyte.String) error {
	var object, groups cryptobyte.String
	if !in.ReadASN1(&object, asn1.SEQUENCE) || !in.Empty() {
		return errors.New("lds security object is not one sequence in der")
	}
	if !object.ReadASN1Integer(&s.LDSVersion) || s.LDSVersion < 0 || s.LDSVersion > 1 {
		return errors.New("version of lds security object")
	}
	oid, ok := readDigestAlgorithm(&object)
	if !ok {
		return errors.New("malformed digest algorithm of data groups")
	}
	s.DigestOID = oid
	s.Digest, _ = HashOf(oid)
	if !object.ReadASN1(&groups, asn1.SEQUENCE) {
		return errors.New("malformed digests of data groups")
	}
	if err := s.readDataGroups(groups); err != nil {
		return err
	}
	if s.LDSVersion == 1 {
		if s.LDSRelease, ok = readLDSRelease(&object); !ok {
			return errors.New("malformed lds version")
		}
	}
	if !object.Empty() {
		return errors.New("trailing data in lds security object")
	}
	return nil
}

// readDataGroups reads SEQUENCE OF DataGroupHash ::= SEQUENCE {
// dataGroupNumber INTEGER, dataGroupHashValue OCTET STRING }, in any order, each
// number once. A digest that is not known here has at most 64 bytes.
func (s *SOD) readDataGroups(in cryptobyte.String) error {
	s.DataGroups = make(map[int][]byte)
	for !in.Empty() {
		var group, digest cryptobyte.String
		var number int
		if !in.ReadASN1(&group, asn1.SEQUENCE) || !group.ReadASN1Integer(&number) ||
			!group.ReadASN1(&digest, asn1.OCTET_STRING) || !group.Empty() {
			return errors.New("malformed digest of a data group")
		}
		if number < 1 || number > maxDataGroup {
			return fmt.Errorf("data group %d does not exist", number)
		}
		if _, again := s.DataGroups[number]; again {
			return fmt.Errorf("data group %d listed again", number)
		}
		if known := s.Digest != 0; known && len(digest) != s.Digest.Size() || len(digest) == 0 || len(digest) > 64 {
			return fmt.Errorf("digest of data group %d has %d bytes", number, len(digest))
		}
		s.DataGroups[number] = digest
	}
	if len(s.DataGroups) == 0 {
		return errors.New("no data group listed")
	}
	return nil
}

// readLDSRelease reads LDSVersionInfo ::= SEQUENCE { ldsVersion, unicodeVersion
// PrintableString }: four and six digits.
func readLDSRelease(in *cryptobyte.String) (string, bool) {
	var info, release, unicode cryptobyte.String
	if !in.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1(&release, asn1.PrintableString) ||
		!info.ReadASN1(&unicode, asn1.PrintableString) || !info.Empty() {
		return "", false
	}
	return string(release), digits(release, 4) && digits(unicode, 6)
}

func digits(b []byte, count int) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) == count
}
