package lds_test

import (
	"strings"
	"testing"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/ec"
	"pivot/cardreader/cardsim/internal/lds"
	"pivot/shared/mrtd"
)

// TestZone is the specimen of ICAO 9303-5 appendix A, its optional data left out and the composite digit with it.
func TestZone(t *testing.T) {
	t.Parallel()
	z := lds.Zone{
		Code: "I", Issuer: "UTO", Number: "D23145890", Surname: "Eriksson", GivenNames: "Anna Maria", Nationality: "UTO",
		Birth: "740812", Sex: "F", Expiry: "120415",
	}
	want := "I<UTOD231458907<<<<<<<<<<<<<<<" + "7408122F1204159UTO<<<<<<<<<<<6" + "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"
	if got := z.Lines(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := z.KeyInfo(); got != "D2314589077408122"+"1204159" {
		t.Errorf("key info %s", got)
	}
}

// TestZoneReads has the product's parser read zones with difficult fields.
func TestZoneReads(t *testing.T) {
	t.Parallel()
	base := lds.Zone{
		Code: "ID", Issuer: "FRA", Number: "T1ST00001", Surname: "DUPONT", GivenNames: "Hélène", Nationality: "FRA",
		Birth: "850314", Sex: "F", Expiry: "350930",
	}
	tests := []struct {
		name           string
		change         func(z *lds.Zone)
		surname, given string
		truncated      bool
	}{
		{"plain", func(*lds.Zone) {}, "DUPONT", "HELENE", false},
		{"no given name", func(z *lds.Zone) { z.GivenNames = "" }, "DUPONT", "", false},
		{"apostrophe and cedilla", func(z *lds.Zone) { z.Surname = "L'HÉRITIER D'ARÇON" }, "LHERITIER DARCON", "HELENE", false},
		{"hyphens", func(z *lds.Zone) { z.GivenNames = "Jean-Noël" }, "DUPONT", "JEAN NOEL", false},
		{"ligatures", func(z *lds.Zone) { z.Surname, z.GivenNames = "CŒUR", "Lætitia Louÿse" }, "COEUR", "LAETITIA LOUYSE", false},
		{"surname too long", func(z *lds.Zone) { z.Surname = strings.Repeat("A", 40) }, strings.Repeat("A", 27), "H", true},
		{"surname ends at the cut", func(z *lds.Zone) { z.Surname = strings.Repeat("A", 26) + "-B" }, strings.Repeat("A", 26), "HE", false},
		{"given names too long", func(z *lds.Zone) { z.GivenNames = strings.Repeat("B", 40) }, "DUPONT", strings.Repeat("B", 22), true},
		{"cut before a given name", func(z *lds.Zone) { z.GivenNames = strings.Repeat("B", 21) + " Carl" }, "DUPONT", strings.Repeat("B", 20) + " C", true},
		{"sex not specified", func(z *lds.Zone) { z.Sex = "" }, "DUPONT", "HELENE", false},
		{"year of birth alone", func(z *lds.Zone) { z.Birth = "58<<<<" }, "DUPONT", "HELENE", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			z := base
			tt.change(&z)
			got, err := mrtd.ParseDG1(lds.DG1(z.Lines()))
			if err != nil {
				t.Fatalf("%s: %v", z.Lines(), err)
			}
			if got.Surname != tt.surname || got.GivenNames != tt.given || got.Sex != z.Sex {
				t.Errorf("got %q, %q, %q, want %q, %q", got.Surname, got.GivenNames, got.Sex, tt.surname, tt.given)
			}
			if tt.truncated && !got.NameTruncated {
				t.Errorf("%s: truncation is not to be seen", z.Lines())
			}
		})
	}
}

func TestTransliterate(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"ÀÂÁÃÇÈÉÊËÌÍÎÏÒÓÔÕÙÚÛÝŸÑ": "AAAACEEEEIIIIOOOOUUUYYN",
		"œ Æ ä Ö Ø ü Å":           "OE<AE<AE<OE<OE<UE<AA",
		"d'Estaing":               "DESTAING",
		"Jean-Pierre 2":           "JEAN<PIERRE<",
		"Ж":                       "X",
	}
	for in, want := range tests {
		if got := lds.Transliterate(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestFilesRead has the product's parsers read the other files.
func TestFilesRead(t *testing.T) {
	t.Parallel()
	picture := append([]byte("\x00\x00\x00\x0CjP  \r\n\x87\n"), make([]byte, 100)...)
	p, err := mrtd.ParseDG2(lds.DG2(picture, 154, 198))
	if err != nil || p.Width != 154 || p.Height != 198 || string(p.Data) != string(picture) || p.Format != mrtd.JPEG2000 {
		t.Errorf("DG2: %v, %v", p, err)
	}
	n, err := mrtd.ParseDG13(lds.DG13(lds.National{
		Height: 168, Address: []string{"8 impasse de l'Église", "02400", "CHÂTEAU-THIERRY", "FR", "FRANCE"},
		BirthPlace: []string{"L'HAŸ-LES-ROSES", "94"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	if n.Height != 168 || strings.Join(n.Address, "|") != "8 IMPASSE DE L'ÉGLISE|02400|CHÂTEAU-THIERRY|FR|FRANCE" ||
		strings.Join(n.BirthPlace, "|") != "L'HAY-LES-ROSES|94" {
		t.Errorf("DG13: %d, %q, %q", n.Height, n.Address, n.BirthPlace)
	}
	if got := lds.COM([]int{1, 2, 3, 13, 14}); string(got[len(got)-5:]) != "\x61\x75\x63\x6D\x6E" {
		t.Errorf("COM: %x", got)
	}
	if got := lds.Sealed(3, []byte{1}); string(got) != "\x63\x01\x01" {
		t.Errorf("sealed: %x", got)
	}
}

func TestSecurityInfos(t *testing.T) {
	t.Parallel()
	for _, curve := range ec.Curves() {
		protocols := []chip.PACE{{Mapping: chip.Generic, KeyLen: 32, Curve: curve}, {Mapping: chip.Integrated, KeyLen: 16, Curve: curve}}
		key := chip.ChipKey{KeyLen: 24, Curve: curve}
		access, err := mrtd.ParseCardAccess(lds.CardAccess(protocols))
		if err != nil {
			t.Fatal(err)
		}
		dg14, err := mrtd.ParseDG14(lds.DG14(protocols, key, curve.Encode(curve.G)))
		if err != nil {
			t.Fatal(err)
		}
		if !dg14.Contains(access) || len(access.PACE) != 2 || len(dg14.ChipAuth) != 1 || len(dg14.ChipKeys) != 1 {
			t.Errorf("%s: %d PACE, %d protocols, %d keys", curve.Name, len(access.PACE), len(dg14.ChipAuth), len(dg14.ChipKeys))
		}
		if k := dg14.ChipKeys[0]; k.Curve == nil || string(k.Point) != string(curve.Encode(curve.G)) {
			t.Errorf("%s: the chip's key is not recognised", curve.Name)
		}
	}
}
