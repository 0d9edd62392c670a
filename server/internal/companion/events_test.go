package companion_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/ceremony"
	"pivot/shared/wire"
)

// listen opens the stream of the phone's ceremony.
func (p *phone) listen(last int) (<-chan wire.Event, context.CancelFunc) {
	tb := p.s.tb
	tb.Helper()
	ctx, cancel := context.WithCancel(tb.Context())
	r := p.request(http.MethodGet, wire.PathEvents, nil).WithContext(ctx)
	r.Header.Set("Last-Event-ID", strconv.Itoa(last))
	answer, err := p.s.server.Client().Do(r)
	must(tb, err)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		tb.Fatalf("stream: %d %s", answer.StatusCode, answer.Header.Get("Content-Type"))
	}
	out := make(chan wire.Event, 16)
	go func() {
		defer close(out)
		defer answer.Body.Close()
		lines := bufio.NewScanner(answer.Body)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			var event wire.Event
			if ok && json.Unmarshal([]byte(data), &event) == nil {
				out <- event
			}
		}
	}()
	return out, cancel
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	id, start := s.login(assurance.High)
	p.ok(p.redeem(start))
	stream, cancel := p.listen(0)
	defer cancel()
	first := <-stream
	if first.Stage != string(ceremony.Attached) || first.Version != s.ceremony(id).Version() {
		t.Errorf("first %+v", first)
	}
	p.meet()
	event := <-stream
	for event.Stage != string(ceremony.Hopped) { // versions between may be told or passed over
		event = <-stream
	}
	// Somebody who has seen that version is told the next one alone.
	later, stop := p.listen(event.Version)
	defer stop()
	p.ok(p.post(wire.PathRefusal, wire.Refusal{Reason: "refused"}, &wire.Empty{}))
	for _, c := range []<-chan wire.Event{stream, later} {
		if event := <-c; event.Stage != string(ceremony.Ended) || event.Reason != "refused-in-app" {
			t.Errorf("last %+v", event)
		}
		if event, open := <-c; open {
			t.Errorf("after the end: %+v", event)
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, q := ready(s), ready(s)
	id, start := s.login(assurance.High)
	p.ok(p.redeem(start))
	q.id = id
	refused(t, "another device's stream", q.send(q.request(http.MethodGet, wire.PathEvents, nil), nil), wire.CodeOtherDevice, "")
	var streams []<-chan wire.Event
	for range 4 {
		stream, cancel := p.listen(0)
		defer cancel()
		<-stream
		streams = append(streams, stream)
	}
	refused(t, "a fifth stream", p.send(p.request(http.MethodGet, wire.PathEvents, nil), nil), wire.CodeBusy, "")
	s.bus.Close() // the program stops: nobody holds it
	for _, stream := range streams {
		if event, open := <-stream; open {
			t.Errorf("after the stop: %+v", event)
		}
	}
}

// The key set needs no signature.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+wire.PathKeys, nil)
	must(t, err)
	r.Host = "localhost:8080"
	answer, err := s.server.Client().Do(r)
	must(t, err)
	defer answer.Body.Close()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&set); err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%d %v", answer.StatusCode, err)
	}
}
