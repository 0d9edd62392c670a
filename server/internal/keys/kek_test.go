package keys_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/keys"
)

func TestCreateKEK(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "kek")
	if err := keys.CreateKEK(path); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	before := read(t, path)
	if err := keys.CreateKEK(path); !os.IsExist(unwrapAll(err)) {
		t.Errorf("written over an existing key: %v", err)
	}
	if read(t, path) != before {
		t.Error("the existing key is changed")
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := keys.ReadKEK(path); err != nil {
		t.Errorf("what was created does not read: %v", err)
	}
	other := filepath.Join(t.TempDir(), "kek")
	if err := keys.CreateKEK(other); err != nil || read(t, other) == before {
		t.Errorf("two keys alike: %v", err)
	}
}

const kekText = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA" // the bytes 1 to 32

func TestReadKEK(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, text string
		mode       os.FileMode
		want       string // part of the error; none: accepted
	}{
		{"with newline", kekText + "\n", 0o600, ""},
		{"without newline", kekText, 0o600, ""},
		{"read only", kekText, 0o400, ""},
		{"group may read", kekText, 0o640, "mode 0640"},
		{"others may read", kekText, 0o604, "mode 0604"},
		{"others may write", kekText, 0o602, "mode 0602"},
		{"empty", "", 0o600, "one line of 43"},
		{"newline alone", "\n", 0o600, "one line of 43"},
		{"two newlines", kekText + "\n\n", 0o600, "one line of 43"},
		{"carriage return", kekText + "\r\n", 0o600, "one line of 43"},
		{"newline for a character", kekText[:42] + "\n", 0o600, "one line of 43"},
		{"newline within", kekText[:20] + "\n" + kekText[21:], 0o600, "not base64url"},
		{"one short", kekText[1:], 0o600, "one line of 43"},
		{"one long", kekText + "A", 0o600, "one line of 43"},
		{"padded", kekText + "=", 0o600, "one line of 43"},
		{"another alphabet", "+" + kekText[1:], 0o600, "not base64url"},
		{"stray bits", kekText[:42] + "B", 0o600, "not base64url"},
		{"huge", strings.Repeat("A", 1<<20+1), 0o600, "too large"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "kek")
			write(t, path, row.text, row.mode)
			_, err := keys.ReadKEK(path)
			expect(t, err, row.want)
			if err != nil && row.text != "" && len(row.text) > 10 && strings.Contains(err.Error(), row.text[5:10]) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
	_, err := keys.ReadKEK(filepath.Join(t.TempDir(), "absent"))
	expect(t, err, "no such file")
	_, err = keys.ReadKEK(t.TempDir())
	expect(t, err, "not a regular file")
}

// TestReadKEKCredential cannot be parallel: systemd passes credentials by the
// environment.
func TestReadKEKCredential(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "kek"), kekText, 0o440) // as systemd shows an access list
	write(t, filepath.Join(dir, "open"), kekText, 0o444)
	write(t, filepath.Join(dir, "written"), kekText, 0o460)
	_, err := keys.ReadKEK("credential:kek")
	expect(t, err, "systemd passed no credentials")
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	_, err = keys.ReadKEK("credential:kek")
	expect(t, err, "")
	for source, want := range map[string]string{
		"credential:open": "mode 0444", "credential:written": "mode 0460", "credential:absent": "no such file",
		"credential:": "not the name", "credential:.": "not the name", "credential:..": "not the name",
		"credential:../" + filepath.Base(dir) + "/kek": "not the name", "credential:/etc/passwd": "not the name",
	} {
		_, err := keys.ReadKEK(source)
		expect(t, err, want)
	}
}
