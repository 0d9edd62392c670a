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

// eventAttached says which device answers a login, or begins a change of its PIN.
const eventAttached audit.Event = "device-attached"

// attach binds a login to the device that redeems its start code, and turns the device's ratchet: a device whose file is in
// two places is found here, and suspended.
func (e *edge) attach(ctx context.Context, x visit, in wire.AttachRequest) (wire.AttachAnswer, error) {
	c, err := e.byCode(ctx, ceremony.Login, in.Start)
	if err != nil {
		return wire.AttachAnswer{}, unknown(err, wire.CodeStartUnknown)
	}
	x.ceremony = c
	d, ratchet, err := e.roll(ctx, x, in.Ratchet, in.Roll)
	if err != nil {
		return wire.AttachAnswer{}, err
	}
	next, err := c.Attach(in.Start, partyOf(d), x.now)
	if err != nil {
		return wire.AttachAnswer{}, e.notAttached(ctx, x, err, wire.CodeStartUnknown)
	}
	var entries []audit.Entry
	if next.Changed() {
		entries = append(entries, e.entry(x, eventAttached, ""))
	}
	if err := e.apply(ctx, next, stored(next, d.Change()), entries...); err != nil {
		return wire.AttachAnswer{}, err
	}
	return wire.AttachAnswer{Ceremony: next.ID(), Nonce: next.Nonce(), Ratchet: ratchet, Expires: next.Expires().Unix()}, nil
}

// partyOf is a device as it takes part.
func partyOf(d means.Device) ceremony.Party {
	name, _ := d.Label()
	return ceremony.Party{Device: d.ID(), Thumbprint: d.Thumbprint(), Name: name, Turn: d.Turn()}
}

// roll turns the ratchet of a device that comes for a login or for a change of its PIN.
func (e *edge) roll(ctx context.Context, x visit, presented, roll []byte) (means.Device, []byte, error) {
	d, ratchet, err := x.device.Roll(presented, roll)
	known, ours := errors.AsType[means.Error](err)
	switch {
	case err == nil:
		return d, ratchet, nil
	case !ours:
		return means.Device{}, nil, &wire.Problem{Code: wire.CodeBadRequest}
	case known == means.ErrLate && x.ceremony.Device() == x.device.ID() && x.ceremony.Stage() != ceremony.Offered:
		// A repetition that was long under way: the app has gone on with the answer to the one that was faster.
		return means.Device{}, nil, &wire.Problem{Code: wire.CodeStartUnknown}
	case known == means.ErrLate, known == means.ErrCloned:
		return means.Device{}, nil, e.cloned(ctx, x)
	}
	return means.Device{}, nil, err
}

// cloned suspends a device whose state is in two places, with its cards and the desk case that waits for it, and ends the
// login that it came for.
func (e *edge) cloned(ctx context.Context, x visit) error {
	const reason = string(txn.ReasonClonedDevice)
	changes, err := x.device.Retire(ctx, e.Store.Book, reason, x.now)
	if err != nil {
		return err
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

// hop records that the app listens for the browser. It came with the answer to its turn of the ratchet, or it could not call:
// from now on the value before is a copy's, in the same write.
func (e *edge) hop(ctx context.Context, x visit, in wire.HopRequest) (wire.HopAnswer, error) {
	next, id, secret, err := x.ceremony.Listen(in.Port, x.now)
	if err != nil {
		return wire.HopAnswer{}, err
	}
	changes := stored(next)
	if d, changed := x.device.Held(next.Turn()); changed {
		changes = append(changes, d.Change())
	}
	if err := e.apply(ctx, next, changes); err != nil {
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

// pinChange begins a change of PIN, by the device itself. It turns the ratchet as a login does: a copy would otherwise guess
// at the PIN here, unseen. It needs no hop, for no browser takes part.
func (e *edge) pinChange(ctx context.Context, x visit, in wire.ChangeRequest) (wire.AttachAnswer, error) {
	d, ratchet, err := e.roll(ctx, x, in.Ratchet, in.Roll)
	switch {
	case err != nil:
		return wire.AttachAnswer{}, err
	case !d.PINSet():
		return wire.AttachAnswer{}, means.ErrUnset
	case d.Locked():
		return wire.AttachAnswer{}, means.ErrLocked
	}
	c, err := ceremony.Offer(ceremony.Terms{
		ID: txn.NewID().String(), Issuer: e.Issuer.URL, Kind: ceremony.PINChange, Expires: x.now.Add(changeLife), Device: partyOf(d),
	})
	if err != nil {
		return wire.AttachAnswer{}, err
	}
	x.ceremony = c
	if err := e.apply(ctx, c, stored(c, d.Change()), e.entry(x, eventAttached, "")); err != nil {
		return wire.AttachAnswer{}, err
	}
	return wire.AttachAnswer{Ceremony: c.ID(), Nonce: c.Nonce(), Ratchet: ratchet, Expires: c.Expires().Unix()}, nil
}
