package events_test

import (
	"sync"
	"testing"
	"testing/synctest"

	"pivot/server/internal/events"
)

func waits(t *testing.T, c <-chan struct{}) {
	t.Helper()
	select {
	case _, open := <-c:
		t.Errorf("woken (open: %t)", open)
	default:
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	b := events.New()
	a, stopA := b.Watch("a")
	again, stopAgain := b.Watch("a")
	other, stopOther := b.Watch("b")
	defer stopOther()
	for range 3 { // several count as one
		b.Notify("a")
	}
	<-a
	<-again
	waits(t, a)
	waits(t, other)
	stopA()
	stopA()
	b.Notify("a")
	waits(t, a)
	<-again
	stopAgain()
	b.Notify("a") // nobody watches: nothing is kept
	late, stop := b.Watch("a")
	defer stop()
	waits(t, late)
}

func TestClose(t *testing.T) {
	t.Parallel()
	b := events.New()
	before, stop := b.Watch("a")
	b.Close()
	b.Close()
	if _, open := <-before; open {
		t.Error("open after the end")
	}
	stop()
	after, stop := b.Watch("a")
	defer stop()
	if _, open := <-after; open {
		t.Error("open after the end")
	}
	b.Notify("a")
}

// Whoever watches before the change is woken after it, whatever else goes on.
func TestNobodySleepsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(*testing.T) {
		b := events.New()
		var all sync.WaitGroup
		for range 50 {
			wake, stop := b.Watch("a")
			all.Go(func() {
				defer stop()
				<-wake
			})
			all.Go(func() {
				_, stop := b.Watch("b")
				b.Notify("b")
				stop()
			})
		}
		b.Notify("a")
		all.Wait() // ends by a deadlock if somebody sleeps on
	})
}
