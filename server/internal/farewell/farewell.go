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
	Owners  func(ctx context.Context, kind record.Kind) ([]string, error) // whom records of the book belong to, each once
	Clients func(issuer, id string) *client.Client
	Keys    func(issuer string) token.TypedSigner // those of an issuer's ID tokens
	Keysets keyset.Source                         // of service providers that publish theirs
	// Post sends a body to an address that a record names, within bounds of its own. It gives the status of the answer, or
	// the stable word for why there was none.
	Post func(ctx context.Context, address, mediaType string, body []byte) (status int, reason string)
	Now  func() time.Time
}

// Courier delivers notices. It is safe for concurrent use, also by several processes on one store.
type Courier struct {
	Parts

	mu     sync.Mutex
	silent map[string]bool // owners of notices who did not answer last time: their turn comes last
}

// New makes a courier. Errors: a part is missing.
func New(p Parts) (*Courier, error) {
	if p.Book == nil || p.Owners == nil || p.Clients == nil || p.Keys == nil || p.Post == nil || p.Now == nil {
		return nil, errors.New("farewell: a courier needs every part")
	}
	return &Courier{Parts: p}, nil
}

const (
	atOnce    = 16              // deliveries in progress: one that is slow does not hold up the others
	tokenLife = 2 * time.Minute // of a logout token (§2.4 recommends no more)
)

// Why a notice was not taken, beside a status and the words of Post.
const (
	reasonGone  = "client-gone"  // its record is struck off, or names no address any more
	reasonKeys  = "client-keys"  // what it publishes cannot be had, and the token is to be encrypted
	reasonLate  = "too-late"     // its time was over before it was taken
	reasonCut   = "interrupted"  // the last try was never finished
	reasonToken = "no-signature" // the token could not be made
)

// Deliver tries the notices that are due, client by client: each has its turn before another has its second, with one post
// at a time, so that no client waits behind those of another. Of a client that does not answer, one is tried. Errors: the
// book could not answer.
func (c *Courier) Deliver(ctx context.Context) error {
	owners, err := c.Owners(ctx, record.Logout)
	if err != nil {
		return err
	}
	r := c.newRound(owners)
	var workers sync.WaitGroup
	for range min(atOnce, len(owners)) {
		workers.Go(func() {
			for m := range r.turns {
				if more, err := c.take(ctx, r, m); more && err == nil {
					r.turns <- m // has room for everybody
				} else {
					r.leave(errors.Join(m.broken, err))
				}
			}
		})
	}
	workers.Wait() // what fails now is tried in another round
	return errors.Join(r.failed...)
}

// deliver tries one notice, and reports whether it is any use to go on with the next of the same client. That another
// process was faster is as good.
func (c *Courier) deliver(ctx context.Context, n session.Notice) (answers bool, err error) {
	sp := c.Clients(n.Issuer(), n.Client())
	switch {
	case n.Late(c.Now()):
		return true, c.close(ctx, n, reasonLate)
	case !sp.Active() || sp.BackChannelLogout() == "":
		return true, c.close(ctx, n, reasonGone)
	}
	next, left := n.Try(c.Now())
	if !left {
		return true, c.close(ctx, n, reasonCut)
	}
	if err := c.Book.Apply(ctx, []record.Change{next.Change()}); err != nil {
		return true, unless(err, record.ErrStale)
	}
	next = next.Stored()
	reason, final := c.send(ctx, next, sp)
	if reason != "" && !final {
		if next.Tried() < session.Tries() {
			return false, nil
		}
		return false, c.close(context.WithoutCancel(ctx), next, reason)
	}
	return true, c.close(context.WithoutCancel(ctx), next, reason)
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
	says := token.Logout{Subject: n.Subject(), ID: n.ID() + "." + strconv.Itoa(n.Tried())}
	if sp.NamesSession() { // else its ID tokens named none
		says.Session = n.SID()
	}
	payload, err := says.Payload(token.Frame{Issuer: n.Issuer(), Audience: sp.ID(), At: c.Now(), Life: tokenLife})
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
