package mrtd_test

import (
	"bytes"
	"crypto/elliptic"
	"testing"

	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
)

// domain is a set of explicit parameters; a known curve with one changed field
// is a row of the table below.
type domain struct {
	version, cofactor, seed, tail      []byte // encoded, nil when left out
	field, p, a, b, base, order, curve []byte // curve: the whole element instead of a and b
}

// brainpoolP256r1 is the curve of RFC 5639 §3.4.
func brainpoolP256r1() domain {
	return domain{
		version: integer(1), cofactor: integer(1),
		field: oid("1.2.840.10045.1.1"),
		p:     unhex("A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377"),
		a:     unhex("7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9"),
		b:     unhex("26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6"),
		base: unhex("04" + "8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262" +
			"547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997"),
		order: unhex("A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7"),
	}
}

func (d domain) der() []byte {
	curve := d.curve
	if curve == nil {
		curve = seq(octets(d.a), octets(d.b), d.seed)
	}
	return seq(d.version, seq(d.field, unsigned(d.p)), curve, octets(d.base), unsigned(d.order), d.cofactor, d.tail)
}

func ecKey(parameters []byte) []byte {
	return element(0x6F, seq(seq(oid("1.2.840.10045.2.1"), parameters), bits(unhex("04AABB"))))
}

func flip(b []byte) []byte {
	c := bytes.Clone(b)
	c[len(c)-1] ^= 1
	return c
}

func TestExplicitCurve(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*domain)
		known  bool
	}{
		{"base", func(*domain) {}, true},
		{"cofactor left out", func(d *domain) { d.cofactor = nil }, true},
		{"with a seed", func(d *domain) { d.seed = bits(unhex("0102")) }, true},
		{"leading zeros", func(d *domain) { d.a, d.b = append([]byte{0}, d.a...), append([]byte{0}, d.b...) }, true},
		{"later version", func(d *domain) { d.version = integer(2) }, true},
		{"other prime", func(d *domain) { d.p = flip(d.p) }, false},
		{"other a", func(d *domain) { d.a = flip(d.a) }, false},
		{"other b", func(d *domain) { d.b = flip(d.b) }, false},
		{"other generator", func(d *domain) { d.base = flip(d.base) }, false},
		{"other order", func(d *domain) { d.order = flip(d.order) }, false},
		{"other cofactor", func(d *domain) { d.cofactor = integer(2) }, false},
		{"compressed generator", func(d *domain) { d.base = append([]byte{3}, d.base[1:33]...) }, false},
		{"generator at infinity", func(d *domain) { d.base = []byte{0} }, false},
		{"no generator", func(d *domain) { d.base = nil }, false},
		{"generator with a tail", func(d *domain) { d.base = append(d.base, 0) }, false},
		{"binary field", func(d *domain) { d.field = oid("1.2.840.10045.1.2") }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d := brainpoolP256r1()
			row.change(&d)
			key, err := mrtd.ParseDG15(ecKey(d.der()))
			if err != nil || !key.EC {
				t.Fatalf("%+v, %v", key, err)
			}
			if known := key.Curve == brainpool.P256r1(); known != row.known || !known && key.Curve != nil {
				t.Errorf("curve %v", key.Curve)
			}
		})
	}
}

// TestExplicitNISTCurve takes the parameters from the standard library.
func TestExplicitNISTCurve(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		curve elliptic.Curve
		want  *brainpool.Curve
	}{
		{elliptic.P256(), brainpool.NISTP256()},
		{elliptic.P384(), brainpool.NISTP384()},
		{elliptic.P521(), brainpool.NISTP521()},
	} {
		p := row.curve.Params()
		size := (p.BitSize + 7) / 8
		minus3 := bytes.Clone(p.P.Bytes())
		minus3[len(minus3)-1] -= 3
		d := domain{
			version: integer(1), cofactor: integer(1), field: oid("1.2.840.10045.1.1"), p: p.P.Bytes(), a: minus3,
			b:     p.B.FillBytes(make([]byte, size)),
			base:  concat([]byte{4}, p.Gx.FillBytes(make([]byte, size)), p.Gy.FillBytes(make([]byte, size))),
			order: p.N.Bytes(),
		}
		if key, err := mrtd.ParseDG15(ecKey(d.der())); err != nil || key.Curve != row.want {
			t.Errorf("%s: %v, %v", p.Name, key.Curve, err)
		}
	}
}

func TestExplicitCurveRefused(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*domain){
		"version zero":            func(d *domain) { d.version = integer(0) },
		"version missing":         func(d *domain) { d.version = nil },
		"no field type":           func(d *domain) { d.field = nil },
		"b missing":               func(d *domain) { d.curve = seq(octets(d.a)) },
		"curve with a tail":       func(d *domain) { d.seed = null() },
		"negative cofactor":       func(d *domain) { d.cofactor = integer(-1) },
		"cofactor of other type":  func(d *domain) { d.cofactor = null() },
		"parameters with a tail":  func(d *domain) { d.tail = null() },
		"coefficients of integer": func(d *domain) { d.curve = seq(integer(1), integer(2)) },
	} {
		d := brainpoolP256r1()
		change(&d)
		if key, err := mrtd.ParseDG15(ecKey(d.der())); err == nil {
			t.Errorf("%s: accepted %+v", name, key)
		}
	}
}

func TestDG15(t *testing.T) {
	t.Parallel()
	rsa := seq(seq(oid("1.2.840.113549.1.1.1"), null()), bits(seq(integer(1<<40+1), integer(65537))))
	for _, row := range []struct {
		name    string
		key     []byte
		rsa, ec bool
		curve   *brainpool.Curve
	}{
		{"rsa", rsa, true, false, nil},
		{"named curve", namedKey(), false, true, brainpool.P256r1()},
		{"named curve, not supported", seq(seq(oid("1.2.840.10045.2.1"), oid("1.3.132.0.33")), bits(unhex("04AA"))), false, true, nil},
		{"implicit curve", seq(seq(oid("1.2.840.10045.2.1"), null()), bits(unhex("04AA"))), false, true, nil},
		{"standardized parameters", seq(seq(oid("0.4.0.127.0.7.1.2"), integer(17)), bits(unhex("04AA"))), false, true, brainpool.P512r1()},
		{"standardized, not supported", seq(seq(oid("0.4.0.127.0.7.1.2"), integer(11)), bits(unhex("04AA"))), false, true, nil},
		{"other algorithm", seq(seq(oid("1.2.3"), octets()), bits(unhex("01"))), false, false, nil},
		{"other algorithm, bare", seq(seq(oid("1.2.3")), bits(unhex("01"))), false, false, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			key, err := mrtd.ParseDG15(element(0x6F, row.key))
			if err != nil {
				t.Fatal(err)
			}
			if key.RSA != row.rsa || key.EC != row.ec || key.Curve != row.curve || !bytes.Equal(key.Raw, row.key) || len(key.Key) == 0 {
				t.Errorf("%+v", key)
			}
		})
	}
}

func TestDG15Refused(t *testing.T) {
	t.Parallel()
	if _, err := mrtd.ParseDG15(element(0x6F, namedKey())); err != nil {
		t.Fatalf("base: %v", err)
	}
	ec, curve := oid("1.2.840.10045.2.1"), oid("1.3.36.3.3.2.8.1.1.7")
	for name, file := range map[string][]byte{
		"empty":                     nil,
		"no key":                    element(0x6F),
		"two keys":                  element(0x6F, namedKey(), namedKey()),
		"trailing byte":             append(element(0x6F, namedKey()), 0),
		"other file":                element(0x6E, namedKey()),
		"empty key":                 element(0x6F, seq(seq(ec, curve), bits(nil))),
		"unused bits":               element(0x6F, seq(seq(ec, curve), element(0x03, []byte{4, 0xF0}))),
		"octet string key":          element(0x6F, seq(seq(ec, curve), octets(unhex("04AA")))),
		"tail after key":            element(0x6F, seq(seq(ec, curve), bits(unhex("04AA")), null())),
		"two parameters":            element(0x6F, seq(seq(ec, curve, null()), bits(unhex("04AA")))),
		"no parameters":             element(0x6F, seq(seq(ec), bits(unhex("04AA")))),
		"parameters of other type":  element(0x6F, seq(seq(ec, integer(13)), bits(unhex("04AA")))),
		"standardized, no number":   element(0x6F, seq(seq(oid("0.4.0.127.0.7.1.2"), null()), bits(unhex("04AA")))),
		"implicit curve of a byte":  element(0x6F, seq(seq(ec, element(0x05, []byte{0})), bits(unhex("04AA")))),
		"indefinite key":            element(0x6F, indefinite(namedKey())),
		"non-minimal length inside": element(0x6F, longLength(namedKey())),
		"larger than bound":         element(0x6F, seq(seq(ec, curve), bits(make([]byte, 5000)))),
	} {
		if key, err := mrtd.ParseDG15(file); err == nil || key.Raw != nil {
			t.Errorf("%s: accepted %+v, %v", name, key, err)
		}
	}
}
