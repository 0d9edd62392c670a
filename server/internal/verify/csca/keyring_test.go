package csca_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"math/big"
	"sync"

	bp "github.com/ProtonMail/go-crypto/brainpool"
)

// A keyPair signs and says how.
type keyPair struct {
	spki []byte // SubjectPublicKeyInfo
	alg  []byte // AlgorithmIdentifier of its signatures
	sign func(message []byte) []byte
}

// id is the subject key identifier of RFC 5280 §4.2.1.2 (1), over the whole of the
// SubjectPublicKeyInfo.
func (k *keyPair) id() []byte {
	sum := sha1.Sum(k.spki)
	return sum[:]
}

// Algorithm identifiers.

func rsaOID(n int) []byte   { return oid(1, 2, 840, 113549, 1, 1, n) }
func ecdsaOID(n int) []byte { return oid(1, 2, 840, 10045, 4, 3, n) }
func shaOID(n int) []byte   { return oid(2, 16, 840, 1, 101, 3, 4, 2, n) }

func algorithm(parts ...[]byte) []byte { return seq(parts...) }

func pssAlgorithm(hash, mask []byte, salt, trailer int64) []byte {
	params := [][]byte{
		explicit(0, seq(hash, null)),
		explicit(1, seq(rsaOID(8), seq(mask, null))),
		explicit(2, integer(salt)),
	}
	if trailer != 1 {
		params = append(params, explicit(3, integer(trailer)))
	}
	return algorithm(rsaOID(10), seq(params...))
}

// shaNumber is the last arc of a SHA-2 digest, which ECDSA and PKCS#1 count
// otherwise.
func shaNumber(h crypto.Hash) (sha, pkcs1, ecdsa int) {
	switch h {
	case crypto.SHA224:
		return 4, 14, 1
	case crypto.SHA256:
		return 1, 11, 2
	case crypto.SHA384:
		return 2, 12, 3
	case crypto.SHA512:
		return 3, 13, 4
	}
	panic("internal error: digest")
}

func sum(h crypto.Hash, message []byte) []byte {
	d := h.New()
	d.Write(message)
	return d.Sum(nil)
}

func rsaSPKI(pub *rsa.PublicKey) []byte {
	return seq(algorithm(rsaOID(1), null), bits(seq(bigInteger(pub.N), integer(int64(pub.E)))))
}

func newRSA(bits int) *rsa.PrivateKey {
	priv, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return priv
}

// pkcs1 signs with RSA PKCS#1 v1.5.
func pkcs1(priv *rsa.PrivateKey, h crypto.Hash) *keyPair {
	_, n, _ := shaNumber(h)
	return &keyPair{spki: rsaSPKI(&priv.PublicKey), alg: algorithm(rsaOID(n), null), sign: func(m []byte) []byte {
		sig, err := rsa.SignPKCS1v15(nil, priv, h, sum(h, m))
		if err != nil {
			panic("internal error: " + err.Error())
		}
		return sig
	}}
}

// pss signs with RSASSA-PSS.
func pss(priv *rsa.PrivateKey, h crypto.Hash, salt int) *keyPair {
	n, _, _ := shaNumber(h)
	alg := pssAlgorithm(shaOID(n), shaOID(n), int64(salt), 1)
	return &keyPair{spki: rsaSPKI(&priv.PublicKey), alg: alg, sign: func(m []byte) []byte {
		sig, err := rsa.SignPSS(rand.Reader, priv, h, sum(h, m), &rsa.PSSOptions{SaltLength: salt})
		if err != nil {
			panic("internal error: " + err.Error())
		}
		return sig
	}}
}

// ec signs with ECDSA; params is the curve as the certificate gives it. Curves are
// those of crypto/elliptic and of ProtonMail/go-crypto, an implementation apart.
func ec(curve elliptic.Curve, h crypto.Hash, params []byte) *keyPair {
	priv, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	_, _, n := shaNumber(h)
	size := (curve.Params().BitSize + 7) / 8
	point := append([]byte{4}, priv.X.FillBytes(make([]byte, size))...)
	point = append(point, priv.Y.FillBytes(make([]byte, size))...)
	spki := seq(algorithm(oid(1, 2, 840, 10045, 2, 1), params), bits(point))
	return &keyPair{spki: spki, alg: algorithm(ecdsaOID(n)), sign: func(m []byte) []byte {
		r, s, err := ecdsa.Sign(rand.Reader, priv, sum(h, m))
		if err != nil {
			panic("internal error: " + err.Error())
		}
		return seq(bigInteger(r), bigInteger(s))
	}}
}

// Named curves, RFC 5480 §2.1.1.1 and RFC 5639 §4.1.

func namedP256() []byte           { return oid(1, 2, 840, 10045, 3, 1, 7) }
func namedP384() []byte           { return oid(1, 3, 132, 0, 34) }
func namedP521() []byte           { return oid(1, 3, 132, 0, 35) }
func namedBrainpool(n int) []byte { return oid(1, 3, 36, 3, 3, 2, 8, 1, 1, n) }

// domain is a curve written out, with every field open to change.
type domain struct {
	version          int64
	field            []byte
	p, a, b, x, y, n *big.Int
	seed             []byte
	cofactor         int64 // 0: left out
	base             []byte
}

// domainOf writes a curve out; a is -3 unless it is given, and b follows from the
// generator.
func domainOf(c elliptic.Curve, a *big.Int) domain {
	p := c.Params()
	if a == nil {
		a = new(big.Int).Sub(p.P, big.NewInt(3))
	}
	cube := new(big.Int).Mul(p.Gx, p.Gx)
	cube.Add(cube, a).Mul(cube, p.Gx)
	b := new(big.Int).Mul(p.Gy, p.Gy)
	b.Sub(b, cube).Mod(b, p.P)
	return domain{version: 1, field: oid(1, 2, 840, 10045, 1, 1), p: p.P, a: a, b: b, x: p.Gx, y: p.Gy, n: p.N, cofactor: 1}
}

func (d domain) der() []byte {
	size := (d.p.BitLen() + 7) / 8
	fixed := func(v *big.Int) []byte { return v.FillBytes(make([]byte, size)) }
	base := d.base
	if base == nil {
		base = append(append([]byte{4}, fixed(d.x)...), fixed(d.y)...)
	}
	curve := [][]byte{octets(fixed(d.a)), octets(fixed(d.b))}
	if d.seed != nil {
		curve = append(curve, bits(d.seed))
	}
	parts := [][]byte{integer(d.version), seq(d.field, bigInteger(d.p)), seq(curve...), octets(base), bigInteger(d.n)}
	if d.cofactor != 0 {
		parts = append(parts, integer(d.cofactor))
	}
	return seq(parts...)
}

func fromHex(digits string) *big.Int {
	v, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		panic("internal error: number")
	}
	return v
}

// Coefficients a of brainpool curves: RFC 5639 §3.4 and §3.6.
const (
	brainpoolP256A = "7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9"
	brainpoolP384A = "7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826"
)

// Keys that many tests share: making RSA keys takes time.

type keyRing struct {
	root, old, ds, middle, stranger *keyPair // P-256, SHA-256
	rsa                             *rsa.PrivateKey
	bp256, bp384                    *keyPair // explicit parameters
}

var ring = sync.OnceValue(func() keyRing {
	p256 := func() *keyPair { return ec(elliptic.P256(), crypto.SHA256, namedP256()) }
	return keyRing{
		root: p256(), old: p256(), ds: p256(), middle: p256(), stranger: p256(),
		rsa:   newRSA(2048),
		bp256: ec(bp.P256r1(), crypto.SHA256, domainOf(bp.P256r1(), fromHex(brainpoolP256A)).der()),
		bp384: ec(bp.P384r1(), crypto.SHA384, domainOf(bp.P384r1(), fromHex(brainpoolP384A)).der()),
	}
})
