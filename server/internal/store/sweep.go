package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"sync"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// sweepBatch bounds the rows of one sweeping write, so that callers never wait long behind it.
const sweepBatch = 64

// sweepRun bounds the writes of one pass, so that a flood of transactions does not keep the other passes waiting.
const sweepRun = 256

// spentGrace is how much longer than asked a spent right is remembered: a clock set back by less revives none.
const spentGrace = time.Hour

// Sweep removes what is over, in small writes between those of the callers: transactions whose life has ended (with
// the audit entry of those that were still open), records that have expired, spent rights that could not be used any
// more, and what audit entries say once their retention ends. It returns how many rows it dealt with.
func (s *Store) Sweep(ctx context.Context) (int, error) {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	total := 0
	for _, pass := range []func(context.Context) (int, error){s.sweepTransactions, s.sweepRecords, s.sweepSpent, s.forgetEntries} {
		for range sweepRun {
			n, err := pass(ctx)
			total += n
			if err != nil {
				return total, err
			}
			if n < sweepBatch {
				break
			}
		}
	}
	return total, nil
}

// sweepTransactions deletes one batch of transactions that have expired, of whatever epoch.
func (s *Store) sweepTransactions(ctx context.Context) (int, error) {
	var found []row
	err := s.rows(ctx, func(rows *sql.Rows) error {
		var r row
		err := rows.Scan(r.fields()...)
		found = append(found, r)
		return err
	}, "SELECT "+rowColumns+" FROM transactions WHERE expires <= $1 ORDER BY expires LIMIT $2", s.now(), sweepBatch)
	if err != nil {
		return 0, err
	}
	// At once, so that they share commits; each a write of its own, so that one that somebody ended first spoils none.
	errs := make([]error, len(found))
	var group sync.WaitGroup
	for i, r := range found {
		group.Go(func() { errs[i] = s.remove(ctx, r) })
	}
	group.Wait()
	return len(found), errors.Join(errs...)
}

// remove deletes a transaction and records its end, where that was not done.
func (s *Store) remove(ctx context.Context, r row) error {
	statements := []statement{{
		text: "DELETE FROM transactions WHERE issuer = $1 AND id = $2 AND version = $3",
		args: []any{r.issuer, r.id, r.version}, guarded: true,
	}}
	e, open, err := s.ending(r)
	if err != nil {
		return err
	}
	if open {
		entry, err := s.entry(e)
		if err != nil {
			return err
		}
		statements = append(statements, entry)
	}
	_, err = s.writer.submit(ctx, statements...)
	if errors.Is(err, errRefused) {
		return nil // somebody ended it first, and recorded that
	}
	return err
}

// reasonUnreadable ends a transaction whose sealed body can no longer be opened, such as when its key is gone.
const reasonUnreadable = "unreadable"

// ending gives the audit entry of a transaction that expired, and whether it needs one: one that was redeemed or had
// ended was complete.
func (s *Store) ending(r row) (audit.Entry, bool, error) {
	state, err := s.openState(r)
	if err != nil {
		return audit.Entry{
			Event: audit.TransactionExpired, Reason: reasonUnreadable, At: s.options.Now(), Issuer: r.issuer, Transaction: r.id,
		}, true, nil
	}
	if state.Name() == txn.NameRedeemed {
		return audit.Entry{}, false, nil
	}
	live, ok := state.(interface {
		Expire(now time.Time) (txn.Ended, audit.Entry, error)
	})
	if !ok {
		return audit.Entry{}, false, nil
	}
	_, e, err := live.Expire(s.options.Now())
	return e, err == nil, err
}

// sweepRecords deletes one batch of records that have expired, of whatever epoch.
func (s *Store) sweepRecords(ctx context.Context) (int, error) {
	n, err := s.writer.submit(ctx, statement{
		text: "DELETE FROM records WHERE (kind, id) IN" +
			" (SELECT kind, id FROM records WHERE expires <= $1 ORDER BY expires LIMIT $2)",
		args: []any{s.now(), sweepBatch},
	})
	return int(n), err
}

// sweepSpent forgets one batch of rights that nobody would accept any more.
func (s *Store) sweepSpent(ctx context.Context) (int, error) {
	n, err := s.writer.submit(ctx, statement{
		text: "DELETE FROM spent WHERE digest IN (SELECT digest FROM spent WHERE expires <= $1 ORDER BY expires LIMIT $2)",
		args: []any{s.now() - spentGrace.Milliseconds(), sweepBatch},
	})
	return int(n), err
}

// forgetEntries destroys what one batch of audit entries says, and records that it did. Only entries in the tree are
// forgotten: their leaves stay and go on proving that nothing else was removed.
func (s *Store) forgetEntries(ctx context.Context) (int, error) {
	if s.options.Retention == 0 {
		return 0, nil
	}
	var numbers []int64
	now := s.options.Now()
	err := s.rows(ctx, func(rows *sql.Rows) error {
		var number int64
		err := rows.Scan(&number)
		numbers = append(numbers, number)
		return err
	}, "SELECT number FROM audit_entries WHERE sealed IS NOT NULL AND position IS NOT NULL AND at <= $1 ORDER BY at LIMIT $2",
		now.Add(-s.options.Retention).UnixMilli(), sweepBatch)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	entry, err := s.entry(audit.Entry{
		Event: audit.EntriesForgotten, At: now, Details: map[string]string{"entries": strconv.Itoa(len(numbers))},
	})
	if err != nil {
		return 0, err
	}
	statements := []statement{entry}
	for _, number := range numbers {
		statements = append(statements, statement{
			text: "UPDATE audit_entries SET salt = NULL, sealed = NULL WHERE number = $1", args: []any{number}, guarded: true,
		})
	}
	_, err = s.writer.submit(ctx, statements...)
	return len(numbers), err
}
