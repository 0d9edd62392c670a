package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"iter"

	"pivot/server/internal/audit"
)

var _ audit.Log = (*Store)(nil)

// Record implements [audit.Log].
func (s *Store) Record(ctx context.Context, e audit.Entry) error {
	e = e.From(ctx)
	entry, err := s.entry(e)
	if err != nil {
		return err
	}
	if _, err := s.writer.submit(ctx, entry); err != nil {
		return err
	}
	s.tell(ctx, e)
	return nil
}

// tell passes on entries that are on disk.
func (s *Store) tell(ctx context.Context, entries ...audit.Entry) {
	if s.options.Written == nil {
		return
	}
	for _, e := range entries {
		s.options.Written(ctx, e)
	}
}

// entry is the statement that stores an audit entry, sealed and salted, without a place in the tree. The salt keeps the
// leaf from telling what the entry said once both are destroyed.
func (s *Store) entry(e audit.Entry) (statement, error) {
	plain, err := e.Encode()
	if err != nil {
		return statement{}, fmt.Errorf("store: audit entry: %w", err)
	}
	var salt [32]byte
	rand.Read(salt[:]) // never fails: see package crypto/rand
	sealed, err := s.options.Sealer.Seal(purposeAudit, plain, entryData(salt[:]))
	if err != nil {
		return statement{}, fmt.Errorf("store: seal an audit entry: %w", err)
	}
	leaf := audit.Leaf(salt, sealed)
	return statement{
		text: "INSERT INTO audit_entries (at, leaf, salt, sealed) VALUES ($1, $2, $3, $4)",
		args: []any{e.At.UnixMilli(), leaf[:], salt[:], sealed}, guarded: true,
	}, nil
}

// entryData binds a sealed entry to its row by the salt, which no two rows share.
func entryData(salt []byte) []byte {
	return append([]byte("audit_entries\x00"), salt...)
}

// pageSize bounds the rows of one read of the log, so that no reader holds an old view of the database for long.
const pageSize = 256

// Entries reads the audit log in the order in which it was written, except what retention has destroyed. It ends at the
// first error: a row that is not what was written, or a [Fault].
func (s *Store) Entries(ctx context.Context) iter.Seq2[audit.Entry, error] {
	const text = "SELECT number, leaf, salt, sealed FROM audit_entries WHERE number > $1 ORDER BY number LIMIT $2"
	return func(yield func(audit.Entry, error) bool) {
		for stored, err := range s.records(ctx, text, 1) {
			if err == nil && stored.record.Sealed == nil {
				continue
			}
			var e audit.Entry
			if err == nil {
				e, err = s.openEntry(stored)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// A storedRecord is one row of the audit log, with the number that its page is ordered by.
type storedRecord struct {
	number int64
	record audit.Record
}

// records reads rows page by page. text takes the number to go on after and the size of a page, and selects a number,
// leaf, salt and sealed payload; first is the smallest number.
func (s *Store) records(ctx context.Context, text string, first int64) iter.Seq2[storedRecord, error] {
	return func(yield func(storedRecord, error) bool) {
		for after := first - 1; ; {
			var page []storedRecord
			err := s.rows(ctx, func(rows *sql.Rows) error {
				one, err := scanRecord(rows)
				page = append(page, one)
				return err
			}, text, after, pageSize)
			if err != nil {
				yield(storedRecord{}, err)
				return
			}
			for _, one := range page {
				if !yield(one, nil) {
					return
				}
				after = one.number
			}
			if len(page) < pageSize {
				return
			}
		}
	}
}

// scanRecord reads a row, whose salt and payload are both there or both destroyed.
func scanRecord(rows *sql.Rows) (storedRecord, error) {
	var one storedRecord
	var leaf, salt []byte
	if err := rows.Scan(&one.number, &leaf, &salt, &one.record.Sealed); err != nil {
		return one, faultOf(err)
	}
	gone := len(salt) == 0 && len(one.record.Sealed) == 0
	if len(leaf) != len(one.record.Leaf) || !gone && (len(salt) != len(one.record.Salt) || len(one.record.Sealed) == 0) {
		return one, damaged("audit entry %d has a leaf of %d octets and a salt of %d", one.number, len(leaf), len(salt))
	}
	if gone {
		one.record.Sealed = nil
	}
	copy(one.record.Leaf[:], leaf)
	copy(one.record.Salt[:], salt)
	return one, nil
}

func (s *Store) openEntry(stored storedRecord) (audit.Entry, error) {
	plain, err := s.options.Sealer.Open(purposeAudit, stored.record.Sealed, entryData(stored.record.Salt[:]))
	if err != nil {
		return audit.Entry{}, fmt.Errorf("store: open audit entry %d: %w", stored.number, err)
	}
	e, err := audit.ParseEntry(plain)
	if err != nil {
		return audit.Entry{}, fmt.Errorf("store: audit entry %d: %w", stored.number, err)
	}
	return e, nil
}
