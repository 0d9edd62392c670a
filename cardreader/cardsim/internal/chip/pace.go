package chip

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/subtle"
	"math/big"

	"pivot/cardreader/cardsim/internal/der"
	"pivot/cardreader/cardsim/internal/ec"
	"pivot/cardreader/cardsim/internal/secure"
	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// stage is where PACE stands (ICAO 9303-11 §4.4.2). Each takes the terminal's data object and gives way to the next.
type stage interface {
	// expects is the tag of the terminal's data object; 0 for none.
	expects() tlv.Tag
	// advance answers it. Any status but 9000 ends PACE.
	advance(c *Chip, value []byte) (stage, []byte, apdu.Status)
}

// chosen is PACE after MSE:Set AT.
type chosen struct {
	pace PACE
	key  []byte // K_pi
}

// nonceSent is PACE after the encrypted nonce.
type nonceSent struct {
	pace  PACE
	nonce []byte
}

// mapped is PACE on the generator of this session.
type mapped struct {
	pace      PACE
	generator ec.Point
}

// agreed is PACE after the key agreement: what is left is to prove it.
type agreed struct {
	pace      PACE
	session   *secure.Session
	own, peer []byte // encoded ephemeral keys
}

func (chosen) expects() tlv.Tag    { return 0 }
func (nonceSent) expects() tlv.Tag { return 0x81 }
func (mapped) expects() tlv.Tag    { return 0x83 }
func (agreed) expects() tlv.Tag    { return 0x85 }

// nonceLen is the length of the nonce: a block for the generic mapping, as chips do, and for the integrated one the
// key rounded up to blocks (ICAO 9303-11 §4.4.3.3.2).
func (p PACE) nonceLen() int {
	if p.Mapping == Integrated && p.KeyLen > aes.BlockSize {
		return 2 * aes.BlockSize
	}
	return aes.BlockSize
}

func (s chosen) advance(c *Chip, _ []byte) (stage, []byte, apdu.Status) {
	c.out.Operation, c.out.Delay = PACENonce, c.penalty()
	nonce := c.entropy.Nonce(s.pace.nonceLen())
	return nonceSent{s.pace, nonce}, tlv.Append(nil, 0x80, cbc(s.key, nonce)), ok
}

// cbc encrypts whole blocks with a zero initialisation vector.
func cbc(key, plain []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("internal error: chip: " + err.Error())
	}
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(out, plain)
	return out
}

func (s nonceSent) advance(c *Chip, value []byte) (stage, []byte, apdu.Status) {
	c.out.Operation = PACEMap
	if s.pace.Mapping == Integrated {
		if len(value) != s.pace.KeyLen {
			return nil, nil, wrongData
		}
		generator := s.pace.Curve.MapToPoint(s.pace.pseudoRandom(s.nonce, value))
		return mapped{s.pace, generator}, tlv.Append(nil, 0x82, nil), ok
	}
	curve := s.pace.Curve
	peer, err := curve.Decode(value)
	if err != nil {
		return nil, nil, wrongData
	}
	secret := c.entropy.Scalar(curve)
	own := curve.Mul(secret, curve.G)
	if own.Equal(peer) {
		return nil, nil, wrongData
	}
	shared := curve.Mul(secret, peer)
	generator := curve.Add(curve.Mul(new(big.Int).SetBytes(s.nonce), curve.G), shared)
	answer := c.conf.Quirks.Map.apply(curve, own, value)
	return mapped{s.pace, generator}, tlv.Append(nil, 0x82, answer), ok
}

// pseudoRandom is R_p(s, t) before its reduction (ICAO 9303-11 §4.4.3.3.2).
func (p PACE) pseudoRandom(s, t []byte) *big.Int {
	c0, c1 := constants(len(s))
	key := cbc(t, s)
	var x []byte
	for len(x)*8 < p.Curve.P.BitLen()+64 {
		key = key[:p.KeyLen]
		x = append(x, cbc(key, c1)...)
		key = cbc(key, c0)
	}
	return new(big.Int).SetBytes(x)
}

func (s mapped) advance(c *Chip, value []byte) (stage, []byte, apdu.Status) {
	c.out.Operation = PACEKey
	curve := s.pace.Curve
	peer, err := curve.Decode(value)
	if err != nil {
		return nil, nil, wrongData
	}
	secret := c.entropy.Scalar(curve)
	shared := curve.Mul(secret, peer)
	for c.conf.Quirks.LeadingZero && shared.X.BitLen() > 8*(curve.Size-1) {
		secret.Add(secret, big.NewInt(1))
		shared = curve.Add(shared, peer)
	}
	own := curve.Mul(secret, s.generator)
	if own.Equal(peer) {
		return nil, nil, wrongData
	}
	answer := c.conf.Quirks.Key.apply(curve, own, value)
	next := agreed{
		pace: s.pace, own: curve.Encode(own), peer: bytes.Clone(value),
		session: secure.NewSession(s.pace.KeyLen, curve.FieldBytes(shared.X)),
	}
	return next, tlv.Append(nil, 0x84, answer), ok
}

func (s agreed) advance(c *Chip, value []byte) (stage, []byte, apdu.Status) {
	c.out.Operation = PACEToken
	if subtle.ConstantTimeCompare(value, s.token(s.own)) != 1 {
		return nil, nil, c.wrongPassword()
	}
	c.tries, c.failures = allTries, 0
	c.next = s.session
	return nil, tlv.Append(nil, 0x86, s.token(s.peer)), ok
}

// token authenticates the other side's ephemeral key (ICAO 9303-11 §4.4.3.4).
func (s agreed) token(key []byte) []byte {
	point := tlv.Append(der.OID(s.pace.OID()), 0x86, key)
	return s.session.Token(tlv.Append(nil, 0x7F49, point))
}

func (c *Chip) wrongPassword() apdu.Status {
	c.tries = max(c.tries-1, 0)
	c.failures++
	if c.conf.Quirks.NoCounter {
		return failed
	}
	return 0x63C0 | apdu.Status(c.tries)
}

// passwordKey is K_pi of a password reference: 1 for the MRZ, 2 for the CAN (ICAO 9303-11 §9.7.3).
func (c *Chip) passwordKey(reference byte, keyLen int) ([]byte, bool) {
	switch reference {
	case 1:
		sum := sha1.Sum([]byte(c.conf.MRZ))
		return secure.Derive(keyLen, sum[:], 3), true
	case 2:
		return secure.Derive(keyLen, []byte(c.conf.CAN), 3), true
	}
	return nil, false
}
