package cardsim

import (
	"io/fs"
	"os"
	"time"

	"pivot/cardreader/cardsim/internal/pki"
)

// PKI is the TEST public key infrastructure of the simulated States: pinned roots, a link certificate, revocation
// lists, and the keys of document signers good and bad. It is immutable and safe for concurrent use. Every
// certificate is named TEST; none may enter a production store.
type PKI struct{ p *pki.PKI }

// NewPKI makes a PKI whose validity dates are counted from now. It takes a second or so, for it generates RSA keys, the
// root's of 4096 bits among them. Tests share the one of package simtest instead.
func NewPKI(now time.Time) (*PKI, error) {
	p, err := pki.New(now)
	if err != nil {
		return nil, err
	}
	return &PKI{p}, nil
}

// ReadPKI reads a PKI that Save wrote.
func ReadPKI(fsys fs.FS) (*PKI, error) {
	p, err := pki.Read(fsys)
	if err != nil {
		return nil, err
	}
	return &PKI{p}, nil
}

// LoadPKI reads a PKI that Save wrote under a directory.
func LoadPKI(dir string) (*PKI, error) { return ReadPKI(os.DirFS(dir)) }

// Save writes the PKI under a directory: DIR/csca/*.pem the roots to pin, DIR/link/*.pem, DIR/crl/*.crl (DER), and
// what verifiers do not load: DIR/crl-stale, DIR/crl-foreign, DIR/signer, and DIR/keys, readable by its owner alone.
// The authorities' own keys are not kept: they signed what they had to.
func (p *PKI) Save(dir string) error { return p.p.Save(dir) }

// Made is the moment from which the dates of certificates and documents are counted.
func (p *PKI) Made() time.Time { return p.p.Made() }

// Roots are the certificates to pin, in DER: TEST eID-FRANCE (RSA-4096), an expired TEST CSCA-FRANCE, and TEST
// CSCA-UTOPIA (ECDSA on P-384).
func (p *PKI) Roots() [][]byte { return p.p.Roots() }

// Links are, in DER, what no one pins but may load: the next key of TEST eID-FRANCE in a link certificate of the present
// one, and an intermediate authority below it.
func (p *PKI) Links() [][]byte { return p.p.Links() }

// CRLs are the current revocation lists, in DER, one an authority.
func (p *PKI) CRLs() [][]byte { return p.p.CRLs() }

// StaleCRLs are the same lists past their next update, in DER.
func (p *PKI) StaleCRLs() [][]byte { return p.p.StaleCRLs() }

// ForeignCRLs are the same lists signed by another authority than they name, in DER.
func (p *PKI) ForeignCRLs() [][]byte { return p.p.ForeignCRLs() }
