package keys

import (
	"crypto/ecdsa"
	"encoding/json"
	"os"

	"pivot/server/internal/token"
)

// What the tests reach inside for: the primitive under the ring, a disk that
// fails, the content of a file, a key whose halves do not match.

// XAESSeal seals under a given nonce, which nothing else may choose.
func XAESSeal(key, nonce, plaintext, aad []byte) ([]byte, error) {
	b, err := newBox(key)
	if err != nil {
		return nil, err
	}
	gcm, err := b.gcm(nonce)
	if err != nil {
		return nil, err
	}
	return gcm.Seal(nil, nonce[half:], plaintext, aad), nil
}

// XAESOpen opens nonce, ciphertext and tag.
func XAESOpen(key, sealed, aad []byte) ([]byte, error) {
	b, err := newBox(key)
	if err != nil {
		return nil, err
	}
	return b.open(sealed, aad)
}

// SetSync replaces what brings a file or a folder to disk.
func (f *Folder) SetSync(sync func(*os.File) error) { f.disk.sync = sync }

// Content returns what rests in a set, opened.
func (f *Folder) Content(set string) (json.RawMessage, error) {
	var raw json.RawMessage
	return raw, f.load(set, &raw)
}

// SetContent writes a set, whatever it is.
func (f *Folder) SetContent(set string, content json.RawMessage) error {
	return f.store(set, content, false)
}

// Decode reads the text of a file.
func (f *Folder) Decode(set string, text []byte) (json.RawMessage, error) {
	var raw json.RawMessage
	return raw, f.decode(set, text, &raw)
}

// ParseRecords reads the content of a signing set.
func ParseRecords(content []byte) error {
	var r []record
	if err := strict(content, &r); err != nil {
		return err
	}
	_, err := new(Folder).parseRecords("signing-plus", r)
	return err
}

// Damaged returns the current signer, but signing with a key that is not the
// published one.
func (s *Signing) Damaged(other *ecdsa.PrivateKey) token.Signer {
	damaged := *s.pairs[1]
	damaged.private = scalar{other}
	return &signer{&damaged}
}

// Vault is where private halves are that never leave it.
type Vault = vault

// SetVault has keys made in v.
func (f *Folder) SetVault(v Vault) { f.vault = v }

// ReadPIN reads a PIN.
func ReadPIN(source string) ([]byte, error) { return readPIN(source) }

// Label returns what the keys of a set are called in a token.
func Label(set string) string { return label(set) }
