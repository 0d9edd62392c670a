package desk

import (
	"context"
	"errors"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

// Redeem enters on a device the code that was handed over at the desk. The right one activates device, PIN and card
// together at the grade of a desk, gives the account the address of electronic mail of that pairing, and ends the case, all in
// one write; a wrong one is counted before the answer. What was suspended meanwhile is not activated, and its case ends. It
// returns the tries left. Errors: [ErrWrongCode]; [means.ErrNotReady] where no code was handed over for this device;
// [means.ErrOver] where it is too old or no try is left; [means.ErrSuspended]; [record.ErrStale] when something else
// happened meanwhile: try again.
func (s *Service) Redeem(ctx context.Context, device means.Device, code string) (int, error) {
	if device.Desk() == "" {
		return 0, means.ErrNotReady
	}
	c, err := s.named(ctx, device.Desk())
	if errors.Is(err, ErrUnknown) {
		return 0, means.ErrOver
	}
	if err != nil {
		return 0, err
	}
	plain, err := wire.ParseCode(code)
	if err != nil {
		plain = "-" // no code of ours: counted like any other wrong one
	}
	next, err := c.Redeem(device.ID(), plain, s.Now())
	if errors.Is(err, ErrWrongCode) {
		entry := s.entry(c, audit.CeremonyRefused)
		entry.Reason = "desk-code-wrong"
		if err := s.Book.Apply(ctx, []record.Change{next.Change()}, entry); err != nil {
			return 0, err
		}
		return next.TriesLeft(), ErrWrongCode
	}
	if err != nil {
		return 0, err
	}
	changes, err := s.activate(ctx, c, device)
	if errors.Is(err, means.ErrSuspended) {
		return 0, errors.Join(err, s.closed(ctx, c))
	}
	if err != nil {
		return 0, err
	}
	account, entry, err := s.settle(ctx, c)
	if err != nil {
		return 0, err
	}
	return 0, s.Book.Apply(ctx, append(changes, account, next.Change()), entry)
}

// settle says what becomes of the account with an activation: the device waits no more, and the address of electronic mail is
// the one that was given at this pairing. Whoever paired first may have held the card alone; here the person was seen.
func (s *Service) settle(ctx context.Context, c means.DeskCase) (record.Change, audit.Entry, error) {
	entry := s.entry(c, audit.DeskActivated).With("agent", c.Agent())
	id, device, _ := c.Means()
	r, err := s.Book.Get(ctx, record.Account, id)
	if err != nil {
		return record.Change{}, entry, err
	}
	account, err := means.ParseAccount(r)
	if err != nil {
		return record.Change{}, entry, err
	}
	account = account.Settle(device)
	fields := account.Person().Fields()
	if c.Email() == "" || c.Email() == fields.Email {
		return account.Change(), entry, nil
	}
	fields.Email = c.Email()
	person, err := identity.New(fields)
	if err != nil {
		return record.Change{}, entry, err
	}
	account, err = account.Update(person, account.Lookup())
	return account.Change(), entry.With("email", "changed"), err
}

var errOthers = errors.New("desk: the case, the device and the card do not belong together")

// activate gives device, PIN and card the grade of a desk.
func (s *Service) activate(ctx context.Context, c means.DeskCase, device means.Device) ([]record.Change, error) {
	account, deviceID, cardID := c.Means()
	if device.ID() != deviceID || device.Account() != account {
		return nil, errOthers
	}
	r, err := s.Book.Get(ctx, record.Card, cardID)
	if err != nil {
		return nil, err
	}
	card, err := means.ParseCard(r)
	if err != nil {
		return nil, err
	}
	if card.Account() != account || card.Device() != deviceID {
		return nil, errOthers
	}
	nextDevice, err := device.Activate(assurance.CardDesk)
	if err != nil {
		return nil, err
	}
	nextCard, err := card.Activate(assurance.CardDesk)
	if err != nil {
		return nil, err
	}
	return []record.Change{nextDevice.Change(), nextCard.Change()}, nil
}
