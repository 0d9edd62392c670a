package pki

import (
	"crypto"
	"math/big"
	"time"

	"pivot/cardreader/cardsim/internal/ec"
)

// years, months and days are distances from the moment at which the PKI is made.
type span struct{ years, months, days int }

func (s span) from(now time.Time) time.Time { return now.AddDate(s.years, s.months, s.days) }

// authority is a row of the table of certificate authorities.
type authority struct {
	id       string
	name     name
	state    string // as the MRZ writes it
	key      string // row of the table of keys
	by       string // issuer, when it is not itself
	pinned   bool   // an operator would load it
	pathLen  int64
	from, to span
}

const organisation = "TEST Pivot"

// authorities is the table of certificate authorities. Two share the name of the French one: its next key, which a
// link certificate vouches for, and an impostor's.
func authorities() []authority {
	french := func(common string) name { return name{"FR", organisation, common} }
	return []authority{
		{
			id: "eid", name: french("TEST eID-FRANCE"), state: "FRA", key: "eid", pinned: true, pathLen: 1,
			from: span{-5, 0, 0}, to: span{10, 3, 0},
		},
		{
			id: "eid-next", name: french("TEST eID-FRANCE"), state: "FRA", key: "eid-next", pathLen: 1,
			from: span{-1, -2, 0}, to: span{14, 0, 0},
		},
		{
			id: "old", name: french("TEST CSCA-FRANCE"), state: "FRA", key: "old", pinned: true,
			from: span{-15, -6, 0}, to: span{0, -1, 0},
		},
		{
			id: "sub", name: french("TEST eID-FRANCE intermediate"), state: "FRA", key: "sub", by: "eid",
			from: span{-4, 0, 0}, to: span{10, 0, 0},
		},
		{
			id: "elsewhere", name: french("TEST eID-ELSEWHERE"), state: "FRA", key: "elsewhere",
			from: span{-5, 0, 0}, to: span{10, 0, 0},
		},
		{
			id: "namesake", name: french("TEST eID-FRANCE"), state: "FRA", key: "elsewhere", pathLen: 1,
			from: span{-5, 0, 0}, to: span{10, 3, 0},
		},
		{
			id: "uto", name: name{"UT", organisation, "TEST CSCA-UTOPIA"}, state: "UTO", key: "uto", pinned: true,
			from: span{-5, 0, 0}, to: span{15, 0, 0},
		},
	}
}

// keySpec is a row of the table of keys: RSA of so many bits, or elliptic.
type keySpec struct {
	id       string
	bits     int
	curve    *ec.Curve
	explicit bool
	signer   bool // kept, to sign cards with; an authority's key is thrown away once it has signed
}

// keys is the table of keys.
func keys() []keySpec {
	return []keySpec{
		{id: "eid", bits: 4096},
		{id: "eid-next", bits: 3072},
		{id: "old", bits: 3072},
		{id: "sub", bits: 2048},
		{id: "elsewhere", bits: 2048},
		{id: "uto", curve: curve("P-384")},
		{id: "ds", bits: 2048, signer: true},
		{id: "ds-elsewhere", bits: 2048, signer: true},
		{id: "ds-uto", curve: curve("P-384"), signer: true},
		{id: "ds-explicit", curve: curve("brainpoolP256r1"), explicit: true, signer: true},
		{id: "ds-unknown-curve", curve: otherGenerator(), explicit: true, signer: true},
	}
}

func curve(name string) *ec.Curve {
	c, err := ec.Named(name)
	if err != nil {
		panic("internal error: pki: " + err.Error())
	}
	return c
}

// otherGenerator is P-256 in everything but its generator: the curve of CVE-2020-0601.
func otherGenerator() *ec.Curve {
	c := *curve("P-256")
	c.Name, c.OID = "P-256 with another generator", ""
	c.G = c.Mul(big.NewInt(0xDECAF), c.G)
	return &c
}

// signer is a row of the table of document signers.
type signer struct {
	id       string
	by       string // authority
	key      string
	serial   int64
	exponent int // an RSA public exponent that is not the key's
	country  string
	from, to span
	revoked  bool
}

// signers is the table of document signers. A document is signed one year before now unless its signer was made for
// an older one.
func signers() []signer {
	row := func(id, by, key string, serial int64, from, to span) signer {
		return signer{id: id, by: by, key: key, serial: serial, from: from, to: to}
	}
	long := span{9, 2, 0}
	out := []signer{
		row("cnie", "eid", "ds", 0x1001, span{-1, -1, 0}, long),
		row("expired-at-signing", "eid", "ds", 0x1002, span{-2, 0, 0}, span{-1, 0, -1}),
		row("not-yet-valid", "eid", "ds", 0x1003, span{-1, 0, 1}, long),
		row("expired-now", "eid", "ds", 0x1004, span{-1, -1, 0}, span{0, -8, 0}),
		row("revoked", "eid", "ds", 0x1005, span{-1, -1, 0}, long),
		row("small-exponent", "eid", "ds", 0x1006, span{-1, -1, 0}, long),
		row("explicit", "eid", "ds-explicit", 0x1007, span{-1, -1, 0}, long),
		row("unknown-curve", "eid", "ds-unknown-curve", 0x1008, span{-1, -1, 0}, long),
		row("other-country", "eid", "ds", 0x1009, span{-1, -1, 0}, long),
		row("linked", "eid-next", "ds", 0x2001, span{-1, -1, 0}, long),
		row("old", "old", "ds", 0x3001, span{-8, -1, 0}, span{0, -1, -1}),
		row("below", "sub", "ds", 0x4001, span{-1, -1, 0}, long),
		row("elsewhere", "elsewhere", "ds-elsewhere", 0x5001, span{-1, -1, 0}, long),
		row("namesake", "namesake", "ds-elsewhere", 0x6001, span{-1, -1, 0}, long),
		row("uto", "uto", "ds-uto", 0x7001, span{-1, -1, 0}, long),
	}
	for i := range out {
		out[i].revoked = out[i].id == "revoked"
		switch out[i].id {
		case "small-exponent":
			out[i].exponent = 3
		case "other-country":
			out[i].country = "DE"
		}
	}
	return out
}

// name is the signer's own; country overrides that of its issuer.
func (s signer) name(by authority) name {
	country := by.name.country
	if s.country != "" {
		country = s.country
	}
	return name{country, organisation, "TEST DS " + s.id}
}

// hashOf is the digest with which a key signs certificates.
func hashOf(k key) crypto.Hash {
	if k.curve != nil && k.curve.Size > 32 {
		return crypto.SHA384
	}
	return crypto.SHA256
}
