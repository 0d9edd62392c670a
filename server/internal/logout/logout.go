// Package logout ends the session that a browser has at an issuer (OpenID Connect RP-Initiated Logout 1.0,
// franceconnect.md 1.9): at once where the service provider that asks shows an ID token of this very session, and else
// only when the person says so, on a page of ours. One logout ends all logins of the session.
package logout

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// Parts are what the logout of one issuer needs; each is required.
type Parts struct {
	Kit     *web.Kit
	Guard   *web.Guard
	Issuer  string
	Clients func(id string) *client.Client
	Ledger  txn.Ledger
	Book    record.Book
	Log     audit.Log
	Keys    func() ([]byte, error) // the key set that the issuer publishes
	Now     func() time.Time
}

type exit struct{ Parts }

// stepLeave is the step that the form takes.
const stepLeave = "leave"

// Mount puts the logout on its kit. Errors: a part is missing.
func Mount(p Parts) error {
	if p.Kit == nil || p.Guard == nil || p.Issuer == "" || p.Clients == nil || p.Ledger == nil || p.Book == nil || p.Log == nil || p.Keys == nil || p.Now == nil {
		return errors.New("logout: a part is missing")
	}
	e := exit{p}
	p.Kit.Page(http.MethodGet, web.PathLogout, e.ask)
	p.Kit.Page(http.MethodPost, web.PathLogout, e.again)
	p.Kit.Page(http.MethodPost, web.PathLeave, e.confirm)
	p.Kit.Page(http.MethodGet, web.PathLeft, e.left)
	return nil
}

// again makes a GET of a request that a service provider's page posted: with another site's POST the browser sends no
// cookie, and a session that is not seen would stay.
func (e exit) again(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return e.refuse(c, "", err)
	}
	if _, err := oauth.ParseLogout(values); err != nil {
		return e.refuse(c, "", err)
	}
	kept := url.Values{}
	for _, name := range []string{"id_token_hint", "client_id", "post_logout_redirect_uri", "state", "ui_locales"} {
		if values.Get(name) != "" {
			kept.Set(name, values.Get(name))
		}
	}
	e.Kit.SeeOther(c, string(web.PathLogout)+"?"+kept.Encode())
	return nil
}

// request is a logout request whose parts agree with each other and with the record of its client.
type request struct {
	oauth.LogoutRequest

	client *client.Client // who asks; the unknown one where nobody says so
	hint   token.Hint
	hinted bool // the hint is an ID token of ours, for this client
}

// gave reports whether the session issued the ID token of the hint.
func (r request) gave(s session.Session) bool {
	return r.hinted && s.Gave(session.Token{
		Client: r.hint.Audience, Subject: r.hint.Subject, Nonce: r.hint.Nonce, AuthTime: r.hint.AuthTime,
	}, r.hint.Session)
}

// ask is the service provider's request to log the person out.
func (e exit) ask(c *gin.Context) error {
	values, err := web.Query(c)
	if err != nil {
		return e.refuse(c, "", err)
	}
	parsed, err := oauth.ParseLogout(values)
	if err != nil {
		return e.refuse(c, "", err)
	}
	e.Kit.Prefer(c, strings.Fields(parsed.UILocales)...)
	r, err := e.judge(parsed)
	if err != nil {
		return e.refuse(c, r.client.ID(), err)
	}
	s, known, err := e.session(c)
	if err != nil {
		return err
	}
	if known && r.hinted && !r.gave(s) {
		// The person is asked, at an address without the token: pages repeat theirs, and browsers keep it.
		e.Kit.SeeOther(c, string(web.PathLogout)+"?"+r.Query())
		return nil
	}
	entry := audit.Entry{Event: audit.LogoutRequested, At: e.Now(), Issuer: e.Issuer, Client: r.client.ID(), Account: s.Account()}
	if err := e.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	switch {
	case known && r.hinted:
		return e.end(c, s, r)
	case known:
		return e.page(c, s, r)
	case r.hinted: // it is over already, and the service provider proved that there was one
		e.goOn(c, r)
		return nil
	}
	return e.Kit.Render(c, http.StatusOK, assets.LeftPage{Back: back(r)})
}

// judge finds whom the request is from. What it is told by a hint must be signed by this issuer, and what it asks for must
// be registered.
func (e exit) judge(parsed oauth.LogoutRequest) (request, error) {
	r := request{LogoutRequest: parsed}
	if parsed.Hint != "" {
		published, err := e.Keys()
		if err != nil {
			return r, err
		}
		if r.hint, err = token.ReadHint(string(parsed.Hint), e.Issuer, published); err != nil {
			return r, oauth.PageError{Err: oauth.FaultLogoutHint.Err(), Parameter: "id_token_hint"}
		}
		if parsed.ClientID != "" && parsed.ClientID != r.hint.Audience {
			return r, oauth.PageError{Err: oauth.FaultLogoutMismatch.Err(), Parameter: "client_id"}
		}
		r.hinted, r.ClientID = true, r.hint.Audience
	}
	if r.ClientID != "" {
		if r.client = e.Clients(r.ClientID); !r.client.Active() {
			return r, oauth.PageError{Err: oauth.FaultLogoutClient.Err(), Parameter: "client_id"}
		}
	}
	if r.RedirectURI != "" && !slices.Contains(r.client.PostLogoutURIs(), r.RedirectURI) {
		return r, oauth.PageError{Err: oauth.FaultLogoutAddress.Err(), Parameter: "post_logout_redirect_uri"}
	}
	return r, nil
}

// page asks the person. Whoever sends them here may want them out of their session, and must not have their way.
func (e exit) page(c *gin.Context, s session.Session, r request) error {
	browser, _ := e.Kit.Session(c)
	action := string(web.PathLeave)
	if query := r.Query(); query != "" {
		action += "?" + query
	}
	if r.RedirectURI != "" {
		if err := e.Kit.MayLeaveFor(c, oauth.RestoreTarget(r.RedirectURI, "").Origin()); err != nil {
			return err
		}
	}
	return e.Kit.Render(c, http.StatusOK, assets.LeavePage{
		Service: r.client.Name(), Services: e.services(s), Stay: string(web.PathLeft),
		Leave: assets.Form{Action: action, Token: e.Guard.Token(step(s, browser))},
	})
}

func step(s session.Session, browser [32]byte) web.Step {
	return web.Step{Browser: browser, Transaction: s.ID(), Name: stepLeave, Expires: s.Expires()}
}

// services are the names of those that the person logged in to, each once.
func (e exit) services(s session.Session) []string {
	var out []string
	for _, l := range s.Logins() {
		if name := e.Clients(l.Client).Name(); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// confirm is the person's answer. Whom it leads back to comes with the form, and is judged as it was on the page before.
func (e exit) confirm(c *gin.Context) error {
	values, err := web.Query(c)
	if err != nil {
		return e.refuse(c, "", err)
	}
	parsed, err := oauth.ParseLogout(values)
	if err != nil {
		return e.refuse(c, "", err)
	}
	parsed.Hint = ""
	r, err := e.judge(parsed)
	if err != nil {
		return e.refuse(c, r.client.ID(), err)
	}
	form, err := web.Form(c)
	if err != nil {
		return e.refuse(c, r.client.ID(), err)
	}
	s, known, err := e.session(c)
	if err != nil {
		return err
	}
	if !known { // another tab was faster, or it was long ago
		e.goOn(c, r)
		return nil
	}
	browser, _ := e.Kit.Session(c)
	err = e.Guard.Spend(c.Request.Context(), step(s, browser), form.Get(web.TokenField))
	if public, ok := errors.AsType[oauth.Error](err); ok {
		return e.refuse(c, r.client.ID(), &web.Refusal{Err: public})
	}
	if err != nil {
		return err
	}
	return e.end(c, s, r)
}

// left says whether the person is logged in still.
func (e exit) left(c *gin.Context) error {
	_, known, err := e.session(c)
	if err != nil {
		return err
	}
	return e.Kit.Render(c, http.StatusOK, assets.LeftPage{Stayed: known})
}

// goOn leads to the service provider where there is a way, else to a page of ours.
func (e exit) goOn(c *gin.Context, r request) {
	way := r.Location()
	if way == "" {
		way = string(web.PathLeft)
	}
	e.Kit.SeeOther(c, way)
}

func back(r request) *assets.Way {
	if r.Location() == "" {
		return nil
	}
	return &assets.Way{Service: r.client.Name(), URL: r.Location()}
}

// session finds the session of this browser.
func (e exit) session(c *gin.Context) (session.Session, bool, error) {
	browser, ok := e.Kit.Session(c)
	if !ok {
		return session.Session{}, false, nil
	}
	return read(e.Book.Find(c.Request.Context(), record.Session, session.Alias(e.Issuer, browser)))
}

func read(found record.Record, err error) (session.Session, bool, error) {
	if errors.Is(err, record.ErrUnknown) {
		return session.Session{}, false, nil
	}
	if err != nil {
		return session.Session{}, false, err
	}
	s, err := session.Parse(found)
	return s, err == nil, err
}

// refuse records a refusal and passes it on to be said.
func (e exit) refuse(c *gin.Context, clientID string, err error) error {
	public, ok := errors.AsType[oauth.Error](err)
	if !ok {
		return err
	}
	entry := audit.Entry{
		Event: audit.LogoutRefused, Reason: public.Fault.String(), At: e.Now(), Issuer: e.Issuer, Client: clientID,
	}
	if err := e.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	return err
}

// tries bounds what logins of the same browser at the same moment may cost a logout.
const tries = 16

// end ends the session and all that it gave which is still good, tells the service providers, and leads the browser on.
func (e exit) end(c *gin.Context, s session.Session, r request) error {
	ctx := c.Request.Context()
	s, err := e.ended(ctx, s, r.client.ID())
	if err != nil {
		return err
	}
	err = s.TakeBack(ctx, e.Ledger, txn.ReasonLoggedOut, e.Now())
	if errors.Is(err, txn.ErrSpent) {
		return oauth.PageError{Err: oauth.FaultUnavailable.Err()}
	}
	if err != nil {
		return err
	}
	e.Kit.EndSession(c)
	e.goOn(c, r)
	return nil
}

// ended stores the end of a session and returns what it was before.
func (e exit) ended(ctx context.Context, s session.Session, clientID string) (session.Session, error) {
	for range tries {
		wants := func(id string) bool { return e.Clients(id).BackChannelLogout() != "" }
		err := e.Book.Apply(ctx, s.Leave(wants, e.Now()), audit.Entry{
			Event: audit.SessionEnded, Reason: string(txn.ReasonLoggedOut), At: e.Now(), Issuer: e.Issuer, Client: clientID,
			Account: s.Account(), Details: map[string]string{"session": s.ID()},
		})
		if !errors.Is(err, record.ErrStale) {
			return s, err
		}
		next, known, err := read(e.Book.Get(ctx, record.Session, s.ID())) // a login joined it, or another tab ended it
		if err != nil || !known {
			return s, err
		}
		s = next
	}
	return s, oauth.PageError{Err: oauth.FaultUnavailable.Err()}
}
