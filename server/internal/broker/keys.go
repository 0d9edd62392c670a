package broker

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/config"
	"pivot/server/internal/keys"
)

// schedule says for how long a signing key is published around its use.
func schedule() keys.Schedule {
	return keys.Schedule{Cache: 10 * time.Minute, Token: time.Minute, Skew: 5 * time.Minute, Every: 90 * 24 * time.Hour}
}

func openFolder(c config.Config, now func() time.Time) (*keys.Folder, error) {
	kek, err := keys.ReadKEK(c.KEK())
	if err != nil {
		return nil, err
	}
	folder, err := keys.OpenFolder(filepath.Join(c.DataDir(), "keys"), kek, now)
	if t := c.Token(); err == nil && t != (config.Token{}) {
		err = folder.UseToken(keys.Token(t))
	}
	if err != nil {
		return nil, err
	}
	return folder, nil
}

// openKeys loads the ring, each issuer's signing keys and the key of the audit log.
func (b *Broker) openKeys() error {
	folder, err := openFolder(b.config, b.now)
	if err != nil {
		return err
	}
	b.folder = folder
	if b.ring, err = folder.LoadRing(); err != nil {
		return missing(err)
	}
	for _, name := range signingNames(b.config) {
		set, err := folderOf(folder, name).LoadSigning(name, schedule())
		if err != nil {
			return missing(err)
		}
		b.signing[name] = set
	}
	if b.note, err = folder.LoadCheckpoint(origin(b.config)); err != nil {
		return missing(err)
	}
	return nil
}

// requests names the keys that sign what companions are asked to show. A key has one purpose: they are not the issuer's.
func requests(issuer string) string { return issuer + "#companion" }

// signingNames are the sets of signing keys of a deployment: two an issuer, and a third of RS256 where its profile serves that.
func signingNames(c config.Config) []string {
	var out []string
	for _, i := range c.Issuers() {
		out = append(out, i.Identifier(), requests(i.Identifier()))
		if servesRS256(i) {
			out = append(out, rs256(i.Identifier()))
		}
	}
	return out
}

// origin names the audit log, after the first issuer's host.
func origin(c config.Config) string { return c.Issuers()[0].Host() + "/audit" }

// missing says what to do about keys that were never made; making them in silence could hide that a folder was lost.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w (%w)", errNoKeys, err)
	}
	return err
}

// InitKeys makes the keys of a deployment that has none: the key-encryption key where it is a file that does not exist,
// the ring, and each signing set that is lacking. It never replaces a key.
func InitKeys(path string, now func() time.Time) (err error) {
	c, err := read(path)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(c.KEK(), "credential:") {
		if err := keys.CreateKEK(c.KEK()); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	if err := os.MkdirAll(c.DataDir(), 0o700); err != nil {
		return err
	}
	folder, err := openFolder(c, now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	if err := orMake(folder.LoadRing, folder.CreateRing); err != nil {
		return err
	}
	if err := orMake(
		func() (audit.Key, error) { return folder.LoadCheckpoint(origin(c)) },
		func() (audit.Key, error) { return folder.CreateCheckpoint(origin(c)) },
	); err != nil {
		return err
	}
	for _, name := range signingNames(c) {
		if err := orMake(
			func() (*keys.Signing, error) { return folderOf(folder, name).LoadSigning(name, schedule()) },
			func() (*keys.Signing, error) { return folderOf(folder, name).CreateSigning(name, schedule()) },
		); err != nil {
			return err
		}
	}
	return nil
}

// orMake makes what is not there yet.
func orMake[T any](load, create func() (T, error)) error {
	_, err := load()
	if errors.Is(err, fs.ErrNotExist) {
		_, err = create()
	}
	return err
}
