package companion

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

const (
	mostStream = 35 * time.Minute // longer than any ceremony
	heartbeat  = 15 * time.Second // also how soon a change by another process is seen
	oneWrite   = 20 * time.Second // that a peer may take to read what is written at once
	mostOpen   = 4                // streams of one ceremony
	mostInAll  = 4096             // of all: beyond it an app asks again later, and everything else is still answered
)

// streams counts those that are open.
type streams struct {
	mu   sync.Mutex
	open map[string]int
	all  int
}

func newStreams() *streams { return &streams{open: make(map[string]int)} }

// enter takes a place; done gives it back.
func (s *streams) enter(id string) (done func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[id] >= mostOpen || s.all >= mostInAll {
		return nil, false
	}
	s.open[id]++
	s.all++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.open[id]--; s.open[id] <= 0 {
			delete(s.open, id)
		}
	}, true
}

// events streams what becomes of a ceremony (HTML, server-sent events): its state at once, unless the app has seen that
// version, then each change until the end.
func (e *edge) events(c *gin.Context) error {
	if err := e.stream(c); err != nil {
		e.refuse(c, err)
	}
	return nil
}

func (e *edge) stream(c *gin.Context) error {
	body, err := read(c)
	if err != nil {
		return err
	}
	call, err := e.verify(c, body)
	if err != nil {
		return err
	}
	ctx := c.Request.Context()
	x, err := e.admit(ctx, call, party, c.Param("id"))
	if err != nil {
		return err
	}
	if err := e.spend(ctx, call); err != nil {
		return err
	}
	done, ok := e.streams.enter(x.ceremony.ID())
	if !ok {
		return &wire.Problem{Code: wire.CodeBusy}
	}
	defer done()
	seen, err := strconv.Atoi(c.GetHeader("Last-Event-ID"))
	if err != nil {
		seen = 0
	}
	h := c.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	e.follow(ctx, teller{c.Writer, http.NewResponseController(c.Writer)}, x, seen)
	return nil
}

// follow tells every version from now on, until the end, until the peer has gone, or until the program stops. Errors end
// it: the app comes back with the version that it saw last.
func (e *edge) follow(ctx context.Context, t teller, x visit, seen int) {
	id := x.ceremony.ID()
	wake, stop := e.Events.Watch(id)
	defer stop()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	if t.beat() != nil {
		return
	}
	for {
		event, err := e.current(ctx, x)
		if err != nil {
			return
		}
		if event.Version != seen {
			if t.tell(event) != nil {
				return
			}
			seen = event.Version
		}
		if event.Stage == string(ceremony.Ended) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case _, open := <-wake:
			if !open {
				return
			}
		case <-beat.C:
			if t.beat() != nil {
				return
			}
		}
	}
}

// current reads a ceremony again. One that is no longer known has ended with its time.
func (e *edge) current(ctx context.Context, x visit) (wire.Event, error) {
	r, err := e.Store.Book.Get(ctx, record.Ceremony, x.ceremony.ID())
	if errors.Is(err, record.ErrUnknown) {
		return wire.Event{Stage: string(ceremony.Ended), Reason: "expired", Version: -1}, nil
	}
	if err != nil {
		return wire.Event{}, err
	}
	c, err := ceremony.Parse(r)
	return wire.Event{Stage: string(c.Stage()), Reason: c.Reason(), Version: c.Version()}, err
}

// teller writes to one stream.
type teller struct {
	out  http.ResponseWriter
	peer *http.ResponseController
}

func (t teller) tell(event wire.Event) error {
	raw, err := wire.Encode(event)
	if err != nil {
		return err
	}
	return t.write(fmt.Appendf(nil, "id: %d\nevent: stage\ndata: %s\n\n", event.Version, raw))
}

func (t teller) beat() error { return t.write([]byte(": \n\n")) }

// write sends at once. A peer that does not read is left.
func (t teller) write(raw []byte) error {
	if err := t.peer.SetWriteDeadline(time.Now().Add(oneWrite)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := t.out.Write(raw); err != nil {
		return err
	}
	return t.peer.Flush()
}
