package store_test

import (
	"slices"
	"testing"
	"time"

	"pivot/server/internal/record"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
)

// TestOwners: each owner of live records of the kind is named once, and nobody else is.
func TestOwners(t *testing.T) {
	t.Parallel()
	clock := storetest.NewClock()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir() + "/data", Sealer: storetest.NewSealer([32]byte{1}), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	owners := func(want ...string) {
		t.Helper()
		if got, err := s.Owners(t.Context(), record.Logout); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
	owners()
	for _, r := range []record.Record{
		{Kind: record.Logout, ID: "1", Owner: "b", Expires: clock.Now().Add(time.Hour)},
		{Kind: record.Logout, ID: "2", Owner: "a", Expires: clock.Now().Add(2 * time.Hour)},
		{Kind: record.Logout, ID: "3", Owner: "a", Expires: clock.Now().Add(3 * time.Hour)},
		{Kind: record.Logout, ID: "4", Expires: clock.Now().Add(time.Hour)},
		{Kind: record.Device, ID: "5", Owner: "c"},
	} {
		r.Version, r.State, r.Body = 1, "pending", []byte("body")
		if err := s.Apply(t.Context(), []record.Change{{Next: r}}); err != nil {
			t.Fatal(err)
		}
	}
	owners("a", "b")
	clock.Advance(time.Hour)
	owners("a")
}
