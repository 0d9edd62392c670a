//go:build (cgo || windows) && !nopcsc

package pcsc

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// defaultLimit bounds a call whose context has no deadline: a genuine card that counted wrong attempts has been
// seen to take 23 s over one command.
const defaultLimit = 60 * time.Second

// bounded gives ctx the default deadline if it has none.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, defaultLimit)
}

// await runs a call that cannot be interrupted and gives up on it when ctx ends: with silence as the error if that
// was the deadline, with the context's own if it was cancelled. A result that comes after that goes to late.
func await[T any](ctx context.Context, silence error, call func() (T, error), late func(T)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done, abandoned := make(chan outcome), make(chan struct{})
	go func() {
		v, err := call()
		select {
		case done <- outcome{v, err}:
		case <-abandoned:
			if err == nil {
				late(v)
			}
		}
	}()
	var none T
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		close(abandoned)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return none, fmt.Errorf("pcsc: %w: %w", silence, ctx.Err())
	}
	return none, fmt.Errorf("pcsc: %w", ctx.Err())
}
