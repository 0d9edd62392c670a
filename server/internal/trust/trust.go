// Package trust loads the authorities that cards are judged by: an operator's files, pinned by being there. A deployment
// without any refuses every card as of an unknown issuer; one that serves the public refuses authorities named TEST.
package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
)

// Anchors are the authorities of a folder.
type Anchors struct {
	files   csca.AnchorFiles
	anchors *csca.Anchors
}

// LoadAnchors reads DIR/csca, DIR/link and DIR/crl, PEM or DER; the last two may be absent. The empty string is no folder:
// it pins nothing, and every card is then refused as unknown-issuer. Errors name the file that cannot be used: a trust
// store is used whole or not at all.
func LoadAnchors(dir string) (Anchors, error) {
	files, err := readAnchors(dir)
	if err != nil {
		return Anchors{}, err
	}
	anchors, err := csca.NewAnchors(files)
	if err != nil {
		return Anchors{}, fmt.Errorf("trust: %w", err)
	}
	return Anchors{files, anchors}, nil
}

// Verified are the anchors as a card's signer is judged by them.
func (a Anchors) Verified() *csca.Anchors { return a.anchors }

// Roots are the pinned authorities.
func (a Anchors) Roots() []*csca.Certificate { return a.files.Roots }

// Alarms are the files that were read and are not believed, such as a revocation list that no pinned authority signed.
func (a Anchors) Alarms() []error {
	if a.anchors == nil {
		return nil
	}
	return a.anchors.Alarms()
}

// Tests names the certificates and lists whose subject or issuer has the word TEST: they are made for trials, and whoever
// finds one may have its key.
func (a Anchors) Tests() []string {
	var out []string
	for _, c := range append(append([]*csca.Certificate(nil), a.files.Roots...), a.files.Links...) {
		if isTest(c.Subject()) || isTest(c.Issuer()) {
			out = append(out, c.Subject())
		}
	}
	for _, l := range a.files.CRLs {
		if isTest(l.Issuer()) {
			out = append(out, l.Issuer())
		}
	}
	return out
}

// isTest finds the word, in whatever letters.
func isTest(name string) bool {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if strings.EqualFold(word, "test") {
			return true
		}
	}
	return false
}

// ErrTest is the error of a folder that holds authorities named TEST where none may be.
var ErrTest = errors.New("trust: authorities named TEST are for the demonstration alone")

// Options say what a deployment accepts.
type Options struct {
	Dir string // of the anchors; without a folder csca in it, nothing is pinned
	// Issuers are the documents accepted, as in the verifier's policy.
	Issuers []card.Issuer
	// InsecureWithoutFreshCRL is the verifier's: it accepts a signer without a current revocation list.
	InsecureWithoutFreshCRL bool
	// AllowTest accepts authorities named TEST: in the demonstration, and nowhere else.
	AllowTest bool
}

// Store is the trust of a running broker. It is safe for concurrent use.
type Store struct {
	options Options
	reload  sync.Mutex
	current atomic.Pointer[Anchors]
}

// Open loads the anchors of a deployment. Errors: as of [LoadAnchors]; [ErrTest].
func Open(o Options) (*Store, error) {
	s := &Store{options: o}
	if err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the folder again, whole or not at all: with an error what was trusted before goes on being trusted.
func (s *Store) Reload() error {
	s.reload.Lock()
	defer s.reload.Unlock()
	a, err := LoadAnchors(s.options.Dir)
	var missing *fs.PathError
	if errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist) && missing.Path == filepath.Join(s.options.Dir, rootsFolder) {
		a, err = LoadAnchors("") // nothing was imported yet
	}
	if err != nil {
		return err
	}
	if tests := a.Tests(); len(tests) > 0 && !s.options.AllowTest {
		return fmt.Errorf("%w: %q holds %s", ErrTest, s.options.Dir, tests[0])
	}
	s.current.Store(&a)
	return nil
}

// Anchors are those in force.
func (s *Store) Anchors() Anchors { return *s.current.Load() }

// Policy is what a card is judged by now.
func (s *Store) Policy() card.Policy {
	return card.Policy{
		Anchors: s.current.Load().anchors, Issuers: s.options.Issuers, InsecureWithoutFreshCRL: s.options.InsecureWithoutFreshCRL,
	}
}
