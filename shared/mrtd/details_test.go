package mrtd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

func dg11(objects ...[]byte) []byte {
	return element(0x6B, element(0x5C, unhex("5F0E5F2B")), concat(objects...))
}

func text(tag tlv.Tag, s string) []byte { return element(tag, []byte(s)) }

func TestDG11(t *testing.T) {
	t.Parallel()
	got, err := mrtd.ParseDG11(dg11(
		text(0x5F0E, "LE GOFF<MARTIN<<MAËLYS<GAËLLE"), element(0xA0, element(0x02, []byte{2}), text(0x5F0F, "DUPONT"), text(0x5F0F, "DURAND<<JEAN")),
		text(0x5F10, "123<<<"), text(0x5F11, "AJACCIO<CORSE-DU-SUD<FRANCE"), text(0x5F42, "1 RUE DE LA PAIX<75002<PARIS"),
		text(0x5F2B, "19900713"), text(0x5F12, "+33123456789"), element(0x5F16, jpeg),
	))
	if err != nil {
		t.Fatal(err)
	}
	want := mrtd.PersonalDetails{
		Surname: "LE GOFF MARTIN", GivenNames: "MAËLYS GAËLLE", OtherNames: []string{"DUPONT", "DURAND<<JEAN"},
		PersonalNumber: "123", Birth: date(t, "1990-07-13"), BirthPlace: []string{"AJACCIO", "CORSE-DU-SUD", "FRANCE"},
		Address: []string{"1 RUE DE LA PAIX", "75002", "PARIS"},
	}
	if diff := cmp.Diff(want, got, equalDates); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

func TestDG11Accepted(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		object []byte
		want   mrtd.PersonalDetails
	}{
		{"nothing", nil, mrtd.PersonalDetails{}},
		{"no first name", text(0x5F0E, "ARKFREITH"), mrtd.PersonalDetails{Surname: "ARKFREITH"}},
		{"no surname", text(0x5F0E, "<<SUKARNO"), mrtd.PersonalDetails{GivenNames: "SUKARNO"}},
		{"filler in front", text(0x5F0E, "<DUPONT<<JEAN"), mrtd.PersonalDetails{Surname: "DUPONT", GivenNames: "JEAN"}},
		{"fillers behind", text(0x5F0E, "DUPONT<<JEAN<<<<"), mrtd.PersonalDetails{Surname: "DUPONT", GivenNames: "JEAN"}},
		{"birth in bcd", element(0x5F2B, unhex("19900713")), mrtd.PersonalDetails{Birth: date(t, "1990-07-13")}},
		{"day of birth unknown", text(0x5F2B, "19900700"), mrtd.PersonalDetails{Birth: date(t, "1990-07-??")}},
		{"month and day unknown", text(0x5F2B, "1990<<<<"), mrtd.PersonalDetails{Birth: date(t, "1990-??-??")}},
		{"birth unknown, bcd", element(0x5F2B, unhex("00000000")), mrtd.PersonalDetails{Birth: date(t, "????-??-??")}},
		{"no other name", element(0xA0, element(0x02, []byte{0})), mrtd.PersonalDetails{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := mrtd.ParseDG11(dg11(row.object))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got, equalDates); diff != "" {
				t.Errorf("details (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := mrtd.ParseDG11(longLength(dg11(text(0x5F0E, "DUPONT")))); err != nil {
		t.Errorf("length of four octets: %v", err)
	}
}

func TestDG11Refused(t *testing.T) {
	t.Parallel()
	name := text(0x5F0E, "DUPONT<<JEAN")
	if _, err := mrtd.ParseDG11(dg11(name)); err != nil {
		t.Fatalf("base: %v", err)
	}
	for row, file := range map[string][]byte{
		"empty":                    nil,
		"no tag list":              element(0x6B, name),
		"empty file":               element(0x6B),
		"trailing byte":            append(dg11(name), 0),
		"name twice":               dg11(name, name),
		"unknown tag":              dg11(text(0x5F19, "X")),
		"not utf-8":                dg11(text(0x5F0E, "MA\xcbLYS")),
		"control character":        dg11(text(0x5F0E, "DUPONT\n<<JEAN")),
		"text turned around":       dg11(text(0x5F0E, "DUPONT\u202e<<JEAN")),
		"place with a nul":         dg11(text(0x5F11, "PARIS\x00")),
		"birth of seven digits":    dg11(text(0x5F2B, "1990713")),
		"birth in month 13":        dg11(text(0x5F2B, "19901301")),
		"29 February 1990":         dg11(text(0x5F2B, "19900229")),
		"birth with letters":       dg11(text(0x5F2B, "1990JUL1")),
		"birth in bcd, not digits": dg11(element(0x5F2B, unhex("199007AB"))),
		"century unknown":          dg11(text(0x5F2B, "<<900713")),
		"other names, none there":  dg11(element(0xA0, element(0x02, []byte{1}))),
		"other names, one more":    dg11(element(0xA0, element(0x02, []byte{1}), text(0x5F0F, "A"), text(0x5F0F, "B"))),
		"other names, no count":    dg11(element(0xA0, text(0x5F0F, "A"))),
		"other names, 255":         dg11(element(0xA0, element(0x02, []byte{255}))),
		"other names, not utf-8":   dg11(element(0xA0, element(0x02, []byte{1}), text(0x5F0F, "\xff"))),
		"truncated":                dg11(name)[:12],
		"truncated inside":         element(0x6B, element(0x5C), unhex("5F0E05AA")),
		"larger than bound":        dg11(element(0x5F16, make([]byte, 70<<10))),
	} {
		if d, err := mrtd.ParseDG11(file); err == nil || d.Surname != "" {
			t.Errorf("%s: accepted (error %v)", row, err)
		} else if strings.Contains(err.Error(), "DUPONT") {
			t.Errorf("%s: error quotes the file: %v", row, err)
		}
	}
}

// frenchDG13 is laid out as observed on French cards, with invented content.
func frenchDG13() []byte {
	return element(0x6D, element(0x5C, unhex("9F019F039F049F07")),
		text(0x9F01, "165<<"), text(0x9F03, "<12 ALL\xc9E DES TILLEULS<<20000<AJACCIO<FR<FRANCE\x00\x00\x00"),
		text(0x9F04, "\x00\x00"), text(0x9F07, "BAS\x2dEN\x2dBASSET<43\x00"))
}

func TestDG13(t *testing.T) {
	t.Parallel()
	got, err := mrtd.ParseDG13(frenchDG13())
	if err != nil {
		t.Fatal(err)
	}
	want := mrtd.NationalDetails{
		Height: 165, Address: []string{"12 ALLÉE DES TILLEULS", "20000", "AJACCIO", "FR", "FRANCE"},
		BirthPlace: []string{"BAS-EN-BASSET", "43"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
}

func dg13(objects ...[]byte) []byte {
	return element(0x6D, element(0x5C, unhex("9F01")), concat(objects...))
}

func TestDG13Variants(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		file []byte
		want mrtd.NationalDetails
	}{
		"nothing listed":  {dg13(), mrtd.NationalDetails{}},
		"unknown tag":     {dg13(text(0x9F09, "\xff\x00")), mrtd.NationalDetails{}},
		"height unknown":  {dg13(text(0x9F01, "<<<")), mrtd.NationalDetails{}},
		"filler in front": {dg13(text(0x9F01, "<175")), mrtd.NationalDetails{Height: 175}},
		"extra":           {dg13(text(0x9F04, "BAT A<ETAGE 2")), mrtd.NationalDetails{Extra: []string{"BAT A", "ETAGE 2"}}},
		"padding between": {dg13(text(0x9F07, "NANTES\x00\x00<44\x00")), mrtd.NationalDetails{BirthPlace: []string{"NANTES", "44"}}},
		"padding before":  {dg13(text(0x9F07, "\x00\x00N\xceMES<30")), mrtd.NationalDetails{BirthPlace: []string{"NÎMES", "30"}}},
	} {
		got, err := mrtd.ParseDG13(row.file)
		if diff := cmp.Diff(row.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestDG13Refused(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{
		"empty":             nil,
		"trailing byte":     append(frenchDG13(), 0),
		"truncated":         frenchDG13()[:20],
		"other file":        element(0x6B, element(0x5C)),
		"same tag twice":    dg13(text(0x9F01, "1"), text(0x9F01, "2")),
		"too many tags":     dg13(manyTags(40)),
		"height in letters": dg13(text(0x9F01, "TALL")),
		"height negative":   dg13(text(0x9F01, "-5")),
		"height of a giant": dg13(text(0x9F01, "301")),
		"two heights":       dg13(text(0x9F01, "170<180")),
		"control character": dg13(text(0x9F07, "PARIS\x1b[2J")),
		"nul inside":        dg13(text(0x9F07, "PARIS\x0075")),
		"c1 control":        dg13(text(0x9F07, "PARIS\x9b")),
		"larger than bound": dg13(element(0x9F04, make([]byte, 9000))),
	} {
		if d, err := mrtd.ParseDG13(file); err == nil || errors.Is(err, mrtd.ErrUnsupported) {
			t.Errorf("%s: accepted (error %v), %+v", name, err, d)
		}
	}
	for name, file := range map[string][]byte{
		"another State's":  element(0x6D, text(0x5F10, "X")),
		"no data objects":  element(0x6D, []byte("free text")),
		"nothing":          element(0x6D),
		"list comes later": element(0x6D, text(0x9F01, "165"), element(0x5C)),
	} {
		if _, err := mrtd.ParseDG13(file); !errors.Is(err, mrtd.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyTags(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, element(tlv.Tag(0x9F20+i))...)
	}
	return b
}

func TestDetailsPrintRedacted(t *testing.T) {
	t.Parallel()
	personal, err1 := mrtd.ParseDG11(dg11(text(0x5F0E, "DUPONT<<JEAN")))
	national, err2 := mrtd.ParseDG13(frenchDG13())
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		got := fmt.Sprintf(format+" "+format, personal, national)
		if want := "personal-details(redacted) national-details(redacted)"; got != want {
			t.Errorf("%s prints %q", format, got)
		}
	}
	if got := personal.LogValue().String() + national.LogValue().String(); strings.Contains(got, "DUPONT") || strings.Contains(got, "AJACCIO") {
		t.Errorf("logs %q", got)
	}
}
