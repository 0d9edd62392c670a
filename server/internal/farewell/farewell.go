// Package farewell tells service providers of logouts (OpenID Connect Back-Channel Logout 1.0): it has a logout token
// signed for each notice that an ended session left, and posts it, a few times where it is not taken. A try is counted
// before it is made, so that no restart makes one more.
package farewell

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/keyset"
	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/token"
)

// Parts are what a courier needs; each but Keysets is required.
type Parts struct {
	Book    record.Book
	Clients func(issuer, id string) *client.Client
	Keys    func(issuer string) token.TypedSigner // those of an issuer's ID tokens
	Keysets keyset.Source                         // of service providers that publish theirs
	// Post sends a body to an address that a record names, within bounds of its own. It gives the status of the answer, or
	// the stable word for why there was none.
	Post func(ctx context.Context, address, mediaType string, body []byte) (status int, reason string)
	Now  func() time.Time
}

// Courier delivers notices. It is safe for concurrent use, also by several processes on one store.
type Courier struct{ Parts }

// New makes a courier. Errors: a part is missing.
func New(p Parts) (*Courier, error) {
	if p.Book == nil || p.Clients == nil || p.Keys == nil || p.Post == nil || p.Now == nil {
		return nil, errors.New("farewell: a courier needs every part")
	}
	return &Courier{p}, nil
}

const (
	atOnce    = 8               // deliveries in progress: one that is slow does not hold up the others
	tokenLife = 2 * time.Minute // of a logout token (§2.4 recommends no more)
)

// Why a notice was not taken, beside a status and the words of Post.
const (
	reasonGone  = "client-gone"  // its record is struck off, or names no address any more
	reasonKeys  = "client-keys"  // what it publishes cannot be had, and the token is to be encrypted
	reasonCut   = "interrupted"  // the last try was never finished
	reasonToken = "no-signature" // the token could not be made
)

// Deliver tries every notice that is due, once; of those for a service provider that does not answer, only some. Errors:
// the book could not answer.
func (c *Courier) Deliver(ctx context.Context) error {
	var failed []error
	round := &round{silent: make(map[string]bool)}
	for tried := range session.Tries() + 1 {
		found, err := c.Book.Owned(ctx, record.Logout, session.Pending(tried))
		if err == nil {
			err = c.deliverAll(ctx, round, found)
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// round is what is learned while notices are tried: whom it is no use to ask again at once.
type round struct {
	mu     sync.Mutex
	silent map[string]bool
}

func (r *round) isSilent(address string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.silent[address]
}

func (r *round) keepsSilent(address string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.silent[address] = true
}

// deliverAll tries those of the notices that are due, a few at a time.
func (c *Courier) deliverAll(ctx context.Context, round *round, found []record.Record) error {
	errs := make([]error, len(found))
	turns := make(chan struct{}, atOnce)
	var group sync.WaitGroup
	for i, r := range found {
		n, err := session.ParseNotice(r)
		if err != nil {
			errs[i] = err
			continue
		}
		if !n.Due(c.Now()) {
			continue
		}
		turns <- struct{}{}
		group.Go(func() {
			defer func() { <-turns }()
			errs[i] = c.deliver(ctx, round, n)
		})
	}
	group.Wait() // what fails now is not found again among those that failed before
	return errors.Join(errs...)
}

// deliver tries one notice. That another process was faster is as good.
func (c *Courier) deliver(ctx context.Context, round *round, n session.Notice) error {
	sp := c.Clients(n.Issuer(), n.Client())
	if round.isSilent(sp.BackChannelLogout()) {
		return nil
	}
	if !sp.Active() || sp.BackChannelLogout() == "" {
		return c.close(ctx, n, reasonGone)
	}
	next, left := n.Try(c.Now())
	if !left {
		return c.close(ctx, n, reasonCut)
	}
	if err := c.Book.Apply(ctx, []record.Change{next.Change()}); err != nil {
		return unless(err, record.ErrStale)
	}
	next = next.Stored()
	reason, final := c.send(ctx, next, sp)
	if reason != "" && !final {
		round.keepsSilent(sp.BackChannelLogout())
		if next.Tried() < session.Tries() {
			return nil
		}
	}
	return c.close(context.WithoutCancel(ctx), next, reason)
}

// send makes and posts one logout token. It gives the word for why it was not taken, and whether that will not change.
func (c *Courier) send(ctx context.Context, n session.Notice, sp *client.Client) (reason string, final bool) {
	signed, err := c.token(ctx, n, sp)
	switch {
	case errors.Is(err, keyset.ErrUnavailable):
		return reasonKeys, false
	case err != nil:
		return reasonToken, false
	}
	body := url.Values{"logout_token": {signed}}.Encode()
	status, reason := c.Post(ctx, sp.BackChannelLogout(), "application/x-www-form-urlencoded", []byte(body))
	switch {
	case reason != "":
		return reason, false
	case status == http.StatusOK || status == http.StatusNoContent:
		return "", true
	}
	again := status >= http.StatusInternalServerError || status == http.StatusRequestTimeout ||
		status == http.StatusTooEarly || status == http.StatusTooManyRequests
	return "status-" + strconv.Itoa(status), !again
}

// token is a logout token of this try alone, encrypted as the client's ID tokens are (§2.4).
func (c *Courier) token(ctx context.Context, n session.Notice, sp *client.Client) (string, error) {
	payload, err := token.Logout{
		Subject: n.Subject(), Session: n.SID(), ID: n.ID() + "." + strconv.Itoa(n.Tried()),
	}.Payload(token.Frame{Issuer: n.Issuer(), Audience: sp.ID(), At: c.Now(), Life: tokenLife})
	if err != nil {
		return "", err
	}
	to := token.SignedAlone()
	if alg := sp.Answers().IDToken.Alg; alg != "" {
		key, err := sp.EncryptionKey(ctx, alg, c.Keysets)
		if err != nil {
			return "", err
		}
		if to, err = token.NewRecipient(n.Issuer(), sp.ID(), alg, key); err != nil {
			return "", err
		}
	}
	return token.SealAs(ctx, c.Keys(n.Issuer()), to, token.Message{Type: token.LogoutType, Payload: payload})
}

// close forgets a notice, and records what came of it.
func (c *Courier) close(ctx context.Context, n session.Notice, reason string) error {
	entry := audit.Entry{
		Event: audit.LogoutSent, At: c.Now(), Issuer: n.Issuer(), Client: n.Client(),
		Details: map[string]string{"tries": strconv.Itoa(n.Tried())},
	}
	if reason != "" {
		entry.Event, entry.Reason = audit.LogoutFailed, reason
	}
	return unless(c.Book.Apply(ctx, []record.Change{n.Done(c.Now()).Change()}, entry), record.ErrStale)
}

func unless(err, known error) error {
	if errors.Is(err, known) {
		return nil
	}
	return err
}
