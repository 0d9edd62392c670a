package flow

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"pivot/app/internal/api"
	"pivot/app/internal/keystore"
	"pivot/cardreader"
	"pivot/cardreader/session"
	"pivot/shared/wire"
)

// Parts are what the flows work with.
type Parts struct {
	Store *keystore.Store
	// Dial makes the client of the broker at origin, which signs with key; nil is [api.New].
	Dial func(origin string, key keystore.Key) (*api.Client, error)
	// OpenCard opens the citizen's card, once it is there: until then it tells what is lacking. Who opens it closes it.
	OpenCard func(ctx context.Context, lacking func(cardreader.Problem)) (session.Link, io.Closer, error)
	// Origin is the broker where none is named, such as "https://broker.example"; may be empty.
	Origin string
	// Name and Platform say to the citizen, in lists of devices, which this one is; at most 64 characters each.
	Name, Platform string
}

// Companion runs the flows. It may be used by several goroutines at once; what two of them want of one broker at the same
// time is refused to the second.
type Companion struct {
	parts    Parts
	language atomic.Pointer[string]
}

// New returns a companion.
func New(p Parts) *Companion {
	if p.Dial == nil {
		p.Dial = func(origin string, key keystore.Key) (*api.Client, error) {
			return api.New(api.Options{Origin: origin, Key: key})
		}
	}
	return &Companion{parts: p}
}

// Speak chooses the language in which brokers describe what is asked for, "fr" or "en", from the next request on. It is
// French until then.
func (c *Companion) Speak(language string) { c.language.Store(&language) }

func (c *Companion) speaks() string {
	if l := c.language.Load(); l != nil && *l == "en" {
		return "en"
	}
	return "fr"
}

// Pair pairs this computer with the broker at origin, and enrols the citizen's card and secret code with it. An empty
// code is asked for; an empty origin is that of the link which may be given for a code, or of [Parts]. What was there
// of an earlier pairing stays until the new one is done. The error is a *[Failure].
func (c *Companion) Pair(ctx context.Context, d Dialogue, code, origin string) (Outcome, error) {
	return c.perform(ctx, d, func(ctx context.Context, r *run) error {
		code, origin, err := r.ticket(ctx, wire.Link{Action: "pair", Value: code, Origin: origin})
		if err != nil {
			return err
		}
		return r.pair(ctx, code, origin)
	})
}

// Approve answers the login of that start code as the citizen decides. An empty start is asked for; an empty origin is the
// broker that this computer is paired with. The error is a *[Failure].
func (c *Companion) Approve(ctx context.Context, d Dialogue, start, origin string) (Outcome, error) {
	return c.perform(ctx, d, func(ctx context.Context, r *run) error {
		start, origin, err := r.ticket(ctx, wire.Link{Action: "approve", Value: start, Origin: origin})
		if err != nil {
			return err
		}
		if err := r.resume(origin); err != nil {
			return err
		}
		return r.approve(ctx, start)
	})
}

// Follow does what a link of the scheme "pivot:" asks for: Pair or Approve. The error is a *[Failure].
func (c *Companion) Follow(ctx context.Context, d Dialogue, link string) (Outcome, error) {
	l, err := wire.ParseLink(strings.TrimSpace(link))
	switch {
	case err != nil:
		return Outcome{}, ours(CauseUsage, "link-malformed", err)
	case l.Action == "pair":
		return c.Pair(ctx, d, l.Value, l.Origin)
	}
	return c.Approve(ctx, d, l.Value, l.Origin)
}

// ActivateAtDesk hands in the code that a desk gave; an empty one is asked for. An empty origin is the broker that this
// computer is paired with. The error is a *[Failure].
func (c *Companion) ActivateAtDesk(ctx context.Context, d Dialogue, code, origin string) (Outcome, error) {
	return c.perform(ctx, d, func(ctx context.Context, r *run) error {
		if err := r.resume(origin); err != nil {
			return err
		}
		return r.activate(ctx, code)
	})
}

// ChangePIN replaces the secret code by another, against the present one. An empty origin is the broker that this computer
// is paired with. The error is a *[Failure].
func (c *Companion) ChangePIN(ctx context.Context, d Dialogue, origin string) (Outcome, error) {
	return c.perform(ctx, d, func(ctx context.Context, r *run) error {
		if err := r.resume(origin); err != nil {
			return err
		}
		return r.changePIN(ctx)
	})
}

// perform runs one flow, and clears up behind it.
func (c *Companion) perform(ctx context.Context, d Dialogue, do func(context.Context, *run) error) (Outcome, error) {
	r := &run{companion: c, d: d}
	began := time.Now()
	err := do(ctx, r)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) { // not one of the card's own deadlines
		err = ours(CauseCitizen, "late", err)
	}
	err = errors.Join(err, r.close())
	r.outcome.Figures.Total = time.Since(began)
	if err != nil {
		return r.outcome, failureOf(err)
	}
	return r.outcome, nil
}

// Status is what is known of one broker that this computer is paired with.
type Status struct {
	Origin     string
	Name       string             // of this computer, as the citizen called it
	Protection string             // of the device's key: tpm, keychain or file
	Device     *wire.DeviceStatus // as the broker says; nil with Failure
	Failure    *Failure           // why the broker did not say
}

// Status asks every paired broker how this computer stands with it; none is no error. The error is a *[Failure] and says
// that what is kept on this computer cannot be read.
func (c *Companion) Status(ctx context.Context) ([]Status, error) {
	profiles, err := c.parts.Store.Profiles()
	if err != nil {
		return nil, ours(CauseUsage, "profile", err)
	}
	out := make([]Status, 0, len(profiles))
	for _, p := range profiles {
		s := Status{Origin: p.Origin, Name: p.Name, Protection: p.Key.Protection}
		if device, err := c.device(ctx, p); err != nil {
			s.Failure = failureOf(err)
		} else {
			s.Device = &device
		}
		out = append(out, s)
	}
	return out, nil
}

func (c *Companion) device(ctx context.Context, p keystore.Profile) (wire.DeviceStatus, error) {
	key, err := c.parts.Store.Key(p.Key)
	if err != nil {
		return wire.DeviceStatus{}, ours(CauseUsage, "profile", err)
	}
	client, err := c.parts.Dial(p.Origin, key)
	if err != nil {
		return wire.DeviceStatus{}, ours(CauseUsage, "profile", err)
	}
	defer client.Close()
	return client.Device(ctx)
}
