package registry_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/oauth"
	"pivot/server/internal/registry"
)

const providerFile = "impots-donnees.toml"

// TestProviderSample loads the sample record that is shipped.
func TestProviderSample(t *testing.T) {
	t.Parallel()
	s, err := registry.Load("testdata", false)
	if err != nil {
		t.Fatal(err)
	}
	d := s.Provider(oauth.Plus(), "impots-donnees-exemple")
	if d == nil || !d.Active() || d.Name() != "Données fiscales (exemple)" {
		t.Fatalf("no data provider: %v", d)
	}
	if got := d.Held([]string{"openid", "dgfip_nbpart", "email", "identite_pivot"}); !slices.Equal(got, []string{"dgfip_nbpart", "identite_pivot"}) {
		t.Errorf("holds %v", got)
	}
	if alg, key, err := d.EncryptionKey(t.Context(), nil); err != nil || alg != "ECDH-ES" || key.KeyID != "enc-1" {
		t.Errorf("key %q for %q: %v", key.KeyID, alg, err)
	}
}

// TestProviderLookup: a data provider is known to its profile alone, and never as a service provider; nor the other way
// round.
func TestProviderLookup(t *testing.T) {
	t.Parallel()
	r, err := registry.Open("testdata", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		profile oauth.Profile
		id      string
		known   bool
	}{
		{oauth.Plus(), "impots-donnees-exemple", true},
		{oauth.Plus().OnLoopback(), "impots-donnees-exemple", true},
		{oauth.Standard(), "impots-donnees-exemple", false},
		{oauth.Plus(), "impots-exemple", false},
		{oauth.Plus(), "", false},
	} {
		if got := r.Provider(c.profile, c.id); (got != nil) != c.known {
			t.Errorf("%s, %q: %v", c.profile.Name(), c.id, got)
		}
	}
	if got := r.Lookup(oauth.Plus(), "impots-donnees-exemple"); got != nil {
		t.Errorf("a data provider passes for a service provider: %v", got)
	}
}

// changeProvider rewrites the data provider's record.
func changeProvider(t *testing.T, dir, from, to string) {
	t.Helper()
	file := filepath.Join(dir, "dp", providerFile)
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(src), from) != 1 {
		t.Fatalf("%q occurs %d times", from, strings.Count(string(src), from))
	}
	write(t, file, strings.Replace(string(src), from, to, 1), 0o644)
}

// TestProviderRefused: one changed thing in a record, one problem, at its place.
func TestProviderRefused(t *testing.T) {
	t.Parallel()
	sample, err := os.ReadFile(filepath.Join("testdata", "dp", providerFile))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(sample), "'''")
	set, _, _ := strings.Cut(rest, "'''")
	for name, c := range map[string]struct{ from, to, want string }{
		"unknown key":         {"scope = ", "scopes = ", `17:1: scopes: unknown key`},
		"key of a service":    {"client_name = ", "redirect_uris = []\nclient_name = ", `5:1: redirect_uris: unknown key`},
		"no id":               {`client_id   = "impots-donnees-exemple"`, "", `1:1: client_id: required`},
		"id with spaces":      {"impots-donnees-exemple", "impots donnees", `4:1: client_id: `},
		"id of a service":     {"impots-donnees-exemple", "impots-exemple", `4:1: client_id: that of `},
		"not a line":          {"Données fiscales (exemple)", `Données\nfiscales`, `5:1: client_name: `},
		"no profile":          {`"plus"`, `"minus"`, `6:1: profile: want plus | standard`},
		"basic":               {"client_secret_post", "client_secret_basic", `8:1: token_endpoint_auth_method: want client_secret_post | private_key_jwt`},
		"no secret":           {`["50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"]`, "[]", `8:1: token_endpoint_auth_method: `},
		"short hash":          {"50d858e0", "50d858", `9:31: client_secret_hashes[0]: want 64 lower-case hexadecimal digits`},
		"private key":         {`"kid": "enc-1"`, `"d": "hunter2hunter2", "kid": "enc-1"`, `10:1: jwks: `},
		"two key sets":        {"scope = ", "jwks_uri = 'https://impots.example.org/jwks'\nscope = ", `17:1: jwks_uri: goes without jwks`},
		"key set on loopback": {"jwks                       = '''" + set + "'''", "jwks_uri = 'http://127.0.0.1:9/jwks'", `10:1: jwks_uri: `},
		"unknown scope":       {"dgfip_nbpart", "dgfip_nbparts", `17:1: scope: "dgfip_nbparts" is no scope of profile plus`},
		"scope of another":    {"dgfip_nbpart", "cnaf_enfants", `17:1: scope: "cnaf_enfants" is no scope of profile plus`},
		"no scope":            {"dgfip_rfr dgfip_nbpart\n  identite_pivot", "openid", `17:1: scope: names no scope`},
		"a scope twice":       {"dgfip_nbpart", "dgfip_rfr", `17:1: scope: "dgfip_rfr" is there twice`},
		"signed otherwise":    {"introspection_encrypted_response_alg", "introspection_signed_response_alg = \"none\"\nintrospection_encrypted_response_alg", `22:1: introspection_signed_response_alg: want ES256`},
		"no encryption":       {`introspection_encrypted_response_alg = "ECDH-ES"`, "", `1:1: introspection_encrypted_response_alg: required`},
		"half an encryption":  {`introspection_encrypted_response_enc = "A256GCM"`, "", `1:1: introspection_encrypted_response_enc: required`},
		"old encryption":      {"ECDH-ES", "RSA1_5", `22:1: introspection_encrypted_response_alg: want ECDH-ES | RSA-OAEP | RSA-OAEP-256`},
		"no key for it":       {"ECDH-ES", "RSA-OAEP-256", `22:1: introspection_encrypted_response_alg: jwks has no key of use enc`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			changeProvider(t, dir, c.from, c.to)
			_, err := registry.Load(dir, false)
			got := problems(t, err)
			want := filepath.Join(dir, "dp", providerFile) + ":" + c.want
			if len(got) == 0 || !slices.ContainsFunc(got, func(p stricttoml.Problem) bool { return strings.HasPrefix(p.String(), want) }) {
				t.Errorf("got:\n%v\nwant:\n%s", got, want)
			}
			if strings.Contains(got.Error(), "hunter2") {
				t.Errorf("a secret is repeated: %v", got)
			}
		})
	}
	if got := registry.Check("testdata", false); got != nil { // the positive control
		t.Errorf("Check of the sample: %v", got)
	}
}

// TestProviderFolder: there need not be data providers; a reload takes one away, and a broken one changes nothing.
func TestProviderFolder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	r, err := registry.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	before := r.Snapshot().Digest()
	changeProvider(t, dir, "client_name", "client_nom")
	if err := r.Reload(); err == nil || r.Snapshot().Digest() != before || r.Provider(oauth.Plus(), "impots-donnees-exemple") == nil {
		t.Errorf("a broken record changed what is served: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "dp")); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil || r.Snapshot().Digest() == before || r.Provider(oauth.Plus(), "impots-donnees-exemple") != nil {
		t.Errorf("without the folder: %v", err)
	}
}

// TestProviderSecretFile: a secret lies beside the record of the data provider, and not where those of services lie.
func TestProviderSecretFile(t *testing.T) {
	t.Parallel()
	const secret = "kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw"
	dir := folder(t)
	changeProvider(t, dir, `client_secret_hashes       = ["50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"]`, `client_secret_files = ["secret"]`)
	write(t, filepath.Join(dir, "sp", "secret"), secret+"\n", 0o600)
	if _, err := registry.Load(dir, false); err == nil {
		t.Error("a secret of the other folder was read")
	}
	write(t, filepath.Join(dir, "dp", "secret"), secret+"\n", 0o600)
	s, err := registry.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	check := client.Check{Issuer: "https://pivot.test/api/v2", Now: time.Now(), Once: never{t}}
	d := s.Provider(oauth.Plus(), "impots-donnees-exemple")
	for presented, want := range map[oauth.Secret]bool{secret: true, secret + "x": false, "": false} {
		err := d.Authenticate(t.Context(), oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: d.ID(), Presented: presented}, check)
		if (err == nil) != want {
			t.Errorf("a secret of %d characters: %v", len(presented), err)
		}
	}
}
