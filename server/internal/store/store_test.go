package store_test

import (
	"context"
	"testing"

	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
)

func TestContract(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(ctx context.Context, o store.Options) (storetest.Store, error) { return store.Open(ctx, o) })
}
