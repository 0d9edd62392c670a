package keys_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
)

func sha256Text(s string) string {
	digest := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// TestLoadSigningRefuses: a set that no sequence of rotations can have written
// is refused whole, though its seal is good.
func TestLoadSigningRefuses(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	s := scene.signing(t)
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	content, err := scene.folder.Content("signing-plus")
	if err != nil {
		t.Fatal(err)
	}
	type records = []map[string]any
	for _, row := range []struct {
		name   string
		change func(r records) any
		want   string
	}{
		{"valid", func(r records) any { return r }, ""},
		{"no keys", func(records) any { return records{} }, "0 keys"},
		{"null", func(records) any { return nil }, "0 keys"},
		{"no current", func(r records) any { return r[:1] }, "1 keys"},
		{"too many", func(r records) any { return append(r, make(records, 14)...) }, "17 keys"},
		{"two current", func(r records) any { r[2]["state"] = "current"; return r }, "where the retired one belongs"},
		{"two next", func(r records) any { r[1]["state"] = "next"; return r }, "where the current one belongs"},
		{"order", func(r records) any { r[0], r[1] = r[1], r[0]; return r }, "where the next one belongs"},
		{"unknown state", func(r records) any { r[2]["state"] = "spare"; return r }, "where the retired one belongs"},
		{"key twice", func(r records) any { return append(r, r[2]) }, "twice"},
		{"algorithm", func(r records) any { r[1]["alg"] = "ES384"; return r }, `algorithm "ES384"`},
		{"name", func(r records) any { r[1]["kid"] = "another"; return r }, "not that of its public key"},
		{"public of another", func(r records) any { r[1]["public"], r[1]["kid"] = r[2]["public"], "x"; return r }, "not that of its public key"},
		{"halves of two", func(r records) any { r[1]["private"] = r[2]["private"]; return r }, "did not verify"},
		{"no private key", func(r records) any { r[1]["private"] = ""; return r }, "not a private key"},
		{"private zero", func(r records) any { r[1]["private"] = make([]byte, 32); return r }, "not a private key"},
		{"public off the curve", func(r records) any { r[1]["public"] = append([]byte{4}, make([]byte, 64)...); return r }, "not a public key"},
		{"public compressed", func(r records) any { r[1]["public"] = append([]byte{2}, make([]byte, 32)...); return r }, "not a public key"},
		{"never published", func(r records) any { delete(r[0], "published"); return r }, "times"},
		{"next in use", func(r records) any { r[0]["used"] = r[0]["published"]; return r }, "times"},
		{"current never used", func(r records) any { delete(r[1], "used"); return r }, "times"},
		{"current retired", func(r records) any { r[1]["retired"] = r[1]["used"]; return r }, "times"},
		{"used before published", func(r records) any { r[1]["used"] = 1; return r }, "times"},
		{"retired before used", func(r records) any { r[2]["retired"] = 1; return r }, "times"},
		{"unknown member", func(r records) any { r[2]["hint"] = "x"; return r }, "not the JSON"},
		{"an object", func(r records) any { return r[0] }, "not the JSON"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var r records
			if err := json.Unmarshal(content, &r); err != nil {
				t.Fatal(err)
			}
			changed, err := json.Marshal(row.change(r))
			if err != nil {
				t.Fatal(err)
			}
			own := newScene(t)
			if err := own.folder.SetContent("signing-plus", changed); err != nil {
				t.Fatal(err)
			}
			_, err = own.folder.LoadSigning("plus", schedule)
			expect(t, err, row.want)
		})
	}
}
