// Package login is the dispatcher: from the stored transaction, and from nothing else, it decides which page the citizen
// sees next. Edges that do a step send the browser back here; no step calls another.
package login

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// Parts are what the dispatcher of one issuer needs; each is required.
type Parts struct {
	Kit     *web.Kit
	Guard   *web.Guard
	Issuer  string
	Claims  claims.Profile
	Clients func(id string) *client.Client
	Ledger  txn.Ledger
	Log     audit.Log
	Meet    *rendezvous.Host
	Now     func() time.Time
}

type dispatcher struct{ Parts }

var errParts = errors.New("login: a dispatcher needs every part")

// Mount puts the pages of a login on its kit. Errors: a part is missing.
func Mount(p Parts) error {
	if p.Kit == nil || p.Guard == nil || p.Issuer == "" || p.Claims == 0 || p.Clients == nil || p.Ledger == nil || p.Log == nil || p.Meet == nil || p.Now == nil {
		return errParts
	}
	d := dispatcher{p}
	p.Kit.Page(http.MethodGet, web.PathHome, d.home)
	p.Kit.Page(http.MethodGet, web.PathInteraction, d.show)
	p.Kit.Page(http.MethodPost, web.PathCancel, d.cancel)
	p.Kit.Page(http.MethodPost, web.PathConsent, d.consent)
	p.Kit.Page(http.MethodGet, web.PathHop, d.hop)
	return nil
}

// home tells whoever came by the bare address what this is.
func (d dispatcher) home(c *gin.Context) error {
	return d.Kit.Render(c, http.StatusOK, assets.HomePage{Discovery: string(web.PathDiscovery)})
}

// The steps that a form takes.
const (
	stepCancel  = "cancel"
	stepConsent = "consent"
)

// visit is one request by the browser that began a transaction.
type visit struct {
	state   txn.State
	params  txn.Params
	client  *client.Client
	browser [32]byte
}

// visit loads the transaction of the address for the browser that began it, and for no other: whoever else learns the
// address sees nothing of it.
func (d dispatcher) visit(c *gin.Context) (visit, error) {
	v, known, err := d.load(c)
	if err != nil {
		return visit{}, err
	}
	if !known || !v.state.Began(v.browser) {
		return visit{}, d.record(c, v.state, oauth.PageError{Err: oauth.FaultSession.Err()})
	}
	d.Kit.Prefer(c, v.params.Locale)
	// A record that changed since the login began counts as it is now: struck off, or without that address.
	if !v.client.Active() || !slices.Contains(v.client.RedirectURIs(), v.params.RedirectURI) {
		return visit{}, oauth.PageError{Err: oauth.FaultUnknownClient.Err()}
	}
	return v, nil
}

// load finds the transaction of the address, whoever asks, and the cookie that this browser has for it. Nothing of it may be
// shown before the two were compared.
func (d dispatcher) load(c *gin.Context) (v visit, known bool, err error) {
	id, err := txn.ParseID(c.Param("id"))
	if err != nil {
		return visit{}, false, oauth.PageError{Err: oauth.FaultSession.Err()}
	}
	state, err := d.Ledger.Load(c.Request.Context(), d.Issuer, id)
	if errors.Is(err, txn.ErrUnknown) {
		return visit{}, false, oauth.PageError{Err: oauth.FaultExpired.Err()}
	}
	if err != nil {
		return visit{}, false, err
	}
	browser, known := d.Kit.Browser(c, id.String())
	params := state.Request().Params()
	return visit{state: state, params: params, client: d.Clients(params.Client), browser: browser}, known, nil
}

func (v visit) id() string { return v.state.ID().String() }

// target is the service provider's address, from our own store.
func (v visit) target() oauth.Target {
	return oauth.RestoreTarget(v.params.RedirectURI, v.params.State)
}

// step is what a form of this visit stands for.
func (v visit) step(name string) web.Step {
	return web.Step{Browser: v.browser, Transaction: v.id(), Name: name, Expires: v.state.Expires()}
}

// show decides what comes next.
func (d dispatcher) show(c *gin.Context) error {
	v, err := d.visit(c)
	if err != nil {
		return err
	}
	switch s := v.state.(type) {
	case txn.Waiting:
		return d.wait(c, v)
	case txn.Proven:
		if d.skips(v) {
			return d.goOn(c, v, s, txn.NoticeSkipped)
		}
		return d.release(c, v, s, false)
	case txn.Consented:
		d.Kit.SeeOther(c, web.PathResume.For(v.id()))
		return nil
	case txn.Ended:
		return d.ended(c, v, s.Reason())
	}
	// A code was issued, or the transaction has ended: the page that the browser kept leads nowhere any more.
	return &web.Refusal{Err: oauth.FaultNavigation.Err(), Back: d.back(v)}
}

// back is the way to the service provider, which learns that the citizen gave up.
func (d dispatcher) back(v visit) *assets.Way {
	return &assets.Way{Service: v.client.Name(), URL: v.target().Refuse(oauth.FaultUserAborted).Location(d.Issuer)}
}

// release tells what the service provider will learn, and asks where consent is needed (franceconnect.md 6.1).
func (d dispatcher) release(c *gin.Context, v visit, s txn.Proven, unticked bool) error {
	if err := d.Kit.MayLeaveFor(c, v.target().Origin()); err != nil {
		return err
	}
	return d.Kit.Render(c, http.StatusOK, assets.ReleasePage{
		Service: v.client.Name(), Level: s.Level().String(), Claims: d.groups(c, v),
		Consent: d.asksConsent(v), Unticked: unticked,
		Accept: assets.Form{Action: web.PathConsent.For(v.id()), Token: d.Guard.Token(v.step(stepConsent))},
		Cancel: assets.Form{Action: web.PathCancel.For(v.id()), Token: d.Guard.Token(v.step(stepCancel))},
	})
}

func (d dispatcher) selection(v visit) claims.Selection {
	return claims.Select(claims.Request{
		Profile: d.Claims, Scopes: v.client.Entitled(v.params.Scopes), Claims: v.params.Claims, Entitled: v.client.Claims(),
	})
}

// asksConsent: a private service provider whose record says so, when an identity is released.
func (d dispatcher) asksConsent(v visit) bool {
	return !v.client.Public() && v.client.Consent() && !d.selection(v).Anonymous()
}

// groups are the labels of what is released, in the citizen's language.
func (d dispatcher) groups(c *gin.Context, v visit) []assets.ClaimGroup {
	english := d.Kit.Speaker(c).Language().String() == "en"
	pick := func(french, in string) string {
		if english {
			return in
		}
		return french
	}
	var out []assets.ClaimGroup
	for _, g := range d.selection(v).Groups() {
		group := assets.ClaimGroup{Provider: pick(g.French, g.English)}
		for _, l := range g.Labels {
			group.Labels = append(group.Labels, pick(l.French, l.English))
		}
		out = append(out, group)
	}
	return out
}

// cancel ends the login and tells the service provider.
func (d dispatcher) cancel(c *gin.Context) error {
	v, _, err := d.form(c, stepCancel)
	if err != nil {
		return err
	}
	end, err := d.refuse(v, txn.ReasonCancelled)
	if err != nil {
		return err
	}
	if err := d.Meet.Close(c.Request.Context(), v.meet(true), end, string(txn.ReasonCancelled)); err != nil {
		return d.tooLate(err)
	}
	d.Kit.SeeOther(c, v.target().Refuse(oauth.FaultUserAborted).Location(d.Issuer))
	return nil
}

// consent lets the login go on to the service provider.
func (d dispatcher) consent(c *gin.Context) error {
	v, ticked, err := d.form(c, stepConsent)
	if err != nil {
		return err
	}
	proven, ok := v.state.(txn.Proven)
	if !ok {
		return &web.Refusal{Err: oauth.FaultNavigation.Err(), Back: d.back(v)}
	}
	notice := txn.NoticeInformed
	if d.asksConsent(v) {
		if !ticked {
			return d.release(c, v, proven, true)
		}
		notice = txn.NoticeConsented
	}
	return d.goOn(c, v, proven, notice)
}

// goOn records that the citizen goes on, and how, and leads to the code.
func (d dispatcher) goOn(c *gin.Context, v visit, proven txn.Proven, notice txn.Notice) error {
	next, entry, err := proven.Consent(notice, v.browser, d.Now())
	if err != nil {
		return err
	}
	released := audit.ReleasedIdentity
	if d.selection(v).Anonymous() {
		released = audit.ReleasedNothing
	}
	if err := d.Ledger.Advance(c.Request.Context(), proven, next, entry.With(audit.DetailReleased, released)); err != nil {
		return d.tooLate(err)
	}
	d.Kit.SeeOther(c, web.PathResume.For(v.id()))
	return nil
}

// skips reports whether the page before the release is left out: the record honours prompt=login, the request asked for that
// and nothing else, and nobody has to agree (franceconnect.md 1.3). What is released was listed on the page before.
func (d dispatcher) skips(v visit) bool { return v.params.Prompt == "login" && !d.asksConsent(v) }

// tooLate is what the citizen is told when another tab was faster.
func (d dispatcher) tooLate(err error) error {
	if errors.Is(err, txn.ErrSpent) {
		return oauth.PageError{Err: oauth.FaultNavigation.Err()}
	}
	return err
}

// form is a visit by a form of ours, whose token is spent here; it reports whether the consent box was ticked.
func (d dispatcher) form(c *gin.Context, step string) (visit, bool, error) {
	v, err := d.visit(c)
	if err != nil {
		return v, false, err
	}
	values, err := web.Form(c)
	if err != nil {
		return v, false, err
	}
	if err := d.spend(c, v, step, values.Get(web.TokenField)); err != nil {
		return v, false, err
	}
	return v, strings.EqualFold(values.Get("consent"), "yes"), nil
}

// spend takes a form's token, once; a refusal shows the way back.
func (d dispatcher) spend(c *gin.Context, v visit, step, token string) error {
	err := d.Guard.Spend(c.Request.Context(), v.step(step), token)
	if public, ok := errors.AsType[oauth.Error](err); ok {
		return d.record(c, v.state, &web.Refusal{Err: public, Back: d.back(v)})
	}
	return err
}

// record puts a refused step into the audit log and passes the refusal on: another browser than the one that began, or a
// form that is not ours.
func (d dispatcher) record(c *gin.Context, state txn.State, refusal error) error {
	public, _ := errors.AsType[oauth.Error](refusal)
	entry := audit.Entry{
		Event: audit.BrowserMismatch, Reason: public.Fault.String(), At: d.Now(), Issuer: d.Issuer,
		Client: state.Request().Client(), Transaction: state.ID().String(),
	}
	if err := d.Log.Record(c.Request.Context(), entry); err != nil {
		return err
	}
	return refusal
}
