package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/config"
	"pivot/server/internal/config/stricttoml"
)

// FuzzParse: a document is refused with problems, or what comes of it keeps the
// promises that the rest of the broker relies on.
func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("testdata/pivot.toml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sample)
	f.Add([]byte(base))
	f.Add([]byte(base + second))
	f.Add([]byte(strings.Replace(base, "https://auth.example.fr", "http://[::1]:8080", 1)))
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := config.Parse("/etc/pivot.toml", src)
		var problems stricttoml.Problems
		if err != nil {
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("error %v", err)
			}
			return
		}
		for _, path := range []string{c.DataDir(), c.RegistryDir(), c.TrustDir()} {
			if !filepath.IsAbs(path) {
				t.Errorf("path %q", path)
			}
		}
		if len(c.Issuers()) == 0 {
			t.Error("no issuer")
		}
		for _, issuer := range c.Issuers() {
			plain := strings.HasPrefix(issuer.Origin(), "http://")
			if plain && !issuer.Loopback() || issuer.Loopback() != c.Loopback() || !issuer.Listen().IsValid() ||
				!issuer.Listen().Addr().IsLoopback() && len(c.TrustedProxies()) == 0 ||
				issuer.Origin() != strings.ToLower(issuer.Origin()) || !strings.HasSuffix(issuer.Origin(), "://"+issuer.Host()) {
				t.Errorf("issuer %+v", issuer)
			}
		}
	})
}
