package card_test

import (
	"bytes"
	"crypto"
	"errors"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"

	"pivot/server/internal/verify/card"
	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

// digestOf is one entry of the list of signed digests.
type digestOf struct {
	group  uint8
	digest []byte
}

// planned is one read of a session.
type planned struct {
	group          uint8
	offset, length uint32
}

// storedSession is the encoding of a session, field by field: what a broken or a foreign store could give back.
type storedSession struct {
	version, recalled uint8
	keys, country     []byte
	digest            uint8
	groups            []digestOf
	reads             []planned
	memory            []byte
	opening           string
	public, after     []byte
}

func validSession(tb testing.TB) *storedSession {
	tb.Helper()
	return &storedSession{
		version: 2, keys: must(sm.AES256.Derive([]byte("TEST")))(tb).Marshal(), country: []byte("FR"),
		digest: uint8(crypto.SHA256), groups: []digestOf{{1, make([]byte, 32)}, {13, make([]byte, 32)}},
		reads: []planned{{1, 0, 95}, {13, 0, 223}}, memory: []byte("TEST"),
		opening: "opening-1", public: make([]byte, 65),
	}
}

func (s *storedSession) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(s.version)
	b.AddUint8(s.recalled)
	addBytes(b, s.keys)
	addBytes(b, s.country)
	b.AddUint8(s.digest)
	addDigests(b, s.groups)
	b.AddUint16(uint16(len(s.reads)))
	for _, r := range s.reads {
		b.AddUint8(r.group)
		b.AddUint24(r.offset)
		b.AddUint24(r.length)
	}
	addBytes(b, s.memory)
	addBytes(b, []byte(s.opening))
	addBytes(b, s.public)
	b.AddBytes(s.after)
	return b.BytesOrPanic()
}

func addBytes(b *cryptobyte.Builder, v []byte) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func addDigests(b *cryptobyte.Builder, groups []digestOf) {
	b.AddUint8(uint8(len(groups)))
	for _, g := range groups {
		b.AddUint8(g.group)
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(g.digest) })
	}
}

// TestStoredSession changes one field of a valid encoding.
func TestStoredSession(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*storedSession)
		ok     bool
	}{
		{"nothing changed", func(*storedSession) {}, true},
		{"recalled", func(s *storedSession) { s.recalled = 1 }, true},
		{"no memory", func(s *storedSession) { s.memory = nil }, true},
		{"an opening without name", func(s *storedSession) { s.opening = "" }, true},
		{"an opening of the longest name", func(s *storedSession) { s.opening = strings.Repeat("o", 64) }, true},
		{"a point of the widest curve", func(s *storedSession) { s.public = make([]byte, 133) }, true},
		{"SHA-512", func(s *storedSession) { s.digest, s.groups = uint8(crypto.SHA512), digests(64, 1, 13) }, true},
		{"every data group", func(s *storedSession) { s.groups = digests(32, every()...) }, true},
		{"the longest batch", func(s *storedSession) { s.reads = slices.Repeat(s.reads, 80) }, true},
		{"version 0", func(s *storedSession) { s.version = 0 }, false},
		{"version 1", func(s *storedSession) { s.version = 1 }, false},
		{"version 3", func(s *storedSession) { s.version = 3 }, false},
		{"flag of 2", func(s *storedSession) { s.recalled = 2 }, false},
		{"no keys", func(s *storedSession) { s.keys = nil }, false},
		{"keys of suite 0", func(s *storedSession) { s.keys[0] = 0 }, false},
		{"keys of another suite", func(s *storedSession) { s.keys[0] = uint8(sm.AES128) }, false},
		{"keys cut short", func(s *storedSession) { s.keys = s.keys[1:] }, false},
		{"no digest", func(s *storedSession) { s.digest = 0 }, false},
		{"digest unknown", func(s *storedSession) { s.digest = 200 }, false},
		{"SHA-1", func(s *storedSession) { s.digest, s.groups = uint8(crypto.SHA1), digests(20, 1, 13) }, false},
		{"SHA-224", func(s *storedSession) { s.digest, s.groups = uint8(crypto.SHA224), digests(28, 1, 13) }, false},
		{"digest short by a byte", func(s *storedSession) { s.groups[1].digest = make([]byte, 31) }, false},
		{"digest long by a byte", func(s *storedSession) { s.groups[1].digest = make([]byte, 33) }, false},
		{"group 0", func(s *storedSession) { s.groups = digests(32, 0, 1, 13) }, false},
		{"group 17", func(s *storedSession) { s.groups = digests(32, 1, 13, 17) }, false},
		{"a group twice", func(s *storedSession) { s.groups = digests(32, 1, 13, 13) }, false},
		{"groups out of order", func(s *storedSession) { s.groups = digests(32, 13, 1) }, false},
		{"a read of a group without digest", func(s *storedSession) { s.reads[1].group = 2 }, false},
		{"no group", func(s *storedSession) { s.groups = nil }, false},
		{"no read", func(s *storedSession) { s.reads = nil }, false},
		{"a read too many", func(s *storedSession) { s.reads = append(slices.Repeat(s.reads, 80), s.reads[0]) }, false},
		{"an opening of a longer name", func(s *storedSession) { s.opening = strings.Repeat("o", 65) }, false},
		{"no ephemeral key", func(s *storedSession) { s.public = nil }, false},
		{"an ephemeral key of no curve", func(s *storedSession) { s.public = make([]byte, 134) }, false},
		{"a byte after", func(s *storedSession) { s.after = []byte{0} }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			stored := validSession(t)
			tc.change(stored)
			open, err := card.Resume(stored.encode())
			if (err == nil) != tc.ok || (open != nil) != tc.ok {
				t.Fatalf("accepted %v, want %v: %v", err == nil, tc.ok, err)
			}
			if tc.ok && !bytes.Equal(open.Marshal(), stored.encode()) {
				t.Error("read and written otherwise")
			}
		})
	}
}

func digests(length int, groups ...uint8) []digestOf {
	var out []digestOf
	for _, g := range groups {
		out = append(out, digestOf{g, make([]byte, length)})
	}
	return out
}

func every() []uint8 {
	var out []uint8
	for n := range 16 {
		out = append(out, uint8(n+1))
	}
	return out
}

// storedCard is the encoding of a memory, field by field.
type storedCard struct {
	version, digest uint8
	groups          []digestOf
	curve           uint8
	point           []byte
	suite           uint8
	oid             []byte
	numbered, dated uint8
	unix            uint64
	signer          []byte
	others          [][]byte
}

// validCard is the memory of the document as the package writes it.
func (d *document) validCard() *storedCard {
	c := &storedCard{
		version: 1, digest: uint8(crypto.SHA256), curve: uint8(chipCurve().ParameterID()),
		point: chipCurve().BaseMul(d.key).Bytes(), suite: uint8(sm.AES256), oid: oid(bsi + "3.2.4")[2:],
		dated: 1, unix: uint64(noon().Unix()), signer: d.state.signer,
	}
	for _, n := range []int{1, 13} {
		c.groups = append(c.groups, digestOf{uint8(n), sum(crypto.SHA256, d.groups[n])})
	}
	return c
}

func (c *storedCard) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(c.version)
	b.AddUint8(c.digest)
	addDigests(b, c.groups)
	b.AddUint8(c.curve)
	addBytes(b, c.point)
	b.AddUint8(c.suite)
	addBytes(b, c.oid)
	b.AddUint8(c.numbered)
	if c.numbered == 1 {
		b.AddUint32(7)
	}
	b.AddUint8(c.dated)
	b.AddUint64(c.unix)
	addBytes(b, c.signer)
	b.AddUint8(uint8(len(c.others)))
	for _, other := range c.others {
		addBytes(b, other)
	}
	return b.BytesOrPanic()
}

// TestStoredCard changes one field of a valid encoding.
func TestStoredCard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*storedCard)
		ok     bool
	}{
		{"nothing changed", func(*storedCard) {}, true},
		{"a number of the key", func(c *storedCard) { c.numbered = 1 }, true},
		{"not dated", func(c *storedCard) { c.dated = 0 }, true},
		{"four certificates", func(c *storedCard) { c.others = slices.Repeat([][]byte{c.signer}, 4) }, true},
		{"AES-128", func(c *storedCard) { c.suite = uint8(sm.AES128) }, true},
		{"version 0", func(c *storedCard) { c.version = 0 }, false},
		{"version 2", func(c *storedCard) { c.version = 2 }, false},
		{"no digest", func(c *storedCard) { c.digest = 0 }, false},
		{"digest unknown", func(c *storedCard) { c.digest = 200 }, false},
		{"SHA-1", func(c *storedCard) { c.digest, c.groups = uint8(crypto.SHA1), digests(20, 1, 13) }, false},
		{"digest short by a byte", func(c *storedCard) { c.groups[1].digest = make([]byte, 31) }, false},
		{"digest long by a byte", func(c *storedCard) { c.groups[1].digest = make([]byte, 33) }, false},
		{"group 0", func(c *storedCard) { c.groups = digests(32, 0, 1) }, false},
		{"group 17", func(c *storedCard) { c.groups = digests(32, 1, 17) }, false},
		{"a group twice", func(c *storedCard) { c.groups = digests(32, 1, 1) }, false},
		{"groups out of order", func(c *storedCard) { c.groups = digests(32, 13, 1) }, false},
		{"curve unknown", func(c *storedCard) { c.curve = 10 }, false},
		{"point of another curve", func(c *storedCard) { c.curve = uint8(brainpool.NISTP256().ParameterID()) }, false},
		{"point off its curve", func(c *storedCard) { c.point[len(c.point)-1] ^= 1 }, false},
		{"no point", func(c *storedCard) { c.point = nil }, false},
		{"suite 0", func(c *storedCard) { c.suite = 0 }, false},
		{"suite unknown", func(c *storedCard) { c.suite = 4 }, false},
		{"number flag of 2", func(c *storedCard) { c.numbered = 2 }, false},
		{"date flag of 2", func(c *storedCard) { c.dated = 2 }, false},
		{"signer that is no certificate", func(c *storedCard) { c.signer = c.signer[1:] }, false},
		{"another that is no certificate", func(c *storedCard) { c.others = [][]byte{nil} }, false},
		{"five certificates", func(c *storedCard) { c.others = slices.Repeat([][]byte{c.signer}, 5) }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			stored := d.validCard()
			tc.change(stored)
			chip, err := card.Recall(stored.encode(), d.state.policy, noon())
			if (err == nil) != tc.ok || (chip != nil) != tc.ok {
				t.Fatalf("accepted %v, want %v: %v", err == nil, tc.ok, err)
			}
			// A broken store is no refusal of the card.
			if _, refused := errors.AsType[*card.Refusal](err); refused {
				t.Error(err)
			}
		})
	}
}

// TestSigningTimeIsRemembered has a signer that has expired since: what was signed in its time stays good, as at first.
func TestSigningTimeIsRemembered(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	stored := d.validCard()
	later := noon().AddDate(6, 0, 0)
	if _, err := card.Recall(stored.encode(), d.state.policy, later); err != nil {
		t.Errorf("signed in time: %v", err)
	}
	stored.unix = uint64(later.Unix())
	_, err := card.Recall(stored.encode(), d.state.policy, later)
	if r := refusal(t, err); r.Reason != "ds-expired-at-signing" {
		t.Errorf("signed late: refused for %s", r.Reason)
	}
	stored.dated, stored.unix = 0, uint64(noon().Unix())
	_, err = card.Recall(stored.encode(), d.state.policy, later)
	if r := refusal(t, err); r.Reason != "ds-expired-at-signing" {
		t.Errorf("not dated: refused for %s", r.Reason)
	}
}

// TestKnownCardGivesEveryGroup reads more of a known card than was read when it was met.
func TestKnownCardGivesEveryGroup(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.memory = remembered(t, s)
	s.groups = []int{13}
	s.evidence = func(*card.Evidence) { t.Error("a known card was asked for its files") }
	v, err := s.play(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mrtd.ParseDG13(v.File(13)); err != nil {
		t.Errorf("DG13: %v", err)
	}
}

// TestWhatTheStoreGaveIsNotKept has a store reuse its buffers.
func TestWhatTheStoreGaveIsNotKept(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	session, memory := validSession(t).encode(), d.validCard().encode()
	want := slices.Clone(session)
	open := must(card.Resume(session))(t)
	clear(session)
	if !bytes.Equal(open.Marshal(), want) {
		t.Error("the session changes with what it was read from")
	}
	want = slices.Clone(memory)
	chip := must(card.Recall(memory, d.state.policy, noon()))(t)
	clear(memory)
	if !bytes.Equal(d.conclude(t, chip).Memory(), want) {
		t.Error("the card changes with what it was read from")
	}
}
