package cardreader

import (
	"context"
	"errors"
	"iter"
	"slices"

	"pivot/cardreader/pcsc"
)

// Reader is one card reader, or one slot of it, as it was when asked.
type Reader = pcsc.Reader

// EventKind says what happened.
type EventKind uint8

// What happens to readers and cards. The zero EventKind is none of them.
const (
	ReaderAdded   EventKind = iota + 1 // a reader was plugged in, or was there at the start
	ReaderRemoved                      // a reader was unplugged
	CardInserted                       // a card came, or lay there at the start
	CardRemoved                        // a card left
	ServiceGone                        // the smart card service does not answer; every reader was removed before
	ServiceBack                        // the smart card service answers again
)

func (k EventKind) String() string {
	names := [...]string{
		"nothing", "reader added", "reader removed", "card inserted", "card removed", "service gone", "service back",
	}
	if int(k) >= len(names) {
		return "unknown event"
	}
	return names[k]
}

// Event is one change. Reader is the reader as it is after it, or as it was before it left; a removed card's event
// has the reader with that card still in. It is zero for events of the service.
type Event struct {
	Kind   EventKind
	Reader Reader
}

// List returns the readers of this moment; none is no error. Errors are those of package pcsc.
func List(ctx context.Context) ([]Reader, error) { return pcsc.List(ctx) }

// Watch yields what changes until ctx ends or the caller stops, beginning with an event for each reader and each
// card there already, or with ServiceGone. It uses no time while nothing happens. An error is the last thing it
// yields, and there is one only where there will never be a reader: in a program built without PC/SC.
func Watch(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var before []Reader
		gone := false
		for now, err := range pcsc.Watch(ctx) {
			if errors.Is(err, pcsc.ErrNotBuilt) {
				yield(Event{}, err)
				return
			}
			var events []Event
			if gone && err == nil {
				events = append(events, Event{Kind: ServiceBack})
			}
			events = append(events, changes(before, now)...)
			if err != nil && !gone {
				events = append(events, Event{Kind: ServiceGone})
			}
			before, gone = now, err != nil
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// changes tells two moments apart: what left first, then what came.
func changes(before, after []Reader) []Event {
	var left, came []Event
	for _, was := range before {
		is, there := find(after, was.Name)
		if was.Present && !sameCard(was, is) {
			left = append(left, Event{CardRemoved, was})
		}
		if !there {
			left = append(left, Event{ReaderRemoved, was})
		}
	}
	for _, is := range after {
		was, there := find(before, is.Name)
		if !there {
			came = append(came, Event{ReaderAdded, is})
		}
		if is.Present && !sameCard(was, is) {
			came = append(came, Event{CardInserted, is})
		}
	}
	return append(left, came...)
}

func find(readers []Reader, name string) (Reader, bool) {
	i := slices.IndexFunc(readers, func(r Reader) bool { return r.Name == name })
	if i < 0 {
		return Reader{}, false
	}
	return readers[i], true
}

// sameCard reports whether one card lay there at both moments. A card that changed and came to answer its reset, or
// ceased to, is another for whoever waits for one that can be read.
func sameCard(a, b Reader) bool {
	return a.Name == b.Name && a.Present == b.Present && a.Changes == b.Changes && a.Mute == b.Mute &&
		slices.Equal(a.ATR, b.ATR)
}
