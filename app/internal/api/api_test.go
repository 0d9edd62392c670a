package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"pivot/app/internal/api"
	"pivot/shared/wire"
)

func TestEndpoints(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	b32 := make([]byte, 32)
	keys := json.RawMessage(keySet(t, "k1", newKey(t)))
	pair := wire.PairAnswer{Ceremony: "T", Device: "D", Issuer: "I", Nonce: b32, Keys: json.RawMessage(`{}`), Ratchet: b32, Expires: 1}
	attached := wire.AttachAnswer{Ceremony: "T", Nonce: b32, Ratchet: b32, Expires: 1}
	status := wire.DeviceStatus{Device: "D", Name: "N", State: "active", Level: "eidas3", PIN: "set", TriesLeft: 5, Cards: 1}
	opening := wire.Opening{ID: "O", OID: []byte{1}, EphemeralPublic: b32, Batch: [][]byte{{1}, {2}}}
	ctx, c := t.Context(), b.client
	for _, row := range []struct {
		name, method, path string
		sent               any // nil: not compared
		answer             any
		call               func() (any, error)
	}{
		{
			"pair", "POST", "/companion/v1/pairings",
			wire.PairRequest{
				Code: "ABCD-EFGH", Key: api.JWK(b.key.Public()), Protection: "file", Name: "N", Platform: "linux",
			},
			pair,
			func() (any, error) {
				return c.Pair(ctx, wire.PairRequest{Code: "ABCD-EFGH", Protection: "file", Name: "N", Platform: "linux"})
			},
		},
		{
			"attach", "POST", "/companion/v1/ceremonies",
			wire.AttachRequest{Start: "S", Ratchet: b32, Roll: b32[:16]},
			attached,
			func() (any, error) {
				return c.Attach(ctx, wire.AttachRequest{Start: "S", Ratchet: b32, Roll: b32[:16]})
			},
		},
		{
			"hop", "POST", "/companion/v1/ceremonies/T/hop",
			wire.HopRequest{Port: 4000},
			wire.HopAnswer{Hop: "H", Secret: b32},
			func() (any, error) { return c.Hop(ctx, "T", 4000) },
		},
		{
			"ask", "POST", "/companion/v1/ceremonies/T/request",
			wire.AskRequest{Language: "fr"},
			wire.AskAnswer{Request: "a.b.c", Opening: &opening},
			func() (any, error) { return c.Ask(ctx, "T", wire.AskRequest{Language: "fr"}) },
		},
		{
			"pin", "POST", "/companion/v1/ceremonies/T/pin",
			wire.PINRequest{Blinded: b32},
			wire.PINAnswer{Evaluated: b32, TriesLeft: 4},
			func() (any, error) { return c.PIN(ctx, "T", wire.PINRequest{Blinded: b32}) },
		},
		{
			"pin proof", "POST", "/companion/v1/ceremonies/T/pin/proof",
			wire.PINProof{Signature: b32},
			wire.Empty{},
			func() (any, error) { return wire.Empty{}, c.ProvePIN(ctx, "T", wire.PINProof{Signature: b32}) },
		},
		{
			"open", "POST", "/companion/v1/ceremonies/T/card",
			wire.OpenRequest{Card: b32},
			opening,
			func() (any, error) { return c.Open(ctx, "T", wire.OpenRequest{Card: b32}) },
		},
		{
			"result", "POST", "/companion/v1/ceremonies/T/result",
			wire.ResultRequest{Opening: "O", Responses: [][]byte{{9}}},
			wire.ResultAnswer{Level: "eidas3"},
			func() (any, error) {
				return c.Result(ctx, "T", wire.ResultRequest{Opening: "O", Responses: [][]byte{{9}}})
			},
		},
		{
			"refuse", "POST", "/companion/v1/ceremonies/T/refusal",
			wire.Refusal{Reason: "not-mine"},
			wire.Empty{},
			func() (any, error) { return wire.Empty{}, c.Refuse(ctx, "T", "not-mine") },
		},
		{
			"pin change", "POST", "/companion/v1/pin-changes",
			wire.ChangeRequest{Ratchet: b32, Roll: b32[:16]},
			attached,
			func() (any, error) {
				return c.ChangePIN(ctx, wire.ChangeRequest{Ratchet: b32, Roll: b32[:16]})
			},
		},
		{
			"activate", "POST", "/companion/v1/activations",
			wire.DeskCode{Code: "ABCD-EFGH"},
			status,
			func() (any, error) { return c.Activate(ctx, "ABCD-EFGH") },
		},
		{"device", "GET", "/companion/v1/device", nil, status, func() (any, error) { return c.Device(ctx) }},
		{"keys", "GET", "/companion/v1/keys", nil, keys, func() (any, error) { return c.Keys(ctx) }},
		{
			"an id that is none of ours", "POST", "/companion/v1/ceremonies/..%2F..%2Fx/refusal", nil,
			wire.Empty{},
			func() (any, error) { return wire.Empty{}, c.Refuse(ctx, "../../x", "refused") },
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
				if r.Method != row.method || r.URL.EscapedPath() != row.path {
					t.Errorf("%s %s, want %s %s", r.Method, r.URL.EscapedPath(), row.method, row.path)
				}
				if row.sent != nil {
					got := reflect.New(reflect.TypeOf(row.sent))
					if err := wire.Decode(body, got.Interface()); err != nil || !reflect.DeepEqual(got.Elem().Interface(), row.sent) {
						t.Errorf("sent %s: %v", body, err)
					}
				} else if row.method == "GET" && len(body) > 0 {
					t.Errorf("sent %s", body)
				}
				say(w, http.StatusOK, row.answer)
			}
			if strings.HasPrefix(row.name, "an id") { // the signature names the address as it is written
				b.tb = discard{t}
			}
			got, err := row.call()
			if err != nil || !reflect.DeepEqual(got, row.answer) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	spent := make(map[string]bool)
	for _, p := range b.seen {
		if p.ID != "" && spent[p.ID] {
			t.Error("an id was used twice")
		}
		spent[p.ID] = true
		if p.ID != "" && p.Issued != pinned.Unix() {
			t.Errorf("issued %d", p.Issued)
		}
	}
	if c.RoundTrips() != 14 {
		t.Errorf("%d round trips", c.RoundTrips())
	}
}

// discard takes the errors of what is not looked at.
type discard struct{ testing.TB }

func (discard) Errorf(string, ...any) {}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBroker(t)
	two := 2
	status := wire.DeviceStatus{Device: "D", Name: "N", State: "active", Level: "none", PIN: "unset"}
	for _, row := range []struct {
		name   string
		answer func(w http.ResponseWriter)
		want   error // nil: accepted
		code   wire.Code
	}{
		{name: "accepted", answer: func(w http.ResponseWriter) { say(w, 200, status) }},
		{name: "created", answer: func(w http.ResponseWriter) { say(w, 201, status) }},
		{
			name: "wrong PIN", code: wire.CodePINWrong,
			answer: func(w http.ResponseWriter) { refuse(w, wire.Problem{Code: wire.CodePINWrong, TriesLeft: &two}) },
		},
		{name: "suspended", code: wire.CodeDeviceSuspended, answer: func(w http.ResponseWriter) { refuse(w, wire.Problem{Code: wire.CodeDeviceSuspended}) }},
		{name: "a code of another status", want: api.ErrAnswer, answer: func(w http.ResponseWriter) { say(w, 404, wire.Problem{Code: wire.CodePINWrong}) }},
		{name: "a code that is not known", want: api.ErrAnswer, answer: func(w http.ResponseWriter) { say(w, 403, wire.Problem{Code: "whatever"}) }},
		{name: "a proxy that finds no broker", want: api.ErrOffline, answer: func(w http.ResponseWriter) { http.Error(w, "bad gateway", http.StatusBadGateway) }},
		{name: "a page instead", want: api.ErrAnswer, answer: func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<h1>Welcome to our network</h1>")
		}},
		{name: "sent elsewhere", want: api.ErrAnswer, answer: func(w http.ResponseWriter) {
			w.Header().Set("Location", "/companion/v1/device")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
		{name: "a member more", want: api.ErrAnswer, answer: func(w http.ResponseWriter) { say(w, 200, map[string]any{"device": "D"}) }},
		{name: "without end", want: api.ErrAnswer, answer: func(w http.ResponseWriter) { say(w, 200, strings.Repeat("x", wire.MostBody+1)) }},
		{name: "no content", want: api.ErrAnswer, answer: func(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { row.answer(w) }
			got, err := b.client.Activate(t.Context(), "ABCD-EFGH")
			switch {
			case row.code != "":
				if !isProblem(err, row.code) {
					t.Errorf("got %v, want %s", err, row.code)
				}
			case row.want != nil:
				if !errors.Is(err, row.want) {
					t.Errorf("got %v, want %v", err, row.want)
				}
			case err != nil || got != status:
				t.Errorf("got %+v, %v", got, err)
			}
			if p, ok := errors.AsType[*wire.Problem](err); ok && p.Code == wire.CodePINWrong && (p.TriesLeft == nil || *p.TriesLeft != 2) {
				t.Error("the tries left are lost")
			}
		})
	}
}

func TestWhoIsNotTheBroker(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, 200, wire.DeviceStatus{}) }))
	stranger.Config.ErrorLog = log.New(io.Discard, "", 0)
	stranger.StartTLS()
	defer stranger.Close()
	c, err := api.New(api.Options{Origin: stranger.URL, Key: newKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Device(t.Context()); !errors.Is(err, api.ErrUntrusted) || errors.Is(err, api.ErrOffline) {
		t.Errorf("a certificate of nobody: %v", err)
	}
	if c.RoundTrips() != 1 {
		t.Errorf("asked %d times", c.RoundTrips())
	}
	trusting, err := api.New(api.Options{Origin: stranger.URL, Key: newKey(t), Transport: stranger.Client().Transport})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trusting.Device(t.Context()); err != nil {
		t.Errorf("a certificate that is trusted: %v", err)
	}
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	for origin, ok := range map[string]bool{
		"https://broker.example": true, "http://localhost:8080": true, "http://127.0.0.1:8080": true,
		"http://broker.example": false, "http://10.0.0.1": false, "https://broker.example/": false, "": false, "ftp://x": false,
	} {
		if _, err := api.New(api.Options{Origin: origin, Key: newKey(t)}); (err == nil) != ok {
			t.Errorf("%q: %v", origin, err)
		}
	}
	if _, err := api.New(api.Options{Origin: "https://broker.example"}); err == nil {
		t.Error("a client without a key")
	}
}

func TestCallsEndWithTheirCaller(t *testing.T) {
	t.Parallel()
	reason := errors.New("the citizen closed the window")
	ctx, cancel := context.WithCancelCause(t.Context())
	c := clientOver(t, func(r *http.Request) (*http.Response, error) {
		cancel(reason)
		<-r.Context().Done()
		return nil, r.Context().Err()
	})
	if _, err := c.Device(ctx); !errors.Is(err, reason) || errors.Is(err, api.ErrOffline) {
		t.Errorf("got %v", err)
	}
	if c.RoundTrips() != 1 {
		t.Errorf("asked %d times", c.RoundTrips())
	}
}

// TestErrorsNameNoLogin: the address of a call holds the id of the login, which a log must not.
func TestErrorsNameNoLogin(t *testing.T) {
	t.Parallel()
	c := clientOver(t, func(*http.Request) (*http.Response, error) {
		return nil, &net.OpError{Op: "read", Err: errors.New("reset")}
	})
	_, err := c.Open(t.Context(), "id-of-the-login", wire.OpenRequest{})
	if !errors.Is(err, api.ErrOffline) || strings.Contains(err.Error(), "id-of-the-login") {
		t.Errorf("got %v", err)
	}
}
