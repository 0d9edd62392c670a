package login

import (
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/oauth"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// meet is this visit as the ceremony of the login sees it.
func (v visit) meet(known bool) rendezvous.Visit {
	return rendezvous.Visit{ID: v.id(), Browser: v.browser, Known: known, Expires: v.state.Expires()}
}

// wait has the citizen approve in the companion, and goes on by itself once that did something.
func (d dispatcher) wait(c *gin.Context, v visit) error {
	m, answered, err := d.Meet.Attend(c, v.meet(true))
	if errors.Is(err, rendezvous.ErrGone) { // the transaction lives a little longer than what depends on it
		return oauth.PageError{Err: oauth.FaultExpired.Err()}
	}
	if err != nil || answered {
		return err
	}
	if m.Reason != "" {
		return d.settle(c, v, txn.Reason(m.Reason))
	}
	if err := d.Kit.MayLeaveFor(c, v.target().Origin()); err != nil {
		return err
	}
	return d.Kit.Render(c, http.StatusOK, assets.WaitingPage{
		Meeting: m, Service: v.client.Name(), Level: v.params.Level.String(), Claims: d.groups(c, v),
		Minutes: int((v.state.Expires().Sub(d.Now()) + time.Minute - 1) / time.Minute),
		Cancel:  assets.Form{Action: web.PathCancel.For(v.id()), Token: d.Guard.Token(v.step(stepCancel))},
	})
}

// settle ends a transaction whose ceremony is over: nothing can prove it any more.
func (d dispatcher) settle(c *gin.Context, v visit, reason txn.Reason) error {
	ctx := c.Request.Context()
	now, err := d.Ledger.Load(ctx, d.Issuer, v.state.ID())
	if err != nil {
		return err
	}
	if now.Name() != v.state.Name() { // both ended together, after this request had read the one
		d.Kit.SeeOther(c, web.PathInteraction.For(v.id()))
		return nil
	}
	end, err := d.refuse(v, reason)
	if err != nil {
		return err
	}
	if err := d.Ledger.Advance(ctx, end.From, end.Next, end.Entry); err != nil {
		return d.tooLate(err)
	}
	return d.ended(c, v, reason)
}

// refuse is the end of a transaction that is not over, for a reason. Errors: a code is on its way, or all is over.
func (d dispatcher) refuse(v visit, reason txn.Reason) (rendezvous.Transition, error) {
	t := rendezvous.Transition{From: v.state}
	var err error
	switch s := v.state.(type) {
	case txn.Waiting:
		t.Next, t.Entry, err = s.Refuse(reason, d.Now())
	case txn.Proven:
		t.Next, t.Entry, err = s.Refuse(reason, d.Now())
	case txn.Consented:
		t.Next, t.Entry, err = s.Refuse(reason, d.Now())
	default:
		err = &web.Refusal{Err: oauth.FaultNavigation.Err(), Back: d.back(v)}
	}
	return t, err
}

// ended says how the login ended, and leads back to the service provider, which learns that there is none.
func (d dispatcher) ended(c *gin.Context, v visit, reason txn.Reason) error {
	back := d.back(v)
	return d.Kit.Render(c, http.StatusGone, assets.OutcomePage{Reason: string(reason), Service: back.Service, Back: back.URL})
}

// hop is where the browser comes back to from the companion. That it holds the right answer and the right cookie shows that
// the two are on one machine (design, section 9); the right answer with another cookie, or none, that somebody is between.
func (d dispatcher) hop(c *gin.Context) error {
	v, known, err := d.load(c)
	if err != nil {
		return err
	}
	if _, waiting := v.state.(txn.Waiting); waiting {
		err = d.Meet.Return(c.Request.Context(), v.meet(known), c.Query("c"), func() (rendezvous.Transition, error) {
			return d.refuse(v, txn.ReasonRelay)
		})
	}
	switch {
	case errors.Is(err, rendezvous.ErrRelay): // whoever reads this is not the one who began: nothing of the login is shown
		return d.Kit.Render(c, http.StatusForbidden, assets.OutcomePage{Reason: string(txn.ReasonRelay)})
	case err != nil && !errors.Is(err, rendezvous.ErrHop) && !errors.Is(err, rendezvous.ErrGone):
		return d.tooLate(err)
	}
	// Whatever else was brought, the page says where things stand, to the browser that began.
	if v, err = d.visit(c); err != nil {
		return err
	}
	d.Kit.SeeOther(c, web.PathInteraction.For(v.id()))
	return nil
}
