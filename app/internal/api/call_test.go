package api_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

var (
	errReset = &net.OpError{Op: "read", Err: errors.New("connection reset")}
	errDial  = &net.OpError{Op: "dial", Err: errors.New("no route")}
)

// refused is the answer of a refusal.
func refused(code wire.Code, more string) *http.Response {
	return answered(code.Status(), "application/json", `{"error":"`+string(code)+`"`+more+`}`)
}

func TestRepetition(t *testing.T) {
	t.Parallel()
	type reply struct {
		response *http.Response
		err      error
	}
	empty := func() reply { return reply{response: answered(200, "application/json", "{}")} }
	calls := map[string]func(context.Context, *api.Client) error{
		"prove":  func(ctx context.Context, c *api.Client) error { return c.ProvePIN(ctx, "T", wire.PINProof{}) },
		"refuse": func(ctx context.Context, c *api.Client) error { return c.Refuse(ctx, "T", "refused") },
		"hop": func(ctx context.Context, c *api.Client) error {
			_, err := c.Hop(ctx, "T", 1)
			return err
		},
	}
	for _, row := range []struct {
		name, call string
		replies    []reply
		trips      int
		want       error     // nil: success
		code       wire.Code // of a refusal
	}{
		{name: "at once", call: "prove", replies: []reply{empty()}, trips: 1},
		{name: "safe, after a break", call: "prove", replies: []reply{{err: errReset}, {err: errReset}, empty()}, trips: 3},
		{name: "safe, given up", call: "prove", replies: []reply{{err: errReset}, {err: errReset}, {err: errReset}, empty()}, trips: 3, want: api.ErrOffline},
		{name: "not safe, after a break", call: "hop", replies: []reply{{err: errReset}, empty()}, trips: 1, want: api.ErrOffline},
		{name: "not safe, nothing sent", call: "hop", replies: []reply{
			{err: errDial}, {response: answered(200, "application/json", `{"hop":"H","secret":""}`)},
		}, trips: 2},
		{name: "the first one had arrived", call: "prove", replies: []reply{{err: errReset}, {response: refused(wire.CodePINUsed, "")}}, trips: 2},
		{name: "the change was done", call: "prove", replies: []reply{{err: errReset}, {response: refused(wire.CodeEnded, `,"reason":"done"`)}}, trips: 2},
		{name: "the ceremony was over", call: "prove", replies: []reply{
			{err: errReset}, {response: refused(wire.CodeEnded, `,"reason":"expired"`)},
		}, trips: 2, code: wire.CodeEnded},
		{name: "used before this", call: "prove", replies: []reply{{response: refused(wire.CodePINUsed, "")}}, trips: 1, code: wire.CodePINUsed},
		{name: "the first no had arrived", call: "refuse", replies: []reply{{err: errReset}, {response: refused(wire.CodeEnded, "")}}, trips: 2},
		{name: "over before the no", call: "refuse", replies: []reply{{response: refused(wire.CodeEnded, "")}}, trips: 1, code: wire.CodeEnded},
		{name: "busy", call: "prove", replies: []reply{{response: refused(wire.CodeBusy, "")}, empty()}, trips: 2},
		{name: "repeated by the network below", call: "prove", replies: []reply{{response: refused(wire.CodeReplayed, "")}, empty()}, trips: 2},
		{name: "unavailable", call: "prove", replies: []reply{{response: refused(wire.CodeUnavailable, "")}, empty()}, trips: 2},
		{name: "unavailable, not safe", call: "hop", replies: []reply{{response: refused(wire.CodeUnavailable, "")}, empty()}, trips: 1, code: wire.CodeUnavailable},
		{name: "refused", call: "prove", replies: []reply{{response: refused(wire.CodePINLocked, "")}, empty()}, trips: 1, code: wire.CodePINLocked},
		{name: "not a broker", call: "prove", replies: []reply{{response: answered(200, "text/html", "")}, empty()}, trips: 1, want: api.ErrAnswer},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				proofs := make(map[string]bool)
				at := 0
				c := clientOver(t, func(r *http.Request) (*http.Response, error) {
					proofs[r.Header.Get("DPoP")] = true
					reply := row.replies[at]
					at++
					return reply.response, reply.err
				})
				err := calls[row.call](t.Context(), c)
				switch {
				case row.code != "":
					if !isProblem(err, row.code) {
						t.Errorf("got %v, want %s", err, row.code)
					}
				case !errors.Is(err, row.want):
					t.Errorf("got %v, want %v", err, row.want)
				}
				if c.RoundTrips() != row.trips || len(proofs) != row.trips {
					t.Errorf("%d round trips with %d signatures, want %d", c.RoundTrips(), len(proofs), row.trips)
				}
			})
		})
	}
}

// TestSlowBroker: an answer that never comes ends the call, though its caller has time.
func TestSlowBroker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := clientOver(t, func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		if _, err := c.Hop(t.Context(), "T", 1); !errors.Is(err, api.ErrOffline) {
			t.Errorf("got %v", err)
		}
	})
}

func TestClock(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		said  []int64 // the broker's time in each refusal, before it accepts
		trips int
		ok    bool
	}{
		{"right", nil, 1, true},
		{"an hour behind", []int64{pinned.Add(time.Hour).Unix()}, 2, true},
		{"years behind", []int64{pinned.Add(50 * 365 * 24 * time.Hour).Unix()}, 2, true},
		{"ahead", []int64{pinned.Add(-time.Hour).Unix()}, 2, true},
		{"refused again", []int64{pinned.Add(time.Hour).Unix(), pinned.Unix()}, 2, false},
		{"a broker that does not say", []int64{0}, 1, false},
		{"a time that cannot be", []int64{1 << 40}, 1, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := newBroker(t)
			said := row.said
			b.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
				if len(said) == 0 {
					say(w, 200, wire.HopAnswer{Hop: "H", Secret: []byte{1}})
					return
				}
				p := wire.Problem{Code: wire.CodeClock, Now: said[0]}
				said = said[1:]
				refuse(w, p)
			}
			if _, err := b.client.Hop(t.Context(), "T", 1); (err == nil) != row.ok || !row.ok && !isProblem(err, wire.CodeClock) {
				t.Errorf("got %v", err)
			}
			if len(b.seen) != row.trips {
				t.Fatalf("%d tries", len(b.seen))
			}
			if row.trips == 2 && b.seen[1].Issued != row.said[0] {
				t.Errorf("signed at %s, want the broker's time", strconv.FormatInt(b.seen[1].Issued, 10))
			}
			if want := b.seen[len(b.seen)-1].Issued; b.client.Now().Unix() != want {
				t.Errorf("Now is %d, want %d", b.client.Now().Unix(), want)
			}
		})
	}
}
