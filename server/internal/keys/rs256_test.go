package keys_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/token"
)

// TestRS256 walks a set of RSA keys through its life: signed, published, rotated, read again.
func TestRS256(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s, err := scene.folder.RS256().CreateSigning("low", schedule)
	if err != nil {
		t.Fatal(err)
	}
	sealed := func() string {
		t.Helper()
		compact, err := token.Seal(t.Context(), s.Signer(), token.SignedAlone(), []byte(`{"sub":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	compact, first := sealed(), s.Signer().KeyID()
	text, _, _ := strings.Cut(compact, ".")
	header, err := base64.RawURLEncoding.DecodeString(text)
	if want := `{"alg":"RS256","kid":"` + first + `"}`; err != nil || string(header) != want {
		t.Errorf("header %s, want %s", header, want)
	}
	object, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := s.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil || len(set.Keys) != 2 {
		t.Fatalf("%d keys, %v", len(set.Keys), err)
	}
	for _, k := range set.Keys {
		if k.Algorithm != "RS256" || k.Use != "sig" || !k.IsPublic() {
			t.Errorf("published: alg %q, use %q", k.Algorithm, k.Use)
		}
	}
	if _, err := object.Verify(set); err != nil {
		t.Error(err)
	}
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	again, err := scene.reopen(t).RS256().LoadSigning("low", schedule)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Signer().KeyID(); got == first || got != s.Signer().KeyID() {
		t.Errorf("%s signs after the rotation", got)
	}
	// A set is of one algorithm, and nobody finds one in the place of the other.
	if _, err := scene.folder.LoadSigning("low", schedule); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read as ES256: %v", err)
	}
	scene.signing(t)
	if _, err := scene.folder.RS256().LoadSigning("plus", schedule); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read as RS256: %v", err)
	}
}
