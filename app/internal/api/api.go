// Package api is the companion's side of the calls to a broker: one method an endpoint, each signed by the device's key,
// answered within bounds, and repeated only where an identical repetition cannot do harm.
//
// Errors are a [*wire.Problem] when the broker refused, and else one of [ErrOffline], [ErrUntrusted] and [ErrAnswer]; a
// cancelled context gives its own error.
package api

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"pivot/app/internal/keystore"
	"pivot/shared/wire"
)

// ErrOffline says that the broker could not be reached, or did not answer. Nothing is known of what became of the call.
var ErrOffline = errors.New("api: the broker cannot be reached")

// ErrUntrusted says that what answered could not show that it is the broker: its certificate was refused.
var ErrUntrusted = errors.New("api: the broker could not prove who it is")

// ErrAnswer says that what answered does not speak as a broker does: a sign-in page of a public network, or another version.
var ErrAnswer = errors.New("api: the answer is not one of a broker")

// Options are what a client works with.
type Options struct {
	Origin    string            // of the broker: scheme, host and port
	Key       keystore.Key      // signs every call
	Transport http.RoundTripper // nil: the network, by way of the environment's proxies
	Now       func() time.Time  // nil: the system's clock
}

// Client calls one broker. It may be used by several goroutines at once.
type Client struct {
	origin string
	key    keystore.Key
	http   *http.Client
	clock  func() time.Time
	offset atomic.Int64 // what to add to the clock to have the broker's time
	trips  atomic.Int64
}

// New makes a client. The error says that the origin is not https, nor http on this machine.
func New(o Options) (*Client, error) {
	if !keystore.ValidOrigin(o.Origin) {
		return nil, errors.New("api: the broker's address must begin with https")
	}
	if o.Key == nil {
		return nil, errors.New("api: internal error: no key")
	}
	c := &Client{origin: o.Origin, key: o.Key, clock: o.Now}
	if c.clock == nil {
		c.clock = time.Now
	}
	if o.Transport == nil {
		o.Transport = network()
	}
	c.http = &http.Client{
		Transport: o.Transport,
		// A broker does not move its calls elsewhere; who sends a redirect is in between.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c, nil
}

func network() http.RoundTripper {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    10 * time.Second,
		IdleConnTimeout:        time.Minute,
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true, // answers are small, and a bound on what arrives is then one on what is read
	}
}

// Close gives back the connections that are kept open between calls.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Now gives the time, by the broker's clock where it said that ours is wrong.
func (c *Client) Now() time.Time { return c.clock().Add(time.Duration(c.offset.Load())) }

// RoundTrips gives how many requests were sent so far.
func (c *Client) RoundTrips() int { return int(c.trips.Load()) }

// Pair begins a pairing. The request's key is filled in: it is the client's.
func (c *Client) Pair(ctx context.Context, r wire.PairRequest) (wire.PairAnswer, error) {
	r.Key = JWK(c.key.Public())
	return post[wire.PairAnswer](ctx, c, call{path: wire.PathPairings}, r)
}

// Attach binds a login to this device. It is repeated identically when the broker does not answer: the roll makes it one.
func (c *Client) Attach(ctx context.Context, r wire.AttachRequest) (wire.AttachAnswer, error) {
	return post[wire.AttachAnswer](ctx, c, call{path: wire.PathCeremonies, safe: true}, r)
}

// Hop says on which port of this machine the app waits for the browser.
func (c *Client) Hop(ctx context.Context, ceremony string, port int) (wire.HopAnswer, error) {
	return post[wire.HopAnswer](ctx, c, at(wire.PathHop, ceremony), wire.HopRequest{Port: port})
}

// Ask asks for the request that is to be approved. What it answers is not verified: see [Client.VerifyRequest].
func (c *Client) Ask(ctx context.Context, ceremony string, r wire.AskRequest) (wire.AskAnswer, error) {
	return post[wire.AskAnswer](ctx, c, at(wire.PathRequest, ceremony), r)
}

// PIN has an attempt evaluated. It is repeated identically when the broker does not answer: it is counted once.
func (c *Client) PIN(ctx context.Context, ceremony string, r wire.PINRequest) (wire.PINAnswer, error) {
	k := at(wire.PathPIN, ceremony)
	k.safe = true
	return post[wire.PINAnswer](ctx, c, k, r)
}

// ProvePIN shows that the attempt gave the right key. It is repeated when the broker does not answer; that it was proved
// already, or that the change of the PIN is done, is then what was wanted.
func (c *Client) ProvePIN(ctx context.Context, ceremony string, r wire.PINProof) error {
	k := at(wire.PathPINProof, ceremony)
	k.safe, k.done = true, func(p *wire.Problem) bool {
		return p.Code == wire.CodePINUsed || p.Code == wire.CodeEnded && p.Reason == reasonDone
	}
	_, err := post[wire.Empty](ctx, c, k, r)
	return err
}

// Open offers a card and gives the commands for it.
func (c *Client) Open(ctx context.Context, ceremony string, r wire.OpenRequest) (wire.Opening, error) {
	return post[wire.Opening](ctx, c, at(wire.PathCard, ceremony), r)
}

// Result hands in what the card answered, and the approval. It is repeated identically when the broker does not answer: the
// opening is used once, and a success is said again, without the handle of the card.
func (c *Client) Result(ctx context.Context, ceremony string, r wire.ResultRequest) (wire.ResultAnswer, error) {
	k := at(wire.PathResult, ceremony)
	k.safe = true
	return post[wire.ResultAnswer](ctx, c, k, r)
}

// Refuse ends the ceremony with the citizen's no: refused or not-mine. It is repeated when the broker does not answer; that
// the ceremony has ended is then what was wanted.
func (c *Client) Refuse(ctx context.Context, ceremony, reason string) error {
	k := at(wire.PathRefusal, ceremony)
	k.safe, k.done = true, func(p *wire.Problem) bool { return p.Code == wire.CodeEnded }
	_, err := post[wire.Empty](ctx, c, k, wire.Refusal{Reason: reason})
	return err
}

// ChangePIN begins a change of the PIN. It is repeated identically when the broker does not answer: the roll makes it one.
func (c *Client) ChangePIN(ctx context.Context, r wire.ChangeRequest) (wire.AttachAnswer, error) {
	return post[wire.AttachAnswer](ctx, c, call{path: wire.PathPINChange, safe: true}, r)
}

// Activate hands in the code that the agent at the desk gave.
func (c *Client) Activate(ctx context.Context, code string) (wire.DeviceStatus, error) {
	return post[wire.DeviceStatus](ctx, c, call{path: wire.PathDesk}, wire.DeskCode{Code: code})
}

// Device gives what the broker holds of this device.
func (c *Client) Device(ctx context.Context) (wire.DeviceStatus, error) {
	var out wire.DeviceStatus
	err := c.do(ctx, call{method: http.MethodGet, path: wire.PathDevice, safe: true}, nil, &out)
	return out, err
}

// Keys gives the JWK Set that signs the broker's requests, as TLS vouches for it.
func (c *Client) Keys(ctx context.Context) (json.RawMessage, error) {
	var out json.RawMessage
	err := c.do(ctx, call{method: http.MethodGet, path: wire.PathKeys, safe: true, unsigned: true}, nil, &out)
	if err != nil {
		return nil, err
	}
	if _, err := parseKeys(out); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return out, nil
}

// reasonDone is why a ceremony ended that did what it was for.
const reasonDone = "done"

// call is one endpoint.
type call struct {
	method   string // empty: POST
	path     string
	safe     bool                     // an identical repetition does no harm
	done     func(*wire.Problem) bool // in a repetition, says of a refusal that the first one arrived
	unsigned bool
	stream   bool   // the answer is a stream of events
	last     string // of them, the one seen last
}

func at(path, ceremony string) call { return call{path: wire.For(path, ceremony)} }

func post[A any](ctx context.Context, c *Client, k call, message any) (A, error) {
	var out A
	k.method = http.MethodPost
	body, err := wire.Encode(message)
	if err != nil {
		return out, fmt.Errorf("api: %w", err)
	}
	err = c.do(ctx, k, body, &out)
	return out, err
}

// address gives a path's URL, which is also what the call's signature names.
func (c *Client) address(path string) string { return c.origin + path }

// strip takes the address out of an error of net/http: it holds the id of the login.
func strip(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}
