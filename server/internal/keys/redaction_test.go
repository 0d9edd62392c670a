package keys_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pivot/server/internal/keys"
)

// TestNothingPrints: no verb, log or JSON shows a key, alone or inside something
// else.
func TestNothingPrints(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if err := s.folder.SetContent("ring", json.RawMessage(fixedRing)); err != nil {
		t.Fatal(err)
	}
	ring, err := s.folder.LoadRing()
	if err != nil {
		t.Fatal(err)
	}
	secret, err := ring.Secret("sub")
	if err != nil {
		t.Fatal(err)
	}
	signing := s.signing(t)
	content, err := s.folder.Content("signing-plus")
	if err != nil {
		t.Fatal(err)
	}
	hidden := [][]byte{sequence(1), sequence(33), secret.Bytes()}
	for _, text := range secretTexts(t, content) {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		hidden = append(hidden, b)
	}
	type inside struct {
		Exported any
		private  any
	}
	for _, v := range []any{s.kek, secret, ring, signing.Signer(), signing, s.folder, signing.Keys()} {
		var logged bytes.Buffer
		log := slog.New(slog.NewTextHandler(&logged, nil))
		log.Info("x", "v", v, "inside", inside{v, v})
		if b, err := json.Marshal(v); err == nil {
			logged.Write(b)
		}
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			fmt.Fprintf(&logged, verb+" "+verb+"\n", v, inside{v, &v})
		}
		for _, key := range hidden {
			for _, form := range []string{
				string(key), hex.EncodeToString(key), strings.ToUpper(hex.EncodeToString(key)),
				base64.StdEncoding.EncodeToString(key), base64.RawURLEncoding.EncodeToString(key),
				strings.Trim(fmt.Sprint(key), "[]"), strings.Trim(fmt.Sprintf("%#v", key), "[]byte{}"), strings.Trim(fmt.Sprintf("% x", key), " "),
			} {
				if strings.Contains(logged.String(), form) {
					t.Errorf("%T shows a key as %.20q", v, form)
				}
			}
		}
	}
	if _, err := json.Marshal(secret); err == nil {
		t.Error("a secret became JSON")
	}
	if got := fmt.Sprint(secret, s.kek, ring, signing.Signer()); strings.Count(got, "[redacted]") != 4 {
		t.Errorf("printed %q", got)
	}
	if !(keys.Secret{}).IsZero() || secret.IsZero() || (keys.Secret{}).Bytes() != nil {
		t.Error("zero secret")
	}
}

func sequence(from byte) []byte {
	b := make([]byte, 32)
	for i := range b {
		b[i] = from + byte(i)
	}
	return b
}
