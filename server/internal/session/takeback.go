package session

import (
	"context"
	"errors"
	"time"

	"pivot/server/internal/txn"
)

const (
	lately = 2 * time.Minute // is longer than a code and its access token live
	tries  = 16              // bounds what uses of a right at the same moment may cost its end
)

// TakeBack ends what the logins of a session that is over issued, as far as it is good still: a code on its way, an access
// token. Errors: [txn.ErrSpent] when one of them changed again and again; what the ledger says.
func (s Session) TakeBack(ctx context.Context, ledger txn.Ledger, reason txn.Reason, now time.Time) error {
	for _, l := range s.state.Logins {
		id, err := txn.ParseID(l.Transaction)
		if err != nil || now.Sub(time.Unix(l.At, 0)) > lately {
			continue
		}
		if err := takeBack(ctx, ledger, place{s.state.Issuer, id, reason, now}); err != nil {
			return err
		}
	}
	return nil
}

// place is a transaction that is to end.
type place struct {
	issuer string
	id     txn.ID
	reason txn.Reason
	now    time.Time
}

func takeBack(ctx context.Context, ledger txn.Ledger, p place) error {
	for range tries {
		state, err := ledger.Load(ctx, p.issuer, p.id)
		if err != nil {
			return unlessUnknown(err)
		}
		over, entry, err := p.reason.End(state, p.now)
		if err != nil {
			return unlessUnknown(err)
		}
		if err = ledger.Advance(ctx, state, over, entry); !errors.Is(err, txn.ErrSpent) {
			return err
		}
	}
	return txn.ErrSpent
}

// unlessUnknown takes a transaction that is over or forgotten for one that was ended.
func unlessUnknown(err error) error {
	if errors.Is(err, txn.ErrUnknown) {
		return nil
	}
	return err
}
