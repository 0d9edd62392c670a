package csca

import (
	"fmt"
	"time"

	encodingasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Extensions of certificates and lists: RFC 5280 §4.2 and §5.2, ICAO 9303-12
// §7.
const (
	oidSubjectKeyID     oid = "\x55\x1d\x0e"
	oidKeyUsage         oid = "\x55\x1d\x0f"
	oidPrivateKeyUsage  oid = "\x55\x1d\x10"
	oidSubjectAltName   oid = "\x55\x1d\x11"
	oidIssuerAltName    oid = "\x55\x1d\x12"
	oidBasicConstraints oid = "\x55\x1d\x13"
	oidCRLNumber        oid = "\x55\x1d\x14"
	oidDeltaCRL         oid = "\x55\x1d\x1b"
	oidIssuingPoint     oid = "\x55\x1d\x1c"
	oidCRLPoints        oid = "\x55\x1d\x1f"
	oidPolicies         oid = "\x55\x1d\x20"
	oidAuthorityKeyID   oid = "\x55\x1d\x23"
	oidExtendedUsage    oid = "\x55\x1d\x25"
	oidNameChange       oid = "\x67\x81\x08\x01\x01\x06\x01" // 2.23.136.1.1.6.1
	oidDocumentTypes    oid = "\x67\x81\x08\x01\x01\x06\x02" // 2.23.136.1.1.6.2
)

// Bounds of an extension list; certificates in the field have under a dozen.
const (
	maxExtensions = 32
	maxKeyID      = 64
)

// Bits of keyUsage, RFC 5280 §4.2.1.3, counted from the first.
const (
	usageDigitalSignature = 1 << 0
	usageCertSign         = 1 << 5
	usageCRLSign          = 1 << 6
	usageBits             = 9
)

// extensions is what we act upon.
type extensions struct {
	ca               bool
	pathLen          int // -1: not said
	keyUsage         uint16
	hasExtendedUsage bool
	nameChange       bool // a link certificate to a new name
	subjectKeyID     []byte
	authorityKeyID   []byte
	privateFrom      time.Time
	privateUntil     time.Time
	unknownCritical  oid // the first one; "" if none
}

// An extension as it stands in a list.
type extension struct {
	id       oid
	critical bool
	value    cryptobyte.String
}

// readExtensions reads a non-empty SEQUENCE OF Extension, each at most once (RFC
// 5280 §4.2). A critical flag that says FALSE is not DER, but harmless and in use.
//
//	Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }
func readExtensions(s cryptobyte.String, each func(extension) error) error {
	var list cryptobyte.String
	if !s.ReadASN1(&list, asn1.SEQUENCE) || !s.Empty() || list.Empty() {
		return malformed("extensions")
	}
	seen := make(map[oid]bool)
	for !list.Empty() {
		var e extension
		if !readExtension(&list, &e) || seen[e.id] || len(seen) >= maxExtensions {
			return malformed("extensions")
		}
		seen[e.id] = true
		if err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func readExtension(s *cryptobyte.String, out *extension) bool {
	var seq cryptobyte.String
	return s.ReadASN1(&seq, asn1.SEQUENCE) && readOID(&seq, &out.id) &&
		readFlag(&seq, &out.critical) &&
		seq.ReadASN1(&out.value, asn1.OCTET_STRING) && seq.Empty()
}

// read reads the extensions [3] of a certificate, and its end.
func (x *extensions) read(s *cryptobyte.String) error {
	x.pathLen = -1
	var list cryptobyte.String
	var present bool
	if !s.ReadOptionalASN1(&list, &present, explicitTag(3)) || !s.Empty() {
		return malformed("certificate: end")
	}
	if !present {
		return nil
	}
	return readExtensions(list, func(e extension) error {
		if !x.take(e) {
			return refuse(Malformed, fmt.Errorf("extension %x", string(e.id)))
		}
		return nil
	})
}

// take reads one extension. It reports false where the value is not DER.
func (x *extensions) take(e extension) bool {
	v := e.value
	switch e.id {
	case oidBasicConstraints:
		return x.takeBasicConstraints(v)
	case oidKeyUsage:
		return x.takeKeyUsage(v)
	case oidSubjectKeyID:
		return readOctets(&v, &x.subjectKeyID) && v.Empty() && isKeyID(x.subjectKeyID)
	case oidAuthorityKeyID:
		return x.takeAuthorityKeyID(v)
	case oidPrivateKeyUsage:
		x.takePrivateKeyUsage(v)
	case oidNameChange:
		x.nameChange = true
	case oidExtendedUsage:
		x.hasExtendedUsage = true
		x.noteCritical(e)
	case oidSubjectAltName, oidIssuerAltName, oidCRLPoints, oidPolicies, oidDocumentTypes:
		// In the ICAO profile; they carry nothing that a verdict needs, so they are
		// not read. Issued certificates have documentTypeList badly encoded.
	default:
		x.noteCritical(e)
	}
	return true
}

func (x *extensions) noteCritical(e extension) {
	if e.critical && x.unknownCritical == "" {
		x.unknownCritical = e.id
	}
}

// takeBasicConstraints: SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLen INTEGER OPTIONAL }.
func (x *extensions) takeBasicConstraints(v cryptobyte.String) bool {
	var seq cryptobyte.String
	if !v.ReadASN1(&seq, asn1.SEQUENCE) || !v.Empty() ||
		!readFlag(&seq, &x.ca) {
		return false
	}
	if seq.Empty() {
		return true
	}
	return seq.ReadASN1Integer(&x.pathLen) && seq.Empty() && x.pathLen >= 0
}

func (x *extensions) takeKeyUsage(v cryptobyte.String) bool {
	var bits encodingasn1.BitString
	if !v.ReadASN1BitString(&bits) || !v.Empty() || bits.BitLength > usageBits {
		return false
	}
	for i := range bits.BitLength {
		x.keyUsage |= uint16(bits.At(i)) << i
	}
	return true
}

// takeAuthorityKeyID: SEQUENCE { keyIdentifier [0] OPTIONAL, authorityCertIssuer
// [1] OPTIONAL, authorityCertSerialNumber [2] OPTIONAL }. The last two are not
// read: the identifier only sorts candidates.
func (x *extensions) takeAuthorityKeyID(v cryptobyte.String) bool {
	var seq, id cryptobyte.String
	var present bool
	if !v.ReadASN1(&seq, asn1.SEQUENCE) || !v.Empty() ||
		!seq.ReadOptionalASN1(&id, &present, asn1.Tag(0).ContextSpecific()) ||
		!seq.SkipOptionalASN1(explicitTag(1)) || !seq.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) || !seq.Empty() {
		return false
	}
	if present {
		x.authorityKeyID = id
		return isKeyID(id)
	}
	return true
}

func isKeyID(id []byte) bool { return len(id) > 0 && len(id) <= maxKeyID }

// takePrivateKeyUsage: SEQUENCE { notBefore [0] GeneralizedTime OPTIONAL, notAfter
// [1] GeneralizedTime OPTIONAL }. Issuers get it wrong and nothing rests on it: a
// value that does not parse is as good as none.
func (x *extensions) takePrivateKeyUsage(v cryptobyte.String) {
	var seq, from, until cryptobyte.String
	var hasFrom, hasUntil bool
	if !v.ReadASN1(&seq, asn1.SEQUENCE) || !v.Empty() ||
		!seq.ReadOptionalASN1(&from, &hasFrom, asn1.Tag(0).ContextSpecific()) ||
		!seq.ReadOptionalASN1(&until, &hasUntil, asn1.Tag(1).ContextSpecific()) || !seq.Empty() {
		return
	}
	x.privateFrom, x.privateUntil = zuluTime(from), zuluTime(until)
}

func zuluTime(b []byte) time.Time {
	t, err := time.Parse("20060102150405Z", string(b))
	if err != nil {
		return time.Time{}
	}
	return t
}
