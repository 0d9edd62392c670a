package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
)

// BenchmarkTransition advances logins, each with its audit entry, durably: SQLite, synchronous=FULL. Beside the mean it
// gives how many a second, and how long the slowest in a hundred took. BenchmarkSync is what the disk allows.
func BenchmarkTransition(b *testing.B) {
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) { transitions(b, callers) })
	}
}

func transitions(b *testing.B, callers int) {
	o := options(b.TempDir(), [32]byte{1})
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	took := make([][]time.Duration, callers)
	states := make([]txn.State, callers)
	logins := make([]storetest.Login, callers)
	for i := range callers {
		logins[i] = storetest.NewLogin(storetest.IssuerA, o.Now)
		states[i], err = logins[i].Reach(b.Context(), s, txn.NameRedeemed)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ResetTimer()
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for n := i; n < b.N; n += callers {
				next, e, err := logins[i].Next(states[i])
				if err != nil {
					b.Error(err)
					return
				}
				began := time.Now()
				if err := s.Advance(b.Context(), states[i], next, e); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
				states[i] = next
			}
		})
	}
	group.Wait()
	b.StopTimer()
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "transitions/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkSync writes what one transition writes to the log, and has it on disk: the floor under one caller.
func BenchmarkSync(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	for i := 0; b.Loop(); i++ {
		if _, err := file.WriteAt(make([]byte, 6*4096), int64(i%64)*6*4096); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkFind loads a pending transaction among ten thousand.
func BenchmarkFind(b *testing.B) {
	o := options(b.TempDir(), [32]byte{1})
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	logins := begin(b, s, o, 10_000)
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		l := logins[i%len(logins)]
		if _, err := s.Load(b.Context(), l.Issuer, l.ID); err != nil {
			b.Fatal(err)
		}
	}
}

// begin stores so many waiting logins.
func begin(b *testing.B, s *store.Store, o store.Options, n int) []storetest.Login {
	b.Helper()
	logins := make([]storetest.Login, n)
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			for k := i; k < n; k += 64 {
				logins[k] = storetest.NewLogin(storetest.IssuerA, o.Now)
				if _, err := logins[k].Reach(b.Context(), s, txn.NameWaiting); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	return logins
}

// BenchmarkPending measures what a pending transaction and what an audit entry take on disk, over ten thousand of each.
// In memory the store keeps nothing of either.
func BenchmarkPending(b *testing.B) {
	const n = 10_000
	size := func(fill func(s *store.Store, o store.Options)) float64 {
		o := options(b.TempDir(), [32]byte{1})
		s, err := store.Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		fill(s, o)
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(o.Dir, "pivot.db"))
		if err != nil {
			b.Fatal(err)
		}
		return float64(info.Size())
	}
	for b.Loop() {
		empty := size(func(*store.Store, store.Options) {})
		entries := size(func(s *store.Store, o store.Options) {
			var group sync.WaitGroup
			for range 64 {
				group.Go(func() {
					for range n / 64 {
						_, e, err := storetest.NewLogin(storetest.IssuerA, o.Now).First()
						if err == nil {
							err = s.Record(b.Context(), e)
						}
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
		})
		logins := size(func(s *store.Store, o store.Options) { begin(b, s, o, n) })
		b.ReportMetric((entries-empty)/(n/64*64), "B/entry")
		b.ReportMetric((logins-entries)/n, "B/pending")
	}
}

// BenchmarkSequence numbers waiting entries into the tree, in batches of up to 64, with a checkpoint each.
func BenchmarkSequence(b *testing.B) {
	o := options(b.TempDir(), [32]byte{1})
	s, err := store.Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	key := storetest.NewKey(b)
	for b.Loop() {
		b.StopTimer()
		var group sync.WaitGroup
		for range 64 {
			group.Go(func() {
				if err := s.Record(b.Context(), audit.Entry{Event: audit.TokenUsed, At: o.Now()}); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
		b.StartTimer()
		if _, err := s.Sequence(b.Context(), key); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*64/b.Elapsed().Seconds(), "entries/s")
}
