// Package portal is the citizen's own place: for now, where a companion is paired. A pairing belongs to the browser that
// began it, as a login does.
package portal

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/oauth"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// Parts are what the portal of one issuer needs; each is required.
type Parts struct {
	Kit    *web.Kit
	Guard  *web.Guard
	Issuer string
	Meet   *rendezvous.Host
	Log    audit.Log
	Now    func() time.Time
}

type portal struct {
	Parts

	begun    *web.Pace // pairings that strangers begin
	recorded *web.Pace // steps of other browsers that are recorded, by the pairing
}

// The bounds of what strangers have us keep.
const (
	mostBegun      = 20   // pairings a minute of one network: a family, a classroom
	mostBegunInAll = 1000 // of all: each is kept for half an hour

	mostRecorded      = 8 // entries about one pairing: more say nothing new
	mostRecordedInAll = 1000
)

// pairingLife is how long a pairing may take from the form on: choosing a PIN and reading a card, without haste.
const pairingLife = 30 * time.Minute

// formID stands for the form in the place of a pairing, which there is none of yet: its cookie outlives many forms.
const formID = "pair"

// The steps that a form takes.
const (
	stepBegin   = "begin"
	stepConfirm = "confirm"
	stepDeny    = "deny"
	stepCancel  = "cancel"
)

// Mount puts the pages of a portal on its kit. Errors: a part is missing.
func Mount(p Parts) error {
	if p.Kit == nil || p.Guard == nil || p.Issuer == "" || p.Meet == nil || p.Log == nil || p.Now == nil {
		return errors.New("portal: a portal needs every part")
	}
	o := portal{
		Parts: p, begun: &web.Pace{Each: mostBegun, All: mostBegunInAll, Window: time.Minute},
		recorded: &web.Pace{Each: mostRecorded, All: mostRecordedInAll, Window: pairingLife},
	}
	p.Kit.Page(http.MethodGet, web.PathPair, o.ask)
	p.Kit.Page(http.MethodPost, web.PathPair, o.begin)
	p.Kit.Page(http.MethodGet, web.PathPairing, o.show)
	p.Kit.Page(http.MethodGet, web.PathPairHop, o.hop)
	p.Kit.Page(http.MethodPost, web.PathPairConfirm, o.step(stepConfirm, p.Meet.Confirm))
	p.Kit.Page(http.MethodPost, web.PathPairDeny, o.step(stepDeny, p.Meet.Deny))
	p.Kit.Page(http.MethodPost, web.PathPairCancel, o.step(stepCancel, p.Meet.Cancel))
	return nil
}

// ask shows the form that begins a pairing.
func (o portal) ask(c *gin.Context) error {
	return o.form(c, http.StatusOK, assets.PairPage{})
}

func (o portal) form(c *gin.Context, code int, page assets.PairPage) error {
	browser, ok := o.Kit.Browser(c, formID)
	if !ok {
		browser = o.Kit.NewBrowser(c, formID, 24*time.Hour)
	}
	page.Begin = assets.Form{Action: string(web.PathPair), Token: o.Guard.Token(o.formStep(browser))}
	return o.Kit.Render(c, code, page)
}

func (o portal) formStep(browser [32]byte) web.Step {
	return web.Step{Browser: browser, Transaction: formID, Name: stepBegin, Expires: o.Now().Add(24 * time.Hour)}
}

// begin opens a pairing in this browser.
func (o portal) begin(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return err
	}
	email := strings.TrimSpace(values.Get("email"))
	if len(email) > 254 {
		email = ""
	}
	browser, known := o.Kit.Browser(c, formID)
	if !known {
		return o.form(c, http.StatusForbidden, assets.PairPage{Email: email, Problem: "pair.stale"})
	}
	if !o.begun.TakeFor(c, o.Now()) { // before anything is written
		c.Header("Retry-After", "60")
		return o.form(c, http.StatusTooManyRequests, assets.PairPage{Email: email, Problem: "pair.busy"})
	}
	err = o.Guard.Spend(c.Request.Context(), o.formStep(browser), values.Get(web.TokenField))
	if _, public := errors.AsType[oauth.Error](err); public { // nothing began, so there is nothing to record
		return o.form(c, http.StatusForbidden, assets.PairPage{Email: email, Problem: "pair.stale"})
	}
	if err != nil {
		return err
	}
	if !mailable(email) {
		return o.form(c, http.StatusBadRequest, assets.PairPage{Email: email, Problem: "pair.email.malformed"})
	}
	id := txn.NewID().String()
	v := rendezvous.Visit{Pairing: true, ID: id, Known: true, Expires: o.Now().Add(pairingLife)}
	v.Browser = o.Kit.NewBrowser(c, id, pairingLife)
	if err := o.Meet.Begin(c.Request.Context(), v, email); err != nil {
		return err
	}
	o.Kit.SeeOther(c, web.PathPairing.For(id))
	return nil
}

// mailable reports whether an identity may carry the address: the rule is that of package identity, asked with a person who
// breaks no other.
func mailable(email string) bool {
	_, err := identity.New(identity.Fields{
		GivenName: "Jeanne", FamilyName: "Dupont", Gender: "female", Birthdate: "1985-03-14", Birthcountry: "99100",
		Birthplace: "69383", Email: email,
	})
	return err == nil
}

// visit is this request about the pairing of the address.
func (o portal) visit(c *gin.Context) rendezvous.Visit {
	v := rendezvous.Visit{Pairing: true, ID: c.Param("id")}
	v.Browser, v.Known = o.Kit.Browser(c, v.ID)
	return v
}

// show tells how far the pairing is.
func (o portal) show(c *gin.Context) error {
	v := o.visit(c)
	m, answered, err := o.Meet.Attend(c, v)
	if err != nil {
		return o.lost(c, v, err)
	}
	form := func(path web.Path, step string) assets.Form {
		return assets.Form{Action: path.For(v.ID), Token: o.Guard.Token(o.formOf(v, step))}
	}
	switch {
	case answered:
		return nil
	case m.Reason != "":
		return o.outcome(c, m.Reason)
	case m.Phase == "attached":
		// Pressed, the button may lead through two redirects to the app's loopback port.
		if err := o.Kit.MayLeaveFor(c, "http://127.0.0.1:*"); err != nil {
			return err
		}
		return o.Kit.Render(c, http.StatusOK, assets.ComparePage{
			Meeting: m, Same: form(web.PathPairConfirm, stepConfirm), Different: form(web.PathPairDeny, stepDeny),
		})
	}
	return o.Kit.Render(c, http.StatusOK, assets.PairingPage{Meeting: m, Cancel: form(web.PathPairCancel, stepCancel)})
}

// formOf is what a form of a pairing stands for.
func (o portal) formOf(v rendezvous.Visit, step string) web.Step {
	return web.Step{Browser: v.Browser, Transaction: v.ID, Name: step, Expires: o.Now().Add(pairingLife)}
}

// outcome says how a pairing ended.
func (o portal) outcome(c *gin.Context, reason string) error {
	page, code := assets.OutcomePage{Reason: reason}, http.StatusOK
	if reason != "done" {
		page.Again, code = string(web.PathPair), http.StatusGone
	}
	return o.Kit.Render(c, code, page)
}

// lost answers what cannot be done: a pairing that is not there, or not this browser's, which look the same.
func (o portal) lost(c *gin.Context, v rendezvous.Visit, err error) error {
	switch {
	case errors.Is(err, rendezvous.ErrBrowser):
		if err := o.mismatch(c, v.ID, oauth.FaultSession.Err()); err != nil {
			return err
		}
	case !errors.Is(err, rendezvous.ErrGone):
		return err
	}
	return o.outcome(c, "gone")
}

// mismatch records a step of another browser than the one that began, or a form that is not ours, of a pairing that is there;
// of each a few, for whoever knows its address could go on.
func (o portal) mismatch(c *gin.Context, id string, refusal error) error {
	if !o.recorded.Take(id, o.Now()) {
		return nil
	}
	public, _ := errors.AsType[oauth.Error](refusal)
	return o.Log.Record(c.Request.Context(), audit.Entry{
		Event: audit.BrowserMismatch, Reason: public.Fault.String(), At: o.Now(), Issuer: o.Issuer, Transaction: id,
	})
}

// step is a form of a pairing: its token is spent, then the step is taken, then the page says what became of it.
func (o portal) step(name string, do func(context.Context, rendezvous.Visit) error) func(*gin.Context) error {
	return func(c *gin.Context) error {
		v := o.visit(c)
		if !v.Known {
			return o.lost(c, v, rendezvous.ErrGone)
		}
		values, err := web.Form(c)
		if err != nil {
			return err
		}
		if err := o.Meet.Began(c.Request.Context(), v); err != nil { // or a stranger would have us spend and record
			return o.lost(c, v, err)
		}
		err = o.Guard.Spend(c.Request.Context(), o.formOf(v, name), values.Get(web.TokenField))
		public, refused := errors.AsType[oauth.Error](err)
		switch {
		case refused && public.Fault != oauth.FaultCSRFSpent:
			if err := o.mismatch(c, v.ID, err); err != nil {
				return err
			}
		case err != nil && !refused:
			return err
		case err == nil:
			if err := do(c.Request.Context(), v); err != nil {
				return o.lost(c, v, err)
			}
		}
		// A form that is not good changes nothing: the page, with a fresh one, says where things stand.
		o.Kit.SeeOther(c, web.PathPairing.For(v.ID))
		return nil
	}
}

// hop is where the browser comes back to from the companion.
func (o portal) hop(c *gin.Context) error {
	v := o.visit(c)
	err := o.Meet.Return(c.Request.Context(), v, c.Query("c"), nil)
	switch {
	case errors.Is(err, rendezvous.ErrRelay):
		return o.Kit.Render(c, http.StatusForbidden, assets.OutcomePage{Reason: "suspected-relay"})
	case errors.Is(err, rendezvous.ErrGone):
		return o.lost(c, v, err)
	case err != nil && !errors.Is(err, rendezvous.ErrHop):
		return err
	}
	o.Kit.SeeOther(c, web.PathPairing.For(v.ID)) // which knows this browser, or does not
	return nil
}
