package handoff_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/app/internal/handoff"
	"pivot/shared/wire"
)

const origin = "https://broker.example"

// visit is one hop that listens, and the address that the broker's page would go to.
type visit struct {
	hop    *handoff.Hop
	a      string
	ticket handoff.Ticket
}

func listen(tb testing.TB) visit {
	tb.Helper()
	hop, err := handoff.Listen(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = hop.Close() })
	raw := make([]byte, 32)
	_, _ = rand.Read(raw)
	a := base64.RawURLEncoding.EncodeToString(raw)
	id := wire.Transcript("pivot-hop-id/1", []byte(a))
	return visit{hop: hop, a: a, ticket: handoff.Ticket{
		Ceremony: "T", Device: "D", Hop: base64.RawURLEncoding.EncodeToString(id[:]), Secret: bytes.Repeat([]byte{7}, 32),
		Return: handoff.ReturnOfLogin(origin+"/api/v2", "T"),
	}}
}

// request is what a browser writes in its navigation.
func (v visit) request() string {
	return fmt.Sprintf("GET /hop/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n"+
		"Sec-Fetch-Dest: document\r\nSec-Fetch-User: ?1\r\nUser-Agent: Mozilla/5.0\r\nCookie: other=program\r\n\r\n", v.a, v.hop.Port())
}

// send writes a request, byte for byte, and gives the answer.
func (v visit) send(tb testing.TB, request string) *http.Response {
	tb.Helper()
	conn, err := new(net.Dialer).DialContext(tb.Context(), "tcp4", fmt.Sprintf("127.0.0.1:%d", v.hop.Port()))
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		tb.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		tb.Fatal(err)
	}
	answer.Body.Close()
	return answer
}

// wantSent wants the answer that sends the browser to the broker with the right proof.
func (v visit) wantSent(tb testing.TB, answer *http.Response) {
	tb.Helper()
	target, err := url.Parse(answer.Header.Get("Location"))
	if answer.StatusCode != http.StatusSeeOther || err != nil {
		tb.Fatalf("status %d, location %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	proof := wire.HopProof(v.ticket.Secret, "T", v.a, "D", v.hop.Port())
	want := origin + "/api/v2/interaction/T/hop?c=" + base64.RawURLEncoding.EncodeToString(proof)
	if target.String() != want {
		tb.Errorf("sent to %s, want %s", target, want)
	}
	if answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Referrer-Policy") != "no-referrer" {
		tb.Error("the answer may be kept or may say where it came from")
	}
	for name := range answer.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			tb.Errorf("another page may read the answer: %s", name)
		}
	}
	if err := v.hop.Wait(tb.Context()); err != nil {
		tb.Errorf("Wait: %v", err)
	}
}

func TestHop(t *testing.T) {
	t.Parallel()
	v := listen(t)
	v.hop.Arm(v.ticket)
	v.hop.Arm(handoff.Ticket{Hop: "another", Return: "https://elsewhere.example"}) // does not count
	v.wantSent(t, v.send(t, v.request()))
	if answer := v.send(t, v.request()); answer.StatusCode != http.StatusGone || answer.Header.Get("Location") != "" {
		t.Errorf("the second visit got %d", answer.StatusCode)
	}
}

// TestWrongVisits: what is not the browser's navigation is refused, and does not use the hop up.
func TestWrongVisits(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("B", 43)
	for _, row := range []struct {
		name     string
		old, new string
		status   int
	}{
		{"none of it", "", "", 0},
		{"typed by hand", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: none", 0},
		{"a broker on this machine", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", 0},
		{"without a destination", "Sec-Fetch-Dest: document\r\n", "", 0},
		{"a name that was rebound", "Host: 127.0.0.1", "Host: attacker.example", http.StatusMisdirectedRequest},
		{"localhost", "Host: 127.0.0.1", "Host: localhost", http.StatusMisdirectedRequest},
		{"another port", "Host: 127.0.0.1:", "Host: 127.0.0.1:1", http.StatusMisdirectedRequest},
		{"POST", "GET ", "POST ", http.StatusMethodNotAllowed},
		{"HEAD", "GET ", "HEAD ", http.StatusMethodNotAllowed},
		{"OPTIONS", "GET ", "OPTIONS ", http.StatusMethodNotAllowed},
		{"another path", "/hop/", "/hip/", http.StatusNotFound},
		{"a query", " HTTP/1.1", "?x HTTP/1.1", http.StatusNotFound},
		{"escaped", "/hop/", "/%68op/", http.StatusNotFound},
		{"through a proxy", "GET /hop/", "GET http://127.0.0.1/hop/", http.StatusMisdirectedRequest},
		{"another address", "", "", http.StatusNotFound},
		{"a body", "User-Agent: Mozilla/5.0", "Content-Length: 1", http.StatusBadRequest},
		{"chunks", "User-Agent: Mozilla/5.0", "Transfer-Encoding: chunked", http.StatusBadRequest},
		{"a script", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: cors", http.StatusForbidden},
		{"an image", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Mode: no-cors", http.StatusForbidden},
		{"no browser", "Sec-Fetch-Mode: navigate\r\n", "", http.StatusForbidden},
		{"two modes", "Sec-Fetch-User: ?1", "Sec-Fetch-Mode: cors", http.StatusForbidden},
		{"a frame", "Sec-Fetch-Dest: document", "Sec-Fetch-Dest: iframe", http.StatusForbidden},
		{"a page of this address", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-origin", http.StatusForbidden},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			v := listen(t)
			v.hop.Arm(v.ticket)
			request := strings.Replace(v.request(), row.old, row.new, 1)
			if row.name == "another address" {
				request = strings.Replace(v.request(), v.a, other, 1)
			}
			if strings.HasPrefix(row.name, "a body") {
				request += "x"
			}
			answer := v.send(t, request)
			if row.status == 0 {
				v.wantSent(t, answer)
				return
			}
			if answer.StatusCode != row.status || answer.Header.Get("Location") != "" {
				t.Errorf("got %d, want %d", answer.StatusCode, row.status)
			}
			v.wantSent(t, v.send(t, v.request()))
		})
	}
}

// TestEarlyVisit: the broker may show the address before it has answered the app.
func TestEarlyVisit(t *testing.T) {
	t.Parallel()
	v := listen(t)
	answers := make(chan *http.Response, 1)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp4", fmt.Sprintf("127.0.0.1:%d", v.hop.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(v.request())); err != nil {
		t.Fatal(err)
	}
	go func() {
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Error(err)
			answer = &http.Response{Body: http.NoBody}
		}
		answer.Body.Close()
		answers <- answer
	}()
	v.hop.Arm(v.ticket)
	v.wantSent(t, <-answers)
}

func TestOneOfManyVisits(t *testing.T) {
	t.Parallel()
	v := listen(t)
	v.hop.Arm(v.ticket)
	var sent atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if v.send(t, v.request()).StatusCode == http.StatusSeeOther {
				sent.Add(1)
			}
		})
	}
	all.Wait()
	if sent.Load() != 1 {
		t.Errorf("%d visits were sent on", sent.Load())
	}
}

func TestHopEnds(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	hop, err := handoff.Listen(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel(gone)
	if err := hop.Wait(t.Context()); !errors.Is(err, gone) {
		t.Errorf("with its context: %v", err)
	}
	if err := hop.Close(); err != nil {
		t.Errorf("closing one that has ended: %v", err)
	}
	if conn, err := new(net.Dialer).DialContext(t.Context(), "tcp4", fmt.Sprintf("127.0.0.1:%d", hop.Port())); err == nil {
		conn.Close()
		t.Error("it still listens")
	}
	late, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer stop()
	v := listen(t)
	if err := v.hop.Wait(late); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with its caller's patience: %v", err)
	}
	if err := v.hop.Close(); err != nil {
		t.Error(err)
	}
	if err := v.hop.Wait(t.Context()); err == nil {
		t.Error("a hop that was closed says that a browser came")
	}
}

func TestReturns(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		handoff.ReturnOfLogin(origin+"/api/v2", "T"):  origin + "/api/v2/interaction/T/hop",
		handoff.ReturnOfLogin(origin+"/api/v2/", "T"): origin + "/api/v2/interaction/T/hop",
		handoff.ReturnOfPairing(origin, "T"):          origin + "/pair/T/hop",
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
