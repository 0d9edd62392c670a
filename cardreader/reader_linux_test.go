package cardreader_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/pcsc"
	"pivot/cardreader/readertest"
)

// A process speaks to one PC/SC socket for its whole life: TestMain chooses it, and the tests that use it are not
// parallel.
func TestMain(m *testing.M) {
	readertest.RunChild(map[string]readertest.CardFunc{"echo": echo})
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reader")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Setenv("PCSCLITE_CSOCK_NAME", filepath.Join(dir, "pcscd", "pcscd.comm"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// echo is a card that answers each command with 9000, in frames of two bytes of length and content.
func echo(ctx context.Context, _ []string, addr string) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		var head [2]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return err
		}
		frame := make([]byte, binary.BigEndian.Uint16(head[:]))
		if _, err := io.ReadFull(conn, frame); err != nil {
			return err
		}
		var answer []byte
		switch {
		case len(frame) >= 4:
			answer = []byte{0x00, 0x02, 0x90, 0x00}
		case frame[0] == 4: // the ATR: T=1, historical bytes TEST
			answer = []byte{0x00, 0x09, 0x3B, 0x84, 0x80, 0x01, 'T', 'E', 'S', 'T', 0x13}
		default:
			continue
		}
		if _, err := conn.Write(answer); err != nil {
			return err
		}
	}
}

func require(t *testing.T) *readertest.Reader {
	t.Helper()
	if _, err := cardreader.List(t.Context()); errors.Is(err, pcsc.ErrNotBuilt) {
		t.Skipf("skipped: %v", err)
	}
	return readertest.Require(t, readertest.Options{Dir: filepath.Dir(filepath.Dir(os.Getenv("PCSCLITE_CSOCK_NAME")))})
}

// TestWatch follows a whole life of the service.
func TestWatch(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	next, stop := iter.Pull2(cardreader.Watch(ctx))
	defer stop()
	expect := func(kinds ...cardreader.EventKind) (last cardreader.Event) {
		t.Helper()
		for _, want := range kinds {
			got, err, ok := next()
			if errors.Is(err, pcsc.ErrNotBuilt) {
				t.Skipf("skipped: %v", err)
			}
			if !ok || err != nil || got.Kind != want {
				t.Fatalf("event %q (%v, %v), want %q", got.Kind, err, ok, want)
			}
			last = got
		}
		return last
	}
	expect(cardreader.ServiceGone)
	r := require(t)
	// vpcd has two slots, which come together.
	expect(cardreader.ServiceBack, cardreader.ReaderAdded, cardreader.ReaderAdded)
	if err := r.Insert(ctx, "echo"); err != nil {
		t.Fatal(err)
	}
	if e := expect(cardreader.CardInserted); e.Reader.Name != r.Name() || len(e.Reader.ATR) != 9 {
		t.Errorf("card inserted in %+v", e.Reader)
	}
	if err := r.Remove(ctx); err != nil {
		t.Fatal(err)
	}
	if e := expect(cardreader.CardRemoved); e.Reader.Name != r.Name() || !e.Reader.Present {
		t.Errorf("card removed from %+v", e.Reader)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	expect(cardreader.ReaderRemoved, cardreader.ReaderRemoved, cardreader.ServiceGone)
	cancel()
	if e, err, ok := next(); ok {
		t.Errorf("after its end the watch yields %q, %v", e.Kind, err)
	}
}

func TestOpen(t *testing.T) {
	r := require(t)
	if err := r.Insert(t.Context(), "echo"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for e, err := range cardreader.Watch(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Kind == cardreader.CardInserted {
			break
		}
	}
	card, err := cardreader.Open(ctx, r.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer card.Close()
	if _, err := cardreader.Open(ctx, r.Name()); !errors.Is(err, pcsc.ErrSharing) {
		t.Errorf("second Open: %v, want ErrSharing", err)
	}
	if got, err := card.Transmit(ctx, []byte{0x00, 0xA4, 0x00, 0x0C}); err != nil || len(got) != 2 {
		t.Errorf("Transmit = %x, %v", got, err)
	}
}

func TestEventKindString(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for k := range cardreader.ServiceBack + 2 {
		if s := k.String(); s == "" || seen[s] {
			t.Errorf("EventKind(%d) is %q", k, s)
		} else {
			seen[s] = true
		}
	}
}
