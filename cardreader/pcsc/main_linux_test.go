//go:build cgo && !nopcsc

package pcsc_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/cardreader/pcsc"
	"pivot/cardreader/readertest"
)

// A process speaks to one PC/SC socket for its whole life, so these tests take turns at one path: none is parallel.
// Where a reader is running is up to the test; where none is, there is no service.

const (
	atrT1    = "3b848001544553 5413" // offers T=1 alone; historical bytes TEST
	atrOther = "3b8480014f544845 0b" // the same for another card
	atrT0    = "3b0454455354"        // T=0
	patience = 20 * time.Second      // how long a test waits for what must happen
)

func TestMain(m *testing.M) {
	readertest.RunChild(map[string]readertest.CardFunc{"script": script})
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "pcsc")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv("PCSCLITE_CSOCK_NAME", filepath.Join(dir, "pcscd", "pcscd.comm")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// bench is a reader with what a test needs around it.
type bench struct {
	*readertest.Reader
	control net.Listener // what a holding card calls
}

func setUp(tb testing.TB) bench {
	tb.Helper()
	dir := filepath.Dir(filepath.Dir(os.Getenv("PCSCLITE_CSOCK_NAME")))
	b := bench{Reader: readertest.Require(tb, readertest.Options{Dir: dir})}
	var err error
	if b.control, err = net.Listen("unix", fmt.Sprintf("%s/%d", dir, time.Now().UnixNano())); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.control.Close() })
	return b
}

func (b bench) insert(tb testing.TB, atr string) pcsc.Reader {
	tb.Helper()
	atr = strings.ReplaceAll(atr, " ", "")
	if err := b.Insert(tb.Context(), "script", atr, b.control.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	return b.await(tb, func(r pcsc.Reader) bool { return r.Present && hex.EncodeToString(r.ATR) == atr })
}

func (b bench) remove(tb testing.TB) {
	tb.Helper()
	if err := b.Remove(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// await watches until the slot is as wanted.
func (b bench) await(tb testing.TB, want func(pcsc.Reader) bool) pcsc.Reader {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	var last []pcsc.Reader
	for readers, err := range pcsc.Watch(ctx) {
		if err != nil {
			tb.Fatal(err)
		}
		last = readers
		i := slices.IndexFunc(readers, func(r pcsc.Reader) bool { return r.Name == b.Name() })
		if i >= 0 && want(readers[i]) {
			return readers[i]
		}
	}
	tb.Fatalf("readers stay %#v", last)
	return pcsc.Reader{}
}

func (b bench) connect(tb testing.TB) *pcsc.Card {
	tb.Helper()
	c, err := pcsc.Connect(tb.Context(), b.Name())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return c
}
