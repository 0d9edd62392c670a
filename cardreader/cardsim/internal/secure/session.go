// Package secure is the chip's side of AES secure messaging (ICAO 9303-11 §9.8) with its key derivation and its MAC:
// written for the simulated card alone, so that reader and card do not agree on a shared mistake.
package secure

import (
	"bytes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"slices"

	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// Derive is KDF(secret, counter) of ICAO 9303-11 §9.7.1 for an AES key of 16, 24 or 32 bytes: counter 1 for
// encryption, 2 for authentication, 3 for a PACE password.
func Derive(keyLen int, secret []byte, counter uint32) []byte {
	input := binary.BigEndian.AppendUint32(bytes.Clone(secret), counter)
	if keyLen == 16 {
		sum := sha1.Sum(input)
		return bytes.Clone(sum[:16])
	}
	sum := sha256.Sum256(input)
	return bytes.Clone(sum[:keyLen])
}

// The status words with which a chip ends secure messaging, in clear.
const (
	Missing = apdu.Status(0x6987) // an expected secure messaging object is missing
	Wrong   = apdu.Status(0x6988) // a secure messaging object is wrong
)

// Session is one secure messaging session of the chip. Its counter starts at zero.
type Session struct {
	enc, mac []byte
	ssc      [blockSize]byte
}

// NewSession derives the session of a shared secret.
func NewSession(keyLen int, secret []byte) *Session {
	return &Session{enc: Derive(keyLen, secret, 1), mac: Derive(keyLen, secret, 2)}
}

// Token is the PACE authentication token over data: the MAC cut to eight bytes.
func (s *Session) Token(data []byte) []byte { return CMAC(s.mac, data)[:8] }

func (s *Session) step() {
	for i := blockSize - 1; i >= 0; i-- {
		s.ssc[i]++
		if s.ssc[i] != 0 {
			return
		}
	}
}

func (s *Session) iv() []byte { return encrypted(cipherOf(s.enc), s.ssc[:]) }

// checksum is the MAC over the counter and the padded parts, cut to eight bytes.
func (s *Session) checksum(parts ...[]byte) []byte {
	message := bytes.Clone(s.ssc[:])
	for _, part := range parts {
		if len(part) > 0 {
			message = append(message, pad(part)...)
		}
	}
	return CMAC(s.mac, message)[:8]
}

func pad(b []byte) []byte {
	out := append(bytes.Clone(b), 0x80)
	for len(out)%blockSize != 0 {
		out = append(out, 0)
	}
	return out
}

func unpad(b []byte) ([]byte, bool) {
	i := len(b) - 1
	for i > 0 && b[i] == 0 {
		i--
	}
	return b[:max(i, 0)], i >= 0 && b[i] == 0x80 && len(b)-i <= blockSize
}

// Unwrap takes the protection off a command and advances the counter. The status is apdu.OK, Missing or Wrong; with
// either of the latter the session is over.
func (s *Session) Unwrap(c apdu.Command) (apdu.Command, apdu.Status) {
	s.step()
	objects, ok := parse(c.Data)
	if !ok {
		return apdu.Command{}, Wrong
	}
	if objects.mac == nil || c.CLA&0x0C != 0x0C {
		return apdu.Command{}, Missing
	}
	want := s.checksum([]byte{c.CLA, c.INS, c.P1, c.P2}, objects.covered)
	if subtle.ConstantTimeCompare(want, objects.mac) != 1 {
		return apdu.Command{}, Wrong
	}
	plain := apdu.Command{CLA: c.CLA &^ 0x0C, INS: c.INS, P1: c.P1, P2: c.P2, Ne: objects.ne}
	if objects.cryptogram == nil {
		return plain, apdu.OK
	}
	plain.Data, ok = s.decrypt(objects.cryptogram)
	if !ok || objects.odd != (c.INS&1 == 1) {
		return apdu.Command{}, Wrong
	}
	return plain, apdu.OK
}

func (s *Session) decrypt(cryptogram []byte) ([]byte, bool) {
	if len(cryptogram) == 0 || len(cryptogram)%blockSize != 0 {
		return nil, false
	}
	out := make([]byte, len(cryptogram))
	cipher.NewCBCDecrypter(cipherOf(s.enc), s.iv()).CryptBlocks(out, cryptogram)
	return unpad(out)
}

// objects are the data objects of a protected command.
type objects struct {
	cryptogram []byte
	odd        bool
	ne         int
	covered    []byte // what the MAC covers besides the header
	mac        []byte
}

// parse reads [87 or 85] [97] [8E] and nothing else. An absent 8E is left to the caller.
func parse(data []byte) (objects, bool) {
	var o objects
	c := tlv.DER(data)
	for !c.Empty() {
		tag, value, err := c.Next()
		if err != nil || o.mac != nil {
			return o, false
		}
		if !o.take(tag, value) {
			return o, false
		}
		if tag != 0x8E {
			o.covered = tlv.Append(o.covered, tag, value)
		}
	}
	return o, true
}

func (o *objects) take(tag tlv.Tag, value []byte) bool {
	switch tag {
	case 0x87:
		ok := o.cryptogram == nil && o.ne == 0 && len(value) > 1 && value[0] == 1
		if ok {
			o.cryptogram = value[1:]
		}
		return ok
	case 0x85:
		o.odd = true
		ok := o.cryptogram == nil && o.ne == 0 && len(value) > 0
		o.cryptogram = value
		return ok
	case 0x97:
		if o.ne != 0 {
			return false
		}
		o.ne = expected(value)
		return o.ne > 0
	case 0x8E:
		o.mac = value
		return len(value) == 8
	}
	return false
}

// expected reads the Le of a DO 97: zeros stand for the most that its length can say.
func expected(le []byte) int {
	switch {
	case len(le) == 1 && le[0] == 0:
		return 256
	case len(le) == 1:
		return int(le[0])
	case len(le) == 2 && le[0] == 0 && le[1] == 0:
		return 65536
	case len(le) == 2:
		return int(le[0])<<8 | int(le[1])
	}
	return 0
}

// Wrap protects a response and advances the counter. odd says that the command's instruction byte was odd.
func (s *Session) Wrap(data []byte, sw apdu.Status, odd bool) []byte {
	s.step()
	var body []byte
	if len(data) > 0 {
		cryptogram := pad(data)
		cipher.NewCBCEncrypter(cipherOf(s.enc), s.iv()).CryptBlocks(cryptogram, cryptogram)
		if odd {
			body = tlv.Append(body, 0x85, cryptogram)
		} else {
			body = tlv.Append(body, 0x87, slices.Concat([]byte{1}, cryptogram))
		}
	}
	status := []byte{byte(sw >> 8), byte(sw)}
	body = tlv.Append(body, 0x99, status)
	body = tlv.Append(body, 0x8E, s.checksum(body))
	return append(body, status...)
}

// Room returns how many plain bytes a protected response can carry in ne bytes: 223 in 256.
func Room(ne int) int {
	body := ne - 14 // less DO 99 and DO 8E
	header := 2     // tag and length of DO 87
	switch {
	case body > 0xFFFF+4:
		header = 5
	case body > 0xFF+3:
		header = 4
	case body > 0x7F+2:
		header = 3
	}
	return max((body-header-1)/blockSize*blockSize-1, 0)
}
