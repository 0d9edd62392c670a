package pki

import (
	"crypto"
	"time"

	"pivot/cardreader/cardsim/internal/der"
	"pivot/shared/tlv"
)

// name is a distinguished name of three attributes.
type name struct{ country, organisation, common string }

func (n name) encode() []byte {
	attribute := func(oid string, value []byte) []byte {
		return der.Set(der.Sequence(der.OID(oid), value))
	}
	return der.Sequence(
		attribute("2.5.4.6", der.Printable(n.country)),
		attribute("2.5.4.10", der.Printable(n.organisation)),
		attribute("2.5.4.3", der.Printable(n.common)),
	)
}

// certificate is what an authority vouches for (RFC 5280 §4.1).
type certificate struct {
	serial     int64
	subject    name
	from, to   time.Time
	key        key
	extensions [][]byte
}

// issuer is who signs: an authority's name and key.
type issuer struct {
	name name
	key  key
	hash crypto.Hash
}

// certify returns the certificate signed by its issuer.
func (i issuer) certify(c certificate) ([]byte, error) {
	algorithm := i.key.algorithm(i.hash)
	tbs := der.Sequence(
		der.Context(0, der.Int(2)),
		der.Int(c.serial),
		algorithm,
		i.name.encode(),
		der.Sequence(der.Time(c.from), der.Time(c.to)),
		c.subject.encode(),
		c.key.spki(),
		der.Context(3, der.Sequence(c.extensions...)),
	)
	return i.seal(tbs, algorithm)
}

func (i issuer) seal(tbs, algorithm []byte) ([]byte, error) {
	signature, err := i.key.sign(i.hash, tbs)
	if err != nil {
		return nil, err
	}
	return der.Sequence(tbs, algorithm, der.Bits(signature)), nil
}

// revocationList returns a list of serial numbers revoked at a date (RFC 5280 §5.1).
func (i issuer) revocationList(serials []int64, from, to time.Time) ([]byte, error) {
	algorithm := i.key.algorithm(i.hash)
	parts := [][]byte{der.Int(1), algorithm, i.name.encode(), der.Time(from), der.Time(to)}
	var revoked [][]byte
	for _, serial := range serials {
		revoked = append(revoked, der.Sequence(der.Int(serial), der.Time(from)))
	}
	if len(revoked) > 0 {
		parts = append(parts, der.Sequence(revoked...))
	}
	parts = append(parts, der.Context(0, der.Sequence(
		authorityKey(i.key), extension("2.5.29.20", false, der.Int(from.Unix())),
	)))
	return i.seal(der.Sequence(parts...), algorithm)
}

func extension(oid string, critical bool, value []byte) []byte {
	if critical {
		return der.Sequence(der.OID(oid), der.True(), der.Octets(value))
	}
	return der.Sequence(der.OID(oid), der.Octets(value))
}

func authorityKey(k key) []byte {
	return extension("2.5.29.35", false, der.Sequence(der.Wrap(0x80, k.id())))
}

func subjectKey(k key) []byte { return extension("2.5.29.14", false, der.Octets(k.id())) }

// alternative is the subject's (17) or issuer's (18) alternative name that ICAO 9303-12 §7.1.1 asks for: the State's
// code as a locality.
func alternative(oid, state string) []byte {
	dn := der.Sequence(der.Set(der.Sequence(der.OID("2.5.4.7"), der.Printable(state))))
	return extension(oid, false, der.Sequence(der.Context(4, dn)))
}

// The bits of a key usage (RFC 5280 §4.2.1.3), with the number of unused bits of the string that ends with them.
const (
	signerUsage    = "\x07\x80" // digitalSignature
	authorityUsage = "\x01\x06" // keyCertSign, cRLSign
)

func keyUsage(bits string) []byte {
	return extension("2.5.29.15", true, der.Wrap(0x03, []byte(bits)))
}

func authorityExtensions(own, by key, state string, pathLen int64) [][]byte {
	return [][]byte{
		extension("2.5.29.19", true, der.Sequence(der.True(), der.Int(pathLen))),
		keyUsage(authorityUsage),
		subjectKey(own),
		authorityKey(by),
		alternative("2.5.29.17", state),
		alternative("2.5.29.18", state),
	}
}

// signerExtensions are those of a document signer (ICAO 9303-12 §7.1.1, table 6). French signers write the list of
// document types without its version; verifiers have to live with it.
func signerExtensions(own, by key, state string, from time.Time) [][]byte {
	usage := func(tag tlv.Tag, t time.Time) []byte {
		return der.Wrap(tag, []byte(t.UTC().Format("20060102150405Z")))
	}
	types := der.Sequence(der.Int(0), der.Set(der.Printable("ID")))
	if state == "FRA" {
		types = der.Set(der.Printable("ID"))
	}
	return [][]byte{
		keyUsage(signerUsage),
		authorityKey(by),
		subjectKey(own),
		extension("2.5.29.16", false, der.Sequence(usage(0x80, from), usage(0x81, from.AddDate(0, 3, 0)))),
		alternative("2.5.29.17", state),
		alternative("2.5.29.18", state),
		extension("2.23.136.1.1.6.2", false, types),
	}
}
