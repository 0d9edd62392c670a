// Package pki is the TEST public key infrastructure of the simulated State: country signing authorities, document
// signers good and bad, revocation lists, and the signed security objects of cards (ICAO 9303-10 §4.6.2, 9303-12).
// Everything in it is named TEST and none of it may be trusted.
package pki

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// PKI is the infrastructure as the files that hold it. It is immutable and safe for concurrent use.
type PKI struct {
	files map[string][]byte // slash-separated path -> content
	about about
	keys  map[string]key // of the document signers
}

// about is the file test-pki.json.
type about struct {
	Warning string    `json:"warning"`
	Made    time.Time `json:"made"`
	Seed    string    `json:"seed"` // the chips' keys derive from it
}

const aboutFile = "test-pki.json"

// Folders of the files.
const (
	rootDir    = "csca"        // pinned roots, PEM
	linkDir    = "link"        // link certificates and intermediate authorities, PEM
	crlDir     = "crl"         // revocation lists, DER
	staleDir   = "crl-stale"   // lists past their next update
	foreignDir = "crl-foreign" // lists that another authority signed
	signerDir  = "signer"      // document signers' certificates and those between them and the root, PEM
	keyDir     = "keys"        // document signers' keys
)

// New makes a PKI as of now. It takes seconds: an RSA key of 4096 bits is among its eleven.
func New(now time.Time) (*PKI, error) {
	made, err := generate()
	if err != nil {
		return nil, err
	}
	seed := make([]byte, 32)
	rand.Read(seed) // never fails (crypto/rand)
	m := maker{now: now.UTC().Truncate(time.Second), keys: made, files: make(map[string][]byte)}
	if err := m.make(); err != nil {
		return nil, err
	}
	a := about{Warning: "TEST keys and certificates: trust none of them", Made: m.now, Seed: hex.EncodeToString(seed)}
	m.files[aboutFile], err = json.MarshalIndent(a, "", "  ")
	if err != nil {
		return nil, err
	}
	return fromFiles(m.files)
}

// generate makes the keys of the table, all at a time.
func generate() (map[string]key, error) {
	specs := keys()
	made := make([]key, len(specs))
	errs := make([]error, len(specs))
	var wg sync.WaitGroup
	for i, s := range specs {
		wg.Go(func() {
			if s.curve != nil {
				made[i] = newEC(s.curve)
				made[i].explicit = s.explicit
				return
			}
			made[i], errs[i] = newRSA(s.bits)
		})
	}
	wg.Wait()
	out := make(map[string]key)
	for i, s := range specs {
		if errs[i] != nil {
			return nil, fmt.Errorf("pki: key %q: %w", s.id, errs[i])
		}
		out[s.id] = made[i]
	}
	return out, nil
}

// Read reads a PKI that Save wrote.
func Read(fsys fs.FS) (*PKI, error) {
	files := make(map[string][]byte)
	for _, dir := range []string{rootDir, linkDir, crlDir, staleDir, foreignDir, signerDir, keyDir} {
		entries, err := fs.ReadDir(fsys, dir)
		if err != nil {
			return nil, fmt.Errorf("pki: %w", err)
		}
		for _, e := range entries {
			name := path.Join(dir, e.Name())
			if files[name], err = fs.ReadFile(fsys, name); err != nil {
				return nil, fmt.Errorf("pki: %w", err)
			}
		}
	}
	b, err := fs.ReadFile(fsys, aboutFile)
	if err != nil {
		return nil, fmt.Errorf("pki: %w", err)
	}
	files[aboutFile] = b
	return fromFiles(files)
}

func fromFiles(files map[string][]byte) (*PKI, error) {
	p := &PKI{files: files, keys: make(map[string]key)}
	if err := json.Unmarshal(files[aboutFile], &p.about); err != nil {
		return nil, fmt.Errorf("pki: %s: %w", aboutFile, err)
	}
	for _, s := range keys() {
		if !s.signer {
			continue
		}
		k, err := parseKey(files[keyFile(s.id)], s.curve)
		if err != nil {
			return nil, fmt.Errorf("pki: key %q: %w", s.id, err)
		}
		k.explicit = s.explicit
		p.keys[s.id] = k
	}
	return p, nil
}

// Save writes the PKI under a directory: keys and seed readable by their owner alone.
func (p *PKI) Save(dir string) error {
	for name, content := range p.files {
		mode, dirMode := fs.FileMode(0o644), fs.FileMode(0o755)
		if strings.HasPrefix(name, keyDir+"/") || name == aboutFile {
			mode = 0o600
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if path.Dir(name) == keyDir {
			dirMode = 0o700
		}
		if err := os.MkdirAll(filepath.Dir(target), dirMode); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, mode); err != nil {
			return err
		}
	}
	return nil
}

// Made is when the PKI was made, in UTC and whole seconds.
func (p *PKI) Made() time.Time { return p.about.Made }

// Seed is what the chips' keys derive from.
func (p *PKI) Seed() []byte { return []byte(p.about.Seed) }

// Roots are the certificates to pin, DER, in the order of their file names; likewise the others.
func (p *PKI) Roots() [][]byte { return p.in(rootDir) }

// Links are the link certificates and intermediate authorities, DER.
func (p *PKI) Links() [][]byte { return p.in(linkDir) }

// CRLs are the current revocation lists, DER.
func (p *PKI) CRLs() [][]byte { return p.in(crlDir) }

// StaleCRLs are revocation lists past their next update, DER.
func (p *PKI) StaleCRLs() [][]byte { return p.in(staleDir) }

// ForeignCRLs are revocation lists in the name of an authority that did not sign them, DER.
func (p *PKI) ForeignCRLs() [][]byte { return p.in(foreignDir) }

func (p *PKI) in(dir string) [][]byte {
	var out [][]byte
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		if path.Dir(name) == dir {
			out = append(out, ders(p.files[name])...)
		}
	}
	return out
}

// ders returns the PEM blocks of a file, or the file itself when it is none.
func ders(b []byte) [][]byte {
	var out [][]byte
	for rest := b; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		out = append(out, block.Bytes)
	}
	if out == nil {
		return [][]byte{b}
	}
	return out
}

func keyFile(id string) string { return keyDir + "/TEST-" + id + ".pem" }

func signerFile(id string) string { return signerDir + "/TEST-" + id + ".pem" }
