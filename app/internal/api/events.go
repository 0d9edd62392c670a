package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"pivot/shared/wire"
)

const (
	firstBreak     = time.Second
	longestBreak   = 30 * time.Second
	streamPatience = 2 * time.Minute  // without any connection
	silence        = 45 * time.Second // three heartbeats
	steady         = 10 * time.Second // a connection that lasted so long was a good one
	mostLine       = 16 << 10
	stageEnded     = "ended"
)

var errSilent = errors.New("no heartbeat")

// errDone says that nobody wants another event.
var errDone = errors.New("done")

// Events gives what becomes of a ceremony, beginning with where it stands, until it has ended, the broker refuses, or the
// context is done. A connection that breaks is made anew, after 1 second at first and 30 at most, each time told what was
// seen last; [ErrOffline] says that none came to be for two minutes. An error is the last thing given.
func (c *Client) Events(ctx context.Context, ceremony string) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		s := stream{client: c, call: at(wire.PathEvents, ceremony), yield: yield}
		s.call.method, s.call.stream = http.MethodGet, true
		if err := s.follow(ctx); !errors.Is(err, errDone) {
			yield(wire.Event{}, err)
		}
	}
}

// stream is one ceremony's events over as many connections as it takes.
type stream struct {
	client  *Client
	call    call
	yield   func(wire.Event, error) bool
	open    bool // the connection was answered
	given   int  // events so far
	clocked bool // our clock was put right
}

// follow connects again and again; the error says why it stopped.
func (s *stream) follow(ctx context.Context) error {
	pause, reached := firstBreak, time.Now()
	for {
		began, given := time.Now(), s.given
		s.open = false
		err := s.once(ctx)
		if s.corrected(err) {
			continue
		}
		if final := s.final(ctx, err); final != nil {
			return final
		}
		if s.open {
			reached = time.Now()
		}
		if s.given > given || s.open && time.Since(began) >= steady {
			pause = firstBreak
		}
		if time.Since(reached) >= streamPatience {
			return err
		}
		if err := wait(ctx, jitter(pause)); err != nil {
			return err
		}
		pause = min(2*pause, longestBreak)
	}
}

// corrected says that the connection was refused for our clock alone, which it has put right; once.
func (s *stream) corrected(err error) bool {
	problem, refused := errors.AsType[*wire.Problem](err)
	if !refused || problem.Code != wire.CodeClock || s.clocked {
		return false
	}
	s.clocked = s.client.adjust(problem.Now)
	return s.clocked
}

// final gives the error that ends the stream; nil where another connection may do.
func (s *stream) final(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errDone):
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case !errors.Is(err, ErrOffline) && !again(s.repeatable(), err):
		return err
	}
	return nil
}

// repeatable is the call as one that may be repeated: to look does no harm.
func (s *stream) repeatable() call {
	k := s.call
	k.safe = true
	return k
}

// once follows one connection to its end, which is always an error.
func (s *stream) once(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watch.Stop()
	response, err := s.client.send(ctx, s.call, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		raw, err := read(ctx, response)
		if err != nil {
			return err
		}
		return refusal(response, raw)
	}
	if !isType(response, "text/event-stream") {
		return fmt.Errorf("%w: not a stream of events", ErrAnswer)
	}
	s.open = true
	body := &heartbeat{from: response.Body, watch: watch}
	if err := s.parse(body); !errors.Is(err, errBroken) {
		return err
	}
	if body.err == nil || errors.Is(body.err, io.EOF) {
		return fmt.Errorf("%w: the stream ended", ErrOffline)
	}
	return failed(ctx, body.err)
}

// errBroken says that the stream ended, well or not, before the ceremony did.
var errBroken = errors.New("the stream ended")

// parse reads events (HTML Living Standard 9.2.6) and gives each.
func (s *stream) parse(body io.Reader) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 1<<10), mostLine)
	var kind, id string
	var data []string
	size := 0
	for lines.Scan() {
		line := lines.Text()
		if size += len(line); size > wire.MostBody {
			return fmt.Errorf("%w: an event without end", ErrAnswer)
		}
		if line == "" {
			if err := s.dispatch(kind, id, data); err != nil {
				return err
			}
			kind, id, data, size = "", "", nil, 0
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "": // a comment: the heartbeat
			size -= len(line)
		case "event":
			kind = value
		case "id":
			id = value
		case "data":
			data = append(data, value)
		}
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("%w: a line without end", ErrAnswer)
	}
	return errBroken
}

func (s *stream) dispatch(kind, id string, data []string) error {
	if kind != "stage" || len(data) == 0 { // of a later version: not for us
		return nil
	}
	var e wire.Event
	if err := wire.Decode([]byte(strings.Join(data, "\n")), &e); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	if id != "" && len(id) <= 64 && printable(id) {
		s.call.last = id
	}
	s.given++
	if !s.yield(e, nil) || e.Stage == stageEnded {
		return errDone
	}
	return nil
}

// printable says whether a text may be sent back as a header.
func printable(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// heartbeat puts the watch back at each sign of life.
type heartbeat struct {
	from  io.Reader
	watch *time.Timer
	err   error
}

func (h *heartbeat) Read(p []byte) (int, error) {
	n, err := h.from.Read(p)
	if n > 0 {
		h.watch.Reset(silence)
	}
	h.err = err
	return n, err
}
