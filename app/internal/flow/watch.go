package flow

import (
	"context"
	"slices"
	"sync"

	"pivot/shared/wire"
)

// The stages of a ceremony that a flow waits for, and the words for its end.
const (
	stageConfirmed = "confirmed"
	stageHopped    = "hopped"
	stageEnded     = "ended"

	endDone = "done"
)

// order of the stages that precede the end.
var order = []string{"offered", "attached", stageConfirmed, stageHopped, "released"}

// watch is what the stream of events said of a ceremony so far.
type watch struct {
	mu    sync.Mutex
	stage int // index in order
	err   error
	moved chan struct{} // closed and replaced at each change
	deaf  bool          // the end is expected, or ours
	over  error         // how it ended, unless that was told
	end   context.CancelCauseFunc
}

// follow watches the ceremony while the flow goes on. The context that it gives ends with the ceremony, a *[Failure] as its
// cause; the function ends the watch.
func (r *run) follow(ctx context.Context) (context.Context, func()) {
	ctx, end := context.WithCancelCause(ctx)
	w := &watch{moved: make(chan struct{}), end: end}
	r.watch = w
	var listening sync.WaitGroup
	listening.Go(func() {
		for e, err := range r.client.Events(ctx, r.ceremony.id) {
			if err == nil && e.Stage == stageEnded {
				if e.Reason != endDone {
					w.ended(refusalOf(&wire.Problem{Code: wire.CodeEnded, Reason: e.Reason}))
				}
				return
			}
			w.take(e, err)
		}
	})
	return ctx, func() {
		end(nil)
		listening.Wait()
	}
}

func (w *watch) take(e wire.Event, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err != nil {
		w.err = err
	} else {
		w.stage = max(w.stage, slices.Index(order, e.Stage))
	}
	close(w.moved)
	w.moved = make(chan struct{})
}

// ended tells how the ceremony ended: at once, or when that matters.
func (w *watch) ended(how error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over = how; !w.deaf {
		w.end(how)
	}
}

// mind says whether the end of the ceremony matters: not when it is about to be told as the answer to a call. No watch is no
// matter.
func (w *watch) mind(end bool) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deaf = !end
}

// heed is [watch.mind] after a call that succeeded: an end that came meanwhile is told now.
func (w *watch) heed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.deaf = false; w.over != nil {
		w.end(w.over)
	}
}

// until waits until the ceremony has come to a stage. Errors: those of the stream of events, and the context's cause.
func (w *watch) until(ctx context.Context, stage string) error {
	want := slices.Index(order, stage)
	for {
		w.mu.Lock()
		there, err, moved := w.stage >= want, w.err, w.moved
		w.mu.Unlock()
		if there {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
