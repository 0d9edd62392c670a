package keys_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pivot/server/internal/keys"
	"pivot/server/internal/keys/internal/hsm"
)

// vault is a PKCS#11 token in memory, which can be lost.
type vault struct {
	mu     sync.Mutex
	keys   map[string]*ecdsa.PrivateKey // by label and identifier
	made   int
	room   int // keys that can still be made; below zero: any number
	fail   error
	wrong  *ecdsa.PrivateKey // signs in place of every key
	doubts int
	closed bool
}

var errGone = errors.New("the token is gone")

func newVault() *vault { return &vault{keys: make(map[string]*ecdsa.PrivateKey), room: -1} }

func named(k hsm.Key) string { return k.Label + "/" + string(k.ID) }

// set changes the token while it is in use.
func (v *vault) set(change func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change()
}

func (v *vault) Generate(_ context.Context, label string) (hsm.Key, *ecdsa.PublicKey, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail != nil || v.room == 0 {
		return hsm.Key{}, nil, errors.Join(errGone, v.fail)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return hsm.Key{}, nil, err
	}
	v.room--
	v.made++
	k := hsm.Key{Label: label, ID: []byte{1, byte(v.made)}}
	v.keys[named(k)] = private
	return k, &private.PublicKey, nil
}

func (v *vault) Sign(_ context.Context, k hsm.Key, digest []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	private := v.keys[named(k)]
	switch {
	case v.fail != nil:
		return nil, v.fail
	case private == nil:
		return nil, hsm.ErrAbsent
	case v.wrong != nil:
		private = v.wrong
	}
	r, s, err := ecdsa.Sign(rand.Reader, private, digest)
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), nil
}

func (v *vault) Destroy(_ context.Context, k hsm.Key) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.fail == nil {
		delete(v.keys, named(k))
	}
	return v.fail
}

func (v *vault) Doubt() { v.set(func() { v.doubts++ }) }

func (v *vault) Close() error {
	v.set(func() { v.closed = true })
	return nil
}

func (v *vault) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.keys)
}

// inToken is a scene whose signing keys are in a token.
func inToken(t *testing.T) (*scene, *vault) {
	t.Helper()
	s, v := newScene(t), newVault()
	s.folder.SetVault(v)
	return s, v
}

// TestTokenLife: a set in a token lives as one in the folder does, and its keys
// leave the token once nobody needs them.
func TestTokenLife(t *testing.T) {
	t.Parallel()
	scene, v := inToken(t)
	s := scene.signing(t)
	for i := range 4 {
		scene.move(before)
		signer := s.Signer()
		key, err := s.Rotate()
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Signer().Sign(t.Context(), []byte("new"))
		if err != nil || key.ID != s.Signer().KeyID() || signer.KeyID() == key.ID {
			t.Fatalf("rotation %d: %v", i, err)
		}
		if _, err := verify(signed, published(t, s)); err != nil {
			t.Error(err)
		}
		for _, k := range s.Keys() {
			if !k.InToken {
				t.Errorf("%v key rests in the folder", k.State)
			}
		}
		// Retired ones live for 180 s, so two at this pace.
		if n := v.count(); n > 4 || n < len(s.Keys()) {
			t.Errorf("%d keys in the token, %d in the set", n, len(s.Keys()))
		}
		content, err := scene.folder.Content("signing-plus")
		if err != nil || len(secretTexts(t, content)) != 0 || strings.Contains(string(content), `"private"`) {
			t.Errorf("a private half rests in the folder: %v", err)
		}
	}
	again := scene.reopen(t)
	again.SetVault(v)
	loaded, err := again.LoadSigning("plus", schedule)
	if err != nil || !slices.Equal(loaded.Keys(), s.Keys()) {
		t.Errorf("after a restart %v", err)
	}
	if err := again.Close(); err != nil || !v.closed {
		t.Errorf("not closed: %v", err)
	}
}

// TestTokenLost: while the token is away nothing is signed, nothing changes, and
// no key is forgotten in it.
func TestTokenLost(t *testing.T) {
	t.Parallel()
	scene, v := inToken(t)
	s := scene.signing(t)
	scene.move(before)
	list := s.Keys()
	v.set(func() { v.fail = errGone })
	if signed, err := s.Signer().Sign(t.Context(), []byte("x")); !errors.Is(err, errGone) || signed != "" {
		t.Errorf("signed %q, %v", signed, err)
	}
	if _, err := s.Rotate(); !errors.Is(err, errGone) || !slices.Equal(s.Keys(), list) {
		t.Errorf("rotated: %v", err)
	}
	v.set(func() { v.fail = nil })
	scene.folder.SetSync(func(*os.File) error { return errors.New("disk full") })
	if _, err := s.Rotate(); err == nil || v.count() != 2 {
		t.Errorf("a key that no file names is in the token: %d keys, %v", v.count(), err)
	}
	if _, err := scene.folder.CreateSigning("standard", schedule); err == nil || v.count() != 2 {
		t.Errorf("keys of a set that was not made are in the token: %d keys, %v", v.count(), err)
	}
	scene.folder.SetSync((*os.File).Sync)
	v.set(func() { v.room = 1 })
	if _, err := scene.folder.CreateSigning("standard", schedule); !errors.Is(err, errGone) || v.count() != 2 {
		t.Errorf("half a set is in the token: %d keys, %v", v.count(), err)
	}
	v.set(func() { v.room = -1 })
	if _, err := s.Rotate(); err != nil {
		t.Errorf("control: %v", err)
	}
}

// TestTokenKeepsWhatItCannotDestroy: a key stays in the file until it has left
// the token.
func TestTokenKeepsWhatItCannotDestroy(t *testing.T) {
	t.Parallel()
	scene, v := inToken(t)
	s := scene.signing(t)
	scene.move(before)
	if _, err := s.Rotate(); err != nil {
		t.Fatal(err)
	}
	retired := s.Keys()[2].ID
	scene.move(after)
	stubborn := &undestroyed{vault: v}
	again := scene.reopen(t)
	again.SetVault(stubborn)
	s, err := again.LoadSigning("plus", schedule)
	if err != nil {
		t.Fatal(err)
	}
	for _, kept := range []bool{true, false} {
		scene.move(before)
		if _, err := s.Rotate(); err != nil {
			t.Fatal(err)
		}
		content, err := scene.folder.Content("signing-plus")
		if err != nil || strings.Contains(string(content), retired) != kept || slices.Contains(ids(published(t, s)), retired) {
			t.Errorf("kept %v: %v", !kept, err)
		}
		stubborn.open = true
	}
	// Revoked keys go at once, and what does not go is said.
	current := v.count()
	if _, err := s.Revoke(); err != nil || v.count() != current { // one made, one gone
		t.Errorf("%d keys, %d before: %v", v.count(), current, err)
	}
	stubborn.open = false
	before := s.Signer().KeyID()
	_, err = s.Revoke()
	expect(t, err, "stays in the token")
	if s.Signer().KeyID() == before || slices.Contains(ids(published(t, s)), before) {
		t.Error("not revoked")
	}
}

type undestroyed struct {
	*vault
	open bool
}

func (u *undestroyed) Destroy(ctx context.Context, k hsm.Key) error {
	if !u.open {
		return errGone
	}
	return u.vault.Destroy(ctx, k)
}

// TestTokenWrongSignature: what the published key does not verify does not
// leave, and the token's sessions are doubted.
func TestTokenWrongSignature(t *testing.T) {
	t.Parallel()
	scene, v := inToken(t)
	s := scene.signing(t)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v.set(func() { v.wrong = other })
	signed, err := s.Signer().Sign(t.Context(), []byte("x"))
	expect(t, err, "did not verify")
	if signed != "" || v.doubts != 1 {
		t.Errorf("left %q, %d doubts", signed, v.doubts)
	}
	v.set(func() { v.wrong = nil })
	if _, err := s.Signer().Sign(t.Context(), []byte("x")); err != nil || v.doubts != 1 {
		t.Errorf("control: %v, %d doubts", err, v.doubts)
	}
}

// TestMoveIntoToken: keys move by rotation alone, and everything stays
// verifiable on the way.
func TestMoveIntoToken(t *testing.T) {
	t.Parallel()
	scene := newScene(t)
	old, err := scene.signing(t).Signer().Sign(t.Context(), []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	v := newVault()
	folder := scene.reopen(t)
	folder.SetVault(v)
	s, err := folder.LoadSigning("plus", schedule)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]bool{{false, false}, {true, false, false}, {true, true, false, false}} {
		if i > 0 {
			scene.move(before)
			if _, err := s.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		var got []bool
		for _, k := range s.Keys() {
			got = append(got, k.InToken)
		}
		if i < 2 {
			if _, err := verify(old, published(t, s)); err != nil {
				t.Errorf("rotation %d: %v", i, err)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("rotation %d: in the token %v, want %v", i, got, want)
		}
	}
	if _, err := s.Signer().Sign(t.Context(), []byte("x")); err != nil {
		t.Error(err)
	}
}

// TestLoadFromToken: a set is refused unless the token has the keys that sign.
func TestLoadFromToken(t *testing.T) {
	t.Parallel()
	scene, v := inToken(t)
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
		change func(r records, t *vault) any
		want   string
	}{
		{"valid", func(r records, _ *vault) any { return r }, ""},
		{"retired one is gone", func(r records, v *vault) any { v.lose(2); return r }, ""},
		{"current one is gone", func(r records, v *vault) any { v.lose(1); return r }, "no such key"},
		{"next one is gone", func(r records, v *vault) any { v.lose(3); return r }, "no such key"},
		{"handles of two", func(r records, _ *vault) any { r[0]["token"] = r[1]["token"]; return r }, "did not verify"},
		{"both halves", func(r records, _ *vault) any { r[1]["private"] = make([]byte, 32); return r }, "not one private key"},
		{"empty handle", func(r records, _ *vault) any { r[1]["token"] = ""; return r }, "not one private key"},
		{"long handle", func(r records, _ *vault) any { r[1]["token"] = make([]byte, 65); return r }, "not one private key"},
		{"neither half", func(r records, _ *vault) any { delete(r[1], "token"); return r }, "not a private key"},
		{"token away", func(r records, v *vault) any { v.fail = errGone; return r }, errGone.Error()},
		{"no token", func(r records, _ *vault) any { return nil }, "none is configured"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var r records
			if err := json.Unmarshal(content, &r); err != nil {
				t.Fatal(err)
			}
			own, copied := newScene(t), newVault()
			maps.Copy(copied.keys, v.keys)
			changed := row.change(r, copied)
			if changed == nil {
				changed = r
			} else {
				own.folder.SetVault(copied)
			}
			text, err := json.Marshal(changed)
			if err != nil {
				t.Fatal(err)
			}
			if err := own.folder.SetContent("signing-plus", text); err != nil {
				t.Fatal(err)
			}
			_, err = own.folder.LoadSigning("plus", schedule)
			expect(t, err, row.want)
		})
	}
}

// lose destroys the nth key that was made: of a set that was rotated once, 1
// signs now, 2 is retired and 3 is the next.
func (v *vault) lose(n byte) {
	for name := range v.keys {
		if strings.HasSuffix(name, string([]byte{1, n})) {
			delete(v.keys, name)
		}
	}
}

// TestLabels: the keys of two sets never have one name in a token, and no name
// is longer than tokens take.
func TestLabels(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, set := range []string{
		"signing-plus", "signing-https://a.example/api/v2", "signing-https://a.example/api/v2#companion",
		"signing-https://a-example/api/v2", "signing-" + strings.Repeat("a", 400), "signing-" + strings.Repeat("a", 401),
	} {
		label := keys.Label(set)
		if seen[label] != "" || len(label) > 64 || !strings.HasPrefix(label, "pivot signing-") {
			t.Errorf("%q of %q and %q", label, set, seen[label])
		}
		seen[label] = set
	}
}

func TestReadPIN(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"valid":       {"1234", 0o600, ""},
		"with a line": {"1234\n", 0o600, ""},
		"longest":     {strings.Repeat("p", 256), 0o400, ""},
		"empty":       {"", 0o600, "not one line"},
		"short":       {"123\n", 0o600, "not one line"},
		"long":        {strings.Repeat("p", 257), 0o600, "not one line"},
		"two lines":   {"1234\n5678\n", 0o600, "not one line"},
		"space":       {"12 34", 0o600, "not one line"},
		"readable":    {"1234", 0o644, "others may read"},
	} {
		path := filepath.Join(t.TempDir(), "pin")
		write(t, path, row.text, row.mode)
		pin, err := keys.ReadPIN(path)
		expect(t, err, row.want)
		if row.want == "" && string(pin) != strings.TrimSuffix(row.text, "\n") {
			t.Errorf("%s: read %q", name, pin)
		}
		if err != nil && row.text != "" && strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: the error shows the PIN", name)
		}
	}
	_, err := keys.ReadPIN(filepath.Join(t.TempDir(), "none"))
	expect(t, err, "no such file")
}
