package op

import (
	"errors"
	"slices"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/oauth"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// finish is where a finished transaction becomes a code, in the browser that began it (RFC 6749 §4.1.2). Every other
// transaction goes back to the login, which knows what is missing.
func (p *Provider) finish(c *gin.Context) error {
	id, err := txn.ParseID(c.Param("id"))
	if err != nil {
		return oauth.PageError{Err: oauth.FaultSession.Err()}
	}
	state, err := p.Ledger.Load(c.Request.Context(), p.Issuer.URL, id)
	if errors.Is(err, txn.ErrUnknown) {
		return oauth.PageError{Err: oauth.FaultExpired.Err()}
	}
	if err != nil {
		return err
	}
	browser, ok := p.Kit.Browser(c, id.String())
	if !ok || !state.Began(browser) {
		return p.mismatch(c, state)
	}
	// A record that changed since the login began counts as it is now: struck off, or without that address.
	params := state.Request().Params()
	if sp := p.Clients(params.Client); !sp.Active() || !slices.Contains(sp.RedirectURIs(), params.RedirectURI) {
		return oauth.PageError{Err: oauth.FaultUnknownClient.Err()}
	}
	consented, ok := state.(txn.Consented)
	if !ok {
		p.Kit.SeeOther(c, web.PathInteraction.For(id.String()))
		return nil
	}
	code, kept := secret()
	granted, entry, err := consented.Grant(kept, browser, p.Now())
	if err := p.remember(c, step{consented, granted, entry}, err); err != nil {
		if errors.Is(err, txn.ErrSpent) { // another tab was faster
			return oauth.PageError{Err: oauth.FaultNavigation.Err()}
		}
		return err
	}
	p.Kit.SeeOther(c, oauth.RestoreTarget(params.RedirectURI, params.State).Success(code, p.Issuer.URL))
	return nil
}

// mismatch records that somebody else holds the address of a login in progress.
func (p *Provider) mismatch(c *gin.Context, state txn.State) error {
	entry := audit.Entry{
		Event: audit.BrowserMismatch, At: p.Now(), Issuer: p.Issuer.URL, Client: state.Request().Client(),
		Transaction: state.ID().String(),
	}
	if err := p.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	return oauth.PageError{Err: oauth.FaultSession.Err()}
}
