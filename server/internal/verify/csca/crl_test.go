package csca_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	der "golang.org/x/crypto/cryptobyte/asn1"

	"pivot/server/internal/verify/csca"
)

func TestCRL(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.list.more = [][]byte{extension(false, oid(2, 5, 29, 20), integer(7)), extension(false, oid(1, 2, 3), null)}
	s.list.entries = append(s.list.entries, entry{serial: []byte{0, 0x90}, more: [][]byte{extension(false, oid(2, 5, 29, 21), []byte{10, 1, 1})}})
	c := s.list.parse(t)
	if c.Issuer() != "C=UT, O=TEST, CN=TEST CSCA" || c.Len() != 3 {
		t.Errorf("issuer %q, %d entries", c.Issuer(), c.Len())
	}
	if !c.ThisUpdate().Equal(s.list.this) || !c.NextUpdate().Equal(s.list.next) {
		t.Errorf("updates %v, %v", c.ThisUpdate(), c.NextUpdate())
	}
	for serial, want := range map[string]bool{"\x70": true, "\x60\x01": true, "\x00\x90": true, "\x90": false, "\x60": false, "\x01\x60": false, "": false} {
		if c.Revoked([]byte(serial)) != want {
			t.Errorf("serial %x: %v", serial, !want)
		}
	}
	if !strings.HasPrefix(c.String(), "crl of C=UT, O=TEST, CN=TEST CSCA (2026-06-20, sha256 ") || c.ID() == [32]byte{} {
		t.Errorf("string %q", c)
	}
}

func TestParseCRL(t *testing.T) {
	t.Parallel()
	entryWith := func(e ...[]byte) func(*listDraft) {
		return func(l *listDraft) { l.entries = []entry{{serial: []byte{1}, more: e}} }
	}
	with := func(e ...[]byte) func(*listDraft) { return func(l *listDraft) { l.more = e } }
	tests := []struct {
		name   string
		change func(*listDraft)
		want   csca.Reason
	}{
		{"base", func(*listDraft) {}, ""},
		{"nobody revoked", func(l *listDraft) { l.entries = nil }, ""},
		{"no extension", func(l *listDraft) { l.aki = nil }, ""},
		{"one serial twice", func(l *listDraft) { l.entries = append(l.entries, l.entries[0]) }, ""},
		{"reason code", entryWith(extension(false, oid(2, 5, 29, 21), []byte{10, 1, 1})), ""},
		{"version 1", func(l *listDraft) { l.version = -1 }, csca.Malformed},
		{"version 3", func(l *listDraft) { l.version = 2 }, csca.Malformed},
		{"no next update", func(l *listDraft) { l.next = time.Time{} }, csca.Malformed},
		{"updates backwards", func(l *listDraft) { l.next = l.this.Add(-time.Second) }, csca.Malformed},
		{"no issuer", func(l *listDraft) { l.issuer = seq() }, csca.Malformed},
		{"delta", with(extension(true, oid(2, 5, 29, 27), integer(1))), csca.UnsupportedCRL},
		{"delta, not critical", with(extension(false, oid(2, 5, 29, 27), integer(1))), csca.UnsupportedCRL},
		{"indirect or partial", with(extension(true, oid(2, 5, 29, 28), seq(tlv(context(4), []byte{0xff})))), csca.UnsupportedCRL},
		{"partial, not critical", with(extension(false, oid(2, 5, 29, 28), seq())), csca.UnsupportedCRL},
		{"entry of another issuer", entryWith(extension(true, oid(2, 5, 29, 29), seq())), csca.UnsupportedCRL},
		{"unknown critical extension", with(extension(true, oid(1, 2, 3), null)), csca.UnknownCritical},
		{"unknown critical entry extension", entryWith(extension(true, oid(1, 2, 3), null)), csca.UnsupportedCRL},
		{"extension twice", with(extension(false, oid(1, 2, 3), null), extension(false, oid(1, 2, 3), null)), csca.Malformed},
		{"key identifier empty", with(extension(false, oid(2, 5, 29, 35), seq(tlv(context(0))))), csca.Malformed},
		{"serial negative", func(l *listDraft) { l.entries[0].serial = []byte{0x80} }, csca.Malformed},
		{"serial not in the fewest octets", func(l *listDraft) { l.entries[0].serial = []byte{0, 1} }, csca.Malformed},
		{"serial of 22 octets", func(l *listDraft) { l.entries[0].serial = make([]byte, 22) }, csca.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			if tt.change(&s.list); tt.want == "" {
				if s.list.aki == nil && s.list.entries != nil {
					s.list.more = nil
				}
			} else if s.list.more != nil {
				s.list.aki = nil
			}
			c, err := csca.ParseCRL(s.list.der())
			if tt.want == "" && err != nil || tt.want != "" && (!errors.Is(err, tt.want) || c != nil) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestParseCRLForm(t *testing.T) {
	t.Parallel()
	raw := newScene().list.der()
	for n := range raw {
		if _, err := csca.ParseCRL(raw[:n]); !errors.Is(err, csca.Malformed) {
			t.Fatalf("%d octets: %v", n, err)
		}
	}
	l := newScene().list
	outer := seq(seq(integer(1), l.signer.alg, l.issuer, utc(l.this), utc(l.next)), algorithm(ecdsaOID(3)), bits([]byte{1}))
	tail := seq(seq(integer(1), l.signer.alg, l.issuer, utc(l.this), utc(l.next), null), l.signer.alg, bits([]byte{1}))
	noDate := seq(seq(integer(1), l.signer.alg, l.issuer, utc(l.this), utc(l.next), seq(seq(integer(1)))), l.signer.alg, bits([]byte{1}))
	for name, b := range map[string][]byte{"something after": append(slices.Clone(raw), 0), "another algorithm outside": outer, "something at the end": tail, "entry without date": noDate, "out of bounds": make([]byte, 4<<20+1)} {
		if _, err := csca.ParseCRL(b); !errors.Is(err, csca.Malformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A list at its greatest size: memory follows the input, and look-ups stay exact.
func TestLargeCRL(t *testing.T) {
	t.Parallel()
	l := newScene().list
	const n = 100_000
	l.entries = make([]entry, n)
	for i := range n {
		l.entries[i].serial = binary.BigEndian.AppendUint32(nil, uint32(n-i)|1<<30)
	}
	c := l.parse(t)
	if c.Len() != n {
		t.Fatalf("%d entries", c.Len())
	}
	for _, i := range []uint32{1, 2, n / 2, n} {
		if !c.Revoked(binary.BigEndian.AppendUint32(nil, i|1<<30)) {
			t.Errorf("%d not found", i)
		}
	}
	if c.Revoked(binary.BigEndian.AppendUint32(nil, (n+1)|1<<30)) || c.Revoked(binary.BigEndian.AppendUint32(nil, 1<<30)) {
		t.Error("found what is not there")
	}
}

func TestFreshnessNames(t *testing.T) {
	t.Parallel()
	for f, want := range map[csca.Freshness]string{csca.Absent: "absent", csca.Stale: "stale", csca.Fresh: "fresh", 9: "unknown"} {
		if f.String() != want {
			t.Errorf("%d: %q", f, f)
		}
	}
	if _, err := csca.ParseCRL(tlv(der.SEQUENCE)); err == nil || err.Error() != "csca: malformed: crl: frame" {
		t.Errorf("message %v", err)
	}
	if (&csca.Error{Reason: csca.DSRevoked}).Error() != "csca: ds-revoked" || !errors.Is(&csca.Error{Reason: csca.DSRevoked}, csca.DSRevoked) {
		t.Error("an error without detail")
	}
}
