package csca_test

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"errors"
	"testing"

	"pivot/server/internal/verify/csca"
)

// benchmarkScene puts an RSA-2048 signer under a root with another key.
func benchmarkScene(root *keyPair) *scene {
	s := newScene()
	s.root.key, s.root.signer, s.root.ski, s.root.aki = root, root, root.id(), root.id()
	s.ds.key, s.ds.signer, s.ds.aki = pkcs1(ring().rsa, crypto.SHA256), root, root.id()
	s.list.signer, s.list.aki = root, root.id()
	s.lists = []*listDraft{&s.list}
	return s
}

func BenchmarkPath(b *testing.B) {
	for name, root := range map[string]*keyPair{
		"RSA4096":         pkcs1(newRSA(4096), crypto.SHA256),
		"brainpoolP384r1": ring().bp384,
		"P256":            ring().root,
	} {
		b.Run(name, func(b *testing.B) {
			s := benchmarkScene(root)
			a, err := s.anchors(b)
			if err != nil {
				b.Fatal(err)
			}
			ds := s.ds.parse(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := a.Path(ds, nil, s.when); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkHostile is a dear refusal: the bound spent on keys of P-521 and
// RSA-4096 in turn.
func BenchmarkHostile(b *testing.B) {
	root := pkcs1(newRSA(4096), crypto.SHA256)
	s := benchmarkScene(root)
	s.hostile(100)
	fake := ec(elliptic.P521(), crypto.SHA256, namedP521())
	stranger := &keyPair{alg: root.alg, sign: func([]byte) []byte { return append([]byte{0}, bytes.Repeat([]byte{0x5a}, 511)...) }}
	s.ds.signer = fake
	for _, d := range s.extra {
		d.key, d.signer = fake, stranger
	}
	a, err := s.anchors(b)
	if err != nil {
		b.Fatal(err)
	}
	ds, extra := s.ds.parse(b), parseAll(b, s.extra)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Path(ds, extra, s.when); !errors.Is(err, csca.TooManyCandidates) {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseCertificate(b *testing.B) {
	s := newScene()
	s.ds.key = pkcs1(ring().rsa, crypto.SHA256)
	raw := s.ds.der()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := csca.ParseCertificate(raw); err != nil {
			b.Fatal(err)
		}
	}
}
