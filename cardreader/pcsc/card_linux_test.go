//go:build cgo && !nopcsc

package pcsc_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/cardreader/pcsc"
)

func command(ins byte, p uint16) []byte { return []byte{0x00, ins, byte(p >> 8), byte(p)} }

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func TestNoService(t *testing.T) {
	_, err := pcsc.List(t.Context())
	wantError(t, "List", err, pcsc.ErrNoService)
	_, err = pcsc.Connect(t.Context(), "any")
	wantError(t, "Connect", err, pcsc.ErrNoService)
}

func TestNoReader(t *testing.T) {
	b := setUp(t)
	for _, name := range []string{"", "Unplugged 00 00", "zero\x00inside", strings.Repeat("n", 5000)} {
		_, err := pcsc.Connect(t.Context(), name)
		wantError(t, fmt.Sprintf("Connect to %.20q", name), err, pcsc.ErrNoReader)
	}
	_, err := pcsc.Connect(t.Context(), b.Name())
	wantError(t, "Connect to an empty reader", err, pcsc.ErrNoCard)
}

func TestExchange(t *testing.T) {
	b := setUp(t)
	r := b.insert(t, atrT1)
	list, err := pcsc.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name != b.Name() {
		t.Fatalf("List = %v, %v", list, err)
	}
	if diff := cmp.Diff(r, list[0]); diff != "" {
		t.Errorf("List differs from Watch: %s", diff)
	}
	c := b.connect(t)
	if !bytes.Equal(c.ATR(), r.ATR) || c.Protocol() != 1 {
		t.Errorf("ATR %x, T=%d", c.ATR(), c.Protocol())
	}
	short := command(insEcho, 0x0102)
	got, err := c.Transmit(t.Context(), short)
	if want := append(short, 0x90, 0x00); err != nil || !bytes.Equal(got, want) {
		t.Errorf("Transmit = %x, %v, want %x", got, err, want)
	}
	for _, size := range []int{0, 3, 1 << 17} {
		if _, err := c.Transmit(t.Context(), make([]byte, size)); err == nil {
			t.Errorf("a command of %d bytes is sent", size)
		}
	}
}

func TestExtendedLength(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	const vpcdMax = 65535 // the length field of a frame
	for _, n := range []int{256, 4096, 65000, vpcdMax - 2} {
		got, err := c.Transmit(t.Context(), command(insBytes, uint16(n)))
		if want := append(pattern(n), 0x90, 0x00); err != nil || !bytes.Equal(got, want) {
			t.Errorf("response of %d bytes: %d bytes, %v", n, len(got), err)
		}
	}
	for _, n := range []int{256, 4096, vpcdMax - 2 - 7} {
		long := append(command(insEcho, 0), 0)
		long = append(binary.BigEndian.AppendUint16(long, uint16(n)), pattern(n)...)
		got, err := c.Transmit(t.Context(), long)
		if want := append(long, 0x90, 0x00); err != nil || !bytes.Equal(got, want) {
			t.Errorf("command of %d bytes: %d bytes back, %v", len(long), len(got), err)
		}
	}
}

func TestProtocolT0(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT0)
	if c := b.connect(t); c.Protocol() != 0 {
		t.Errorf("T=%d, want T=0", c.Protocol())
	}
}

func TestSharing(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	_, err := pcsc.Connect(t.Context(), b.Name())
	wantError(t, "second connection", err, pcsc.ErrSharing)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	b.connect(t)
	_, err = c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "closed connection", err, os.ErrClosed)
	if err := c.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestResets(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	for want := range byte(3) {
		got, err := c.Transmit(t.Context(), command(insRemind, 0))
		if err != nil || got[0] != want+1 {
			t.Fatalf("command %d: %x, %v", want+1, got, err)
		}
	}
	if err := c.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Transmit(t.Context(), command(insRemind, 0)); err != nil || got[0] != 1 {
		t.Errorf("after Reset the card still counts: %x, %v", got, err)
	}
	_ = c.Close()
	got, err := b.connect(t).Transmit(t.Context(), command(insRemind, 0))
	if err != nil || got[0] != 1 {
		t.Errorf("after Close the card still counts: %x, %v", got, err)
	}
}

func TestRemovedDuringCommand(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	_, err := c.Transmit(t.Context(), command(insLeave, 0))
	wantError(t, "command the card leaves in", err, pcsc.ErrRemoved)
	_, err = c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "next command", err, pcsc.ErrRemoved)
}

func TestSwapped(t *testing.T) {
	b := setUp(t)
	first := b.insert(t, atrT1)
	c := b.connect(t)
	if err := b.Swap(t.Context(), "script", strings.ReplaceAll(atrOther, " ", "")); err != nil {
		t.Fatal(err)
	}
	_, err := c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "command to the swapped card", err, pcsc.ErrRemoved)
	wantError(t, "reset of the swapped card", c.Reset(t.Context()), pcsc.ErrRemoved)
	second := b.await(t, func(r pcsc.Reader) bool { return r.Present && !bytes.Equal(r.ATR, first.ATR) })
	if second.Changes == first.Changes {
		t.Error("the change of card was not counted")
	}
	_, err = c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "old connection, new card", err, pcsc.ErrRemoved)
	_ = c.Close()
	if _, err := b.connect(t).Transmit(t.Context(), command(insEcho, 0)); err != nil {
		t.Errorf("new connection: %v", err)
	}
}

// held calls until the card holds a command, and returns what lets it go.
func (b bench) held(t *testing.T) (release func()) {
	t.Helper()
	conn, err := b.control.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	return func() {
		fmt.Fprintln(conn, "go")
		_ = conn.Close()
	}
}

type outcome struct {
	response []byte
	err      error
}

func send(ctx context.Context, c *pcsc.Card, ins byte) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		response, err := c.Transmit(ctx, command(ins, 0))
		done <- outcome{response, err}
	}()
	return done
}

func TestSlow(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	done := send(t.Context(), c, insHold)
	release := b.held(t)
	if _, err := c.Transmit(t.Context(), command(insEcho, 0)); err == nil {
		t.Error("a second command is sent meanwhile")
	}
	release()
	if got := <-done; got.err != nil || !bytes.Equal(got.response, []byte{0x90, 0x00}) {
		t.Errorf("Transmit = %x, %v", got.response, got.err)
	}
	if _, err := c.Transmit(t.Context(), command(insEcho, 0)); err != nil {
		t.Errorf("next command: %v", err)
	}
}

func TestMute(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.Transmit(ctx, command(insMute, 0))
	wantError(t, "mute card", err, pcsc.ErrMute)
	_, err = c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "next command", err, pcsc.ErrMute)
	if err := c.Close(); err != nil { // returns although the command is still out
		t.Fatal(err)
	}
	// The process and the service still work.
	if list, err := pcsc.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("List = %v, %v", list, err)
	}
	_, err = pcsc.Connect(t.Context(), strings.Replace(b.Name(), "00 00", "00 01", 1))
	wantError(t, "other slot", err, pcsc.ErrNoCard)
	b.remove(t)
	b.await(t, func(r pcsc.Reader) bool { return !r.Present })
	b.insert(t, atrOther)
	if _, err := b.connect(t).Transmit(t.Context(), command(insEcho, 0)); err != nil {
		t.Errorf("after the mute card: %v", err)
	}
	noGoroutines(t)
}

func TestCancelled(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := send(ctx, c, insHold)
	release := b.held(t)
	cancel()
	got := <-done
	wantError(t, "cancelled command", got.err, context.Canceled)
	if errors.Is(got.err, pcsc.ErrMute) {
		t.Error("a cancelled command blames the card")
	}
	_, err := c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "next command", err, pcsc.ErrMute)
	release() // the late answer goes nowhere, and the card is released
	noGoroutines(t)
	b.connect(t)
	_, err = b.connectWith(ctx)
	wantError(t, "cancelled before connecting", err, context.Canceled)
	noGoroutines(t)
}

func (b bench) connectWith(ctx context.Context) (*pcsc.Card, error) {
	return pcsc.Connect(ctx, b.Name())
}

func TestCloseDuringCommand(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	done := send(t.Context(), c, insHold)
	release := b.held(t)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	release()
	if got := <-done; got.err != nil {
		t.Errorf("the command under way: %v", got.err)
	}
	_, err := c.Transmit(t.Context(), command(insEcho, 0))
	wantError(t, "next command", err, os.ErrClosed)
	b.connect(t) // the card was released
}

func TestUnresponsive(t *testing.T) {
	b := setUp(t)
	for _, atr := range []string{"00", "ffffffff", strings.Repeat("ff", 33)} {
		if err := b.Insert(t.Context(), "script", atr); err != nil {
			t.Fatal(err)
		}
		b.await(t, func(r pcsc.Reader) bool { return r.Present })
		if c, err := pcsc.Connect(t.Context(), b.Name()); !errors.Is(err, pcsc.ErrUnresponsive) {
			t.Errorf("ATR %.8s: connection %v, %v", atr, c, err)
		}
		b.remove(t)
		b.await(t, func(r pcsc.Reader) bool { return !r.Present })
	}
}

// TestErrorsHoldNoCommand looks for the bytes of a command in every error one can meet after sending it.
func TestErrorsHoldNoCommand(t *testing.T) {
	b := setUp(t)
	b.insert(t, atrT1)
	c := b.connect(t)
	_, leave := c.Transmit(t.Context(), []byte{0x00, insLeave, 0x53, 0x45, 0x04, 'S', 'E', 'C', 'R'})
	_, after := c.Transmit(t.Context(), []byte{0x00, insEcho, 0x53, 0x45, 0x04, 'S', 'E', 'C', 'R'})
	for _, err := range []error{leave, after} {
		if err == nil || strings.Contains(err.Error(), "SECR") || strings.Contains(strings.ToLower(err.Error()), "53454352") {
			t.Errorf("error %v", err)
		}
	}
}

func BenchmarkTransmit(b *testing.B) {
	bench := setUp(b)
	bench.insert(b, atrT1)
	c := bench.connect(b)
	for _, n := range []uint16{0, 223, 4096} {
		b.Run(fmt.Sprintf("%d bytes back", n), func(b *testing.B) {
			for b.Loop() {
				if _, err := c.Transmit(b.Context(), command(insBytes, n)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
