package csca_test

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"testing"
	"time"

	"pivot/server/internal/verify/csca"
)

func TestPath(t *testing.T) {
	t.Parallel()
	for _, r := range rules() {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			r.change(s)
			path, err := s.path(t)
			if r.want != "" {
				if !errors.Is(err, r.want) {
					t.Fatalf("got %v, want %q", err, r.want)
				}
				if e, ok := errors.AsType[*csca.Error](err); !ok || e.Reason != r.want {
					t.Errorf("%v is not an Error with reason %q", err, r.want)
				}
				if path.Root != nil || path.Signer != nil {
					t.Error("a path beside the refusal")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := shape(path); got != r.shape {
				t.Errorf("path %q, want %q", got, r.shape)
			}
		})
	}
}

func TestPathFreshness(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*scene)
		want   csca.Freshness
	}{
		{"no list", func(s *scene) { s.lists = nil }, csca.Absent},
		{"current", func(*scene) {}, csca.Fresh},
		{"last second", func(s *scene) { s.when.Now = s.list.next }, csca.Fresh},
		{"past its next update", func(s *scene) { s.when.Now = s.list.next.Add(time.Second) }, csca.Stale},
		{"of the day after tomorrow", func(s *scene) { s.list.this = s.when.Now.Add(25 * time.Hour) }, csca.Stale},
		{"of another issuer", func(s *scene) { s.list.issuer = dn("UT", "OTHER CSCA") }, csca.Absent},
		{"of a stranger", func(s *scene) { s.list.signer = ring().stranger }, csca.Absent},
		{"stale and current", func(s *scene) {
			older := s.list
			older.this, older.next = day(2025, 1, 1), day(2025, 4, 1)
			s.lists = append(s.lists, &older)
		}, csca.Fresh},
		{"intermediate without a list of its own", func(s *scene) {
			s.underMiddle()
			s.links = []*draft{&s.middle}
		}, csca.Absent},
		{"intermediate with a list of its own", func(s *scene) {
			s.underMiddle()
			s.links = []*draft{&s.middle}
			own := s.list
			own.issuer, own.signer, own.aki = s.middle.subject, s.middle.key, s.middle.ski
			s.lists = append(s.lists, &own)
		}, csca.Fresh},
		{"intermediate with a list, none of the root", func(s *scene) {
			s.underMiddle()
			s.links = []*draft{&s.middle}
			s.list.issuer, s.list.signer, s.list.aki = s.middle.subject, s.middle.key, s.middle.ski
		}, csca.Absent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			s.lists = []*listDraft{&s.list}
			tt.change(s)
			path, err := s.path(t)
			if err != nil {
				t.Fatal(err)
			}
			if path.CRL != tt.want {
				t.Errorf("CRL %v, want %v", path.CRL, tt.want)
			}
		})
	}
}

// Every pair of algorithms that countries use, root and signer.
func TestPathAlgorithms(t *testing.T) {
	t.Parallel()
	k := ring()
	keys := map[string]*keyPair{
		"RSA PKCS#1 SHA-256":         pkcs1(k.rsa, crypto.SHA256),
		"RSA PKCS#1 SHA-512":         pkcs1(k.rsa, crypto.SHA512),
		"RSASSA-PSS SHA-256":         pss(k.rsa, crypto.SHA256, 32),
		"RSASSA-PSS SHA-384":         pss(k.rsa, crypto.SHA384, 48),
		"P-256":                      k.root,
		"P-384":                      ec(elliptic.P384(), crypto.SHA384, namedP384()),
		"P-521":                      ec(elliptic.P521(), crypto.SHA512, namedP521()),
		"P-256 explicit":             ec(elliptic.P256(), crypto.SHA256, domainOf(elliptic.P256(), nil).der()),
		"brainpoolP256r1 explicit":   k.bp256,
		"brainpoolP384r1 explicit":   k.bp384,
		"P-256 with a longer digest": ec(elliptic.P256(), crypto.SHA512, namedP256()),
	}
	for name, key := range keys {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			s.root.key, s.root.signer, s.root.ski, s.root.aki = key, key, key.id(), key.id()
			s.ds.signer, s.ds.aki = key, key.id()
			if _, err := s.path(t); err != nil {
				t.Fatal(err)
			}
			s.ds.spoil = true
			if _, err := s.path(t); !errors.Is(err, csca.BadSignature) {
				t.Errorf("spoilt signature: %v", err)
			}
		})
	}
}

func TestPathWithoutSigner(t *testing.T) {
	t.Parallel()
	a, err := newScene().anchors(t)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Path(nil, []*csca.Certificate{nil}, newScene().when); !errors.Is(err, csca.NotASigner) {
		t.Errorf("got %v", err)
	}
}
