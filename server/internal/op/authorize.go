package op

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// authorize begins a transaction, or says where the request is refused (OpenID Connect Core §3.1.2.1).
func (p *Provider) authorize(c *gin.Context) error {
	values, err := parameters(c)
	if err != nil {
		return p.refuse(c, "", err)
	}
	request, err := p.requested(c, values)
	if err != nil {
		return p.refuse(c, "", err)
	}
	sp := p.Clients(request.ClientID)
	admission, err := sp.Admit(request, client.Offer{Scope: p.Issuer.Claims.Has})
	if err != nil {
		return p.refuse(c, sp.ID(), err)
	}
	level, err := assurance.ParseLevel(request.ACR)
	if err != nil {
		return err
	}
	valid, err := txn.NewRequest(txn.Params{
		Profile: p.Issuer.Txn, Issuer: p.Issuer.URL, Client: sp.ID(), RedirectURI: request.RedirectURI,
		State: request.State, Nonce: request.Nonce, Scopes: admission.Scopes,
		Claims: claims.Requested(admission.IDTokenClaims, admission.UserinfoClaims),
		Level:  level, Prompt: strings.Join(admission.Prompts, " "), Challenge: request.Challenge, Thumbprint: request.Thumbprint,
		Locale: p.Kit.Speaker(c).Language().String(),
	})
	if err != nil {
		return err
	}
	if err := p.come(c); err != nil {
		return err
	}
	id := txn.NewID()
	waiting, entry, err := valid.Begin(id, p.Kit.NewBrowser(c, id.String(), cookieLife), p.Now())
	if err != nil {
		return err
	}
	if err := p.Ledger.Begin(c.Request.Context(), waiting, entry); err != nil {
		return err
	}
	p.Kit.SeeOther(c, web.PathInteraction.For(waiting.ID().String()))
	return nil
}

// requested reads a request that says everything itself, is signed, or refers to one that was pushed.
func (p *Provider) requested(c *gin.Context, values url.Values) (oauth.AuthorizeRequest, error) {
	p.prefer(c, values.Get("ui_locales"))
	reference, refers, err := oauth.ParseReference(values)
	if err != nil {
		return oauth.AuthorizeRequest{}, err
	}
	signed := reference.Object != ""
	switch {
	case signed:
		values, err = p.opened(c.Request.Context(), reference, values)
	case refers:
		values, signed, err = p.pushed(c.Request.Context(), reference, values)
	}
	if err != nil {
		return oauth.AuthorizeRequest{}, err
	}
	p.prefer(c, values.Get("ui_locales"))
	request, err := oauth.ParseAuthorize(values, p.rules(values))
	request.Pushed, request.Signed = reference.Pushed != "", signed
	return request, err
}

// rules are those of the profile, as the client of a request follows them.
func (p *Provider) rules(values url.Values) oauth.Profile {
	if p.Clients(values.Get("client_id")).FAPI() {
		return p.Issuer.Request.NonceOptional()
	}
	return p.Issuer.Request
}

// opened gives the parameters of a signed request; what stands beside it must agree with them.
func (p *Provider) opened(ctx context.Context, r oauth.Reference, beside url.Values) (url.Values, error) {
	values, err := p.Clients(r.ClientID).OpenRequest(ctx, r.Object, p.check())
	if err != nil {
		return nil, err
	}
	return values, oauth.Agree(beside, values)
}

// parameters are the query of a GET and the body of a POST: never both, so that none hides another.
func parameters(c *gin.Context) (url.Values, error) {
	if c.Request.Method == http.MethodPost {
		return web.Form(c)
	}
	return web.Query(c)
}

// refuse records a refusal and passes it on to be said: on a page, or to the client at its address.
func (p *Provider) refuse(c *gin.Context, clientID string, err error) error {
	public, ok := errors.AsType[oauth.Error](err)
	if !ok {
		return err
	}
	entry := audit.Entry{
		Event: audit.AuthorizeRefused, Reason: public.Fault.String(), At: p.Now(), Issuer: p.Issuer.URL, Client: clientID,
	}
	if err := p.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	if redirect, ok := errors.AsType[oauth.RedirectError](err); ok {
		p.Kit.SeeOther(c, redirect.Location(p.Issuer.URL))
		return nil
	}
	return err
}

// prefer takes the languages that the service provider asks for, whether in the query or in the form. What it says is not
// checked yet, so it is bounded here.
func (p *Provider) prefer(c *gin.Context, locales string) {
	const most = 256
	if len(locales) <= most {
		p.Kit.Prefer(c, strings.Fields(locales)...)
	}
}
