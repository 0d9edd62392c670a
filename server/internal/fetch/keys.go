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

// mostVerifying is how long keys that verify signatures are used after their server said that they are good: one that was
// withdrawn because somebody stole it must not live on. Keys that answers are encrypted to are used for the whole day.
const mostVerifying = time.Hour

// Keys implements [keyset.Source].
func (k *Keys) Keys(ctx context.Context, address string, has func(keyset.Set) bool) (keyset.Set, error) {
	found, err := k.cache.get(ctx, address, k.cache.isFresh)
	if err == nil && !has(found.value) {
		found, err = k.cache.get(ctx, address, never)
	}
	if err != nil {
		return keyset.Set{}, fmt.Errorf("%w: %w", keyset.ErrUnavailable, err)
	}
	if k.cache.isFresh(found) || k.cache.now().Sub(found.fetched) < mostVerifying {
		return found.value, nil
	}
	set := found.value.ForSealing()
	if !has(set) {
		return keyset.Set{}, keyset.ErrUnavailable
	}
	return set, nil
}
