package keys

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// A KEK is the key-encryption key: what seals the files of a folder.
type KEK struct{ secret Secret }

const (
	// credentialPrefix names a systemd credential (systemd.exec(5),
	// LoadCredential=): "credential:NAME" is the file NAME of the folder
	// $CREDENTIALS_DIRECTORY.
	credentialPrefix = "credential:"
	credentialsDir   = "CREDENTIALS_DIRECTORY"

	kekTextLen = 43 // 32 bytes in base64url without padding
)

// CreateKEK writes a new key-encryption key to a file of mode 0600 that does
// not exist yet.
func CreateKEK(path string) error {
	var b [keyLen]byte
	rand.Read(b[:])
	if err := realDisk.create(path, []byte(base64.RawURLEncoding.EncodeToString(b[:])+"\n")); err != nil {
		return fmt.Errorf("keys: key-encryption key: %w", err)
	}
	return nil
}

// ReadKEK reads a key-encryption key: 32 bytes as base64url on one line. The
// source is a path, or "credential:NAME" for a systemd credential. Refused are
// a file that others than its owner may read (a credential may be readable by
// its group: systemd shows an access list so) and anything but such a line.
// The error names the source and never the content.
func ReadKEK(source string) (KEK, error) {
	text, err := readSource(source)
	if err != nil {
		return KEK{}, fmt.Errorf("keys: key-encryption key: %w", err)
	}
	defer clear(text)
	line := text
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	b := make([]byte, keyLen)
	if len(line) != kekTextLen {
		return KEK{}, fmt.Errorf("keys: key-encryption key %q: not one line of %d characters", source, kekTextLen)
	}
	// The decoder reads over line breaks, so the length is asked again.
	if n, err := base64.RawURLEncoding.Strict().Decode(b, line); err != nil || n != keyLen {
		return KEK{}, fmt.Errorf("keys: key-encryption key %q: not base64url", source)
	}
	return KEK{newSecret(b)}, nil
}

// readSource reads a secret's file or systemd credential.
func readSource(source string) ([]byte, error) {
	name, ok := strings.CutPrefix(source, credentialPrefix)
	if !ok {
		return readPrivate(source, 0o077)
	}
	dir := os.Getenv(credentialsDir)
	if dir == "" {
		return nil, fmt.Errorf("%q: systemd passed no credentials ($%s is not set)", source, credentialsDir)
	}
	if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
		return nil, fmt.Errorf("%q is not the name of a credential", source)
	}
	return readPrivate(filepath.Join(dir, name), 0o037)
}

// readPrivate reads a small regular file none of whose forbidden mode bits are
// set. The file that is open is the one that is judged.
func readPrivate(path string, forbidden os.FileMode) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", path)
	}
	if exposed(info, forbidden) != 0 {
		return nil, fmt.Errorf("%q has mode %#o: others may read or change it", path, info.Mode().Perm())
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, errors.New("file too large")
	}
	return b, nil
}

// Format prints no key, whatever the verb.
func (k KEK) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no key.
func (k KEK) LogValue() slog.Value { return slog.StringValue(redacted) }
