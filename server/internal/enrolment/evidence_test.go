package enrolment_test

import (
	"testing"

	"pivot/server/internal/enrolment"
	"pivot/shared/mrtd"
)

// wrap is a data object with a short or two-octet length.
func wrap(tag []byte, value []byte) []byte {
	n := len(value)
	switch {
	case n < 0x80:
		return append(append(tag, byte(n)), value...)
	case n < 0x100:
		return append(append(tag, 0x81, byte(n)), value...)
	}
	return append(append(tag, 0x82, byte(n>>8), byte(n)), value...)
}

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func dg11(objects ...[]byte) []byte {
	return wrap([]byte{0x6B}, join(append([][]byte{wrap([]byte{0x5C}, []byte{0x5F, 0x0E})}, objects...)...))
}

func fullName(s string) []byte   { return wrap([]byte{0x5F, 0x0E}, []byte(s)) }
func fullBirth(s string) []byte  { return wrap([]byte{0x5F, 0x2B}, []byte(s)) }
func birthPlace(s string) []byte { return wrap([]byte{0x5F, 0x11}, []byte(s)) }

func dg13(place string) []byte {
	return wrap([]byte{0x6D}, join(wrap([]byte{0x5C}, []byte{0x9F, 0x07}), wrap([]byte{0x9F, 0x07}, []byte(place))))
}

func zone(t *testing.T) mrtd.MRZ {
	t.Helper()
	var birth mrtd.Date
	if err := birth.UnmarshalText([]byte("??85-03-14")); err != nil {
		t.Fatal(err)
	}
	return mrtd.MRZ{Surname: "DUPONT", GivenNames: "HELENE FRANCOISE", Birth: birth, Sex: "F"}
}

func TestRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name         string
		dg11, dg13   []byte
		want         enrolment.Reason
		birth, place string
		full         string
	}{
		{name: "zone alone", birth: "??85-03-14"},
		{name: "French card", dg13: dg13("<LYON 3E ARRONDISSEMENT<69"), birth: "??85-03-14", place: "LYON 3E ARRONDISSEMENT"},
		{
			name: "another State's", dg11: dg11(fullName("Dupont<<Hélène<Françoise"), fullBirth("19850314"), birthPlace("LYON<FRANCE")),
			birth: "1985-03-14", place: "LYON", full: "Hélène Françoise",
		},
		{
			name: "both", dg11: dg11(birthPlace("PARIS")), dg13: dg13("<LYON<69"), birth: "??85-03-14", place: "LYON",
		},
		{name: "another birth in data group 11", dg11: dg11(fullBirth("19850315")), want: enrolment.ReasonMalformed},
		{name: "garbage for data group 11", dg11: []byte{0x6B, 0x05}, want: enrolment.ReasonMalformed},
		{name: "garbage for data group 13", dg13: []byte("garbage"), want: enrolment.ReasonMalformed},
		{name: "another State's data group 13", dg13: wrap([]byte{0x6D}, wrap([]byte{0x04}, []byte("x"))), birth: "??85-03-14"},
		{name: "an empty file", dg11: []byte{}, want: enrolment.ReasonMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e, err := enrolment.Read(zone(t), test.dg11, test.dg13)
			expect(t, err, test.want)
			place := ""
			if len(e.Birthplace) > 0 {
				place = e.Birthplace[0]
			}
			if e.Zone.Birth != test.birth || place != test.place || e.Full.GivenNames != test.full {
				t.Errorf("birth %q, place %q, full %q", e.Zone.Birth, place, e.Full.GivenNames)
			}
		})
	}
}
