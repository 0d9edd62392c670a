package chip_test

import (
	"bytes"
	"context"
	"fmt"
	"math/big"
	"testing"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/lds"
	"pivot/cardreader/pace"
	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

const can = "123456"

var dg1 = bytes.Repeat([]byte("TEST"), 50) // 200 bytes

// config is a small good chip.
func config(t testing.TB) chip.Config {
	t.Helper()
	curve := named(t, "brainpoolP256r1")
	protocols := []chip.PACE{
		{Mapping: chip.Generic, KeyLen: 32, Curve: curve}, {Mapping: chip.Integrated, KeyLen: 32, Curve: curve},
	}
	return chip.Config{
		Files: map[chip.FID][]byte{
			chip.CardAccess: lds.CardAccess(protocols), chip.DG(1): dg1, chip.DG(2): make([]byte, 40000), chip.DG(3): {1},
		},
		Sealed: []chip.FID{chip.DG(3)}, PACE: protocols, CAN: can,
		CA: chip.ChipKey{KeyLen: 32, Curve: curve, Key: big.NewInt(0xC0FFEE)},
	}
}

// inProcess lets the reader's code talk to a chip.
type inProcess struct{ *chip.Chip }

func (p inProcess) Transmit(_ context.Context, command []byte) ([]byte, error) {
	return p.Process(command).Response, nil
}

// open runs PACE with the reader's code and selects the application.
func open(t testing.TB, c *chip.Chip) *sm.Channel {
	t.Helper()
	channel, err := establish(t, c, can)
	if err != nil {
		t.Fatal(err)
	}
	selectApplication(t, c, channel)
	return channel
}

func establish(t testing.TB, c *chip.Chip, number string) (*sm.Channel, error) {
	t.Helper()
	access, err := mrtd.ParseCardAccess(config(t).Files[chip.CardAccess])
	if err != nil {
		t.Fatal(err)
	}
	info, err := pace.Choose(access.PACE)
	if err != nil {
		t.Fatal(err)
	}
	password, err := pace.CAN([]byte(number))
	if err != nil {
		t.Fatal(err)
	}
	return pace.Run(context.Background(), inProcess{c}, info, password)
}

var selectAID = apdu.Command{INS: 0xA4, P1: 4, P2: 12, Data: []byte("\xA0\x00\x00\x02\x47\x10\x01")}

func selectApplication(t testing.TB, c *chip.Chip, channel *sm.Channel) {
	t.Helper()
	if r := send(t, c, channel, selectAID); r.SW != apdu.OK {
		t.Fatalf("select application: %v", r.SW)
	}
}

func send(t testing.TB, c *chip.Chip, channel *sm.Channel, cmd apdu.Command) apdu.Response {
	t.Helper()
	r, err := channel.Send(context.Background(), inProcess{c}, cmd, true)
	if err != nil {
		t.Fatalf("%02x %02x%02x: %v", cmd.INS, cmd.P1, cmd.P2, err)
	}
	return r
}

// TestRead is what a read is answered with under secure messaging.
func TestRead(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  apdu.Command
		n    int
		sw   apdu.Status
	}{
		{"file by short identifier", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 200}, 200, 0x9000},
		{"less than the file", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 16}, 16, 0x9000},
		{"what there is, short", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256}, 200, 0x9000},
		{"what there is, extended", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 65536}, 200, 0x9000},
		{"past the end", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 201}, 200, 0x6282},
		{"from an offset", apdu.Command{INS: 0xB0, P1: 0x81, P2: 190, Ne: 10}, 10, 0x9000},
		{"offset at the end", apdu.Command{INS: 0xB0, P1: 0x81, P2: 200, Ne: 1}, 0, 0x6B00},
		{"no current file", apdu.Command{INS: 0xB0, Ne: 1}, 0, 0x6986},
		{"no length", apdu.Command{INS: 0xB0, P1: 0x81}, 0, 0x6700},
		{"absent file", apdu.Command{INS: 0xB0, P1: 0x8B, Ne: 1}, 0, 0x6A82},
		{"fingerprints", apdu.Command{INS: 0xB0, P1: 0x83, Ne: 1}, 0, 0x6982},
		{"reserved bits", apdu.Command{INS: 0xB0, P1: 0xA1, Ne: 1}, 0, 0x6A86},
		{"card access", apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 256}, 42, 0x9000},
		{"most of a short answer", apdu.Command{INS: 0xB0, P1: 0x82, Ne: sm.MaxShortPlain}, 223, 0x9000},
		{"a long response", apdu.Command{INS: 0xB0, P1: 0x82, Ne: 30000}, 30000, 0x9000},
		{"odd instruction", apdu.Command{INS: 0xB1, P2: 2, Data: []byte{0x54, 2, 0x9C, 0x30}, Ne: 20}, 18, 0x9000},
		{"odd instruction past the end", apdu.Command{INS: 0xB1, P2: 2, Data: []byte{0x54, 3, 1, 0, 0}, Ne: 20}, 0, 0x6B00},
		{"odd instruction without offset", apdu.Command{INS: 0xB1, P2: 2, Data: []byte{0x53, 0}, Ne: 20}, 0, 0x6A80},
		{"odd instruction without room", apdu.Command{INS: 0xB1, P2: 2, Data: []byte{0x54, 1, 0}, Ne: 4}, 0, 0x6700},
		{"unknown instruction", apdu.Command{INS: 0x0E}, 0, 0x6D00},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := chip.New(config(t))
			r := send(t, c, open(t, c), tt.cmd)
			if r.SW != tt.sw || len(r.Data) != tt.n {
				t.Errorf("%d bytes and %v, want %d and %v", len(r.Data), r.SW, tt.n, tt.sw)
			}
		})
	}
}

// TestShortRoom asks for 256 bytes in a command whose own response may have no more: the chip gives what fits.
func TestShortRoom(t *testing.T) {
	t.Parallel()
	c := chip.New(config(t))
	channel := open(t, c)
	short := func(cmd []byte) []byte { // the same command in short length
		parsed, err := apdu.ParseCommand(cmd)
		if err != nil {
			t.Fatal(err)
		}
		parsed.Ne = 256
		b, err := parsed.Short()
		if err != nil {
			t.Fatal(err)
		}
		return c.Process(b).Response
	}
	r, err := channel.Send(t.Context(), transmitter(short), apdu.Command{INS: 0xB0, P1: 0x82, Ne: 256}, true)
	if err != nil || len(r.Data) != sm.MaxShortPlain || r.SW != apdu.OK {
		t.Errorf("%d bytes, %v, %v", len(r.Data), r.SW, err)
	}
}

// transmitter is a function that answers commands.
type transmitter func(command []byte) []byte

func (f transmitter) Transmit(_ context.Context, command []byte) ([]byte, error) {
	return f(command), nil
}

// TestSelect is what SELECT is answered with under secure messaging.
func TestSelect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		master bool
		cmd    apdu.Command
		sw     apdu.Status
	}{
		{"file", false, apdu.Command{INS: 0xA4, P1: 2, P2: 12, Data: []byte{1, 1}}, 0x9000},
		{"absent file", false, apdu.Command{INS: 0xA4, P1: 2, P2: 12, Data: []byte{1, 9}}, 0x6A82},
		{"short identifier", false, apdu.Command{INS: 0xA4, P1: 2, P2: 12, Data: []byte{1}}, 0x6A80},
		{"other application", false, apdu.Command{INS: 0xA4, P1: 4, P2: 12, Data: []byte{0xA0, 0}}, 0x6A82},
		{"with a response", false, apdu.Command{INS: 0xA4, P1: 4, Data: selectAID.Data, Ne: 256}, 0x6A86},
		{"unknown way", false, apdu.Command{INS: 0xA4, P1: 9, P2: 12}, 0x6A86},
		{"no master file", false, apdu.Command{INS: 0xA4, P2: 12, Data: []byte{0x3F, 0}}, 0x6A86},
		{"master file", true, apdu.Command{INS: 0xA4, P2: 12, Data: []byte{0x3F, 0}}, 0x9000},
		{"other master file", true, apdu.Command{INS: 0xA4, P2: 12, Data: []byte{0x3F, 1}}, 0x6A82},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			conf := config(t)
			conf.Master = tt.master
			c := chip.New(conf)
			if r := send(t, c, open(t, c), tt.cmd); r.SW != tt.sw {
				t.Errorf("%v, want %v", r.SW, tt.sw)
			}
		})
	}
}

func plain(t testing.TB, c *chip.Chip, cmd apdu.Command) apdu.Response {
	t.Helper()
	b, err := cmd.Extended()
	if err != nil {
		t.Fatal(err)
	}
	r, err := apdu.ParseResponse(c.Process(b).Response)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestInClear is what the chip answers to whoever has no session.
func TestInClear(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		cmd  apdu.Command
		sw   apdu.Status
	}{
		{"card access", apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 256}, 0x9000},
		{"card access by its name", apdu.Command{INS: 0xA4, P1: 2, P2: 12, Data: []byte{1, 0x1C}}, 0x9000},
		{"application", selectAID, 0x9000},
		{"data group", apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256}, 0x6982},
		{"absent data group", apdu.Command{INS: 0xB0, P1: 0x8B, Ne: 256}, 0x6982},
		{"chip authentication", apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: []byte{0x80, 0}}, 0x6982},
		{"general authenticate", apdu.Command{INS: 0x86, Data: []byte{0x7C, 0}, Ne: 256}, 0x6985},
		{"general authenticate without template", apdu.Command{INS: 0x86, Data: []byte{0x7D, 0}, Ne: 256}, 0x6A80},
		{"other security environment", apdu.Command{INS: 0x22, P1: 0x81, P2: 0xB6}, 0x6A86},
		{"class of secure messaging", apdu.Command{CLA: 0x0C, INS: 0xB0, P1: 0x81, Ne: 256}, 0x6988},
		{"proprietary class", apdu.Command{CLA: 0x80, INS: 0xB0, P1: 0x81, Ne: 256}, 0x6E00},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r := plain(t, chip.New(config(t)), tt.cmd); r.SW != tt.sw {
				t.Errorf("%v, want %v", r.SW, tt.sw)
			}
		})
	}
}

// TestSessionDies shows that a session does not outlive what it must not, and that a good command leaves it alive.
func TestSessionDies(t *testing.T) {
	t.Parallel()
	read := apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256}
	tests := []struct {
		name  string
		spoil func(c *chip.Chip) []byte
		sw    apdu.Status // of the spoiling command
	}{
		{"nothing", func(*chip.Chip) []byte { return nil }, 0},
		{"command in clear", func(c *chip.Chip) []byte { return c.Process([]byte{0, 0xB0, 0x9C, 0, 0}).Response }, 0x6982},
		{"missing MAC", func(c *chip.Chip) []byte {
			return c.Process([]byte{0x0C, 0xB0, 0x81, 0, 3, 0x97, 1, 0, 0}).Response
		}, 0x6987},
		{"wrong MAC", func(c *chip.Chip) []byte {
			return c.Process([]byte{0x0C, 0xB0, 0x81, 0, 13, 0x97, 1, 0, 0x8E, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0}).Response
		}, 0x6988},
		{"no command", func(c *chip.Chip) []byte { return c.Process([]byte{0x0C, 0xB0}).Response }, 0x6700},
		{"loss of power", func(c *chip.Chip) []byte { c.Reset(); return nil }, 0},
	}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := chip.New(config(t))
			channel := open(t, c)
			if answer := tt.spoil(c); answer != nil && string(answer) != string([]byte{byte(tt.sw >> 8), byte(tt.sw)}) {
				t.Errorf("answer %x, want %v", answer, tt.sw)
			}
			_, err := channel.Send(t.Context(), inProcess{c}, read, true)
			if alive := err == nil; alive != (i == 0) {
				t.Errorf("session alive: %t", alive)
			}
		})
	}
}

// TestChaining sends a command in pieces.
func TestChaining(t *testing.T) {
	t.Parallel()
	c := chip.New(config(t))
	for i, piece := range selectAID.Chain(3) {
		if r := plain(t, c, piece); r.SW != apdu.OK {
			t.Fatalf("piece %d: %v", i, r.SW)
		}
	}
	pieces := selectAID.Chain(3)
	plain(t, c, pieces[0])
	if r := plain(t, c, apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 256}); r.SW != 0x6883 {
		t.Errorf("another command within a chain: %v", r.SW)
	}
	if r := plain(t, c, apdu.Command{INS: 0xB0, P1: 0x9C, Ne: 256}); r.SW != apdu.OK {
		t.Errorf("the command after it: %v", r.SW)
	}
	endless := apdu.Command{CLA: 0x10, INS: 0xA4, P1: 4, P2: 12, Data: make([]byte, 60000)}
	plain(t, c, endless)
	if r := plain(t, c, endless); r.SW != 0x6700 {
		t.Errorf("a chain over 64 KiB: %v", r.SW)
	}
}

// TestWrongPassword counts down, then takes longer and longer; the right one sets everything back.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	c := chip.New(config(t))
	for _, want := range []string{"2 tries left true", "1 tries left true"} {
		_, err := establish(t, c, "000000")
		wrong, ok := err.(*pace.WrongPasswordError)
		if !ok || fmt.Sprint(wrong.TriesLeft, " tries left ", wrong.Known) != want {
			t.Fatalf("got %v, want %s", err, want)
		}
		c.Reset() // does not help
	}
	for range 3 {
		if _, err := establish(t, c, "000000"); err == nil {
			t.Fatal("a wrong password opens")
		}
	}
	setAT := unhex(t, "0022c1a412800a04007f0007020204020483010284010d")
	if got := c.Process(setAT); len(got.Response) != 2 || got.Response[0] != 0x90 {
		t.Fatalf("set at: %x", got.Response)
	}
	if got := c.Process(unhex(t, "10860000027c0000")); got.Delay.Seconds() != 4 {
		t.Errorf("after five wrong passwords the chip takes %v, want 4s", got.Delay)
	}
	if _, err := establish(t, c, can); err != nil {
		t.Fatal(err)
	}
	c.Reset()
	c.Process(setAT)
	if got := c.Process(unhex(t, "10860000027c0000")); got.Delay != 0 {
		t.Errorf("after the right password the chip takes %v", got.Delay)
	}
}

// TestPACERefuses changes one thing in a good beginning of PACE.
func TestPACERefuses(t *testing.T) {
	t.Parallel()
	const (
		setGM = "0022c1a412800a04007f0007020204020483010284010d"
		setIM = "0022c1a412800a04007f0007020204040483010284010d"
		nonce = "10860000027c0000"
	)
	tests := []struct {
		name     string
		commands []string
		sw       string // of the last command
	}{
		{"nothing", []string{setGM}, "9000"},
		{"unknown protocol", []string{"0022c1a412800a04007f0007020204020383010284010d"}, "6a80"},
		{"unknown parameters", []string{"0022c1a412800a04007f0007020204020483010284010c"}, "6a80"},
		{"unknown password", []string{"0022c1a412800a04007f0007020204020483010384010d"}, "6a88"},
		{"no password", []string{"0022c1a40c800a04007f00070202040204"}, "6a80"},
		{"trailing object", []string{"0022c1a414800a04007f0007020204020483010284010d8500"}, "6a80"},
		{"nonce without chaining bit", []string{setGM, "00860000027c0000"}, "6883"},
		{"nonce with data", []string{setGM, "10860000047c02810000"}, "6a80"},
		{"empty mapping", []string{setGM, nonce, nonce}, "6a80"},
		{"point of another length", []string{setGM, nonce, "10860000067c048102040000"}, "6a80"},
		{"nonce of another length", []string{setIM, nonce, "10860000067c048102010200"}, "6a80"},
		{"parameters of P1", []string{setGM, "10860100027c0000"}, "6a86"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := chip.New(config(t))
			var last []byte
			for _, command := range tt.commands {
				last = c.Process(unhex(t, command)).Response
			}
			if got := fmt.Sprintf("%x", last); got != tt.sw {
				t.Errorf("got %s, want %s", got, tt.sw)
			}
		})
	}
}

// TestChipAuthentication agrees on new keys, by which the session goes on, its counter at zero.
func TestChipAuthentication(t *testing.T) {
	t.Parallel()
	conf := config(t)
	curve := conf.CA.Curve
	ours := big.NewInt(0xBEEF)
	public := curve.Encode(curve.Mul(ours, curve.G))
	good := apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: unhex(t, "800a04007f00070202030204")}
	tests := []struct {
		name     string
		setAT    apdu.Command
		template []byte
		set, sw  apdu.Status
	}{
		{"good", good, append([]byte{0x7C, 0x43, 0x80, 0x41}, public...), 0x9000, 0x9000},
		{"other protocol", apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: unhex(t, "800a04007f00070202030202")}, []byte{0x7C, 0}, 0x6A80, 0x6985},
		{"key identifier", apdu.Command{INS: 0x22, P1: 0x41, P2: 0xA4, Data: unhex(t, "800a04007f00070202030204840101")}, []byte{0x7C, 0}, 0x6A88, 0x6985},
		{"no point", good, []byte{0x7C, 0}, 0x9000, 0x6A80},
		{"point off the curve", good, append([]byte{0x7C, 0x43, 0x80, 0x41}, chip.OffCurve.Encode(curve, curve.G)...), 0x9000, 0x6A80},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := chip.New(conf)
			channel := open(t, c)
			if r := send(t, c, channel, tt.setAT); r.SW != tt.set {
				t.Fatalf("set at: %v, want %v", r.SW, tt.set)
			}
			r := send(t, c, channel, apdu.Command{INS: 0x86, Data: tt.template, Ne: 256})
			if r.SW != tt.sw {
				t.Fatalf("general authenticate: %v, want %v", r.SW, tt.sw)
			}
			if tt.sw != apdu.OK {
				return
			}
			shared := curve.Mul(ours, curve.Mul(conf.CA.Key, curve.G))
			keys, err := sm.AES256.Derive(curve.FieldBytes(shared.X))
			if err != nil {
				t.Fatal(err)
			}
			if r := send(t, c, sm.NewChannel(keys), apdu.Command{INS: 0xB0, P1: 0x81, Ne: 256}); !bytes.Equal(r.Data, dg1) {
				t.Error("the file under the new keys is another")
			}
		})
	}
}

// FuzzProcess feeds the chip sequences of commands, each with its length before it, in clear and after PACE.
func FuzzProcess(f *testing.F) {
	f.Add(false, []byte{5, 0, 0xB0, 0x9C, 0, 0, 4, 0, 0xA4, 0, 12})
	f.Add(true, []byte{9, 0x0C, 0xB0, 0x81, 0, 3, 0x97, 1, 0, 0})
	f.Add(false, append([]byte{23}, unhex(f, "0022c1a412800a04007f0007020204020483010284010d081086000002"+"7c0000")...))
	f.Fuzz(func(t *testing.T, unlocked bool, script []byte) {
		c := chip.New(config(t))
		if unlocked {
			open(t, c)
		}
		for len(script) > 0 {
			n := min(int(script[0]), len(script)-1)
			got := c.Process(script[1 : 1+n]).Response
			if len(got) < 2 || len(got) > 65535 {
				t.Fatalf("a response of %d bytes", len(got))
			}
			script = script[1+n:]
		}
	})
}
