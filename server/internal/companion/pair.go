package companion

import (
	"bytes"
	"context"
	"errors"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// pair makes a device known that redeems the code of a pairing page. It belongs to nobody until a card enrols it. The same
// key may repeat itself while the code is good, and begins anew then: a lost answer costs nothing.
func (e *edge) pair(ctx context.Context, x visit, in wire.PairRequest) (wire.PairAnswer, error) {
	key, err := device.ParseJWK(in.Key)
	if err != nil || !key.Equal(x.call.Key) {
		return wire.PairAnswer{}, &wire.Problem{Code: wire.CodeBadRequest}
	}
	if x.ceremony, err = e.byCode(ctx, ceremony.Pair, in.Code); err != nil {
		return wire.PairAnswer{}, unknown(err, wire.CodeCodeUnknown)
	}
	if err := e.spend(ctx, x.call); err != nil {
		return wire.PairAnswer{}, err
	}
	d, ratchet, change, err := e.newDevice(ctx, x, in)
	if err != nil {
		return wire.PairAnswer{}, err
	}
	x.device = d
	next, err := x.ceremony.Attach(in.Code, ceremony.Party{Device: d.ID(), Thumbprint: d.Thumbprint(), Name: in.Name}, x.now)
	if err != nil {
		return wire.PairAnswer{}, e.notAttached(ctx, x, err, wire.CodeCodeUnknown)
	}
	keys, err := e.Keys.JWKS()
	if err != nil {
		return wire.PairAnswer{}, err
	}
	entry := e.entry(x, audit.DevicePaired, "").With("protection", d.Protection())
	if err := e.apply(ctx, next, stored(next, change), entry); err != nil {
		return wire.PairAnswer{}, again(err)
	}
	return wire.PairAnswer{
		Ceremony: next.ID(), Device: d.ID(), Issuer: e.Issuer.URL, Nonce: next.Nonce(), Keys: bytes.TrimSpace(keys), Ratchet: ratchet,
		Expires: next.Expires().Unix(),
	}, nil
}

// again turns a write that was too late into an answer: the call is spent, so the app makes another.
func again(err error) error {
	if errors.Is(err, record.ErrStale) {
		return &wire.Problem{Code: wire.CodeBusy}
	}
	return err
}

// newDevice makes the device of a pairing. One that paired with this key before and was never enrolled is begun anew, with
// nothing left of what it had, and the pairing before can go on with nothing; one that belongs to somebody cannot pair
// again with the same key.
func (e *edge) newDevice(ctx context.Context, x visit, in wire.PairRequest) (means.Device, []byte, record.Change, error) {
	none := record.Change{}
	id, version := random(16), 0
	switch r, err := e.Store.Book.Find(ctx, record.Device, x.call.Key.Thumbprint()); {
	case err == nil:
		before, err := means.ParseDevice(r)
		if err != nil {
			return means.Device{}, nil, none, err
		}
		if err := usable(before); err != nil {
			return means.Device{}, nil, none, err
		}
		if before.Account() != "" {
			return means.Device{}, nil, none, &wire.Problem{Code: wire.CodeBusy, Reason: "device-known"}
		}
		id, version = before.ID(), before.Version()
	case !errors.Is(err, record.ErrUnknown):
		return means.Device{}, nil, none, err
	}
	d, ratchet, err := means.NewDevice(means.DeviceParts{
		ID: id, Key: x.call.Key.JWK(), Thumbprint: x.call.Key.Thumbprint(), Name: in.Name, Platform: in.Platform, Protection: in.Protection,
		Pairing: x.ceremony.ID(),
	}, x.now)
	if err != nil {
		return means.Device{}, nil, none, &wire.Problem{Code: wire.CodeBadRequest}
	}
	change := d.Change()
	change.From, change.Next.Version = version, version+1
	return d, ratchet, change, nil
}

// byCode finds the ceremony whose page shows a code.
func (e *edge) byCode(ctx context.Context, kind ceremony.Kind, text string) (ceremony.Ceremony, error) {
	code, err := wire.ParseCode(text)
	if err != nil || code != text {
		return ceremony.Ceremony{}, record.ErrUnknown
	}
	r, err := e.Store.Book.Find(ctx, record.Ceremony, ceremony.Alias(kind, e.Issuer.URL, code))
	if err != nil {
		return ceremony.Ceremony{}, err
	}
	return ceremony.Parse(r)
}

func unknown(err error, code wire.Code) error {
	if errors.Is(err, record.ErrUnknown) {
		return &wire.Problem{Code: code}
	}
	return err
}

// notAttached says why a code was not redeemed. That two devices hold one code is worth an entry: somebody looked over a
// shoulder, or sits between.
func (e *edge) notAttached(ctx context.Context, x visit, err error, code wire.Code) error {
	switch {
	case errors.Is(err, ceremony.ErrDevice):
		if err := e.Store.Log.Record(ctx, e.entry(x, audit.CeremonyRefused, "code-of-another-device")); err != nil {
			return err
		}
		return &wire.Problem{Code: code}
	case errors.Is(err, ceremony.ErrCode), errors.Is(err, ceremony.ErrEnded), errors.Is(err, ceremony.ErrExpired):
		return &wire.Problem{Code: code}
	}
	return err
}

// stored is a ceremony's change beside others; without one when nothing changed.
func stored(c ceremony.Ceremony, others ...record.Change) []record.Change {
	if c.Changed() {
		return append(others, c.Change())
	}
	return others
}

// keyOf reads the key of a device.
func keyOf(d means.Device) (device.Key, error) { return device.ParseJWK(d.Key()) }
