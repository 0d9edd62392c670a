package csca_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

func opensslPath(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("skipped: openssl, the second opinion, is not installed")
	}
	return path
}

// TestAgainstOpenSSL asks OpenSSL for a second opinion on every rule of Path. It
// knows nothing of ICAO: where it should differ, the rule says so and why, and a
// difference that is not announced fails, in either direction.
func TestAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := opensslPath(t)
	for _, r := range rules() {
		if r.openssl == silent {
			continue
		}
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			s := newScene()
			r.change(s)
			ours := r.want == ""
			theirs, output := s.openssl(t, openssl)
			if agree := ours == theirs; agree != (r.openssl == "") {
				t.Errorf("we accept: %v, openssl accepts: %v, announced: %q\n%s", ours, theirs, r.openssl, output)
			}
		})
	}
}

// openssl verifies the scene at its signing time, or now where lists are at stake.
func (s *scene) openssl(t *testing.T, path string) (bool, string) {
	t.Helper()
	dir := t.TempDir()
	file := func(name, kind string, contents ...[]byte) string {
		var b bytes.Buffer
		for _, c := range contents {
			if err := pem.Encode(&b, &pem.Block{Type: kind, Bytes: c}); err != nil {
				t.Fatal(err)
			}
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	certificates := func(drafts []*draft) [][]byte {
		var out [][]byte
		for _, d := range drafts {
			out = append(out, d.der())
		}
		return out
	}
	at := s.when.Signing
	if at.IsZero() || len(s.lists) > 0 {
		at = s.when.Now
	}
	args := []string{"verify", "-no-CApath", "-no-CAstore", "-attime", strconv.FormatInt(at.Unix(), 10)}
	if len(s.roots) > 0 {
		args = append(args, "-CAfile", file("roots.pem", "CERTIFICATE", certificates(s.roots)...))
	} else {
		args = append(args, "-no-CAfile")
	}
	if others := append(certificates(s.links), certificates(s.extra)...); len(others) > 0 {
		args = append(args, "-untrusted", file("others.pem", "CERTIFICATE", others...))
	}
	if len(s.lists) > 0 {
		args = append(args, "-crl_check", "-CRLfile", file("list.pem", "X509 CRL", s.lists[0].der()))
	}
	args = append(args, file("signer.pem", "CERTIFICATE", s.ds.der()))
	output, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	return err == nil, string(output)
}

// TestReadAsOpenSSL compares what both read in the French certificates.
func TestReadAsOpenSSL(t *testing.T) {
	t.Parallel()
	openssl := opensslPath(t)
	dates := func(s string) time.Time {
		d, err := time.Parse("Jan _2 15:04:05 2006 GMT", s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	for name, c := range frenchCertificates(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), openssl, "x509", "-inform", "DER", "-noout", "-serial", "-dates", "-fingerprint", "-sha256", "-text")
			cmd.Stdin = bytes.NewReader(c.Raw())
			output, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for line := range strings.Lines(string(output)) {
				if key, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
					got[key] = value
				}
			}
			if got["serial"] != fmt.Sprintf("%X", c.Serial()) {
				t.Errorf("serial %s", got["serial"])
			}
			if id := c.ID(); strings.ReplaceAll(got["sha256 Fingerprint"], ":", "") != fmt.Sprintf("%X", id[:]) {
				t.Errorf("fingerprint %s", got["sha256 Fingerprint"])
			}
			if !dates(got["notBefore"]).Equal(c.NotBefore()) || !dates(got["notAfter"]).Equal(c.NotAfter()) {
				t.Errorf("validity %s, %s", got["notBefore"], got["notAfter"])
			}
			if want := fmt.Sprintf("CA:TRUE, pathlen:%d", c.PathLen()); !bytes.Contains(output, []byte(want)) {
				t.Errorf("not in openssl's text: %s", want)
			}
		})
	}
}
