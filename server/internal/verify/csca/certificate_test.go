package csca_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	der "golang.org/x/crypto/cryptobyte/asn1"

	"pivot/server/internal/verify/csca"
)

func TestCertificate(t *testing.T) {
	t.Parallel()
	s := newScene()
	period := seq(
		tlv(context(0), []byte("20240601000000Z")),
		tlv(context(1), []byte("20240901000000Z")))
	s.ds.more = append(s.ds.more, extension(false, oid(2, 5, 29, 16), period))
	raw := s.ds.der()
	c, err := csca.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw) // the certificate keeps nothing of its input
	if !bytes.Equal(c.Raw()[:2], []byte{0x30, 0x82}) || sha256.Sum256(c.Raw()) != c.ID() {
		t.Error("raw octets or their digest")
	}
	if c.Subject() != "C=UT, O=TEST, CN=TEST DS" || c.Issuer() != "C=UT, O=TEST, CN=TEST CSCA" {
		t.Errorf("names %q, %q", c.Subject(), c.Issuer())
	}
	if !bytes.Equal(c.RawSubject(), s.ds.subject) || !bytes.Equal(c.RawIssuer(), s.ds.issuer) {
		t.Error("raw names")
	}
	if c.Country() != "UT" || !bytes.Equal(c.Serial(), s.ds.serial) {
		t.Errorf("country %q, serial %x", c.Country(), c.Serial())
	}
	if !c.NotBefore().Equal(s.ds.from) || !c.NotAfter().Equal(s.ds.until) {
		t.Errorf("validity %v..%v", c.NotBefore(), c.NotAfter())
	}
	if from, until := c.PrivateKeyUse(); !from.Equal(day(2024, 6, 1)) || !until.Equal(day(2024, 9, 1)) {
		t.Errorf("private key use %v..%v", from, until)
	}
	if c.IsCA() || c.PathLen() != -1 {
		t.Errorf("basic constraints %v, %d", c.IsCA(), c.PathLen())
	}
	if !bytes.Equal(c.SubjectKeyID(), s.ds.ski) || !bytes.Equal(c.AuthorityKeyID(), s.ds.aki) {
		t.Error("key identifiers")
	}
	if alg, err := c.SignatureAlgorithm(); err != nil || alg.String() != "ECDSA SHA-256" {
		t.Errorf("algorithm %v, %v", alg, err)
	}
	if !strings.HasPrefix(c.String(), "C=UT, O=TEST, CN=TEST DS (serial 1120, sha256 ") {
		t.Errorf("string %q", c)
	}
	root := s.root.parse(t)
	if !root.IsCA() || root.PathLen() != 1 {
		t.Errorf("root: basic constraints %v, %d", root.IsCA(), root.PathLen())
	}
}

// What is handed out is the caller's own.
func TestCertificateIsImmutable(t *testing.T) {
	t.Parallel()
	c := newScene().ds.parse(t)
	before := c.Raw()
	for _, b := range [][]byte{c.Raw(), c.RawSubject(), c.RawIssuer(), c.Serial(), c.SubjectKeyID(), c.AuthorityKeyID()} {
		clear(b)
	}
	if !bytes.Equal(before, c.Raw()) || sha256.Sum256(c.Raw()) != c.ID() || c.SubjectKeyID()[0] == 0 && c.Serial()[0] == 0 {
		t.Error("a caller could change the certificate")
	}
}

func TestParseCertificateRefuses(t *testing.T) {
	t.Parallel()
	date := func(tag der.Tag, value string) []byte { return tlv(tag, []byte(value)) }
	// body rewrites the nth field of the TBSCertificate; the signature is not looked
	// at in parsing.
	body := func(n int, with []byte) func(*scene) []byte {
		return func(s *scene) []byte {
			parts := fields(s.ds)
			parts[n] = with
			return seq(seq(parts...), s.ds.signer.alg, bits([]byte{1}))
		}
	}
	validity := func(from, until []byte) func(*scene) []byte { return body(4, seq(from, until)) }
	ext := func(e ...[]byte) func(*scene) []byte { return body(7, explicit(3, seq(e...))) }
	good := date(der.UTCTime, "240601000000Z")
	late := date(der.UTCTime, "340601000000Z")
	accepted := map[string]func(*scene) []byte{
		"base":                       func(s *scene) []byte { return s.ds.der() },
		"fields in place":            validity(good, late),
		"GeneralizedTime":            validity(good, date(der.GeneralizedTime, "20340601000000Z")),
		"serial of 20 octets":        body(1, tlv(der.INTEGER, bytes.Repeat([]byte{0x7f}, 20))),
		"unique identifiers":         body(6, slices.Concat(ring().ds.spki, tlv(context(1), []byte{0, 1}), tlv(context(2), []byte{0, 1}))),
		"private key use unreadable": ext(extension(false, oid(2, 5, 29, 16), []byte("?"))),
		"critical flag says no":      ext(seq(oid(2, 5, 29, 14), []byte{1, 1, 0}, octets(octets([]byte{1})))),
		"arcs of any size":           ext(extension(false, []byte{6, 8, 0x69, 0x8f, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, null)),
	}
	refused := map[string]func(*scene) []byte{
		"nothing":                           func(*scene) []byte { return nil },
		"something after":                   func(s *scene) []byte { return append(s.ds.der(), 0) },
		"indefinite length":                 func(s *scene) []byte { return slices.Concat([]byte{0x30, 0x80}, s.ds.der()[4:], []byte{0, 0}) },
		"length in more octets than needed": func(s *scene) []byte { d := s.ds.der(); return slices.Concat([]byte{0x30, 0x83, 0}, d[2:]) },
		"17 KiB":                            func(s *scene) []byte { s.ds.subject = dn("UT", strings.Repeat("A", 17<<10)); return s.ds.der() },
		"version 1":                         func(s *scene) []byte { s.ds.version = 0; return s.ds.der() },
		"version 4":                         func(s *scene) []byte { s.ds.version = 3; return s.ds.der() },
		"no version":                        body(0, nil),
		"serial of 22 octets":               body(1, tlv(der.INTEGER, bytes.Repeat([]byte{0x7f}, 22))),
		"serial negative":                   body(1, integer(-1)),
		"serial not in the fewest octets":   body(1, []byte{2, 2, 0, 1}),
		"serial empty":                      body(1, []byte{2, 0}),
		"another algorithm outside":         func(s *scene) []byte { s.ds.outerAlg = algorithm(ecdsaOID(3)); return s.ds.der() },
		"no issuer":                         body(3, seq()),
		"no subject":                        body(5, seq()),
		"subject with an empty set":         body(5, seq(tlv(der.SET))),
		"subject of 33 attributes":          body(5, seq(slices.Repeat([][]byte{attribute(3, der.UTF8String, "A")}, 33)...)),
		"validity of three":                 body(4, seq(good, late, late)),
		"validity backwards":                validity(late, good),
		"time without seconds":              validity(date(der.UTCTime, "2406010000Z"), late),
		"time with an offset":               validity(date(der.UTCTime, "240601000000+0000"), late),
		"time of the 32nd":                  validity(date(der.UTCTime, "240632000000Z"), late),
		"time with a fraction":              validity(good, date(der.GeneralizedTime, "20340601000000.5Z")),
		"time of another kind":              validity(octets([]byte("240601000000Z")), late),
		"key cut short":                     body(6, seq(algorithm(rsaOID(1), null))),
		"key with odd bits":                 body(6, seq(algorithm(rsaOID(1), null), []byte{3, 2, 1, 0})),
		"no extension in the list":          ext(),
		"extension twice":                   ext(subjectKeyID([]byte{1}), subjectKeyID([]byte{1})),
		"33 extensions":                     func(s *scene) []byte { return ext(many(33)...)(s) },
		"extension without value":           ext(seq(oid(1, 2, 3))),
		"extension with more":               ext(seq(oid(1, 2, 3), octets(nil), null)),
		"critical flag of 2":                ext(seq(oid(1, 2, 3), []byte{1, 1, 2}, octets(nil))),
		"extensions twice":                  func(s *scene) []byte { s.ds.tail = explicit(3, seq(subjectKeyID([]byte{1}))); return s.ds.der() },
		"something after the extensions":    func(s *scene) []byte { s.ds.tail = null; return s.ds.der() },
		"key usage of another type":         ext(extension(true, oid(2, 5, 29, 15), octets([]byte{0x80}))),
		"key usage of ten bits":             ext(extension(true, oid(2, 5, 29, 15), []byte{3, 3, 6, 0x80, 0x40})),
		"key usage with more":               ext(extension(true, oid(2, 5, 29, 15), append([]byte{3, 2, 7, 0x80}, 0))),
		"path length negative":              ext(extension(true, oid(2, 5, 29, 19), seq([]byte{1, 1, 0xff}, integer(-1)))),
		"path length of 9 octets":           ext(extension(true, oid(2, 5, 29, 19), seq([]byte{1, 1, 0xff}, tlv(der.INTEGER, bytes.Repeat([]byte{0x7f}, 9))))),
		"basic constraints with more":       ext(extension(true, oid(2, 5, 29, 19), seq([]byte{1, 1, 0xff}, integer(0), null))),
		"CA flag of 1":                      ext(extension(true, oid(2, 5, 29, 19), seq([]byte{1, 1, 1}))),
		"subject key identifier empty":      ext(subjectKeyID(nil)),
		"subject key identifier of 65":      ext(subjectKeyID(make([]byte, 65))),
		"authority key identifier of 65":    ext(authorityKeyID(make([]byte, 65))),
		"authority key identifier no list":  ext(extension(false, oid(2, 5, 29, 35), octets([]byte{1}))),
		"signature with odd bits": func(s *scene) []byte {
			return seq(seq(fields(s.ds)...), s.ds.signer.alg, []byte{3, 2, 1, 0})
		},
	}
	for name, make := range accepted {
		t.Run("accepts "+name, func(t *testing.T) {
			t.Parallel()
			if _, err := csca.ParseCertificate(make(newScene())); err != nil {
				t.Error(err)
			}
		})
	}
	for name, make := range refused {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, err := csca.ParseCertificate(make(newScene())); !errors.Is(err, csca.Malformed) || c != nil {
				t.Errorf("got %v, %v", c, err)
			}
		})
	}
}

// fields are those of a TBSCertificate, one each.
func fields(d draft) [][]byte {
	return [][]byte{
		explicit(0, integer(d.version)), tlv(der.INTEGER, d.serial), d.signer.alg, d.issuer,
		seq(utc(d.from), utc(d.until)), d.subject, d.key.spki, explicit(3, seq(d.usage)),
	}
}

func many(n int) [][]byte {
	var out [][]byte
	for i := range n {
		out = append(out, extension(false, oid(1, 2, 3, i), null))
	}
	return out
}

// No prefix of a certificate parses, and none panics.
func TestParseCertificateTruncated(t *testing.T) {
	t.Parallel()
	raw := newScene().root.der()
	for n := range raw {
		if _, err := csca.ParseCertificate(raw[:n]); !errors.Is(err, csca.Malformed) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, country string
		der                 []byte
	}{
		{"base", "C=UT, O=TEST, CN=A", "UT", dn("UT", "A")},
		{"three letters", "C=UTO, O=TEST, CN=A", "UTO", dn("UTO", "A")},
		{"one letter", "C=D, O=TEST, CN=A", "", dn("D", "A")},
		{"digits", "C=U2, O=TEST, CN=A", "", dn("U2", "A")},
		{"no country", "CN=A", "", seq(attribute(3, der.UTF8String, "A"))},
		{"two countries", "C=UT, C=UT", "", seq(attribute(6, der.PrintableString, "UT"), attribute(6, der.PrintableString, "UT"))},
		{"country and more in one set", "C=UT, CN=A", "UT", seq(tlv(der.SET, seq(oid(2, 5, 4, 6), tlv(der.PrintableString, []byte("UT"))), seq(oid(2, 5, 4, 3), tlv(der.UTF8String, []byte("A")))))},
		{"accents", "C=FR, O=TEST, CN=Autorité", "FR", dn("FR", "Autorité")},
		{"control characters", `C=FR, O=TEST, CN=A\u000aB\u001b[0m`, "FR", dn("FR", "A\nB\x1b[0m")},
		{"separators", `C=FR, O=TEST, CN=A\, C\=UT\\`, "FR", dn("FR", `A, C=UT\`)},
		{"not UTF-8", "C=FR, O=TEST, CN=#41ff", "FR", dn("FR", "A\xff")},
		{"BMPString", "CN=#00410042", "", seq(attribute(3, der.Tag(30), "\x00A\x00B"))},
		{"other attributes", "serialNumber=1, L=L, ST=S, OU=U, #550463=x", "", seq(attribute(5, der.PrintableString, "1"), attribute(7, der.UTF8String, "L"), attribute(8, der.UTF8String, "S"), attribute(11, der.UTF8String, "U"), attribute(99, der.UTF8String, "x"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newScene().ds
			d.subject = tt.der
			c := d.parse(t)
			if c.Subject() != tt.text || c.Country() != tt.country {
				t.Errorf("got %q, %q", c.Subject(), c.Country())
			}
		})
	}
}

// Names are the same up to case, blanks and string type, and no further.
func TestNamesThatDiffer(t *testing.T) {
	t.Parallel()
	cn := func(tag der.Tag, v string) []byte { return attribute(3, tag, v) }
	tests := []struct {
		name string
		a, b []byte
		same bool
	}{
		{"one set or two", seq(cn(der.UTF8String, "A"), cn(der.UTF8String, "B")), seq(tlv(der.SET, seq(oid(2, 5, 4, 3), tlv(der.UTF8String, []byte("A"))), seq(oid(2, 5, 4, 3), tlv(der.UTF8String, []byte("B"))))), false},
		{"order", seq(cn(der.UTF8String, "A"), cn(der.UTF8String, "B")), seq(cn(der.UTF8String, "B"), cn(der.UTF8String, "A")), false},
		{"attribute", seq(cn(der.UTF8String, "A")), seq(attribute(10, der.UTF8String, "A")), false},
		{"blank inside", seq(cn(der.UTF8String, "A B")), seq(cn(der.UTF8String, "AB")), false},
		{"two blanks inside", seq(cn(der.UTF8String, "A B")), seq(cn(der.PrintableString, "A  b ")), true},
		{"accent", seq(cn(der.UTF8String, "É")), seq(cn(der.UTF8String, "E")), false},
		{"accent in another case", seq(cn(der.UTF8String, "É")), seq(cn(der.UTF8String, "é")), true},
		{"octets of another string type", seq(cn(der.Tag(20), "\xc9")), seq(cn(der.UTF8String, "É")), false},
		{"length moved", seq(cn(der.UTF8String, "AB"), cn(der.UTF8String, "C")), seq(cn(der.UTF8String, "A"), cn(der.UTF8String, "BC")), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d := newScene().root
			d.issuer, d.subject = tt.a, tt.b
			d.key = d.signer
			err := d.parse(t).CheckSelfSigned()
			if tt.same && err != nil || !tt.same && !errors.Is(err, csca.NotSelfSigned) {
				t.Errorf("same name: %v, got %v", tt.same, err)
			}
		})
	}
}

func TestCheckSelfSigned(t *testing.T) {
	t.Parallel()
	s := newScene()
	if err := s.root.parse(t).CheckSelfSigned(); err != nil {
		t.Error(err)
	}
	if err := s.bow.parse(t).CheckSelfSigned(); !errors.Is(err, csca.BadSignature) {
		t.Errorf("link: %v", err)
	}
	if err := s.ds.parse(t).CheckSelfSigned(); !errors.Is(err, csca.NotSelfSigned) {
		t.Errorf("signer: %v", err)
	}
	s.root.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
	if err := s.root.parse(t).CheckSelfSigned(); !errors.Is(err, csca.WeakDigest) {
		t.Errorf("SHA-1: %v", err)
	}
}

// The standard library writes certificates, we read them: what both know agrees.
func TestAgainstX509(t *testing.T) {
	t.Parallel()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, until := range []time.Time{day(2049, 12, 31), day(2050, 1, 1)} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(0xfedcba98), Subject: pkix.Name{Country: []string{"UT"}, CommonName: "TEST"},
			NotBefore: day(1999, 1, 1), NotAfter: until, IsCA: true, BasicConstraintsValid: true, MaxPathLen: 0, MaxPathLenZero: true,
			KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign, SubjectKeyId: []byte{1, 2, 3},
			ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 16}, Value: []byte{0}}},
		}
		raw, err := x509.CreateCertificate(rand.Reader, template, template, priv.Public(), priv)
		if err != nil {
			t.Fatal(err)
		}
		want, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		c, err := csca.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.RawSubject(), want.RawSubject) || !bytes.Equal(c.SubjectKeyID(), want.SubjectKeyId) ||
			!c.NotBefore().Equal(want.NotBefore) || !c.NotAfter().Equal(want.NotAfter) ||
			new(big.Int).SetBytes(c.Serial()).Cmp(want.SerialNumber) != 0 || c.IsCA() != want.IsCA || c.PathLen() != want.MaxPathLen {
			t.Errorf("%s: we and crypto/x509 read it otherwise", c)
		}
		if err := c.CheckSelfSigned(); err != nil {
			t.Error(err)
		}
	}
}
