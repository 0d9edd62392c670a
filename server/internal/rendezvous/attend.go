package rendezvous

import (
	"context"
	"errors"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

const (
	// held is how long an answer is kept back while nothing happens: under what proxies bear, and long enough that a
	// screen reader is not interrupted by a page that came again for nothing.
	held = 40 * time.Second
	// renewal is what must be left of a code's life for the page to show it: less, and nobody could type it.
	renewal = 20 * time.Second
)

// The parameters of a page that waits.
const (
	waitFor = "wait"    // the stage that the page shows: its answer is kept back until there is another
	refresh = "refresh" // 0: the page stands still
)

// Attend answers a page that waits. True: it was answered, by an address to go to. Otherwise the page is to be rendered
// with how far the two have come. A login that nobody offered yet is offered. Errors: [ErrGone], [ErrBrowser].
func (h *Host) Attend(c *gin.Context, v Visit) (assets.Meeting, bool, error) {
	ctx := c.Request.Context()
	now, err := h.get(ctx, v)
	if errors.Is(err, ErrGone) && !v.Pairing {
		v.Agent, v.Place = web.Agent(c), c.ClientIP()
		if err = h.Begin(ctx, v, ""); err == nil {
			now, err = h.get(ctx, v)
		}
	}
	if err != nil {
		return assets.Meeting{}, false, err
	}
	if !v.Known || !now.Began(v.Browser) {
		return assets.Meeting{}, false, ErrBrowser
	}
	seen := c.Query(waitFor)
	if seen != "" {
		if now, err = h.hold(ctx, v, seen); err != nil {
			return assets.Meeting{}, false, err
		}
	}
	if now.Listening(h.Now()) {
		address, err := h.navigate(ctx, v)
		if err != nil || address != "" {
			h.answer(c, address, err)
			return assets.Meeting{}, err == nil, err
		}
	}
	if seen != "" {
		h.answer(c, v.here(), nil)
		return assets.Meeting{}, true, nil
	}
	if now.Stage() == ceremony.Offered {
		if now, err = h.fresh(ctx, v); err != nil {
			return assets.Meeting{}, false, err
		}
	}
	return h.meeting(v, now, c.Query(refresh) == "0"), false, nil
}

// answer sends the browser to an address.
func (h *Host) answer(c *gin.Context, address string, err error) {
	if err == nil {
		h.Kit.SeeOther(c, address)
	}
}

// hold returns the ceremony once it is not at the stage that the page shows, once the app listens or the page's code is too
// old, and at the latest when the time is over. It holds nothing meanwhile: no lock, no connection to the store. Where too many
// answers are held already it returns the ceremony as it is, and the page comes again in a second.
func (h *Host) hold(ctx context.Context, v Visit, seen string) (ceremony.Ceremony, error) {
	leave, ok := h.held.enter(v.ID)
	if !ok {
		return h.get(ctx, v)
	}
	defer leave()
	wake, stop := h.Events.Watch(v.ID)
	defer stop()
	end := time.NewTimer(held)
	defer end.Stop()
	for {
		c, err := h.get(ctx, v)
		if err != nil {
			return c, err
		}
		now := h.Now()
		if string(c.Stage()) != seen || c.Listening(now) {
			return c, nil
		}
		left := held
		if c.Stage() == ceremony.Offered {
			if left = usable(c, now); left <= 0 {
				return c, nil
			}
		}
		old := time.NewTimer(left)
		select {
		case _, open := <-wake:
			old.Stop()
			if open {
				continue
			}
		case <-end.C:
		case <-old.C:
		case <-ctx.Done():
		}
		old.Stop()
		return c, nil // the time is over, the browser left, or the broker stops
	}
}

// usable is for how long the page may go on to show its code.
func usable(c ceremony.Ceremony, now time.Time) time.Duration {
	_, until, ok := c.Code(now)
	if !ok {
		return 0
	}
	return until.Sub(now) - renewal
}

// fresh returns the ceremony with a code that can still be typed: the one that it has, or a new one.
func (h *Host) fresh(ctx context.Context, v Visit) (out ceremony.Ceremony, err error) {
	err = h.again(ctx, v, func(c ceremony.Ceremony) error {
		out = c
		now := h.Now()
		if c.Stage() != ceremony.Offered || usable(c, now) > 0 {
			return nil
		}
		next, _, err := c.Start(now)
		if errors.Is(err, ceremony.ErrExpired) {
			return ErrGone
		}
		if err != nil {
			return err
		}
		out = next
		return h.store(ctx, next)
	})
	return out, err
}

// navigate gives the address of the app's loopback port, once for each time that it listens; empty when another tab was
// faster.
func (h *Host) navigate(ctx context.Context, v Visit) (address string, err error) {
	err = h.again(ctx, v, func(c ceremony.Ceremony) error {
		next, to, err := c.Navigate(v.Browser, h.Now())
		if errors.Is(err, ceremony.ErrNotReady) || errors.Is(err, ceremony.ErrEnded) || errors.Is(err, ceremony.ErrExpired) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := h.store(ctx, next); err != nil {
			return err
		}
		address = to // now that it is this request's and no other's
		return nil
	})
	return address, err
}

// meeting is what a page says of the ceremony.
func (h *Host) meeting(v Visit, c ceremony.Ceremony, still bool) assets.Meeting {
	here := v.here()
	m := assets.Meeting{
		Phase: string(c.Stage()), Reason: c.Reason(), Device: c.DeviceName(), Compare: c.ShortString(),
		Continue: here, Held: here + "?" + waitFor + "=" + string(c.Stage()), Toggle: here + "?" + refresh + "=0",
	}
	if still {
		m.Continue, m.Held, m.Toggle = m.Toggle, "", here
	}
	if code, _, ok := c.Code(h.Now()); ok {
		action := "approve"
		if v.Pairing {
			action = "pair"
		}
		m.Code, m.Link = code, wire.Link{Action: action, Value: code, Origin: h.origin}.String()
	}
	return m
}
