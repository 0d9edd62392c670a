package mrtd_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

const bsi = "0.4.0.127.0.7.2.2."

// Golden EF.CardAccess. Provenance: the worked example of ICAO 9303-11 Appendix
// G.1; the two protocols that French identity cards announce, written out by hand.
var (
	icaoCardAccess   = unhex("3114 3012 060A04007F00070202040202 020102 02010D")
	frenchCardAccess = unhex("3128 3012 060A04007F00070202040204 020102 02010D 3012 060A04007F00070202040404 020102 02010D")
)

func pace(arcs string, rest ...[]byte) []byte {
	return seq(oid(bsi+"4."+arcs), concat(rest...))
}

func TestFrenchCardAccess(t *testing.T) {
	t.Parallel()
	infos, err := mrtd.ParseCardAccess(frenchCardAccess)
	if err != nil {
		t.Fatal(err)
	}
	if len(infos.PACE) != 2 {
		t.Fatalf("%d protocols, want 2", len(infos.PACE))
	}
	for i, mapping := range []mrtd.Mapping{mrtd.GenericMapping, mrtd.IntegratedMapping} {
		p := infos.PACE[i]
		if p.Mapping != mapping || p.Agreement != mrtd.ECDH || p.Suite != sm.AES256 || p.Version != 2 ||
			p.ParameterID != 13 || p.Curve != brainpool.P256r1() {
			t.Errorf("protocol %d: %+v", i, p)
		}
	}
	if got := infos.PACE[1]; got.OID != bsi+"4.4.4" || !bytes.Equal(got.OIDBytes, unhex("04007F00070202040404")) {
		t.Errorf("oid %s, octets %x", got.OID, got.OIDBytes)
	}
}

func TestPACEInfo(t *testing.T) {
	t.Parallel()
	v2, p12 := integer(2), integer(12)
	for _, row := range []struct {
		name      string
		info      []byte
		mapping   mrtd.Mapping
		agreement mrtd.Agreement
		suite     sm.Suite
		parameter int
		curve     *brainpool.Curve
	}{
		{"generic, aes 128", pace("2.2", v2, p12), mrtd.GenericMapping, mrtd.ECDH, sm.AES128, 12, brainpool.NISTP256()},
		{"generic, aes 192", pace("2.3", v2, integer(16)), mrtd.GenericMapping, mrtd.ECDH, sm.AES192, 16, brainpool.P384r1()},
		{"integrated", pace("4.4", v2, integer(15)), mrtd.IntegratedMapping, mrtd.ECDH, sm.AES256, 15, brainpool.NISTP384()},
		{"chip authentication mapping", pace("6.2", v2, p12), mrtd.ChipAuthenticationMapping, mrtd.ECDH, sm.AES128, 12, brainpool.NISTP256()},
		{"3des has no suite", pace("2.1", v2, p12), mrtd.GenericMapping, mrtd.ECDH, 0, 12, brainpool.NISTP256()},
		{"dh has no curve", pace("1.2", v2, integer(0)), mrtd.GenericMapping, mrtd.DH, sm.AES128, 0, nil},
		{"dh with a curve's number", pace("3.2", v2, p12), mrtd.IntegratedMapping, mrtd.DH, sm.AES128, 12, nil},
		{"curve not supported", pace("2.2", v2, integer(9)), mrtd.GenericMapping, mrtd.ECDH, sm.AES128, 9, nil},
		{"parameters not named", pace("2.2", v2), mrtd.GenericMapping, mrtd.ECDH, sm.AES128, -1, nil},
		{"other version has no suite", pace("2.2", integer(1), p12), mrtd.GenericMapping, mrtd.ECDH, 0, 12, brainpool.NISTP256()},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			infos, err := mrtd.ParseCardAccess(setOf(row.info))
			if err != nil || len(infos.PACE) != 1 {
				t.Fatalf("%d protocols, %v", len(infos.PACE), err)
			}
			p := infos.PACE[0]
			if p.Mapping != row.mapping || p.Agreement != row.agreement || p.Suite != row.suite ||
				p.ParameterID != row.parameter || p.Curve != row.curve {
				t.Errorf("%+v", p)
			}
		})
	}
}

// TestIgnoredInfos: what is not named here is kept for Contains and no more.
func TestIgnoredInfos(t *testing.T) {
	t.Parallel()
	for name, info := range map[string][]byte{
		"the card's own domain parameters":  pace("2", seq(oid("1.2.840.10045.2.1"), null()), integer(13)),
		"pace of an unknown mapping":        pace("5.2", integer(2), integer(13)),
		"pace of an unknown cipher":         pace("2.9", integer(2), integer(13)),
		"pace with one arc more":            pace("2.2.1", integer(2)),
		"chip authentication, version 2":    seq(oid(bsi+"3.2"), seq(oid("0.4.0.127.0.7.1.2"), integer(13))),
		"chip authentication, other cipher": seq(oid(bsi+"3.2.9"), integer(1)),
		"chip authentication, other group":  seq(oid(bsi+"3.3.2"), integer(1)),
		"chip key of another group":         seq(oid(bsi+"1.3"), integer(1)),
		"card info":                         seq(oid(bsi+"6"), printable("https://card.example")),
		"efdir":                             seq(oid("2.23.136.1.1.13"), octets(unhex("61"))),
	} {
		infos, err := mrtd.ParseCardAccess(setOf(info))
		if err != nil || len(infos.PACE)+len(infos.ChipAuth)+len(infos.ChipKeys) != 0 {
			t.Errorf("%s: %+v, %v", name, infos, err)
		}
	}
}

func TestCardAccessRefused(t *testing.T) {
	t.Parallel()
	valid := pace("2.2", integer(2), integer(13))
	if _, err := mrtd.ParseCardAccess(setOf(valid)); err != nil {
		t.Fatalf("base: %v", err)
	}
	for name, file := range map[string][]byte{
		"empty":                   nil,
		"no info":                 setOf(),
		"sequence for set":        seq(valid),
		"trailing byte":           append(setOf(valid), 0),
		"padding":                 append(setOf(valid), 0xFF, 0xFF),
		"truncated":               setOf(valid)[:10],
		"indefinite set":          indefinite(setOf(valid)),
		"indefinite info":         setOf(indefinite(valid)),
		"non-minimal length":      longLength(setOf(valid)),
		"two GB announced":        unhex("31847FFFFFFF3012"),
		"info that is a set":      setOf(setOf(valid)),
		"no oid":                  setOf(seq(integer(2))),
		"oid not minimal":         setOf(seq(unhex("06058004007F00"), integer(2))),
		"empty oid":               setOf(seq(unhex("0600"), integer(2))),
		"high tag number":         setOf(seq(oid("1.2.3"), unhex("1FFFFFFFFF"))),
		"nine parts":              setOf(seq(oid("1.2.3"), bytes.Repeat(null(), 9))),
		"version missing":         setOf(pace("2.2")),
		"version zero":            setOf(pace("2.2", integer(0))),
		"version not minimal":     setOf(pace("2.2", unhex("02020002"))),
		"version of nine bytes":   setOf(pace("2.2", unhex("0209010203040506070809"))),
		"negative parameter":      setOf(pace("2.2", integer(2), integer(-1))),
		"huge parameter":          setOf(pace("2.2", integer(2), integer(1<<40))),
		"parameter of other type": setOf(pace("2.2", integer(2), octets())),
		"pace with a tail":        setOf(pace("2.2", integer(2), integer(13), null())),
		"too many infos":          setOf(bytes.Repeat(valid, 65)),
		"larger than bound":       setOf(bytes.Repeat(seq(oid("1.2.3"), make([]byte, 0)), 3000)),
	} {
		if infos, err := mrtd.ParseCardAccess(file); err == nil || len(infos.PACE) != 0 {
			t.Errorf("%s: accepted %+v, %v", name, infos, err)
		}
	}
	if _, err := mrtd.ParseCardAccess(setOf(bytes.Repeat(valid, 64))); err != nil {
		t.Errorf("as many infos as allowed: %v", err)
	}
}

func chipKey(rest ...[]byte) []byte { return seq(oid(bsi+"1.2"), concat(rest...)) }

func namedKey() []byte {
	return seq(seq(oid("1.2.840.10045.2.1"), oid("1.3.36.3.3.2.8.1.1.7")), bits(unhex("04AABB")))
}

// frenchDG14 is laid out as French cards are: PACE, Chip Authentication with
// AES-256 and its key.
func frenchDG14() []byte {
	return element(0x6E, setOf(
		pace("2.4", integer(2), integer(13)), pace("4.4", integer(2), integer(13)),
		seq(oid(bsi+"3.2.4"), integer(1)), chipKey(namedKey()), seq(oid(bsi+"2"), integer(1)),
	))
}

func TestDG14(t *testing.T) {
	t.Parallel()
	infos, err := mrtd.ParseDG14(frenchDG14())
	if err != nil {
		t.Fatal(err)
	}
	if len(infos.ChipAuth) != 1 || len(infos.ChipKeys) != 1 || infos.TerminalAuth != 1 || infos.ActiveAuth != "" {
		t.Fatalf("%+v", infos)
	}
	ca, key := infos.ChipAuth[0], infos.ChipKeys[0]
	if !ca.ECDH || ca.Suite != sm.AES256 || ca.Version != 1 || ca.KeyID != nil || !bytes.Equal(ca.OIDBytes, unhex("04007F00070202030204")) {
		t.Errorf("chip authentication: %+v", ca)
	}
	if !key.ECDH || key.KeyID != nil || key.Curve != brainpool.P256r1() || !bytes.Equal(key.Point, unhex("04AABB")) {
		t.Errorf("chip key: %+v", key)
	}
}

func TestDG14Details(t *testing.T) {
	t.Parallel()
	infos, err := mrtd.ParseDG14(element(0x6E, setOf(
		seq(oid(bsi+"3.1.1"), integer(1), integer(0)), seq(oid(bsi+"3.2.2"), integer(2), integer(513)),
		chipKey(namedKey(), integer(513)), seq(oid(bsi+"1.1"), namedKey(), integer(0)),
		seq(oid("2.23.136.1.1.5"), integer(1), oid("0.4.0.127.0.7.1.1.4.1.3")),
	)))
	if err != nil {
		t.Fatal(err)
	}
	if ca := infos.ChipAuth[0]; ca.ECDH || ca.Suite != 0 || ca.KeyID == nil || *ca.KeyID != 0 {
		t.Errorf("chip authentication over dh: %+v", ca)
	}
	if ca := infos.ChipAuth[1]; !ca.ECDH || ca.Suite != sm.AES128 || ca.Version != 2 || ca.KeyID == nil || *ca.KeyID != 513 {
		t.Errorf("chip authentication with a key id: %+v", ca)
	}
	if key := infos.ChipKeys[0]; key.KeyID == nil || *key.KeyID != 513 {
		t.Errorf("chip key with an id: %+v", key)
	}
	if key := infos.ChipKeys[1]; key.ECDH || key.Curve != nil {
		t.Errorf("dh key has a curve: %+v", key)
	}
	if infos.ActiveAuth != "0.4.0.127.0.7.1.1.4.1.3" {
		t.Errorf("active authentication: %q", infos.ActiveAuth)
	}
}

func TestDG14Refused(t *testing.T) {
	t.Parallel()
	if _, err := mrtd.ParseDG14(frenchDG14()); err != nil {
		t.Fatalf("base: %v", err)
	}
	valid := seq(oid(bsi+"3.2.4"), integer(1))
	for name, file := range map[string][]byte{
		"card access for dg14":  frenchCardAccess,
		"trailing byte":         append(frenchDG14(), 0),
		"two sets":              element(0x6E, setOf(valid), setOf(valid)),
		"indefinite file":       indefinite(frenchDG14()),
		"non-minimal length":    longLength(frenchDG14()),
		"version missing":       element(0x6E, setOf(seq(oid(bsi+"3.2.4")))),
		"version zero":          element(0x6E, setOf(seq(oid(bsi+"3.2.4"), integer(0)))),
		"negative key id":       element(0x6E, setOf(seq(oid(bsi+"3.2.4"), integer(1), integer(-2)))),
		"tail":                  element(0x6E, setOf(seq(oid(bsi+"3.2.4"), integer(1), integer(1), integer(1)))),
		"key missing":           element(0x6E, setOf(chipKey())),
		"key with a tail":       element(0x6E, setOf(chipKey(namedKey(), integer(1), null()))),
		"key id not an integer": element(0x6E, setOf(chipKey(namedKey(), null()))),
		"terminal, no version":  element(0x6E, setOf(seq(oid(bsi+"2")))),
		"active, no algorithm":  element(0x6E, setOf(seq(oid("2.23.136.1.1.5"), integer(1)))),
		"active, no version":    element(0x6E, setOf(seq(oid("2.23.136.1.1.5"), oid("1.2.3")))),
	} {
		if _, err := mrtd.ParseDG14(file); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := mrtd.ParseDG14(element(0x6D, setOf(valid))); !errors.Is(err, tlv.ErrTag) {
		t.Errorf("other file: %v", err)
	}
}

func TestContains(t *testing.T) {
	t.Parallel()
	dg14, err := mrtd.ParseDG14(frenchDG14())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		access []byte
		want   bool
	}{
		{"same protocols", frenchCardAccess, true},
		{"fewer protocols", setOf(pace("4.4", integer(2), integer(13))), true},
		{"other infos besides", setOf(pace("4.4", integer(2), integer(13)), seq(oid("1.2.3"), integer(1))), true},
		{"no protocol", setOf(seq(oid("1.2.3"), integer(1))), true},
		{"weaker protocol", icaoCardAccess, false},
		{"other parameters", setOf(pace("4.4", integer(2), integer(12))), false},
		{"parameters left out", setOf(pace("4.4", integer(2))), false},
		{"protocol of no kind known here", setOf(pace("5.2", integer(2))), false},
		{"own domain parameters", setOf(pace("2", seq(oid("1.2.840.10045.2.1"), null()))), false},
		{"one more protocol", setOf(pace("4.4", integer(2), integer(13)), pace("2.1", integer(2), integer(13))), false},
	} {
		access, err := mrtd.ParseCardAccess(row.access)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		if got := dg14.Contains(access); got != row.want {
			t.Errorf("%s: got %v", row.name, got)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]fmt.Stringer{
		"GM": mrtd.GenericMapping, "IM": mrtd.IntegratedMapping, "CAM": mrtd.ChipAuthenticationMapping,
		"unknown mapping": mrtd.Mapping(0), "TD1": mrtd.TD1, "TD2": mrtd.TD2, "TD3": mrtd.TD3, "unknown format": mrtd.Format(0),
		"JPEG": mrtd.JPEG, "JPEG 2000": mrtd.JPEG2000, "unknown image format": mrtd.ImageFormat(0),
	} {
		if got.String() != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
