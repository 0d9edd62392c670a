package desk

import (
	"context"
	"errors"
	"strings"

	"pivot/server/internal/audit"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
)

// Suspension names a device or a card that is to be used no more, why, and who says so.
type Suspension struct {
	ID     string `json:"id"`
	Reason string `json:"reason"` // lower case letters, digits and hyphens, at most 64
	Agent  string `json:"agent"`
}

// eventCardSuspended says that a card is good for nothing any more; of a device there is an event of its own.
const eventCardSuspended audit.Event = "card-suspended"

var (
	errNoMeans = errors.New("desk: no device and no card of that identifier")
	errReason  = errors.New("desk: a reason is a word: 1 to 64 lower case letters, digits and hyphens")
)

// Suspend ends the use of a device with its cards and the case that waits for it, or of one card, for good; whoever lost them
// pairs again. What is suspended already stays as it is. Errors: [ErrAgent]; no such device or card, no such reason, in words;
// [record.ErrStale] when something else happened meanwhile: try again.
func (s *Service) Suspend(ctx context.Context, o Suspension) error {
	if !agentOK(o.Agent) {
		return ErrAgent
	}
	if !reasonOK(o.Reason) {
		return errReason
	}
	changes, entries, err := s.retire(ctx, o)
	if err != nil || len(changes) == 0 {
		return err
	}
	return s.Book.Apply(ctx, changes, entries...)
}

// retire gives the changes and the entries of a suspension; none for what is suspended already. Errors: errNoMeans; those of
// the book.
func (s *Service) retire(ctx context.Context, o Suspension) ([]record.Change, []audit.Entry, error) {
	entry := audit.Entry{Event: audit.DeviceSuspended, Reason: o.Reason, At: s.Now()}.With("agent", o.Agent)
	r, err := s.Book.Get(ctx, record.Device, o.ID)
	if errors.Is(err, record.ErrUnknown) {
		return s.retireCard(ctx, o, entry)
	}
	if err != nil {
		return nil, nil, err
	}
	d, err := means.ParseDevice(r)
	if err != nil {
		return nil, nil, err
	}
	changes, err := d.Retire(ctx, s.Book, o.Reason, s.Now())
	if err != nil || len(changes) == 0 {
		return nil, nil, err
	}
	settled, err := s.settled(ctx, d)
	entry.Account = d.Account()
	return append(changes, settled...), []audit.Entry{entry.With("device", d.ID())}, err
}

// settled takes a device from those that wait for a desk in its account; no change where it does not wait.
func (s *Service) settled(ctx context.Context, d means.Device) ([]record.Change, error) {
	if d.Account() == "" {
		return nil, nil
	}
	r, err := s.Book.Get(ctx, record.Account, d.Account())
	if err != nil {
		return nil, err
	}
	account, err := means.ParseAccount(r)
	if err != nil {
		return nil, err
	}
	next := account.Settle(d.ID())
	if len(next.Waiting()) == len(account.Waiting()) {
		return nil, nil
	}
	return []record.Change{next.Change()}, nil
}

func (s *Service) retireCard(ctx context.Context, o Suspension, entry audit.Entry) ([]record.Change, []audit.Entry, error) {
	r, err := s.Book.Get(ctx, record.Card, o.ID)
	if errors.Is(err, record.ErrUnknown) {
		return nil, nil, errNoMeans
	}
	if err != nil {
		return nil, nil, err
	}
	c, err := means.ParseCard(r)
	if err != nil || !c.Active() {
		return nil, nil, err
	}
	entry.Event, entry.Account = eventCardSuspended, c.Account()
	return []record.Change{c.Suspend(o.Reason).Change()}, []audit.Entry{entry.With("card", c.ID())}, nil
}

// reasonOK accepts a word that means and audit log keep.
func reasonOK(reason string) bool {
	return reason != "" && len(reason) <= 64 && strings.Trim(reason, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}
