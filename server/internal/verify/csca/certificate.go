package csca

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxCertificate bounds a certificate; country signing authorities use 1 to 3 KiB.
const maxCertificate = 16 << 10

// Certificate is an X.509 certificate as ICAO 9303-12 §7 profiles it. It is
// immutable.
type Certificate struct {
	raw       []byte
	id        [sha256.Size]byte
	tbs       []byte
	serial    []byte // content octets of the INTEGER
	issuer    name
	subject   name
	notBefore time.Time
	notAfter  time.Time
	key       PublicKey
	algorithm []byte // AlgorithmIdentifier
	signature []byte
	ext       extensions
}

// ParseCertificate reads one certificate of at most 16 KiB in DER. It checks
// form, not trust: key and algorithm may be ones that [PublicKey.Verify] and
// [Anchors.Path] refuse. Errors are [Malformed].
func ParseCertificate(der []byte) (*Certificate, error) {
	if len(der) > maxCertificate {
		return nil, refuse(Malformed, fmt.Errorf("certificate of %d octets", len(der)))
	}
	c := &Certificate{raw: bytes.Clone(der), id: sha256.Sum256(der)}
	var s signed
	if !readSigned(c.raw, &s) {
		return nil, malformed("certificate: frame")
	}
	c.tbs, c.algorithm, c.signature = s.tbs, s.algorithm, s.signature
	if err := c.readBody(s.body); err != nil {
		return nil, err
	}
	return c, nil
}

// readBody reads a TBSCertificate, RFC 5280 §4.1:
//
//	version [0] v3, serialNumber INTEGER, signature AlgorithmIdentifier,
//	issuer Name, validity SEQUENCE { Time, Time }, subject Name,
//	subjectPublicKeyInfo, issuerUniqueID [1] OPTIONAL, subjectUniqueID [2] OPTIONAL,
//	extensions [3] SEQUENCE OF Extension
func (c *Certificate) readBody(s cryptobyte.String) error {
	var alg cryptobyte.String
	switch {
	case !readVersion3(&s):
		return malformed("certificate: version")
	case !readSerial(&s, &c.serial):
		return malformed("certificate: serial number")
	// RFC 5280 §4.1.1.2: the algorithm that is signed is the one that is named.
	case !s.ReadASN1Element(&alg, asn1.SEQUENCE) || !bytes.Equal(alg, c.algorithm):
		return malformed("certificate: signature algorithm")
	case !readName(&s, &c.issuer):
		return malformed("certificate: issuer")
	case !c.readValidity(&s):
		return malformed("certificate: validity")
	case !readName(&s, &c.subject):
		return malformed("certificate: subject")
	case !readKey(&s, &c.key):
		return malformed("certificate: public key")
	case !s.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) || !s.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()):
		return malformed("certificate: unique identifiers")
	}
	return c.ext.read(&s)
}

// readVersion3 reads version [0] INTEGER, which counts from 0.
func readVersion3(s *cryptobyte.String) bool {
	var version cryptobyte.String
	var number int
	return s.ReadASN1(&version, explicitTag(0)) && version.ReadASN1Integer(&number) && version.Empty() && number == 2
}

func (c *Certificate) readValidity(s *cryptobyte.String) bool {
	var validity cryptobyte.String
	return s.ReadASN1(&validity, asn1.SEQUENCE) && readTime(&validity, &c.notBefore) &&
		readTime(&validity, &c.notAfter) && validity.Empty() && !c.notAfter.Before(c.notBefore)
}

// Raw returns the DER encoding.
func (c *Certificate) Raw() []byte { return bytes.Clone(c.raw) }

// ID returns the SHA-256 of the DER encoding, as lists of authorities print it.
func (c *Certificate) ID() [sha256.Size]byte { return c.id }

// Subject returns the subject for people, such as "C=FR, O=Gouv, CN=eID-FRANCE".
func (c *Certificate) Subject() string { return c.subject.text }

// Issuer returns the issuer for people.
func (c *Certificate) Issuer() string { return c.issuer.text }

// RawSubject returns the subject's Name in DER.
func (c *Certificate) RawSubject() []byte { return bytes.Clone(c.subject.raw) }

// RawIssuer returns the issuer's Name in DER, as a CMS signer identifier gives it.
func (c *Certificate) RawIssuer() []byte { return bytes.Clone(c.issuer.raw) }

// Country returns the subject's country in upper case, "" without exactly one.
func (c *Certificate) Country() string { return c.subject.country }

// Serial returns the content octets of the serial number's INTEGER: big-endian,
// with a leading zero where the first bit is set.
func (c *Certificate) Serial() []byte { return bytes.Clone(c.serial) }

// NotBefore returns the first second of validity.
func (c *Certificate) NotBefore() time.Time { return c.notBefore }

// NotAfter returns the last second of validity.
func (c *Certificate) NotAfter() time.Time { return c.notAfter }

// PrivateKeyUse returns the period in which the private key signs (RFC 3280
// §4.2.1.4), zero where it is not said or not readable. It binds the issuer: no
// verdict rests on it.
func (c *Certificate) PrivateKeyUse() (from, until time.Time) {
	return c.ext.privateFrom, c.ext.privateUntil
}

// PublicKey returns the subject's key.
func (c *Certificate) PublicKey() PublicKey { return c.key }

// IsCA reports whether the basic constraints say so.
func (c *Certificate) IsCA() bool { return c.ext.ca }

// PathLen returns how many intermediates may follow below this authority, -1 when
// it does not say.
func (c *Certificate) PathLen() int { return c.ext.pathLen }

// SubjectKeyID returns the subject key identifier, nil without.
func (c *Certificate) SubjectKeyID() []byte { return bytes.Clone(c.ext.subjectKeyID) }

// AuthorityKeyID returns the identifier of the issuer's key, nil without.
func (c *Certificate) AuthorityKeyID() []byte { return bytes.Clone(c.ext.authorityKeyID) }

// SignatureAlgorithm returns how the issuer signed; errors as for
// [ParseSignatureAlgorithm].
func (c *Certificate) SignatureAlgorithm() (SignatureAlgorithm, error) {
	return ParseSignatureAlgorithm(c.algorithm, 0)
}

// CheckSelfSigned verifies the certificate under its own key: nil for a root, an
// [*Error] for a link certificate, which bears the same name twice but an older
// key's signature. It says nothing about trust.
func (c *Certificate) CheckSelfSigned() error {
	if !c.selfIssued() {
		return refuse(NotSelfSigned, fmt.Errorf("%s", c))
	}
	return c.signedBy(c.key)
}

// String names the certificate for reports: subject, serial and the first octets
// of its digest.
func (c *Certificate) String() string {
	return fmt.Sprintf("%s (serial %x, sha256 %x)", c.subject.text, c.serial, c.id[:4])
}

// selfIssued is RFC 5280 §3.2: one entity on both sides.
func (c *Certificate) selfIssued() bool { return c.issuer.key == c.subject.key }

// signedBy verifies the signature under key.
func (c *Certificate) signedBy(key PublicKey) error {
	alg, err := c.SignatureAlgorithm()
	if err != nil {
		return err
	}
	return key.Verify(alg, c.tbs, c.signature)
}

// validAt reports whether t is within the validity, ends included.
func (c *Certificate) validAt(t time.Time) bool {
	return !t.Before(c.notBefore) && !t.After(c.notAfter)
}

// checkAuthority reports why c cannot issue certificates, RFC 5280 §6.1.4 (k) to
// (n). Both the flag and the key usage must say so (ICAO 9303-12 §7).
func (c *Certificate) checkAuthority() error {
	if c.ext.unknownCritical != "" {
		return refuse(UnknownCritical, fmt.Errorf("%s: extension %x", c, string(c.ext.unknownCritical)))
	}
	if !c.ext.ca || c.ext.keyUsage&usageCertSign == 0 || c.ext.hasExtendedUsage {
		return refuse(NotAnAuthority, fmt.Errorf("%s", c))
	}
	return c.key.err
}
