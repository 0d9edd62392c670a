package sm_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"pivot/shared/apdu"
	"pivot/shared/sm"
)

type card func(command []byte) ([]byte, error)

func (c card) Transmit(_ context.Context, command []byte) ([]byte, error) { return c(command) }

// TestChannel exchanges three commands with a chip that counts by itself.
func TestChannel(t *testing.T) {
	t.Parallel()
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(t, k)
	ssc := uint64(0)
	link := card(func(command []byte) ([]byte, error) {
		protected, err := apdu.ParseCommand(command)
		if err != nil {
			t.Fatal(err)
		}
		plain := c.accept(t, ssc+1, protected)
		ssc += 2
		return c.respond(ssc, bytes.Repeat([]byte{plain.P1}, min(plain.Ne, 1000)), apdu.OK), nil
	})
	ch := sm.NewChannel(k)
	for _, tt := range []struct {
		ne       int
		extended bool
	}{{223, false}, {4096, true}, {16, true}, {240, true}} {
		r, err := ch.Send(t.Context(), link, apdu.Command{INS: 0xB0, P1: 0x9D, Ne: tt.ne}, tt.extended)
		if err != nil || !bytes.Equal(r.Data, bytes.Repeat([]byte{0x9D}, min(tt.ne, 1000))) {
			t.Fatalf("Ne %d: %v %v", tt.ne, r, err)
		}
	}
}

// TestChannelDies checks that the first error is the last thing a channel does,
// and that it is remembered.
func TestChannelDies(t *testing.T) {
	t.Parallel()
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(t, k)
	cause := errors.New("sharing violation")
	read := apdu.Command{INS: 0xB0, P1: 0x9D, Ne: 223}
	tests := []struct {
		name    string
		command apdu.Command
		link    card
		want    error
	}{
		{"transport", read, func([]byte) ([]byte, error) { return nil, cause }, cause},
		{"removed", read, func([]byte) ([]byte, error) { return nil, nil }, apdu.ErrRemoved},
		{"wrong code", read, func([]byte) ([]byte, error) { return c.respond(4, nil, apdu.OK), nil }, sm.ErrMAC},
		{"malformed", read, func([]byte) ([]byte, error) { return []byte{1, 2, 0x90, 0}, nil }, sm.ErrFormat},
		{"too long for short length", apdu.Command{INS: 0xB0, Ne: 4096}, func([]byte) ([]byte, error) { return nil, errors.New("sent") }, nil},
		{"unprotectable", apdu.Command{CLA: 0x80}, func([]byte) ([]byte, error) { return nil, errors.New("sent") }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ch := sm.NewChannel(k)
			_, first := ch.Send(t.Context(), tt.link, tt.command, false)
			if first == nil || tt.want != nil && !errors.Is(first, tt.want) || errors.Is(first, sm.ErrDead) {
				t.Fatalf("got %v, want %v", first, tt.want)
			}
			sent := card(func([]byte) ([]byte, error) {
				t.Error("a dead channel transmits")
				return nil, nil
			})
			if _, err := ch.Send(t.Context(), sent, read, false); !errors.Is(err, sm.ErrDead) || !errors.Is(err, first) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestChannelSurvivesAStatus checks that a protected refusal is an answer.
func TestChannelSurvivesAStatus(t *testing.T) {
	t.Parallel()
	k := keys(t, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(t, k)
	ssc := uint64(0)
	link := card(func([]byte) ([]byte, error) {
		ssc += 2
		return c.respond(ssc, nil, apdu.NotFound), nil
	})
	ch := sm.NewChannel(k)
	for range 3 {
		if r, err := ch.Send(t.Context(), link, apdu.Command{INS: 0xB0, Ne: 1}, false); err != nil || r.SW != apdu.NotFound {
			t.Fatalf("%v %v", r, err)
		}
	}
}

// TestChannelPlainStatus checks that a bare status kills the session, whichever
// it is: nothing vouches for it.
func TestChannelPlainStatus(t *testing.T) {
	t.Parallel()
	for _, sw := range []apdu.Status{apdu.OK, apdu.NotFound, 0x6988, 0x6CF0} {
		ch := sm.NewChannel(keys(t, sm.AES128, exampleEnc, exampleMAC))
		link := card(func([]byte) ([]byte, error) { return apdu.Response{SW: sw}.Bytes(), nil })
		_, err := ch.Send(t.Context(), link, apdu.Command{INS: 0xB0, Ne: 1}, false)
		if plain, ok := errors.AsType[*sm.PlainStatusError](err); !ok || plain.Status != sw {
			t.Errorf("%v: got %v", sw, err)
		}
		if _, err := ch.Send(t.Context(), link, apdu.Command{INS: 0xB0, Ne: 1}, false); !errors.Is(err, sm.ErrDead) {
			t.Errorf("%v: got %v", sw, err)
		}
	}
}

// FuzzOpen checks that nothing opens but what the chip sealed, and that nothing
// panics.
func FuzzOpen(f *testing.F) {
	k := keys(f, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(f, k)
	good := c.respond(2, []byte("a file"), apdu.OK)
	f.Add(good)
	f.Add(c.respond(2, nil, apdu.NotFound))
	f.Add(unhex(f, "99029000 8E08A89570A68664A7D6 9000"))
	f.Add([]byte{0x69, 0x88})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := sm.Open(k, 2, b)
		if err != nil {
			return
		}
		if again := c.respond(2, r.Data, r.SW); !bytes.Equal(again, b) {
			t.Fatalf("%X opens and is sealed %X", b, again)
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	k := keys(b, sm.AES128, exampleEnc, exampleMAC)
	c := newChip(b, k)
	for _, n := range []int{sm.MaxShortPlain, 4063} {
		response := c.respond(2, make([]byte, n), apdu.OK)
		b.Run(map[bool]string{true: "short", false: "extended"}[n == sm.MaxShortPlain], func(b *testing.B) {
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sm.Open(k, 2, response); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
