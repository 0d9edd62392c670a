package pace_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"

	"pivot/cardreader/pace"
	"pivot/shared/apdu"
	"pivot/shared/mrtd"
	"pivot/shared/sm"
	"pivot/shared/tlv"
)

const (
	rightCAN = "123456"
	wrongCAN = "123457"
)

func can(t testing.TB, digits string) pace.Password {
	t.Helper()
	p, err := pace.CAN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// same checks that the reader's channel has the chip's keys.
func same(t *testing.T, channel *sm.Channel, c *chip) {
	t.Helper()
	want, err := sm.Protect(c.keys, 1, apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 223})
	if err != nil {
		t.Fatal(err)
	}
	expected, err := want.Short()
	if err != nil {
		t.Fatal(err)
	}
	got := false
	_, _ = channel.Send(t.Context(), transmit(func(command []byte) []byte {
		got = bytes.Equal(command, expected)
		return nil
	}), apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 223}, false)
	if !got {
		t.Error("the two sides have different keys")
	}
}

var curveIDs = [...]int{12, 13, 15, 16, 17, 18}

// TestRun opens a channel with every mapping, suite and curve, against a chip
// on math/big.
func TestRun(t *testing.T) {
	t.Parallel()
	for _, mapping := range []mrtd.Mapping{mrtd.GenericMapping, mrtd.IntegratedMapping} {
		for _, suite := range []sm.Suite{sm.AES128, sm.AES192, sm.AES256} {
			for _, id := range curveIDs {
				info := offer(t, mapping, suite, id)
				t.Run(fmt.Sprintf("%v/%v/%s", mapping, suite, info.Curve.Name()), func(t *testing.T) {
					t.Parallel()
					c := newChip(t, info, rightCAN)
					channel, err := pace.Run(t.Context(), c, info, can(t, rightCAN))
					if err != nil {
						t.Fatal(err)
					}
					same(t, channel, c)
					if c.count != 5 {
						t.Errorf("%d commands", c.count)
					}
					want := tlv.Append(nil, 0x80, info.OIDBytes)
					want = tlv.Append(append(want, 0x83, 1, 2), 0x84, []byte{byte(id)})
					if !bytes.Equal(c.template, want) {
						t.Errorf("MSE:Set AT with %X", c.template)
					}
				})
			}
		}
	}
}

// TestNonceForms checks both lengths of the generic mapping's nonce, and one
// that is not below the order.
func TestNonceForms(t *testing.T) {
	t.Parallel()
	info := offer(t, mrtd.GenericMapping, sm.AES256, 13)
	for name, nonce := range map[string][]byte{
		"one block": bytes.Repeat([]byte{0xA5}, 16), "two blocks": bytes.Repeat([]byte{0x5A}, 32), "over the order": bytes.Repeat([]byte{0xFF}, 32),
	} {
		c := newChip(t, info, rightCAN)
		c.nonce = nonce
		if channel, err := pace.Run(t.Context(), c, info, can(t, rightCAN)); err != nil {
			t.Errorf("%s: %v", name, err)
		} else {
			same(t, channel, c)
		}
	}
}

// TestLeadingZero forces shared secrets whose first byte is zero, which must be
// kept (ICAO 9303-11 §9.7.1, TR-03111 §3.1.3).
func TestLeadingZero(t *testing.T) {
	t.Parallel()
	for _, mapping := range []mrtd.Mapping{mrtd.GenericMapping, mrtd.IntegratedMapping} {
		info := offer(t, mapping, sm.AES128, 13)
		c := newChip(t, info, rightCAN)
		c.private = func(peer, _ *point) *big.Int {
			k, shared := big.NewInt(1), peer
			for limit := new(big.Int).Lsh(big.NewInt(1), 248); shared.x.Cmp(limit) >= 0; k.Add(k, big.NewInt(1)) {
				shared = c.group.add(shared, peer)
			}
			return k
		}
		channel, err := pace.Run(t.Context(), c, info, can(t, rightCAN))
		if err != nil {
			t.Fatalf("%v: %v", mapping, err)
		}
		same(t, channel, c)
	}
}

func TestMRZ(t *testing.T) {
	t.Parallel()
	info := offer(t, mrtd.GenericMapping, sm.AES128, 13)
	c := newChip(t, info, "")
	c.key = unhex(t, "89DED1B26624EC1E634C1989302849DD") // ICAO 9303-11 G.1
	p, err := pace.MRZ("T22000129", "640812", "101031")
	if err != nil {
		t.Fatal(err)
	}
	channel, err := pace.Run(t.Context(), c, info, p)
	if err != nil {
		t.Fatal(err)
	}
	same(t, channel, c)
	if !bytes.Contains(c.template, []byte{0x83, 1, 1}) {
		t.Errorf("MSE:Set AT with %X", c.template)
	}
}

// TestWrongPassword checks every way in which a card refuses a CAN, that it
// costs one try, and that nothing is sent after.
func TestWrongPassword(t *testing.T) {
	t.Parallel()
	for _, mapping := range []mrtd.Mapping{mrtd.GenericMapping, mrtd.IntegratedMapping} {
		for _, tt := range []struct {
			tries, left int
			known       bool
			blocked     bool
		}{{3, 2, true, false}, {2, 1, true, false}, {15, 0, false, false}, {1, 0, false, true}} {
			t.Run(fmt.Sprintf("%v/%d", mapping, tt.tries), func(t *testing.T) {
				t.Parallel()
				info := offer(t, mapping, sm.AES256, 13)
				c := newChip(t, info, rightCAN)
				c.tries = tt.tries
				_, err := pace.Run(t.Context(), c, info, can(t, wrongCAN))
				if c.count != 5 {
					t.Errorf("%d commands", c.count)
				}
				if tt.blocked {
					if !errors.Is(err, pace.ErrBlocked) {
						t.Errorf("got %v", err)
					}
					return
				}
				wrong, ok := errors.AsType[*pace.WrongPasswordError](err)
				if !ok || wrong.TriesLeft != tt.left || wrong.Known != tt.known {
					t.Errorf("got %v", err)
				}
				if strings.Contains(err.Error(), wrongCAN) {
					t.Errorf("the CAN is in %q", err)
				}
			})
		}
	}
}

func TestStatuses(t *testing.T) {
	t.Parallel()
	info := offer(t, mrtd.GenericMapping, sm.AES128, 13)
	tests := []struct {
		step int
		sw   apdu.Status
		want error // nil: the session goes on
	}{
		{0, 0x63C1, nil},
		{0, 0x63C0, pace.ErrBlocked},
		{0, 0x6983, pace.ErrBlocked},
		{0, 0x6A80, pace.ErrUnsupported},
		{0, 0x6A88, pace.ErrUnsupported},
		{0, 0x6982, pace.ErrCard},
		{1, 0x6983, pace.ErrBlocked},
		{1, 0x6A80, pace.ErrCard},
		{2, 0x63C2, pace.ErrCard},
		{3, 0x6300, pace.ErrCard},
		{4, 0x6983, pace.ErrBlocked},
		{4, 0x6982, pace.ErrCard},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d/%04X", tt.step, uint16(tt.sw)), func(t *testing.T) {
			t.Parallel()
			c := newChip(t, info, rightCAN)
			c.status = func(step int) apdu.Status {
				if step == tt.step {
					return tt.sw
				}
				return 0
			}
			_, err := pace.Run(t.Context(), c, info, can(t, rightCAN))
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if tt.want != nil && c.count != tt.step+1 {
				t.Errorf("%d commands", c.count)
			}
		})
	}
}

// TestRunRefuses bends one answer of a chip that is accepted in the first row.
func TestRunRefuses(t *testing.T) {
	t.Parallel()
	gm, im := offer(t, mrtd.GenericMapping, sm.AES128, 13), offer(t, mrtd.IntegratedMapping, sm.AES128, 13)
	im256 := offer(t, mrtd.IntegratedMapping, sm.AES256, 13)
	g := groupOf(13)
	off := g.bytes(g.base())
	off[len(off)-1] ^= 1
	high := append(append([]byte{4}, g.p.Bytes()...), make([]byte, 32)...)
	object := func(tag tlv.Tag, value []byte) []byte { return tlv.Append(nil, 0x7C, tlv.Append(nil, tag, value)) }
	at := func(step int, answer []byte) func(int, []byte, []byte) []byte {
		return func(s int, good, _ []byte) []byte {
			if s == step {
				return answer
			}
			return good
		}
	}
	tests := []struct {
		name string
		info mrtd.PACEInfo
		bend func(step int, answer, sent []byte) []byte
		ok   bool
	}{
		{"genuine", gm, func(_ int, answer, _ []byte) []byte { return answer }, true},
		{"no nonce", gm, at(1, []byte{0x7C, 0}), false},
		{"empty nonce", gm, at(1, object(0x80, nil)), false},
		{"nonce of 8 bytes", gm, at(1, object(0x80, make([]byte, 8))), false},
		{"nonce of 24 bytes", gm, at(1, object(0x80, make([]byte, 24))), false},
		{"nonce of 48 bytes", gm, at(1, object(0x80, make([]byte, 48))), false},
		{"nonce of 200 bytes", gm, at(1, object(0x80, make([]byte, 200))), false},
		{"integrated, nonce of two blocks for AES-128", im, at(1, object(0x80, make([]byte, 32))), false},
		{"integrated, nonce of one block for AES-256", im256, at(1, object(0x80, make([]byte, 16))), false},
		{"no template", gm, at(1, nil), false},
		{"other template", gm, at(1, []byte{0x30, 0}), false},
		{"other tag", gm, at(1, object(0x81, make([]byte, 16))), false},
		{"length past the end", gm, at(1, []byte{0x7C, 0x12, 0x80, 0x10}), false},
		{"object after", gm, func(_ int, a, _ []byte) []byte { return append(bytes.Clone(a), 0x80, 0) }, false},
		{"object inside after", gm, func(s int, a, _ []byte) []byte {
			if s == 4 {
				return tlv.Append(nil, 0x7C, append(bytes.Clone(a[2:]), 0x8A, 0))
			}
			return a
		}, false},
		{"mapping key off the curve", gm, at(2, object(0x82, off)), false},
		{"mapping key at infinity", gm, at(2, object(0x82, []byte{0})), false},
		{"mapping key compressed", gm, at(2, object(0x82, append([]byte{2}, g.gx.Bytes()...))), false},
		{"mapping key with x over the prime", gm, at(2, object(0x82, high)), false},
		{"mapping key cut", gm, at(2, object(0x82, off[:64])), false},
		{"mapping key missing", gm, at(2, []byte{0x7C, 0}), false},
		{"mapping key sent back", gm, func(s int, a, sent []byte) []byte { return at(2, object(0x82, sent))(s, a, nil) }, false},
		{"another mapping key", gm, at(2, object(0x82, g.bytes(g.base()))), false},
		{"integrated mapping answered", im, at(2, object(0x82, make([]byte, 16))), false},
		{"integrated mapping answered by nothing", im, at(2, []byte{0x7C, 0}), true},
		{"ephemeral key off the curve", gm, at(3, object(0x84, off)), false},
		{"ephemeral key at infinity", gm, at(3, object(0x84, []byte{0})), false},
		{"ephemeral key sent back", gm, func(s int, a, sent []byte) []byte { return at(3, object(0x84, sent))(s, a, nil) }, false},
		{"token of zeros", gm, at(4, object(0x86, make([]byte, 8))), false},
		{"our token sent back", gm, func(s int, a, sent []byte) []byte { return at(4, object(0x86, sent))(s, a, nil) }, false},
		{"token cut", gm, func(s int, a, _ []byte) []byte {
			if s == 4 {
				return object(0x86, a[4:11])
			}
			return a
		}, false},
		{"token extended", gm, func(s int, a, _ []byte) []byte {
			if s == 4 {
				return object(0x86, append(bytes.Clone(a[4:]), 0))
			}
			return a
		}, false},
		{"no token", gm, at(4, []byte{0x7C, 0}), false},
		{"one bit of the token", gm, func(s int, a, _ []byte) []byte {
			if s == 4 {
				a[11] ^= 1
			}
			return a
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newChip(t, tt.info, rightCAN)
			c.tries = 15
			c.bend = tt.bend
			channel, err := pace.Run(t.Context(), c, tt.info, can(t, rightCAN))
			if (err == nil) != tt.ok || (channel != nil) != tt.ok {
				t.Fatalf("got %v", err)
			}
			// A changed key makes an honest chip see a wrong token first.
			_, wrong := errors.AsType[*pace.WrongPasswordError](err)
			if !tt.ok && !errors.Is(err, pace.ErrCard) && (!wrong || tt.name != "another mapping key") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestZeroNonce(t *testing.T) {
	t.Parallel()
	for _, mapping := range []mrtd.Mapping{mrtd.GenericMapping, mrtd.IntegratedMapping} {
		info := offer(t, mapping, sm.AES128, 13)
		c := newChip(t, info, rightCAN)
		c.nonce = make([]byte, 16)
		if _, err := pace.Run(t.Context(), c, info, can(t, rightCAN)); !errors.Is(err, pace.ErrCard) {
			t.Errorf("%v: got %v", mapping, err)
		}
		c = newChip(t, info, rightCAN) // the control: one bit
		c.nonce = append(make([]byte, 15), 1)
		if _, err := pace.Run(t.Context(), c, info, can(t, rightCAN)); err != nil {
			t.Errorf("%v: got %v", mapping, err)
		}
	}
}

func TestRemoved(t *testing.T) {
	t.Parallel()
	info := offer(t, mrtd.GenericMapping, sm.AES128, 13)
	for step := range 5 {
		c := newChip(t, info, rightCAN)
		card := transmit(func(command []byte) []byte {
			if c.count == step {
				return nil
			}
			b, _ := c.Transmit(t.Context(), command)
			return b
		})
		if _, err := pace.Run(t.Context(), card, info, can(t, rightCAN)); !errors.Is(err, apdu.ErrRemoved) {
			t.Errorf("step %d: got %v", step, err)
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	gm := offer(t, mrtd.GenericMapping, sm.AES256, 13)
	im := offer(t, mrtd.IntegratedMapping, sm.AES256, 13)
	gm128 := offer(t, mrtd.GenericMapping, sm.AES128, 16)
	gm384 := offer(t, mrtd.GenericMapping, sm.AES256, 16)
	cam, dh, old, des, unknown := gm, gm, gm, gm, gm
	cam.Mapping, dh.Agreement, old.Version, des.Suite, unknown.Curve = mrtd.ChipAuthenticationMapping, mrtd.DH, 1, 0, nil
	tests := []struct {
		name    string
		offered []mrtd.PACEInfo
		order   []mrtd.Mapping
		want    mrtd.PACEInfo
	}{
		{"generic first", []mrtd.PACEInfo{im, gm}, nil, gm},
		{"integrated first", []mrtd.PACEInfo{gm, im}, []mrtd.Mapping{mrtd.IntegratedMapping}, im},
		{"integrated wanted, not offered", []mrtd.PACEInfo{gm}, []mrtd.Mapping{mrtd.IntegratedMapping}, gm},
		{"integrated alone", []mrtd.PACEInfo{im}, nil, im},
		{"longest keys", []mrtd.PACEInfo{gm128, gm}, nil, gm},
		{"largest curve", []mrtd.PACEInfo{gm, gm384}, nil, gm384},
		{"only what is supported", []mrtd.PACEInfo{cam, dh, old, des, unknown, gm128}, nil, gm128},
	}
	for _, tt := range tests {
		got, err := pace.Choose(tt.offered, tt.order...)
		if err != nil || !bytes.Equal(got.OIDBytes, tt.want.OIDBytes) || got.Curve != tt.want.Curve || got.Mapping != tt.want.Mapping {
			t.Errorf("%s: got %X %v", tt.name, got.OIDBytes, err)
		}
	}
	for _, offered := range [][]mrtd.PACEInfo{nil, {cam}, {dh}, {old}, {des}, {unknown}} {
		if _, err := pace.Choose(offered); !errors.Is(err, pace.ErrUnsupported) {
			t.Errorf("got %v", err)
		}
		if len(offered) == 1 {
			none := transmit(func([]byte) []byte { t.Error("a command is sent"); return nil })
			if _, err := pace.Run(t.Context(), none, offered[0], can(t, rightCAN)); !errors.Is(err, pace.ErrUnsupported) {
				t.Errorf("run: got %v", err)
			}
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "12345", "1234567", "12345a", "12345 ", "１２３４５６"} {
		if _, err := pace.CAN([]byte(bad)); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
	for _, bad := range [][3]string{
		{"", "640812", "101031"},
		{"T22000129", "64081", "101031"},
		{"T22000129", "640812", "1010311"},
		{"t22000129", "640812", "101031"},
		{"T2200012 ", "640812", "101031"},
		{strings.Repeat("9", 23), "640812", "101031"},
	} {
		if _, err := pace.MRZ(bad[0], bad[1], bad[2]); err == nil || strings.Contains(err.Error(), bad[1]) {
			t.Errorf("%v: got %v", bad, err)
		}
	}
	for _, good := range [][3]string{{"T22", "64<<<<", "101031"}, {"D23145890734", "340712", "950712"}} {
		if _, err := pace.MRZ(good[0], good[1], good[2]); err != nil {
			t.Errorf("%v: got %v", good, err)
		}
	}
}

// TestPasswordWipe checks that a wiped password and the zero one open nothing,
// and that the caller's digits may be erased.
func TestPasswordWipe(t *testing.T) {
	t.Parallel()
	info := offer(t, mrtd.GenericMapping, sm.AES128, 13)
	digits := []byte(rightCAN)
	p, err := pace.CAN(digits)
	if err != nil {
		t.Fatal(err)
	}
	clear(digits)
	if _, err := pace.Run(t.Context(), newChip(t, info, rightCAN), info, p); err != nil {
		t.Fatal(err)
	}
	copied := p
	p.Wipe()
	p.Wipe()
	none := transmit(func([]byte) []byte { t.Error("a command is sent"); return nil })
	for _, p := range []pace.Password{p, copied, {}} {
		if _, err := pace.Run(t.Context(), none, info, p); err == nil {
			t.Error("a wiped password is used")
		}
	}
	pace.Password{}.Wipe()
}

func TestPrinting(t *testing.T) {
	t.Parallel()
	p := can(t, rightCAN)
	type outer struct {
		Exported pace.Password
		hidden   pace.Password
	}
	var out strings.Builder
	for _, v := range []any{p, &p, outer{p, p}, &outer{p, p}, []pace.Password{p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("card", "password", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("card", "password", v)
	}
	for _, leak := range []string{rightCAN, "313233", "49 50 51", "0x31, 0x32"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is printed", leak)
		}
	}
}
