package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"

	"pivot/shared/wire"
)

const (
	callPatience = 30 * time.Second // for one try
	tries        = 3                // of a call that may be repeated
	firstPause   = 500 * time.Millisecond
)

// do makes a call, repeats it where that is safe, and reads the answer into out.
func (c *Client) do(ctx context.Context, k call, body []byte, out any) error {
	pause, clocked := firstPause, false
	for try := 1; ; try++ {
		err := c.once(ctx, k, body, out)
		problem, refused := errors.AsType[*wire.Problem](err)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case refused && problem.Code == wire.CodeClock && !clocked && c.adjust(problem.Now):
			clocked = true // nothing was done but to look at the time: the try does not count
			try--
			continue
		case refused && try > 1 && k.done != nil && k.done(problem):
			return nil
		case try == tries || !again(k, err):
			return err
		}
		if err := wait(ctx, jitter(pause)); err != nil {
			return err
		}
		pause *= 2
	}
}

// again says whether to repeat a call that failed in this way.
func again(k call, err error) bool {
	if problem, ok := errors.AsType[*wire.Problem](err); ok {
		switch problem.Code {
		// Replayed: net/http repeated on another connection what it thought unread, under the same signature.
		case wire.CodeBusy, wire.CodeUnavailable, wire.CodeReplayed:
			return k.safe
		}
		return false
	}
	if !errors.Is(err, ErrOffline) {
		return false
	}
	// Where no connection came to be, nothing was sent, and every call is safe.
	op, ok := errors.AsType[*net.OpError](err)
	return k.safe || ok && op.Op == "dial"
}

// mostSkew bounds what a broker may say of our clock: a computer whose battery is empty is decades behind, and no further.
const mostSkew = 100 * 365 * 24 * time.Hour

// adjust takes the broker's time as ours.
func (c *Client) adjust(now int64) bool {
	offset := time.Unix(now, 0).Sub(c.clock())
	if now <= 0 || offset.Abs() > mostSkew {
		return false
	}
	c.offset.Store(int64(offset))
	return true
}

func (c *Client) once(ctx context.Context, k call, body []byte, out any) error {
	ctx, stop := context.WithTimeoutCause(ctx, callPatience, errSlow)
	defer stop()
	response, err := c.send(ctx, k, body)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := read(ctx, response)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusCreated {
		return refusal(response, raw)
	}
	if !isType(response, "application/json") {
		return fmt.Errorf("%w: not JSON", ErrAnswer)
	}
	if keys, ok := out.(*json.RawMessage); ok { // judged by who asked
		*keys = raw
		return nil
	}
	if err := wire.Decode(raw, out); err != nil {
		return fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	return nil
}

var errSlow = errors.New("no answer in time")

// send signs one request, sends it and gives the answer's head.
func (c *Client) send(ctx context.Context, k call, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, k.method, c.address(k.path), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("api: internal error: %w", strip(err))
	}
	if k.method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Accept", "application/json")
	if k.stream {
		request.Header.Set("Accept", "text/event-stream")
	}
	if k.last != "" {
		request.Header.Set("Last-Event-ID", k.last)
	}
	if !k.unsigned {
		proof, err := c.proof(k, body)
		if err != nil {
			return nil, fmt.Errorf("api: the device's key does not sign: %w", err)
		}
		request.Header.Set("DPoP", proof)
	}
	c.trips.Add(1)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, failed(ctx, err)
	}
	return response, nil
}

// failed says why a request got no answer.
func failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errSlow) && !errors.Is(cause, errSilent) {
		return cause
	}
	err = strip(err)
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	}
	return fmt.Errorf("%w: %w", ErrOffline, err)
}

// read reads a body within the bounds of a message.
func read(ctx context.Context, response *http.Response) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(response.Body, wire.MostBody+1))
	if err != nil {
		return nil, failed(ctx, err)
	}
	if len(raw) > wire.MostBody {
		return nil, fmt.Errorf("%w: too long", ErrAnswer)
	}
	return raw, nil
}

// refusal makes an error of an answer that is not a success.
func refusal(response *http.Response, raw []byte) error {
	problem := new(wire.Problem)
	if isType(response, "application/json") && wire.Decode(raw, problem) == nil &&
		problem.Code.Valid() && problem.Code.Status() == response.StatusCode {
		return problem
	}
	if response.StatusCode >= http.StatusInternalServerError { // a proxy, where the broker is down
		return fmt.Errorf("%w: status %d", ErrOffline, response.StatusCode)
	}
	return fmt.Errorf("%w: status %d", ErrAnswer, response.StatusCode)
}

func isType(response *http.Response, want string) bool {
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return err == nil && media == want
}

// wait waits, or gives the context's error.
func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// jitter gives between half of d and d, so that the devices of a broker that comes back do not call it all at once.
func jitter(d time.Duration) time.Duration {
	var raw [8]byte
	_, _ = rand.Read(raw[:]) // never fails
	half := uint64(d / 2)
	return time.Duration(half + binary.BigEndian.Uint64(raw[:])%(half+1))
}
