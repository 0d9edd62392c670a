package lds_test

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"testing"

	"pivot/shared/apdu"
	"pivot/shared/cmac"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

// card is a card written as a function of the plain command. The returned status
// 0 means that the card leaves.
type card func(c apdu.Command) apdu.Response

// inClear plays c without secure messaging.
func inClear(t testing.TB, c card) *link {
	return &link{t: t, card: c}
}

// protected plays c under secure messaging and returns the reader's channel.
func protected(t testing.TB, c card) (*link, *sm.Channel) {
	t.Helper()
	k, err := sm.AES256.Derive([]byte("shared secret"))
	if err != nil {
		t.Fatal(err)
	}
	b := k.Marshal()
	enc, err := aes.NewCipher(b[1:33])
	if err != nil {
		t.Fatal(err)
	}
	mac, err := cmac.New(b[33:])
	if err != nil {
		t.Fatal(err)
	}
	return &link{t: t, card: c, enc: enc, mac: mac}, sm.NewChannel(k)
}

// link is the chip's side of the conversation. It counts what it is sent.
type link struct {
	t     testing.TB
	card  card
	enc   cipher.Block // nil in clear
	mac   *cmac.MAC
	ssc   uint64
	plain func(sent apdu.Command) apdu.Status // a status in clear before all else, 0 for none

	count    int
	extended int
	commands []apdu.Command // plain ones
}

func (l *link) Transmit(_ context.Context, command []byte) ([]byte, error) {
	l.count++
	sent, err := apdu.ParseCommand(command)
	if err != nil {
		l.t.Fatalf("malformed command: %v", err)
	}
	if len(command) > 5 && command[4] == 0 {
		l.extended++
	}
	if l.plain != nil {
		if sw := l.plain(sent); sw != 0 {
			return apdu.Response{SW: sw}.Bytes(), nil
		}
	}
	if l.enc == nil {
		return l.answer(sent, nil), nil
	}
	l.ssc++
	plain := l.open(sent)
	l.ssc++
	response := l.answer(plain, l.seal)
	if len(response)-2 > sent.Ne {
		l.t.Errorf("Ne %d leaves no room for a response of %d bytes", sent.Ne, len(response))
	}
	return response, nil
}

func (l *link) answer(c apdu.Command, seal func(apdu.Response) []byte) []byte {
	l.commands = append(l.commands, c)
	r := l.card(c)
	switch {
	case r.SW == 0:
		return nil
	case seal != nil:
		return seal(r)
	}
	return r.Bytes()
}

func (l *link) counter() []byte { return binary.BigEndian.AppendUint64(make([]byte, 8), l.ssc) }

func (l *link) iv() []byte {
	iv := l.counter()
	l.enc.Encrypt(iv, iv)
	return iv
}

func (l *link) open(c apdu.Command) apdu.Command {
	plain := apdu.Command{CLA: c.CLA &^ 0x0C, INS: c.INS, P1: c.P1, P2: c.P2}
	for cursor := tlv.DER(c.Data); !cursor.Empty(); {
		tag, value, err := cursor.Next()
		if err != nil {
			l.t.Fatal(err)
		}
		switch tag {
		case 0x87, 0x85:
			text := bytes.Clone(value[len(value)%16:])
			cipher.NewCBCDecrypter(l.enc, l.iv()).CryptBlocks(text, text)
			plain.Data = text[:bytes.LastIndexByte(text, 0x80)]
		case 0x97:
			for _, b := range value {
				plain.Ne = plain.Ne<<8 | int(b)
			}
			if plain.Ne == 0 {
				plain.Ne = 1 << (8 * len(value))
			}
		}
	}
	return plain
}

func (l *link) seal(r apdu.Response) []byte {
	var objects []byte
	if len(r.Data) > 0 {
		text := pad(r.Data)
		cipher.NewCBCEncrypter(l.enc, l.iv()).CryptBlocks(text, text)
		objects = tlv.Append(nil, 0x87, append([]byte{1}, text...))
	}
	status := []byte{byte(r.SW >> 8), byte(r.SW)}
	objects = tlv.Append(objects, 0x99, status)
	code := l.mac.Sum(l.counter(), pad(objects))
	return append(tlv.Append(objects, 0x8E, code[:8]), status...)
}

func pad(b []byte) []byte {
	b = append(bytes.Clone(b), 0x80)
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	return b
}

// memory is a well-behaved card of files by short identifier. What each test
// bends is a field.
type memory struct {
	files   map[byte][]byte
	max     int         // most bytes of one answer, 0 for no bound
	past    apdu.Status // what reading past the end gives: OK, EndOfFile
	refuse  func(apdu.Command) apdu.Status
	noSFI   apdu.Status // what addressing by short identifier gives, 0 when it works
	current []byte
}

func (m *memory) card(c apdu.Command) apdu.Response {
	if m.refuse != nil {
		if sw := m.refuse(c); sw != 0 {
			return apdu.Response{SW: sw}
		}
	}
	switch c.INS {
	case 0xA4:
		return m.choose(c)
	case 0xB0:
		offset := int(c.P1)<<8 | int(c.P2)
		if c.P1&0x80 != 0 {
			if m.noSFI != 0 {
				return apdu.Response{SW: m.noSFI}
			}
			file, ok := m.files[c.P1&0x1F]
			if !ok {
				return apdu.Response{SW: apdu.NotFound}
			}
			m.current, offset = file, int(c.P2)
		}
		return m.bytes(offset, c.Ne)
	case 0xB1:
		at := tlv.DER(c.Data)
		offset, err := at.Read(0x54)
		if err != nil || len(offset) != 2 {
			return apdu.Response{SW: 0x6A80}
		}
		n := c.Ne - 4
		r := m.bytes(int(offset[0])<<8|int(offset[1]), n)
		r.Data = tlv.Append(nil, 0x53, r.Data)
		return r
	}
	return apdu.Response{SW: 0x6D00}
}

func (m *memory) choose(c apdu.Command) apdu.Response {
	if c.P1 == 4 {
		return apdu.Response{SW: apdu.OK}
	}
	file, ok := m.files[c.Data[1]]
	if !ok {
		return apdu.Response{SW: apdu.NotFound}
	}
	m.current = file
	return apdu.Response{SW: apdu.OK}
}

func (m *memory) bytes(offset, ne int) apdu.Response {
	if m.current == nil {
		return apdu.Response{SW: 0x6986}
	}
	if offset >= len(m.current) {
		return apdu.Response{SW: apdu.WrongOffset}
	}
	end := min(offset+ne, len(m.current))
	sw := apdu.OK
	if end < offset+ne && m.past != 0 {
		sw = m.past
	}
	if m.max > 0 {
		end = min(end, offset+m.max)
	}
	return apdu.Response{Data: m.current[offset:end], SW: sw}
}
