// Package fetch asks other servers: for a key set at a jwks_uri, or with a logout token for a service provider. The
// addresses come from records and documents that others wrote, so each one could point at what only this machine can
// reach. A request therefore goes to public addresses alone, looked at when they are dialled and not when the name was
// resolved; it follows no redirect, uses no proxy, and what comes back is bounded in size and in time.
//
// Where the issuers themselves are on loopback, loopback may be asked as well.
package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pivot/server/internal/oauth"
)

// Bounds of one request. A key set has a few kilobytes, an answer to a logout token has none.
const (
	mostAnswer  = 64 << 10
	mostRequest = 64 << 10
	mostHeader  = 16 << 10
	patience    = 5 * time.Second
	atOnce      = 32 // requests in progress; others wait within their patience
)

// Options say what a Fetcher may reach. The zero value is right for a public deployment.
type Options struct {
	Loopback bool           // the issuers are on loopback: so may be what is asked, by http as well
	Roots    *x509.CertPool // authorities of TLS; nil for the system's
	Resolver *net.Resolver  // nil for the system's
}

// Fetcher asks other servers. It is safe for concurrent use.
type Fetcher struct {
	loopback bool
	client   *http.Client
	turns    chan struct{}
}

// New makes a Fetcher.
func New(o Options) *Fetcher {
	f := &Fetcher{loopback: o.Loopback, turns: make(chan struct{}, atOnce)}
	transport := &http.Transport{
		// No Proxy: it would be asked to reach what this process must not.
		DialContext:            f.dialer(o.Resolver),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
		DisableCompression:     true, // a small answer stays small
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: mostHeader,
	}
	f.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f
}

// Answer is what a server said, whatever its status, as long as that is no redirect.
type Answer struct {
	Status int
	Type   string        // media type without parameters, in lower case
	MaxAge time.Duration // for how long it says that it may be kept; negative when it does not say
	Body   []byte        // at most 64 KiB
}

// Get asks for a document, such as a key set, that has one of the media types. Errors: a [*Refusal]; a status other than
// 200 and another media type are two of its reasons.
func (f *Fetcher) Get(ctx context.Context, address string, types ...string) (Answer, error) {
	request, err := f.request(ctx, http.MethodGet, address, nil)
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Accept", strings.Join(types, ", "))
	answer, err := f.do(request)
	switch {
	case err != nil:
		return Answer{}, err
	case answer.Status != http.StatusOK:
		return Answer{}, &Refusal{Reason: ReasonStatus, Status: answer.Status}
	case !slices.Contains(types, answer.Type):
		return Answer{}, &Refusal{Reason: ReasonType}
	}
	return answer, nil
}

// Post sends a body of at most 64 KiB. What status the answer has is the caller's to judge. Errors: a [*Refusal].
func (f *Fetcher) Post(ctx context.Context, address, mediaType string, body []byte) (Answer, error) {
	if len(body) > mostRequest {
		return Answer{}, &Refusal{Reason: ReasonSize}
	}
	request, err := f.request(ctx, http.MethodPost, address, body)
	if err != nil {
		return Answer{}, err
	}
	request.Header.Set("Content-Type", mediaType)
	return f.do(request)
}

// Check reports whether an address may be asked at all, as far as it can be told without asking: for whoever reads a
// record. The rule is that of redirect addresses: https with a full host name in its one canonical form; on a loopback
// deployment also http to loopback. Errors say what to change.
func Check(address string, loopback bool) error { return oauth.CheckRedirectURI(address, loopback) }

func (f *Fetcher) request(ctx context.Context, method, address string, body []byte) (*http.Request, error) {
	if err := Check(address, f.loopback); err != nil {
		return nil, &Refusal{Reason: ReasonAddress, Cause: err}
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, &Refusal{Reason: ReasonAddress, Cause: err}
	}
	if method == http.MethodGet {
		request.Body, request.ContentLength = nil, 0
	}
	request.Header.Set("User-Agent", "pivot")
	return request, nil
}

// do makes one request within the patience, its turn included.
func (f *Fetcher) do(request *http.Request) (Answer, error) {
	ctx, cancel := context.WithTimeout(request.Context(), patience)
	defer cancel()
	select {
	case f.turns <- struct{}{}:
		defer func() { <-f.turns }()
	case <-ctx.Done():
		return Answer{}, &Refusal{Reason: ReasonTime, Cause: ctx.Err()}
	}
	response, err := f.client.Do(request.WithContext(ctx))
	if err != nil {
		return Answer{}, refusalOf(err)
	}
	defer response.Body.Close()
	if response.StatusCode >= 300 && response.StatusCode < 400 {
		return Answer{}, &Refusal{Reason: ReasonRedirect, Status: response.StatusCode}
	}
	return read(response)
}

func read(response *http.Response) (Answer, error) {
	if e := response.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return Answer{}, &Refusal{Reason: ReasonType} // nobody asked for it
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err != nil {
		return Answer{}, refusalOf(err)
	}
	if len(body) > mostAnswer {
		return Answer{}, &Refusal{Reason: ReasonSize}
	}
	answer := Answer{Status: response.StatusCode, Body: body, MaxAge: maxAge(response.Header.Values("Cache-Control"))}
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err == nil {
		answer.Type = media
	}
	return answer, nil
}

// dialer connects to allowed addresses alone. The check is made on the address that is about to be connected to: a name
// that resolves to something else the second time gains nothing.
func (f *Fetcher) dialer(resolver *net.Resolver) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, &Refusal{Reason: ReasonAddress, Cause: err}
		}
		dialer := net.Dialer{Resolver: resolver, Control: f.control(host)}
		return dialer.DialContext(ctx, network, address)
	}
}

// refusalOf gives a failed request its reason.
func refusalOf(err error) *Refusal {
	var refusal *Refusal
	var timeout net.Error
	switch {
	case errors.As(err, &refusal):
		return refusal
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &Refusal{Reason: ReasonTime, Cause: cause(err)}
	}
	return &Refusal{Reason: ReasonUnreachable, Cause: cause(err)}
}

// cause leaves the address out: it may be another party's, and the caller knows it.
func cause(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
