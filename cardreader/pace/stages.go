package pace

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"fmt"

	"pivot/shared/brainpool"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// The stages, in order: locked, mapping (generic or integrated), generator,
// agreement, session. A stage other than the first comes only from the one
// before it, sends what data returns and accepts what the card answers to it.

// protocol is what both sides have agreed on before the first stage.
type protocol struct {
	curve   *brainpool.Curve
	suite   sm.Suite
	mapping mrtd.Mapping
	oid     []byte // content octets
}

// locked knows the password and waits for the encrypted nonce.
type locked struct {
	protocol
	reference byte
	key       []byte // K_pi
}

func begin(info mrtd.PACEInfo, p Password) (locked, error) {
	if !supported(info) {
		return locked{}, ErrUnsupported
	}
	reference, key, err := p.key(info.Suite)
	if err != nil {
		return locked{}, err
	}
	return locked{protocol{info.Curve, info.Suite, info.Mapping, info.OIDBytes}, reference, key}, nil
}

// template is the data field of MSE:Set AT (ICAO 9303-11 §4.4.4.1): protocol,
// password and domain parameters, which are always named.
func (l locked) template(parameterID int) []byte {
	if parameterID < 0 {
		parameterID = l.curve.ParameterID()
	}
	b := tlv.Append(nil, 0x80, l.oid)
	b = tlv.Append(b, 0x83, []byte{l.reference})
	return tlv.Append(b, 0x84, []byte{byte(parameterID)})
}

// nonce decrypts s with K_pi (ICAO 9303-11 §4.4.3.3): AES in CBC mode, initial
// vector zero, one block or two. Whether the password is right does not show
// here, so that a wrong one teaches nothing. A zero nonce is refused: it would
// leave the mapping to the card's key alone.
func (l locked) nonce(encrypted []byte) ([]byte, error) {
	defer clear(l.key)
	if n := len(encrypted); n != aes.BlockSize && n != 2*aes.BlockSize {
		return nil, fmt.Errorf("%w: nonce of %d bytes", ErrCard, n)
	}
	block, err := aes.NewCipher(l.key)
	if err != nil {
		return nil, err
	}
	s := make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, make([]byte, aes.BlockSize)).CryptBlocks(s, encrypted)
	if subtle.ConstantTimeCompare(s, make([]byte, len(s))) == 1 {
		return nil, fmt.Errorf("%w: zero nonce", ErrCard)
	}
	return s, nil
}

// mapping takes the encrypted nonce and draws what the mapping sends.
func (l locked) mapping(encrypted []byte) (mapping, error) {
	s, err := l.nonce(encrypted)
	if err != nil {
		return nil, err
	}
	if l.protocol.mapping == mrtd.IntegratedMapping {
		t := make([]byte, l.suite.KeyLen())
		if _, err := rand.Read(t); err != nil {
			return nil, err
		}
		return newIntegrated(l.protocol, s, t)
	}
	private, err := l.curve.RandomScalar()
	if err != nil {
		return nil, err
	}
	return newGeneric(l.protocol, s, private)
}

// mapping turns the nonce into a new generator, with something of both sides.
type mapping interface {
	data() []byte
	accept(answer []byte) (generator, error)
}

// generic is the mapping by a first key agreement, ICAO 9303-11 §4.4.3.3.1.
type generic struct {
	protocol
	s       *brainpool.Scalar
	private *brainpool.Scalar
	public  *brainpool.Point
}

func newGeneric(p protocol, s []byte, private *brainpool.Scalar) (generic, error) {
	scalar, err := p.curve.ParseScalar(reduce(s, p.curve.Order()))
	if err != nil {
		return generic{}, fmt.Errorf("%w: nonce is zero in the group", ErrCard)
	}
	return generic{p, scalar, private, p.curve.BaseMul(private)}, nil
}

func (m generic) data() []byte { return m.public.Bytes() }

// accept maps G to s·G + H, H being the agreed point.
func (m generic) accept(answer []byte) (generator, error) {
	peer, err := m.point(answer, m.public)
	if err != nil {
		return generator{}, err
	}
	h := peer.Mul(m.private)
	return newGenerator(m.protocol, m.curve.BaseMul(m.s).Add(h))
}

// integrated is the mapping by point encoding, ICAO 9303-11 §4.4.3.3.2.
type integrated struct {
	protocol
	s, t []byte // the card's nonce and ours
}

// newIntegrated takes the card's nonce s, whose length is the key length in whole
// blocks, and ours, t, which is as long as a key (ICAO 9303-11 §4.4.3.3).
func newIntegrated(p protocol, s, t []byte) (integrated, error) {
	if blocks := (p.suite.KeyLen() + aes.BlockSize - 1) / aes.BlockSize; len(s) != blocks*aes.BlockSize {
		return integrated{}, fmt.Errorf("%w: nonce of %d bytes for %v", ErrCard, len(s), p.suite)
	}
	return integrated{p, s, t}, nil
}

func (m integrated) data() []byte { return m.t }

// accept maps the pseudo-random number of both nonces to a point. The card has
// nothing to add.
func (m integrated) accept(answer []byte) (generator, error) {
	if len(answer) != 0 {
		return generator{}, fmt.Errorf("%w: mapping answered with %d bytes", ErrCard, len(answer))
	}
	r, err := pseudoRandom(m.s, m.t, m.curve.BitLen())
	if err != nil {
		return generator{}, err
	}
	g, err := m.curve.MapToPoint(r)
	if err != nil {
		return generator{}, fmt.Errorf("%w: nonce without a point: %w", ErrCard, err)
	}
	return newGenerator(m.protocol, g)
}

// generator is the mapped base point that only the password's holders share.
type generator struct {
	protocol
	g *brainpool.Point
}

func newGenerator(p protocol, g *brainpool.Point) (generator, error) {
	if g.IsInfinity() {
		return generator{}, fmt.Errorf("%w: mapped generator at infinity", ErrCard)
	}
	return generator{p, g}, nil
}

// draw makes the ephemeral key of this session.
func (g generator) draw() (agreement, error) {
	private, err := g.curve.RandomScalar()
	if err != nil {
		return agreement{}, err
	}
	return g.with(private), nil
}

func (g generator) with(private *brainpool.Scalar) agreement {
	return agreement{g.protocol, private, g.g.Mul(private)}
}

// agreement holds the ephemeral key and waits for the card's.
type agreement struct {
	protocol
	private *brainpool.Scalar
	public  *brainpool.Point
}

func (a agreement) data() []byte { return a.public.Bytes() }

// accept agrees on the session keys (ICAO 9303-11 §4.4.3.4).
func (a agreement) accept(answer []byte) (session, error) {
	peer, err := a.point(answer, a.public)
	if err != nil {
		return session{}, err
	}
	secret, err := brainpool.SharedX(a.private, peer)
	if err != nil {
		return session{}, fmt.Errorf("%w: %w", ErrCard, err)
	}
	defer clear(secret)
	keys, err := a.suite.Derive(secret)
	if err != nil {
		return session{}, err
	}
	return session{a.protocol, keys, a.public, peer}, nil
}

// session has keys of which it does not know yet whether the card has them too.
type session struct {
	protocol
	keys      sm.Keys
	own, peer *brainpool.Point
}

// data is our authentication token, over the card's public key.
func (s session) data() []byte {
	token := s.token(s.peer)
	return token[:]
}

// accept compares the card's token, over our public key, in constant time.
func (s session) accept(answer []byte) (sm.Keys, error) {
	token := s.token(s.own)
	if subtle.ConstantTimeCompare(token[:], answer) != 1 {
		return sm.Keys{}, fmt.Errorf("%w: wrong token", ErrCard)
	}
	return s.keys, nil
}

// token is the code of 7F49 { 06 OID, 86 point } (ICAO 9303-11 §4.4.3.4 and
// §9.4.4).
func (s session) token(point *brainpool.Point) [8]byte {
	b := tlv.Append(nil, 0x06, s.oid)
	b = tlv.Append(b, 0x86, point.Bytes())
	return s.keys.Token(tlv.Append(nil, 0x7F49, b))
}

// point reads a public key of the card, which must be a point of the curve other
// than infinity and must not be our own sent back (TR-03110-3 §A.3.3).
func (p protocol) point(encoded []byte, own *brainpool.Point) (*brainpool.Point, error) {
	point, err := p.curve.ParsePoint(encoded)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	if point.Equal(own) {
		return nil, fmt.Errorf("%w: our own key sent back", ErrCard)
	}
	return point, nil
}
