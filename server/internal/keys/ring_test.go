package keys_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/keys"
)

// fixedRing is a ring whose root is the bytes 1 to 32 and whose generation 7 is
// the bytes 33 to 64.
const fixedRing = `{"root":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",` +
	`"generations":[{"number":7,"key":"ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=","created":1772600767000}]}`

// sealedHex is "plaintext" for the purpose "txn" and the associated data "row 1",
// sealed by that generation under the nonce "ABCDEFGHIJKLMNOPQRSTUVWX".
const sealedHex = "0100000007" + "4142434445464748494a4b4c4d4e4f505152535455565758" +
	"a36ea3e3daa8ac6dfcccf0f90e3138d8d08124e7a284de8995"

func loadRing(tb testing.TB, content string) (*keys.Ring, error) {
	tb.Helper()
	s := newScene(tb)
	if err := s.folder.SetContent("ring", json.RawMessage(content)); err != nil {
		tb.Fatal(err)
	}
	return s.folder.LoadRing()
}

// TestRingVectors pins the form of what is sealed and the derivations: were they
// to change, no deployment could read its store. Values computed with Python's
// hmac and cryptography 43 from RFC 5869 and C2SP XAES-256-GCM.
func TestRingVectors(t *testing.T) {
	t.Parallel()
	r, err := loadRing(t, fixedRing)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := r.Secret("sub")
	if got, want := hex.EncodeToString(secret.Bytes()), "5f9d6ecb51188a43679aaf97e81d4933bb889025b855c397722cdef96e21445f"; err != nil || got != want {
		t.Errorf("secret %s, %v; want %s", got, err, want)
	}
	sealed, err := hex.DecodeString(sealedHex)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := r.Open("txn", sealed, []byte("row 1"))
	if err != nil || string(opened) != "plaintext" {
		t.Errorf("opened %q, %v", opened, err)
	}
	fresh, err := r.Seal("txn", []byte("plaintext"), []byte("row 1"))
	if err != nil || len(fresh) != len(sealed) || !bytes.Equal(fresh[:5], sealed[:5]) || bytes.Equal(fresh, sealed) {
		t.Errorf("sealed %x, %v", fresh, err)
	}
}

func TestRingSealOpen(t *testing.T) {
	t.Parallel()
	r := newScene(t).ring(t)
	for _, row := range []struct {
		purpose        string
		plaintext, aad []byte
	}{
		{"p", nil, nil},
		{"p", []byte("x"), nil},
		{"p", nil, []byte("a")},
		{strings.Repeat("p", 256), bytes.Repeat([]byte("x"), 1<<16), bytes.Repeat([]byte("a"), 1<<16)},
		{"largest", make([]byte, 16<<20), nil},
	} {
		sealed, err := r.Seal(row.purpose, row.plaintext, row.aad)
		if err != nil {
			t.Fatal(err)
		}
		if want := 5 + 24 + len(row.plaintext) + 16; len(sealed) != want {
			t.Errorf("%d bytes, want %d", len(sealed), want)
		}
		opened, err := r.Open(row.purpose, sealed, row.aad)
		if err != nil || !bytes.Equal(opened, row.plaintext) {
			t.Errorf("%s: opened %d bytes, %v", row.purpose, len(opened), err)
		}
	}
}

func TestRingRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.ring(t)
	aad := []byte("transactions/1")
	sealed, err := r.Seal("identity", []byte("plaintext"), aad)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Open("identity", sealed, aad); err != nil {
		t.Fatalf("control: %v", err)
	}
	for i := range sealed {
		altered := bytes.Clone(sealed)
		altered[i] ^= 1
		if _, err := r.Open("identity", altered, aad); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("byte %d altered: %v", i, err)
		}
		if _, err := r.Open("identity", sealed[:i], aad); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	for name, open := range map[string]func() ([]byte, error){
		"another purpose":    func() ([]byte, error) { return r.Open("address", sealed, aad) },
		"another row":        func() ([]byte, error) { return r.Open("identity", sealed, []byte("transactions/2")) },
		"no associated data": func() ([]byte, error) { return r.Open("identity", sealed, nil) },
		"more bytes":         func() ([]byte, error) { return r.Open("identity", append(bytes.Clone(sealed), 0), aad) },
		"nothing":            func() ([]byte, error) { return r.Open("identity", nil, aad) },
		"another ring":       func() ([]byte, error) { return newScene(t).ring(t).Open("identity", sealed, aad) },
		"too much":           func() ([]byte, error) { return r.Open("identity", append(sealed[:5:5], make([]byte, 17<<20)...), aad) },
	} {
		if opened, err := open(); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("%s: opened %q, %v", name, opened, err)
		}
	}
	if _, err := r.Seal("identity", make([]byte, 16<<20+1), nil); err == nil {
		t.Error("sealed more than the bound")
	}
	for _, purpose := range []string{"", strings.Repeat("p", 257)} {
		if _, err := r.Seal(purpose, nil, nil); err == nil {
			t.Errorf("sealed for purpose %q", purpose)
		}
		if _, err := r.Open(purpose, sealed, nil); err == nil {
			t.Errorf("opened for purpose %q", purpose)
		}
		if _, err := r.Secret(purpose); err == nil {
			t.Errorf("secret of purpose %q", purpose)
		}
	}
}

// TestRingGenerations: what an older generation sealed opens until that
// generation is forgotten, and never after.
func TestRingGenerations(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.ring(t)
	first, err := r.Seal("p", []byte("first"), nil)
	if err != nil {
		t.Fatal(err)
	}
	s.move(time.Hour)
	g, err := r.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	want := []keys.Generation{{Number: 1, Created: start}, {Number: 2, Created: start.Add(time.Hour)}}
	if diff := cmp.Diff(want, r.Generations()); diff != "" || g != want[1] {
		t.Errorf("rotated to %+v, generations (-want +got):\n%s", g, diff)
	}
	second, err := r.Seal("p", []byte("second"), nil)
	if err != nil || second[4] != 2 {
		t.Fatalf("sealed %x, %v", second, err)
	}
	loaded, err := s.reopen(t).LoadRing()
	if err != nil {
		t.Fatal(err)
	}
	for name, ring := range map[string]*keys.Ring{"rotated": r, "loaded": loaded} {
		for text, sealed := range map[string][]byte{"first": first, "second": second} {
			if opened, err := ring.Open("p", sealed, nil); err != nil || string(opened) != text {
				t.Errorf("%s: opened %q, %v", name, opened, err)
			}
		}
	}
	for _, number := range []uint32{0, 2, 3} { // none, newest, none
		expect(t, r.Forget(number), "is the newest or does not exist")
	}
	if err := r.Forget(1); err != nil {
		t.Fatal(err)
	}
	loaded, err = s.reopen(t).LoadRing()
	if err != nil {
		t.Fatal(err)
	}
	for name, ring := range map[string]*keys.Ring{"forgot": r, "loaded": loaded} {
		if opened, err := ring.Open("p", first, nil); !errors.Is(err, keys.ErrSealed) {
			t.Errorf("%s: a forgotten generation opens %q, %v", name, opened, err)
		}
		if opened, err := ring.Open("p", second, nil); err != nil || string(opened) != "second" {
			t.Errorf("%s: opened %q, %v", name, opened, err)
		}
	}
	// A number is never used again: what it once sealed would open as something else.
	if g, err := r.Rotate(); err != nil || g.Number != 3 {
		t.Errorf("rotated to %+v, %v", g, err)
	}
}

func TestRingIsBounded(t *testing.T) {
	t.Parallel()
	r := newScene(t).ring(t)
	for range 63 {
		if _, err := r.Rotate(); err != nil {
			t.Fatal(err)
		}
	}
	_, err := r.Rotate()
	expect(t, err, "is full")
	if err := r.Forget(1); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rotate(); err != nil {
		t.Errorf("control: %v", err)
	}
}

func TestRingSecrets(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r := s.ring(t)
	secret := func(r *keys.Ring, purpose string) string {
		v, err := r.Secret(purpose)
		if err != nil || len(v.Bytes()) != 32 {
			t.Errorf("secret of %d bytes, %v", len(v.Bytes()), err)
		}
		return string(v.Bytes())
	}
	sub := secret(r, "sub")
	if secret(r, "account") == sub || secret(newScene(t).ring(t), "sub") == sub {
		t.Error("two secrets alike")
	}
	if _, err := r.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := r.Forget(1); err != nil {
		t.Fatal(err)
	}
	loaded, err := s.reopen(t).LoadRing()
	if err != nil {
		t.Fatal(err)
	}
	if secret(r, "sub") != sub || secret(loaded, "sub") != sub {
		t.Error("a rotation changed a secret: every subject would change")
	}
	v, err := r.Secret("sub")
	if err != nil {
		t.Fatal(err)
	}
	clear(v.Bytes())
	if string(v.Bytes()) != sub {
		t.Error("a caller changed a secret")
	}
}

func TestRingWhileRotating(t *testing.T) {
	t.Parallel()
	r := newScene(t).ring(t)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			for j := range 100 {
				text := fmt.Sprint(i, j)
				sealed, err := r.Seal("p", []byte(text), nil)
				if err != nil {
					t.Error(err)
					return
				}
				if opened, err := r.Open("p", sealed, nil); err != nil || string(opened) != text {
					t.Errorf("opened %q, %v", opened, err)
				}
			}
		})
		group.Go(func() {
			for range 4 {
				if _, err := r.Rotate(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if g := r.Generations(); len(g) != 17 || g[16].Number != 17 {
		t.Errorf("generations %v", g)
	}
}

func TestLoadRingRefuses(t *testing.T) {
	t.Parallel()
	const good = `{"number":8,"key":"ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=","created":1}`
	for _, row := range []struct{ name, old, new, want string }{
		{"valid", "", "", ""},
		{"two generations", "}]", "}," + good + "]", ""},
		{"no root", `"root":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",`, "", "root of another length"},
		{"short root", "AQID", "", "root of another length"},
		{"short key", "ISIj", "", "not possible"},
		{"number zero", `"number":7`, `"number":0`, "not possible"},
		{"number twice", "}]", "}," + strings.Replace(good, "8", "7", 1) + "]", "not possible"},
		{"number backwards", "}]", "}," + strings.Replace(good, "8", "6", 1) + "]", "not possible"},
		{"number too large", `"number":7`, `"number":4294967296`, "not the JSON"},
		{"never created", `"created":1772600767000`, `"created":0`, "not possible"},
		{"unknown member", `"number"`, `"x":1,"number"`, "not the JSON"},
		{"no generation", fixedRing[strings.Index(fixedRing, "[")+1 : len(fixedRing)-2], "", "0 generations"},
		{"too many generations", "}]", "}" + strings.Repeat(","+good, 64) + "]", "65 generations"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			content := strings.Replace(fixedRing, row.old, row.new, 1)
			if row.old != "" && content == fixedRing {
				t.Fatal("nothing changed")
			}
			_, err := loadRing(t, content)
			expect(t, err, row.want)
		})
	}
}
