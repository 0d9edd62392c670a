// Package rendezvous owns the browser's side of a ceremony: the code that a page shows, the answer that is kept back until
// the companion did something, the passage through the app's loopback port and back, and the end. A page of a login and a
// page of a pairing do the same here, and differ in what they say.
package rendezvous

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/record"
	"pivot/server/internal/web"
)

// Events wakes those who wait for a change of a ceremony, named by its identifier.
type Events interface {
	Notify(topic string)
	Watch(topic string) (wake <-chan struct{}, stop func())
}

// Parts are what a host needs; each is required.
type Parts struct {
	Kit    *web.Kit
	Issuer string
	Book   record.Book
	Events Events
	Now    func() time.Time
}

// Host brings browsers and companions of one issuer together. It is safe for concurrent use.
type Host struct {
	Parts

	origin string
	held   places
}

// New makes the host of an issuer, and lets the pages that wait do so. Call it before the kit is served. Errors: a part is
// missing; an issuer that is no address.
func New(p Parts) (*Host, error) {
	if p.Kit == nil || p.Issuer == "" || p.Book == nil || p.Events == nil || p.Now == nil {
		return nil, errors.New("rendezvous: a host needs every part")
	}
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Host == "" {
		return nil, errors.New("rendezvous: the issuer is not an address")
	}
	for _, path := range []web.Path{web.PathInteraction, web.PathPairing} {
		p.Kit.Patient(path, held+renewal)
	}
	return &Host{Parts: p, origin: u.Scheme + "://" + u.Host, held: places{taken: make(map[string]int)}}, nil
}

// ErrGone says that there is no such ceremony: never was, or expired.
var ErrGone = errors.New("rendezvous: no such ceremony")

// ErrBrowser says that it began in another browser, which alone may see it.
var ErrBrowser = errors.New("rendezvous: not the browser that began")

// Visit is one request of a browser about one ceremony.
type Visit struct {
	Pairing bool      // else a login, whose transaction has the same identifier
	ID      string    // of the ceremony
	Browser [32]byte  // hash of the browser's cookie of that ceremony
	Known   bool      // it has one
	Expires time.Time // when a ceremony that begins with this visit ends
	Agent   string    // of a login that begins: family and system of the browser
	Place   string    // and its network address: the companion shows both
}

func (v Visit) kind() ceremony.Kind {
	if v.Pairing {
		return ceremony.Pair
	}
	return ceremony.Login
}

// here is the address of the page.
func (v Visit) here() string {
	if v.Pairing {
		return web.PathPairing.For(v.ID)
	}
	return web.PathInteraction.For(v.ID)
}

// Begin offers the ceremony of a visit to the companion that will know its code. email is that of a pairing. One that began
// already stays. Errors: those of the book.
func (h *Host) Begin(ctx context.Context, v Visit, email string) error {
	c, err := ceremony.Offer(ceremony.Terms{
		ID: v.ID, Issuer: h.Issuer, Kind: v.kind(), Browser: v.Browser, Email: email, Agent: v.Agent, Place: v.Place,
		Expires: v.Expires,
	})
	if err != nil {
		return err
	}
	if err = h.Book.Apply(ctx, []record.Change{c.Change()}); err != nil && !errors.Is(err, record.ErrTaken) {
		return fmt.Errorf("rendezvous: %w", err)
	}
	return nil
}

// get reads a ceremony. Errors: [ErrGone] for one that is not known, of another kind or of another issuer.
func (h *Host) get(ctx context.Context, v Visit) (ceremony.Ceremony, error) {
	if raw, err := base64.RawURLEncoding.Strict().DecodeString(v.ID); err != nil || len(raw) != 32 {
		return ceremony.Ceremony{}, ErrGone
	}
	r, err := h.Book.Get(ctx, record.Ceremony, v.ID)
	if errors.Is(err, record.ErrUnknown) {
		return ceremony.Ceremony{}, ErrGone
	}
	if err != nil {
		return ceremony.Ceremony{}, fmt.Errorf("rendezvous: %w", err)
	}
	c, err := ceremony.Parse(r)
	if err != nil {
		return ceremony.Ceremony{}, fmt.Errorf("rendezvous: %w", err)
	}
	if c.Kind() != v.kind() || c.Issuer() != h.Issuer {
		return ceremony.Ceremony{}, ErrGone
	}
	return c, nil
}

// Began checks that a visit is of the browser that began the ceremony. Errors: [ErrGone], [ErrBrowser].
func (h *Host) Began(ctx context.Context, v Visit) error {
	c, err := h.get(ctx, v)
	if err != nil {
		return err
	}
	if !v.Known || !c.Began(v.Browser) {
		return ErrBrowser
	}
	return nil
}

// tries bounds how often a step is taken anew because another request was faster.
const tries = 5

// again takes a step on the ceremony as it stands, and anew on what it became when another request was faster. Errors: of
// reading it, of the step.
func (h *Host) again(ctx context.Context, v Visit, step func(ceremony.Ceremony) error) error {
	for range tries {
		c, err := h.get(ctx, v)
		if err != nil {
			return err
		}
		if err = step(c); !errors.Is(err, record.ErrStale) {
			return err
		}
	}
	return fmt.Errorf("rendezvous: %w", record.ErrStale)
}

// store writes what a step came to, with entries, and wakes whoever waits.
func (h *Host) store(ctx context.Context, next ceremony.Ceremony, entries ...audit.Entry) error {
	if err := h.Book.Apply(ctx, []record.Change{next.Change()}, entries...); err != nil {
		return fmt.Errorf("rendezvous: %w", err)
	}
	h.Events.Notify(next.ID())
	return nil
}

// entry is an audit entry about a ceremony.
func (h *Host) entry(event audit.Event, id, reason string) audit.Entry {
	return audit.Entry{Event: event, Reason: reason, At: h.Now(), Issuer: h.Issuer, Transaction: id}
}
