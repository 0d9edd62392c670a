//go:build cgo && !nopcsc

package pcsc_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/cardreader/pcsc"
)

func TestWatch(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, stop := iter.Pull2(pcsc.Watch(ctx))
	defer stop()
	step := func(what string, want func([]pcsc.Reader, error) bool) {
		t.Helper()
		for {
			readers, err, ok := next()
			if !ok {
				t.Fatalf("%s: the watch ended", what)
			}
			if want(readers, err) {
				return
			}
			if err != nil {
				t.Fatalf("%s: %v", what, err)
			}
		}
	}
	gone := func(_ []pcsc.Reader, err error) bool { return errors.Is(err, pcsc.ErrNoService) }
	empty := func(rs []pcsc.Reader, err error) bool { return err == nil && len(rs) == 2 && !rs[0].Present }
	step("no service", gone)
	b := setUp(t)
	step("service and reader", empty)
	go func() { _ = b.Insert(ctx, "script", strings.ReplaceAll(atrT1, " ", "")) }()
	step("card", func(rs []pcsc.Reader, err error) bool {
		return err == nil && len(rs) == 2 && rs[0].Present && len(rs[0].ATR) == 9
	})
	b.remove(t)
	step("card removed", empty)
	_ = b.Close()
	step("service gone", gone)
	setUp(t)
	step("service back", empty)
	cancel()
	if readers, err, ok := next(); ok {
		t.Errorf("after its end the watch yields %v, %v", readers, err)
	}
	noGoroutines(t)
}

func TestWatchStops(t *testing.T) {
	setUp(t)
	for _, c := range []struct {
		name string
		stop func(cancel func()) bool // says whether to go on
	}{
		{"caller breaks", func(func()) bool { return false }},
		{"context ends in the loop", func(cancel func()) bool { cancel(); return true }},
		{"context ends in the wait", func(cancel func()) bool { time.AfterFunc(50*time.Millisecond, cancel); return true }},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		for _, err := range pcsc.Watch(ctx) {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if !c.stop(cancel) {
				break
			}
		}
		cancel()
		noGoroutines(t)
	}
}

// TestTwoWatches has two waits of one process see the same card, under collection of garbage.
func TestTwoWatches(t *testing.T) {
	b := setUp(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen, ready := make(chan bool, 2), make(chan struct{}, 2)
	for range 2 {
		go func() {
			first := true
			for readers, err := range pcsc.Watch(ctx) {
				if first {
					ready <- struct{}{}
				}
				first = false
				if err == nil && slices.ContainsFunc(readers, func(r pcsc.Reader) bool { return r.Present }) {
					seen <- true
					return
				}
			}
			seen <- false
		}()
	}
	<-ready
	<-ready
	collect()
	b.insert(t, atrT1)
	first, second := <-seen, <-seen
	if !first || !second {
		t.Error("one watch missed the card")
	}
}
