package api_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

func event(version int, stage string) string {
	return fmt.Sprintf("id: %d\nevent: stage\ndata: {\"stage\":%q,\"version\":%d}\n\n", version, stage, version)
}

// script is what the broker does at each connection, and what it was asked.
type script struct {
	tb    testing.TB
	steps []func(r *http.Request, w *io.PipeWriter) *http.Response
	last  []string
	at    []time.Time
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.last, s.at = append(s.last, r.Header.Get("Last-Event-ID")), append(s.at, time.Now())
	if r.Header.Get("Accept") != "text/event-stream" || r.Method != http.MethodGet || r.URL.Path != "/companion/v1/ceremonies/T/events" {
		s.tb.Errorf("asked %s %s", r.Method, r.URL)
	}
	step := s.steps[min(len(s.at), len(s.steps))-1]
	if step == nil {
		return nil, errReset
	}
	reader, writer := io.Pipe()
	context.AfterFunc(r.Context(), func() { writer.CloseWithError(r.Context().Err()) })
	if response := step(r, writer); response != nil {
		return response, nil
	}
	response := answered(200, "text/event-stream", "")
	response.Body = reader
	return response, nil
}

// streams writes texts and then ends the connection, or holds it when hold is set.
func streams(hold bool, texts ...string) func(*http.Request, *io.PipeWriter) *http.Response {
	return func(r *http.Request, w *io.PipeWriter) *http.Response {
		go func() {
			for _, text := range texts {
				if _, err := io.WriteString(w, text); err != nil {
					return
				}
			}
			if !hold {
				w.Close()
			}
		}()
		return nil
	}
}

func answers(status int, kind, body string) func(*http.Request, *io.PipeWriter) *http.Response {
	return func(*http.Request, *io.PipeWriter) *http.Response { return answered(status, kind, body) }
}

// follow reads events until they end.
func follow(ctx context.Context, tb testing.TB, s *script) (stages []string, err error) {
	tb.Helper()
	c, err := api.New(api.Options{Origin: "https://broker.example", Key: newKey(tb), Transport: s})
	if err != nil {
		tb.Fatal(err)
	}
	for e, err := range c.Events(ctx, "T") {
		if err != nil {
			return stages, err
		}
		stages = append(stages, e.Stage)
	}
	return stages, nil
}

func TestEvents(t *testing.T) {
	t.Parallel()
	type steps = []func(*http.Request, *io.PipeWriter) *http.Response
	whole := event(1, "attached") + event(2, "hopped") + event(3, "ended")
	var piecemeal []string
	for _, c := range whole {
		piecemeal = append(piecemeal, string(c))
	}
	for _, row := range []struct {
		name   string
		steps  steps
		stages string
		last   string // what was said to have been seen, at each connection
		want   error
		code   wire.Code
	}{
		{name: "to the end", steps: steps{streams(true, whole)}, stages: "attached hopped ended", last: `[""]`},
		{name: "in pieces", steps: steps{streams(true, piecemeal...)}, stages: "attached hopped ended", last: `[""]`},
		{name: "with carriage returns", steps: steps{streams(true, strings.ReplaceAll(whole, "\n", "\r\n"))}, stages: "attached hopped ended", last: `[""]`},
		{
			name:   "with what is not for us",
			steps:  steps{streams(true, ": \n\nretry: 5\n\nevent: news\ndata: x\n\ndata: {}\n\nevent: stage\n\n", event(1, "ended"))},
			stages: "ended", last: `[""]`,
		},
		{
			name: "broken and taken up", steps: steps{streams(false, event(1, "attached")), nil, streams(true, event(2, "ended"))},
			stages: "attached ended", last: `["" "1" "1"]`,
		},
		{
			name: "broken within an event", steps: steps{streams(false, event(1, "attached")+"id: 2\nevent: stage\ndata: {\"sta"), streams(true, event(2, "ended"))},
			stages: "attached ended", last: `["" "1"]`,
		},
		{name: "silent", steps: steps{streams(true, event(1, "attached")), streams(true, event(2, "ended"))}, stages: "attached ended", last: `["" "1"]`},
		{
			name: "a broker that is down", steps: steps{answers(502, "text/html", ""), answers(503, "application/json", `{"error":"unavailable"}`), streams(true, event(1, "ended"))},
			stages: "ended", last: `["" "" ""]`,
		},
		{
			name: "our clock", steps: steps{answers(401, "application/json", fmt.Sprintf(`{"error":"clock","now":%d}`, pinned.Unix())), streams(true, event(1, "ended"))},
			stages: "ended", last: `["" ""]`,
		},
		{name: "refused", steps: steps{answers(404, "application/json", `{"error":"ceremony-unknown"}`)}, last: `[""]`, code: wire.CodeCeremonyUnknown},
		{
			name: "refused later", steps: steps{streams(false, event(1, "attached")), answers(410, "application/json", `{"error":"expired"}`)},
			stages: "attached", last: `["" "1"]`, code: wire.CodeExpired,
		},
		{name: "not a stream", steps: steps{answers(200, "text/html", "")}, last: `[""]`, want: api.ErrAnswer},
		{name: "not an event", steps: steps{streams(true, "event: stage\ndata: {}\n\n")}, last: `[""]`, want: api.ErrAnswer},
		{name: "a line without end", steps: steps{streams(true, strings.Repeat("x", 20_000))}, last: `[""]`, want: api.ErrAnswer},
		{name: "an event without end", steps: steps{streams(true, strings.Repeat("data: "+strings.Repeat("x", 1000)+"\n", 300))}, last: `[""]`, want: api.ErrAnswer},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				s := &script{tb: t, steps: row.steps}
				stages, err := follow(ctx, t, s)
				if got := strings.Join(stages, " "); got != row.stages {
					t.Errorf("stages %q, want %q", got, row.stages)
				}
				if got := fmt.Sprintf("%q", s.last); got != row.last {
					t.Errorf("said to have seen %s, want %s", got, row.last)
				}
				if row.code != "" && !isProblem(err, row.code) || row.code == "" && !errors.Is(err, row.want) {
					t.Errorf("ended with %v", err)
				}
			})
		})
	}
}

// TestEventsKeepAlive: heartbeats alone keep a connection.
func TestEventsKeepAlive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		s := &script{tb: t, steps: []func(*http.Request, *io.PipeWriter) *http.Response{
			func(_ *http.Request, w *io.PipeWriter) *http.Response {
				go func() {
					for range 40 { // ten minutes
						pause(ctx, 15*time.Second)
						_, _ = io.WriteString(w, ": \n")
					}
					_, _ = io.WriteString(w, "\n"+event(1, "ended"))
				}()
				return nil
			},
		}}
		stages, err := follow(ctx, t, s)
		if err != nil || len(s.at) != 1 || !slices.Equal(stages, []string{"ended"}) {
			t.Errorf("%q over %d connections, %v", stages, len(s.at), err)
		}
	})
}

// pause waits in a test's own time.
func pause(ctx context.Context, d time.Duration) {
	ctx, stop := context.WithTimeout(ctx, d)
	defer stop()
	<-ctx.Done()
}

// TestEventsPatience: the pauses grow from a second to thirty, and somebody who has no network is told in the end.
func TestEventsPatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{tb: t, steps: []func(*http.Request, *io.PipeWriter) *http.Response{nil}}
		began := time.Now()
		if _, err := follow(t.Context(), t, s); !errors.Is(err, api.ErrOffline) {
			t.Errorf("ended with %v", err)
		}
		if took := time.Since(began); took < 2*time.Minute || took > 151*time.Second {
			t.Errorf("gave up after %s", took)
		}
		want := time.Second
		for i := 1; i < len(s.at); i++ {
			if got := s.at[i].Sub(s.at[i-1]); got < want/2 || got > want {
				t.Errorf("pause %d is %s, want from %s to %s", i, got, want/2, want)
			}
			want = min(2*want, 30*time.Second)
		}
	})
}

func TestEventsEndWithTheirReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancelCause(t.Context())
		s := &script{tb: t, steps: []func(*http.Request, *io.PipeWriter) *http.Response{streams(true, event(1, "attached")+event(2, "hopped"))}}
		c, err := api.New(api.Options{Origin: "https://broker.example", Key: newKey(t), Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		given := 0
		for range c.Events(ctx, "T") {
			given++
			break
		}
		if given != 1 || len(s.at) != 1 {
			t.Errorf("%d events over %d connections", given, len(s.at))
		}
		closed := errors.New("closed")
		time.AfterFunc(time.Second, func() { stop(closed) })
		if _, err := follow(ctx, t, s); !errors.Is(err, closed) {
			t.Errorf("ended with %v", err)
		}
	})
}
