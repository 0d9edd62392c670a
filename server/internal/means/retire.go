package means

import (
	"context"
	"errors"
	"time"

	"pivot/server/internal/record"
)

// Retire gives the changes that suspend the device for good with all that rests on it, to be written at once: the device, the
// cards that are used with it, and the end of the desk case that waits for it. What is suspended or over already is left out,
// so that there may be none. Errors: those of the book.
func (d Device) Retire(ctx context.Context, book record.Reader, reason string, now time.Time) ([]record.Change, error) {
	var changes []record.Change
	if d.Active() {
		changes = append(changes, d.Suspend(reason).Change())
	}
	cards, err := d.Cards(ctx, book)
	if err != nil {
		return nil, err
	}
	for _, c := range cards {
		changes = append(changes, c.Suspend(reason).Change())
	}
	c, err := d.waits(ctx, book)
	if errors.Is(err, record.ErrUnknown) {
		return changes, nil
	}
	if err != nil {
		return nil, err
	}
	if c, err = c.End(now); err == nil {
		changes = append(changes, c.Change())
	}
	return changes, nil
}

// Cards are the active cards that are used with the device. Errors: those of the book.
func (d Device) Cards(ctx context.Context, book record.Reader) ([]Card, error) {
	if d.Account() == "" {
		return nil, nil
	}
	records, err := book.Owned(ctx, record.Card, d.ID())
	if err == nil && len(records) == 0 { // as cards were stored before, by their account
		records, err = book.Owned(ctx, record.Card, d.Account())
	}
	if err != nil {
		return nil, err
	}
	var out []Card
	for _, r := range records {
		c, err := ParseCard(r)
		if err != nil {
			return nil, err
		}
		if c.Active() && c.Device() == d.ID() {
			out = append(out, c)
		}
	}
	return out, nil
}

// waits finds the desk case that waits for the device. Errors: [record.ErrUnknown] for none; those of the book.
func (d Device) waits(ctx context.Context, book record.Reader) (DeskCase, error) {
	if d.Desk() == "" {
		return DeskCase{}, record.ErrUnknown
	}
	r, err := book.Find(ctx, record.DeskCase, Alias([]byte(d.Desk())))
	if err != nil {
		return DeskCase{}, err
	}
	c, err := ParseDeskCase(r)
	if err == nil && c.body.Device != d.ID() {
		return DeskCase{}, record.ErrUnknown
	}
	return c, err
}
