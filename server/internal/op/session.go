package op

import (
	"context"
	"errors"

	"github.com/gin-gonic/gin"

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
		joined, changes, err := p.joined(c, granted, browser)
		if err != nil {
			return err
		}
		err = p.Book.AdvanceWith(c.Request.Context(), record.Step{
			From: s.from, Next: s.next, Entry: s.entry.With("session", joined.ID()),
		}, changes)
		if errors.Is(err, record.ErrStale) { // another login of this browser was faster
			continue
		}
		if err == nil {
			p.Kit.KeepSession(c, value)
		}
		return err
	}
	return oauth.FaultUnavailable.Err()
}

// joined is the browser's session with this login in it, and what to store. Somebody else's session ends: two people are
// not logged in by one browser.
func (p *Provider) joined(c *gin.Context, g txn.Granted, browser [32]byte) (session.Session, []record.Change, error) {
	login, err := p.login(g)
	if err != nil {
		return session.Session{}, nil, err
	}
	old, known, err := p.session(c)
	if err != nil {
		return session.Session{}, nil, err
	}
	var changes []record.Change
	next, err := old, session.ErrPerson
	if known {
		next, err = old.Join(g.Account(), login, browser, p.Now())
	}
	if errors.Is(err, session.ErrPerson) {
		if known {
			wants := func(id string) bool { return p.Clients(id).BackChannelLogout() != "" }
			changes = old.Leave(wants, p.Now())
		}
		person := session.Person{Issuer: p.Issuer.URL, Profile: p.Issuer.Txn, Account: g.Account()}
		if next, err = session.Begin(person, browser, p.Now()); err == nil {
			next, err = next.Join(g.Account(), login, browser, p.Now())
		}
	}
	return next, append(changes, next.Change()), err
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
