package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	format     = "pivot-keys/1"
	maxFile    = 1 << 20
	maxIssuer  = 512
	maxSlug    = 100 // characters of a file name
	fileMode   = 0o600
	folderMode = 0o700
)

// A Folder is where the sets of keys rest.
type Folder struct {
	dir  string
	kek  KEK
	now  func() time.Time
	disk disk
	// vault holds the private halves of signing keys; nil: they rest here.
	vault vault
	// algorithm is that of signing keys; ES256 where it is empty.
	algorithm jose.SignatureAlgorithm
}

// OpenFolder opens the folder dir, and makes it if it is not there. The clock
// dates rotations and says which retired keys are still published. A folder
// that others than its owner may enter is refused.
func OpenFolder(dir string, kek KEK, now func() time.Time) (*Folder, error) {
	if kek.secret.IsZero() {
		return nil, errors.New("keys: no key-encryption key")
	}
	if now == nil {
		return nil, errors.New("keys: no clock")
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if exposed(info, 0o077) != 0 {
		return nil, fmt.Errorf("keys: folder %q has mode %#o: others than its owner may enter", dir, info.Mode().Perm())
	}
	// The folder may be new, and a file in it is as durable as its entry.
	if err := realDisk.syncFolder(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return &Folder{dir: dir, kek: kek, now: now, disk: realDisk}, nil
}

// envelope is a file: what set it is, and the set sealed.
type envelope struct {
	Format string `json:"format"`
	Set    string `json:"set"`
	Sealed []byte `json:"sealed"`
}

// path returns the file of a set.
func (f *Folder) path(set string) string {
	return filepath.Join(f.dir, slug(set, maxSlug)+".json")
}

// slug makes a plain name of most characters and a hash. An issuer is a URL, so
// what is not a letter, a digit or a hyphen is replaced, and the hash keeps
// apart what that makes alike.
func slug(set string, most int) string {
	plain := func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			return c
		}
		return '-'
	}
	name := strings.Map(plain, set)
	if name != set || len(name) > most {
		digest := sha256.Sum256([]byte(set))
		name = fmt.Sprintf("%.*s-%x", most, name, digest[:8])
	}
	return name
}

// checkIssuer bounds what becomes part of a set's name.
func checkIssuer(issuer string) error {
	if issuer == "" || len(issuer) > maxIssuer {
		return fmt.Errorf("keys: issuer of %d characters, 1 to %d", len(issuer), maxIssuer)
	}
	for i := range len(issuer) {
		if issuer[i] <= ' ' || issuer[i] > '~' {
			return fmt.Errorf("keys: issuer %q is not printable ASCII", issuer)
		}
	}
	return nil
}

// load reads and opens the file of a set into v. A set that is not there is
// fs.ErrNotExist.
func (f *Folder) load(set string, v any) error {
	b, err := readPrivate(f.path(set), 0o077)
	if err != nil {
		return fmt.Errorf("keys: set %q: %w", set, err)
	}
	if err := f.decode(set, b, v); err != nil {
		return fmt.Errorf("keys: set %q: %w", set, err)
	}
	return nil
}

func (f *Folder) decode(set string, b []byte, v any) error {
	var e envelope
	if err := strict(b, &e); err != nil {
		return err
	}
	if e.Format != format || e.Set != set {
		return fmt.Errorf("the file says %q of %q", e.Set, e.Format)
	}
	sealer, err := f.box(set)
	if err != nil {
		return err
	}
	plain, err := sealer.open(e.Sealed, aadOf(set))
	if err != nil {
		return err
	}
	defer clear(plain)
	return strict(plain, v)
}

// store seals v as the content of a set, and replaces the file or, with fresh
// set, makes it.
func (f *Folder) store(set string, v any, fresh bool) error {
	plain, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keys: set %q: %w", set, err)
	}
	defer clear(plain)
	sealer, err := f.box(set)
	if err != nil {
		return err
	}
	sealed, err := sealer.seal(nil, plain, aadOf(set))
	if err != nil {
		return err
	}
	b, err := json.Marshal(envelope{Format: format, Set: set, Sealed: sealed})
	if err != nil {
		return fmt.Errorf("keys: set %q: %w", set, err)
	}
	write := f.disk.replace
	if fresh {
		write = f.disk.create
	}
	if err := write(f.path(set), append(b, '\n')); err != nil {
		return fmt.Errorf("keys: set %q: %w", set, err)
	}
	return nil
}

func (f *Folder) box(set string) (*box, error) {
	return newBox(derive(f.kek.secret.reveal(), "file "+set))
}

func aadOf(set string) []byte { return []byte(format + "\x00" + set) }

// strict decodes one JSON value, all of whose members are known, and nothing
// after it.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return errors.New("not the JSON that was written") // the cause may quote a key
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
