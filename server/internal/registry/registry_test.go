package registry_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/client"
	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/oauth"
	"pivot/server/internal/registry"
)

// TestSample loads the sample records that are shipped.
func TestSample(t *testing.T) {
	t.Parallel()
	s, err := registry.Load("testdata", false)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 3 {
		t.Errorf("%d records", s.Len())
	}
	plus := s.Lookup(oauth.Plus(), "impots-exemple")
	if plus == nil {
		t.Fatal("no client on plus")
	}
	if plus.Name() != "Impôts (exemple)" || !plus.Active() || !plus.Public() || plus.Consent() ||
		plus.EntityID() != "0b5d1c3e9f2a4786b1c0d9e8f7a6b5c4" ||
		!slices.Equal(plus.Scopes(), []string{"identite_pivot", "email", "amr"}) || !slices.Equal(plus.Claims(), []string{"amr"}) ||
		plus.Answers() != (client.Answers{IDToken: client.Encryption{Alg: "ECDH-ES", Enc: "A256GCM"}, Userinfo: client.Encryption{Alg: "ECDH-ES", Enc: "A256GCM"}, IDTokenSigned: "ES256", UserinfoSigned: "ES256"}) {
		t.Errorf("%+v", plus)
	}
	if key, err := plus.EncryptionKey(t.Context(), "ECDH-ES", nil); err != nil || key.KeyID != "enc-1" {
		t.Errorf("key %q, %v", key.KeyID, err)
	}
	standard := s.Lookup(oauth.Standard(), "mutuelle-exemple")
	if standard == nil {
		t.Fatal("no client on standard")
	}
	if standard.Public() || !standard.Consent() || len(standard.RedirectURIs()) != 2 ||
		!slices.Equal(standard.Scopes(), []string{"profile", "birth", "email", "droits_assurance_maladie"}) {
		t.Errorf("%+v", standard)
	}
}

// TestLookup: a client of one profile is unknown to the other.
func TestLookup(t *testing.T) {
	t.Parallel()
	s, err := registry.Load("testdata", false)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		profile oauth.Profile
		id      string
		known   bool
	}{
		{oauth.Plus(), "impots-exemple", true},
		{oauth.Plus().OnLoopback(), "impots-exemple", true},
		{oauth.Standard(), "impots-exemple", false},
		{oauth.Profile{}, "impots-exemple", false},
		{oauth.Plus(), "mutuelle-exemple", false},
		{oauth.Plus(), "Impots-exemple", false},
		{oauth.Plus(), "impots-exemple ", false},
		{oauth.Plus(), "", false},
	} {
		if got := s.Lookup(c.profile, c.id); (got != nil) != c.known {
			t.Errorf("%s, %q: %v", c.profile.Name(), c.id, got)
		}
	}
}

// folder is a registry of its own, with the sample records in it.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}

// change rewrites a record of the folder and gives its new text.
func change(t *testing.T, dir, name, from, to string) string {
	t.Helper()
	file := filepath.Join(dir, "sp", name)
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(src), from) != 1 {
		t.Fatalf("%q occurs %d times", from, strings.Count(string(src), from))
	}
	text := strings.Replace(string(src), from, to, 1)
	write(t, file, text, 0o644)
	return text
}

func problems(t *testing.T, err error) stricttoml.Problems {
	t.Helper()
	var out stricttoml.Problems
	if !errors.As(err, &out) {
		t.Fatalf("error %v", err)
	}
	return out
}

const (
	plusFile     = "impots.toml"
	standardFile = "mutuelle.toml"
)

// TestRefused: one changed thing in a record, one problem, at its place.
func TestRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, from, to, want string }{
		"unknown key":         {plusFile, "scope  ", "scopes ", `24:1: scopes: unknown key`},
		"secret in clear":     {standardFile, "client_secret_hashes", "client_secret", `16:1: client_secret: unknown key`},
		"no id":               {plusFile, `client_id   = "impots-exemple"`, "", `1:1: client_id: required`},
		"no profile":          {plusFile, `"plus"`, `"minus"`, `6:1: profile: want plus | standard`},
		"no type":             {plusFile, `"public"`, `"open"`, `8:1: sp_type: want public | private`},
		"no address":          {plusFile, `["https://impots.example.org/callback"]`, "[]", `10:1: redirect_uris: must not be empty`},
		"http address":        {plusFile, "https://impots.example.org/callback", "http://impots.example.org/callback", `10:30: redirect_uris[0]: `},
		"loopback address":    {plusFile, "https://impots.example.org/callback", "http://127.0.0.1:9000/callback", `10:30: redirect_uris[0]: `},
		"password in address": {standardFile, "https://www.mutuelle", "https://me:hunter2hunter2@www.mutuelle", `12:3: redirect_uris[1]: `},
		"after a logout":      {plusFile, `"https://impots.example.org/"`, `"ftp://impots.example.org/"`, `11:30: post_logout_redirect_uris[0]: `},
		"one address twice":   {standardFile, "https://www.mutuelle.example.fr", "https://mutuelle.example.fr", `10:1: redirect_uris: `},
		"basic":               {plusFile, "private_key_jwt", "client_secret_basic", `13:1: token_endpoint_auth_method: want client_secret_post | private_key_jwt`},
		"no secret":           {standardFile, `["50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"]`, "[]", `15:1: token_endpoint_auth_method: `},
		"short hash":          {standardFile, "50d858e0", "50d858", `16:31: client_secret_hashes[0]: want 64 lower-case hexadecimal digits`},
		"upper case hash":     {standardFile, "50d858e0", "50D858E0", `16:31: client_secret_hashes[0]: want 64 lower-case hexadecimal digits`},
		"no key set":          {plusFile, `"kid": "sig-1"`, `"d": "hunter2hunter2", "kid": "sig-1"`, `15:1: jwks: `},
		"key set that is not": {plusFile, `{"keys": [`, `{"keys": `, `15:1: jwks: `},
		"two key sets":        {plusFile, "require_pkce ", "jwks_file = 'x.json'\nrequire_pkce ", `14:1: jwks_file: goes without jwks`},
		"unknown scope":       {plusFile, "email amr", "emial amr", `24:1: scope: "emial" is no scope of profile plus`},
		"scope of another":    {plusFile, "email amr", "idp_id amr", `24:1: scope: "idp_id" is no scope of profile plus`},
		"unknown claim":       {plusFile, `["amr"]`, `["amr", "shoe_size"]`, `25:27: claims[1]: no claim of profile plus`},
		"prompt none":         {plusFile, `["login", "consent"]`, `["login", "none"]`, `26:29: allowed_prompts[1]: want login | consent`},
		"no encryption":       {plusFile, `id_token_encrypted_response_alg = "ECDH-ES"`, "", `29:1: id_token_encrypted_response_enc: goes with id_token_encrypted_response_alg`},
		"half an encryption":  {plusFile, `userinfo_encrypted_response_enc = "A256GCM"`, "", `30:1: userinfo_encrypted_response_alg: goes with userinfo_encrypted_response_enc`},
		"signed alone":        {plusFile, "userinfo_encrypted_response_alg = \"ECDH-ES\"\nuserinfo_encrypted_response_enc = \"A256GCM\"", "", `1:1: userinfo_encrypted_response_alg: is missing: this issuer encrypts every answer`},
		"old encryption":      {plusFile, `id_token_encrypted_response_alg = "ECDH-ES"`, `id_token_encrypted_response_alg = "RSA1_5"`, `28:1: id_token_encrypted_response_alg: want ECDH-ES | RSA-OAEP | RSA-OAEP-256`},
		"no key for it":       {plusFile, `userinfo_encrypted_response_alg = "ECDH-ES"`, `userinfo_encrypted_response_alg = "RSA-OAEP"`, `30:1: userinfo_encrypted_response_alg: `},
		"short entity":        {plusFile, "0b5d1c3e9f2a4786b1c0d9e8f7a6b5c4", "0b5d1c3e9f2a4786b1c0d9e8f7a6b5c", `7:1: entity_id: `},
		"not a line":          {plusFile, "Impôts (exemple)", `Impôts\n(exemple)`, `5:1: client_name: `},
		"turned writing":      {plusFile, "Impôts (exemple)", `Impôts\u202E(exemple)`, `5:1: client_name: `},
		"id with spaces":      {plusFile, "impots-exemple", "impots exemple", `4:1: client_id: `},
		"not TOML":            {plusFile, `client_id   =`, `client_id   :`, `4:13: not TOML: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			change(t, dir, c.file, c.from, c.to)
			_, err := registry.Load(dir, false)
			got := problems(t, err)
			want := filepath.Join(dir, "sp", c.file) + ":" + c.want
			if len(got) == 0 || !strings.HasPrefix(got[0].String(), want) {
				t.Errorf("got:\n%v\nwant first:\n%s", got, want)
			}
			if strings.Contains(got.Error(), "hunter2") {
				t.Errorf("a secret is repeated: %v", got)
			}
			if diff := cmp.Diff([]stricttoml.Problem(got), registry.Check(dir, false)); diff != "" {
				t.Errorf("Check differs from Load: %s", diff)
			}
		})
	}
	if got := registry.Check("testdata", false); got != nil {
		t.Errorf("Check of the sample: %v", got)
	}
}

// TestLoopback: an http address on loopback is good where the issuers are there.
func TestLoopback(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	change(t, dir, plusFile, "https://impots.example.org/callback", "http://127.0.0.1:9000/callback")
	if _, err := registry.Load(dir, true); err != nil {
		t.Error(err)
	}
	if _, err := registry.Load(dir, false); err == nil {
		t.Error("accepted for the world")
	}
}

func TestInactive(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	change(t, dir, plusFile, "[\"amr\"]", "[\"amr\"]\nactive = false")
	s, err := registry.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if c := s.Lookup(oauth.Plus(), "impots-exemple"); c == nil || c.Active() {
		t.Errorf("%v", c)
	}
}

// TestAllFiles: every file at fault is told, and the others do not count.
func TestAllFiles(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	change(t, dir, plusFile, "sp_type ", "type ")
	change(t, dir, standardFile, "sp_type ", "type ")
	write(t, filepath.Join(dir, "sp", "zero.toml"), "client_id = ''\n", 0o644)
	_, err := registry.Load(dir, false)
	files := map[string]bool{}
	for _, p := range problems(t, err) {
		files[filepath.Base(p.File)] = true
	}
	if diff := cmp.Diff(map[string]bool{plusFile: true, standardFile: true, "zero.toml": true}, files); diff != "" {
		t.Error(diff)
	}
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	change(t, dir, standardFile, "mutuelle-exemple", "impots-exemple")
	_, err := registry.Load(dir, false)
	first := filepath.Join(dir, "sp", plusFile)
	want := filepath.Join(dir, "sp", standardFile) + ":3:1: client_id: that of " + first + " as well"
	if got := problems(t, err).Error(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFolder: what is no record, what is no registry.
func TestFolder(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, dir, want string) {
		t.Helper()
		_, err := registry.Load(dir, false)
		if got := problems(t, err).Error(); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if registry.Check(dir, false) == nil {
			t.Error("Check finds nothing")
		}
	}
	t.Run("other files", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		for _, name := range []string{"README.md", ".impots.toml", "impots.toml~", "impots.toml.orig"} {
			write(t, filepath.Join(dir, "sp", name), "nothing", 0o644)
		}
		if s, err := registry.Load(dir, false); err != nil || s.Len() != 3 {
			t.Error(err)
		}
	})
	t.Run("no records", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "sp"), 0o755); err != nil {
			t.Fatal(err)
		}
		if s, err := registry.Load(dir, false); err != nil || s.Len() != 0 {
			t.Error(err)
		}
	})
	t.Run("no sp", func(t *testing.T) {
		t.Parallel()
		refused(t, t.TempDir(), string(filepath.Separator)+"sp: no such file")
	})
	t.Run("no folder", func(t *testing.T) {
		t.Parallel()
		refused(t, filepath.Join(t.TempDir(), "absent"), "absent: no such file")
	})
	t.Run("folder for a file", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		if err := os.Mkdir(filepath.Join(dir, "sp", "x.toml"), 0o755); err != nil {
			t.Fatal(err)
		}
		refused(t, dir, "x.toml: not a regular file")
	})
	t.Run("too long", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		write(t, filepath.Join(dir, "sp", "x.toml"), strings.Repeat("#", stricttoml.MaxSize+1), 0o644)
		refused(t, dir, "x.toml: longer than 262144 bytes")
	})
	t.Run("link inside", func(t *testing.T) {
		t.Parallel()
		dir := folder(t)
		// As orchestrators publish a folder: a link to a file in a dated folder.
		link(t, filepath.Join(dir, "sp", plusFile), filepath.Join(dir, "sp", ".dated.toml"), filepath.Join(dir, "sp", plusFile), ".dated.toml")
		if s, err := registry.Load(dir, false); err != nil || s.Len() != 3 {
			t.Error(err)
		}
	})
	t.Run("link outside", func(t *testing.T) {
		t.Parallel()
		dir, outside := folder(t), filepath.Join(t.TempDir(), "elsewhere.toml")
		link(t, filepath.Join(dir, "sp", plusFile), outside, filepath.Join(dir, "sp", plusFile), outside)
		refused(t, dir, "path escapes from parent")
	})
}

// link moves a file and puts a link in its place.
func link(t *testing.T, from, to, at, target string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, at); err != nil {
		t.Skipf("skipped: no symbolic links here: %v", err)
	}
}

// TestKeySetFile: a key set in a file of its own, beside the record.
func TestKeySetFile(t *testing.T) {
	t.Parallel()
	apart := func(t *testing.T, name string) (dir, file string) {
		t.Helper()
		dir = folder(t)
		text, err := os.ReadFile(filepath.Join(dir, "sp", plusFile))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut(string(text), "'''")
		set, _, _ := strings.Cut(rest, "'''")
		change(t, dir, plusFile, "jwks                       = '''"+set+"'''", "jwks_file = '"+name+"'")
		file = filepath.Join(dir, "sp", "keys.json")
		write(t, file, set, 0o644)
		return dir, file
	}
	dir, file := apart(t, "keys.json")
	s, err := registry.Load(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(oauth.Plus(), "impots-exemple").EncryptionKey(t.Context(), "ECDH-ES", nil); err != nil {
		t.Error(err)
	}
	before := s.Digest()
	write(t, file, `{"keys": []}`, 0o644)
	_, err = registry.Load(dir, false)
	if got := problems(t, err)[0]; got.Key != "token_endpoint_auth_method" {
		t.Errorf("without keys: %v", got)
	}
	write(t, file, `{"keys": `, 0o644)
	_, err = registry.Load(dir, false)
	if got := problems(t, err)[0]; got.Key != "jwks_file" || got.Line != 15 {
		t.Errorf("with half a set: %v", got)
	}

	absolute, _ := apart(t, filepath.Join(dir, "sp", "other.json"))
	write(t, filepath.Join(dir, "sp", "other.json"), "{}", 0o644)
	if _, err := registry.Load(absolute, false); problems(t, err)[0].Reason != `has no list "keys"` {
		t.Errorf("an absolute path: %v", err)
	}
	for name, want := range map[string]string{
		"../../keys.json": "a relative path stays inside the registry",
		"absent.json":     "no such file or directory",
		".":               "not a regular file",
	} {
		dir, _ := apart(t, name)
		_, err := registry.Load(dir, false)
		if got := problems(t, err)[0]; got.Key != "jwks_file" || !strings.HasPrefix(got.Reason, want) || strings.Contains(got.Reason, ".json") {
			t.Errorf("%q: %v", name, got)
		}
	}
	dir, file = apart(t, "keys.json")
	later, err := registry.Load(dir, false)
	if err != nil || later.Digest() != before {
		t.Errorf("the same records give another digest: %v", err)
	}
	set, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, string(set)+"\n", 0o644)
	if later, err := registry.Load(dir, false); err != nil || later.Digest() == before {
		t.Errorf("another key set gives the same digest: %v", err)
	}
}

// TestSecretFile: the secret itself, in a closed file, and the client that
// authenticates with it.
func TestSecretFile(t *testing.T) {
	t.Parallel()
	const text = "Tm90QVNlY3JldEJ1dExvbmdFbm91Z2hUb1Rlc3RXaXRoMDE"
	sum := sha256.Sum256([]byte(text))
	written := `client_secret_hashes       = ["50d858e0985ecc7f60418aaf0cc5ab587f42c2570a884095a9e8ccacd0f6545c"]`
	for name, c := range map[string]struct {
		key, content string
		mode         os.FileMode
		want         string // a problem, or nothing
	}{
		"owner":         {"client_secret_files = ['secret']", text, 0o600, ""},
		"read only":     {"client_secret_files = ['secret']", text, 0o400, ""},
		"group reads":   {"client_secret_files = ['secret']", text, 0o640, ""},
		"line end":      {"client_secret_files = ['secret']", text + "\n", 0o600, ""},
		"windows":       {"client_secret_files = ['secret']", text + "\r\n", 0o600, ""},
		"hash":          {"client_secret_hashes = ['" + hex.EncodeToString(sum[:]) + "']", "", 0o600, ""},
		"old and new":   {"client_secret_files = ['secret']\n" + written, text, 0o600, ""},
		"open":          {"client_secret_files = ['secret']", text, 0o604, "mode 0604: a secret is readable by its owner and at most its group"},
		"group writes":  {"client_secret_files = ['secret']", text, 0o660, "mode 0660: a secret is readable by its owner and at most its group"},
		"short":         {"client_secret_files = ['secret']", text[:42], 0o600, "client: secret is not 256 random bits"},
		"two lines":     {"client_secret_files = ['secret']", text + "\n\n", 0o600, "client: secret is not base64url"},
		"empty":         {"client_secret_files = ['secret']", "", 0o600, "client: secret is not 256 random bits"},
		"endless":       {"client_secret_files = ['secret']", strings.Repeat("a", 5000), 0o600, "longer than 4096 bytes"},
		"absent":        {"client_secret_files = ['secrets']", text, 0o600, "no such file or directory"},
		"in its place":  {"client_secret_files = ['" + text + "']", text, 0o600, "no such file or directory"},
		"other method":  {"client_secret_files = ['secret']\njwks = '{\"keys\": []}'", text, 0o600, ""},
		"three of them": {"client_secret_files = ['secret', 'secret']\n" + written, text, 0o600, "client_secret_post with 3 secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && strings.HasPrefix(c.want, "mode") {
				t.Skip("skipped: Windows has no such permissions")
			}
			dir := folder(t)
			change(t, dir, standardFile, written, c.key)
			write(t, filepath.Join(dir, "sp", "secret"), c.content, c.mode)
			s, err := registry.Load(dir, false)
			if c.want != "" {
				if got := problems(t, err); !strings.HasPrefix(got[0].Reason, c.want) || strings.Contains(got.Error(), text[:20]) {
					t.Errorf("got %v, want %q", got, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			sp := s.Lookup(oauth.Standard(), "mutuelle-exemple")
			check := client.Check{Issuer: "https://oidc.example.fr/api/v2", Now: time.Unix(1e9, 0), Once: never{t}}
			cred := oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "mutuelle-exemple", Presented: text}
			if err := sp.Authenticate(t.Context(), cred, check); err != nil {
				t.Error(err)
			}
			cred.Presented = oauth.Secret(text[1:] + "A")
			if err := sp.Authenticate(t.Context(), cred, check); err == nil {
				t.Error("another secret authenticates")
			}
		})
	}
}

// TestReload: a bad file is refused whole and what was served goes on; once it
// is good again, all of it is served.
func TestReload(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	r, err := registry.Open(dir, false)
	if err != nil {
		t.Fatal(err)
	}
	old := r.Snapshot()
	change(t, dir, plusFile, "Impôts (exemple)", "Impôts")
	change(t, dir, standardFile, `"private"`, `"secret"`)
	if err := r.Reload(); err == nil || r.Snapshot() != old {
		t.Errorf("half a registry is served: %v", err)
	}
	if c := r.Lookup(oauth.Plus(), "impots-exemple"); c == nil || c.Name() != "Impôts (exemple)" {
		t.Errorf("served %v", c)
	}
	change(t, dir, standardFile, `"secret"`, `"public"`)
	if err := r.Reload(); err != nil {
		t.Fatal(err)
	}
	if c := r.Lookup(oauth.Plus(), "impots-exemple"); c == nil || c.Name() != "Impôts" || r.Snapshot().Digest() == old.Digest() {
		t.Errorf("served %v", c)
	}
	if c := old.Lookup(oauth.Plus(), "impots-exemple"); c.Name() != "Impôts (exemple)" {
		t.Error("a snapshot changed under who holds it")
	}
	if err := os.Remove(filepath.Join(dir, "sp", plusFile)); err != nil {
		t.Fatal(err)
	}
	if err := r.Reload(); err != nil || r.Lookup(oauth.Plus(), "impots-exemple") != nil {
		t.Errorf("a record that is gone is served: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	change(t, dir, plusFile, `"public"`, `"open"`)
	if r, err := registry.Open(dir, false); err == nil || r != nil {
		t.Errorf("opened %v, %v", r, err)
	}
}

// TestConcurrent: who looks up while the folder is read again gets a client of
// one snapshot or the other.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	r, err := registry.Open(folder(t), false)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if r.Lookup(oauth.Plus(), "impots-exemple") == nil {
					t.Error("the client was not there")
				}
			}
		})
		all.Go(func() {
			for range 3 {
				if err := r.Reload(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}
