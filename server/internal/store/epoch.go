package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pivot/server/internal/audit"
)

// Epoch is a stretch of history without a restored backup in it. What was pending in an older one is unknown:
// a backup does not know what was spent after it was made.
type Epoch struct {
	Number  int64 // from 1
	Started time.Time
}

// restoreWindow bounds the life of a right that the store learns of only when it is spent (a client's assertion). After
// a restore, one that ends within it could have been spent in what was lost, and is refused.
const restoreWindow = 2 * time.Minute

// currentEpoch is the epoch as statements write it, so that the database's word counts and not a process's memory.
const currentEpoch = "(SELECT MAX(number) FROM epochs)"

// Epoch is the current epoch.
func (s *Store) Epoch() Epoch { return *s.epoch.Load() }

// NewEpoch starts a new epoch, and must be called after a backup was restored, before anybody is served: transactions,
// codes, tokens and assertions of before are refused from here on. Restoring replaces the database while the store is
// closed, without "-wal" and "-shm" files of the one it replaces. A checkpoint that was witnessed after the backup was
// made no longer verifies: entries were lost, and the audit log does not hide it.
func (s *Store) NewEpoch(ctx context.Context) (Epoch, error) {
	before, err := s.readEpoch(ctx)
	if err != nil {
		return Epoch{}, err
	}
	started := s.options.Now()
	number := strconv.FormatInt(before.Number+1, 10)
	entry, err := s.entry(audit.Entry{Event: audit.EpochStarted, At: started, Details: map[string]string{"epoch": number}})
	if err != nil {
		return Epoch{}, err
	}
	if _, err := s.writer.submit(ctx, insertEpoch(before.Number+1, started), entry); err != nil {
		return Epoch{}, err
	}
	return s.loadEpoch(ctx)
}

// firstEpoch starts the first epoch of a new store, and learns the current one of any.
func (s *Store) firstEpoch(ctx context.Context) error {
	if _, err := s.writer.submit(ctx, insertEpoch(1, s.options.Now())); err != nil && !errors.Is(err, errRefused) {
		return err
	}
	_, err := s.loadEpoch(ctx)
	return err
}

func insertEpoch(number int64, started time.Time) statement {
	return statement{
		text: "INSERT INTO epochs (number, started) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		args: []any{number, started.UnixMilli()}, guarded: true,
	}
}

func (s *Store) loadEpoch(ctx context.Context) (Epoch, error) {
	e, err := s.readEpoch(ctx)
	if err != nil {
		return Epoch{}, err
	}
	s.epoch.Store(&e)
	return e, nil
}

func (s *Store) readEpoch(ctx context.Context) (Epoch, error) {
	var number, started int64
	if err := s.row(ctx, "SELECT number, started FROM epochs ORDER BY number DESC LIMIT 1", nil, &number, &started); err != nil {
		return Epoch{}, fmt.Errorf("store: epoch: %w", err)
	}
	return Epoch{Number: number, Started: time.UnixMilli(started).UTC()}, nil
}

// lost reports whether a right that ends then could have been spent in history that a restore lost.
func (e Epoch) lost(until time.Time) bool {
	return e.Number > 1 && until.Before(e.Started.Add(restoreWindow))
}
