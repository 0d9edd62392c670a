package csca_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"testing"

	"pivot/server/internal/verify/csca"
)

// Seeds come from one valid scene each: every kind of certificate and list that
// the tests write.

func FuzzParseCertificate(f *testing.F) {
	s := newScene()
	k := ring()
	for _, d := range []draft{s.root, s.ds, s.middle, s.old, s.bow} {
		f.Add(d.der())
	}
	for _, key := range []*keyPair{k.bp256, k.bp384, pkcs1(k.rsa, crypto.SHA256), pss(k.rsa, crypto.SHA512, 64)} {
		d := s.root
		d.key, d.signer = key, key
		f.Add(d.der())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := csca.ParseCertificate(raw)
		if err != nil {
			if c != nil {
				t.Fatal("a certificate beside the refusal")
			}
			return
		}
		if !bytes.Equal(c.Raw(), raw) || c.ID() != sha256.Sum256(raw) {
			t.Fatal("not the octets given")
		}
		if len(c.Serial()) == 0 || c.NotAfter().Before(c.NotBefore()) || c.Subject() == "" || c.PathLen() < -1 {
			t.Fatalf("out of bounds: %s", c)
		}
		// A self-signed certificate grants nothing by itself.
		if a, err := csca.NewAnchors(csca.AnchorFiles{Links: []*csca.Certificate{c}}); err != nil || len(a.Alarms()) != 1 {
			t.Fatalf("trusted by itself: %v", err)
		}
		_ = c.CheckSelfSigned()
	})
}

// FuzzPath gives certificates of an attacker to a good set of authorities: only
// the very signer may pass.
func FuzzPath(f *testing.F) {
	s := newScene()
	s.roots = append(s.roots, &s.old)
	a, err := s.anchors(f)
	if err != nil {
		f.Fatal(err)
	}
	ds, middle := s.ds.der(), s.middle.der()
	f.Add(ds, middle)
	s.underMiddle()
	f.Add(s.ds.der(), middle)
	f.Fuzz(func(t *testing.T, signer, extra []byte) {
		c, err := csca.ParseCertificate(signer)
		if err != nil {
			return
		}
		var with []*csca.Certificate
		if e, err := csca.ParseCertificate(extra); err == nil {
			with = append(with, e)
		}
		path, err := a.Path(c, with, s.when)
		if err == nil && (path.Root == nil || path.Signer != c) {
			t.Fatal("neither a path nor a refusal")
		}
	})
}

func FuzzParseCRL(f *testing.F) {
	s := newScene()
	f.Add(s.list.der())
	s.list.entries = nil
	f.Add(s.list.der())
	s.list.entries = []entry{{serial: []byte{1}, more: [][]byte{extension(false, oid(2, 5, 29, 21), []byte{10, 1, 1})}}}
	s.list.more = [][]byte{extension(false, oid(2, 5, 29, 20), integer(7))}
	f.Add(s.list.der())
	s.list.more = [][]byte{extension(true, oid(2, 5, 29, 27), integer(7))}
	f.Add(s.list.der())
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := csca.ParseCRL(raw)
		if err != nil {
			if c != nil {
				t.Fatal("a list beside the refusal")
			}
			return
		}
		if c.ID() != sha256.Sum256(raw) || c.NextUpdate().Before(c.ThisUpdate()) || c.Len() > len(raw)/18 {
			t.Fatalf("out of bounds: %s, %d entries", c, c.Len())
		}
	})
}

func FuzzParseSignatureAlgorithm(f *testing.F) {
	f.Add(algorithm(rsaOID(11), null), uint8(0))
	f.Add(algorithm(rsaOID(1), null), uint8(crypto.SHA256))
	f.Add(algorithm(ecdsaOID(3)), uint8(0))
	f.Add(algorithm(oid(1, 2, 840, 10045, 2, 1)), uint8(crypto.SHA512))
	f.Add(pssAlgorithm(shaOID(1), shaOID(1), 32, 1), uint8(0))
	f.Add(pssAlgorithm(shaOID(3), shaOID(3), 64, 2), uint8(0))
	f.Fuzz(func(t *testing.T, raw []byte, hint uint8) {
		alg, err := csca.ParseSignatureAlgorithm(raw, crypto.Hash(hint))
		if err != nil {
			if alg != (csca.SignatureAlgorithm{}) {
				t.Fatal("an algorithm beside the refusal")
			}
			return
		}
		switch alg.Hash() {
		case crypto.SHA256, crypto.SHA384, crypto.SHA512:
		default:
			t.Fatalf("digest %v", alg.Hash())
		}
	})
}
