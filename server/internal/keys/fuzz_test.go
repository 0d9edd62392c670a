package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/keys"
)

// FuzzFile: only what the folder sealed opens, and it opens as what was sealed.
func FuzzFile(f *testing.F) {
	s := newScene(f)
	if err := s.folder.SetContent("ring", json.RawMessage(fixedRing)); err != nil {
		f.Fatal(err)
	}
	genuine := read(f, s.path("ring"))
	f.Add([]byte(genuine))
	f.Add([]byte(strings.Replace(genuine, "ring", "signing-plus", 1)))
	f.Add([]byte(`{"format":"pivot-keys/1","set":"ring","sealed":""}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		content, err := s.folder.Decode("ring", text)
		if err == nil && string(content) != fixedRing {
			t.Errorf("%q opened as %q", text, content)
		}
	})
}

// FuzzSigningSet: the content of a set is trusted no more than its seal.
func FuzzSigningSet(f *testing.F) {
	s := newScene(f)
	s.signing(f)
	content, err := s.folder.Content("signing-plus")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(content))
	f.Add([]byte(`[{"kid":"x","alg":"ES256","private":"AA==","public":"BA==","state":"next","published":1},{}]`))
	f.Fuzz(func(t *testing.T, content []byte) {
		if keys.ParseRecords(content) != nil || !json.Valid(content) {
			return
		}
		own := newScene(t)
		if err := own.folder.SetContent("signing-plus", content); err != nil {
			t.Fatal(err)
		}
		signing, err := own.folder.LoadSigning("plus", schedule)
		if err != nil {
			t.Fatalf("parsed, but: %v", err)
		}
		if _, err := signing.Signer().Sign(t.Context(), []byte("x")); err != nil {
			t.Errorf("loaded, but: %v", err)
		}
	})
}

// FuzzOpen: only what the ring sealed opens.
func FuzzOpen(f *testing.F) {
	r, err := loadRing(f, fixedRing)
	if err != nil {
		f.Fatal(err)
	}
	genuine, err := hex.DecodeString(sealedHex)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine, []byte("row 1"))
	f.Add(genuine[:5], []byte(nil))
	f.Add([]byte{1, 0, 0, 0, 7}, []byte("row 1"))
	f.Fuzz(func(t *testing.T, sealed, aad []byte) {
		opened, err := r.Open("txn", sealed, aad)
		same := bytes.Equal(sealed, genuine) && string(aad) == "row 1"
		if (err == nil) != same || same && string(opened) != "plaintext" {
			t.Errorf("%x with %x opened as %x, %v", sealed, aad, opened, err)
		}
	})
}

// FuzzKEK: one line of 43 characters or nothing.
func FuzzKEK(f *testing.F) {
	f.Add([]byte(kekText + "\n"))
	f.Add([]byte(kekText[:20] + "\r" + kekText[21:]))
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "kek")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ReadKEK(path); err != nil {
			return
		}
		if line := strings.TrimSuffix(string(text), "\n"); len(line) != 43 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("accepted %q", text)
		}
	})
}
