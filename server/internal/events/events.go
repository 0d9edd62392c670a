// Package events owns the bus that wakes those who wait for a change: pages that are held, streams that are open. It says
// that something happened to a topic and never what; whoever is woken reads the record again. It lives in one process, and
// keeps nothing of a topic that nobody watches.
package events

import "sync"

// Bus wakes the watchers of a topic. It is safe for concurrent use.
type Bus struct {
	mu       sync.Mutex
	watchers map[string]map[chan struct{}]struct{}
	closed   bool
}

// New makes a bus without watchers.
func New() *Bus { return &Bus{watchers: make(map[string]map[chan struct{}]struct{})} }

// Notify wakes every watcher of the topic. It never waits: a watcher that was not heard yet is woken once for all.
func (b *Bus) Notify(topic string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for wake := range b.watchers[topic] {
		select {
		case wake <- struct{}{}:
		default: // it has not looked since the last time, and will see this change as well
		}
	}
}

// Watch gives a channel that receives after each change of the topic from now on, several at once counting as one.
// Read the record after Watch, so that no change falls in between. stop ends the watch and may be called again. The channel
// is closed by [Bus.Close] alone.
func (b *Bus) Watch(topic string) (wake <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		close(c)
		return c, func() {}
	}
	if b.watchers[topic] == nil {
		b.watchers[topic] = make(map[chan struct{}]struct{})
	}
	b.watchers[topic][c] = struct{}{}
	return c, func() { b.forget(topic, c) }
}

// Close closes the channels of all who wait, and of all who will: the program is about to stop, and nobody should hold it.
func (b *Bus) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, watchers := range b.watchers {
		for wake := range watchers {
			close(wake)
		}
	}
	clear(b.watchers)
	b.closed = true
}

func (b *Bus) forget(topic string, c chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watchers[topic], c)
	if len(b.watchers[topic]) == 0 {
		delete(b.watchers, topic)
	}
}
