package mrtd_test

import (
	"bytes"
	"crypto"
	_ "crypto/sha1"
	_ "crypto/sha256"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pivot/shared/mrtd"
)

// cardData is where reference card data lies, beside the project: the data sets
// of BSI TR-03105-5 (2013 and 2008) and a Dutch specimen of 2006. They are not
// part of the project.
const cardData = "../../../shared/data/cards"

func cardFile(tb testing.TB, set, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(cardData, set, name))
	if os.IsNotExist(err) {
		tb.Skipf("reference card data is not there: %v", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestReferenceSODs(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		set       string
		digest    crypto.Hash
		groups    []int
		algorithm string // first bytes of the signature's AlgorithmIdentifier
		matching  []int
		unlisted  []int // files of the set that the SOD does not list
	}{
		{"bsi-tr03105-5", crypto.SHA256, []int{1, 2, 3, 4, 14}, "304106092A864886F70D01010A", []int{1, 2, 14}, []int{15}},
		{"bsi2008", crypto.SHA1, []int{1, 2, 3, 14}, "300B06072A8648CE3D0401", []int{1, 2, 14}, []int{15}},
		{"loes2006", crypto.SHA256, []int{1, 2, 15}, "300D06092A864886F70D01010B", []int{1, 2, 15}, nil},
	} {
		t.Run(row.set, func(t *testing.T) {
			t.Parallel()
			sod, err := mrtd.ParseSOD(cardFile(t, row.set, "EF_SOD.bin"))
			if err != nil {
				t.Fatal(err)
			}
			if sod.LDSVersion != 0 || sod.Digest != row.digest || sod.Signer.Digest != row.digest || len(sod.Certificates) != 1 {
				t.Errorf("version %d, digests %v and %v, %d certificates", sod.LDSVersion, sod.Digest, sod.Signer.Digest, len(sod.Certificates))
			}
			if groups := slices.Sorted(maps.Keys(sod.DataGroups)); !slices.Equal(groups, row.groups) {
				t.Errorf("data groups %v, want %v", groups, row.groups)
			}
			if !bytes.HasPrefix(sod.Signer.SignatureAlgorithm, unhex(row.algorithm)) {
				t.Errorf("signature algorithm %x", sod.Signer.SignatureAlgorithm)
			}
			content := sum(row.digest, sod.Content)
			if !bytes.Equal(content, sod.Signer.MessageDigest) {
				t.Errorf("content has digest %x, signed was %x", content, sod.Signer.MessageDigest)
			}
			for _, n := range row.matching {
				if !bytes.Equal(sum(row.digest, cardFile(t, row.set, groupFile(n))), sod.DataGroups[n]) {
					t.Errorf("data group %d does not match", n)
				}
			}
			for _, n := range row.unlisted {
				if _, listed := sod.DataGroups[n]; listed || len(cardFile(t, row.set, groupFile(n))) == 0 {
					t.Errorf("data group %d is listed", n)
				}
			}
		})
	}
}

func groupFile(n int) string {
	return map[int]string{1: "Datagroup1.bin", 2: "Datagroup2.bin", 14: "Datagroup14.bin", 15: "Datagroup15.bin"}[n]
}

func sum(h crypto.Hash, b []byte) []byte {
	d := h.New()
	d.Write(b)
	return d.Sum(nil)
}

// TestReferencePortraits: the announced sizes are what the files say; in the
// first two sets the image itself is of 413 by 531 pixels.
func TestReferencePortraits(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		set                 string
		width, height, size int
	}{
		{"bsi-tr03105-5", 337, 449, 14999},
		{"bsi2008", 337, 449, 14999},
		{"loes2006", 449, 598, 13701},
	} {
		p, err := mrtd.ParseDG2(cardFile(t, row.set, "Datagroup2.bin"))
		if err != nil {
			t.Errorf("%s: %v", row.set, err)
			continue
		}
		if p.Format != mrtd.JPEG2000 || !bytes.HasPrefix(p.Data, unhex("0000000C6A5020200D0A870A")) ||
			p.Width != row.width || p.Height != row.height || len(p.Data) != row.size {
			t.Errorf("%s: %v", row.set, p)
		}
	}
}

func TestReferenceZones(t *testing.T) {
	t.Parallel()
	for set, want := range map[string]string{
		"bsi-tr03105-5": "TD3 P D C11T002JM MUSTERMANN/ERIKA D ??96-08-12 F ??23-10-31",
		"bsi2008":       "TD3 P D C11T002JM MUSTERMANN/ERIKA D ??96-08-12 F ??13-10-31",
		"loes2006":      "TD3 P NLD XX0001328 MEULENDIJK/LOES ALBERTINE NLD ??71-10-19 F ??11-10-01",
	} {
		m, err := mrtd.ParseDG1(cardFile(t, set, "Datagroup1.bin"))
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		got := m.Format.String() + " " + m.DocumentCode + " " + m.Issuer + " " + m.Number + " " + m.Surname + "/" + m.GivenNames +
			" " + m.Nationality + " " + m.Birth.String() + " " + m.Sex + " " + m.Expiry.String()
		if got != want {
			t.Errorf("%s: %s", set, got)
		}
	}
}

// TestReferenceKeys: the chip keys are on brainpoolP224r1, spelled out, which is
// not supported; the RSA keys of DG15 are returned as they are, one of them with
// a modulus that is no correct INTEGER.
func TestReferenceKeys(t *testing.T) {
	t.Parallel()
	for _, set := range []string{"bsi-tr03105-5", "bsi2008"} {
		infos, err := mrtd.ParseDG14(cardFile(t, set, "Datagroup14.bin"))
		if err != nil {
			t.Errorf("%s: %v", set, err)
			continue
		}
		if len(infos.ChipAuth) != 1 || len(infos.ChipKeys) != 1 || infos.TerminalAuth != 1 {
			t.Errorf("%s: %+v", set, infos)
			continue
		}
		ca, key := infos.ChipAuth[0], infos.ChipKeys[0]
		if !ca.ECDH || ca.Suite != 0 || ca.Version != 1 || !key.ECDH || key.Curve != nil || len(key.Point) != 57 {
			t.Errorf("%s: %+v %+v", set, ca, key)
		}
	}
	for _, set := range []string{"bsi-tr03105-5", "bsi2008", "loes2006"} {
		if key, err := mrtd.ParseDG15(cardFile(t, set, "Datagroup15.bin")); err != nil || !key.RSA || len(key.Key) < 130 {
			t.Errorf("%s: %+v, %v", set, key, err)
		}
	}
}
