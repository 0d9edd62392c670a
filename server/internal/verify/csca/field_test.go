package csca_test

import (
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"pivot/server/internal/verify/csca"
	"pivot/shared/mrtd"
)

// Certificates of the field, kept beside the project and never in it.

func cardData(t testing.TB, elements ...string) string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "..", "..", "shared", "data", "cards")
	if _, err := os.Stat(root); err != nil {
		t.Skip("skipped: no card data in ../shared/data/cards beside the project")
	}
	return filepath.Join(append([]string{root}, elements...)...)
}

// frenchCertificates are those of the French authorities by the first octets of
// their digest.
func frenchCertificates(t testing.TB) map[string]*csca.Certificate {
	t.Helper()
	files, err := filepath.Glob(cardData(t, "csca-fr", "*.pem"))
	if err != nil || len(files) == 0 {
		t.Skip("skipped: no French certificates in ../shared/data/cards/csca-fr")
	}
	out := make(map[string]*csca.Certificate)
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(raw)
		if block == nil {
			t.Fatalf("%s: no PEM", f)
		}
		c, err := csca.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		id := c.ID()
		out[hex.EncodeToString(id[:4])] = c
	}
	return out
}

// The digests, key identifiers and validities are those that ANTS, ICAO and BSI
// publish.
func TestFrenchAuthorities(t *testing.T) {
	t.Parallel()
	certs := frenchCertificates(t)
	const passports, cards = "C=FR, O=Gouv, CN=CSCA-FRANCE", "C=FR, O=Gouv, CN=eID-FRANCE"
	const k2006, k2010 = "6636b09b26d2f280545edac766c8f0124db53bb4", "22f38320a573422caf46ab8c3dee764dbbe5c502"
	const k2015, k2020 = "0fcc3251e4e92a50658caf6a6871bc9e8fc86d59", "be8a2ed6c9f9204e3a270308974decfdd97dc5e6"
	const k2025, k2021 = "8319511c9de1eeb87891003537c958b76f207742", "9e973664572b5e12b712a936f861e097c913e8d3"
	tests := []struct {
		id, subject, from, until, use, ski, aki string
		pathLen                                 int
		selfSigned                              csca.Reason
	}{
		{"b33ea63b", cards, "2021-02-15", "2036-05-15", "2026-02-15", k2021, k2021, 1, ""},
		{"95517d1d", passports, "2006-03-31", "2021-06-30", "2011-03-31", k2006, k2006, 0, csca.WeakDigest},
		{"8d4d8939", passports, "2010-12-09", "2026-03-09", "2015-12-09", k2010, k2010, 0, ""},
		{"5ba9a206", passports, "2015-09-04", "2030-12-04", "2020-09-04", k2015, k2015, 0, ""},
		{"28df42a7", passports, "2020-05-26", "2035-08-26", "2025-05-26", k2020, k2020, 0, ""},
		{"d628b510", passports, "2025-02-19", "2040-05-19", "2030-02-19", k2025, k2025, 0, ""},
		{"c32ed5f3", passports, "2015-09-04", "2026-03-09", "2020-09-04", k2015, k2010, 0, csca.BadSignature},
		{"1d370c86", passports, "2020-05-26", "", "2025-05-26", k2020, k2015, 0, csca.BadSignature},
		{"d4a5b143", passports, "2025-02-19", "2040-05-19", "2030-02-19", k2025, k2020, 0, csca.BadSignature},
	}
	if len(certs) != len(tests) {
		t.Errorf("%d certificates, %d expected", len(certs), len(tests))
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			t.Parallel()
			c := certs[tt.id]
			if c == nil {
				t.Fatal("missing")
			}
			const date = "2006-01-02"
			_, use := c.PrivateKeyUse()
			if c.Subject() != tt.subject || c.Issuer() != tt.subject || c.Country() != "FR" {
				t.Errorf("names %q, %q", c.Subject(), c.Issuer())
			}
			if c.NotBefore().Format(date) != tt.from || tt.until != "" && c.NotAfter().Format(date) != tt.until || use.Format(date) != tt.use {
				t.Errorf("validity %v..%v, key until %v", c.NotBefore(), c.NotAfter(), use)
			}
			if hex.EncodeToString(c.SubjectKeyID()) != tt.ski || hex.EncodeToString(c.AuthorityKeyID()) != tt.aki {
				t.Errorf("key identifiers %x, %x", c.SubjectKeyID(), c.AuthorityKeyID())
			}
			if !c.IsCA() || c.PathLen() != tt.pathLen || c.PublicKey().String() != "RSA 4096" {
				t.Errorf("CA %v, path length %d, key %s", c.IsCA(), c.PathLen(), c.PublicKey())
			}
			if err := c.CheckSelfSigned(); tt.selfSigned == "" && err != nil || tt.selfSigned != "" && !errors.Is(err, tt.selfSigned) {
				t.Errorf("self-signature: %v, want %q", err, tt.selfSigned)
			}
		})
	}
}

// Each link leads from the newer key to the older root, and to no other.
func TestFrenchLinks(t *testing.T) {
	t.Parallel()
	certs := frenchCertificates(t)
	pick := func(ids ...string) []*csca.Certificate {
		var out []*csca.Certificate
		for _, id := range ids {
			out = append(out, certs[id])
		}
		return out
	}
	const r2006, r2010, r2015, r2020, r2021, r2025 = "95517d1d", "8d4d8939", "5ba9a206", "28df42a7", "b33ea63b", "d628b510"
	const l2015, l2020, l2025 = "c32ed5f3", "1d370c86", "d4a5b143"
	tests := []struct {
		name         string
		roots, links []string
		alarms       int
	}{
		{"all", []string{r2010, r2015, r2020, r2021, r2025}, []string{l2015, l2020, l2025}, 0},
		{"from the first root alone", []string{r2010}, []string{l2025, l2020, l2015}, 0},
		{"from 2015", []string{r2015}, []string{l2025, l2020}, 0},
		{"a link missing", []string{r2015}, []string{l2025}, 1},
		{"from a later root", []string{r2025}, []string{l2025, l2020, l2015}, 3},
		{"from the authority of cards", []string{r2021}, []string{l2025, l2020, l2015}, 3},
		{"roots are no links", []string{r2010}, []string{r2015, r2020, r2025}, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a, err := csca.NewAnchors(csca.AnchorFiles{Roots: pick(tt.roots...), Links: pick(tt.links...)})
			if err != nil {
				t.Fatal(err)
			}
			if len(a.Alarms()) != tt.alarms {
				t.Errorf("alarms %v", a.Alarms())
			}
			for _, alarm := range a.Alarms() {
				if !errors.Is(alarm, csca.LinkUntrusted) {
					t.Error(alarm)
				}
			}
		})
	}
	if _, err := csca.NewAnchors(csca.AnchorFiles{Roots: pick(r2006)}); !errors.Is(err, csca.WeakDigest) {
		t.Errorf("root of 2006: %v", err)
	}
	if _, err := csca.NewAnchors(csca.AnchorFiles{Roots: pick(l2020)}); !errors.Is(err, csca.BadSignature) {
		t.Errorf("link pinned as a root: %v", err)
	}
}

// Signers of published reference documents: their certificates parse, their
// signatures over the document are judged, and no French root stands for them.
func TestDocumentSigners(t *testing.T) {
	t.Parallel()
	certs := frenchCertificates(t)
	anchors, err := csca.NewAnchors(csca.AnchorFiles{Roots: []*csca.Certificate{certs["b33ea63b"], certs["5ba9a206"]}})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		set, subject, key, algorithm string
		signature, path              csca.Reason
		when                         csca.Times
	}{
		{"bsi-tr03105-5", "C=DE, O=HJP Consulting, OU=Document Signer, CN=HJP PB DS", "RSA 2048", "RSASSA-PSS SHA-256", "", csca.UnknownIssuer, csca.Times{Signing: day(2014, 1, 1), Now: day(2026, 1, 1)}},
		{"loes2006", "CN=DS Test, OU=DS Test, O=Sdu Identification bv, C=NL", "RSA 2048", "RSA PKCS#1 v1.5 SHA-256", "", csca.UnknownIssuer, csca.Times{Signing: day(2006, 9, 26), Now: day(2026, 1, 1)}},
		// brainpoolP224r1 by explicit parameters, SHA-1, no key usage.
		{"bsi2008", "C=DE, O=BundesDruckerei GmbH, CN=DS, serialNumber=1.2.276.0.80.1.12.0.20.10.1.2", "unsupported", "", csca.WeakDigest, csca.NotASigner, csca.Times{Signing: day(2008, 6, 1), Now: day(2026, 1, 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.set, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(cardData(t, tt.set, "EF_SOD.bin"))
			if err != nil {
				t.Skipf("skipped: no EF_SOD.bin of %s", tt.set)
			}
			sod, err := mrtd.ParseSOD(raw)
			if err != nil || len(sod.Certificates) != 1 {
				t.Fatalf("%d certificates, %v", len(sod.Certificates), err)
			}
			ds, err := csca.ParseCertificate(sod.Certificates[0])
			if err != nil {
				t.Fatal(err)
			}
			if ds.Subject() != tt.subject || ds.PublicKey().String() != tt.key {
				t.Errorf("subject %q, key %s", ds.Subject(), ds.PublicKey())
			}
			alg, err := csca.ParseSignatureAlgorithm(sod.Signer.SignatureAlgorithm, sod.Signer.Digest)
			if err == nil {
				err = ds.PublicKey().Verify(alg, sod.Signer.SignedAttrs, sod.Signer.Signature)
			}
			if tt.signature == "" && (err != nil || alg.String() != tt.algorithm) || tt.signature != "" && !errors.Is(err, tt.signature) {
				t.Errorf("document signature: %v, %s", err, alg)
			}
			if _, err := anchors.Path(ds, nil, tt.when); !errors.Is(err, tt.path) {
				t.Errorf("path: %v, want %q", err, tt.path)
			}
		})
	}
}
