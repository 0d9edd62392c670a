package pki

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"maps"
	"slices"
	"time"

	"pivot/cardreader/cardsim/internal/der"
)

// Object is a document security object to be signed (ICAO 9303-10 §4.6.2). Its zero fields make a good one.
type Object struct {
	Signer  string // row of the table of document signers
	Groups  map[int][]byte
	Digest  crypto.Hash
	Signing time.Time
	Flaws   Flaws
}

// Flaws are the ways in which a signed object departs from a good one.
type Flaws struct {
	NoCertificate   bool // the signer's certificate is left out
	TwoSigners      bool
	ContentType     string // an object identifier other than the LDS security object's
	NoMessageDigest bool   // the signed attributes do not cover the content
	PSS             bool   // RSASSA-PSS: no flaw, but rarer
	Forged          bool   // the signature is a cube root: no key needed for a public exponent of 3
	Indefinite      bool   // BER with indefinite lengths
}

// Object identifiers of RFC 5652 and ICAO 9303-10.
const (
	oidSignedData     = "1.2.840.113549.1.7.2"
	oidContentType    = "1.2.840.113549.1.9.3"
	oidMessageDigest  = "1.2.840.113549.1.9.4"
	oidSigningTime    = "1.2.840.113549.1.9.5"
	oidSecurityObject = "2.23.136.1.1.1"
)

// Sign returns the content of EF.SOD, tag 77 included.
func (p *PKI) Sign(o Object) ([]byte, error) {
	row, cert, err := p.signer(o.Signer)
	if err != nil {
		return nil, err
	}
	content := o.securityObject()
	infos := [][]byte{}
	for _, s := range o.signers(row) {
		info, err := o.signerInfo(s, p.keys[s.key], content)
		if err != nil {
			return nil, fmt.Errorf("pki: signer %q: %w", s.id, err)
		}
		infos = append(infos, info)
	}
	certificates := der.Context(0, slices.Concat(cert...))
	if o.Flaws.NoCertificate {
		certificates = nil
	}
	signedData := [][]byte{
		der.Int(3), der.Set(digestAlgorithm(o.Digest)),
		o.sequence(der.OID(o.contentType()), o.explicit(o.octets(content))),
		certificates, der.Set(infos...),
	}
	return der.Wrap(0x77, o.sequence(der.OID(oidSignedData), o.explicit(o.sequence(signedData...)))), nil
}

// signer returns a row of the table and its certificates, the signer's first.
func (p *PKI) signer(id string) (signer, [][]byte, error) {
	for _, s := range signers() {
		if s.id == id {
			return s, ders(p.files[signerFile(id)]), nil
		}
	}
	return signer{}, nil, fmt.Errorf("pki: unknown signer %q", id)
}

func (o Object) signers(row signer) []signer {
	if !o.Flaws.TwoSigners {
		return []signer{row}
	}
	for _, s := range signers() {
		if s.id == "elsewhere" {
			return []signer{row, s}
		}
	}
	return nil
}

func (o Object) contentType() string {
	if o.Flaws.ContentType != "" {
		return o.Flaws.ContentType
	}
	return oidSecurityObject
}

// securityObject is the LDSSecurityObject, version 0.
func (o Object) securityObject() []byte {
	var hashes [][]byte
	for _, n := range slices.Sorted(maps.Keys(o.Groups)) {
		hashes = append(hashes, der.Sequence(der.Int(int64(n)), der.Octets(sum(o.Digest, o.Groups[n]))))
	}
	return der.Sequence(der.Int(0), digestAlgorithm(o.Digest), der.Sequence(hashes...))
}

func digestAlgorithm(h crypto.Hash) []byte {
	return der.Sequence(der.OID(map[crypto.Hash]string{
		crypto.MD5: "1.2.840.113549.2.5", crypto.SHA1: "1.3.14.3.2.26",
		crypto.SHA256: "2.16.840.1.101.3.4.2.1", crypto.SHA384: "2.16.840.1.101.3.4.2.2",
	}[h]), der.Null())
}

func (o Object) signerInfo(s signer, k key, content []byte) ([]byte, error) {
	attribute := func(oid string, value []byte) []byte { return der.Sequence(der.OID(oid), der.Set(value)) }
	attributes := [][]byte{
		attribute(oidContentType, der.OID(o.contentType())),
		attribute(oidSigningTime, der.Time(o.Signing)),
	}
	if !o.Flaws.NoMessageDigest {
		attributes = append(attributes, attribute(oidMessageDigest, der.Octets(sum(o.Digest, content))))
	}
	signed := der.Set(attributes...)
	algorithm, signature, err := o.sign(k, signed)
	if err != nil {
		return nil, err
	}
	signed[0] = 0xA0 // [0] IMPLICIT in the message, SET where it is signed (RFC 5652 §5.4)
	return der.Sequence(
		der.Int(1), der.Sequence(authorityOf(s.by).name.encode(), der.Int(s.serial)), digestAlgorithm(o.Digest),
		signed, algorithm, der.Octets(signature),
	), nil
}

func (o Object) sign(k key, message []byte) (algorithm, signature []byte, err error) {
	switch {
	case o.Flaws.Forged:
		return k.algorithm(o.Digest), cubeRootSignature(sum(o.Digest, message), k.rsa.Size()), nil
	case o.Flaws.PSS:
		signature, err = rsa.SignPSS(rand.Reader, k.rsa, o.Digest, sum(o.Digest, message),
			&rsa.PSSOptions{SaltLength: o.Digest.Size(), Hash: o.Digest})
		return pssAlgorithm(o.Digest), signature, err
	}
	signature, err = k.sign(o.Digest, message)
	return k.algorithm(o.Digest), signature, err
}

// pssAlgorithm is RSASSA-PSS with its parameters (RFC 4055 §3.1).
func pssAlgorithm(h crypto.Hash) []byte {
	return der.Sequence(der.OID("1.2.840.113549.1.1.10"), der.Sequence(
		der.Context(0, digestAlgorithm(h)),
		der.Context(1, der.Sequence(der.OID("1.2.840.113549.1.1.8"), digestAlgorithm(h))),
		der.Context(2, der.Int(int64(h.Size()))),
	))
}
