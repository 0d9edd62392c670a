package rendezvous

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/record"
)

// Transition is the end of a transaction, stored with that of its ceremony.
type Transition = record.Step

// ErrHop says that what the browser brought is not the answer of a hop that was awaited. Nothing changed.
var ErrHop = errors.New("rendezvous: not the answer of a hop")

// ErrRelay says that the right answer came in another browser than the one that began: somebody stands between the two, and
// all has ended.
var ErrRelay = errors.New("rendezvous: suspected relay")

// Confirm records that the citizen saw the same string on the page and in the app. Errors: [ErrGone], [ErrBrowser]; what is
// too late changes nothing and is no error.
func (h *Host) Confirm(ctx context.Context, v Visit) error {
	return h.again(ctx, v, func(c ceremony.Ceremony) error {
		next, err := c.Confirm(v.Browser, h.Now())
		if err != nil {
			return early(err)
		}
		return h.store(ctx, next)
	})
}

// Deny ends a pairing whose strings differ. Errors: as for [Host.Confirm].
func (h *Host) Deny(ctx context.Context, v Visit) error {
	return h.again(ctx, v, func(c ceremony.Ceremony) error {
		next, err := c.Deny(v.Browser, h.Now())
		if err != nil {
			return early(err)
		}
		return h.store(ctx, next, h.entry(audit.CeremonyRefused, v.ID, next.Reason()))
	})
}

// early passes on what a page must be told of a step that was refused.
func early(err error) error {
	if errors.Is(err, ceremony.ErrBrowser) {
		return ErrBrowser
	}
	if _, is := errors.AsType[ceremony.Fault](err); is { // the page shows where things stand now
		return nil
	}
	return err
}

// Cancel ends a pairing because the citizen gave up. Errors: as for [Host.Confirm].
func (h *Host) Cancel(ctx context.Context, v Visit) error {
	return h.again(ctx, v, func(c ceremony.Ceremony) error {
		if !v.Known || !c.Began(v.Browser) {
			return ErrBrowser
		}
		next, err := c.End("cancelled", h.Now())
		if err != nil {
			return early(err)
		}
		return h.store(ctx, next, h.entry(audit.CeremonyRefused, v.ID, next.Reason()))
	})
}

// Close ends a transaction, and with it the ceremony of the same name if one is open, so that the app is told. Errors: those
// of the ledger.
func (h *Host) Close(ctx context.Context, v Visit, t Transition, reason string) error {
	err := h.again(ctx, v, func(c ceremony.Ceremony) error {
		next, err := c.End(reason, h.Now())
		if err != nil {
			return h.advance(ctx, v, t)
		}
		return h.advance(ctx, v, t, next.Change())
	})
	if errors.Is(err, ErrGone) {
		return h.advance(ctx, v, t)
	}
	return err
}

// advance stores the end of a transaction with what else changes, and wakes whoever waits.
func (h *Host) advance(ctx context.Context, v Visit, t Transition, changes ...record.Change) error {
	if err := h.Book.AdvanceWith(ctx, t, changes); err != nil {
		return fmt.Errorf("rendezvous: %w", err)
	}
	h.Events.Notify(v.ID)
	return nil
}

// Return takes what the browser brought back from the app, base64url. Right, in the browser that began, it completes the
// hop. Right in any other it ends all, by the transition that refuse makes of a login: [ErrRelay]. Errors: [ErrGone];
// [ErrHop] for everything else.
func (h *Host) Return(ctx context.Context, v Visit, presented string, refuse func() (Transition, error)) error {
	answer, err := base64.RawURLEncoding.Strict().DecodeString(presented)
	if err != nil || len(answer) != 32 {
		return ErrHop
	}
	return h.again(ctx, v, func(c ceremony.Ceremony) error {
		next, err := c.Return(answer, v.Browser, v.Known, h.Now())
		if relay, is := errors.AsType[*ceremony.Refusal](err); is {
			return h.relay(ctx, v, relay.Ended, refuse)
		}
		if _, is := errors.AsType[ceremony.Fault](err); is {
			return ErrHop
		}
		if err != nil {
			return err
		}
		return h.store(ctx, next, h.entry(audit.HopCompleted, v.ID, "").With("device", next.Device()))
	})
}

// relay stores the end of a ceremony whose hop came back elsewhere.
func (h *Host) relay(ctx context.Context, v Visit, ended ceremony.Ceremony, refuse func() (Transition, error)) error {
	if refuse == nil {
		if err := h.store(ctx, ended, h.entry(audit.RelaySuspected, v.ID, ended.Reason())); err != nil {
			return err
		}
		return ErrRelay
	}
	t, err := refuse()
	if err != nil {
		return err
	}
	if err := h.advance(ctx, v, t, ended.Change()); err != nil {
		return err
	}
	return ErrRelay
}
