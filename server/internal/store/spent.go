package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"pivot/server/internal/client"
)

var _ client.Once = (*Store)(nil)

// Spend implements [client.Once]. What ended already cannot be remembered, and counts as spent.
func (s *Store) Spend(ctx context.Context, kind, key string, until time.Time) error {
	if !until.After(s.options.Now()) || s.Epoch().lost(until) {
		return client.ErrSpent
	}
	digest := spentDigest(kind, key)
	_, err := s.writer.submit(ctx, statement{
		text: "INSERT INTO spent (digest, expires) VALUES ($1, $2) ON CONFLICT DO NOTHING",
		args: []any{digest[:], until.UnixMilli()}, guarded: true,
	})
	if errors.Is(err, errRefused) {
		return client.ErrSpent
	}
	return err
}

// spentDigest covers kind and key with their lengths, so that no two pairs meet. What was spent may have been a secret,
// and may have been long.
func spentDigest(kind, key string) [32]byte {
	var input []byte
	for _, part := range []string{kind, key} {
		input = binary.BigEndian.AppendUint64(input, uint64(len(part)))
		input = append(input, part...)
	}
	return sha256.Sum256(input)
}
