package csca_test

import (
	"crypto"
	"crypto/elliptic"
	"errors"
	"math/big"
	"slices"
	"testing"

	bp "github.com/ProtonMail/go-crypto/brainpool"

	"pivot/server/internal/verify/csca"
)

// publicKey reads a SubjectPublicKeyInfo by way of a certificate.
func publicKey(t testing.TB, spki []byte) csca.PublicKey {
	t.Helper()
	d := newScene().ds
	d.key = &keyPair{spki: spki}
	return d.parse(t).PublicKey()
}

func mustAlgorithm(t testing.TB, der []byte) csca.SignatureAlgorithm {
	t.Helper()
	alg, err := csca.ParseSignatureAlgorithm(der, 0)
	if err != nil {
		t.Fatal(err)
	}
	return alg
}

func TestVerify(t *testing.T) {
	t.Parallel()
	k := ring()
	message := []byte("LDSSecurityObject")
	tests := []struct {
		key  *keyPair
		name string
	}{
		{pkcs1(k.rsa, crypto.SHA256), "RSA 2048"},
		{pkcs1(k.rsa, crypto.SHA384), "RSA 2048"},
		{pkcs1(k.rsa, crypto.SHA512), "RSA 2048"},
		{pss(k.rsa, crypto.SHA256, 32), "RSA 2048"},
		{pss(k.rsa, crypto.SHA256, 20), "RSA 2048"},
		{pss(k.rsa, crypto.SHA512, 64), "RSA 2048"},
		{k.ds, "EC P-256"},
		{ec(elliptic.P384(), crypto.SHA384, namedP384()), "EC P-384"},
		{ec(elliptic.P521(), crypto.SHA512, namedP521()), "EC P-521"},
		{ec(elliptic.P384(), crypto.SHA256, domainOf(elliptic.P384(), nil).der()), "EC P-384"},
		{ec(bp.P256r1(), crypto.SHA256, namedBrainpool(7)), "EC brainpoolP256r1"},
		{ec(bp.P384r1(), crypto.SHA384, namedBrainpool(11)), "EC brainpoolP384r1"},
		{ec(bp.P512r1(), crypto.SHA512, namedBrainpool(13)), "EC brainpoolP512r1"},
		{ec(bp.P256r1(), crypto.SHA512, namedBrainpool(7)), "EC brainpoolP256r1"},
		{ec(bp.P512r1(), crypto.SHA256, namedBrainpool(13)), "EC brainpoolP512r1"},
		{k.bp256, "EC brainpoolP256r1"},
		{k.bp384, "EC brainpoolP384r1"},
	}
	for _, tt := range tests {
		key, alg := publicKey(t, tt.key.spki), mustAlgorithm(t, tt.key.alg)
		t.Run(tt.name+" "+alg.String(), func(t *testing.T) {
			t.Parallel()
			if key.String() != tt.name {
				t.Errorf("key %q", key)
			}
			sig := tt.key.sign(message)
			if err := key.Verify(alg, message, sig); err != nil {
				t.Fatal(err)
			}
			bad := map[string][]byte{
				"empty":           nil,
				"one octet short": sig[:len(sig)-1],
				"one octet more":  append(slices.Clone(sig), 0),
				"leading zero":    append([]byte{0}, sig...),
				"last bit":        flip(sig, len(sig)-1),
				"bit in between":  flip(sig, len(sig)/2),
				"zero":            make([]byte, len(sig)),
			}
			for name, b := range bad {
				if err := key.Verify(alg, message, b); !errors.Is(err, csca.BadSignature) {
					t.Errorf("%s: %v", name, err)
				}
			}
			if err := key.Verify(alg, append(slices.Clone(message), 0), sig); !errors.Is(err, csca.BadSignature) {
				t.Errorf("another message: %v", err)
			}
		})
	}
}

func flip(b []byte, at int) []byte {
	out := slices.Clone(b)
	out[at] ^= 1
	return out
}

func TestVerifyWrongAlgorithm(t *testing.T) {
	t.Parallel()
	k := ring()
	rsaKey, ecKey := publicKey(t, rsaSPKI(&k.rsa.PublicKey)), publicKey(t, k.ds.spki)
	ecdsa256, rsa256 := mustAlgorithm(t, algorithm(ecdsaOID(2))), mustAlgorithm(t, algorithm(rsaOID(11)))
	pss256 := mustAlgorithm(t, pssAlgorithm(shaOID(1), shaOID(1), 32, 1))
	for _, tt := range []struct {
		key csca.PublicKey
		alg csca.SignatureAlgorithm
	}{{rsaKey, ecdsa256}, {ecKey, rsa256}, {ecKey, pss256}} {
		if err := tt.key.Verify(tt.alg, nil, make([]byte, 256)); !errors.Is(err, csca.UnsupportedAlgorithm) {
			t.Errorf("%s under %s: %v", tt.alg, tt.key, err)
		}
	}
	// A PSS signature is bound to the salt length announced.
	signed := pss(k.rsa, crypto.SHA256, 20).sign([]byte("m"))
	if err := rsaKey.Verify(pss256, []byte("m"), signed); !errors.Is(err, csca.BadSignature) {
		t.Errorf("salt of another length: %v", err)
	}
	if err := rsaKey.Verify(rsa256, []byte("m"), signed); !errors.Is(err, csca.BadSignature) {
		t.Errorf("PSS taken for PKCS#1 v1.5: %v", err)
	}
}

// Bleichenbacher 2006: padding cut short and octets after the digest, which a
// lenient reader accepts, and which needs no private key under exponent 3. Here
// the private key makes the block, so that only the strictness is in question.
func TestForgedPadding(t *testing.T) {
	t.Parallel()
	priv := ring().rsa
	message := []byte("LDSSecurityObject")
	info := seq(seq(shaOID(1), null), octets(sum(crypto.SHA256, message)))
	size := priv.Size()
	key, alg := publicKey(t, rsaSPKI(&priv.PublicKey)), mustAlgorithm(t, algorithm(rsaOID(11), null))

	block := func(padding int, info []byte) []byte {
		b := append([]byte{0, 1}, slices.Repeat([]byte{0xff}, padding)...)
		b = append(append(b, 0), info...)
		return append(b, make([]byte, size-len(b))...)
	}
	raw := func(block []byte) []byte {
		m := new(big.Int).SetBytes(block)
		return m.Exp(m, priv.D, priv.N).FillBytes(make([]byte, size))
	}
	full := size - 3 - len(info)
	if err := key.Verify(alg, message, raw(block(full, info))); err != nil {
		t.Fatalf("the honest block: %v", err)
	}
	withoutNull := seq(seq(shaOID(1)), octets(sum(crypto.SHA256, message)))
	forged := map[string][]byte{
		"octets after the digest":     block(8, info),
		"one octet after the digest":  block(full-1, info),
		"digest without NULL":         block(size-3-len(withoutNull), withoutNull),
		"another block type":          append([]byte{0, 2}, block(full, info)[2:]...),
		"padding with a hole":         flip(block(full, info), 10),
		"digest of another algorithm": flip(block(full, info), size-40),
	}
	for name, b := range forged {
		if err := key.Verify(alg, message, raw(b)); !errors.Is(err, csca.BadSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRSAKeys(t *testing.T) {
	t.Parallel()
	n := ring().rsa.N
	pub := func(n *big.Int, e int64) []byte {
		return seq(algorithm(rsaOID(1), null), bits(seq(bigInteger(n), integer(e))))
	}
	ones := func(size uint) *big.Int {
		v := new(big.Int).Lsh(big.NewInt(1), size)
		return v.Sub(v, big.NewInt(1))
	}
	tests := []struct {
		name string
		spki []byte
		want csca.Reason
	}{
		{"good", pub(n, 65537), ""},
		{"no parameters", seq(algorithm(rsaOID(1)), bits(seq(bigInteger(n), integer(65537)))), ""},
		{"greatest exponent", pub(n, 1<<31-1), ""},
		{"exponent out of reach", pub(n, 1<<31+1), csca.UnsupportedKey},
		{"exponent 3", pub(n, 3), csca.WeakKey},
		{"exponent 1", pub(n, 1), csca.WeakKey},
		{"exponent 0", pub(n, 0), csca.WeakKey},
		{"exponent 65535", pub(n, 65535), csca.WeakKey},
		{"even exponent", pub(n, 65538), csca.UnsupportedKey},
		{"negative exponent", pub(n, -65537), csca.UnsupportedKey},
		{"modulus of 2047 bits", pub(ones(2047), 65537), csca.WeakKey},
		{"modulus of 1024 bits", pub(ones(1024), 65537), csca.WeakKey},
		{"modulus 0", pub(new(big.Int), 65537), csca.WeakKey},
		{"even modulus", pub(new(big.Int).Lsh(n, 1), 65537), csca.UnsupportedKey},
		{"negative modulus", pub(new(big.Int).Neg(n), 65537), csca.UnsupportedKey},
		{"modulus of 8192 bits", pub(ones(8192), 65537), ""},
		{"modulus of 8193 bits", pub(ones(8193), 65537), csca.UnsupportedKey},
		{"a third number", seq(algorithm(rsaOID(1), null), bits(seq(bigInteger(n), integer(65537), integer(1)))), csca.UnsupportedKey},
		{"something after", seq(algorithm(rsaOID(1), null), bits(append(seq(bigInteger(n), integer(65537)), 0))), csca.UnsupportedKey},
		{"parameters", seq(algorithm(rsaOID(1), integer(1)), bits(seq(bigInteger(n), integer(65537)))), csca.UnsupportedKey},
		{"PSS only", seq(algorithm(rsaOID(10), null), bits(seq(bigInteger(n), integer(65537)))), csca.UnsupportedKey},
	}
	alg := mustAlgorithm(t, algorithm(rsaOID(11), null))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want := tt.want
			if want == "" {
				want = csca.BadSignature
			}
			// The key is refused before the signature is looked at.
			if err := publicKey(t, tt.spki).Verify(alg, nil, make([]byte, 256)); !errors.Is(err, want) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}

func TestECKeys(t *testing.T) {
	t.Parallel()
	good := domainOf(bp.P256r1(), fromHex(brainpoolP256A))
	key := ec(bp.P256r1(), crypto.SHA256, good.der())
	point := key.spki[len(key.spki)-65:]
	ecKey := oid(1, 2, 840, 10045, 2, 1)
	with := func(params, point []byte) []byte { return seq(algorithm(ecKey, params), bits(point)) }
	domainWith := func(change func(*domain)) []byte {
		d := good
		change(&d)
		return with(d.der(), point)
	}
	plus := func(v *big.Int) *big.Int { return new(big.Int).Add(v, big.NewInt(1)) }
	tests := []struct {
		name string
		spki []byte
		want csca.Reason
	}{
		{"explicit", domainWith(func(*domain) {}), ""},
		{"named", with(namedBrainpool(7), point), ""},
		{"with a seed", domainWith(func(d *domain) { d.seed = []byte{1, 2, 3} }), ""},
		{"no cofactor", domainWith(func(d *domain) { d.cofactor = 0 }), ""},
		{"version 2", domainWith(func(d *domain) { d.version = 2 }), ""},
		{"version 0", domainWith(func(d *domain) { d.version = 0 }), csca.UnsupportedKey},
		{"version 4", domainWith(func(d *domain) { d.version = 4 }), csca.UnsupportedKey},
		// CVE-2020-0601: the attacker's own generator on a known curve.
		{"another generator", domainWith(func(d *domain) { d.y = new(big.Int).Sub(d.p, d.y) }), csca.UnsupportedKey},
		{"the key as generator", domainWith(func(d *domain) { d.base = point }), csca.UnsupportedKey},
		{"generator compressed", domainWith(func(d *domain) { d.base = append([]byte{2}, point[1:33]...) }), csca.UnsupportedKey},
		{"generator at infinity", domainWith(func(d *domain) { d.base = []byte{0} }), csca.UnsupportedKey},
		{"another order", domainWith(func(d *domain) { d.n = plus(d.n) }), csca.UnsupportedKey},
		{"another prime", domainWith(func(d *domain) { d.p = plus(d.p) }), csca.UnsupportedKey},
		{"another a", domainWith(func(d *domain) { d.a = plus(d.a) }), csca.UnsupportedKey},
		{"another b", domainWith(func(d *domain) { d.b = plus(d.b) }), csca.UnsupportedKey},
		{"another cofactor", domainWith(func(d *domain) { d.cofactor = 2 }), csca.UnsupportedKey},
		{"binary field", domainWith(func(d *domain) { d.field = oid(1, 2, 840, 10045, 1, 2) }), csca.UnsupportedKey},
		{"implicit curve", with(null, point), csca.UnsupportedKey},
		{"no curve", seq(algorithm(ecKey), bits(point)), csca.UnsupportedKey},
		{"another named curve", with(namedP256(), point), csca.UnsupportedKey},
		{"unknown named curve", with(namedBrainpool(5), point), csca.UnsupportedKey},
		{"something after the name", seq(algorithm(ecKey, namedBrainpool(7), null), bits(point)), csca.UnsupportedKey},
		{"something after the parameters", seq(algorithm(ecKey, good.der(), null), bits(point)), csca.UnsupportedKey},
		{"point off the curve", with(good.der(), flip(point, 64)), csca.UnsupportedKey},
		{"point at infinity", with(good.der(), []byte{0}), csca.UnsupportedKey},
		{"point compressed", with(good.der(), append([]byte{2 + point[64]&1}, point[1:33]...)), csca.UnsupportedKey},
		{"point cut short", with(good.der(), point[:64]), csca.UnsupportedKey},
		{"point without coordinates", with(good.der(), nil), csca.UnsupportedKey},
		{"ECDH key", seq(algorithm(oid(1, 3, 132, 1, 12), namedP256()), bits(point)), csca.UnsupportedKey},
	}
	alg := mustAlgorithm(t, algorithm(ecdsaOID(2)))
	sig := key.sign([]byte("m"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := publicKey(t, tt.spki).Verify(alg, []byte("m"), sig)
			if tt.want == "" && err != nil || tt.want != "" && !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// Signatures that a lenient reader would accept as a second form of the same one.
func TestECDSASignatureForms(t *testing.T) {
	t.Parallel()
	message := []byte("LDSSecurityObject")
	alg := mustAlgorithm(t, algorithm(ecdsaOID(2)))
	for name, k := range map[string]*keyPair{"P-256": ring().ds, "brainpoolP256r1": ring().bp256} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key := publicKey(t, k.spki)
			sig := k.sign(message)
			r, s := signatureParts(t, sig)
			order := elliptic.P256().Params().N
			if name != "P-256" {
				order = bp.P256r1().Params().N
			}
			if err := key.Verify(alg, message, seq(bigInteger(r), bigInteger(s))); err != nil {
				t.Fatalf("the honest form: %v", err)
			}
			forms := map[string][]byte{
				"r zero":            seq(integer(0), bigInteger(s)),
				"s zero":            seq(bigInteger(r), integer(0)),
				"r the order":       seq(bigInteger(order), bigInteger(s)),
				"s the order":       seq(bigInteger(r), bigInteger(order)),
				"r plus the order":  seq(bigInteger(new(big.Int).Add(r, order)), bigInteger(s)),
				"s plus the order":  seq(bigInteger(r), bigInteger(new(big.Int).Add(s, order))),
				"r negative":        seq(bigInteger(new(big.Int).Sub(r, order)), bigInteger(s)),
				"r with a zero":     seq(tlv(2, append([]byte{0, 0}, r.Bytes()...)), bigInteger(s)),
				"r of 80 octets":    seq(bigInteger(new(big.Int).Lsh(r, 8*48)), bigInteger(s)),
				"a third number":    seq(bigInteger(r), bigInteger(s), integer(1)),
				"something after":   append(slices.Clone(sig), 5, 0),
				"plain r and s":     append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...),
				"length in two":     append([]byte{0x30, 0x81, sig[1]}, sig[2:]...),
				"without end":       append([]byte{0x30, 0x80}, append(slices.Clone(sig[2:]), 0, 0)...),
				"r and s exchanged": seq(bigInteger(s), bigInteger(r)),
			}
			for form, b := range forms {
				if err := key.Verify(alg, message, b); !errors.Is(err, csca.BadSignature) {
					t.Errorf("%s: %v", form, err)
				}
			}
		})
	}
}

func signatureParts(t *testing.T, sig []byte) (r, s *big.Int) {
	t.Helper()
	// SEQUENCE, length, INTEGER, length, r, INTEGER, length, s
	n := int(sig[3])
	r = new(big.Int).SetBytes(sig[4 : 4+n])
	s = new(big.Int).SetBytes(sig[6+n:])
	return r, s
}
