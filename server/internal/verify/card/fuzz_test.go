package card_test

import (
	"bytes"
	"testing"

	"pivot/server/internal/verify/card"
)

// FuzzExamine has a companion upload anything: it must be refused unless it is the genuine evidence.
func FuzzExamine(f *testing.F) {
	s := genuine(f)
	r := s.record(f)
	f.Add(r.evidence.CardAccess, r.evidence.DG14, r.evidence.SOD)
	f.Add([]byte{}, []byte{}, []byte{})
	f.Add(r.evidence.CardAccess, []byte{}, r.evidence.SOD)
	f.Add(r.evidence.DG14, r.evidence.DG14, r.evidence.SOD)
	f.Fuzz(func(t *testing.T, access, dg14, sod []byte) {
		chip, err := card.Examine(card.Evidence{CardAccess: access, DG14: dg14, SOD: sod}, s.policy, s.at)
		if (chip == nil) == (err == nil) {
			t.Fatalf("chip %v, error %v", chip != nil, err)
		}
		if err == nil && !bytes.Equal(dg14, r.evidence.DG14) {
			t.Error("another DG14 than the signed one is accepted")
		}
	})
}

// FuzzJudge has a companion bring anything back: no verdict without the chip's own responses.
func FuzzJudge(f *testing.F) {
	s := genuine(f)
	r := s.record(f)
	f.Add(r.responses[0])
	f.Add([]byte{0x90, 0x00})
	f.Add([]byte{0x69, 0x88})
	f.Add(append(bytes.Clone(r.responses[0]), 0x90, 0x00))
	f.Fuzz(func(t *testing.T, response []byte) {
		open, err := card.Resume(r.sealed)
		if err != nil {
			t.Fatal(err)
		}
		_, err = open.Judge([][]byte{response}, s.policy, s.at)
		if (err == nil) != bytes.Equal(response, r.responses[0]) {
			t.Errorf("error %v", err)
		}
	})
}

// FuzzResume and FuzzRecall read what only a broken store could give back: no panic, and what is read is written alike.
func FuzzResume(f *testing.F) {
	f.Add(genuine(f).record(f).sealed)
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		s, err := card.Resume(sealed)
		if err == nil && !bytes.Equal(s.Marshal(), sealed) {
			t.Error("read and written otherwise")
		}
	})
}

// FuzzRecall: see [FuzzResume].
func FuzzRecall(f *testing.F) {
	s := genuine(f)
	f.Add(remembered(f, s))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, memory []byte) {
		chip, err := card.Recall(memory, s.policy, s.at)
		if (chip == nil) == (err == nil) {
			t.Fatalf("chip %v, error %v", chip != nil, err)
		}
	})
}
