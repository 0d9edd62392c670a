package fetch

import (
	"context"
	"fmt"
	"time"

	"pivot/server/internal/keyset"
)

// Keys are the key sets that service providers publish at their jwks_uri. It is safe for concurrent use.
type Keys struct{ cache *Cache[keyset.Set] }

var _ keyset.Source = (*Keys)(nil)

// NewKeys makes an empty cache of key sets.
func NewKeys(f *Fetcher, now func() time.Time) *Keys {
	return &Keys{NewCache(f, now, keyset.ParsePublished, "application/jwk-set+json", "application/json")}
}

// Keys implements [keyset.Source].
func (k *Keys) Keys(ctx context.Context, address string, has func(keyset.Set) bool) (keyset.Set, error) {
	set, err := k.cache.Get(ctx, address)
	if err == nil && !has(set) {
		set, err = k.cache.Newer(ctx, address)
	}
	if err != nil {
		return keyset.Set{}, fmt.Errorf("%w: %w", keyset.ErrUnavailable, err)
	}
	return set, nil
}
