package sm_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pivot/shared/apdu"
	"pivot/shared/cmac"
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

func keys(t testing.TB, suite sm.Suite, enc, mac string) sm.Keys {
	t.Helper()
	k, err := sm.ParseKeys(append(append([]byte{byte(suite)}, unhex(t, enc)...), unhex(t, mac)...))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// The session of the EAC worked example of BSI TR-03110 (ECDH, AES-128), as
// published in openpace src/eactest.c.
const (
	exampleEnc = "68406B4162100563D9C901A6154D2901"
	exampleMAC = "73FF268784F72AF833FDC9464049AFC9"
)

// TestDerive checks the key derivation of ICAO 9303-11 §9.7 on the worked
// examples of its appendices G.1 and H.1 and of BSI TR-03110 (openpace
// src/eactest.c).
func TestDerive(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, secret, enc, mac string }{
		{
			"ICAO 9303-11 G.1", "28768D20701247DAE81804C9E780EDE582A9996DB4A315020B2733197DB84925",
			"F5F0E35C0D7161EE6724EE513A0D9A7F", "FE251C7858B356B24514B3BD5F4297D1",
		},
		{
			"ICAO 9303-11 H.1", "4F150FDE1D4F0E38E95017B891BAE17133A0DF45B0D3E18B60BA7BEAFDC2C713",
			"0D3FEB33251A6370893D62AE8DAAF51B", "B01E89E3D9E8719E586B50B4A7506E0B",
		},
		{
			"TR-03110 PACE", "6E7D077CCD367C2EAA683F1E8EC534302E2D00B6ADAF8A87A6EDA78740F17606",
			exampleEnc, exampleMAC,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, err := sm.AES128.Derive(unhex(t, tt.secret))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := k.Marshal(), keys(t, sm.AES128, tt.enc, tt.mac).Marshal(); !bytes.Equal(got, want) {
				t.Errorf("got %x", got)
			}
		})
	}
	t.Run("SHA-256", func(t *testing.T) {
		t.Parallel()
		secret := []byte("shared secret")
		for _, suite := range []sm.Suite{sm.AES192, sm.AES256} {
			k, err := suite.Derive(secret)
			if err != nil {
				t.Fatal(err)
			}
			enc := sha256.Sum256([]byte("shared secret\x00\x00\x00\x01"))
			mac := sha256.Sum256([]byte("shared secret\x00\x00\x00\x02"))
			n := suite.KeyLen()
			want := append(append([]byte{byte(suite)}, enc[:n]...), mac[:n]...)
			if !bytes.Equal(k.Marshal(), want) {
				t.Errorf("%v: %x", suite, k.Marshal())
			}
		}
	})
}

func TestPasswordKey(t *testing.T) {
	t.Parallel()
	// ICAO 9303-11 G.1: SHA-1 of T220001293 6408125 1010318.
	got, err := sm.AES128.PasswordKey(unhex(t, "7E2D2A41C74EA0B38CD36F863939BFA8E9032AAD"))
	if err != nil || !bytes.Equal(got, unhex(t, "89DED1B26624EC1E634C1989302849DD")) {
		t.Errorf("%x %v", got, err)
	}
	want := sha256.Sum256([]byte("123456\x00\x00\x00\x03"))
	for _, suite := range []sm.Suite{sm.AES192, sm.AES256} {
		if got, err := suite.PasswordKey([]byte("123456")); err != nil || !bytes.Equal(got, want[:suite.KeyLen()]) {
			t.Errorf("%v: %x %v", suite, got, err)
		}
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	// ICAO 9303-11 G.1: the token of the terminal over the chip's ephemeral key.
	point := unhex(t, "049E880F842905B8B3181F7AF7CAA9F0EFB743847F44A306D2D28C1D9EC65DF6DB"+
		"7764B22277A2EDDC3C265A9F018F9CB852E111B768B326904B59A0193776F094")
	data := tlv.Append(nil, 0x06, unhex(t, "04007F00070202040202"))
	data = tlv.Append(nil, 0x7F49, tlv.Append(data, 0x86, point))
	k := keys(t, sm.AES128, "F5F0E35C0D7161EE6724EE513A0D9A7F", "FE251C7858B356B24514B3BD5F4297D1")
	if got := k.Token(data); !bytes.Equal(got[:], unhex(t, "C2B0BD78D94BA866")) {
		t.Errorf("got %x", got)
	}
}

func TestKeysMarshal(t *testing.T) {
	t.Parallel()
	for _, suite := range []sm.Suite{sm.AES128, sm.AES192, sm.AES256} {
		k, err := suite.Derive([]byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		b := k.Marshal()
		again, err := sm.ParseKeys(b)
		if err != nil || !bytes.Equal(again.Marshal(), b) {
			t.Fatalf("%v: %v", suite, err)
		}
		clear(b[1:]) // the keys keep their own copy
		if bytes.Equal(again.Marshal(), b) {
			t.Errorf("%v: the keys alias the input", suite)
		}
		for _, bad := range [][]byte{b[:len(b)-1], append(b, 0), b[1:], nil, {0}, {4}} {
			if len(bad) > 0 && len(bad) == 1+2*sm.Suite(bad[0]).KeyLen() {
				continue
			}
			if _, err := sm.ParseKeys(bad); err == nil {
				t.Errorf("%v: %d bytes are accepted", suite, len(bad))
			}
		}
	}
}

func TestZeroValues(t *testing.T) {
	t.Parallel()
	var suite sm.Suite
	if _, err := suite.Derive([]byte("secret")); err == nil {
		t.Error("no suite derives keys")
	}
	if _, err := suite.PasswordKey([]byte("secret")); err == nil {
		t.Error("no suite derives a password key")
	}
	var none sm.Keys
	if _, err := sm.Protect(none, 1, apdu.Command{}); err == nil {
		t.Error("no keys protect")
	}
	if _, err := sm.Open(none, 2, []byte{0x90, 0}); err == nil {
		t.Error("no keys open")
	}
	if none.Marshal() != nil || none.Token(nil) != [8]byte{} {
		t.Error("no keys have content")
	}
	for suite, want := range map[sm.Suite]string{0: "no suite", sm.AES128: "AES-128", sm.AES192: "AES-192", sm.AES256: "AES-256", 4: "no suite"} {
		if suite.String() != want {
			t.Errorf("%q, want %q", suite, want)
		}
	}
}

func TestProtect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		enc, mac string
		ssc      uint64
		command  apdu.Command
		want     string
	}{
		{
			// gmrtd iso7816/secure_messaging_test.go: MSE:Set AT of a real session.
			"case 3", "cc86415f2ed7e8fd663b754265695ae1", "581e84b8ee06c4d3eee30461498d7fb3", 0xBB,
			apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: unhex(t, "800a04007f000702020302028401c3")},
			"0c2241a41d871101980953d37f67558690045d78a853b18a8e08929767a2cef172e200",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := sm.Protect(keys(t, sm.AES128, tt.enc, tt.mac), tt.ssc, tt.command)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.Short(); err != nil || !bytes.Equal(got, unhex(t, tt.want)) {
				t.Errorf("%x %v", got, err)
			}
		})
	}
	t.Run("TR-03110 cryptogram", func(t *testing.T) {
		t.Parallel()
		// openpace src/eactest.c: first cryptogram of the EAC worked example.
		c, err := sm.Protect(keys(t, sm.AES128, exampleEnc, exampleMAC), 1,
			apdu.Command{INS: 0x22, P1: 0x81, P2: 0xB6, Data: unhex(t, "830D44454356434141543030303031")})
		if err != nil {
			t.Fatal(err)
		}
		cursor := tlv.DER(c.Data)
		if got, err := cursor.Read(0x87); err != nil || !bytes.Equal(got, unhex(t, "01 be90237eeb4ba0ff253ea246ae31c8b8")) {
			t.Errorf("%x %v", got, err)
		}
	})
}

func TestOpen(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		enc, mac string
		ssc      uint64
		response string
		data     string
	}{
		// openpace src/eactest.c: first code of the EAC worked example.
		{"status alone", exampleEnc, exampleMAC, 2, "99029000 8E08A89570A68664A7D6 9000", ""},
		{
			// gmrtd iso7816/secure_messaging_test.go: a response of a real session.
			"data", "a8e85e938514ec67ae33cda3d43d3c48", "27f1adeb705a049a305b0c619b14b9b3", 0x0C,
			"8781e1012fabf9e0655d7e987fd28a8aeb19c9cadd990d49399799ed1fe465bcea56da9ba3024291d40d23d7f1e00485d71faddc6d8c1382e8028dd22efdcc72ed47663d56d20dd6c4b867956fe0507313083ae7fc54fb46133f184febbe13ad6fd3e2616a1f4a829e75ada1a0e443ca738288f6014be8a7745d8259b089e6bee35bcc4bf5b63db5fdd84244f67eca099213b70a861b4487225aa68af684278fceb4cb809de42be3ee95b0e0d72bcdb0ed47cb56efc264e04a9397a90e81ad1d81efa2d14b2ca8ec7bd997f4b1c1fd344d5dee8589c38b227ca4cb35810060a7cc76403e990290008e083eb47ef4fa82afc99000",
			"a729901d1a71874700133107ec53306404307bc382c63d8c150c3c72080ace05afa0c2bea28e4fb22787139165efba91f90f8aa5814a503ad4eb04a8c7dd22ce2826043004a8c7dd22ce28268b39b55416f0447c2fb77de107dcd2a62e880ea53eeb62d57cb4390295dbc9943ab78696fa504c110461041d1c64f068cf45ffa2a63a81b7c13f6b8847a3e77ef14fe3db7fcafe0cbd10e8e826e03436d646aaef87b2e247d4af1e8abe1d7520f9c2a45cb1eb8e95cfd55262b70b29feec5864e19c054ff99129280e4646217791811142820341263c53150231008cb91e82a3",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := sm.Open(keys(t, sm.AES128, tt.enc, tt.mac), tt.ssc, unhex(t, tt.response))
			if err != nil || r.SW != apdu.OK || !bytes.Equal(r.Data, unhex(t, tt.data)) {
				t.Errorf("%x %v", r.Data, err)
			}
		})
	}
	t.Run("AES-256 cryptogram", func(t *testing.T) {
		t.Parallel()
		// gmrtd iso7816/secure_messaging_test.go: cryptogram of a real session.
		c := newChip(t, keys(t, sm.AES256, "74b94f408bbb2cd92571fd5b6370a94cce7a2fa42ae3eb4da47b97ce6eaa24c6",
			"9e28d5d9ff1d979be752e8926bf0e1d35a440fc0aefc4aa3bc5610055ac8b113"))
		body := tlv.Append(nil, 0x87, unhex(t, "0142e919c115faf69350b01813d77a9e8d91912a7f717afd073f199070e61b79c6"))
		r, err := sm.Open(c.keys, 0x26, c.seal(0x26, body, apdu.OK))
		if err != nil || !bytes.Equal(r.Data, unhex(t, "04303130385f36063034303030305c06617563766d6e")) {
			t.Errorf("%x %v", r.Data, err)
		}
	})
}

// chip is the other side of a channel, written for these tests on the standard
// library alone but for the code, which has vectors of its own.
type chip struct {
	keys sm.Keys
	enc  cipher.Block
	mac  *cmac.MAC
}

func newChip(t testing.TB, k sm.Keys) chip {
	t.Helper()
	b := k.Marshal()
	n := sm.Suite(b[0]).KeyLen()
	enc, err := aes.NewCipher(b[1 : 1+n])
	if err != nil {
		t.Fatal(err)
	}
	mac, err := cmac.New(b[1+n:])
	if err != nil {
		t.Fatal(err)
	}
	return chip{keys: k, enc: enc, mac: mac}
}

func pad(b []byte) []byte {
	b = append(bytes.Clone(b), 0x80)
	for len(b)%16 != 0 {
		b = append(b, 0)
	}
	return b
}

func counter(ssc uint64) []byte {
	b := make([]byte, 16)
	for i := range 8 {
		b[15-i] = byte(ssc >> (8 * i))
	}
	return b
}

func (c chip) iv(ssc uint64) []byte {
	iv := counter(ssc)
	c.enc.Encrypt(iv, iv)
	return iv
}

// encrypt returns the cryptogram of text that is already in whole blocks.
func (c chip) encrypt(ssc uint64, text []byte) []byte {
	out := bytes.Clone(text)
	cipher.NewCBCEncrypter(c.enc, c.iv(ssc)).CryptBlocks(out, out)
	return out
}

// code is the data object of the code over objects.
func (c chip) code(ssc uint64, objects []byte) []byte {
	sum := c.mac.Sum(counter(ssc), pad(objects))
	return tlv.Append(nil, 0x8E, sum[:8])
}

// seal completes objects with status and code.
func (c chip) seal(ssc uint64, objects []byte, sw apdu.Status) []byte {
	status := []byte{byte(sw >> 8), byte(sw)}
	objects = tlv.Append(bytes.Clone(objects), 0x99, status)
	return append(append(objects, c.code(ssc, objects)...), status...)
}

// respond seals plain data as a chip does.
func (c chip) respond(ssc uint64, data []byte, sw apdu.Status) []byte {
	var objects []byte
	if len(data) > 0 {
		objects = tlv.Append(nil, 0x87, append([]byte{1}, c.encrypt(ssc, pad(data))...))
	}
	return c.seal(ssc, objects, sw)
}

// accept opens a protected command and returns the plain one.
func (c chip) accept(t testing.TB, ssc uint64, protected apdu.Command) apdu.Command {
	t.Helper()
	if protected.CLA&0x0C != 0x0C {
		t.Fatalf("class %02X", protected.CLA)
	}
	plain := protected
	plain.CLA &^= 0x0C
	plain.Data, plain.Ne = nil, 0
	cursor := tlv.DER(protected.Data)
	var objects []byte
	for tag, ok := cursor.Peek(); ok && tag != 0x8E; tag, ok = cursor.Peek() {
		_, value, err := cursor.Next()
		if err != nil {
			t.Fatal(err)
		}
		objects = tlv.Append(objects, tag, value)
		switch tag {
		case 0x87, 0x85:
			if (tag == 0x85) != (protected.INS&1 == 1) {
				t.Fatalf("%v with instruction %02X", tag, protected.INS)
			}
			if tag == 0x87 {
				value = value[1:]
			}
			text := bytes.Clone(value)
			cipher.NewCBCDecrypter(c.enc, c.iv(ssc)).CryptBlocks(text, text)
			plain.Data = text[:bytes.LastIndexByte(text, 0x80)]
		case 0x97:
			plain.Ne = int(value[0])
			if len(value) == 2 {
				plain.Ne = plain.Ne<<8 | int(value[1])
			}
			if plain.Ne == 0 {
				plain.Ne = 1 << (8 * len(value))
			}
		default:
			t.Fatalf("unexpected %v", tag)
		}
	}
	mac, err := cursor.Read(0x8E)
	if err != nil || cursor.End() != nil {
		t.Fatalf("code: %v", err)
	}
	text := pad([]byte{protected.CLA, protected.INS, protected.P1, protected.P2})
	if len(objects) > 0 {
		text = append(text, pad(objects)...)
	}
	if sum := c.mac.Sum(counter(ssc), text); !bytes.Equal(sum[:8], mac) {
		t.Fatal("the chip refuses the code")
	}
	return plain
}

// TestRoundTrip sends every kind of command and response through both sides.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, suite := range []sm.Suite{sm.AES128, sm.AES192, sm.AES256} {
		k, err := suite.Derive([]byte("secret"))
		if err != nil {
			t.Fatal(err)
		}
		c := newChip(t, k)
		for _, tt := range []struct {
			command apdu.Command
			ne      int // of the protected command
		}{
			{apdu.Command{INS: 0x84}, 256},
			{apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 223}, 256},
			{apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 256}, 256},
			{apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 257}, 65536},
			{apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 65536}, 65536},
			{apdu.Command{INS: 0xA4, P1: 4, P2: 0x0C, Data: []byte("application")}, 256},
			{apdu.Command{CLA: 0x10, INS: 0x86, Data: bytes.Repeat([]byte{7}, 16), Ne: 256}, 256},
			{apdu.Command{INS: 0xB1, Data: []byte{0x54, 2, 0x80, 0}, Ne: 220}, 256},
			{apdu.Command{INS: 0xDB, Data: bytes.Repeat([]byte{7}, 1000)}, 65536},
		} {
			protected, err := sm.Protect(k, 7, tt.command)
			if err != nil {
				t.Fatalf("%v: %v", tt.command, err)
			}
			if protected.Ne != tt.ne {
				t.Errorf("%v: protected Ne %d", tt.command, protected.Ne)
			}
			plain := c.accept(t, 7, protected)
			if plain.CLA != tt.command.CLA || plain.Ne != tt.command.Ne || !bytes.Equal(plain.Data, tt.command.Data) {
				t.Errorf("%v arrives as %v", tt.command, plain)
			}
		}
		for _, n := range []int{0, 1, 15, 16, 17, sm.MaxShortPlain, 4096, 65000} {
			data := bytes.Repeat([]byte{0x80}, n)
			response := c.respond(8, data, apdu.EndOfFile)
			if short := len(response) <= 258; short != (n <= sm.MaxShortPlain) {
				t.Errorf("%d bytes make a response of %d", n, len(response))
			}
			r, err := sm.Open(k, 8, response)
			if err != nil || r.SW != apdu.EndOfFile || !bytes.Equal(r.Data, data) {
				t.Errorf("%v, %d bytes: %v", suite, n, err)
			}
		}
		odd := tlv.Append(nil, 0x85, c.encrypt(8, pad([]byte{0x53, 1, 0xAA})))
		if r, err := sm.Open(k, 8, c.seal(8, odd, apdu.OK)); err != nil || !bytes.Equal(r.Data, []byte{0x53, 1, 0xAA}) {
			t.Errorf("odd instruction: %x %v", r.Data, err)
		}
	}
}

func TestProtectRefuses(t *testing.T) {
	t.Parallel()
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	for name, c := range map[string]apdu.Command{
		"already protected": {CLA: 0x0C}, "proprietary class": {CLA: 0x80}, "logical channel": {CLA: 0x01},
		"negative Ne": {Ne: -1}, "Ne over 65536": {Ne: 65537},
	} {
		if _, err := sm.Protect(k, 1, c); err == nil {
			t.Errorf("%s is protected", name)
		}
	}
}

// TestOpenRefuses removes one guarantee in each row from a response that is
// accepted in the first one. Rows marked sealed carry a right code: what they
// lack is something else.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	const ssc = 4
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(t, k)
	text := []byte("a file")
	cryptogram := c.encrypt(ssc, pad(text))
	do87 := tlv.Append(nil, 0x87, append([]byte{1}, cryptogram...))
	do99 := []byte{0x99, 2, 0x90, 0}
	ok := []byte{0x90, 0}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	sealed := func(objects ...[]byte) []byte { return c.seal(ssc, join(objects...), apdu.OK) }
	good := c.respond(ssc, text, apdu.OK)
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		if i < 0 {
			i += len(b)
		}
		b[i] ^= 1
		return b
	}
	var plain *sm.PlainStatusError

	tests := []struct {
		name     string
		response []byte
		want     error // nil: accepted
	}{
		{"genuine", good, nil},
		{"one bit of the code", flip(-3), sm.ErrMAC},
		{"one bit of the cryptogram", flip(5), sm.ErrMAC},
		{"one bit of the status inside", flip(-14), sm.ErrMAC},
		{"status outside differs", flip(-1), sm.ErrFormat},
		{"no code", join(do87, do99, ok), sm.ErrFormat},
		{"code of 7 bytes", join(do87, do99, []byte{0x8E, 7}, c.code(ssc, join(do87, do99))[2:9], ok), sm.ErrFormat},
		{"empty code", join(do87, do99, []byte{0x8E, 0}, ok), sm.ErrFormat},
		{"no status, sealed", join(do87, c.code(ssc, do87), ok), sm.ErrFormat},
		{"status of 1 byte, sealed", join(do87, []byte{0x99, 1, 0x90}, c.code(ssc, join(do87, []byte{0x99, 1, 0x90})), ok), sm.ErrFormat},
		{"object after the code", join(good[:len(good)-2], []byte{0x80, 0}, ok), sm.ErrFormat},
		{"byte after the code", join(good[:len(good)-2], []byte{0}, ok), sm.ErrFormat},
		{"foreign object, sealed", sealed(do87, []byte{0x81, 0}), sm.ErrFormat},
		{"status first, sealed", join(do99, do87, c.code(ssc, join(do99, do87)), ok), sm.ErrFormat},
		{"code first", join(c.code(ssc, join(do87, do99)), do87, do99, ok), sm.ErrFormat},
		{"cryptogram twice, sealed", sealed(do87, do87), sm.ErrFormat},
		{"both cryptograms, sealed", sealed(do87, tlv.Append(nil, 0x85, cryptogram)), sm.ErrFormat},
		{"status twice, sealed", sealed(do87, do99), sm.ErrFormat},
		{"code twice", join(good[:len(good)-2], c.code(ssc, join(do87, do99)), ok), sm.ErrFormat},
		{"padding indicator 02, sealed", sealed(tlv.Append(nil, 0x87, append([]byte{2}, cryptogram...))), sm.ErrFormat},
		{"empty cryptogram object, sealed", sealed([]byte{0x87, 0}), sm.ErrFormat},
		{"indicator alone, sealed", sealed([]byte{0x87, 1, 1}), sm.ErrFormat},
		{"empty odd cryptogram, sealed", sealed([]byte{0x85, 0}), sm.ErrFormat},
		{"partial block, sealed", sealed(tlv.Append(nil, 0x87, append([]byte{1}, cryptogram[:15]...))), sm.ErrFormat},
		{"no padding, sealed", sealed(tlv.Append(nil, 0x87, append([]byte{1}, c.encrypt(ssc, bytes.Repeat([]byte{7}, 16))...))), sm.ErrFormat},
		{"zero block, sealed", sealed(tlv.Append(nil, 0x87, append([]byte{1}, c.encrypt(ssc, make([]byte, 16))...))), sm.ErrFormat},
		{"padding over a block, sealed", sealed(tlv.Append(nil, 0x87, append([]byte{1}, c.encrypt(ssc, append([]byte{0x80}, make([]byte, 31)...))...))), sm.ErrFormat},
		{"long form of a length, sealed", sealed(join([]byte{0x87, 0x81, 17, 1}, cryptogram)), sm.ErrFormat},
		{"length past the end", join([]byte{0x87, 0x7F, 1}, cryptogram, do99, ok), sm.ErrFormat},
		{"replayed", c.respond(ssc-2, text, apdu.OK), sm.ErrMAC},
		{"of the next command", c.respond(ssc+2, text, apdu.OK), sm.ErrMAC},
		{"counter of a command", c.respond(ssc-1, text, apdu.OK), sm.ErrMAC},
		{"of another session", newChip(t, keys(t, sm.AES128, exampleEnc, exampleEnc)).respond(ssc, text, apdu.OK), sm.ErrMAC},
		{"cut short", good[:len(good)-5], sm.ErrFormat},
		{"one byte", good[:1], apdu.ErrRemoved},
		{"over 64 KiB", make([]byte, 70000), nil},
		{"status in clear", []byte{0x69, 0x88}, plain},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := sm.Open(k, ssc, tt.response)
			switch tt.name {
			case "genuine":
				if err != nil || !bytes.Equal(r.Data, text) || r.SW != apdu.OK {
					t.Fatalf("%v %v", r, err)
				}
				return
			case "over 64 KiB":
				if err == nil {
					t.Fatal("accepted")
				}
			case "status in clear":
				if got, ok := errors.AsType[*sm.PlainStatusError](err); !ok || got.Status != 0x6988 {
					t.Fatalf("got %v", err)
				}
			default:
				if !errors.Is(err, tt.want) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
			}
			if r.Data != nil || r.SW != 0 {
				t.Errorf("a refused response gives %v", r)
			}
		})
	}
}

// TestPrinting checks that no verb, no logger and no enclosing value shows a
// key, and that errors show no data.
func TestPrinting(t *testing.T) {
	t.Parallel()
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	channel := sm.NewChannel(k)
	type outer struct {
		Exported sm.Keys
		hidden   sm.Keys
		channel  *sm.Channel
	}
	values := []any{k, &k, channel, outer{k, k, channel}, &outer{k, k, channel}, []sm.Keys{k}, map[string]sm.Keys{"k": k}}
	var out strings.Builder
	text, json := slog.New(slog.NewTextHandler(&out, nil)), slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		text.Info("session", "value", v)
		json.Info("session", "value", v)
	}
	for _, secret := range []string{exampleEnc, exampleMAC} {
		raw := unhex(t, secret)
		for _, leak := range []string{secret, strings.ToLower(secret), string(raw), fmt.Sprint(raw)[1:], fmt.Sprintf("%#v", raw)[7:]} {
			if strings.Contains(out.String(), leak[:len(leak)-1]) {
				t.Errorf("a key is printed as %q", leak)
			}
		}
	}
	if got := fmt.Sprint(k); got != "[redacted]" {
		t.Errorf("keys print as %q", got)
	}
}
