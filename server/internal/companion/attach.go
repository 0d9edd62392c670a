package companion

import (
	"context"
	"errors"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

// attach binds a login to the device that redeems its start code, and turns the device's ratchet: a device whose file is in
// two places is found here, and suspended.
func (e *edge) attach(ctx context.Context, x visit, in wire.AttachRequest) (wire.AttachAnswer, error) {
	c, err := e.byCode(ctx, ceremony.Login, in.Start)
	if err != nil {
		return wire.AttachAnswer{}, unknown(err, wire.CodeStartUnknown)
	}
	x.ceremony = c
	d, ratchet, err := x.device.Roll(in.Ratchet, in.Roll)
	if errors.Is(err, means.ErrCloned) {
		return wire.AttachAnswer{}, e.cloned(ctx, x)
	}
	if _, known := errors.AsType[means.Error](err); err != nil && !known {
		return wire.AttachAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	if err != nil {
		return wire.AttachAnswer{}, err
	}
	name, _ := d.Label()
	next, err := c.Attach(in.Start, ceremony.Party{Device: d.ID(), Thumbprint: d.Thumbprint(), Name: name}, x.now)
	if err != nil {
		return wire.AttachAnswer{}, e.notAttached(ctx, x, err, wire.CodeStartUnknown)
	}
	if err := e.apply(ctx, next, stored(next, d.Change())); err != nil {
		return wire.AttachAnswer{}, err
	}
	return wire.AttachAnswer{Ceremony: next.ID(), Nonce: next.Nonce(), Ratchet: ratchet, Expires: next.Expires().Unix()}, nil
}

// cloned suspends a device whose state is in two places, with the cards that are used with it, and ends the login that it
// came for.
func (e *edge) cloned(ctx context.Context, x visit) error {
	const reason = string(txn.ReasonClonedDevice)
	cards, err := e.cards(ctx, x.device)
	if err != nil {
		return err
	}
	changes := []record.Change{x.device.Suspend(reason).Change()}
	for _, c := range cards {
		changes = append(changes, c.Suspend(reason).Change())
	}
	entry := e.entry(x, audit.DeviceSuspended, reason)
	if err := e.Store.Book.Apply(ctx, changes, entry); err != nil {
		return err
	}
	if x.ceremony.Stage() == ceremony.Offered {
		// The device is suspended whatever becomes of the login: it has other ends.
		if err := e.end(ctx, x, reason); err != nil && !late(err) {
			return err
		}
	}
	return &wire.Problem{Code: wire.CodeDeviceCloned}
}

// late reports whether somebody else was faster.
func late(err error) bool {
	_, problem := errors.AsType[*wire.Problem](err)
	return problem || errors.Is(err, record.ErrStale) || errors.Is(err, txn.ErrSpent) || errors.Is(err, txn.ErrUnknown)
}

// end ends the ceremony, and the login whose it is.
func (e *edge) end(ctx context.Context, x visit, reason string) error {
	c, err := x.ceremony.End(reason, x.now)
	if err != nil {
		return err
	}
	if c.Kind() != ceremony.Login {
		return e.apply(ctx, c, stored(c), e.entry(x, audit.CeremonyRefused, reason))
	}
	waiting, err := e.waiting(ctx, c.ID())
	if err != nil {
		return err
	}
	ended, entry, err := waiting.Refuse(txn.Reason(reason), x.now)
	if err != nil {
		return err
	}
	return e.advance(ctx, c, record.Step{From: waiting, Next: ended, Entry: entry.With("device", x.device.ID())})
}

// advance stores a transition of a login together with what became of its ceremony and other changes.
func (e *edge) advance(ctx context.Context, c ceremony.Ceremony, step record.Step, others ...record.Change) error {
	if err := e.Store.Book.AdvanceWith(ctx, step, stored(c, others...)); err != nil {
		return err
	}
	e.Events.Notify(c.ID())
	return nil
}

// waiting loads a login that waits for its proof. Errors: a problem for one that does not.
func (e *edge) waiting(ctx context.Context, id string) (txn.Waiting, error) {
	parsed, err := txn.ParseID(id)
	if err != nil {
		return txn.Waiting{}, &wire.Problem{Code: wire.CodeCeremonyUnknown}
	}
	state, err := e.Store.Ledger.Load(ctx, e.Issuer.URL, parsed)
	if errors.Is(err, txn.ErrUnknown) {
		return txn.Waiting{}, &wire.Problem{Code: wire.CodeExpired}
	}
	if err != nil {
		return txn.Waiting{}, err
	}
	switch s := state.(type) {
	case txn.Waiting:
		return s, nil
	case txn.Ended:
		return txn.Waiting{}, &wire.Problem{Code: wire.CodeEnded, Reason: string(s.Reason())}
	}
	return txn.Waiting{}, &wire.Problem{Code: wire.CodeEnded, Reason: ceremony.Done}
}

// hop records that the app listens for the browser.
func (e *edge) hop(ctx context.Context, x visit, in wire.HopRequest) (wire.HopAnswer, error) {
	next, id, secret, err := x.ceremony.Listen(in.Port, x.now)
	if err != nil {
		return wire.HopAnswer{}, err
	}
	if err := e.apply(ctx, next, stored(next)); err != nil {
		return wire.HopAnswer{}, err
	}
	return wire.HopAnswer{Hop: id, Secret: secret}, nil
}

// refusal ends what the citizen does not want, or did not begin.
func (e *edge) refusal(ctx context.Context, x visit, in wire.Refusal) (wire.Empty, error) {
	var reason txn.Reason
	switch in.Reason {
	case "refused":
		reason = txn.ReasonRefused
	case "not-mine":
		reason = txn.ReasonNotMine
	default:
		return wire.Empty{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	return wire.Empty{}, e.end(ctx, x, string(reason))
}

// changeLife is how long a change of PIN may take.
const changeLife = 10 * time.Minute

// pinChange begins a change of PIN, by the device itself.
func (e *edge) pinChange(ctx context.Context, x visit, _ wire.Empty) (wire.AttachAnswer, error) {
	switch {
	case !x.device.PINSet():
		return wire.AttachAnswer{}, means.ErrUnset
	case x.device.Locked():
		return wire.AttachAnswer{}, means.ErrLocked
	}
	name, _ := x.device.Label()
	c, err := ceremony.Offer(ceremony.Terms{
		ID: txn.NewID().String(), Issuer: e.Issuer.URL, Kind: ceremony.PINChange, Expires: x.now.Add(changeLife),
		Device: ceremony.Party{Device: x.device.ID(), Thumbprint: x.device.Thumbprint(), Name: name},
	})
	if err != nil {
		return wire.AttachAnswer{}, err
	}
	if err := e.apply(ctx, c, stored(c)); err != nil {
		return wire.AttachAnswer{}, err
	}
	return wire.AttachAnswer{Ceremony: c.ID(), Nonce: c.Nonce(), Ratchet: []byte{}, Expires: c.Expires().Unix()}, nil
}
