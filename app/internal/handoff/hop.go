// Package handoff is how a browser and the companion on one machine find each other: the loopback hop, which shows a broker
// that the browser and the app are on the same machine (DESIGN 9), and the link that a page opens, which is handed to the
// window that is already there.
package handoff

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"pivot/shared/wire"
)

// ErrExpired says that no browser came in time.
var ErrExpired = errors.New("handoff: no browser came")

// hopLife is the most that a hop listens.
const hopLife = 60 * time.Second

// Ticket is what the broker gave for a hop, and where to send the browser that makes it.
type Ticket struct {
	Ceremony string
	Device   string
	Hop      string // id of the hop: says which address the browser will come with
	Secret   []byte // 32 octets
	Return   string // address at the pinned broker, without query: see [ReturnOfLogin] and [ReturnOfPairing]
}

// ReturnOfLogin gives where a browser goes back to in a login: below the issuer's identifier, which the profile pins.
func ReturnOfLogin(issuer, ceremony string) string {
	return strings.TrimSuffix(issuer, "/") + "/interaction/" + ceremony + "/hop"
}

// ReturnOfPairing gives where a browser goes back to in a pairing, at the broker's origin.
func ReturnOfPairing(origin, ceremony string) string { return origin + "/pair/" + ceremony + "/hop" }

// Hop listens on a port of this machine for the one visit of a browser.
type Hop struct {
	port   int
	server *http.Server
	armed  chan struct{} // closed once there is a ticket
	done   chan struct{} // closed once a browser was sent back
	ended  chan struct{} // closed once the server has stopped
	life   context.Context
	end    context.CancelCauseFunc

	mu     sync.Mutex
	ticket Ticket
	used   bool
}

// Listen opens a random port of 127.0.0.1 and listens for at most 60 seconds, until the context is done, or until
// [Hop.Close]. A browser that comes before [Hop.Arm] is made to wait. The error says that no port can be opened.
func Listen(ctx context.Context) (*Hop, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h := &Hop{
		port:  listener.Addr().(*net.TCPAddr).Port,
		armed: make(chan struct{}), done: make(chan struct{}), ended: make(chan struct{}),
	}
	var stop context.CancelFunc
	ctx, stop = context.WithTimeoutCause(ctx, hopLife, ErrExpired)
	h.life, h.end = context.WithCancelCause(ctx)
	h.server = &http.Server{
		Handler:           http.HandlerFunc(h.serve),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       5 * time.Second,
		WriteTimeout:      hopLife + 5*time.Second,
		MaxHeaderBytes:    64 << 10, // browsers send the cookies of every other program on this address
	}
	h.server.SetKeepAlivesEnabled(false)
	go func() {
		defer close(h.ended)
		_ = h.server.Serve(listener) // ends by Close alone; what broke before shows as a browser that never came
	}()
	context.AfterFunc(h.life, func() {
		stop()
		if !errors.Is(context.Cause(h.life), errClosed) { // Close ends with more patience
			_ = h.server.Close()
		}
	})
	return h, nil
}

// Port gives the port, to be told to the broker.
func (h *Hop) Port() int { return h.port }

// Arm gives the hop what to answer with. Only the first ticket counts.
func (h *Hop) Arm(t Ticket) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ticket.Hop == "" {
		h.ticket = t
		close(h.armed)
	}
}

// Wait waits until a browser was sent back. Errors: [ErrExpired], and those of the context. That the browser arrived at the
// broker is the broker's to say.
func (h *Hop) Wait(ctx context.Context) error {
	select {
	case <-h.done:
		return nil
	default:
	}
	select {
	case <-h.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-h.life.Done():
		return context.Cause(h.life)
	}
}

var errClosed = errors.New("handoff: the hop was closed")

// Close stops listening. An answer that is on its way is finished first.
func (h *Hop) Close() error {
	ctx, stop := context.WithTimeout(context.Background(), time.Second)
	defer stop()
	h.end(errClosed)
	err := h.server.Shutdown(ctx)
	if err != nil {
		err = h.server.Close()
	}
	<-h.ended
	return err
}

// serve answers one request. What is wrong in it is not said: only a browser that this hop was made for gets more than a
// status.
func (h *Hop) serve(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("X-Content-Type-Options", "nosniff")
	if status := h.judge(r); status != http.StatusOK {
		w.WriteHeader(status)
		return
	}
	a := strings.TrimPrefix(r.URL.Path, hopPath)
	select {
	case <-h.armed:
	case <-h.life.Done():
		w.WriteHeader(http.StatusGone)
		return
	case <-r.Context().Done():
		return
	}
	target, status := h.spend(a)
	if status != http.StatusSeeOther {
		w.WriteHeader(status)
		return
	}
	header.Set("Location", target)
	w.WriteHeader(status)
	_ = http.NewResponseController(w).Flush() // so that Wait's caller may close at once
	close(h.done)
}

const hopPath = "/hop/"

// judge says whether a request is the top-level navigation of a browser to this hop: exactly this host, so that no name
// that was rebound to 127.0.0.1 passes, and a navigation, which no script of another page can read or repeat silently.
func (h *Hop) judge(r *http.Request) int {
	a, ok := strings.CutPrefix(r.RequestURI, hopPath)
	switch {
	case r.Host != net.JoinHostPort("127.0.0.1", strconv.Itoa(h.port)):
		return http.StatusMisdirectedRequest
	case r.Method != http.MethodGet:
		return http.StatusMethodNotAllowed
	case !ok || !isToken(a):
		return http.StatusNotFound
	case r.ContentLength != 0 || len(r.TransferEncoding) > 0:
		return http.StatusBadRequest
	case !said(r, "Sec-Fetch-Mode", false, "navigate"), !said(r, "Sec-Fetch-Dest", true, "document"),
		!said(r, "Sec-Fetch-Site", true, "cross-site", "same-site", "none"):
		return http.StatusForbidden
	}
	return http.StatusOK
}

// said says whether a header is there once, with one of these values, or may be absent and is.
func said(r *http.Request, name string, absent bool, values ...string) bool {
	got := r.Header.Values(name)
	if len(got) == 0 {
		return absent
	}
	for _, value := range values {
		if len(got) == 1 && got[0] == value {
			return true
		}
	}
	return false
}

// tokenLen is the length of 32 octets in base64url.
const tokenLen = 43

func isToken(s string) bool {
	if len(s) != tokenLen {
		return false
	}
	_, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && !strings.ContainsAny(s, "\r\n")
}

// spend uses the hop, once, for the one address that it was made for; another address leaves it as it is.
func (h *Hop) spend(a string) (target string, status int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if subtle.ConstantTimeCompare([]byte(wire.HopID(a)), []byte(h.ticket.Hop)) != 1 {
		return "", http.StatusNotFound
	}
	if h.used {
		return "", http.StatusGone
	}
	h.used = true
	proof := wire.HopProof(h.ticket.Secret, h.ticket.Ceremony, a, h.ticket.Device, h.port)
	return h.ticket.Return + "?c=" + base64.RawURLEncoding.EncodeToString(proof), http.StatusSeeOther
}
