package csca_test

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"fmt"
	"testing"

	der "golang.org/x/crypto/cryptobyte/asn1"

	"pivot/server/internal/verify/csca"
)

// A pin that is wrong stops the start.
func TestNewAnchorsRefusesRoots(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   csca.Reason
	}{
		{"base", func(*scene) {}, ""},
		{"a link certificate", func(s *scene) { s.roots = []*draft{&s.bow} }, csca.BadSignature},
		{"an intermediate", func(s *scene) { s.roots = []*draft{&s.middle} }, csca.NotSelfSigned},
		{"a signer", func(s *scene) { s.roots = []*draft{&s.ds} }, csca.NotAnAuthority},
		{"bad signature", func(s *scene) { s.root.spoil = true }, csca.BadSignature},
		{"no authority", func(s *scene) { s.root.basic = nil }, csca.NotAnAuthority},
		{"no key usage", func(s *scene) { s.root.usage = nil }, csca.NotAnAuthority},
		{"may sign lists alone", func(s *scene) { s.root.usage = usage(6) }, csca.NotAnAuthority},
		{"unknown critical extension", func(s *scene) {
			s.root.more = [][]byte{extension(true, oid(1, 2, 3), null)}
		}, csca.UnknownCritical},
		{"weak digest", func(s *scene) { s.root.alg = algorithm(oid(1, 2, 840, 10045, 4, 1)) }, csca.WeakDigest},
		{"weak key", func(s *scene) { s.root.key = &keyPair{spki: smallExponent()} }, csca.WeakKey},
		{"unknown key", func(s *scene) {
			s.root.key = &keyPair{spki: seq(algorithm(oid(1, 3, 101, 112)), bits(make([]byte, 32)))}
		}, csca.UnsupportedKey},
		{"no country", func(s *scene) {
			s.root.subject = seq(attribute(3, der.UTF8String, "TEST CSCA"))
			s.root.issuer = s.root.subject
		}, csca.CountryMismatch},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			tt.change(s)
			a, err := s.anchors(t)
			if tt.want != "" {
				if !errors.Is(err, tt.want) || a != nil {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if _, ok := errors.AsType[*csca.Error](err); !ok {
					t.Errorf("%v is not an Error", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Roots()) != 1 || len(a.Alarms()) != 0 {
				t.Errorf("%d roots, alarms %v", len(a.Roots()), a.Alarms())
			}
		})
	}
}

func TestNewAnchorsDropsDoubles(t *testing.T) {
	t.Parallel()
	s := newScene()
	root, list := s.root.parse(t), s.list.parse(t)
	files := csca.AnchorFiles{Roots: []*csca.Certificate{root, root}, Links: []*csca.Certificate{root}, CRLs: []*csca.CRL{list, list}}
	a, err := csca.NewAnchors(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Roots()) != 1 || len(a.Alarms()) != 0 {
		t.Errorf("%d roots, alarms %v", len(a.Roots()), a.Alarms())
	}
}

// What is ignored is told, each file once.
func TestAlarms(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   []csca.Reason
	}{
		{"base", func(s *scene) { s.lists = []*listDraft{&s.list} }, nil},
		{"list of a stranger", func(s *scene) {
			s.list.signer = ring().stranger
			s.lists = []*listDraft{&s.list}
		}, []csca.Reason{csca.CRLUntrusted}},
		{"list of an unknown name", func(s *scene) {
			s.list.issuer = dn("UT", "OTHER")
			s.lists = []*listDraft{&s.list}
		}, []csca.Reason{csca.CRLUntrusted}},
		{"list spoilt", func(s *scene) {
			s.list.spoil = true
			s.lists = []*listDraft{&s.list}
		}, []csca.Reason{csca.CRLUntrusted, csca.BadSignature}},
		{"list signed with a weak digest", func(s *scene) {
			s.list.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
			s.lists = []*listDraft{&s.list}
		}, []csca.Reason{csca.CRLUntrusted, csca.WeakDigest}},
		{"list of an authority that may not sign lists", func(s *scene) {
			s.root.usage = usage(5)
			s.lists = []*listDraft{&s.list}
		}, []csca.Reason{csca.CRLUntrusted}},
		{"list of a link's key", func(s *scene) {
			s.underOld()
			s.lists = []*listDraft{&s.list}
		}, nil},
		{"link", func(s *scene) { s.underOld() }, nil},
		{"link twice, and a root among the links", func(s *scene) {
			s.underOld()
			s.links = append(s.links, &s.bow, &s.old)
		}, nil},
		{"link without root", func(s *scene) {
			s.underOld()
			s.roots = nil
		}, []csca.Reason{csca.LinkUntrusted}},
		{"link spoilt", func(s *scene) {
			s.underOld()
			s.bow.spoil = true
		}, []csca.Reason{csca.LinkUntrusted, csca.BadSignature}},
		{"link with a weak digest", func(s *scene) {
			s.underOld()
			s.bow.alg = algorithm(oid(1, 2, 840, 10045, 4, 1))
		}, []csca.Reason{csca.LinkUntrusted, csca.WeakDigest}},
		{"a signer among the links", func(s *scene) { s.links = []*draft{&s.ds} }, []csca.Reason{csca.NotAnAuthority}},
		{"a root not pinned among the links", func(s *scene) { s.links = []*draft{&s.old} }, []csca.Reason{csca.LinkUntrusted}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			tt.change(s)
			a, err := s.anchors(t)
			if err != nil {
				t.Fatal(err)
			}
			alarms := a.Alarms()
			if len(alarms) != min(len(tt.want), 1) {
				t.Fatalf("alarms %v", alarms)
			}
			for _, want := range tt.want {
				if !errors.Is(alarms[0], want) {
					t.Errorf("alarm %v, want %q", alarms[0], want)
				}
			}
		})
	}
	a, err := csca.NewAnchors(csca.AnchorFiles{Roots: []*csca.Certificate{nil}, Links: []*csca.Certificate{nil}, CRLs: []*csca.CRL{nil}})
	if err != nil || len(a.Alarms()) != 0 || len(a.Roots()) != 0 {
		t.Errorf("nothing given: %v", err)
	}
}

// Five key changes in a row, only the first key pinned.
func TestChainOfLinks(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.old.until = day(2035, 1, 1)
	s.roots = []*draft{&s.old}
	last := s.old
	for i := range 5 {
		next := s.bow
		next.serial, next.until = []byte{byte(10 + i)}, day(2035, 1, 1)
		next.key, next.signer, next.aki = ec(elliptic.P256(), crypto.SHA256, namedP256()), last.key, last.ski
		next.ski = next.key.id()
		s.links = append([]*draft{&next}, s.links...) // newest first: order must not matter
		last = next
	}
	s.ds.signer, s.ds.aki = last.key, last.ski
	path, err := s.path(t)
	if err != nil {
		t.Fatal(err)
	}
	if len(path.Links) != 5 || path.Links[0].Serial()[0] != 14 || path.Links[4].Serial()[0] != 10 {
		t.Errorf("path %v", path.Links)
	}
	s.links = append(s.links[:2], s.links[3:]...)
	if _, err := s.path(t); !errors.Is(err, csca.UnknownIssuer) {
		t.Errorf("one link missing: %v", err)
	}
}

// A ring of links beside the good one: the search neither goes round nor finds
// trust in it.
func TestRingOfLinks(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.underOld()
	back := s.bow // the old key, vouched for by the new one
	back.serial, back.key, back.signer, back.ski, back.aki = []byte{5}, s.old.key, s.root.key, s.old.ski, s.root.ski
	again := s.bow
	again.serial = []byte{6}
	s.links = []*draft{&back, &s.bow, &again}
	path, err := s.path(t)
	if err != nil || len(path.Links) != 1 {
		t.Fatalf("path %v, %v", path.Links, err)
	}
	s.old.until = day(2024, 1, 1) // too old for the signer: the ring must not help
	if _, err := s.path(t); !errors.Is(err, csca.AuthorityNotValid) {
		t.Errorf("got %v", err)
	}
}

// The work for one path is bounded, whatever comes with the document.
func TestBoundedWork(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   int
		reason csca.Reason
	}{
		{"root", func(*scene) {}, 1, ""},
		{"intermediate", func(s *scene) {
			s.underMiddle()
			s.extra = []*draft{&s.middle}
		}, 2, ""},
		{"link", func(s *scene) { s.underOld() }, 1, ""},
		{"root among eight of its name", func(s *scene) { s.crowd(7) }, 1, ""},
		{"root among eight of its name, not said which", func(s *scene) {
			s.crowd(7)
			s.ds.aki = nil
		}, 8, ""},
		{"certificates of other names", func(s *scene) {
			s.ds.signer, s.ds.aki = ring().stranger, ring().stranger.id()
			s.extra = []*draft{&s.middle, &s.middle, &s.ds, &s.root}
		}, 1, csca.UnknownIssuer},
		{"four intermediates that the signer may mean", func(s *scene) { s.crowd(7); s.hostile(4) }, csca.MaxChecks, csca.TooManyCandidates},
		{"a hundred intermediates", func(s *scene) { s.hostile(100) }, csca.MaxChecks, csca.TooManyCandidates},
		{"twenty roots of the signer's issuer", func(s *scene) {
			s.crowd(20)
			s.ds.signer, s.ds.aki = ring().stranger, nil
		}, csca.MaxChecks, csca.TooManyCandidates},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			tt.change(s)
			a, err := s.anchors(t)
			if err != nil {
				t.Fatal(err)
			}
			spent, err := a.Spend(s.ds.parse(t), parseAll(t, s.extra), s.when)
			if spent != tt.want || tt.reason == "" && err != nil || tt.reason != "" && !errors.Is(err, tt.reason) {
				t.Errorf("%d signatures, %v; want %d, %q", spent, err, tt.want, tt.reason)
			}
		})
	}
}

// crowd pins n more roots of the root's name, each with a key of its own, before
// it.
func (s *scene) crowd(n int) {
	for i := range n {
		other := s.root
		other.key = ec(elliptic.P256(), crypto.SHA256, namedP256())
		other.signer, other.ski, other.aki, other.serial = other.key, other.key.id(), other.key.id(), []byte{0x50, byte(i)}
		s.roots = append([]*draft{&other}, s.roots...)
	}
}

// hostile sends n intermediates that bear the name of the signer's issuer and the
// signer's own good signature, and point at the root without its consent.
func (s *scene) hostile(n int) {
	s.underMiddle()
	for i := range n {
		fake := s.middle
		fake.serial, fake.signer, fake.aki = fmt.Appendf(nil, "%02d", i), ring().stranger, nil
		s.extra = append(s.extra, &fake)
	}
}
