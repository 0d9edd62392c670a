//go:build pkcs11 && cgo

package hsm

import (
	"context"
	"maps"
	"slices"
	"time"
)

// What the tests reach inside for.
const (
	AtOnce = atOnce
	Pause  = pause
)

var (
	MayLogin   = mayLogin
	ParsePoint = parsePoint
	Lost       = lost
)

// Restart ends and starts the library, as a login that failed does.
func (t *Token) Restart() error { return t.module.start() }

// Sessions returns how many sessions wait for something to sign.
func (t *Token) Sessions() int {
	t.current.mu.Lock()
	defer t.current.mu.Unlock()
	return len(t.current.idle)
}

// Hold takes a turn until f returns.
func (t *Token) Hold(ctx context.Context, f func(), late func()) error {
	_, err := do(ctx, t, func(*link) (struct{}, error) { f(); return struct{}{}, nil }, func(struct{}) { late() })
	return err
}

// Confuse exchanges the handles of two keys that have signed, as if the token
// had given them out anew.
func (t *Token) Confuse() {
	l := t.current
	names := slices.Collect(maps.Keys(l.handles))
	l.handles[names[0]], l.handles[names[1]] = l.handles[names[1]], l.handles[names[0]]
}

// Move replaces the clock.
func (t *Token) Move(d time.Duration) {
	now := t.options.Now
	t.options.Now = func() time.Time { return now().Add(d) }
}
