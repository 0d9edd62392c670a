package pace_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"pivot/shared/apdu"
	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// group is a curve in affine coordinates on math/big: slow, plain, and sharing
// nothing with package brainpool.
type group struct {
	p, a, b, n, gx, gy *big.Int
	size               int
}

// point is nil at infinity.
type point struct{ x, y *big.Int }

// groupOf returns the group of a standardized domain parameter: SP 800-186 by
// the standard library, RFC 5639 §3 by its numbers.
func groupOf(id int) group {
	if nist, ok := map[int]elliptic.Curve{12: elliptic.P256(), 15: elliptic.P384(), 18: elliptic.P521()}[id]; ok {
		p := nist.Params()
		return group{p.P, new(big.Int).Sub(p.P, big.NewInt(3)), p.B, p.N, p.Gx, p.Gy, (p.BitSize + 7) / 8}
	}
	numbers := map[int][6]string{ // p, a, b, x(G), y(G), n
		13: {
			"a9fb57dba1eea9bc3e660a909d838d726e3bf623d52620282013481d1f6e5377",
			"7d5a0975fc2c3057eef67530417affe7fb8055c126dc5c6ce94a4b44f330b5d9",
			"26dc5c6ce94a4b44f330b5d9bbd77cbf958416295cf7e1ce6bccdc18ff8c07b6",
			"8bd2aeb9cb7e57cb2c4b482ffc81b7afb9de27e1e3bd23c23a4453bd9ace3262",
			"547ef835c3dac4fd97f8461a14611dc9c27745132ded8e545c1d54c72f046997",
			"a9fb57dba1eea9bc3e660a909d838d718c397aa3b561a6f7901e0e82974856a7",
		},
		16: {
			"8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b412b1da197fb71123acd3a729901d1a71874700133107ec53",
			"7bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826",
			"04a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c11",
			"1d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e",
			"8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c5315",
			"8cb91e82a3386d280f5d6f7e50e641df152f7109ed5456b31f166e6cac0425a7cf3ab6af6b7fc3103b883202e9046565",
		},
		17: {
			"aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca703308717d4d9b009bc66842aecda12ae6a380e62881ff2f2d82c68528aa6056583a48f3",
			"7830a3318b603b89e2327145ac234cc594cbdd8d3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94ca",
			"3df91610a83441caea9863bc2ded5d5aa8253aa10a2ef1c98b9ac8b57f1117a72bf2c7b9e7c1ac4d77fc94cadc083e67984050b75ebae5dd2809bd638016f723",
			"81aee4bdd82ed9645a21322e9c4c6a9385ed9f70b5d916c1b43b62eef4d0098eff3b1f78e2d0d48d50d1687b93b97d5f7c6d5047406a5e688b352209bcb9f822",
			"7dde385d566332ecc0eabfa9cf7822fdf209f70024a57b1aa000c55b881f8111b2dcde494a5f485e5bca4bd88a2763aed1ca2b2fa8f0540678cd1e0f3ad80892",
			"aadd9db8dbe9c48b3fd4e6ae33c9fc07cb308db3b3c9d20ed6639cca70330870553e5c414ca92619418661197fac10471db1d381085ddaddb58796829ca90069",
		},
	}[id]
	var n [6]*big.Int
	for i, text := range numbers {
		n[i], _ = new(big.Int).SetString(text, 16)
	}
	return group{n[0], n[1], n[2], n[5], n[3], n[4], (n[0].BitLen() + 7) / 8}
}

func (g group) add(p, q *point) *point {
	switch {
	case p == nil:
		return q
	case q == nil:
		return p
	}
	slope := new(big.Int)
	if p.x.Cmp(q.x) != 0 {
		slope.Sub(q.y, p.y).Mul(slope, new(big.Int).ModInverse(new(big.Int).Mod(new(big.Int).Sub(q.x, p.x), g.p), g.p))
	} else {
		if p.y.Cmp(q.y) != 0 {
			return nil
		}
		slope.Mul(p.x, p.x).Mul(slope, big.NewInt(3)).Add(slope, g.a)
		slope.Mul(slope, new(big.Int).ModInverse(new(big.Int).Lsh(p.y, 1), g.p))
	}
	slope.Mod(slope, g.p)
	x := new(big.Int).Mul(slope, slope)
	x.Sub(x, p.x).Sub(x, q.x).Mod(x, g.p)
	y := new(big.Int).Sub(p.x, x)
	y.Mul(y, slope).Sub(y, p.y).Mod(y, g.p)
	return &point{x, y}
}

func (g group) mul(k *big.Int, p *point) *point {
	var sum *point
	for i := k.BitLen() - 1; i >= 0; i-- {
		sum = g.add(sum, sum)
		if k.Bit(i) == 1 {
			sum = g.add(sum, p)
		}
	}
	return sum
}

func (g group) base() *point { return &point{g.gx, g.gy} }

func (g group) bytes(p *point) []byte {
	b := make([]byte, 1+2*g.size)
	b[0] = 4
	p.x.FillBytes(b[1 : 1+g.size])
	p.y.FillBytes(b[1+g.size:])
	return b
}

func (g group) parse(b []byte) *point {
	return &point{new(big.Int).SetBytes(b[1 : 1+g.size]), new(big.Int).SetBytes(b[1+g.size:])}
}

// encode is the simplified Shallue-Woestijne-Ulas encoding of ICAO 9303-11
// appendix B.1, with divisions and square roots as the mathematics has them.
func (g group) encode(u *big.Int) *point {
	mod := func(x *big.Int) *big.Int { return x.Mod(x, g.p) }
	right := func(x *big.Int) *big.Int {
		h := new(big.Int).Mul(x, x)
		return mod(h.Add(h, g.a).Mul(h, x).Add(h, g.b))
	}
	alpha := mod(new(big.Int).Neg(new(big.Int).Mul(u, u)))
	s := mod(new(big.Int).Add(alpha, new(big.Int).Mul(alpha, alpha)))
	x := new(big.Int).ModInverse(s, g.p)
	x.Add(x, big.NewInt(1)).Mul(x, g.b).Neg(x).Mul(x, new(big.Int).ModInverse(g.a, g.p))
	mod(x)
	h := right(x)
	if y := new(big.Int).ModSqrt(h, g.p); y != nil {
		return &point{x, power(h, g.p)}
	}
	x3 := mod(new(big.Int).Mul(alpha, x))
	y := power(h, g.p)
	for range 3 {
		mod(y.Mul(y, u))
	}
	return &point{x3, y}
}

// power is h^((p+1)/4), which fixes the sign of the root.
func power(h, p *big.Int) *big.Int {
	e := new(big.Int).Add(p, big.NewInt(1))
	return new(big.Int).Exp(h, e.Rsh(e, 2), p)
}

// chip is the other side of PACE. What a test bends is a function field.
type chip struct {
	group   group
	suite   sm.Suite
	oid     []byte
	im      bool
	key     []byte // K_pi of the right password
	tries   int    // left; 15 stands for a chip that does not tell
	nonce   []byte // s, drawn when nil
	bend    func(step int, answer, sent []byte) []byte
	status  func(step int) apdu.Status // step 0 is MSE:Set AT
	private func(t, g *point) *big.Int // chooses the ephemeral key

	count    int
	template []byte
	mapped   *point
	own      []byte
	peer     []byte
	keys     sm.Keys
}

func newChip(t testing.TB, info mrtd.PACEInfo, can string) *chip {
	t.Helper()
	key, err := info.Suite.PasswordKey([]byte(can))
	if err != nil {
		t.Fatal(err)
	}
	return &chip{
		group: groupOf(info.ParameterID), suite: info.Suite, oid: info.OIDBytes, tries: 3, key: key,
		im: info.Mapping == mrtd.IntegratedMapping,
	}
}

func (c *chip) Transmit(_ context.Context, command []byte) ([]byte, error) {
	sent, err := apdu.ParseCommand(command)
	if err != nil {
		return nil, err
	}
	step := c.count
	c.count++
	if c.status != nil {
		if sw := c.status(step); sw != 0 {
			return apdu.Response{SW: sw}.Bytes(), nil
		}
	}
	if sent.INS == 0x22 {
		c.template = sent.Data
		return []byte{0x90, 0}, nil
	}
	return c.authenticate(step, sent)
}

func (c *chip) authenticate(step int, sent apdu.Command) ([]byte, error) {
	if last := step == 4; (sent.CLA == 0x10) == last || sent.INS != 0x86 {
		return []byte{0x68, 0x83}, nil
	}
	outer := tlv.DER(sent.Data)
	inner, err := outer.Read(0x7C)
	if err != nil {
		return []byte{0x6A, 0x80}, nil
	}
	cursor := tlv.DER(inner)
	var value []byte
	if step > 1 {
		if value, err = cursor.Read(tlv.Tag(0x7F + 2*(step-1))); err != nil {
			return []byte{0x6A, 0x80}, nil
		}
	}
	out, sw := c.step(step, value)
	if sw != apdu.OK {
		return apdu.Response{SW: sw}.Bytes(), nil
	}
	data := tlv.Append(nil, 0x7C, tlv.Append(nil, tlv.Tag(0x7E+2*step), out))
	if c.bend != nil {
		data = c.bend(step, data, value)
	}
	return apdu.Response{Data: data, SW: apdu.OK}.Bytes(), nil
}

func (c *chip) step(step int, value []byte) ([]byte, apdu.Status) {
	switch step {
	case 1:
		return c.encrypted(), apdu.OK
	case 2:
		if c.im {
			c.mapped = c.group.encode(c.field(value))
			return nil, apdu.OK
		}
		return c.generic(value), apdu.OK
	case 3:
		return c.agree(value), apdu.OK
	}
	if token := c.token(c.own); !bytes.Equal(token, value) {
		if c.tries == 15 {
			return nil, 0x6300
		}
		c.tries--
		return nil, 0x63C0 | apdu.Status(c.tries)
	}
	return c.token(c.peer), apdu.OK
}

func (c *chip) encrypted() []byte {
	if c.nonce == nil {
		c.nonce = make([]byte, 16)
		if c.suite.KeyLen() > 16 {
			c.nonce = make([]byte, 32)
		}
		rand.Read(c.nonce)
	}
	return cbc(c.key, c.nonce)
}

func cbc(key, text []byte) []byte {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	out := make([]byte, len(text))
	cipher.NewCBCEncrypter(b, make([]byte, 16)).CryptBlocks(out, text)
	return out
}

func (c *chip) draw() *big.Int {
	k, err := rand.Int(rand.Reader, new(big.Int).Sub(c.group.n, big.NewInt(1)))
	if err != nil {
		panic(err)
	}
	return k.Add(k, big.NewInt(1))
}

func (c *chip) generic(value []byte) []byte {
	k := c.draw()
	h := c.group.mul(k, c.group.parse(value))
	c.mapped = c.group.add(c.group.mul(new(big.Int).SetBytes(c.nonce), c.group.base()), h)
	return c.group.bytes(c.group.mul(k, c.group.base()))
}

// field is R(s,t) modulo p.
func (c *chip) field(t []byte) *big.Int {
	constants := [2]string{"a668892a7c41e3ca739f40b057d85904", "a4e136ac725f738b01c1f60217c188ad"}
	if len(c.nonce) == 32 {
		constants = [2]string{
			"d463d65234124ef7897054986dca0a174e28df758cbaa03f240616414d5a1676",
			"54bd7255f0aaf831bec3423fcf39d69b6cbf066677d0faae5aadd99df8e53517",
		}
	}
	c0, _ := hex.DecodeString(constants[0])
	c1, _ := hex.DecodeString(constants[1])
	n := (c.group.p.BitLen() + 64 + 8*len(c.nonce) - 1) / (8 * len(c.nonce))
	var x []byte
	for k := cbc(t, c.nonce); n > 0; n-- {
		x = append(x, cbc(k[:len(t)], c1)...)
		k = cbc(k[:len(t)], c0)
	}
	u := new(big.Int).SetBytes(x)
	return u.Mod(u, c.group.p)
}

func (c *chip) agree(value []byte) []byte {
	peer := c.group.parse(value)
	k := c.draw()
	if c.private != nil {
		k = c.private(peer, c.mapped)
	}
	c.peer, c.own = value, c.group.bytes(c.group.mul(k, c.mapped))
	keys, err := c.suite.Derive(c.group.bytes(c.group.mul(k, peer))[1 : 1+c.group.size])
	if err != nil {
		panic(err)
	}
	c.keys = keys
	return c.own
}

func (c *chip) token(point []byte) []byte {
	b := tlv.Append(nil, 0x06, c.oid)
	token := c.keys.Token(tlv.Append(nil, 0x7F49, tlv.Append(b, 0x86, point)))
	return token[:]
}

// offer is the PACEInfo of a mapping, a suite and a curve, with its object
// identifier 0.4.0.127.0.7.2.2.4.{2,4}.{2,3,4}.
func offer(t testing.TB, mapping mrtd.Mapping, suite sm.Suite, id int) mrtd.PACEInfo {
	t.Helper()
	curve, ok := brainpool.ByParameterID(id)
	if !ok {
		t.Fatalf("no curve %d", id)
	}
	arc := byte(2)
	if mapping == mrtd.IntegratedMapping {
		arc = 4
	}
	return mrtd.PACEInfo{
		OIDBytes: append(unhex(t, "04007F0007020204"), arc, byte(suite)+1),
		Mapping:  mapping, Agreement: mrtd.ECDH, Suite: suite, Version: 2, ParameterID: id, Curve: curve,
	}
}
