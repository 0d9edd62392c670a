package pki_test

import (
	"crypto"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"pivot/cardreader/cardsim/internal/pki"
)

// TestOpenSSL asks for a second opinion: `openssl cms -verify` accepts the good objects, chain included, and refuses
// the others.
func TestOpenSSL(t *testing.T) {
	t.Parallel()
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("openssl is not installed: no second opinion on our signed objects")
	}
	dir := t.TempDir()
	p := testPKI(t)
	if err := p.Save(dir); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		root   string
		change func(o *pki.Object)
		want   bool
	}{
		{"French", "eid", func(*pki.Object) {}, true},
		{"Utopian", "uto", func(o *pki.Object) { o.Signer, o.Digest = "uto", crypto.SHA384 }, true},
		{"PSS", "eid", func(o *pki.Object) { o.Flaws.PSS = true }, true},
		{"intermediate", "eid", func(o *pki.Object) { o.Signer = "below" }, true},
		{"indefinite lengths", "eid", func(o *pki.Object) { o.Flaws.Indefinite = true }, true},
		{"other authority", "uto", func(*pki.Object) {}, false},
		{"unknown authority", "eid", func(o *pki.Object) { o.Signer = "elsewhere" }, false},
		{"namesake", "eid", func(o *pki.Object) { o.Signer = "namesake" }, false},
		{"forged", "eid", func(o *pki.Object) { o.Signer, o.Flaws.Forged = "small-exponent", true }, false},
		{"no certificate", "eid", func(o *pki.Object) { o.Flaws.NoCertificate = true }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := object()
			tt.change(&o)
			sod, err := p.Sign(o)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "sod.der")
			if err := os.WriteFile(file, sod[4:], 0o600); err != nil { // without 77 and its three length bytes
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), openssl, "cms", "-verify", "-binary", "-inform", "DER", "-in", file,
				"-CAfile", filepath.Join(dir, "csca", "TEST-"+tt.root+".pem"), "-purpose", "any", "-out", os.DevNull,
				"-attime", strconv.FormatInt(now.Unix(), 10))
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.want {
				t.Errorf("accepted: %t, want %t\n%s", err == nil, tt.want, out)
			}
		})
	}
}
