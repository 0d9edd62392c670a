package ec

import (
	"crypto/elliptic"
	"fmt"
	"math/big"
	"slices"
	"sync"
)

// Curves returns the curves known, in the order of their ICAO parameter identifiers.
func Curves() []*Curve { return slices.Clone(curves()) }

// Named returns the curve of a name: "P-256", "P-384", "brainpoolP256r1" or "brainpoolP384r1".
func Named(name string) (*Curve, error) {
	for _, c := range curves() {
		if c.Name == name {
			return c, nil
		}
	}
	return nil, fmt.Errorf("ec: unknown curve %q", name)
}

var curves = sync.OnceValue(func() []*Curve {
	return []*Curve{
		nist(elliptic.P256().Params(), 12, "1.2.840.10045.3.1.7"),
		brainpoolP256r1(),
		nist(elliptic.P384().Params(), 15, "1.3.132.0.34"),
		brainpoolP384r1(),
	}
})

// nist takes the constants of FIPS 186-4 D.1.2 from the standard library, and nothing else of it.
func nist(p *elliptic.CurveParams, id int, oid string) *Curve {
	return &Curve{
		Name: p.Name, ParameterID: id, OID: oid,
		P: p.P, A: new(big.Int).Sub(p.P, big.NewInt(3)), B: p.B, N: p.N,
		G: Point{p.Gx, p.Gy}, Size: (p.BitSize + 7) / 8,
	}
}

func number(hex string) *big.Int {
	v, ok := new(big.Int).SetString(hex, 16)
	if !ok {
		panic("internal error: ec: constant " + hex)
	}
	return v
}

// brainpoolP256r1 is RFC 5639 §3.4.
func brainpoolP256r1() *Curve {
	return &Curve{
		Name: "brainpoolP256r1", ParameterID: 13, OID: "1.3.36.3.3.2.8.1.1.7",
		P: number("A9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377"),
		A: number("7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9"),
		B: number("26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6"),
		N: number("A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7"),
		G: Point{
			number("8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262"),
			number("547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997"),
		},
		Size: 32,
	}
}

// brainpoolP384r1 is RFC 5639 §3.6.
func brainpoolP384r1() *Curve {
	return &Curve{
		Name: "brainpoolP384r1", ParameterID: 16, OID: "1.3.36.3.3.2.8.1.1.11",
		P: number("8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53"),
		A: number("7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826"),
		B: number("04A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11"),
		N: number("8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B31F166E6CAC0425A7CF3AB6AF6B7FC3103B883202E9046565"),
		G: Point{
			number("1D1C64F068CF45FFA2A63A81B7C13F6B8847A3E77EF14FE3DB7FCAFE0CBD10E8E826E03436D646AAEF87B2E247D4AF1E"),
			number("8ABE1D7520F9C2A45CB1EB8E95CFD55262B70B29FEEC5864E19C054FF99129280E4646217791811142820341263C5315"),
		},
		Size: 48,
	}
}
