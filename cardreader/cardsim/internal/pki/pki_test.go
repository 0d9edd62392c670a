package pki_test

import (
	"crypto"
	"crypto/x509"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/cardreader/cardsim/internal/pki"
	"pivot/shared/mrtd"
)

var now = time.Date(2026, time.October, 1, 8, 0, 0, 0, time.UTC)

var made = sync.OnceValues(func() (*pki.PKI, error) { return pki.New(now) })

func testPKI(t *testing.T) *pki.PKI {
	t.Helper()
	p, err := made()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// object is a good security object.
func object() pki.Object {
	return pki.Object{
		Signer: "cnie", Digest: crypto.SHA256, Signing: now.AddDate(-1, 0, 0),
		Groups: map[int][]byte{1: []byte("one"), 2: []byte("two"), 13: []byte("thirteen"), 14: []byte("fourteen")},
	}
}

func certificates(t *testing.T, ders [][]byte) []*x509.Certificate {
	t.Helper()
	var out []*x509.Certificate
	for _, b := range ders {
		c, err := x509.ParseCertificate(b)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// TestEverythingIsNamedTEST: no certificate may be mistaken for a State's.
func TestEverythingIsNamedTEST(t *testing.T) {
	t.Parallel()
	p := testPKI(t)
	all := certificates(t, slices.Concat(p.Roots(), p.Links()))
	if len(all) != 5 {
		t.Fatalf("%d certificates, want 5", len(all))
	}
	for _, c := range all {
		if !strings.HasPrefix(c.Subject.CommonName, "TEST ") || !strings.HasPrefix(c.Subject.Organization[0], "TEST ") {
			t.Errorf("subject %q", c.Subject)
		}
		if !c.IsCA || c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
			t.Errorf("%q is no authority", c.Subject)
		}
	}
}

// TestRoots has the standard library verify the roots and the lists that they signed.
func TestRoots(t *testing.T) {
	t.Parallel()
	p := testPKI(t)
	roots := certificates(t, p.Roots())
	for _, c := range roots {
		if err := c.CheckSignatureFrom(c); err != nil {
			t.Errorf("%q: %v", c.Subject, err)
		}
	}
	if roots[0].Subject.CommonName != "TEST eID-FRANCE" || roots[0].PublicKeyAlgorithm != x509.RSA || roots[0].MaxPathLen != 1 {
		t.Errorf("the first root is %q", roots[0].Subject)
	}
	if expired := roots[1]; !expired.NotAfter.Before(now) {
		t.Errorf("%q is valid until %v", expired.Subject, expired.NotAfter)
	}
	for _, link := range certificates(t, p.Links()) {
		if err := link.CheckSignatureFrom(roots[0]); err != nil {
			t.Errorf("link %q: %v", link.Subject, err)
		}
	}
}

// signedBy reports whether a list verifies under one of the authorities.
func signedBy(list *x509.RevocationList, authorities []*x509.Certificate) bool {
	return slices.ContainsFunc(authorities, func(c *x509.Certificate) bool { return list.CheckSignatureFrom(c) == nil })
}

func TestRevocationLists(t *testing.T) {
	t.Parallel()
	p := testPKI(t)
	authorities := certificates(t, slices.Concat(p.Roots(), p.Links()))
	tests := []struct {
		name         string
		lists        [][]byte
		fresh, valid bool
	}{
		{"current", p.CRLs(), true, true},
		{"stale", p.StaleCRLs(), false, true},
		{"foreign", p.ForeignCRLs(), true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			revoked := 0
			for _, b := range tt.lists {
				list, err := x509.ParseRevocationList(b)
				if err != nil {
					t.Fatal(err)
				}
				if now.Before(list.NextUpdate) != tt.fresh || signedBy(list, authorities) != tt.valid {
					t.Errorf("%q: until %v, signed by an authority: %t", list.Issuer, list.NextUpdate, !tt.valid)
				}
				for _, e := range list.RevokedCertificateEntries {
					revoked++
					if e.SerialNumber.Cmp(big.NewInt(0x1005)) != 0 {
						t.Errorf("serial %v is revoked", e.SerialNumber)
					}
				}
			}
			if len(tt.lists) != 5 || revoked != 1 {
				t.Errorf("%d lists, %d revoked", len(tt.lists), revoked)
			}
		})
	}
}

// TestSign has the product's parser read objects good and flawed.
func TestSign(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(o *pki.Object)
		reads  bool
	}{
		{"good", func(*pki.Object) {}, true},
		{"PSS", func(o *pki.Object) { o.Flaws.PSS = true }, true},
		{"forged", func(o *pki.Object) { o.Signer, o.Flaws.Forged = "small-exponent", true }, true},
		{"SHA-1", func(o *pki.Object) { o.Digest = crypto.SHA1 }, true},
		{"MD5", func(o *pki.Object) { o.Digest = crypto.MD5 }, true},
		{"ECDSA", func(o *pki.Object) { o.Signer, o.Digest = "uto", crypto.SHA384 }, true},
		{"explicit parameters", func(o *pki.Object) { o.Signer = "explicit" }, true},
		{"no certificate", func(o *pki.Object) { o.Flaws.NoCertificate = true }, true},
		{"with an intermediate", func(o *pki.Object) { o.Signer = "below" }, true},
		{"two signers", func(o *pki.Object) { o.Flaws.TwoSigners = true }, false},
		{"content type", func(o *pki.Object) { o.Flaws.ContentType = "1.2.840.113549.1.7.1" }, false},
		{"no message digest", func(o *pki.Object) { o.Flaws.NoMessageDigest = true }, false},
		{"indefinite", func(o *pki.Object) { o.Flaws.Indefinite = true }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := object()
			tt.change(&o)
			b, err := testPKI(t).Sign(o)
			if err != nil {
				t.Fatal(err)
			}
			sod, err := mrtd.ParseSOD(b)
			if (err == nil) != tt.reads {
				t.Fatalf("reads: %v", err)
			}
			if tt.reads && (len(sod.DataGroups) != 4 || sod.Signer.SigningTime == nil || !sod.Signer.SigningTime.Equal(o.Signing)) {
				t.Errorf("%d groups, signed at %v", len(sod.DataGroups), sod.Signer.SigningTime)
			}
		})
	}
}

// TestForgedSignature shows that the forgery would pass a verifier that accepts an exponent of 3 and looks at the
// beginning alone, and that it is no signature at all to any other.
func TestForgedSignature(t *testing.T) {
	t.Parallel()
	o := object()
	o.Signer, o.Flaws.Forged = "small-exponent", true
	b, err := testPKI(t).Sign(o)
	if err != nil {
		t.Fatal(err)
	}
	sod, err := mrtd.ParseSOD(b)
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(sod.Signer.Signature)
	encoded := new(big.Int).Exp(s, big.NewInt(3), nil).FillBytes(make([]byte, 256))
	h := crypto.SHA256.New()
	h.Write(sod.Signer.SignedAttrs)
	prefix := slices.Concat([]byte{0, 1}, slices.Repeat([]byte{0xFF}, 8), []byte{0})
	if string(encoded[:len(prefix)]) != string(prefix) || string(encoded[len(prefix)+19:len(prefix)+51]) != string(h.Sum(nil)) {
		t.Errorf("the cube begins %x", encoded[:64])
	}
}

func TestSignUnknownSigner(t *testing.T) {
	t.Parallel()
	o := object()
	o.Signer = "nobody"
	if _, err := testPKI(t).Sign(o); err == nil {
		t.Error("nobody signed")
	}
}

// TestSaveAndRead writes a PKI and reads it back: the same signatures, and keys that only their owner reads.
func TestSaveAndRead(t *testing.T) {
	t.Parallel()
	p, dir := testPKI(t), t.TempDir()
	if err := p.Save(dir); err != nil {
		t.Fatal(err)
	}
	again, err := pki.Read(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	want, err := p.Sign(object())
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Sign(object())
	if err != nil || string(got) != string(want) || !again.Made().Equal(now) || string(again.Seed()) != string(p.Seed()) {
		t.Errorf("another PKI came back: %v", err)
	}
	for _, pattern := range []string{"keys/*.pem", "test-pki.json"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			info, err := os.Stat(f)
			if err != nil || info.Mode().Perm() != fs.FileMode(0o600) {
				t.Errorf("%s: mode %v, %v", filepath.Base(f), info.Mode(), err)
			}
		}
	}
}

// TestReadRefuses spoils one file.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]func(dir string) error{
		"nothing there": func(dir string) error { return os.RemoveAll(dir) },
		"no keys":       func(dir string) error { return os.RemoveAll(filepath.Join(dir, "keys")) },
		"no PEM": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys/TEST-ds.pem"), []byte("x"), 0o600)
		},
		"no about": func(dir string) error { return os.Remove(filepath.Join(dir, "test-pki.json")) },
		"no JSON":  func(dir string) error { return os.WriteFile(filepath.Join(dir, "test-pki.json"), []byte("x"), 0o600) },
		"no RSA key": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys/TEST-ds.pem"),
				[]byte("-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----\n"), 0o600)
		},
		"no EC key": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "keys/TEST-ds-uto.pem"),
				[]byte("-----BEGIN EC PRIVATE KEY-----\nMAA=\n-----END EC PRIVATE KEY-----\n"), 0o600)
		},
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := testPKI(t).Save(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := pki.Read(os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := spoil(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := pki.Read(os.DirFS(dir)); err == nil {
				t.Error("read all the same")
			}
		})
	}
}
