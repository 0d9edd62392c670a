package trust_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/trust"
	"pivot/server/internal/verify/card"
)

// folder holds the simulated State's authorities, all of them named TEST.
func folder(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := simtest.PKI(tb).Save(dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func TestLoadAnchors(t *testing.T) {
	t.Parallel()
	a, err := trust.LoadAnchors(folder(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Roots()) != 3 || a.Verified() == nil || len(a.Verified().Roots()) != 3 || len(a.Alarms()) != 0 {
		t.Errorf("%d roots, alarms %v", len(a.Roots()), a.Alarms())
	}
	for _, name := range a.Tests() {
		if !strings.Contains(name, "TEST") {
			t.Errorf("%q is no TEST", name)
		}
	}
	if len(a.Tests()) < 3 {
		t.Errorf("only %q are named TEST", a.Tests())
	}
	none, err := trust.LoadAnchors("")
	if err != nil || len(none.Roots()) != 0 || none.Verified() == nil || len(none.Tests()) != 0 {
		t.Errorf("no folder: %v", err)
	}
	if alarms := (trust.Anchors{}).Alarms(); alarms != nil {
		t.Error(alarms)
	}
}

// TestRefused breaks one thing of a good folder; the error names the file.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		do   func(dir string) error
		want string
	}{
		{"a file that is none", func(dir string) error { return os.WriteFile(filepath.Join(dir, "csca", "x.der"), []byte("x"), 0o600) }, "x.der"},
		{"a list among certificates", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "csca", "x.pem"), []byte("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"), 0o600)
		}, "x.pem"},
		{"a file without end", func(dir string) error {
			f, err := os.Create(filepath.Join(dir, "crl", "x.crl"))
			if err != nil {
				return err
			}
			return errors.Join(f.Truncate(9<<20), f.Close())
		}, "x.crl"},
		{"no root", func(dir string) error {
			return errors.Join(os.RemoveAll(filepath.Join(dir, "csca")), os.Mkdir(filepath.Join(dir, "csca"), 0o700))
		}, "csca"},
		{"no folder of roots", func(dir string) error { return os.RemoveAll(filepath.Join(dir, "csca")) }, "csca"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			if err := test.do(dir); err != nil {
				t.Fatal(err)
			}
			if _, err := trust.LoadAnchors(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want it to name %s", err, test.want)
			}
		})
	}
}

// TestTestAuthorities: what serves the public refuses authorities named TEST, and says which; the demonstration takes them.
func TestTestAuthorities(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if s, err := trust.Open(trust.Options{Dir: dir}); s != nil || !errors.Is(err, trust.ErrTest) || !strings.Contains(err.Error(), "TEST") {
		t.Errorf("served: %v", err)
	}
	issuers := []card.Issuer{{State: "FRA", Country: "FR", Codes: []string{"ID"}}}
	s, err := trust.Open(trust.Options{Dir: dir, AllowTest: true, Issuers: issuers, InsecureWithoutFreshCRL: true})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Policy()
	if p.Anchors == nil || len(p.Anchors.Roots()) != 3 || len(p.Issuers) != 1 || !p.InsecureWithoutFreshCRL || len(s.Anchors().Roots()) != 3 {
		t.Error("the policy is not what was asked for")
	}
}

// TestNothingImported: a deployment without anchors serves, and pins nothing.
func TestNothingImported(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{"empty folder": t.TempDir(), "no folder": filepath.Join(t.TempDir(), "none")} {
		s, err := trust.Open(trust.Options{Dir: dir})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if p := s.Policy(); p.Anchors == nil || len(p.Anchors.Roots()) != 0 {
			t.Errorf("%s: something is pinned", name)
		}
	}
}

// TestReload: what is imported counts from the next reload; a bad folder changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	full := folder(t)
	dir := t.TempDir()
	s, err := trust.Open(trust.Options{Dir: dir, AllowTest: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(full)); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err != nil || len(s.Anchors().Roots()) != 3 {
		t.Fatalf("%d roots, %v", len(s.Anchors().Roots()), err)
	}
	if err := os.WriteFile(filepath.Join(dir, "csca", "x.pem"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.Reload(); err == nil || len(s.Anchors().Roots()) != 3 {
		t.Errorf("%d roots, %v", len(s.Anchors().Roots()), err)
	}
}
