package mrtd_test

import (
	"fmt"
	"strings"
	"testing"

	"pivot/shared/mrtd"
)

// td1 makes a zone of a card from its fields, without check digits; a valid base
// with one changed field is a row of the tables below.
type td1 struct {
	code, number, optional1, birth, sex, expiry, nationality, optional2, names string
}

func baseTD1() td1 {
	return td1{
		code: "IDFRA", number: "X4RTBPFW4", birth: "900713", sex: "F", expiry: "300211",
		nationality: "FRA", names: "MARTIN<<MAELYS<GAELLE<MARIE",
	}
}

func fill(s string, width int) string { return s + strings.Repeat("<", max(0, width-len(s))) }

// digit gives the check digit of a field, or X where there is none to give.
func digit(s string) string {
	d, err := mrtd.CheckDigit(s)
	if err != nil {
		return "X"
	}
	return string(d)
}

// zone joins the fields with the check digits that they should have.
func (z td1) zone() string {
	number := fill(z.number, 9)
	line1 := number + digit(number) + fill(z.optional1, 15)
	if len(z.number) > 9 {
		line1 = number[:9] + "<" + fill(number[9:]+digit(number)+"<"+z.optional1, 15)
	}
	birth, expiry := z.birth+digit(z.birth), z.expiry+digit(z.expiry)
	optional2 := fill(z.optional2, 11)
	composite := digit(line1 + birth + expiry + optional2)
	return fill(z.code, 5) + line1 + birth + z.sex + expiry + fill(z.nationality, 3) + optional2 + composite + fill(z.names, 30)
}

func TestZoneFieldsAccepted(t *testing.T) {
	t.Parallel()
	number := func(m mrtd.MRZ) string { return m.Number + " " + strings.Join(m.Optional[:], " ") }
	birth := func(m mrtd.MRZ) string { return m.Birth.String() }
	names := func(m mrtd.MRZ) string { return fmt.Sprint(m.Surname, "/", m.GivenNames, "/", m.NameTruncated) }
	for _, row := range []struct {
		name   string
		change func(*td1)
		read   func(mrtd.MRZ) string
		want   string
	}{
		{"base", func(*td1) {}, number, "X4RTBPFW4  "},
		{"longest number", func(z *td1) { z.number = "ABCDEFGHI0123456789KLM" }, number, "ABCDEFGHI0123456789KLM  "},
		{"long number, then data", func(z *td1) { z.number, z.optional1 = "ABCDEFGHI01", "OPT" }, number, "ABCDEFGHI01 OPT "},
		{"short number", func(z *td1) { z.number = "12" }, number, "12  "},
		{"filler in a number", func(z *td1) { z.number = "12<34" }, number, "12<34  "},
		{"optional data", func(z *td1) { z.optional1, z.optional2 = "A<B", "C1" }, number, "X4RTBPFW4 A<B C1"},
		{"sex not specified", func(z *td1) { z.sex = "<" }, func(m mrtd.MRZ) string { return m.Sex }, ""},
		{"sex", func(z *td1) { z.sex = "M" }, func(m mrtd.MRZ) string { return m.Sex }, "M"},
		{"day of birth unknown", func(z *td1) { z.birth = "8007<<" }, birth, "??80-07-??"},
		{"month and day unknown", func(z *td1) { z.birth = "80<<<<" }, birth, "??80-??-??"},
		{"birth unknown", func(z *td1) { z.birth = "<<<<<<" }, birth, "????-??-??"},
		{"leap day", func(z *td1) { z.birth = "000229" }, birth, "??00-02-29"},
		{"leap day, year unknown", func(z *td1) { z.birth = "<<0229" }, birth, "????-02-29"},
		{"no first name", func(z *td1) { z.names = "ARKFREITH" }, names, "ARKFREITH//false"},
		{"compound names", func(z *td1) { z.names = "LE<GOFF<MARTIN<<JEAN<PIERRE" }, names, "LE GOFF MARTIN/JEAN PIERRE/false"},
		{"name truncated", func(z *td1) { z.names = "NILAVADHANANANDA<<CHAYAPA<DEJT" }, names, "NILAVADHANANANDA/CHAYAPA DEJT/true"},
		{"name one short", func(z *td1) { z.names = "NILAVADHANANANDA<<CHAYAPA<DEJ" }, names, "NILAVADHANANANDA/CHAYAPA DEJ/false"},
		{
			"one-letter codes", func(z *td1) { z.code, z.nationality = "I<D", "D" },
			func(m mrtd.MRZ) string { return m.DocumentCode + m.Issuer + m.Nationality }, "IDD",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			z := baseTD1()
			row.change(&z)
			m, err := mrtd.ParseMRZ(z.zone())
			if err != nil {
				t.Fatal(err)
			}
			if got := row.read(m); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestZoneFieldsRefused(t *testing.T) {
	t.Parallel()
	if _, err := mrtd.ParseMRZ(baseTD1().zone()); err != nil {
		t.Fatalf("base: %v", err)
	}
	for _, row := range []struct {
		name   string
		change func(*td1)
	}{
		{"sex of the visual zone", func(z *td1) { z.sex = "X" }},
		{"month 13", func(z *td1) { z.birth = "901313" }},
		{"month 00", func(z *td1) { z.birth = "900013" }},
		{"day 00", func(z *td1) { z.birth = "900700" }},
		{"31 April", func(z *td1) { z.birth = "900431" }},
		{"29 February of no leap year", func(z *td1) { z.birth = "910229" }},
		{"half a pair unknown", func(z *td1) { z.birth = "90071<" }},
		{"letters in a date", func(z *td1) { z.birth = "9007AB" }},
		{"expiry unknown in part", func(z *td1) { z.expiry = "3002<<" }},
		{"expiry unknown", func(z *td1) { z.expiry = "<<<<<<" }},
		{"no number", func(z *td1) { z.number = "" }},
		{"number begins with a filler", func(z *td1) { z.number = "<1234" }},
		{"long number, filler before its tail", func(z *td1) { z.number = "ABCDEFGH<12" }},
		{"no name", func(z *td1) { z.names = "" }},
		{"no surname", func(z *td1) { z.names = "<<MAELYS" }},
		{"digit in a name", func(z *td1) { z.names = "MARTIN2<<MAELYS" }},
		{"three fillers between names", func(z *td1) { z.names = "MARTIN<<<MAELYS" }},
		{"three identifiers", func(z *td1) { z.names = "MARTIN<<MAELYS<<GAELLE" }},
		{"no document code", func(z *td1) { z.code = "<<FRA" }},
		{"digit in the document code", func(z *td1) { z.code = "I1FRA" }},
		{"no issuer", func(z *td1) { z.code = "ID<<<" }},
		{"filler inside the issuer", func(z *td1) { z.code = "IDF<A" }},
		{"no nationality", func(z *td1) { z.nationality = "" }},
		{"lower case", func(z *td1) { z.names = "Martin<<MAELYS" }},
		{"not ascii", func(z *td1) { z.names = "MARTIN<<MA\xc3\x8bLYS" }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			z := baseTD1()
			row.change(&z)
			if m, err := mrtd.ParseMRZ(z.zone()); err == nil || m != (mrtd.MRZ{}) {
				t.Errorf("accepted (error %v)", err)
			} else if strings.Contains(err.Error(), "MARTIN") {
				t.Errorf("error quotes the zone: %v", err)
			}
		})
	}
}

// TestCheckDigit uses the worked examples of ICAO 9303-3 Appendix A.
func TestCheckDigit(t *testing.T) {
	t.Parallel()
	for field, want := range map[string]byte{
		"520727":    '3',
		"AB2134<<<": '5',
		"HA672242<658022549601086<<<<<<<<<<<<<<0":            '8', // composite, passport
		"D231458907<<<<<<<<<<<<<<<34071279507122<<<<<<<<<<<": '2', // composite, card
		"HA672242<658022549601086<<<<<<<":                    '8', // composite, larger card
		"":                                                   '0',
	} {
		if got, err := mrtd.CheckDigit(field); err != nil || got != want {
			t.Errorf("%q: got %c %v, want %c", field, got, err, want)
		}
	}
	for _, field := range []string{"a", " ", "1-2", "\n", "É"} {
		if _, err := mrtd.CheckDigit(field); err == nil {
			t.Errorf("%q: accepted", field)
		}
	}
}
