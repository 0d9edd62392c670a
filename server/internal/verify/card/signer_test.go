package card_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"

	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
)

// TestSecurityObject changes one thing that a State writes, and writes it validly otherwise: only who holds the State's
// key could make these.
func TestSecurityObject(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(testing.TB, *document)
		step   card.Step   // 0: accepted
		reason card.Reason // of the refusal
	}{
		{"nothing changed", func(testing.TB, *document) {}, 0, ""},
		{"data groups under SHA-1", groupsUnder(crypto.SHA1), card.StepSignature, card.ReasonWeakDigest},
		{"data groups under SHA-224", groupsUnder(crypto.SHA224), card.StepSignature, card.ReasonWeakDigest},
		{"data groups under SHA-384", groupsUnder(crypto.SHA384), 0, ""},
		{"data groups under SHA-512", groupsUnder(crypto.SHA512), 0, ""},
		{"content under SHA-1", contentUnder(crypto.SHA1), card.StepSignature, card.ReasonWeakDigest},
		{"content under SHA-224", contentUnder(crypto.SHA224), card.StepSignature, card.ReasonWeakDigest},
		{"content under SHA-384", contentUnder(crypto.SHA384), 0, ""},
		{"content under SHA-512", contentUnder(crypto.SHA512), 0, ""},
		{"signature over SHA-1", signedBy(ecdsaSHA1, crypto.SHA1), card.StepSignature, card.ReasonWeakDigest},
		{"signature by an algorithm unknown", signedBy(bsi+"9", crypto.SHA256), card.StepSignature, "unsupported-algorithm"},
		{"signature over another digest than named", signedBy(ecdsaSHA256, crypto.SHA512), card.StepSignature, card.ReasonBadSignature},
		{"content signed without attributes", func(_ testing.TB, d *document) { d.without.attributes = true }, card.StepSignature, card.ReasonUnsignedAttributes},
		{"DG14 not listed", func(_ testing.TB, d *document) { d.without.dg14 = true }, card.StepStructure, card.ReasonNoChipAuth},
		{"no certificate", func(_ testing.TB, d *document) { d.certificates = nil }, card.StepSigner, card.ReasonNoSigner},
		{"a certificate that is none", func(_ testing.TB, d *document) { d.certificates = append(d.certificates, seq()) }, card.StepSigner, "malformed"},
		{"signer named by its key identifier", func(_ testing.TB, d *document) { d.signer = byKey("TEST signer") }, 0, ""},
		{"signer named by another key identifier", func(_ testing.TB, d *document) { d.signer = byKey("TEST other") }, card.StepSigner, card.ReasonNoSigner},
		{"signer named by another number", func(_ testing.TB, d *document) { d.signer = byName(d.state.issuer.RawSubject, 8) }, card.StepSigner, card.ReasonNoSigner},
		{"signer named by another issuer", func(tb testing.TB, d *document) {
			d.signer = byName(newStateNamed(tb, "TEST other").issuer.RawSubject, 7)
		}, card.StepSigner, card.ReasonNoSigner},
		{"before the signer, another of its issuer", before(anotherNumber), 0, ""},
		{"after the signer, another of its issuer", after(anotherNumber), 0, ""},
		{"before the signer, its number by another issuer", before(anotherIssuer), 0, ""},
		{"after the signer, its number by another issuer", after(anotherIssuer), 0, ""},
		{"the signer twice", after(func(_ testing.TB, d *document) []byte { return d.state.signer }), 0, ""},
		{"after the signer, its name and number on another key", after(forgery), 0, ""},
		{"before the signer, its name and number on another key", before(forgery), card.StepSigner, "unknown-issuer"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			tc.change(t, d)
			_, err := d.examine(t)
			if tc.step == 0 {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := refusal(t, err); r.Step != tc.step || r.Reason != tc.reason {
				t.Errorf("refused at %s for %s, want %s, %s: %v", r.Step, r.Reason, tc.step, tc.reason, err)
			}
		})
	}
}

func groupsUnder(h crypto.Hash) func(testing.TB, *document) {
	return func(_ testing.TB, d *document) { d.digest = h }
}

func contentUnder(h crypto.Hash) func(testing.TB, *document) {
	return func(_ testing.TB, d *document) { d.signerDigest = h }
}

func signedBy(algorithm string, h crypto.Hash) func(testing.TB, *document) {
	return func(_ testing.TB, d *document) { d.signature = signature{oid: algorithm, hash: h} }
}

// certificate makes one that comes along in a SOD.
type certificate func(testing.TB, *document) []byte

func before(c certificate) func(testing.TB, *document) {
	return func(tb testing.TB, d *document) { d.certificates = [][]byte{c(tb, d), d.state.signer} }
}

func after(c certificate) func(testing.TB, *document) {
	return func(tb testing.TB, d *document) { d.certificates = [][]byte{d.state.signer, c(tb, d)} }
}

func anotherNumber(tb testing.TB, d *document) []byte { return d.state.certify(tb, 8, newKey(tb)) }
func anotherIssuer(tb testing.TB, _ *document) []byte { return newStateNamed(tb, "TEST other").signer }
func forgery(tb testing.TB, _ *document) []byte       { return newState(tb).signer }

// TestCertificatesThatComeAlong puts two strangers beside a genuine signer: they change nothing, and leave no trace in
// what is kept of the card.
func TestCertificatesThatComeAlong(t *testing.T) {
	t.Parallel()
	d := newState(t).document(t)
	alone := d.prove(t).Memory()
	d.certificates = append(d.certificates, authority(t), anotherNumber(t, d))
	if with := d.prove(t).Memory(); !bytes.Equal(with, alone) {
		t.Errorf("memory of %d bytes with strangers, %d without", len(with), len(alone))
	}
}

// authority makes a self-signed authority of nobody.
func authority(tb testing.TB) []byte {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(9), Subject: pkix.Name{Country: []string{"FR"}, CommonName: "TEST nobody"},
		NotBefore: noon().AddDate(-1, 0, 0), NotAfter: noon().AddDate(1, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))(tb)
}

// TestIntermediateFromTheSODAlone has an operator without any certificate but roots: the intermediate authority is the
// one that the SOD carries, and the memory after it. There is no list of that authority's, hence the waiver.
func TestIntermediateFromTheSODAlone(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	s.persona = "intermediate-path"
	anchors(func(f *csca.AnchorFiles) { f.Links = nil })(t, s)
	s.policy.InsecureWithoutFreshCRL = true
	s.memory = remembered(t, s)
	s.evidence = func(*card.Evidence) { t.Error("a known card was asked for its files") }
	if _, err := s.play(t); err != nil {
		t.Errorf("known card: %v", err)
	}
}

// TestPolicyWithoutAnchors asks with the zero policy, which is an operator's mistake and no refusal of the card.
func TestPolicyWithoutAnchors(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	r := s.record(t)
	memory := remembered(t, s)
	for name, ask := range map[string]func(card.Policy) (*card.Chip, error){
		"examine": func(p card.Policy) (*card.Chip, error) { return card.Examine(r.evidence, p, simtest.Now()) },
		"recall":  func(p card.Policy) (*card.Chip, error) { return card.Recall(memory, p, simtest.Now()) },
	} {
		if _, err := ask(s.policy); err != nil {
			t.Errorf("%s: positive control: %v", name, err)
		}
		chip, err := ask(card.Policy{})
		if _, refused := errors.AsType[*card.Refusal](err); err == nil || refused || chip != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestBounds has a State write files of the very bound, and of one byte more.
func TestBounds(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		bound int
		pad   func(d *document, n int)
		size  func(card.Evidence) int
	}{
		{"SOD", 16 << 10, func(d *document, n int) { d.padding = n }, func(e card.Evidence) int { return len(e.SOD) }},
		{"DG14", 4 << 10, func(d *document, n int) { d.infos[len(d.infos)-1] = info(bsi+"99", octets(make([]byte, n))) }, func(e card.Evidence) int { return len(e.DG14) }},
		{"CardAccess", 2 << 10, func(d *document, n int) { d.access[len(d.access)-1] = info(bsi+"99", octets(make([]byte, n))) }, func(e card.Evidence) int { return len(e.CardAccess) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := newState(t).document(t)
			d.infos, d.access = append(d.infos, nil), append(d.access, nil)
			tc.pad(d, 1000)
			missing := tc.bound - tc.size(d.evidence(t))
			for over := range 2 {
				tc.pad(d, 1000+missing+over)
				e := d.evidence(t)
				if n := tc.size(e); n != tc.bound+over {
					t.Fatalf("%d bytes", n)
				}
				_, err := card.Examine(e, d.state.policy, noon())
				if over == 0 && err != nil {
					t.Errorf("at the bound: %v", err)
				}
				if over == 1 && refusal(t, err).Reason != card.ReasonMalformed {
					t.Errorf("over the bound: %v", err)
				}
			}
		})
	}
}
