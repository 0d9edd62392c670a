package mrtd_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

// Printed zones. Provenance: ICAO 9303-4 Appendix B, 9303-6 Appendix B and
// 9303-5 Appendix B (Utopia's Anna Maria Eriksson); 9303-11 Appendix D.2 (document
// numbers of more than nine characters); the specimen of the French identity card
// of 2021, as published.
const (
	utopiaTD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
	utopiaTD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
	utopiaTD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
	longTD1   = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"
	longTD2   = "I<UTOSTEVENSON<<PETER<JOHN<<<<<<<<<<\nD23145890<UTO3407127M95071227349<<<8"
	franceTD1 = "IDFRAX4RTBPFW46<<<<<<<<<<<<<<<\n9007138F3002119FRA<<<<<<<<<<<6\nMARTIN<<MAELYS<GAELLE<MARIE<<<"
)

func date(t *testing.T, s string) mrtd.Date {
	t.Helper()
	var d mrtd.Date
	if err := d.UnmarshalText([]byte(s)); err != nil {
		t.Fatalf("date %q: %v", s, err)
	}
	return d
}

// equalDates compares dates, which have no exported field.
var equalDates = cmp.Comparer(func(a, b mrtd.Date) bool { return a == b })

func TestSpecimenZones(t *testing.T) {
	t.Parallel()
	anna := mrtd.MRZ{
		Format: mrtd.TD3, DocumentCode: "P", Issuer: "UTO", Number: "L898902C3", Surname: "ERIKSSON",
		GivenNames: "ANNA MARIA", Nationality: "UTO", Birth: date(t, "??74-08-12"), Sex: "F",
		Expiry: date(t, "??12-04-15"), Optional: [2]string{"ZE184226B"},
	}
	card := anna
	card.Format, card.DocumentCode, card.Number, card.Optional = mrtd.TD1, "I", "D23145890", [2]string{}
	larger := card
	larger.Format = mrtd.TD2
	peter := mrtd.MRZ{
		Format: mrtd.TD1, DocumentCode: "I", Issuer: "UTO", Number: "D23145890734", Surname: "STEVENSON",
		GivenNames: "PETER JOHN", Nationality: "UTO", Birth: date(t, "??34-07-12"), Sex: "M", Expiry: date(t, "??95-07-12"),
	}
	largerPeter := peter
	largerPeter.Format = mrtd.TD2
	maelys := mrtd.MRZ{
		Format: mrtd.TD1, DocumentCode: "ID", Issuer: "FRA", Number: "X4RTBPFW4", Surname: "MARTIN",
		GivenNames: "MAELYS GAELLE MARIE", Nationality: "FRA", Birth: date(t, "??90-07-13"), Sex: "F", Expiry: date(t, "??30-02-11"),
	}
	for _, row := range []struct {
		name, zone string
		want       mrtd.MRZ
	}{
		{"passport", utopiaTD3, anna},
		{"larger card", utopiaTD2, larger},
		{"card", utopiaTD1, card},
		{"card with a long number", longTD1, peter},
		{"larger card with a long number", longTD2, largerPeter},
		{"french identity card", franceTD1, maelys},
		{"line breaks of another kind", strings.ReplaceAll(franceTD1, "\n", "\r\n") + "\r\n", maelys},
		{"no line breaks", strings.ReplaceAll(franceTD1, "\n", ""), maelys},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			got, err := mrtd.ParseMRZ(row.zone)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.want, got, equalDates); diff != "" {
				t.Errorf("parsed zone (-want +got):\n%s", diff)
			}
		})
	}
}

// TestCheckDigitsRefused changes one check digit, or one digit that it covers,
// in zones that are valid otherwise.
func TestCheckDigitsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, zone string
		at         int // position in the zone, line breaks counted
		field      string
	}{
		{"td1 number", utopiaTD1, 14, "document number"},
		{"td1 birth", utopiaTD1, 31 + 6, "date of birth"},
		{"td1 expiry", utopiaTD1, 31 + 14, "date of expiry"},
		{"td1 composite", utopiaTD1, 31 + 29, "composite"},
		{"td1 long number", longTD1, 18, "document number"},
		{"td1 long number's tail", longTD1, 16, "document number"},
		{"td2 number", utopiaTD2, 37 + 9, "document number"},
		{"td2 birth", utopiaTD2, 37 + 19, "date of birth"},
		{"td2 expiry", utopiaTD2, 37 + 27, "date of expiry"},
		{"td2 composite", utopiaTD2, 37 + 35, "composite"},
		{"td2 long number", longTD2, 37 + 31, "document number"},
		{"td3 number", utopiaTD3, 45 + 9, "document number"},
		{"td3 birth", utopiaTD3, 45 + 19, "date of birth"},
		{"td3 expiry", utopiaTD3, 45 + 27, "date of expiry"},
		{"td3 personal number", utopiaTD3, 45 + 42, "personal number"},
		{"td3 composite", utopiaTD3, 45 + 43, "composite"},
		{"digit of the birth", utopiaTD3, 45 + 18, "date of birth"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if _, err := mrtd.ParseMRZ(row.zone); err != nil {
				t.Fatalf("unchanged: %v", err)
			}
			changed := []byte(row.zone)
			changed[row.at] = '0' + (changed[row.at]-'0'+1)%10
			_, err := mrtd.ParseMRZ(string(changed))
			if !errors.Is(err, mrtd.ErrCheckDigit) || !strings.Contains(err.Error(), row.field) {
				t.Errorf("got %v, want the check digit of the %s", err, row.field)
			}
		})
	}
}

// TestEmptyPersonalNumber: its check digit may be a filler or zero
// (ICAO 9303-4 §4.2.2); with a number it may not be a filler.
func TestEmptyPersonalNumber(t *testing.T) {
	t.Parallel()
	line1, line2, _ := strings.Cut(utopiaTD3, "\n")
	zone := func(personal, check string) string {
		head, tail := line2[:28], fill(personal, 14)+check
		return line1 + head + tail + digit(head[:10]+head[13:20]+head[21:28]+tail)
	}
	for _, check := range []string{"<", "0"} {
		if _, err := mrtd.ParseMRZ(zone("", check)); err != nil {
			t.Errorf("no personal number, check digit %q: %v", check, err)
		}
	}
	if _, err := mrtd.ParseMRZ(zone("ZE184226B", "<")); !errors.Is(err, mrtd.ErrCheckDigit) {
		t.Errorf("personal number without check digit: %v", err)
	}
}

func TestZoneShapesRefused(t *testing.T) {
	t.Parallel()
	for name, zone := range map[string]string{
		"empty":               "",
		"one character less":  strings.TrimSuffix(utopiaTD3, "0"),
		"one character more":  utopiaTD3 + "0",
		"lines of other size": strings.ReplaceAll(utopiaTD1, "\n", "")[:45] + "\n" + strings.ReplaceAll(utopiaTD1, "\n", "")[45:],
		"blank line":          strings.ReplaceAll(utopiaTD1, "\n", "\n\n"),
		"blank before":        "\n" + utopiaTD1,
	} {
		if _, err := mrtd.ParseMRZ(zone); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := mrtd.ParseMRZ("V" + utopiaTD3[1:]); !errors.Is(err, mrtd.ErrUnsupported) {
		t.Errorf("visa: %v", err)
	}
}

func dg1(zone string) []byte {
	return tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1F, []byte(zone)))
}

func TestDG1(t *testing.T) {
	t.Parallel()
	zone := strings.ReplaceAll(franceTD1, "\n", "")
	valid := dg1(zone)
	if m, err := mrtd.ParseDG1(valid); err != nil || m.Number != "X4RTBPFW4" {
		t.Fatalf("base: %v", err)
	}
	for name, file := range map[string][]byte{
		"empty":               nil,
		"trailing byte":       append(dg1(zone), 0),
		"truncated":           valid[:len(valid)-1],
		"other tag":           tlv.Append(nil, 0x60, tlv.Append(nil, 0x5F1F, []byte(zone))),
		"other tag inside":    tlv.Append(nil, 0x61, tlv.Append(nil, 0x5F1E, []byte(zone))),
		"two zones":           tlv.Append(nil, 0x61, append(tlv.Append(nil, 0x5F1F, []byte(zone)), tlv.Append(nil, 0x5F1F, []byte(zone))...)),
		"line breaks":         dg1(franceTD1),
		"non-minimal length":  append([]byte{0x61, 0x81, valid[1]}, valid[2:]...),
		"indefinite length":   append(append([]byte{0x61, 0x80}, valid[2:]...), 0, 0),
		"announces two GB":    {0x61, 0x84, 0x7F, 0xFF, 0xFF, 0xFF, 0x5F, 0x1F},
		"larger than any DG1": tlv.Append(nil, 0x61, make([]byte, 200)),
	} {
		if m, err := mrtd.ParseDG1(file); err == nil || m != (mrtd.MRZ{}) {
			t.Errorf("%s: accepted (error %v)", name, err)
		}
	}
}

func TestCenturies(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, time.March, 10, 23, 30, 0, 0, time.UTC)
	for _, row := range []struct{ birth, want string }{
		{"900713", "1990-07-13"},
		{"260310", "2026-03-10"}, // born on the day itself
		{"260311", "1926-03-11"}, // not born yet, so a hundred years ago
		{"260<<<", ""},
		{"26<<<<", "2026-??-??"},
		{"2603<<", "2026-03-??"},
		{"2604<<", "1926-04-??"},
		{"270101", "1927-01-01"},
		{"000229", "2000-02-29"},
		{"<<0713", "????-07-13"},
	} {
		z := baseTD1()
		z.birth = row.birth
		m, err := mrtd.ParseMRZ(z.zone())
		if err != nil {
			if row.want != "" {
				t.Errorf("%s: %v", row.birth, err)
			}
			continue
		}
		if got := m.DateOfBirth(at).String(); got != row.want {
			t.Errorf("born %s: got %s, want %s", row.birth, got, row.want)
		}
	}
}

func TestExpiryDay(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		expiry string
		year   int // the present
		want   string
	}{
		{"300211", 2026, "2030-02-11"},
		{"300211", 2040, "2030-02-11"}, // presented ten years after
		{"360310", 2021, "2036-03-10"}, // valid for fifteen years
		{"110101", 2026, "2011-01-01"}, // first generation of chips
		{"750101", 2026, "2075-01-01"}, // the window's last year
		{"760101", 2026, "1976-01-01"}, // and its first
		{"990101", 2026, "1999-01-01"}, // valid without end: expired, safely
		{"050101", 2098, "2105-01-01"}, // over the turn of the century
	} {
		z := baseTD1()
		z.expiry = row.expiry
		m, err := mrtd.ParseMRZ(z.zone())
		if err != nil {
			t.Fatal(err)
		}
		got, ok := m.ExpiryDay(time.Date(row.year, time.June, 1, 0, 0, 0, 0, time.UTC))
		if !ok || got.Format(time.DateOnly) != row.want {
			t.Errorf("%s seen in %d: got %v %v, want %s", row.expiry, row.year, got, ok, row.want)
		}
	}
	// 29 February 2100 does not exist, which the zone alone cannot tell.
	z := baseTD1()
	z.expiry = "000229"
	m, err := mrtd.ParseMRZ(z.zone())
	if err != nil {
		t.Fatal(err)
	}
	if day, ok := m.ExpiryDay(time.Date(2095, time.June, 1, 0, 0, 0, 0, time.UTC)); ok {
		t.Errorf("29 February 2100: got %v", day)
	}
}

func TestPersonalDataPrintsRedacted(t *testing.T) {
	t.Parallel()
	m, err := mrtd.ParseMRZ(franceTD1)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(format, m); strings.Contains(s, "MARTIN") || strings.Contains(s, "X4RT") {
			t.Errorf("%s prints %q", format, s)
		}
	}
	if s := m.LogValue().String(); s != "mrz(TD1 redacted)" {
		t.Errorf("logs %q", s)
	}
}
