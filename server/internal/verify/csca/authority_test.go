package csca_test

import (
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	der "golang.org/x/crypto/cryptobyte/asn1"

	"pivot/server/internal/verify/csca"
)

// This file is a small certification authority: it writes certificates and lists
// octet by octet, so that a test can write what no library would.

func build(f cryptobyte.BuilderContinuation) []byte {
	var b cryptobyte.Builder
	f(&b)
	return b.BytesOrPanic()
}

func seq(parts ...[]byte) []byte { return tlv(der.SEQUENCE, parts...) }

func tlv(tag der.Tag, parts ...[]byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1(tag, func(b *cryptobyte.Builder) {
			for _, p := range parts {
				b.AddBytes(p)
			}
		})
	})
}

func oid(arcs ...int) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(arcs) })
}

func integer(v int64) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1Int64(v) })
}

func bigInteger(v *big.Int) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(v) })
}

func octets(v []byte) []byte { return tlv(der.OCTET_STRING, v) }

func bits(v []byte) []byte {
	return build(func(b *cryptobyte.Builder) { b.AddASN1BitString(v) })
}

func context(n uint8) der.Tag { return der.Tag(n).ContextSpecific() }

func explicit(n uint8, parts ...[]byte) []byte { return tlv(context(n).Constructed(), parts...) }

var null = []byte{5, 0}

// Names.

func attribute(kind int, tag der.Tag, value string) []byte {
	return tlv(der.SET, seq(oid(2, 5, 4, kind), tlv(tag, []byte(value))))
}

func dn(country, common string) []byte {
	return seq(attribute(6, der.PrintableString, country), attribute(10, der.UTF8String, "TEST"), attribute(3, der.UTF8String, common))
}

// Extensions.

func extension(critical bool, id, value []byte) []byte {
	if critical {
		return seq(id, []byte{1, 1, 0xff}, octets(value))
	}
	return seq(id, octets(value))
}

// usage builds keyUsage from bit numbers of RFC 5280 §4.2.1.3.
func usage(numbers ...int) []byte {
	s := asn1.BitString{Bytes: make([]byte, 1)}
	for _, n := range numbers {
		s.Bytes[0] |= 0x80 >> n
		s.BitLength = max(s.BitLength, n+1)
	}
	v, err := asn1.Marshal(s)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return extension(true, oid(2, 5, 29, 15), v)
}

func ca(pathLen int) []byte {
	parts := [][]byte{{1, 1, 0xff}}
	if pathLen >= 0 {
		parts = append(parts, integer(int64(pathLen)))
	}
	return extension(true, oid(2, 5, 29, 19), seq(parts...))
}

func subjectKeyID(id []byte) []byte { return extension(false, oid(2, 5, 29, 14), octets(id)) }

func authorityKeyID(id []byte) []byte {
	return extension(false, oid(2, 5, 29, 35), seq(tlv(context(0), id)))
}

// A draft is a certificate to be written.
type draft struct {
	version         int64
	serial          []byte // content octets
	alg, outerAlg   []byte // default: the signer's
	issuer, subject []byte
	from, until     time.Time
	key, signer     *keyPair
	basic, usage    []byte // extensions; nil: left out
	ski, aki        []byte // identifiers; nil: left out
	more            [][]byte
	tail            []byte // after the extensions
	spoil           bool   // flips a bit of the signature
}

func (d draft) der() []byte {
	alg, outer := d.alg, d.outerAlg
	if alg == nil {
		alg = d.signer.alg
	}
	if outer == nil {
		outer = alg
	}
	var exts [][]byte
	for _, e := range [][]byte{d.basic, d.usage} {
		if e != nil {
			exts = append(exts, e)
		}
	}
	if d.ski != nil {
		exts = append(exts, subjectKeyID(d.ski))
	}
	if d.aki != nil {
		exts = append(exts, authorityKeyID(d.aki))
	}
	exts = append(exts, d.more...)
	parts := [][]byte{explicit(0, integer(d.version)), tlv(der.INTEGER, d.serial), alg, d.issuer, seq(utc(d.from), utc(d.until)), d.subject, d.key.spki}
	if len(exts) > 0 {
		parts = append(parts, explicit(3, seq(exts...)))
	}
	return envelope(seq(append(parts, d.tail)...), outer, d.signer, d.spoil)
}

func envelope(tbs, alg []byte, signer *keyPair, spoil bool) []byte {
	sig := signer.sign(tbs)
	if spoil {
		sig[len(sig)-1] ^= 1
	}
	return seq(tbs, alg, bits(sig))
}

func utc(t time.Time) []byte { return tlv(der.UTCTime, []byte(t.UTC().Format("060102150405Z"))) }

func (d draft) parse(t testing.TB) *csca.Certificate {
	t.Helper()
	c, err := csca.ParseCertificate(d.der())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// An entry of a list, with its extensions.
type entry struct {
	serial []byte
	more   [][]byte
}

// A listDraft is a revocation list to be written.
type listDraft struct {
	version    int64 // -1: left out
	alg        []byte
	issuer     []byte
	this, next time.Time // next zero: left out
	entries    []entry
	aki        []byte
	more       [][]byte
	signer     *keyPair
	spoil      bool
}

func (d listDraft) der() []byte {
	alg := d.alg
	if alg == nil {
		alg = d.signer.alg
	}
	var parts [][]byte
	if d.version >= 0 {
		parts = append(parts, integer(d.version))
	}
	parts = append(parts, alg, d.issuer, utc(d.this))
	if !d.next.IsZero() {
		parts = append(parts, utc(d.next))
	}
	var entries [][]byte
	for _, e := range d.entries {
		fields := [][]byte{tlv(der.INTEGER, e.serial), utc(d.this)}
		if len(e.more) > 0 {
			fields = append(fields, seq(e.more...))
		}
		entries = append(entries, seq(fields...))
	}
	if len(entries) > 0 {
		parts = append(parts, seq(entries...))
	}
	exts := d.more
	if d.aki != nil {
		exts = append([][]byte{authorityKeyID(d.aki)}, exts...)
	}
	if len(exts) > 0 {
		parts = append(parts, explicit(0, seq(exts...)))
	}
	return envelope(seq(parts...), alg, d.signer, d.spoil)
}

func (d listDraft) parse(t testing.TB) *csca.CRL {
	t.Helper()
	c, err := csca.ParseCRL(d.der())
	if err != nil {
		t.Fatal(err)
	}
	return c
}
