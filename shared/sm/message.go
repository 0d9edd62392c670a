package sm

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"

	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// MaxShortPlain is the most plain bytes that a protected response of short
// length carries: 256, less DO'99' (4), DO'8E' (10), the header of DO'87' (3) and
// its padding indicator (1), in whole blocks, less one byte of padding.
const MaxShortPlain = 223

// The data objects of secure messaging, ICAO 9303-11 §9.8.4.
const (
	tagCryptogram    tlv.Tag = 0x87 // padding indicator and cryptogram
	tagCryptogramOdd tlv.Tag = 0x85 // cryptogram of an odd instruction
	tagNe            tlv.Tag = 0x97
	tagStatus        tlv.Tag = 0x99
	tagMAC           tlv.Tag = 0x8E
)

const (
	block            = aes.BlockSize
	paddingIndicator = 0x01 // ISO 7816-4 padding follows
	paddingStart     = 0x80
	macLen           = 8
	macObjectLen     = 2 + macLen
	protectedClass   = 0x0C // secure messaging with an authenticated header
	plainClassMask   = 0x10 // the bit of command chaining
	shortNe          = 256
	extendedNe       = 65536
	maxShortData     = 255
)

// Why a response is refused.
var (
	// ErrMAC says that a response does not carry the code of these keys at this
	// counter: altered, replayed, the answer to another command, or another card's.
	ErrMAC = errors.New("sm: wrong message authentication code")
	// ErrFormat says that a response is not a well-formed protected response.
	ErrFormat = errors.New("sm: malformed protected response")

	errNoKeys = errors.New("sm: no keys")
)

// PlainStatusError is a bare status word where a protected response was due. The
// chip has left secure messaging (ICAO 9303-11 §9.8.5) and nothing vouches for
// the status.
type PlainStatusError struct {
	Status apdu.Status
}

func (e *PlainStatusError) Error() string {
	return fmt.Sprintf("sm: unprotected status %v", e.Status)
}

// Protect wraps a plain command of the first interindustry class with the send
// sequence counter ssc, 1 for the first command of a channel (ICAO 9303-11
// §9.8.4, figure 5). The Ne of the result leaves room for a whole protected response: 256
// when the plain one fits in short length, else 65536. Whether the result is
// sent in short or extended length is the caller's choice.
func Protect(k Keys, ssc uint64, c apdu.Command) (apdu.Command, error) {
	if k.reveal == nil {
		return apdu.Command{}, errNoKeys
	}
	if c.CLA&^plainClassMask != 0 || c.Ne < 0 || c.Ne > extendedNe {
		return apdu.Command{}, fmt.Errorf("sm: command %v cannot be protected", c)
	}
	c.CLA |= protectedClass
	m, counter := k.reveal(), counterBlock(ssc)
	objects := appendNe(m.cryptogram(counter, c), c.Ne)
	header := []byte{c.CLA, c.INS, c.P1, c.P2}
	header = append(header, padding(len(header))...)
	var tail []byte // without data objects the header alone is authenticated
	if len(objects) > 0 {
		tail = padding(len(objects))
	}
	mac := m.cmac.Sum(counter[:], header, objects, tail)
	c.Data = tlv.Append(objects, tagMAC, mac[:macLen])
	if c.Ne <= shortNe && len(c.Data) <= maxShortData {
		c.Ne = shortNe
	} else {
		c.Ne = extendedNe
	}
	return c, nil
}

// Open checks and unwraps an encoded response with the send sequence counter
// ssc, 2 for the first response of a channel (ICAO 9303-11 §9.8.4, figure 6). In this
// order: sizes and data objects, the authentication code over the counter, the
// status inside against the one outside, and only then decryption and padding.
// Nothing may be missing, repeated or added; the status object, which the norm
// leaves optional, is required, since without it nothing vouches for the status.
// Errors: *PlainStatusError,
// apdu.ErrRemoved, ErrFormat, ErrMAC.
func Open(k Keys, ssc uint64, response []byte) (apdu.Response, error) {
	if k.reveal == nil {
		return apdu.Response{}, errNoKeys
	}
	outer, err := apdu.ParseResponse(response)
	if err != nil {
		return apdu.Response{}, err
	}
	if len(outer.Data) == 0 {
		return apdu.Response{}, &PlainStatusError{Status: outer.SW}
	}
	r, err := parse(outer.Data)
	if err != nil {
		return apdu.Response{}, err
	}
	m, counter := k.reveal(), counterBlock(ssc)
	mac := m.cmac.Sum(counter[:], r.authenticated, padding(len(r.authenticated)))
	if subtle.ConstantTimeCompare(mac[:macLen], r.mac) != 1 {
		return apdu.Response{}, ErrMAC
	}
	if r.status != outer.SW {
		return apdu.Response{}, fmt.Errorf("%w: status %v inside, %v outside", ErrFormat, r.status, outer.SW)
	}
	data, err := m.decrypt(counter, r.cryptogram)
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.Response{Data: data, SW: r.status}, nil
}

// protectedResponse is a well-formed response of which nothing is believed yet.
type protectedResponse struct {
	authenticated []byte // the data objects under the code
	cryptogram    []byte // nil when there is none, else whole blocks
	status        apdu.Status
	mac           []byte
}

// parse reads [DO'87' | DO'85'] DO'99' DO'8E' and nothing after.
func parse(body []byte) (protectedResponse, error) {
	var r protectedResponse
	c := tlv.DER(body)
	cryptogram, err := readCryptogram(&c)
	if err != nil {
		return r, err
	}
	status, err := c.Read(tagStatus)
	if err != nil || len(status) != 2 {
		return r, fmt.Errorf("%w: status object", ErrFormat)
	}
	mac, err := c.Read(tagMAC)
	if err != nil || len(mac) != macLen {
		return r, fmt.Errorf("%w: code object", ErrFormat)
	}
	if err := c.End(); err != nil {
		return r, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return protectedResponse{
		authenticated: body[:len(body)-macObjectLen],
		cryptogram:    cryptogram,
		status:        apdu.Status(binary.BigEndian.Uint16(status)),
		mac:           mac,
	}, nil
}

// readCryptogram reads the first data object when it is a cryptogram and checks
// its form. It returns nil when there is none.
func readCryptogram(c *tlv.Cursor) ([]byte, error) {
	value, even, err := c.ReadOptional(tagCryptogram)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	odd := false
	if !even {
		if value, odd, err = c.ReadOptional(tagCryptogramOdd); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
	}
	switch {
	case even && (len(value) == 0 || value[0] != paddingIndicator):
		return nil, fmt.Errorf("%w: padding indicator", ErrFormat)
	case even:
		value = value[1:]
	case !odd:
		return nil, nil
	}
	if len(value) == 0 || len(value)%block != 0 {
		return nil, fmt.Errorf("%w: cryptogram of %d bytes", ErrFormat, len(value))
	}
	return value, nil
}

// cryptogram returns the data object of the command data, empty without data.
func (m *material) cryptogram(counter [block]byte, c apdu.Command) []byte {
	if len(c.Data) == 0 {
		return nil
	}
	text := make([]byte, 0, len(c.Data)+1+block)
	odd := c.INS&1 == 1
	if !odd {
		text = append(text, paddingIndicator)
	}
	n := len(text)
	text = append(text, c.Data...)
	text = append(text, padding(len(c.Data))...)
	cipher.NewCBCEncrypter(m.block, m.iv(counter)).CryptBlocks(text[n:], text[n:])
	if odd {
		return tlv.Append(nil, tagCryptogramOdd, text)
	}
	return tlv.Append(nil, tagCryptogram, text)
}

// decrypt returns the plain text of whole blocks, without its padding.
func (m *material) decrypt(counter [block]byte, cryptogram []byte) ([]byte, error) {
	if cryptogram == nil {
		return nil, nil
	}
	text := make([]byte, len(cryptogram))
	cipher.NewCBCDecrypter(m.block, m.iv(counter)).CryptBlocks(text, cryptogram)
	// The code has been checked, so what the padding looks like tells nobody
	// anything that only the holder of the keys knows.
	end := len(text) - 1
	for end > len(text)-block && text[end] == 0 {
		end--
	}
	if text[end] != paddingStart {
		return nil, fmt.Errorf("%w: padding", ErrFormat)
	}
	return text[:end:end], nil
}

// iv is the encrypted counter, ICAO 9303-11 §9.8.7.1.
func (m *material) iv(counter [block]byte) []byte {
	m.block.Encrypt(counter[:], counter[:])
	return counter[:]
}

// appendNe appends the data object of Ne in one byte or two, none for 0.
func appendNe(dst []byte, ne int) []byte {
	switch {
	case ne == 0:
		return dst
	case ne <= shortNe:
		return tlv.Append(dst, tagNe, []byte{byte(ne)})
	default:
		return tlv.Append(dst, tagNe, []byte{byte(ne >> 8), byte(ne)})
	}
}

// counterBlock writes the send sequence counter as a block (ICAO 9303-11
// §9.8.2). It starts at 0 in every channel and never reaches 64 bits.
func counterBlock(ssc uint64) [block]byte {
	var b [block]byte
	binary.BigEndian.PutUint64(b[block-8:], ssc)
	return b
}

// padding returns what fills n bytes up to whole blocks, at least one byte
// (ICAO 9303-11 §9.8.1, ISO/IEC 9797-1 method 2).
func padding(n int) []byte {
	p := make([]byte, block-n%block)
	p[0] = paddingStart
	return p
}
