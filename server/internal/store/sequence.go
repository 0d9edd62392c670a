package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/mod/sumdb/tlog"

	"pivot/server/internal/audit"
)

// sequenceBatch bounds the entries that one write numbers, so that callers never wait long behind it, and sequenceRun the
// writes of one call: a flood of entries must not keep a checkpoint from being signed.
const (
	sequenceBatch = 256
	sequenceRun   = 64
)

// Sequence gives every waiting audit entry its place in the tree and returns a signed checkpoint of the whole, for
// witnesses outside the host; nil while the log is empty. One process calls it, every second or so; a second one that
// does too loses the race and gets an error. The hashes are computed here and not in the writer. Of more than 16,384
// waiting entries, the rest has its place at the next call.
func (s *Store) Sequence(ctx context.Context, signer audit.Signer) ([]byte, error) {
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	for range sequenceRun {
		tree, err := s.tree(ctx)
		if err != nil {
			return nil, err
		}
		n, err := s.sequenceBatch(ctx, tree)
		if err != nil {
			return nil, err
		}
		if n < sequenceBatch {
			break
		}
	}
	return s.checkpoint(ctx, signer)
}

// Sequenced is how many audit entries have their place in the tree: less than a checkpoint says means that an older
// database was put in the place of this one.
func (s *Store) Sequenced(ctx context.Context) (int64, error) {
	var size int64
	if err := s.row(ctx, "SELECT size FROM audit_tree WHERE number = 1", nil, &size); err != nil {
		return 0, fmt.Errorf("store: audit tree: %w", err)
	}
	return size, nil
}

// A tree is the stored tree with the hashes of leaves that are about to be stored.
type tree struct {
	audit.Hashes
	root  []byte // as stored with the size
	fresh map[int64]tlog.Hash
}

// tree reads the tree and makes sure that its hashes give the root that was stored with it: on a damaged tree nothing
// must be built, nor signed.
func (s *Store) tree(ctx context.Context) (*tree, error) {
	t := &tree{fresh: make(map[int64]tlog.Hash)}
	if err := s.row(ctx, "SELECT size, root FROM audit_tree WHERE number = 1", nil, &t.Size, &t.root); err != nil {
		return nil, fmt.Errorf("store: audit tree: %w", err)
	}
	t.Reader = tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) { return s.readHashes(ctx, t.fresh, indexes) })
	if t.Size == 0 {
		return t, nil
	}
	root, err := t.Root()
	if err != nil {
		return nil, fmt.Errorf("store: audit tree of %d: %w", t.Size, err)
	}
	if string(root[:]) != string(t.root) {
		return nil, damaged("the hashes of the audit tree of %d do not give its root", t.Size)
	}
	return t, nil
}

func (s *Store) readHashes(ctx context.Context, fresh map[int64]tlog.Hash, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if hash, ok := fresh[index]; ok {
			hashes[i] = hash
			continue
		}
		var stored []byte
		err := s.row(ctx, "SELECT hash FROM audit_hashes WHERE number = $1", []any{index}, &stored)
		if errors.Is(err, sql.ErrNoRows) || err == nil && len(stored) != tlog.HashSize {
			return nil, damaged("hash %d of the audit tree is missing", index)
		}
		if err != nil {
			return nil, err
		}
		copy(hashes[i][:], stored)
	}
	return hashes, nil
}

// sequenceBatch adds one batch of waiting entries to the tree, in one write, and returns how many.
func (s *Store) sequenceBatch(ctx context.Context, t *tree) (int, error) {
	waiting, err := s.waitingEntries(ctx)
	if err != nil || len(waiting) == 0 {
		return 0, err
	}
	before := t.Size
	var statements []statement
	for _, one := range waiting {
		hashes, err := t.Append(one.record.Leaf)
		if err != nil {
			return 0, fmt.Errorf("store: audit entry %d: %w", one.number, err)
		}
		statements = append(statements, statement{
			text: "UPDATE audit_entries SET position = $1 WHERE number = $2 AND position IS NULL",
			args: []any{t.Size, one.number}, guarded: true,
		})
		for i, hash := range hashes {
			index := tlog.StoredHashIndex(0, t.Size) + int64(i)
			t.fresh[index] = hash
			statements = append(statements, statement{
				text: "INSERT INTO audit_hashes (number, hash) VALUES ($1, $2)", args: []any{index, hash[:]}, guarded: true,
			})
		}
		t.Size++
	}
	root, err := t.Root()
	if err != nil {
		return 0, fmt.Errorf("store: audit tree of %d: %w", t.Size, err)
	}
	statements = append(statements, statement{
		text: "UPDATE audit_tree SET size = $1, root = $2 WHERE number = 1 AND size = $3",
		args: []any{t.Size, root[:], before}, guarded: true,
	})
	if _, err := s.writer.submit(ctx, statements...); err != nil {
		return 0, fmt.Errorf("store: sequence %d audit entries: %w", len(waiting), err)
	}
	return len(waiting), nil
}

func (s *Store) waitingEntries(ctx context.Context) ([]storedRecord, error) {
	var waiting []storedRecord
	err := s.rows(ctx, func(rows *sql.Rows) error {
		one, err := scanRecord(rows)
		waiting = append(waiting, one)
		return err
	}, "SELECT number, leaf, salt, sealed FROM audit_entries WHERE position IS NULL ORDER BY number LIMIT $1", sequenceBatch)
	return waiting, err
}

// checkpoint gives the signed checkpoint of the tree: the one that is stored, or a new one when the tree grew or the
// key is another.
func (s *Store) checkpoint(ctx context.Context, signer audit.Signer) ([]byte, error) {
	t, err := s.tree(ctx)
	if err != nil || t.Size == 0 {
		return nil, err
	}
	signed, err := audit.Checkpoint{Origin: signer.Name(), Size: t.Size, Root: [32]byte(t.root)}.Sign(signer)
	if err != nil {
		return nil, fmt.Errorf("store: sign a checkpoint: %w", err)
	}
	// Ed25519 signs the same tree alike, so that only a tree that grew, or another key, costs a write.
	var stored []byte
	err = s.row(ctx, "SELECT note FROM audit_checkpoints WHERE size = $1", []any{t.Size}, &stored)
	if err == nil && string(stored) == string(signed) {
		return signed, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, err
	}
	_, err = s.writer.submit(ctx,
		statement{text: "DELETE FROM audit_checkpoints WHERE size <= $1", args: []any{t.Size}},
		statement{text: "INSERT INTO audit_checkpoints (size, note) VALUES ($1, $2)", args: []any{t.Size, signed}, guarded: true})
	if err != nil {
		return nil, err
	}
	return signed, nil
}

// VerifyAudit reads the whole log and shows that nothing in it changed since the witnessed checkpoints were signed by
// the key (the text of a note key), nor since the store's own last one. It returns how many entries were read. Errors:
// [audit.ErrChanged]; a checkpoint that the key did not sign; a [Fault].
func (s *Store) VerifyAudit(ctx context.Context, key string, witnessed ...[]byte) (int64, error) {
	var own []byte
	err := s.row(ctx, "SELECT note FROM audit_checkpoints ORDER BY size DESC LIMIT 1", nil, &own)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, err
	}
	if own != nil {
		witnessed = append(witnessed[:len(witnessed):len(witnessed)], own)
	}
	var checkpoints []audit.Checkpoint
	for _, signed := range witnessed {
		c, err := audit.OpenCheckpoint(signed, key)
		if err != nil {
			return 0, fmt.Errorf("store: checkpoint: %w", err)
		}
		checkpoints = append(checkpoints, c)
	}
	return audit.Verify(s.sequenced(ctx), checkpoints...)
}

// sequenced reads the records of the tree by their positions, which have no gap.
func (s *Store) sequenced(ctx context.Context) iter.Seq2[audit.Record, error] {
	const text = "SELECT position, leaf, salt, sealed FROM audit_entries WHERE position > $1 ORDER BY position LIMIT $2"
	return func(yield func(audit.Record, error) bool) {
		var next int64
		for one, err := range s.records(ctx, text, 0) {
			if err == nil && one.number != next {
				err = fmt.Errorf("%w: position %d is missing", audit.ErrChanged, next)
			}
			if !yield(one.record, err) || err != nil {
				return
			}
			next++
		}
	}
}
