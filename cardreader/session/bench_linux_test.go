package session_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pivot/cardreader"
	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pcsc"
	"pivot/cardreader/readertest"
	"pivot/cardreader/session"
)

func TestMain(m *testing.M) {
	readertest.RunChild(map[string]readertest.CardFunc{"genuine": playGenuine})
	os.Exit(m.Run())
}

// playGenuine is the genuine card under the shared authorities, in the private reader.
func playGenuine(ctx context.Context, args []string, addr string) error {
	pki, err := cardsim.LoadPKI(args[0])
	if err != nil {
		return err
	}
	persona, err := cardsim.FindPersona("genuine")
	if err != nil {
		return err
	}
	card, err := cardsim.New(pki, persona)
	if err != nil {
		return err
	}
	return cardsim.Dial(ctx, addr, card)
}

// BenchmarkProveThroughPCSC is a whole card session through the real daemon and the virtual reader, connection included,
// the simulated card's own arithmetic too.
func BenchmarkProveThroughPCSC(b *testing.B) {
	trust, err := os.MkdirTemp("", "trust")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(trust)
	if err := simtest.PKI(b).Save(trust); err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "pcsc")
	if err != nil {
		b.Fatal(err)
	}
	defer os.RemoveAll(dir)
	b.Setenv("PCSCLITE_CSOCK_NAME", filepath.Join(dir, "pcscd", "pcscd.comm"))
	if _, err := cardreader.List(b.Context()); errors.Is(err, pcsc.ErrNotBuilt) {
		b.Skipf("skipped: %v", err)
	}
	readertest.Require(b, readertest.Options{Dir: dir, Card: "genuine", Args: []string{trust}})
	name, err := cardreader.Find(b.Context(), "", time.Minute, func(cardreader.Problem) {})
	if err != nil {
		b.Fatal(err)
	}
	first := newVerifier(b)
	if _, err := proveOnce(b, name, first, false); err != nil {
		b.Fatal(err)
	}
	memory := first.check.Report().Memory
	for _, tc := range []struct {
		name   string
		memory []byte
		short  bool
	}{{"first", nil, false}, {"first-short", nil, true}, {"known", memory, false}} {
		b.Run(tc.name, func(b *testing.B) {
			var times []time.Duration
			var apdus int
			for b.Loop() {
				v := newVerifier(b)
				v.memory = tc.memory
				began := time.Now()
				n, err := proveOnce(b, name, v, tc.short)
				if err != nil {
					b.Fatal(err)
				}
				times, apdus = append(times, time.Since(began)), n
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
			b.ReportMetric(float64(apdus), "apdus")
		})
	}
}

func proveOnce(b *testing.B, reader string, v *verifier, short bool) (int, error) {
	b.Helper()
	card, err := cardreader.Open(b.Context(), reader)
	if err != nil {
		return 0, err
	}
	defer card.Close()
	meter := session.NewMeter(card)
	err = session.Prove(b.Context(), meter, session.Request{Password: digits(b, "genuine"), Known: v.memory != nil, Short: short}, v)
	return meter.APDUs(), err
}
