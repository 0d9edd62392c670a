package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/server/internal/store"
)

// guessers is how many callers spend what a means has few of, at once.
const guessers = 32

// meansStore gives a store with an enrolled device that has a PIN, and the first value of its ratchet.
func meansStore(t *testing.T) (*store.Store, store.Options, []byte) {
	t.Helper()
	o := options(t.TempDir(), [32]byte{1})
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	d, first, err := means.NewDevice(means.DeviceParts{
		ID: "device-1", Key: []byte("{}"), Thumbprint: [32]byte{1}, Name: "one", Platform: "Linux", Protection: "file",
	}, o.Now())
	if err != nil {
		t.Fatal(err)
	}
	if d, err = d.SetPIN(bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 65)); err != nil {
		t.Fatal(err)
	}
	if d, err = d.Enrol("account-1", assurance.CardMatch); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []record.Change{d.Change()}); err != nil {
		t.Fatal(err)
	}
	return s, o, first
}

// together has many callers change the same record at once: each reads it, and again when another was faster. It counts
// those whose change was written.
func together(t *testing.T, s *store.Store, kind record.Kind, id string,
	change func(n int, r record.Record) (record.Change, error),
) int {
	t.Helper()
	var written atomic.Int64
	var group sync.WaitGroup
	for n := range guessers {
		group.Go(func() {
			for {
				err := once(t.Context(), s, record.Record{Kind: kind, ID: id}, func(r record.Record) (record.Change, error) { return change(n, r) })
				if errors.Is(err, record.ErrStale) {
					continue
				}
				if err == nil {
					written.Add(1)
				}
				if _, refused := errors.AsType[means.Error](err); err != nil && !refused {
					t.Error(err)
				}
				return
			}
		})
	}
	group.Wait()
	return int(written.Load())
}

// once reads a record and writes the change of it.
func once(ctx context.Context, s *store.Store, named record.Record, change func(r record.Record) (record.Change, error)) error {
	r, err := s.Get(ctx, named.Kind, named.ID)
	if err != nil {
		return err
	}
	c, err := change(r)
	if err != nil {
		return err
	}
	return s.Apply(ctx, []record.Change{c})
}

// TestParallelGuesses: guessing a PIN many times at once gives no more guesses than one after the other.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	s, _, _ := meansStore(t)
	written := together(t, s, record.Device, "device-1", func(n int, r record.Record) (record.Change, error) {
		d, err := means.ParseDevice(r)
		if err != nil {
			return record.Change{}, err
		}
		next, _, err := d.Attempt("ceremony", fmt.Appendf(nil, "guess %d", n))
		return next.Change(), err
	})
	if written != 5 {
		t.Errorf("%d guesses were allowed, want 5", written)
	}
}

// TestParallelProofs: an attempt succeeds once.
func TestParallelProofs(t *testing.T) {
	t.Parallel()
	s, _, _ := meansStore(t)
	guess := []byte("the right one")
	err := once(t.Context(), s, record.Record{Kind: record.Device, ID: "device-1"}, func(r record.Record) (record.Change, error) {
		d, err := means.ParseDevice(r)
		if err != nil {
			return record.Change{}, err
		}
		next, _, err := d.Attempt("ceremony", guess)
		return next.Change(), err
	})
	if err != nil {
		t.Fatal(err)
	}
	written := together(t, s, record.Device, "device-1", func(_ int, r record.Record) (record.Change, error) {
		d, err := means.ParseDevice(r)
		if err != nil {
			return record.Change{}, err
		}
		next, err := d.Succeed("ceremony", guess)
		return next.Change(), err
	})
	if written != 1 {
		t.Errorf("%d proofs were taken, want 1", written)
	}
}

// TestParallelRolls: of many who present the same value of the ratchet with rolls of their own, one is answered.
func TestParallelRolls(t *testing.T) {
	t.Parallel()
	s, _, first := meansStore(t)
	written := together(t, s, record.Device, "device-1", func(n int, r record.Record) (record.Change, error) {
		d, err := means.ParseDevice(r)
		if err != nil {
			return record.Change{}, err
		}
		next, _, err := d.Roll(first, fmt.Appendf(nil, "a roll of %06d", n))
		return next.Change(), err
	})
	if written != 1 {
		t.Errorf("%d rolls were answered, want 1", written)
	}
}

// TestParallelCodes: guessing the code of a desk many times at once costs one try each.
func TestParallelCodes(t *testing.T) {
	t.Parallel()
	s, o, _ := meansStore(t)
	c, err := means.NewDeskCase(means.DeskParts{
		ID: "case-1", Reference: "reference", Account: "account-1", Device: "device-1", Card: "card-1",
		Portrait: []byte{1}, Holder: []string{"somebody"},
	}, o.Now())
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.Approve("the code", o.Now().Add(time.Hour), o.Now()); err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(t.Context(), []record.Change{c.Change()}); err != nil {
		t.Fatal(err)
	}
	written := together(t, s, record.DeskCase, "case-1", func(n int, r record.Record) (record.Change, error) {
		c, err := means.ParseDeskCase(r)
		if err != nil {
			return record.Change{}, err
		}
		next, err := c.Redeem("device-1", fmt.Sprintf("guess %d", n), o.Now())
		if errors.Is(err, means.ErrWrongCode) {
			err = nil // it is counted, and that is to be written
		}
		return next.Change(), err
	})
	if written != 5 {
		t.Errorf("%d tries were allowed, want 5", written)
	}
}
