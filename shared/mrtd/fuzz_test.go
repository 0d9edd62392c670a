package mrtd_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/shared/mrtd"
)

// addReference adds the reference files of a kind to a corpus, where they are.
func addReference(f *testing.F, name string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join(cardData, "*", name))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

func FuzzMRZ(f *testing.F) {
	for _, zone := range []string{utopiaTD1, utopiaTD2, utopiaTD3, longTD1, longTD2, franceTD1} {
		f.Add(zone)
	}
	at := time.Date(2026, time.March, 10, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, zone string) {
		m, err := mrtd.ParseMRZ(zone)
		if err != nil {
			if m != (mrtd.MRZ{}) {
				t.Error("a value with an error")
			}
			return
		}
		for _, field := range []string{m.DocumentCode, m.Issuer, m.Nationality, m.Surname, m.Number} {
			if field == "" || strings.HasSuffix(field, "<") {
				t.Errorf("field %q", field)
			}
		}
		if name := m.Surname + " " + m.GivenNames; strings.ContainsAny(name, "<0123456789") || strings.Contains(m.Surname, "  ") {
			t.Errorf("name %q", name)
		}
		if born, ok := m.DateOfBirth(at).Time(); ok && born.After(at) {
			t.Errorf("born %v", born)
		}
		if day, ok := m.ExpiryDay(at); ok && (day.Year() < 1976 || day.Year() > 2075) {
			t.Errorf("expires %v", day)
		}
		joined := strings.NewReplacer("\r", "", "\n", "").Replace(zone)
		if again, err := mrtd.ParseMRZ(joined); err != nil || again != m {
			t.Errorf("without line breaks: %v", err)
		}
	})
}

func FuzzDG1(f *testing.F) {
	for _, zone := range []string{utopiaTD1, utopiaTD2, utopiaTD3, longTD1, franceTD1} {
		f.Add(dg1(strings.ReplaceAll(zone, "\n", "")))
	}
	addReference(f, "Datagroup1.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := mrtd.ParseDG1(b)
		if err != nil {
			return
		}
		// The file is canonical: the zone that it ends with makes it again.
		size := map[mrtd.Format]int{mrtd.TD1: 90, mrtd.TD2: 72, mrtd.TD3: 88}[m.Format]
		zone := string(b[len(b)-size:])
		if again, err := mrtd.ParseMRZ(zone); err != nil || again != m || !bytes.Equal(dg1(zone), b) {
			t.Errorf("read as printed: %v", err)
		}
	})
}

func checkInfos(t *testing.T, infos mrtd.SecurityInfos) {
	t.Helper()
	if !infos.Contains(infos) || !infos.Contains(mrtd.SecurityInfos{}) {
		t.Error("does not contain itself")
	}
	for _, p := range infos.PACE {
		if len(p.OIDBytes) == 0 || p.Mapping == 0 || p.Agreement == 0 || p.ParameterID < -1 || p.Curve != nil && p.Curve.ParameterID() != p.ParameterID {
			t.Errorf("%+v", p)
		}
	}
	for _, k := range infos.ChipKeys {
		if len(k.Point) == 0 || k.Curve != nil && !k.ECDH {
			t.Errorf("%+v", k)
		}
	}
}

func FuzzCardAccess(f *testing.F) {
	f.Add(icaoCardAccess)
	f.Add(frenchCardAccess)
	f.Fuzz(func(t *testing.T, b []byte) {
		if infos, err := mrtd.ParseCardAccess(b); err == nil {
			checkInfos(t, infos)
			if again, err := mrtd.ParseDG14(element(0x6E, b)); err != nil || !again.Contains(infos) {
				t.Errorf("under tag 6E: %v", err)
			}
		}
	})
}

func FuzzDG14(f *testing.F) {
	f.Add(frenchDG14())
	explicit := brainpoolP256r1()
	f.Add(element(0x6E, setOf(chipKey(seq(seq(oid("1.2.840.10045.2.1"), explicit.der()), bits(unhex("04AA"))), integer(1)))))
	f.Add(element(0x6E, setOf(seq(oid("2.23.136.1.1.5"), integer(1), oid("0.4.0.127.0.7.1.1.4.1.3")))))
	addReference(f, "Datagroup14.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		if infos, err := mrtd.ParseDG14(b); err == nil {
			checkInfos(t, infos)
		}
	})
}

func FuzzDG2(f *testing.F) {
	f.Add(baseFace().file())
	two := baseFace()
	two.images, two.count, two.points, two.actual = [][]byte{jpeg, j2c}, 2, 1, 1
	f.Add(two.file())
	f.Add(longLength(baseFace().file()))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := mrtd.ParseDG2(b)
		if err != nil {
			return
		}
		if p.Format != mrtd.JPEG && p.Format != mrtd.JPEG2000 || len(p.Data) < 3 || !bytes.Contains(b, p.Data) {
			t.Errorf("%v", p)
		}
	})
}

func FuzzDG11(f *testing.F) {
	f.Add(dg11(text(0x5F0E, "DUPONT<<JEAN"), text(0x5F2B, "19900713"), text(0x5F11, "AJACCIO<FRANCE")))
	f.Add(dg11(element(0xA0, element(0x02, []byte{1}), text(0x5F0F, "DURAND")), element(0x5F2B, unhex("19900700"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := mrtd.ParseDG11(b)
		if err != nil {
			return
		}
		checkTexts(t, slices.Concat([]string{d.Surname, d.GivenNames}, d.BirthPlace, d.Address))
		var again mrtd.Date
		if err := again.UnmarshalText([]byte(d.Birth.String())); err != nil || again != d.Birth {
			t.Errorf("birth %v: %v", d.Birth, err)
		}
	})
}

func FuzzDG13(f *testing.F) {
	f.Add(frenchDG13())
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := mrtd.ParseDG13(b)
		if err != nil {
			return
		}
		checkTexts(t, slices.Concat(d.Address, d.Extra, d.BirthPlace))
		if d.Height < 0 || d.Height > 300 {
			t.Errorf("height %d", d.Height)
		}
	})
}

func checkTexts(t *testing.T, texts []string) {
	t.Helper()
	for _, s := range texts {
		if strings.ContainsAny(s, "<\x00\n\r\t\x1b\u202e") || strings.TrimSpace(s) != s || strings.ToValidUTF8(s, "") != s {
			t.Errorf("text %q", s)
		}
	}
}

func FuzzDG15(f *testing.F) {
	explicit := brainpoolP256r1()
	f.Add(ecKey(explicit.der()))
	f.Add(element(0x6F, namedKey()))
	f.Add(element(0x6F, seq(seq(oid("1.2.840.113549.1.1.1"), null()), bits(seq(integer(257), integer(65537))))))
	addReference(f, "Datagroup15.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := mrtd.ParseDG15(b)
		if err != nil {
			return
		}
		if len(key.Key) == 0 || key.RSA && key.EC || key.Curve != nil && !key.EC || !bytes.Equal(element(0x6F, key.Raw), b) {
			t.Errorf("%+v", key)
		}
	})
}

func FuzzSOD(f *testing.F) {
	base := baseSOD()
	f.Add(base.file())
	later := baseSOD()
	later.ldsVersion, later.release = integer(1), seq(printable("0108"), printable("040000"))
	later.signerVersion, later.sid = integer(3), element(0x80, hash(7, 20))
	later.attrs = withTime(0x17, "210315120000Z")
	f.Add(later.file())
	addReference(f, "EF_SOD.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		sod, err := mrtd.ParseSOD(b)
		if err != nil {
			if sod.Content != nil || sod.DataGroups != nil || sod.Certificates != nil {
				t.Error("a value with an error")
			}
			return
		}
		if len(sod.DataGroups) < 1 || len(sod.DataGroups) > 16 || len(sod.Certificates) > 4 || !bytes.Contains(b, sod.Content) {
			t.Errorf("%+v", sod)
		}
		for n, digest := range sod.DataGroups {
			if n < 1 || n > 16 || sod.Digest != 0 && len(digest) != sod.Digest.Size() {
				t.Errorf("data group %d: %x", n, digest)
			}
		}
		s := sod.Signer
		if (s.SubjectKeyID == nil) == (s.Serial == nil) || len(s.Signature) == 0 || len(s.SignatureAlgorithm) == 0 {
			t.Errorf("%+v", s)
		}
		if s.SignedAttrs != nil && (s.SignedAttrs[0] != 0x31 || len(s.MessageDigest) == 0 || !bytes.Contains(b, s.SignedAttrs[1:])) {
			t.Errorf("%+v", s)
		}
	})
}

func FuzzDate(f *testing.F) {
	for _, s := range []string{"", "1980-07-13", "1980-07-??", "??80-07-13", "????-??-??"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var d mrtd.Date
		if err := d.UnmarshalText([]byte(s)); err == nil && d.String() != s {
			t.Errorf("%q comes back as %q", s, d)
		}
	})
}
