package flow

import (
	"context"
	"errors"

	"pivot/app/internal/handoff"
)

// visits is how often this computer listens for the browser, a minute each.
const visits = 3

// meet shows the broker that the browser is on this computer (DESIGN 9): the app listens, the page comes by, the broker
// says that it came back. back is where the browser is sent.
func (r *run) meet(ctx context.Context, back string) error {
	r.show(StepBrowser)
	for range visits {
		err := r.visit(ctx, back)
		if !errors.Is(err, handoff.ErrExpired) {
			return why(ctx, err)
		}
	}
	return ours(CauseRefused, "browser-missing", handoff.ErrExpired)
}

func (r *run) visit(ctx context.Context, back string) error {
	h, err := handoff.Listen(ctx)
	if err != nil {
		return ours(CauseUsage, "no-port", err)
	}
	defer h.Close()
	done := r.clock()
	answer, err := r.client.Hop(ctx, r.ceremony.id, h.Port())
	done()
	if err != nil {
		return err
	}
	r.ceremony.hop = answer.Hop
	h.Arm(handoff.Ticket{
		Ceremony: r.ceremony.id, Device: r.profile.Device, Hop: answer.Hop, Secret: answer.Secret, Return: back,
	})
	if err := h.Wait(ctx); err != nil {
		return err
	}
	return r.watch.until(ctx, stageHopped)
}
