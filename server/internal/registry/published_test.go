package registry_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
	"pivot/server/internal/registry"
)

// TestJWKSURI: keys at an address instead of in the record.
func TestJWKSURI(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ uri, want string }{
		{"https://impots.example.org/jwks", ""},
		{"http://impots.example.org/jwks", "https"},
		{"https://10.0.0.1/jwks", "https"},
		{"https://localhost/jwks", "https"},
		{"https://impots.example.org/jwks#x", "fragment"},
	} {
		dir := folder(t)
		text, err := os.ReadFile(filepath.Join(dir, "sp", plusFile))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "'''")
		set, _, _ := strings.Cut(rest, "'''")
		change(t, dir, plusFile, "jwks                       = '''"+set+"'''", "jwks_uri = '"+row.uri+"'")
		s, err := registry.Load(dir, false)
		if row.want == "" {
			if err != nil || s.Lookup(oauth.Plus(), "impots-exemple") == nil {
				t.Errorf("%s: %v", row.uri, err)
			}
			continue
		}
		if got := problems(t, err)[0]; got.Key != "jwks_uri" || got.Line != 15 || !strings.Contains(got.Reason, row.want) {
			t.Errorf("%s: %+v", row.uri, got)
		}
	}
	dir := folder(t)
	change(t, dir, plusFile, "require_pkce ", "jwks_uri = 'https://impots.example.org/jwks'\nrequire_pkce ")
	_, err := registry.Load(dir, false)
	if got := problems(t, err)[0]; got.Key != "jwks_uri" || !strings.Contains(got.Reason, "goes without jwks") {
		t.Errorf("both: %+v", got)
	}
}
