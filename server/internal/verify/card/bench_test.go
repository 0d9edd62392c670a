package card_test

import (
	"context"
	"testing"

	"pivot/cardreader/session"
	"pivot/server/internal/verify/card"
)

// recording keeps what a genuine card gave, so that a benchmark measures the verifier alone.
type recording struct {
	judge
	evidence  card.Evidence
	responses [][]byte
}

func (r *recording) Challenge(ctx context.Context, e session.Evidence, reach session.Reach) (session.Challenge, error) {
	r.evidence = card.Evidence(e)
	return r.judge.Challenge(ctx, e, reach)
}

func (r *recording) Answer(ctx context.Context, responses [][]byte) error {
	r.responses = responses
	return r.judge.Answer(ctx, responses)
}

// BenchmarkProof judges one genuine card from open to verdict, as a broker does at a first login, and from memory, as it
// does at the next ones.
func BenchmarkProof(b *testing.B) {
	s := genuine(b)
	r := s.record(b)
	open := r.sealed
	memory := remembered(b, s)
	plan := card.Plan{Extended: true, MaxResponse: 4096, Groups: []card.Group{{Number: 1}}}
	finish := func(chip *card.Chip, err error) {
		if err != nil {
			b.Fatal(err)
		}
		fresh, _, err := chip.Challenge(plan)
		if err != nil {
			b.Fatal(err)
		}
		fresh.Marshal()
		resumed, err := card.Resume(open)
		if err != nil {
			b.Fatal(err)
		}
		reading, err := resumed.Judge(r.responses, s.policy, s.at)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := reading.Conclude(card.NotReported, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			finish(card.Examine(r.evidence, s.policy, s.at))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			finish(card.Recall(memory, s.policy, s.at))
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proofs/s")
	})
}
