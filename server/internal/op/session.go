package op

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/txn"
)

// remember stores a grant together with the browser's session, which is made here and nowhere else: of the browser that a
// login succeeded in. The session opens nothing; it knows what a logout has to end. err is the grant's.
func (p *Provider) remember(c *gin.Context, s step, err error) error {
	granted, ok := s.next.(txn.Granted)
	if err != nil || !ok {
		return p.advance(c.Request.Context(), s, err)
	}
	value, browser := p.Kit.NewSession()
	for range useTries {
		j, err := p.join(c, granted, browser)
		if err != nil {
			return err
		}
		err = p.Book.AdvanceWith(c.Request.Context(), record.Step{
			From: s.from, Next: s.next, Entry: s.entry.With("session", j.next.ID()), Also: j.entries,
		}, j.changes)
		if errors.Is(err, record.ErrStale) { // another login of this browser was faster
			continue
		}
		if err != nil {
			return err
		}
		p.Kit.KeepSession(c, value)
		err = j.ended.TakeBack(c.Request.Context(), p.Ledger, txn.ReasonOtherPerson, p.Now())
		if errors.Is(err, txn.ErrSpent) {
			return oauth.FaultUnavailable.Err()
		}
		return err
	}
	return oauth.FaultUnavailable.Err()
}

// joined is a login in its browser's session, and what to store.
type joined struct {
	next    session.Session
	ended   session.Session // somebody else's, which was the browser's before; the zero one where there is none
	changes []record.Change
	entries []audit.Entry
}

// join puts a login into the browser's session. Somebody else's session ends: two people are not logged in by one browser.
func (p *Provider) join(c *gin.Context, g txn.Granted, browser [32]byte) (joined, error) {
	login, err := p.login(g)
	if err != nil {
		return joined{}, err
	}
	old, known, err := p.session(c)
	if err != nil {
		return joined{}, err
	}
	var j joined
	err = session.ErrPerson
	if known {
		j.next, err = old.Join(g.Account(), login, browser, p.Now())
	}
	if errors.Is(err, session.ErrPerson) {
		if known {
			j.leave(p, old, login.Client)
		}
		person := session.Person{Issuer: p.Issuer.URL, Profile: p.Issuer.Txn, Account: g.Account()}
		if j.next, err = session.Begin(person, browser, p.Now()); err == nil {
			j.next, err = j.next.Join(g.Account(), login, browser, p.Now())
		}
	}
	j.changes = append(j.changes, j.next.Change())
	return j, err
}

// leave ends the session of somebody else, for a login at a client.
func (j *joined) leave(p *Provider, old session.Session, client string) {
	wants := func(id string) bool { return p.Clients(id).BackChannelLogout() != "" }
	j.ended, j.changes = old, old.Leave(wants, p.Now())
	j.entries = []audit.Entry{{
		Event: audit.SessionEnded, Reason: string(txn.ReasonOtherPerson), At: p.Now(), Issuer: p.Issuer.URL, Client: client,
		Account: old.Account(), Details: map[string]string{"session": old.ID()},
	}}
}

// login is what the session remembers of a grant.
func (p *Provider) login(g txn.Granted) (session.Login, error) {
	params := g.Request().Params()
	sp := p.Clients(params.Client)
	subject, err := p.Subjects.Subject(sp.EntityID(), g.Identity().Hash())
	if err != nil {
		return session.Login{}, err
	}
	transaction := g.ID().String()
	return session.Login{
		Client: params.Client, Subject: subject, SID: session.SID(transaction), Transaction: transaction,
		Token: session.Token{Client: params.Client, Subject: subject, Nonce: params.Nonce, AuthTime: g.AuthTime()}.Print(),
	}, nil
}

// session finds the session of this browser.
func (p *Provider) session(c *gin.Context) (session.Session, bool, error) {
	browser, ok := p.Kit.Session(c)
	if !ok {
		return session.Session{}, false, nil
	}
	return p.findSession(c.Request.Context(), browser)
}

func (p *Provider) findSession(ctx context.Context, browser [32]byte) (session.Session, bool, error) {
	found, err := p.Book.Find(ctx, record.Session, session.Alias(p.Issuer.URL, browser))
	if errors.Is(err, record.ErrUnknown) {
		return session.Session{}, false, nil
	}
	if err != nil {
		return session.Session{}, false, err
	}
	s, err := session.Parse(found)
	return s, err == nil, err
}

// come lets the browser's session last, where sessions do whenever the browser comes back. That another request was faster
// is as good.
func (p *Provider) come(c *gin.Context) error {
	s, known, err := p.session(c)
	if err != nil || !known {
		return err
	}
	next, longer := s.Come(p.Now())
	if !longer {
		return nil
	}
	err = p.Book.Apply(c.Request.Context(), []record.Change{next.Change()})
	if errors.Is(err, record.ErrStale) {
		return nil
	}
	return err
}
