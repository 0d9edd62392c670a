//go:build pkcs11 && cgo

package hsm_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/keys"
	"pivot/server/internal/token"
)

var schedule = keys.Schedule{Cache: 100 * time.Second, Token: 60 * time.Second, Skew: 20 * time.Second, Every: time.Hour}

// folder opens a folder of keys; s is where signing keys are made, nil for the
// folder itself.
func folder(tb testing.TB, dir string, now func() time.Time, s *scene) *keys.Folder {
	tb.Helper()
	kekFile, pinFile := filepath.Join(dir, "kek"), filepath.Join(dir, "pin")
	if _, err := os.Stat(kekFile); err != nil {
		if err := keys.CreateKEK(kekFile); err != nil {
			tb.Fatal(err)
		}
	}
	kek, err := keys.ReadKEK(kekFile)
	if err != nil {
		tb.Fatal(err)
	}
	f, err := keys.OpenFolder(filepath.Join(dir, "keys"), kek, now)
	if err != nil {
		tb.Fatal(err)
	}
	if s == nil {
		return f
	}
	if err := os.WriteFile(pinFile, []byte(pin+"\n"), 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := f.UseToken(keys.Token{Module: soft.library, Label: s.label, PIN: pinFile}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := f.Close(); err != nil {
			tb.Error(err)
		}
	})
	return f
}

// objects counts the keys that rest in the scene's token: two files a pair.
func (s *scene) objects(tb testing.TB) int {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(s.folder(tb), "*.object"))
	if err != nil {
		tb.Fatal(err)
	}
	return (len(files) - 1) / 2 // one is the token itself
}

// TestSigningSet is a set of keys in a real token: made, published, used,
// rotated, lost and found, loaded again, moved from the folder, and gone when
// nobody needs it.
func TestSigningSet(t *testing.T) {
	s := newScene(t)
	dir, at := t.TempDir(), time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	now := func() time.Time { return at }
	moved, err := folder(t, dir, now, nil).CreateSigning("https://a.example", schedule)
	if err != nil {
		t.Fatal(err)
	}
	signs := func(set *keys.Signing) {
		t.Helper()
		compact, err := set.Signer().Sign(t.Context(), []byte(`{"sub":"x"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := token.Seal(t.Context(), set.Signer(), token.SignedAlone(), []byte(`{"sub":"x"}`)); err != nil {
			t.Error(err)
		}
		text, err := set.JWKS()
		if err != nil {
			t.Fatal(err)
		}
		checkWith(t, compact, text)
	}
	signs(moved)
	f := folder(t, dir, now, s)
	for _, issuer := range []string{"https://a.example", "https://b.example"} {
		set, err := f.LoadSigning(issuer, schedule)
		if err != nil {
			set, err = f.CreateSigning(issuer, schedule)
		}
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			signs(set)
			at = at.Add(3 * time.Minute) // a retired key is out by then
			if _, err := set.Rotate(); err != nil {
				t.Fatal(err)
			}
			if err := raw(t).Finalize(); err != nil {
				t.Fatal(err)
			}
		}
		signs(set)
		if !slices.Equal(inToken(set), []bool{true, true, true}) {
			t.Errorf("%s: %+v", issuer, set.Keys())
		}
		if err := raw(t).Finalize(); err != nil {
			t.Fatal(err)
		}
		if _, err := set.Revoke(); err != nil {
			t.Fatal(err)
		}
		signs(set)
		loaded, err := folder(t, dir, now, s).LoadSigning(issuer, schedule)
		if err != nil || !slices.Equal(loaded.Keys(), set.Keys()) {
			t.Fatalf("loaded %v", err)
		}
		signs(loaded)
	}
	if n := s.objects(t); n != 6 { // two sets: next, current, and one retired when the last was revoked
		t.Errorf("%d keys in the token", n)
	}
	_, err = folder(t, dir, now, nil).LoadSigning("https://a.example", schedule)
	if err == nil || !strings.Contains(err.Error(), "none is configured") {
		t.Errorf("loaded without the token: %v", err)
	}
}

func inToken(set *keys.Signing) []bool {
	var out []bool
	for _, k := range set.Keys() {
		out = append(out, k.InToken)
	}
	return out
}

func checkWith(t *testing.T, compact string, set []byte) {
	t.Helper()
	object, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var published jose.JSONWebKeySet
	if err := json.Unmarshal(set, &published); err != nil {
		t.Fatal(err)
	}
	if _, err := object.Verify(published); err != nil {
		t.Errorf("does not verify with what is published: %v", err)
	}
}

// BenchmarkSign is one JWS, verified, by a key in SoftHSM and by one in the
// folder; at once is all processors together.
func BenchmarkSign(b *testing.B) {
	s := newScene(b)
	for name, where := range map[string]*scene{"token": s, "folder": nil} {
		set, err := folder(b, b.TempDir(), time.Now, where).CreateSigning("https://a.example", schedule)
		if err != nil {
			b.Fatal(err)
		}
		payload := make([]byte, 400)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Signer().Sign(b.Context(), payload); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/at once", func(b *testing.B) {
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					if _, err := set.Signer().Sign(b.Context(), payload); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
