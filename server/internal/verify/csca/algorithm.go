package csca

import (
	"crypto"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Signature algorithms: RFC 8017 A.2, RFC 4055 §5, RFC 5758 §3.2, ANSI X9.62.
const (
	oidRSA          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"
	oidMD5WithRSA   oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"
	oidSHA1WithRSA  oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"
	oidMGF1         oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08"
	oidPSS          oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a"
	oidSHA256RSA    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"
	oidSHA384RSA    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"
	oidSHA512RSA    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"
	oidSHA224RSA    oid = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"
	oidECPublicKey  oid = "\x2a\x86\x48\xce\x3d\x02\x01"
	oidECDSASHA1    oid = "\x2a\x86\x48\xce\x3d\x04\x01"
	oidECDSASHA224  oid = "\x2a\x86\x48\xce\x3d\x04\x03\x01"
	oidECDSASHA256  oid = "\x2a\x86\x48\xce\x3d\x04\x03\x02"
	oidECDSASHA384  oid = "\x2a\x86\x48\xce\x3d\x04\x03\x03"
	oidECDSASHA512  oid = "\x2a\x86\x48\xce\x3d\x04\x03\x04"
	oidDigestMD5    oid = "\x2a\x86\x48\x86\xf7\x0d\x02\x05"
	oidDigestSHA1   oid = "\x2b\x0e\x03\x02\x1a"
	oidDigestSHA256 oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x01"
	oidDigestSHA384 oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x02"
	oidDigestSHA512 oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x03"
	oidDigestSHA224 oid = "\x60\x86\x48\x01\x65\x03\x04\x02\x04"
)

// maxAlgorithm bounds an AlgorithmIdentifier; RSASSA-PSS with all parameters
// takes 67 octets.
const maxAlgorithm = 256

// A PSS salt is as long as the digest in practice. RFC 4055 §3.1 makes 20 octets
// the default; below that a signer would be alone in the world.
const (
	minSalt     = 20
	maxSalt     = 64
	defaultSalt = 20
)

type scheme uint8

const (
	schemePKCS1 scheme = iota + 1 // RSASSA-PKCS1-v1_5
	schemePSS
	schemeECDSA
)

// SignatureAlgorithm is a way to sign that we accept. The zero value verifies
// nothing.
type SignatureAlgorithm struct {
	scheme scheme
	hash   crypto.Hash
	salt   int // RSASSA-PSS only, octets
}

// Hash returns the digest that the signature covers.
func (a SignatureAlgorithm) Hash() crypto.Hash { return a.hash }

// String names the algorithm for reports, such as "RSASSA-PSS SHA-256".
func (a SignatureAlgorithm) String() string {
	switch a.scheme {
	case schemePKCS1:
		return "RSA PKCS#1 v1.5 " + a.hash.String()
	case schemePSS:
		return "RSASSA-PSS " + a.hash.String()
	case schemeECDSA:
		return "ECDSA " + a.hash.String()
	}
	return "none"
}

// ParseSignatureAlgorithm reads an AlgorithmIdentifier in DER. Where it names a
// key type alone, as the SignerInfo of RFC 3370 §3.2 may, the digest is
// digestHint; otherwise the hint is not looked at, and 0 will do.
//
// It gives [WeakDigest] for anything below SHA-256 (ANSSI's cryptographic guide
// asks for 256 bits), [UnsupportedAlgorithm] for what we do not know, and
// [Malformed].
func ParseSignatureAlgorithm(algorithmIdentifier []byte, digestHint crypto.Hash) (SignatureAlgorithm, error) {
	id, params, err := parseAlgorithm(algorithmIdentifier)
	if err != nil {
		return SignatureAlgorithm{}, err
	}
	if id == oidPSS {
		return parsePSS(params)
	}
	alg := SignatureAlgorithm{}
	alg.scheme, alg.hash = signatureScheme(id, digestHint)
	if alg.scheme == 0 {
		return SignatureAlgorithm{}, refuse(UnsupportedAlgorithm, fmt.Errorf("algorithm %x", string(id)))
	}
	if err := checkDigest(alg.hash); err != nil {
		return SignatureAlgorithm{}, err
	}
	// RFC 4055 §5: NULL with RSA, though many leave it out. RFC 5758 §3.2: nothing
	// with ECDSA, though documents of the field have NULL there. Anything else, such
	// as the curve again after a key type, is refused.
	if !readNull(&params) {
		return SignatureAlgorithm{}, malformed("algorithm parameters")
	}
	return alg, nil
}

func parseAlgorithm(der []byte) (oid, cryptobyte.String, error) {
	input := cryptobyte.String(der)
	var params cryptobyte.String
	var id oid
	if len(der) > maxAlgorithm || !input.ReadASN1(&params, asn1.SEQUENCE) || !input.Empty() || !readOID(&params, &id) {
		return "", nil, malformed("algorithm identifier")
	}
	return id, params, nil
}

func signatureScheme(id oid, hint crypto.Hash) (scheme, crypto.Hash) {
	switch id {
	case oidRSA:
		return schemePKCS1, hint
	case oidMD5WithRSA:
		return schemePKCS1, crypto.MD5
	case oidSHA1WithRSA:
		return schemePKCS1, crypto.SHA1
	case oidSHA224RSA:
		return schemePKCS1, crypto.SHA224
	case oidSHA256RSA:
		return schemePKCS1, crypto.SHA256
	case oidSHA384RSA:
		return schemePKCS1, crypto.SHA384
	case oidSHA512RSA:
		return schemePKCS1, crypto.SHA512
	}
	return ecdsaScheme(id, hint)
}

func ecdsaScheme(id oid, hint crypto.Hash) (scheme, crypto.Hash) {
	switch id {
	case oidECPublicKey:
		return schemeECDSA, hint
	case oidECDSASHA1:
		return schemeECDSA, crypto.SHA1
	case oidECDSASHA224:
		return schemeECDSA, crypto.SHA224
	case oidECDSASHA256:
		return schemeECDSA, crypto.SHA256
	case oidECDSASHA384:
		return schemeECDSA, crypto.SHA384
	case oidECDSASHA512:
		return schemeECDSA, crypto.SHA512
	}
	return 0, 0
}

// checkDigest lets three digests through.
func checkDigest(h crypto.Hash) error {
	switch h {
	case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		return nil
	case crypto.MD5, crypto.SHA1, crypto.SHA224:
		return refuse(WeakDigest, errors.New(h.String()))
	}
	return refuse(UnsupportedAlgorithm, errors.New("no digest that we know"))
}

// parsePSS reads the parameters of RSASSA-PSS:
//
//	RSASSA-PSS-params ::= SEQUENCE {
//	  hashAlgorithm    [0] HashAlgorithm    DEFAULT sha1,
//	  maskGenAlgorithm [1] MaskGenAlgorithm DEFAULT mgf1SHA1,
//	  saltLength       [2] INTEGER          DEFAULT 20,
//	  trailerField     [3] INTEGER          DEFAULT 1 }
//
// The defaults are SHA-1: a list without a digest is weak, not lenient. One mask
// digest other than the signature's would be a second algorithm to trust.
func parsePSS(s cryptobyte.String) (SignatureAlgorithm, error) {
	var params cryptobyte.String
	hash, mask := crypto.SHA1, crypto.SHA1
	var salt, trailer int64
	if !s.ReadASN1(&params, asn1.SEQUENCE) || !s.Empty() ||
		!readPSSField(&params, 0, readDigest, &hash) || !readPSSField(&params, 1, readMask, &mask) ||
		!params.ReadOptionalASN1Integer(&salt, explicitTag(2), int64(defaultSalt)) ||
		!params.ReadOptionalASN1Integer(&trailer, explicitTag(3), int64(1)) || !params.Empty() {
		return SignatureAlgorithm{}, malformed("RSASSA-PSS parameters")
	}
	if err := checkDigest(hash); err != nil {
		return SignatureAlgorithm{}, err
	}
	if mask != hash || salt < minSalt || salt > maxSalt || trailer != 1 {
		return SignatureAlgorithm{}, refuse(UnsupportedAlgorithm, errors.New("RSASSA-PSS mask digest, salt length or trailer"))
	}
	return SignatureAlgorithm{scheme: schemePSS, hash: hash, salt: int(salt)}, nil
}

// readPSSField reads an optional digest in the nth field; absent, out keeps its
// default.
func readPSSField(s *cryptobyte.String, n uint8, read func(*cryptobyte.String, *crypto.Hash) bool, out *crypto.Hash) bool {
	var field cryptobyte.String
	var present bool
	return s.ReadOptionalASN1(&field, &present, explicitTag(n)) && (!present || read(&field, out))
}

// readMask reads a MaskGenAlgorithm, which must be MGF1; nothing may follow.
func readMask(s *cryptobyte.String, out *crypto.Hash) bool {
	var seq cryptobyte.String
	var id oid
	return s.ReadASN1(&seq, asn1.SEQUENCE) && s.Empty() && readOID(&seq, &id) && id == oidMGF1 && readDigest(&seq, out)
}

// readDigest reads a HashAlgorithm; nothing may follow. An unknown one gives 0.
func readDigest(s *cryptobyte.String, out *crypto.Hash) bool {
	var seq cryptobyte.String
	var id oid
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !s.Empty() || !readOID(&seq, &id) || !readNull(&seq) {
		return false
	}
	*out = digestOf(id)
	return true
}

func digestOf(id oid) crypto.Hash {
	switch id {
	case oidDigestMD5:
		return crypto.MD5
	case oidDigestSHA1:
		return crypto.SHA1
	case oidDigestSHA224:
		return crypto.SHA224
	case oidDigestSHA256:
		return crypto.SHA256
	case oidDigestSHA384:
		return crypto.SHA384
	case oidDigestSHA512:
		return crypto.SHA512
	}
	return 0
}

func explicitTag(n uint8) asn1.Tag { return asn1.Tag(n).ContextSpecific().Constructed() }
