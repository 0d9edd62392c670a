package keys_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/keys"
)

func TestOpenFolderRefuses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	open := t.TempDir()
	for mode, want := range map[os.FileMode]string{0o700: "", 0o750: "mode 0750", 0o701: "mode 0701"} {
		if err := os.Chmod(open, mode); err != nil {
			t.Fatal(err)
		}
		_, err := keys.OpenFolder(open, s.kek, s.now)
		expect(t, err, want)
	}
	_, err := keys.OpenFolder(t.TempDir(), keys.KEK{}, s.now)
	expect(t, err, "no key-encryption key")
	_, err = keys.OpenFolder(t.TempDir(), s.kek, nil)
	expect(t, err, "no clock")
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "", 0o600)
	_, err = keys.OpenFolder(file, s.kek, s.now)
	expect(t, err, "not a directory")
	if info, err := os.Stat(s.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder made with mode %v, %v", info.Mode(), err)
	}
}

// TestFilesRefuseTampering: every byte of a file counts, and a file is good for
// its own set, folder key and place alone.
func TestFilesRefuseTampering(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.ring(t)
	genuine := read(t, s.path("ring"))
	if !strings.HasPrefix(genuine, `{"format":"pivot-keys/1","set":"ring","sealed":"`) {
		t.Errorf("file begins %.60q", genuine)
	}
	load := func(text string) error {
		write(t, s.path("ring"), text, 0o600)
		_, err := s.folder.LoadRing()
		return err
	}
	for i := range len(genuine) - 1 { // the last byte is a newline, which is nobody's
		altered := []byte(genuine)
		altered[i] ^= 1
		if load(string(altered)) == nil {
			t.Errorf("byte %d altered: accepted %.80q", i, altered)
		}
		if load(genuine[:i]) == nil {
			t.Errorf("cut to %d bytes: accepted", i)
		}
	}
	for name, text := range map[string]string{
		"another set":    strings.Replace(genuine, `"set":"ring"`, `"set":"signing-plus"`, 1),
		"another format": strings.Replace(genuine, "keys/1", "keys/2", 1),
		"unknown member": strings.Replace(genuine, `{`, `{"comment":"",`, 1),
		"more after it":  genuine + genuine,
		"huge":           genuine + strings.Repeat(" ", 1<<20),
		"another node":   "[" + genuine + "]",
	} {
		if load(text) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := load(genuine); err != nil {
		t.Errorf("control: %v", err)
	}
	if err := os.Chmod(s.path("ring"), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := s.folder.LoadRing()
	expect(t, err, "mode 0640")
}

func TestFilesAreBoundToTheirSet(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.signing(t)
	text := read(t, s.path("signing-plus"))
	write(t, s.path("signing-standard"), strings.Replace(text, "signing-plus", "signing-standard", 1), 0o600)
	_, err := s.folder.LoadSigning("standard", schedule)
	if !errors.Is(err, keys.ErrSealed) {
		t.Errorf("the keys of an issuer serve another one: %v", err)
	}
	if _, err := s.folder.LoadSigning("plus", schedule); err != nil {
		t.Errorf("control: %v", err)
	}
	path := filepath.Join(t.TempDir(), "kek")
	if err := keys.CreateKEK(path); err != nil {
		t.Fatal(err)
	}
	other, err := keys.ReadKEK(path)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := keys.OpenFolder(s.dir, other, s.now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.LoadSigning("plus", schedule); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("opened by another key-encryption key: %v", err)
	}
}

func TestCreateAndLoadAreDecisions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	if _, err := s.folder.LoadRing(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load before create: %v", err)
	}
	if _, err := s.folder.LoadSigning("plus", schedule); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load before create: %v", err)
	}
	s.ring(t)
	s.signing(t)
	ring, signing := read(t, s.path("ring")), read(t, s.path("signing-plus"))
	if _, err := s.folder.CreateRing(); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over an existing ring: %v", err)
	}
	if _, err := s.folder.CreateSigning("plus", schedule); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over existing keys: %v", err)
	}
	if read(t, s.path("ring")) != ring || read(t, s.path("signing-plus")) != signing {
		t.Error("a refused creation changed a file")
	}
	for _, name := range []string{"", "a b", "a\x00", "\xff", strings.Repeat("a", 513)} {
		if _, err := s.folder.CreateSigning(name, schedule); err == nil {
			t.Errorf("name %q accepted", name)
		}
		if _, err := s.folder.LoadSigning(name, schedule); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

// TestIssuersAreKeptApart: whatever an issuer is called, its file lies in the
// folder and is nobody else's.
func TestIssuersAreKeptApart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	issuers := []string{
		"plus", "Plus", "../plus", "../../plus", "-plus", "/plus", "plus.json", "https://pivot.test/api/v2", "https://pivot.test/api-v2",
		"https://pivot.test:8080/api/v2", strings.Repeat("a/", 256), strings.Repeat("a/", 255) + "b/",
	}
	signers := make(map[string]string)
	for _, issuer := range issuers {
		k, err := s.folder.CreateSigning(issuer, schedule)
		if err != nil {
			t.Fatal(err)
		}
		signers[issuer] = k.Signer().KeyID()
	}
	entries, err := os.ReadDir(s.dir)
	if names := entryNames(entries); err != nil || len(names) != len(issuers) {
		t.Errorf("files %q, %v", names, err)
	}
	if name := "signing-https---pivot-test-api-v2-32a9bc896146c194.json"; !slices.Contains(entryNames(entries), name) {
		t.Errorf("no file is called %s", name)
	}
	for issuer, id := range signers {
		k, err := s.folder.LoadSigning(issuer, schedule)
		if err != nil || k.Signer().KeyID() != id {
			t.Errorf("%s: another key, %v", issuer, err)
		}
	}
}

// TestFailingDisk: when a change cannot be brought to disk, it is refused, and
// both the memory and the folder hold a set that loads.
func TestFailingDisk(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	for _, row := range []struct {
		name    string
		fail    func(*os.File) bool
		changed bool // the file is the new one
	}{
		{"the file", func(f *os.File) bool { return !isFolder(t, f) }, false},
		{"the folder", func(f *os.File) bool { return isFolder(t, f) }, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			signing, ring := s.signing(t), s.ring(t)
			first, files := signing.Signer().KeyID(), read(t, s.path("signing-plus"))+read(t, s.path("ring"))
			sealed, err := ring.Seal("test", []byte("text"), nil)
			if err != nil {
				t.Fatal(err)
			}
			s.folder.SetSync(func(f *os.File) error {
				if row.fail(f) {
					return full
				}
				return f.Sync()
			})
			s.move(before)
			if _, err := signing.Rotate(); !errors.Is(err, full) {
				t.Errorf("rotation of signing keys: %v", err)
			}
			if _, err := ring.Rotate(); !errors.Is(err, full) {
				t.Errorf("rotation of the ring: %v", err)
			}
			if changed := read(t, s.path("signing-plus"))+read(t, s.path("ring")) != files; changed != row.changed {
				t.Errorf("files changed: %t", changed)
			}
			if adopted := signing.Signer().KeyID() != first; adopted != row.changed {
				t.Errorf("next key adopted: %t", adopted)
			}
			if g := ring.Generations(); len(g) != 1 {
				t.Errorf("a generation that may be lost is in use: %v", g)
			}
			if opened, err := ring.Open("test", sealed, nil); err != nil || string(opened) != "text" {
				t.Errorf("opened %q, %v", opened, err)
			}
			again := s.reopen(t)
			loaded, err := again.LoadSigning("plus", schedule)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Signer().KeyID() != signing.Signer().KeyID() {
				t.Error("memory and folder disagree on who signs")
			}
			restored, err := again.LoadRing()
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := restored.Open("test", sealed, nil); err != nil || string(opened) != "text" {
				t.Errorf("opened %q, %v", opened, err)
			}
			entries, err := os.ReadDir(s.dir)
			if names := entryNames(entries); err != nil || !slices.Equal(names, []string{"ring.json", "signing-plus.json"}) {
				t.Errorf("left behind: %v, %v", names, err)
			}
		})
	}
}

func isFolder(t *testing.T, f *os.File) bool {
	info, err := f.Stat()
	if err != nil {
		t.Error(err)
		return false
	}
	return info.IsDir()
}

func entryNames(entries []os.DirEntry) []string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// TestFilesHideTheKeys: no private scalar, generation or root rests in clear, in
// any of the forms that it could take.
func TestFilesHideTheKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.signing(t)
	s.ring(t)
	for _, set := range []string{"signing-plus", "ring"} {
		content, err := s.folder.Content(set)
		if err != nil {
			t.Fatal(err)
		}
		secrets := secretTexts(t, content)
		if len(secrets) < 2 {
			t.Fatalf("%s: nothing secret to look for", set)
		}
		for _, secret := range secrets {
			if !bytes.Contains(content, []byte(secret)) {
				t.Fatalf("%s: the control does not find it", set)
			}
			if strings.Contains(read(t, s.path(set)), secret) {
				t.Errorf("%s: a secret rests in clear", set)
			}
		}
	}
}

// secretTexts returns the private members of a set as they are written.
func secretTexts(t *testing.T, content json.RawMessage) []string {
	t.Helper()
	var out []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			for name, item := range v {
				if text, ok := item.(string); ok && slices.Contains([]string{"private", "root", "key"}, name) {
					out = append(out, text)
				} else {
					walk(item)
				}
			}
		}
	}
	var v any
	if err := json.Unmarshal(content, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	return out
}
