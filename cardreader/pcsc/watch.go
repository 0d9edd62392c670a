//go:build (cgo || windows) && !nopcsc

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/ebfe/scard"
)

const (
	pnpName = `\\?PnP?\Notification` // the name that waits for readers instead of cards
	// slotMax is how many readers are watched: the service takes 16 names in one wait (pcsclite.h,
	// PCSCLITE_MAX_READERS_CONTEXTS) and the notification is one.
	slotMax = 15
	atrMax  = 33 // ISO 7816-3 §8.2.1, with TS

	// idleLimit ends a wait that nothing ended. libpcsclite wakes at this very pace inside an infinite wait.
	idleLimit = time.Minute
	// settleLimit ends the wait that follows a change: a reader that comes between the list and the wait is
	// counted as known by the wait, and readers often come in groups.
	settleLimit = 250 * time.Millisecond
	// blindLimit paces what nothing announces: the coming of the service, and of readers where the service has no
	// notification.
	blindLimit = time.Second
	// cancelRetry: a cancel that comes just before the wait is lost.
	cancelRetry = 10 * time.Millisecond
	// spinMax is how many waits may end at once with no change before the next one is delayed.
	spinMax = 3
)

// slot is what the service last said of one name: word is dwEventState (pcsclite.h, SCARD_STATE_*), whose upper
// half counts cards in and out.
type slot struct {
	name string
	word uint32
	atr  []byte
}

func (s slot) reader() Reader {
	return Reader{
		Name:    s.name,
		Present: s.is(scard.StatePresent),
		Mute:    s.is(scard.StateMute),
		Changes: uint16(s.word >> 16),
		ATR:     s.atr,
	}
}

func (s slot) is(f scard.StateFlag) bool { return s.word&uint32(f) != 0 }

// List returns the readers of this moment, in the service's order; none is no error. ctx bounds the call.
func List(ctx context.Context) ([]Reader, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	return await(ctx, ErrNoService, func() ([]Reader, error) {
		m, err := newMonitor()
		if err != nil {
			return nil, failure("context", err)
		}
		defer m.release()
		slots, err := survey(m, nil)
		return readers(slots), err
	}, func([]Reader) {})
}

// Watch yields the readers as they are, then again at each change, until ctx ends or the caller stops. Where the
// service is absent or goes away it yields an error that wraps [ErrNoService], once, and the readers again when it
// is back. It sleeps in the service's own wait, and asks once a second for a service that is not there.
func Watch(ctx context.Context) iter.Seq2[[]Reader, error] {
	return func(yield func([]Reader, error) bool) {
		for gone := false; ctx.Err() == nil; {
			seen := false
			err := observe(ctx, func(rs []Reader) bool {
				gone, seen = false, true
				return yield(rs, nil)
			})
			if err == nil || ctx.Err() != nil {
				return
			}
			if !gone || seen {
				if gone = true; !yield(nil, err) {
					return
				}
			}
			pause(ctx, blindLimit)
		}
	}
}

// observe reports the readers while the service lives. It returns nil when emit wants no more.
func observe(ctx context.Context, emit func([]Reader) bool) error {
	m, err := newMonitor()
	if err != nil {
		return failure("context", err)
	}
	defer m.release()
	defer cancelWith(ctx, m)()

	w := watcher{monitor: m, pnp: slot{name: pnpName}}
	for ctx.Err() == nil {
		slots, err := survey(m, w.slots)
		if err != nil {
			return err
		}
		if changed := w.learn(slots); changed && !emit(w.shown) {
			return nil
		}
		if err := w.wait(ctx); err != nil {
			return err
		}
	}
	return nil
}

// watcher is what one observation remembers from one wait to the next.
type watcher struct {
	monitor *monitor
	pnp     slot
	slots   []slot
	shown   []Reader
	started bool // shown was emitted
	fresh   bool // the last survey brought a change
	spins   int  // waits in a row that ended at once with none
}

// learn takes a survey over and says whether it shows something new.
func (w *watcher) learn(slots []slot) bool {
	rs := readers(slots)
	w.slots = slots
	w.fresh = !w.started || !slices.EqualFunc(rs, w.shown, same)
	w.shown, w.started = rs, true
	return w.fresh
}

// wait sleeps until something may have changed.
func (w *watcher) wait(ctx context.Context) error {
	if w.spins > spinMax {
		pause(ctx, settleLimit)
	}
	if ctx.Err() != nil {
		return nil
	}
	limit := idleLimit
	if w.fresh {
		limit = settleLimit
	}
	all := append([]slot{w.pnp}, w.slots...)
	if w.pnp.is(scard.StateUnknown) {
		all, limit = all[1:], blindLimit
		if len(all) == 0 {
			pause(ctx, limit)
			return nil
		}
	}
	before := slices.Clone(all)
	err := w.monitor.wait(all, limit)
	switch {
	case errors.Is(err, scard.ErrTimeout), errors.Is(err, scard.ErrCancelled):
		w.spins = 0
		return nil
	case errors.Is(err, scard.ErrUnknownReader): // it left since the survey
		w.slots = nil
	case err != nil:
		return failure("wait", err)
	}
	if all[0].name == pnpName {
		w.pnp, all, before = all[0], all[1:], before[1:]
	}
	w.spins++
	for i := range all {
		if all[i].word != before[i].word {
			w.spins = 0
		}
	}
	if err == nil {
		w.slots = all
	}
	return nil
}

// survey lists the readers and asks for the state of those that known does not tell, without waiting. A reader
// that leaves meanwhile makes it start again.
func survey(m *monitor, known []slot) ([]slot, error) {
	const attempts = 5
	for range attempts {
		names, err := m.readers()
		if err != nil && !errors.Is(err, scard.ErrNoReadersAvailable) {
			return nil, failure("list", err)
		}
		slots, unknown := recall(names[:min(len(names), slotMax)], known)
		if len(unknown) == 0 {
			return slots, nil
		}
		asked := make([]slot, len(unknown))
		for i, at := range unknown {
			asked[i] = slots[at]
		}
		err = m.wait(asked, 0)
		if errors.Is(err, scard.ErrUnknownReader) {
			continue
		}
		if err != nil && !errors.Is(err, scard.ErrTimeout) {
			return nil, failure("status", err)
		}
		for i, at := range unknown {
			slots[at] = asked[i]
		}
		return slots, nil
	}
	return nil, fmt.Errorf("pcsc: status: readers come and go: %w", ErrExchange)
}

// recall returns a slot for each name, taken from known where it is there, and the places of the others.
func recall(names []string, known []slot) (slots []slot, unknown []int) {
	for i, name := range names {
		s := slot{name: name}
		if k := slices.IndexFunc(known, func(k slot) bool { return k.name == name }); k >= 0 {
			s = known[k]
		} else {
			unknown = append(unknown, i)
		}
		slots = append(slots, s)
	}
	return slots, unknown
}

func readers(slots []slot) []Reader {
	rs := make([]Reader, len(slots))
	for i, s := range slots {
		rs[i] = s.reader()
	}
	return rs
}

func same(a, b Reader) bool {
	return a.Name == b.Name && a.Present == b.Present && a.Mute == b.Mute && a.Changes == b.Changes &&
		bytes.Equal(a.ATR, b.ATR)
}

// cancelWith ends the monitor's wait when ctx ends. The function it returns must be called before the monitor is
// released, once no wait will begin.
func cancelWith(ctx context.Context, m *monitor) func() {
	over, done := make(chan struct{}), make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		for {
			m.cancel()
			select {
			case <-over:
				return
			case <-time.After(cancelRetry):
			}
		}
	})
	return func() {
		close(over)
		if !stop() {
			<-done
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
