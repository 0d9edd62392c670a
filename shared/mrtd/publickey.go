package mrtd

import (
	"errors"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"pivot/shared/brainpool"
)

const (
	maxDG15 = 4 << 10
	tagDG15 = 0x6F
)

// Key algorithms (RFC 3279 §2.3, RFC 5480 §2.1) and the standardized domain
// parameters of ICAO 9303-11 §9.5.1.
const (
	oidRSA          = "1.2.840.113549.1.1.1"
	oidEC           = "1.2.840.10045.2.1"
	oidPrimeField   = "1.2.840.10045.1.1"
	oidStandardized = "0.4.0.127.0.7.1.2"
)

// PublicKey is a SubjectPublicKeyInfo whose key itself is not validated.
type PublicKey struct {
	Algorithm string           // dotted OID
	RSA       bool             // rsaEncryption: Key is an RSAPublicKey in DER
	EC        bool             // id-ecPublicKey or standardized parameters: Key is a point
	Curve     *brainpool.Curve // of an EC key; nil when the curve is not supported
	Key       []byte           // content of the BIT STRING
	Raw       []byte           // the whole SubjectPublicKeyInfo in DER
}

// ParseDG15 reads EF.DG15, the Active Authentication public key under tag 6F
// (ICAO 9303-10 §4.7.15). The RSA key or the point is returned as it is: cards
// exist whose modulus is not even a correct INTEGER.
func ParseDG15(b []byte) (PublicKey, error) {
	value, err := unwrap(b, tagDG15, maxDG15)
	if err != nil {
		return PublicKey{}, err
	}
	in := cryptobyte.String(value)
	key, ok := readPublicKey(&in)
	if !ok || !in.Empty() {
		return PublicKey{}, errors.New("mrtd: data group 15 is not one public key in der")
	}
	return key, nil
}

// readPublicKey reads SubjectPublicKeyInfo ::= SEQUENCE { algorithm SEQUENCE {
// OBJECT IDENTIFIER, parameters ANY OPTIONAL }, BIT STRING } (RFC 5280 §4.1).
func readPublicKey(in *cryptobyte.String) (PublicKey, bool) {
	var element, body, algorithm cryptobyte.String
	if !in.ReadASN1Element(&element, asn1.SEQUENCE) {
		return PublicKey{}, false
	}
	key := PublicKey{Raw: element}
	if !element.ReadASN1(&body, asn1.SEQUENCE) || !body.ReadASN1(&algorithm, asn1.SEQUENCE) ||
		!body.ReadASN1BitStringAsBytes(&key.Key) || !body.Empty() || len(key.Key) == 0 {
		return PublicKey{}, false
	}
	oid, _, ok := readOID(&algorithm)
	if !ok || !wellFormed(algorithm, 1) {
		return PublicKey{}, false
	}
	key.Algorithm = oid
	switch oid {
	case oidRSA:
		key.RSA = true
	case oidStandardized:
		key.EC = true
		key.Curve, ok = readStandardized(&algorithm)
	case oidEC:
		key.EC = true
		key.Curve, ok = readCurve(&algorithm)
	}
	return key, ok
}

// readStandardized reads the number of standardized domain parameters.
func readStandardized(in *cryptobyte.String) (*brainpool.Curve, bool) {
	var id int
	if !in.ReadASN1Integer(&id) || !in.Empty() {
		return nil, false
	}
	curve, _ := brainpool.ByParameterID(id)
	return curve, true
}

// readCurve reads ECParameters ::= CHOICE { namedCurve OBJECT IDENTIFIER,
// implicitCurve NULL, specifiedCurve SEQUENCE } (RFC 3279 §2.3.5). A curve that
// is well described and not supported is nil: its refusal is the verifier's.
func readCurve(in *cryptobyte.String) (*brainpool.Curve, bool) {
	var body cryptobyte.String
	switch {
	case in.PeekASN1Tag(asn1.OBJECT_IDENTIFIER):
		oid, _, ok := readOID(in)
		if !ok || !in.Empty() {
			return nil, false
		}
		curve, _ := brainpool.ByOID(oid)
		return curve, true
	case in.PeekASN1Tag(asn1.NULL):
		return nil, in.ReadASN1(&body, asn1.NULL) && body.Empty() && in.Empty()
	}
	if !in.ReadASN1(&body, asn1.SEQUENCE) || !in.Empty() {
		return nil, false
	}
	return readExplicitCurve(&body)
}

// readExplicitCurve reads SpecifiedECDomain ::= SEQUENCE { version INTEGER,
// fieldID SEQUENCE { OBJECT IDENTIFIER, prime INTEGER }, curve SEQUENCE { a, b
// OCTET STRING, seed BIT STRING OPTIONAL }, base OCTET STRING, order INTEGER,
// cofactor INTEGER OPTIONAL } (SEC 1 C.2). The parameters are never computed
// with: they name a curve by being equal to it, generator and order included,
// or they name none.
func readExplicitCurve(in *cryptobyte.String) (*brainpool.Curve, bool) {
	var version int
	var field, base cryptobyte.String
	if !in.ReadASN1Integer(&version) || version < 1 || version > 3 || !in.ReadASN1(&field, asn1.SEQUENCE) {
		return nil, false
	}
	fieldType, _, ok := readOID(&field)
	if !ok {
		return nil, false
	}
	if fieldType != oidPrimeField {
		return nil, wellFormed(*in, maxInfoParts)
	}
	var p brainpool.Parameters
	if !field.ReadASN1Integer(&p.P) || !field.Empty() || !readCoefficients(in, &p) ||
		!in.ReadASN1(&base, asn1.OCTET_STRING) || !in.ReadASN1Integer(&p.N) || !readCofactor(in, &p) || !in.Empty() {
		return nil, false
	}
	if !readGenerator(base, &p) {
		return nil, true
	}
	curve, _ := brainpool.ByParameters(p)
	return curve, true
}

func readCoefficients(in *cryptobyte.String, p *brainpool.Parameters) bool {
	var curve, a, b cryptobyte.String
	if !in.ReadASN1(&curve, asn1.SEQUENCE) || !curve.ReadASN1(&a, asn1.OCTET_STRING) || !curve.ReadASN1(&b, asn1.OCTET_STRING) {
		return false
	}
	p.A, p.B = a, b
	return curve.SkipOptionalASN1(asn1.BIT_STRING) && curve.Empty()
}

// readCofactor reads the cofactor, which is 1 in every supported curve and may
// be left out.
func readCofactor(in *cryptobyte.String, p *brainpool.Parameters) bool {
	cofactor, ok := readOptionalSmall(in)
	p.H = 1
	if cofactor != nil {
		p.H = *cofactor
	}
	return ok
}

// readGenerator reads an uncompressed point (SEC 1 §2.3.4). A compressed one
// names no curve: no issued card is known to have it.
func readGenerator(base cryptobyte.String, p *brainpool.Parameters) bool {
	var form uint8
	size := len(p.P)
	return base.ReadUint8(&form) && form == 4 && base.ReadBytes(&p.GX, size) && base.ReadBytes(&p.GY, size) && base.Empty()
}
