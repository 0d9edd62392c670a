package brainpool_test

import (
	"bytes"
	"math/big"
	"testing"

	"pivot/shared/brainpool"
)

func TestCurves(t *testing.T) {
	t.Parallel()
	rows := []struct {
		curve   *brainpool.Curve
		name    string
		id      int    // ICAO 9303-11 §9.5.1
		oid     string // RFC 5639 §4.1, RFC 5480 §2.1.1.1
		octets  int
		bitsOfN int
	}{
		{brainpool.P256r1(), "brainpoolP256r1", 13, "1.3.36.3.3.2.8.1.1.7", 32, 256},
		{brainpool.P384r1(), "brainpoolP384r1", 16, "1.3.36.3.3.2.8.1.1.11", 48, 384},
		{brainpool.P512r1(), "brainpoolP512r1", 17, "1.3.36.3.3.2.8.1.1.13", 64, 512},
		{brainpool.NISTP256(), "P-256", 12, "1.2.840.10045.3.1.7", 32, 256},
		{brainpool.NISTP384(), "P-384", 15, "1.3.132.0.34", 48, 384},
		{brainpool.NISTP521(), "P-521", 18, "1.3.132.0.35", 66, 521},
	}
	for i, row := range rows {
		c := row.curve
		if c.Name() != row.name || c.ParameterID() != row.id || c.ByteLen() != row.octets || c.BitLen() != row.bitsOfN {
			t.Errorf("%s: %q %d %d %d", row.name, c.Name(), c.ParameterID(), c.ByteLen(), c.BitLen())
		}
		if got, ok := brainpool.ByParameterID(row.id); !ok || got != c {
			t.Errorf("%s not found by parameter %d", row.name, row.id)
		}
		if got, ok := brainpool.ByOID(row.oid); !ok || got != c {
			t.Errorf("%s not found by OID", row.name)
		}
		want := references()[i].oracle.Params()
		if !bytes.Equal(c.Order(), want.N.FillBytes(make([]byte, c.ByteLen()))) {
			t.Errorf("%s: order %x", row.name, c.Order())
		}
		if got := c.Generator().Bytes(); !bytes.Equal(got, references()[i].encoding(want.Gx, want.Gy)) {
			t.Errorf("%s: generator %x", row.name, got)
		}
		c.Order()[0] ^= 1
		if !bytes.Equal(c.Order(), want.N.FillBytes(make([]byte, c.ByteLen()))) {
			t.Errorf("%s: the order can be changed", row.name)
		}
	}
}

func TestUnknownCurves(t *testing.T) {
	t.Parallel()
	for _, id := range []int{-1, 0, 1, 2, 8, 9, 10, 11, 14, 19, 31} {
		if c, ok := brainpool.ByParameterID(id); ok || c != nil {
			t.Errorf("parameter %d is %s", id, c.Name())
		}
	}
	for _, oid := range []string{"", "1.3.36.3.3.2.8.1.1.8", "1.3.36.3.3.2.8.1.1.9", "1.3.36.3.3.2.8.1.1.7.0", "1.3.132.0.10"} {
		if c, ok := brainpool.ByOID(oid); ok || c != nil {
			t.Errorf("%q is %s", oid, c.Name())
		}
	}
}

// parameters spells a curve out, from the oracle and the equation its points
// satisfy.
func parameters(t *testing.T, r reference) brainpool.Parameters {
	t.Helper()
	p := r.oracle.Params()
	b := rightSide(t, r, new(big.Int))
	a := new(big.Int).Sub(rightSide(t, r, big.NewInt(1)), b) // x = 1: 1 + a + b
	a.Sub(a, big.NewInt(1)).Mod(a, p.P)
	return brainpool.Parameters{
		P: p.P.Bytes(), A: a.Bytes(), B: b.Bytes(), GX: p.Gx.Bytes(), GY: p.Gy.Bytes(), N: p.N.Bytes(), H: 1,
	}
}

func TestByParameters(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, r reference) {
		double := r.base(big.NewInt(2))
		size := r.curve.ByteLen()
		cases := []struct {
			name   string
			mutate func(p *brainpool.Parameters)
			ok     bool
		}{
			{"as it is", func(*brainpool.Parameters) {}, true},
			{"leading zeros", func(p *brainpool.Parameters) { p.P, p.B = append([]byte{0, 0}, p.P...), append([]byte{0}, p.B...) }, true},
			{"other prime", func(p *brainpool.Parameters) { p.P = changed(p.P) }, false},
			{"other a", func(p *brainpool.Parameters) { p.A = changed(p.A) }, false},
			{"other b", func(p *brainpool.Parameters) { p.B = changed(p.B) }, false},
			{"other order", func(p *brainpool.Parameters) { p.N = changed(p.N) }, false},
			{"other generator of the same curve", func(p *brainpool.Parameters) { p.GX, p.GY = double[1:1+size], double[1+size:] }, false},
			{"negated generator", func(p *brainpool.Parameters) { p.GY = r.base(big.NewInt(-1))[1+size:] }, false},
			{"other x alone", func(p *brainpool.Parameters) { p.GX = changed(p.GX) }, false},
			{"no cofactor", func(p *brainpool.Parameters) { p.H = 0 }, false},
			{"cofactor 2", func(p *brainpool.Parameters) { p.H = 2 }, false},
			{"nothing", func(p *brainpool.Parameters) { *p = brainpool.Parameters{H: 1} }, false},
			{"trailing zero", func(p *brainpool.Parameters) { p.N = append(bytes.Clone(p.N), 0) }, false},
		}
		for _, c := range cases {
			p := parameters(t, r)
			c.mutate(&p)
			got, ok := brainpool.ByParameters(p)
			if ok != c.ok || ok && got != r.curve || !ok && got != nil {
				t.Errorf("%s: %t, want %t", c.name, ok, c.ok)
			}
		}
	})
}

func changed(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}
