package mrtd_test

import (
	"bytes"
	"crypto"
	"strings"
	"testing"
	"time"

	"pivot/shared/mrtd"
)

const (
	oidSHA1        = "1.3.14.3.2.26"
	oidSHA256      = "2.16.840.1.101.3.4.2.1"
	oidMD5         = "1.2.840.113549.2.5"
	oidRSASHA256   = "1.2.840.113549.1.1.11"
	oidLDS         = "2.23.136.1.1.1"
	oidSigned      = "1.2.840.113549.1.7.2"
	oidContentType = "1.2.840.113549.1.9.3"
	oidDigest      = "1.2.840.113549.1.9.4"
	oidTime        = "1.2.840.113549.1.9.5"
)

// sodParts are the encoded parts of a security object; a valid one with one
// changed part is a row of the tables below. A nil part is left out.
type sodParts struct {
	cmsVersion, digests, contentType, certificates, revocations []byte
	ldsVersion, groupDigest, groups, release, contentTail       []byte
	signerVersion, sid, signerDigest, attrs, algorithm          []byte
	signature, unsigned, secondSigner, signedTail               []byte
	content                                                     []byte // instead of the five above
}

func hash(b byte, size int) []byte { return bytes.Repeat([]byte{b}, size) }

func group(number int64, digest []byte) []byte { return seq(integer(number), octets(digest)) }

func attribute(dotted string, values ...[]byte) []byte { return seq(oid(dotted), setOf(values...)) }

func contentTypeAttr() []byte { return attribute(oidContentType, oid(oidLDS)) }

func digestAttr(size int) []byte { return attribute(oidDigest, octets(hash(9, size))) }

func issuerAndSerial() []byte {
	return seq(seq(setOf(seq(oid("2.5.4.6"), printable("UT")))), unsigned(unhex("80C0FFEE")))
}

func baseSOD() sodParts {
	return sodParts{
		cmsVersion: integer(3), digests: setOf(digestAlg(oidSHA256)), contentType: oid(oidLDS),
		certificates: ctx0(seq(integer(1)), seq(integer(2))),
		ldsVersion:   integer(0), groupDigest: digestAlg(oidSHA256),
		groups:        seq(group(1, hash(1, 32)), group(2, hash(2, 32)), group(14, hash(14, 32))),
		signerVersion: integer(1), sid: issuerAndSerial(), signerDigest: digestAlg(oidSHA256),
		attrs:     ctx0(contentTypeAttr(), digestAttr(32)),
		algorithm: digestAlg(oidRSASHA256), signature: octets(hash(5, 256)),
	}
}

func (p sodParts) signerInfo() []byte {
	return seq(p.signerVersion, p.sid, p.signerDigest, p.attrs, p.algorithm, p.signature, p.unsigned)
}

func (p sodParts) lds() []byte {
	if p.content != nil {
		return p.content
	}
	return seq(p.ldsVersion, p.groupDigest, p.groups, p.release, p.contentTail)
}

func (p sodParts) signedData() []byte {
	return seq(
		p.cmsVersion, p.digests, seq(p.contentType, ctx0(octets(p.lds()))), p.certificates, p.revocations,
		setOf(p.signerInfo(), p.secondSigner), p.signedTail,
	)
}

func (p sodParts) file() []byte {
	return element(0x77, seq(oid(oidSigned), ctx0(p.signedData())))
}

func TestSOD(t *testing.T) {
	t.Parallel()
	base := baseSOD()
	sod, err := mrtd.ParseSOD(base.file())
	if err != nil {
		t.Fatal(err)
	}
	if sod.LDSVersion != 0 || sod.LDSRelease != "" || sod.Digest != crypto.SHA256 || sod.DigestOID != oidSHA256 {
		t.Errorf("version %d, release %q, digest %v %s", sod.LDSVersion, sod.LDSRelease, sod.Digest, sod.DigestOID)
	}
	if len(sod.DataGroups) != 3 || !bytes.Equal(sod.DataGroups[14], hash(14, 32)) {
		t.Errorf("data groups %v", sod.DataGroups)
	}
	if !bytes.Equal(sod.Content, base.lds()) {
		t.Errorf("content %x", sod.Content)
	}
	if len(sod.Certificates) != 2 || !bytes.Equal(sod.Certificates[1], seq(integer(2))) {
		t.Errorf("certificates %x", sod.Certificates)
	}
	s := sod.Signer
	if !bytes.Equal(s.Serial, unhex("0080C0FFEE")) || s.SubjectKeyID != nil || !bytes.HasPrefix(s.Issuer, []byte{0x30}) {
		t.Errorf("signer %x, %x, %x", s.Issuer, s.Serial, s.SubjectKeyID)
	}
	if want := element(0x31, contentTypeAttr(), digestAttr(32)); !bytes.Equal(s.SignedAttrs, want) {
		t.Errorf("signed attributes %x, want %x", s.SignedAttrs, want)
	}
	if s.ContentType != oidLDS || !bytes.Equal(s.MessageDigest, hash(9, 32)) || s.SigningTime != nil || s.Digest != crypto.SHA256 {
		t.Errorf("content type %s, digest %x, time %v, %v", s.ContentType, s.MessageDigest, s.SigningTime, s.Digest)
	}
	if !bytes.Equal(s.SignatureAlgorithm, digestAlg(oidRSASHA256)) || !bytes.Equal(s.Signature, hash(5, 256)) {
		t.Errorf("algorithm %x, signature %x", s.SignatureAlgorithm, s.Signature)
	}
}

func TestSODAccepted(t *testing.T) {
	t.Parallel()
	release := seq(printable("0108"), printable("040000"))
	for _, row := range []struct {
		name   string
		change func(*sodParts)
		check  func(mrtd.SOD) bool
	}{
		{
			"version 1", func(p *sodParts) { p.ldsVersion, p.release = integer(1), release },
			func(s mrtd.SOD) bool { return s.LDSVersion == 1 && s.LDSRelease == "0108" },
		},
		{
			"groups in any order", func(p *sodParts) { p.groups = seq(group(14, hash(14, 32)), group(1, hash(1, 32))) },
			func(s mrtd.SOD) bool { return len(s.DataGroups) == 2 },
		},
		{
			"sha-1 is a value", func(p *sodParts) { p.groupDigest, p.groups = digestAlg(oidSHA1), seq(group(1, hash(1, 20))) },
			func(s mrtd.SOD) bool { return s.Digest == crypto.SHA1 },
		},
		{
			"md5 is not known", func(p *sodParts) { p.groupDigest, p.groups = digestAlg(oidMD5), seq(group(1, hash(1, 16))) },
			func(s mrtd.SOD) bool { return s.Digest == 0 && s.DigestOID == oidMD5 },
		},
		{
			"digest without null", func(p *sodParts) { p.groupDigest = seq(oid(oidSHA256)) },
			func(s mrtd.SOD) bool { return s.Digest == crypto.SHA256 },
		},
		{
			"no certificate", func(p *sodParts) { p.certificates = nil },
			func(s mrtd.SOD) bool { return len(s.Certificates) == 0 },
		},
		{
			"four certificates", func(p *sodParts) { p.certificates = ctx0(bytes.Repeat(seq(integer(1)), 4)) },
			func(s mrtd.SOD) bool { return len(s.Certificates) == 4 },
		},
		{
			"revocation list", func(p *sodParts) { p.revocations = element(0xA1, seq(integer(1))) },
			func(s mrtd.SOD) bool { return len(s.Certificates) == 2 },
		},
		{
			"subject key identifier", func(p *sodParts) { p.signerVersion, p.sid = integer(3), element(0x80, hash(7, 20)) },
			func(s mrtd.SOD) bool {
				return bytes.Equal(s.Signer.SubjectKeyID, hash(7, 20)) && s.Signer.Issuer == nil && s.Signer.Serial == nil
			},
		},
		{
			"negative serial", func(p *sodParts) { p.sid = seq(seq(), integer(-5)) },
			func(s mrtd.SOD) bool { return bytes.Equal(s.Signer.Serial, unhex("FB")) },
		},
		{
			"no signed attributes", func(p *sodParts) { p.attrs = nil },
			func(s mrtd.SOD) bool {
				return s.Signer.SignedAttrs == nil && s.Signer.MessageDigest == nil && s.Signer.ContentType == ""
			},
		},
		{
			"attributes in the order received", func(p *sodParts) { p.attrs = ctx0(digestAttr(32), contentTypeAttr()) },
			func(s mrtd.SOD) bool {
				return bytes.Equal(s.Signer.SignedAttrs, element(0x31, digestAttr(32), contentTypeAttr()))
			},
		},
		{
			"signing time", func(p *sodParts) { p.attrs = withTime(0x17, "210315120000Z") },
			func(s mrtd.SOD) bool {
				return s.Signer.SigningTime.Equal(time.Date(2021, time.March, 15, 12, 0, 0, 0, time.UTC))
			},
		},
		{
			"signing time in full", func(p *sodParts) { p.attrs = withTime(0x18, "20510315120000Z") },
			func(s mrtd.SOD) bool { return s.Signer.SigningTime.Year() == 2051 },
		},
		{
			"other attribute", func(p *sodParts) { p.attrs = ctx0(contentTypeAttr(), digestAttr(32), attribute("1.2.3", null())) },
			func(s mrtd.SOD) bool { return s.Signer.MessageDigest != nil },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := baseSOD()
			row.change(&p)
			sod, err := mrtd.ParseSOD(p.file())
			if err != nil {
				t.Fatal(err)
			}
			if !row.check(sod) {
				t.Errorf("%+v", sod)
			}
		})
	}
}

func withTime(tag byte, text string) []byte {
	value := concat([]byte{tag, byte(len(text))}, []byte(text))
	return ctx0(contentTypeAttr(), digestAttr(32), attribute(oidTime, value))
}

// refuseSODs checks that each change of a valid security object is refused, with
// an error that speaks of what was changed.
func refuseSODs(t *testing.T, rows map[string]sodRow) {
	t.Helper()
	base := baseSOD()
	if _, err := mrtd.ParseSOD(base.file()); err != nil {
		t.Fatalf("base: %v", err)
	}
	for name, row := range rows {
		p := baseSOD()
		row.change(&p)
		sod, err := mrtd.ParseSOD(p.file())
		switch {
		case err == nil:
			t.Errorf("%s: accepted", name)
		case !strings.Contains(err.Error(), row.because):
			t.Errorf("%s: got %q, want %q", name, err, row.because)
		case sod.Content != nil || sod.DataGroups != nil:
			t.Errorf("%s: refused with a value", name)
		}
	}
}

type sodRow struct {
	because string
	change  func(*sodParts)
}

func TestSODContentRefused(t *testing.T) {
	t.Parallel()
	release := seq(printable("0108"), printable("040000"))
	refuseSODs(t, map[string]sodRow{
		"other content type":         {"not an lds", func(p *sodParts) { p.contentType = oid("1.2.840.113549.1.7.1") }},
		"version 2":                  {"version of lds", func(p *sodParts) { p.ldsVersion = integer(2) }},
		"version -1":                 {"version of lds", func(p *sodParts) { p.ldsVersion = integer(-1) }},
		"version 0 with a release":   {"trailing", func(p *sodParts) { p.release = release }},
		"version 1 without release":  {"lds version", func(p *sodParts) { p.ldsVersion = integer(1) }},
		"release of three digits":    {"lds version", func(p *sodParts) { p.ldsVersion, p.release = integer(1), seq(printable("108"), printable("040000")) }},
		"release in letters":         {"lds version", func(p *sodParts) { p.ldsVersion, p.release = integer(1), seq(printable("01O8"), printable("040000")) }},
		"unicode version missing":    {"lds version", func(p *sodParts) { p.ldsVersion, p.release = integer(1), seq(printable("0108")) }},
		"trailing element":           {"trailing", func(p *sodParts) { p.contentTail = null() }},
		"trailing byte":              {"one sequence", func(p *sodParts) { p.content = append(p.lds(), 0) }},
		"indefinite content":         {"one sequence", func(p *sodParts) { p.content = indefinite(p.lds()) }},
		"empty content":              {"one sequence", func(p *sodParts) { p.content = []byte{} }},
		"group 0":                    {"does not exist", func(p *sodParts) { p.groups = seq(group(0, hash(1, 32))) }},
		"group 17":                   {"does not exist", func(p *sodParts) { p.groups = seq(group(17, hash(1, 32))) }},
		"huge group":                 {"malformed", func(p *sodParts) { p.groups = seq(seq(unhex("020A01020304050607080910"), octets(hash(1, 32)))) }},
		"group twice":                {"again", func(p *sodParts) { p.groups = seq(group(1, hash(1, 32)), group(1, hash(1, 32))) }},
		"no group":                   {"no data group", func(p *sodParts) { p.groups = seq() }},
		"short digest":               {"31 bytes", func(p *sodParts) { p.groups = seq(group(1, hash(1, 31))) }},
		"long digest":                {"33 bytes", func(p *sodParts) { p.groups = seq(group(1, hash(1, 33))) }},
		"unknown digest, empty":      {"0 bytes", func(p *sodParts) { p.groupDigest, p.groups = digestAlg(oidMD5), seq(group(1, nil)) }},
		"unknown digest, long":       {"65 bytes", func(p *sodParts) { p.groupDigest, p.groups = digestAlg(oidMD5), seq(group(1, hash(1, 65))) }},
		"digest with parameters":     {"malformed", func(p *sodParts) { p.groupDigest = seq(oid(oidSHA256), integer(1)) }},
		"digest with a longer null":  {"malformed", func(p *sodParts) { p.groupDigest = seq(oid(oidSHA256), element(0x05, []byte{0})) }},
		"digest with two parameters": {"malformed", func(p *sodParts) { p.groupDigest = seq(oid(oidSHA256), null(), null()) }},
		"group with a tail":          {"malformed", func(p *sodParts) { p.groups = seq(seq(integer(1), octets(hash(1, 32)), null())) }},
	})
}

func TestSignedDataRefused(t *testing.T) {
	t.Parallel()
	second := baseSOD().signerInfo()
	refuseSODs(t, map[string]sodRow{
		"version 0":                  {"version", func(p *sodParts) { p.cmsVersion = integer(0) }},
		"version 2":                  {"version", func(p *sodParts) { p.cmsVersion = integer(2) }},
		"version 6":                  {"version", func(p *sodParts) { p.cmsVersion = integer(6) }},
		"digests of another type":    {"digest algorithms", func(p *sodParts) { p.digests = seq(digestAlg(oidSHA256)) }},
		"nine digests":               {"digest algorithms", func(p *sodParts) { p.digests = setOf(bytes.Repeat(digestAlg(oidSHA256), 9)) }},
		"malformed digest":           {"digest algorithms", func(p *sodParts) { p.digests = setOf(null()) }},
		"two signers":                {"more than one signer", func(p *sodParts) { p.secondSigner = second }},
		"something after the signer": {"more than one signer", func(p *sodParts) { p.secondSigner = null() }},
		"five certificates":          {"out of bounds", func(p *sodParts) { p.certificates = ctx0(bytes.Repeat(seq(integer(1)), 5)) }},
		"certificate of 9 KiB":       {"out of bounds", func(p *sodParts) { p.certificates = ctx0(seq(octets(make([]byte, 9<<10)))) }},
		"certificate of other kind":  {"malformed certificate", func(p *sodParts) { p.certificates = ctx0(element(0xA2, integer(1))) }},
		"five revocation lists":      {"revocation", func(p *sodParts) { p.revocations = element(0xA1, bytes.Repeat(seq(), 5)) }},
		"malformed revocation list":  {"revocation", func(p *sodParts) { p.revocations = element(0xA1, []byte{0x30, 5}) }},
		"trailing element":           {"signer infos", func(p *sodParts) { p.signedTail = null() }},
	})
	p := baseSOD()
	for name, file := range map[string][]byte{
		"empty":               nil,
		"other tag":           element(0x78, seq(oid(oidSigned), ctx0(p.signedData()))),
		"trailing byte":       append(p.file(), 0),
		"truncated":           p.file()[:200],
		"indefinite file":     indefinite(p.file()),
		"indefinite info":     element(0x77, indefinite(seq(oid(oidSigned), ctx0(p.signedData())))),
		"indefinite data":     element(0x77, seq(oid(oidSigned), ctx0(indefinite(p.signedData())))),
		"non-minimal length":  element(0x77, seq(oid(oidSigned), ctx0(longLength(p.signedData())))),
		"two infos":           element(0x77, seq(oid(oidSigned), ctx0(p.signedData())), seq()),
		"enveloped data":      element(0x77, seq(oid("1.2.840.113549.1.7.3"), ctx0(p.signedData()))),
		"data twice":          element(0x77, seq(oid(oidSigned), ctx0(p.signedData(), p.signedData()))),
		"tail after the data": element(0x77, seq(oid(oidSigned), ctx0(p.signedData()), null())),
		"no signer":           element(0x77, seq(oid(oidSigned), ctx0(seq(p.cmsVersion, p.digests, seq(p.contentType, ctx0(octets(p.lds()))), setOf())))),
		"no content":          element(0x77, seq(oid(oidSigned), ctx0(seq(p.cmsVersion, p.digests, seq(p.contentType), setOf(p.signerInfo()))))),
		"content in pieces":   element(0x77, seq(oid(oidSigned), ctx0(seq(p.cmsVersion, p.digests, seq(p.contentType, ctx0(element(0x24, octets(p.lds())))), setOf(p.signerInfo()))))),
		"two GB announced":    unhex("77847FFFFFFF3084"),
		"larger than bound":   element(0x77, seq(oid(oidSigned), make([]byte, 40<<10))),
	} {
		if _, err := mrtd.ParseSOD(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSignerInfoRefused(t *testing.T) {
	t.Parallel()
	attrs := func(list ...[]byte) func(*sodParts) { return func(p *sodParts) { p.attrs = ctx0(list...) } }
	kind, digest := contentTypeAttr(), digestAttr(32)
	refuseSODs(t, map[string]sodRow{
		"key identifier, version 1": {"subject key", func(p *sodParts) { p.sid = element(0x80, hash(7, 20)) }},
		"empty key identifier":      {"subject key", func(p *sodParts) { p.signerVersion, p.sid = integer(3), element(0x80) }},
		"long key identifier":       {"subject key", func(p *sodParts) { p.signerVersion, p.sid = integer(3), element(0x80, hash(7, 65)) }},
		"issuer, version 3":         {"issuer", func(p *sodParts) { p.signerVersion = integer(3) }},
		"version missing":           {"signer info", func(p *sodParts) { p.signerVersion = nil }},
		"issuer of 2 KiB":           {"issuer", func(p *sodParts) { p.sid = seq(seq(octets(make([]byte, 2<<10))), integer(1)) }},
		"serial missing":            {"serial", func(p *sodParts) { p.sid = seq(seq()) }},
		"serial not minimal":        {"serial", func(p *sodParts) { p.sid = seq(seq(), unhex("02020001")) }},
		"negative, not minimal":     {"serial", func(p *sodParts) { p.sid = seq(seq(), unhex("0202FFFF")) }},
		"serial of 33 bytes":        {"serial", func(p *sodParts) { p.sid = seq(seq(), element(0x02, hash(1, 33))) }},
		"serial with a tail":        {"serial", func(p *sodParts) { p.sid = seq(seq(), integer(1), null()) }},
		"malformed digest":          {"digest algorithm", func(p *sodParts) { p.signerDigest = null() }},
		"unsigned attributes":       {"unsigned", func(p *sodParts) { p.unsigned = element(0xA1, attribute("1.2.3", null())) }},
		"trailing element":          {"trailing", func(p *sodParts) { p.unsigned = null() }},
		"no signature":              {"signature", func(p *sodParts) { p.signature = nil }},
		"empty signature":           {"signature", func(p *sodParts) { p.signature = octets() }},
		"signature of 2 KiB":        {"signature", func(p *sodParts) { p.signature = octets(make([]byte, 2<<10)) }},
		"algorithm missing":         {"signature", func(p *sodParts) { p.algorithm = nil }},
		"algorithm without oid":     {"signature", func(p *sodParts) { p.algorithm = seq(null()) }},
		"two parameters":            {"signature", func(p *sodParts) { p.algorithm = seq(oid(oidRSASHA256), null(), null()) }},
		"no attribute":              {"name the content", attrs()},
		"digest missing":            {"name the content", attrs(kind)},
		"content type missing":      {"name the content", attrs(digest)},
		"other content type":        {"name the content", attrs(attribute(oidContentType, oid("1.2.840.113549.1.7.1")), digest)},
		"digest twice":              {"again", attrs(kind, digest, digest)},
		"content type twice":        {"again", attrs(kind, kind, digest)},
		"two digests in one":        {oidDigest, attrs(kind, attribute(oidDigest, octets(hash(9, 32)), octets(hash(8, 32))))},
		"two content types in one":  {oidContentType, attrs(attribute(oidContentType, oid(oidLDS), oid(oidLDS)), digest)},
		"digest of 31 bytes":        {oidDigest, attrs(kind, digestAttr(31))},
		"empty attribute":           {"malformed signed attribute", attrs(kind, digest, attribute("1.2.3"))},
		"attribute without set":     {"malformed signed attribute", attrs(kind, digest, seq(oid("1.2.3"), null()))},
		"attribute with a tail":     {"malformed signed attribute", attrs(kind, digest, seq(oid("1.2.3"), setOf(null()), null()))},
		"attribute of nine values":  {"malformed signed attribute", attrs(kind, digest, attribute("1.2.3", bytes.Repeat(null(), 9)))},
		"attribute not a sequence":  {"malformed signed attribute", attrs(kind, digest, null())},
		"attributes indefinite":     {"malformed signed attributes", func(p *sodParts) { p.attrs = indefinite(p.attrs) }},
		"time without seconds":      {oidTime, func(p *sodParts) { p.attrs = withTime(0x17, "2103151200Z") }},
		"time with an offset":       {oidTime, func(p *sodParts) { p.attrs = withTime(0x17, "210315120000+0100") }},
		"time with a fraction":      {oidTime, func(p *sodParts) { p.attrs = withTime(0x18, "20210315120000.5Z") }},
		"time that is not":          {oidTime, func(p *sodParts) { p.attrs = withTime(0x17, "211332120000Z") }},
		"time of other type":        {oidTime, attrs(kind, digest, attribute(oidTime, printable("210315120000Z")))},
		"two times":                 {oidTime, attrs(kind, digest, attribute(oidTime, unhex("170D3231303331353132303030305A"), null()))},
		"seventeen attributes":      {"one too many", attrs(kind, digest, manyAttributes(15))},
	})
}

func manyAttributes(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, seq(concat(unhex("06032A03"), []byte{byte(i)}), setOf(null()))...)
	}
	return b
}

// TestSODDoesNotAliasSignedAttrs: the re-tagged attributes are a copy, the
// caller's file stays as it was.
func TestSODDoesNotAliasSignedAttrs(t *testing.T) {
	t.Parallel()
	base := baseSOD()
	file := base.file()
	before := bytes.Clone(file)
	if _, err := mrtd.ParseSOD(file); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file, before) {
		t.Error("the file was modified")
	}
}
