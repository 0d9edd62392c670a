package csca_test

import (
	"bytes"
	"testing"
	"time"

	"pivot/server/internal/verify/csca"
)

// day gives midnight of a date.
func day(year int, month time.Month, d int) time.Time {
	return time.Date(year, month, d, 0, 0, 0, 0, time.UTC)
}

// A scene is all that a path depends on, still to be written: a test changes one
// thing of a valid one.
//
//	root (2020..2035, path length 1) -> ds (2024..2034), signing 2024-07, now 2026-07
//
// In reserve: an intermediate under the root, and an older root with a link
// certificate to the key of root.
type scene struct {
	root, ds         draft
	middle, old, bow draft
	roots            []*draft
	links            []*draft
	extra            []*draft
	lists            []*listDraft
	list             listDraft
	when             csca.Times
}

func newScene() *scene {
	k := ring()
	name := dn("UT", "TEST CSCA")
	s := &scene{
		root: draft{
			version: 2, serial: []byte{1}, issuer: name, subject: name, key: k.root, signer: k.root,
			from: day(2020, 1, 1), until: day(2035, 4, 1), basic: ca(1), usage: usage(5, 6), ski: k.root.id(), aki: k.root.id(),
		},
		ds: draft{
			version: 2, serial: []byte{0x11, 0x20}, issuer: name, subject: dn("UT", "TEST DS"), key: k.ds, signer: k.root,
			from: day(2024, 6, 1), until: day(2034, 9, 1), usage: usage(0), ski: k.ds.id(), aki: k.root.id(),
		},
		middle: draft{
			version: 2, serial: []byte{2}, issuer: name, subject: dn("UT", "TEST MIDDLE"), key: k.middle, signer: k.root,
			from: day(2021, 1, 1), until: day(2035, 1, 1), basic: ca(0), usage: usage(5, 6), ski: k.middle.id(), aki: k.root.id(),
		},
		old: draft{
			version: 2, serial: []byte{3}, issuer: name, subject: name, key: k.old, signer: k.old,
			from: day(2015, 1, 1), until: day(2030, 4, 1), basic: ca(0), usage: usage(5, 6), ski: k.old.id(), aki: k.old.id(),
		},
		bow: draft{
			version: 2, serial: []byte{4}, issuer: name, subject: name, key: k.root, signer: k.old,
			from: day(2020, 1, 1), until: day(2030, 4, 1), basic: ca(0), usage: usage(5, 6), ski: k.root.id(), aki: k.old.id(),
		},
		list: listDraft{
			version: 1, issuer: name, this: day(2026, 6, 20), next: day(2026, 9, 20), aki: k.root.id(), signer: k.root,
			entries: []entry{{serial: []byte{0x70}}, {serial: []byte{0x60, 1}}},
		},
		when: csca.Times{Signing: day(2024, 7, 1), Now: day(2026, 7, 1)},
	}
	s.roots = []*draft{&s.root}
	return s
}

// underMiddle moves the signer below the intermediate.
func (s *scene) underMiddle() {
	s.ds.issuer, s.ds.signer, s.ds.aki = s.middle.subject, s.middle.key, s.middle.ski
}

// underOld pins the older root instead of root.
func (s *scene) underOld() {
	s.roots = []*draft{&s.old}
	s.links = []*draft{&s.bow}
}

func parseAll(t testing.TB, drafts []*draft) []*csca.Certificate {
	t.Helper()
	var out []*csca.Certificate
	for _, d := range drafts {
		out = append(out, d.parse(t))
	}
	return out
}

func (s *scene) anchors(t testing.TB) (*csca.Anchors, error) {
	t.Helper()
	files := csca.AnchorFiles{Roots: parseAll(t, s.roots), Links: parseAll(t, s.links)}
	for _, l := range s.lists {
		files.CRLs = append(files.CRLs, l.parse(t))
	}
	return csca.NewAnchors(files)
}

func (s *scene) path(t testing.TB) (csca.Path, error) {
	t.Helper()
	a, err := s.anchors(t)
	if err != nil {
		t.Fatal(err)
	}
	return a.Path(s.ds.parse(t), parseAll(t, s.extra), s.when)
}

// shape writes a path as the common names of its certificates.
func shape(p csca.Path) string {
	var b bytes.Buffer
	for _, c := range append([]*csca.Certificate{p.Signer, p.Intermediate}, append(p.Links, p.Root)...) {
		if c == nil {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(" > ")
		}
		b.WriteString(c.Subject()[len("C=UT, O=TEST, CN="):])
		b.WriteString(serialNote(c))
	}
	return b.String()
}

func serialNote(c *csca.Certificate) string {
	if bytes.Equal(c.Serial(), []byte{4}) {
		return "(link)"
	}
	return ""
}
