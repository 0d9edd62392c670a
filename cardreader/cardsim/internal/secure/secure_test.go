package secure_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"testing"

	"pivot/cardreader/cardsim/internal/secure"
	"pivot/shared/apdu"
	"pivot/shared/sm"
)

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestCMAC is RFC 4493 §4 and, for the longer keys, NIST SP 800-38B D.2 and D.3.
func TestCMAC(t *testing.T) {
	t.Parallel()
	const (
		key128  = "2b7e151628aed2a6abf7158809cf4f3c"
		key192  = "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b"
		key256  = "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4"
		message = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
			"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"
	)
	tests := []struct {
		key  string
		n    int
		want string
	}{
		{key128, 0, "bb1d6929e95937287fa37d129b756746"},
		{key128, 16, "070a16b46b4d4144f79bdd9dd04a287c"},
		{key128, 40, "dfa66747de9ae63030ca32611497c827"},
		{key128, 64, "51f0bebf7e3b9d92fc49741779363cfe"},
		{key192, 0, "d17ddf46adaacde531cac483de7a9367"},
		{key192, 40, "8a1de5be2eb31aad089a82e6ee908b0e"},
		{key256, 0, "028962f61b7bf89efc6b551f4667d983"},
		{key256, 64, "e1992190549f6ed5696a2c056c315410"},
	}
	for _, tt := range tests {
		got := secure.CMAC(unhex(t, tt.key), unhex(t, message)[:tt.n])
		if hex.EncodeToString(got) != tt.want {
			t.Errorf("key of %d bits, message of %d bytes: got %x, want %s", 4*len(tt.key), tt.n, got, tt.want)
		}
	}
}

// TestDerive is ICAO 9303-11 appendix G.1: K_pi, and the session keys of its shared secret.
func TestDerive(t *testing.T) {
	t.Parallel()
	mrz := unhex(t, "7e2d2a41c74ea0b38cd36f863939bfa8e9032aad")
	shared := unhex(t, "28768d20701247dae81804c9e780ede582a9996db4a315020b2733197db84925")
	tests := []struct {
		secret  []byte
		counter uint32
		want    string
	}{
		{mrz, 3, "89ded1b26624ec1e634c1989302849dd"},
		{shared, 1, "f5f0e35c0d7161ee6724ee513a0d9a7f"},
		{shared, 2, "fe251c7858b356b24514b3bd5f4297d1"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(secure.Derive(16, tt.secret, tt.counter)); got != tt.want {
			t.Errorf("counter %d: got %s, want %s", tt.counter, got, tt.want)
		}
	}
}

var secret = []byte("TEST shared secret")

func readerKeys(t testing.TB, keyLen int) sm.Keys {
	t.Helper()
	suite := map[int]sm.Suite{16: sm.AES128, 24: sm.AES192, 32: sm.AES256}[keyLen]
	keys, err := suite.Derive(secret)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestAgainstReader has the reader's own secure messaging talk to the chip's, over many commands of one session.
func TestAgainstReader(t *testing.T) {
	t.Parallel()
	commands := []apdu.Command{
		{INS: 0xA4, P1: 4, P2: 12, Data: []byte{1, 2, 3, 4, 5, 6, 7}},
		{INS: 0xB0, P1: 0x81, Ne: 256},
		{INS: 0xB0, P1: 0x81, Ne: 4096},
		{INS: 0xB0, Ne: 65536},
		{INS: 0xB1, Data: []byte{0x54, 3, 1, 0, 0}, Ne: 100},
		{INS: 0x22, P1: 0x41, P2: 0xA4, Data: bytes.Repeat([]byte{7}, 300)},
		{INS: 0x86, Data: bytes.Repeat([]byte{7}, 16), Ne: 256},
	}
	for _, keyLen := range []int{16, 24, 32} {
		t.Run(fmt.Sprint(8*keyLen), func(t *testing.T) {
			t.Parallel()
			keys, chip := readerKeys(t, keyLen), secure.NewSession(keyLen, secret)
			for i, want := range commands {
				protected, err := sm.Protect(keys, uint64(2*i+1), want)
				if err != nil {
					t.Fatal(err)
				}
				got, sw := chip.Unwrap(protected)
				if sw != apdu.OK || got.INS != want.INS || got.P1 != want.P1 || got.Ne != want.Ne || !bytes.Equal(got.Data, want.Data) {
					t.Fatalf("command %d: status %v, got %+v", i, sw, got)
				}
				data := bytes.Repeat([]byte{byte(i)}, 17*i)
				wrapped := chip.Wrap(data, 0x6282, want.INS&1 == 1)
				opened, err := sm.Open(keys, uint64(2*i+2), wrapped)
				if err != nil || opened.SW != 0x6282 || !bytes.Equal(opened.Data, data) {
					t.Fatalf("response %d: %v, %d bytes", i, err, len(opened.Data))
				}
			}
		})
	}
}

// TestUnwrapRefuses starts from a good command and changes one thing.
func TestUnwrapRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(c *apdu.Command)
		want   apdu.Status
	}{
		{"nothing", func(*apdu.Command) {}, apdu.OK},
		{"class without secure messaging", func(c *apdu.Command) { c.CLA = 0 }, secure.Missing},
		{"no data", func(c *apdu.Command) { c.Data = nil }, secure.Missing},
		{"no MAC", func(c *apdu.Command) { c.Data = c.Data[:len(c.Data)-10] }, secure.Missing},
		{"short MAC", func(c *apdu.Command) { c.Data = append(c.Data[:len(c.Data)-10], 0x8E, 1, 0) }, secure.Wrong},
		{"wrong MAC", func(c *apdu.Command) { c.Data[len(c.Data)-1] ^= 1 }, secure.Wrong},
		{"other cryptogram", func(c *apdu.Command) { c.Data[5] ^= 1 }, secure.Wrong},
		{"other header", func(c *apdu.Command) { c.P1 ^= 1 }, secure.Wrong},
		{"trailing byte", func(c *apdu.Command) { c.Data = append(c.Data, 0) }, secure.Wrong},
		{"unknown object", func(c *apdu.Command) { c.Data = append([]byte{0x81, 0}, c.Data...) }, secure.Wrong},
		{"even object for an odd command", func(c *apdu.Command) { c.INS ^= 1 }, secure.Wrong},
		{"padding indicator", func(c *apdu.Command) { c.Data[2] = 2 }, secure.Wrong},
	}
	keys := readerKeys(t, 32)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := sm.Protect(keys, 1, apdu.Command{INS: 0xA4, P1: 4, P2: 12, Data: []byte{1, 2, 3}, Ne: 256})
			if err != nil {
				t.Fatal(err)
			}
			c.Data = bytes.Clone(c.Data)
			tt.change(&c)
			if _, sw := secure.NewSession(32, secret).Unwrap(c); sw != tt.want {
				t.Errorf("status %v, want %v", sw, tt.want)
			}
		})
	}
}

func TestRoom(t *testing.T) {
	t.Parallel()
	session := secure.NewSession(16, secret)
	for _, ne := range []int{0, 20, 46, 128, 200, 255, 256, 270, 1024, 4096, 65533} {
		room := secure.Room(ne)
		if got := len(session.Wrap(make([]byte, room), apdu.OK, false)) - 2; room > 0 && got > ne {
			t.Errorf("%d plain bytes take %d, more than %d", room, got, ne)
		}
		if got := len(session.Wrap(make([]byte, room+16), apdu.OK, false)) - 2; got <= ne {
			t.Errorf("%d plain bytes would fit in %d too", room+16, ne)
		}
	}
	if got := secure.Room(256); got != 223 {
		t.Errorf("a short response carries %d plain bytes, want 223", got)
	}
}

func FuzzUnwrap(f *testing.F) {
	keys := readerKeys(f, 32)
	c, err := sm.Protect(keys, 1, apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(byte(0x0C), byte(0xB0), c.Data)
	f.Add(byte(0x0C), byte(0xB1), []byte{0x85, 1, 0, 0x97, 1, 0, 0x8E, 8, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, cla, ins byte, data []byte) {
		got, sw := secure.NewSession(32, secret).Unwrap(apdu.Command{CLA: cla, INS: ins, Data: data})
		if sw != apdu.OK && (got.Data != nil || sw != secure.Missing && sw != secure.Wrong) {
			t.Errorf("status %v with data", sw)
		}
	})
}
