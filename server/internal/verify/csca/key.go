package csca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"

	// The digests that [SignatureAlgorithm] may name, linked in.
	_ "crypto/sha256"
	_ "crypto/sha512"

	encodingasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"pivot/shared/brainpool"
)

// Bounds of RSA keys. A public exponent above 65536 (asked for by
// ANSSI) makes forged padding under a small one impossible; crypto/rsa takes
// exponents up to 31 bits. Beyond 8192 bits a modulus only costs time.
const (
	minModulusBits = 2048
	maxModulusBits = 8192
	minExponent    = 65537
)

// Fields of prime order, ANSI X9.62.
const oidPrimeField oid = "\x2a\x86\x48\xce\x3d\x01\x01"

// maxField bounds a field element of an explicitly given curve: P-521.
const maxField = 66

// PublicKey is the key of a certificate: RSA, or EC on a curve that package
// brainpool knows. A key that we do not accept is kept as the reason why: Verify
// gives it.
type PublicKey struct {
	rsa   *rsa.PublicKey
	curve *brainpool.Curve
	point *brainpool.Point // brainpool curves
	nist  *ecdsa.PublicKey // the others
	err   error
	raw   []byte // SubjectPublicKeyInfo: tells keys apart
}

// String names the key for reports, such as "RSA 4096" or "EC brainpoolP256r1".
func (k PublicKey) String() string {
	switch {
	case k.rsa != nil:
		return fmt.Sprintf("RSA %d", k.rsa.N.BitLen())
	case k.curve != nil:
		return "EC " + k.curve.Name()
	}
	return "unsupported"
}

// Verify checks that signature is one of this key over message. It gives
// [BadSignature], [UnsupportedAlgorithm] when alg is not for this kind of key, or
// the [UnsupportedKey] or [WeakKey] for which the key itself is refused.
func (k PublicKey) Verify(alg SignatureAlgorithm, message, signature []byte) error {
	if k.err != nil {
		return k.err
	}
	if (alg.scheme == schemeECDSA) != (k.curve != nil) || !alg.hash.Available() {
		return refuse(UnsupportedAlgorithm, fmt.Errorf("%s with a key %s", alg, k))
	}
	h := alg.hash.New()
	h.Write(message)
	digest := h.Sum(nil)
	ok := false
	switch {
	case alg.scheme == schemePKCS1 && k.rsa != nil:
		ok = rsa.VerifyPKCS1v15(k.rsa, alg.hash, digest, signature) == nil
	case alg.scheme == schemePSS && k.rsa != nil:
		// The length of the salt is what was announced: crypto/rsa would take 0 for
		// "find out", and alg.salt is at least minSalt.
		opts := &rsa.PSSOptions{SaltLength: alg.salt, Hash: alg.hash}
		ok = rsa.VerifyPSS(k.rsa, alg.hash, digest, signature, opts) == nil
	case alg.scheme == schemeECDSA:
		ok = k.verifyECDSA(digest, signature)
	}
	if !ok {
		return refuse(BadSignature, fmt.Errorf("%s with a key %s", alg, k))
	}
	return nil
}

// verifyECDSA reads the signature itself, so that both kinds of curve accept the
// same encodings:
//
//	Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER }
func (k PublicKey) verifyECDSA(digest, signature []byte) bool {
	input := cryptobyte.String(signature)
	var seq cryptobyte.String
	var r, s []byte
	size := (k.curve.BitLen() + 7) / 8
	if !input.ReadASN1(&seq, asn1.SEQUENCE) || !input.Empty() ||
		!readUnsigned(&seq, &r, size) || !readUnsigned(&seq, &s, size) || !seq.Empty() {
		return false
	}
	if k.nist != nil {
		return ecdsa.VerifyASN1(k.nist, digest, signature)
	}
	return k.curve.VerifyECDSA(k.point, digest, r, s)
}

// readKey reads a SubjectPublicKeyInfo. It fails on a frame that is not DER; a
// key that is not acceptable is returned with its reason.
//
//	SEQUENCE { algorithm AlgorithmIdentifier, subjectPublicKey BIT STRING }
func readKey(s *cryptobyte.String, out *PublicKey) bool {
	var element, seq, alg cryptobyte.String
	var id oid
	var bits []byte
	if !s.ReadASN1Element(&element, asn1.SEQUENCE) {
		return false
	}
	raw := element
	if !element.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&alg, asn1.SEQUENCE) ||
		!readOID(&alg, &id) || !readBits(&seq, &bits) || !seq.Empty() {
		return false
	}
	switch id {
	case oidRSA:
		out.rsa, out.err = parseRSA(alg, bits)
	case oidECPublicKey:
		*out = parseEC(alg, bits)
	default:
		out.err = refuse(UnsupportedKey, fmt.Errorf("key type %x", string(id)))
	}
	out.raw = raw
	return true
}

// parseRSA reads an RSAPublicKey, RFC 8017 A.1.1:
//
//	SEQUENCE { modulus INTEGER, publicExponent INTEGER }
func parseRSA(params, bits cryptobyte.String) (*rsa.PublicKey, error) {
	var seq cryptobyte.String
	var modulus, exponent []byte
	if !readNull(&params) || !bits.ReadASN1(&seq, asn1.SEQUENCE) || !bits.Empty() ||
		!readUnsigned(&seq, &modulus, maxModulusBits/8) || !readUnsigned(&seq, &exponent, maxModulusBits/8) || !seq.Empty() {
		return nil, refuse(UnsupportedKey, errors.New("RSA key encoding or size"))
	}
	n, e := new(big.Int).SetBytes(modulus), new(big.Int).SetBytes(exponent)
	if n.BitLen() < minModulusBits {
		return nil, refuse(WeakKey, fmt.Errorf("RSA modulus of %d bits", n.BitLen()))
	}
	if e.Cmp(big.NewInt(minExponent)) < 0 {
		return nil, refuse(WeakKey, fmt.Errorf("RSA exponent %v", e))
	}
	if n.Bit(0) == 0 || e.Bit(0) == 0 || e.BitLen() > 31 {
		return nil, refuse(UnsupportedKey, errors.New("RSA modulus or exponent"))
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// parseEC reads an EC key: RFC 5480 §2.1.1 with a curve by name, or by the whole
// of its parameters as ICAO 9303-12 has it. Parameters are looked up,
// never computed with: a generator of the attacker's choice would sign anything
// (CVE-2020-0601).
func parseEC(params, bits cryptobyte.String) PublicKey {
	curve, err := readCurve(params)
	if err != nil {
		return PublicKey{err: err}
	}
	point, err := curve.ParsePoint(bits)
	if err != nil {
		return PublicKey{err: refuse(UnsupportedKey, fmt.Errorf("EC point: %w", err))}
	}
	k := PublicKey{curve: curve, point: point}
	if std := standardCurve(curve); std != nil {
		if k.nist, err = ecdsa.ParseUncompressedPublicKey(std, bits); err != nil {
			return PublicKey{err: refuse(UnsupportedKey, fmt.Errorf("EC point: %w", err))}
		}
	}
	return k
}

// standardCurve returns the standard library's form of a NIST curve, else nil.
func standardCurve(c *brainpool.Curve) elliptic.Curve {
	switch c {
	case brainpool.NISTP256():
		return elliptic.P256()
	case brainpool.NISTP384():
		return elliptic.P384()
	case brainpool.NISTP521():
		return elliptic.P521()
	}
	return nil
}

func readCurve(s cryptobyte.String) (*brainpool.Curve, error) {
	if s.PeekASN1Tag(asn1.OBJECT_IDENTIFIER) {
		var id encodingasn1.ObjectIdentifier
		if !s.ReadASN1ObjectIdentifier(&id) || !s.Empty() {
			return nil, refuse(UnsupportedKey, errors.New("curve identifier"))
		}
		if curve, ok := brainpool.ByOID(id.String()); ok {
			return curve, nil
		}
		return nil, refuse(UnsupportedKey, fmt.Errorf("curve %v", id))
	}
	var p brainpool.Parameters
	if !readParameters(s, &p) {
		return nil, refuse(UnsupportedKey, errors.New("curve parameters: encoding or form"))
	}
	if curve, ok := brainpool.ByParameters(p); ok {
		return curve, nil
	}
	return nil, refuse(UnsupportedKey, errors.New("curve parameters of no curve that we know"))
}

// readParameters reads explicit parameters of a curve over a prime field, with an
// uncompressed generator; nothing may follow.
//
//	ECParameters ::= SEQUENCE {
//	  version  INTEGER (1..3),
//	  fieldID  SEQUENCE { fieldType OID, prime INTEGER },
//	  curve    SEQUENCE { a OCTET STRING, b OCTET STRING, seed BIT STRING OPTIONAL },
//	  base     OCTET STRING,
//	  order    INTEGER,
//	  cofactor INTEGER OPTIONAL }
func readParameters(s cryptobyte.String, out *brainpool.Parameters) bool {
	var seq cryptobyte.String
	var version int
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() ||
		!seq.ReadASN1Integer(&version) || version < 1 || version > 3 ||
		!readField(&seq, &out.P) || !readCoefficients(&seq, out) || !readGenerator(&seq, out) ||
		!readUnsigned(&seq, &out.N, maxField) {
		return false
	}
	out.H = 1
	return seq.Empty() || seq.ReadASN1Integer(&out.H) && seq.Empty()
}

func readField(s *cryptobyte.String, prime *[]byte) bool {
	var field cryptobyte.String
	var kind oid
	return s.ReadASN1(&field, asn1.SEQUENCE) && readOID(&field, &kind) && kind == oidPrimeField &&
		readUnsigned(&field, prime, maxField) && field.Empty()
}

// readCoefficients reads a and b, each as long as the prime, and passes over the
// seed they may come from.
func readCoefficients(s *cryptobyte.String, out *brainpool.Parameters) bool {
	var curve cryptobyte.String
	size := len(out.P)
	return s.ReadASN1(&curve, asn1.SEQUENCE) && readOctets(&curve, &out.A) && readOctets(&curve, &out.B) &&
		curve.SkipOptionalASN1(asn1.BIT_STRING) && curve.Empty() && len(out.A) == size && len(out.B) == size
}

func readGenerator(s *cryptobyte.String, out *brainpool.Parameters) bool {
	var base []byte
	size := len(out.P)
	if !readOctets(s, &base) || len(base) != 1+2*size || base[0] != 0x04 {
		return false
	}
	out.GX, out.GY = base[1:1+size], base[1+size:]
	return true
}
