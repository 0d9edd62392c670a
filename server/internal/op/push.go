package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/web"
)

// pushLife is how long a pushed request waits for its browser (RFC 9126 §2.2: five to 600 seconds).
const pushLife = 60 * time.Second

// The states of a pushed request.
const (
	pushWaits = "waiting"
	pushSpent = "spent"
)

// pushAnswer is RFC 9126 §2.2.
type pushAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int    `json:"expires_in"`
}

// push takes an authorization request from the client itself, before any browser (RFC 9126): what is in it is judged as
// /authorize would, so that the client learns of a fault, and kept for one use.
func (p *Provider) push(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return p.refuseToken(c, audit.AuthorizeRefused, "", err)
	}
	credentials, values, err := oauth.ParsePushed(values, c.Request.Header.Values("Authorization"))
	if err != nil {
		return p.refuseToken(c, pushEvent(err), "", err)
	}
	ctx := c.Request.Context()
	sp, err := p.authenticate(ctx, credentials)
	if err != nil {
		return p.refuseToken(c, audit.ClientAuthFailed, sp.ID(), err)
	}
	values, signed, err := p.judge(ctx, sp, values)
	if err != nil {
		return p.refuseToken(c, audit.AuthorizeRefused, sp.ID(), toClient(err))
	}
	if err := p.announce(c, values); err != nil {
		return p.refuseToken(c, audit.AuthorizeRefused, sp.ID(), err)
	}
	uri, err := p.keep(ctx, sp, pushBody{p.Issuer.URL, sp.ID(), values.Encode(), signed})
	if err != nil {
		return err
	}
	c.JSON(http.StatusCreated, pushAnswer{RequestURI: uri, ExpiresIn: int(pushLife.Seconds())})
	return nil
}

// pushEvent is eventOf for a request that has no code.
func pushEvent(err error) audit.Event {
	if event := eventOf(err); event != audit.CodeRefused {
		return event
	}
	return audit.AuthorizeRefused
}

// judge says what /authorize would say of a request, for the client that sent it, and gives its parameters, those of a signed
// one included.
func (p *Provider) judge(ctx context.Context, sp *client.Client, values url.Values) (url.Values, bool, error) {
	reference, _, err := oauth.ParseReference(values)
	if err != nil {
		return nil, false, err
	}
	if reference.Pushed != "" { // RFC 9126 §2.1
		return nil, false, oauth.PageError{Err: oauth.FaultParameters.Err(), Parameter: "request_uri"}
	}
	signed := reference.Object != ""
	if signed {
		if values, err = p.opened(ctx, reference, values); err != nil {
			return nil, false, err
		}
	}
	request, err := oauth.ParseAuthorize(values, p.rules(values))
	if err != nil {
		return nil, false, err
	}
	request.Pushed, request.Signed = true, signed
	_, err = sp.Admit(request, client.Offer{Scope: p.Issuer.Claims.Has})
	return values, signed, err
}

// toClient gives a refusal that is said on a page or by a redirect the shape of an API's (RFC 9126 §2.3).
func toClient(err error) error {
	public, ok := errors.AsType[oauth.Error](err)
	if !ok {
		return err
	}
	if page, ok := errors.AsType[oauth.PageError](err); ok && page.Parameter != "" {
		public.Description += ": " + page.Parameter
	}
	if public.Place != oauth.OnJSON && public.Status < http.StatusInternalServerError {
		public.Status, public.Place = http.StatusBadRequest, oauth.OnJSON
	}
	return public
}

// pushBody is what is kept of a pushed request.
type pushBody struct {
	Issuer  string `json:"issuer"`
	Client  string `json:"client"`
	Request string `json:"request"` // parameters, as a form
	Signed  bool   `json:"signed"`  // the client signed them
}

// pushID names the record of a request, by the hash of the secret in its reference.
func pushID(secret string) string {
	digest := sha256.Sum256([]byte(secret))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// keep stores a request and returns its reference.
func (p *Provider) keep(ctx context.Context, sp *client.Client, request pushBody) (string, error) {
	body, err := json.Marshal(request)
	if err != nil {
		return "", err
	}
	text, _ := secret()
	now := p.Now().Truncate(time.Millisecond)
	next := record.Record{Kind: record.Pushed, ID: pushID(text), Version: 1, State: pushWaits, Expires: now.Add(pushLife), Body: body}
	entry := audit.Entry{Event: audit.AuthorizePushed, At: now, Issuer: p.Issuer.URL, Client: sp.ID()}
	if err := p.Book.Apply(ctx, []record.Change{{Next: next}}, entry); err != nil {
		return "", err
	}
	return oauth.RequestURI(text), nil
}

// pushed spends a pushed request, for the client that sent it, and gives its parameters, and whether the client signed them. What stands in the address beside
// the reference must agree with them.
func (p *Provider) pushed(ctx context.Context, r oauth.Reference, beside url.Values) (values url.Values, signed bool, err error) {
	unknown := oauth.PageError{Err: oauth.FaultRequestURI.Err(), Parameter: "request_uri"}
	found, err := p.Book.Get(ctx, record.Pushed, pushID(string(r.Pushed)))
	if errors.Is(err, record.ErrUnknown) {
		return nil, false, unknown
	}
	if err != nil {
		return nil, false, err
	}
	var body pushBody
	if err := json.Unmarshal(found.Body, &body); err != nil {
		return nil, false, err
	}
	values, err = url.ParseQuery(body.Request)
	if err != nil {
		return nil, false, err
	}
	if found.State != pushWaits || body.Issuer != p.Issuer.URL || body.Client != r.ClientID {
		return nil, false, unknown
	}
	if err := oauth.Agree(beside, values); err != nil {
		return nil, false, err
	}
	next := found
	next.Version, next.State = found.Version+1, pushSpent
	if err := p.Book.Apply(ctx, []record.Change{{From: found.Version, Next: next}}); errors.Is(err, record.ErrStale) {
		return nil, false, unknown // another browser, or another tab, was faster
	} else if err != nil {
		return nil, false, err
	}
	return values, body.Signed, nil
}
