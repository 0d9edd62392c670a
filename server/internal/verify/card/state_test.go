package card_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

// state is a State of the test's own: it signs what no simulated card can be made to say.
type state struct {
	root, ds *ecdsa.PrivateKey
	issuer   *x509.Certificate
	signer   []byte // certificate of ds, serial number 7
	policy   card.Policy
}

// noon is when the State's documents are judged.
func noon() time.Time { return time.Date(2026, time.October, 1, 12, 0, 0, 0, time.UTC) }

func newState(tb testing.TB) *state {
	tb.Helper()
	return newStateNamed(tb, "TEST authority")
}

func newStateNamed(tb testing.TB, authority string) *state {
	tb.Helper()
	s := &state{root: newKey(tb), ds: newKey(tb)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"FR"}, CommonName: authority},
		NotBefore: noon().AddDate(-5, 0, 0), NotAfter: noon().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	raw := must(x509.CreateCertificate(rand.Reader, template, template, &s.root.PublicKey, s.root))(tb)
	s.issuer = must(x509.ParseCertificate(raw))(tb)
	list := must(x509.CreateRevocationList(rand.Reader, &x509.RevocationList{
		Number: big.NewInt(1), ThisUpdate: noon().AddDate(0, 0, -1), NextUpdate: noon().AddDate(20, 0, 0),
	}, s.issuer, s.root))(tb)
	s.policy = card.Policy{
		Anchors: must(csca.NewAnchors(csca.AnchorFiles{
			Roots: []*csca.Certificate{must(csca.ParseCertificate(raw))(tb)}, CRLs: []*csca.CRL{must(csca.ParseCRL(list))(tb)},
		}))(tb),
		Issuers: []card.Issuer{{State: "FRA", Country: "FR", Codes: []string{"ID"}}},
	}
	s.signer = s.certify(tb, 7, s.ds)
	return s
}

// certify makes a certificate of a document signer.
func (s *state) certify(tb testing.TB, serial int64, key *ecdsa.PrivateKey) []byte {
	tb.Helper()
	return must(x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{Country: []string{"FR"}, CommonName: "TEST signer"},
		NotBefore: noon().AddDate(-1, 0, 0), NotAfter: noon().AddDate(5, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, SubjectKeyId: []byte("TEST signer"),
	}, s.issuer, &key.PublicKey, s.root))(tb)
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(tb)
}

// must gives the value, or fails the test that it is then given.
func must[T any](v T, err error) func(testing.TB) T {
	return func(tb testing.TB) T {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return v
	}
}

// document is what the State writes on one card, valid as it is drafted.
type document struct {
	state        *state
	key          *brainpool.Scalar // of the chip, for chipCurve
	groups       map[int][]byte    // files whose digests are signed, DG14 besides
	infos        [][]byte          // of DG14
	access       [][]byte          // of EF.CardAccess
	digest       crypto.Hash       // of the data groups
	signer       []byte            // version and SignerIdentifier
	signerDigest crypto.Hash       // of the content
	signature    signature
	certificates [][]byte
	without      omission
	padding      int // bytes of a revocation list that comes along
}

// signature is the algorithm named, and the digest that the signature is really made with.
type signature struct {
	oid  string
	hash crypto.Hash
}

// omission is what a SOD may leave out.
type omission struct{ attributes, dg14 bool }

const (
	ecdsaSHA1   = "1.2.840.10045.4.1"
	ecdsaSHA256 = "1.2.840.10045.4.3.2"
)

func chipCurve() *brainpool.Curve { return brainpool.P256r1() }

func (s *state) document(tb testing.TB) *document {
	tb.Helper()
	d := &document{
		state: s, key: must(chipCurve().RandomScalar())(tb),
		groups: map[int][]byte{1: dg1(tb, "X4RTBPFW4", "340211"), 13: tlv.Append(nil, 0x6D, []byte("TEST"))},
		access: [][]byte{info(bsi+"4.2.4", number(2), number(13))},
		digest: crypto.SHA256, signerDigest: crypto.SHA256, signature: signature{oid: ecdsaSHA256, hash: crypto.SHA256},
		signer: byName(s.issuer.RawSubject, 7), certificates: [][]byte{s.signer},
	}
	d.infos = append(slices.Clone(d.access), info(bsi+"3.2.4", number(1)), chipKey(chipCurve(), chipCurve().BaseMul(d.key).Bytes()))
	return d
}

func (d *document) examine(tb testing.TB) (*card.Chip, error) {
	tb.Helper()
	return card.Examine(d.evidence(tb), d.state.policy, noon())
}

func (d *document) evidence(tb testing.TB) card.Evidence {
	tb.Helper()
	dg14 := tlv.Append(nil, 0x6E, set(d.infos...))
	return card.Evidence{CardAccess: set(d.access...), DG14: dg14, SOD: d.sod(tb, dg14)}
}

// sod is CMS SignedData (RFC 5652 §5.1) over the digests of the groups (ICAO 9303-10 §4.6.2).
func (d *document) sod(tb testing.TB, dg14 []byte) []byte {
	tb.Helper()
	var digests [][]byte
	for n := 1; n <= 16; n++ {
		file, ok := d.groups[n]
		if n == 14 && !d.without.dg14 {
			file, ok = dg14, true
		}
		if ok {
			digests = append(digests, seq(number(int64(n)), octets(sum(d.digest, file))))
		}
	}
	content := seq(number(0), seq(oid(digestOID(d.digest))), seq(digests...))
	attributes := bytes.Join([][]byte{
		seq(oid("1.2.840.113549.1.9.3"), set(oid("2.23.136.1.1.1"))),
		seq(oid("1.2.840.113549.1.9.4"), set(octets(sum(d.signerDigest, content)))),
	}, nil)
	signed, carried := tlv.Append(nil, 0x31, attributes), tlv.Append(nil, 0xA0, attributes)
	if d.without.attributes {
		signed, carried = content, nil
	}
	// Without randomness the signature is that of RFC 6979, of one length each time.
	mark := must(d.state.ds.Sign(nil, sum(d.signature.hash, signed), d.signature.hash))(tb)
	signer := seq(d.signer, seq(oid(digestOID(d.signerDigest))), carried, seq(oid(d.signature.oid)), octets(mark))
	parts := [][]byte{
		number(3), set(seq(oid(digestOID(d.signerDigest)))),
		seq(oid("2.23.136.1.1.1"), tlv.Append(nil, 0xA0, octets(content))),
		tlv.Append(nil, 0xA0, bytes.Join(d.certificates, nil)),
	}
	if d.padding > 0 {
		parts = append(parts, tlv.Append(nil, 0xA1, seq(make([]byte, d.padding))))
	}
	data := seq(append(parts, set(signer))...)
	return tlv.Append(nil, 0x77, seq(oid("1.2.840.113549.1.7.2"), tlv.Append(nil, 0xA0, data)))
}

// byName and byKey are the two ways of RFC 5652 §5.3 to name a signer, with the version that goes with each.
func byName(issuer []byte, serial int64) []byte {
	return append(number(1), seq(issuer, number(serial))...)
}

func byKey(id string) []byte { return append(number(3), tlv.Append(nil, 0x80, []byte(id))...) }

// bsi is the arc of BSI TR-03110-3 A.1.1: 1 chip keys, 3 Chip Authentication, 4 PACE.
const bsi = "0.4.0.127.0.7.2.2."

func info(name string, parts ...[]byte) []byte { return seq(oid(name), bytes.Join(parts, nil)) }

// chipKey is a ChipAuthenticationPublicKeyInfo on standardized domain parameters (ICAO 9303-11 §9.2.6).
func chipKey(curve *brainpool.Curve, point []byte, id ...[]byte) []byte {
	return rawChipKey(curve.ParameterID(), point, id...)
}

func rawChipKey(parameters int, point []byte, id ...[]byte) []byte {
	algorithm := seq(oid("0.4.0.127.0.7.1.2"), number(int64(parameters)))
	key := seq(algorithm, tlv.Append(nil, 0x03, append([]byte{0}, point...)))
	return info(bsi+"1.2", append([][]byte{key}, id...)...)
}

// dg1 is a TD1 zone (ICAO 9303-5 §4.2.2) under its tags.
func dg1(tb testing.TB, document, expiry string) []byte {
	tb.Helper()
	checked := func(s string) string { return s + string(must(mrtd.CheckDigit(s))(tb)) }
	upper, birth, last := checked(document)+"<<<<<<<<<<<<<<<", checked("900713"), checked(expiry)
	composite := must(mrtd.CheckDigit(upper + birth + last + "<<<<<<<<<<<"))(tb)
	zone := "IDFRA" + upper + birth + "F" + last + "FRA<<<<<<<<<<<" + string(composite) + "TEST<<CITOYENNE<<<<<<<<<<<<<<<"
	return tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1F, []byte(zone)))
}

func seq(parts ...[]byte) []byte { return tlv.Append(nil, 0x30, bytes.Join(parts, nil)) }
func set(parts ...[]byte) []byte { return tlv.Append(nil, 0x31, bytes.Join(parts, nil)) }
func octets(b []byte) []byte     { return tlv.Append(nil, 0x04, b) }

func number(n int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(n)
	return b.BytesOrPanic()
}

func oid(dotted string) []byte {
	id, err := x509.ParseOID(dotted)
	if err != nil {
		panic("internal error: " + dotted + " is no object identifier")
	}
	raw, _ := id.MarshalBinary() // has no way to fail
	return tlv.Append(nil, 0x06, raw)
}

func digestOID(h crypto.Hash) string {
	switch h {
	case crypto.SHA1:
		return "1.3.14.3.2.26"
	case crypto.SHA224:
		return "2.16.840.1.101.3.4.2.4"
	case crypto.SHA384:
		return "2.16.840.1.101.3.4.2.2"
	case crypto.SHA512:
		return "2.16.840.1.101.3.4.2.3"
	}
	return "2.16.840.1.101.3.4.2.1"
}

func sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}
