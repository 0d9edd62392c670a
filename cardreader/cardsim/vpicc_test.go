package cardsim_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"slices"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/lds"
)

// vpcd is the reader's end of the virtual reader's protocol.
type vpcd struct {
	t    testing.TB
	conn net.Conn
}

func (v vpcd) send(frame ...byte) {
	v.t.Helper()
	if err := v.write(frame); err != nil {
		v.t.Fatal(err)
	}
}

// write sends length and frame apart, as vpcd does.
func (v vpcd) write(frame []byte) error {
	_, err := v.conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(frame))))
	if err == nil {
		_, err = v.conn.Write(frame)
	}
	return err
}

func (v vpcd) receive() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(v.conn, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(v.conn, frame)
	return frame, err
}

// Transmit implements apdu.Transmitter: a closed connection is a card that left.
func (v vpcd) Transmit(_ context.Context, command []byte) ([]byte, error) {
	if v.write(command) != nil {
		return nil, nil
	}
	got, err := v.receive()
	if err != nil {
		return nil, nil
	}
	return got, nil
}

// serve puts a card in a reader over an in-memory connection and returns what Serve will return.
func serve(t *testing.T, ctx context.Context, card *cardsim.Card) (vpcd, <-chan error) {
	t.Helper()
	reader, conn := net.Pipe()
	t.Cleanup(func() { reader.Close() })
	ended := make(chan error, 1)
	go func() { ended <- card.Serve(ctx, conn) }()
	return vpcd{t, reader}, ended
}

// TestServe answers to the request for the ATR and to commands, and to nothing else.
func TestServe(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "genuine")
	v, ended := serve(t, t.Context(), card)
	v.send(1) // power on: no answer
	v.send(2) // reset: no answer
	v.send(4)
	atr, err := v.receive()
	if err != nil || !slices.Equal(atr, card.ATR()) {
		t.Fatalf("ATR: %x, %v", atr, err)
	}
	v.send(9) // unknown control: no answer
	r := reader(t, v, "123456")
	if zone := readFile(t, r, lds.DG(1)); len(zone) != 95 {
		t.Errorf("DG1: %d bytes", len(zone))
	}
	if portrait := readFile(t, r, lds.DG(2)); len(portrait) < 13000 {
		t.Errorf("DG2: %d bytes", len(portrait))
	}
	v.send(0) // power off: the session is over
	if _, err := r.ReadFile(t.Context(), lds.DG(1), nil); err == nil {
		t.Error("a session outlives its power")
	}
	v.conn.Close()
	if err := <-ended; err == nil {
		t.Error("the reader went away without an error")
	}
}

// TestServeLeaves closes the connection when the card leaves, with its last answer or without.
func TestServeLeaves(t *testing.T) {
	t.Parallel()
	v, ended := serve(t, t.Context(), simtest.Card(t, "removed-between"))
	if _, err := unlock(t.Context(), v, "123456"); err == nil {
		t.Error("the application was selected on a card that had left")
	}
	if err := <-ended; err != nil {
		t.Errorf("got %v", err)
	}
}

func TestServeEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, ended := serve(t, ctx, simtest.Card(t, "genuine"))
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}

	ctx, cancel = context.WithCancel(t.Context())
	v, ended := serve(t, ctx, simtest.Card(t, "mute"))
	v.send(readCardAccess...)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("mute: got %v", err)
	}
}

// TestServeEmptyFrame refuses what vpcd never sends.
func TestServeEmptyFrame(t *testing.T) {
	t.Parallel()
	v, ended := serve(t, t.Context(), simtest.Card(t, "genuine"))
	if _, err := v.conn.Write([]byte{0, 0}); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Error("an empty frame was let go")
	}
}

// TestDial keeps a card in a reader over TCP: it leaves, and is put back.
func TestDial(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	listener, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	card := simtest.Card(t, "removed-between")
	var pauses []time.Duration
	card.Wait = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- cardsim.Dial(ctx, listener.Addr().String(), card) }()
	for range 2 {
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := unlock(t.Context(), vpcd{t, conn}, "123456"); err == nil {
			t.Error("the card did not leave")
		}
		conn.Close()
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(pauses) < 1 || pauses[0] < time.Second {
		t.Errorf("put back after %v", pauses)
	}
}

// TestDialWaitsForReader tries until someone listens.
func TestDialWaitsForReader(t *testing.T) {
	t.Parallel()
	card := simtest.Card(t, "genuine")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	tries := 0
	card.Wait = func(ctx context.Context, _ time.Duration) error {
		if tries++; tries == 3 {
			cancel()
		}
		return ctx.Err()
	}
	if err := cardsim.Dial(ctx, "127.0.0.1:1", card); !errors.Is(err, context.Canceled) || tries != 3 {
		t.Errorf("%d tries, %v", tries, err)
	}
}
