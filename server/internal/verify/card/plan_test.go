package card_test

import (
	"slices"
	"testing"

	"pivot/server/internal/verify/card"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	chip, err := card.Examine(s.record(t).evidence, s.policy, s.at)
	if err != nil {
		t.Fatal(err)
	}
	one := []card.Group{{Number: 1}}
	for _, tc := range []struct {
		name string
		plan card.Plan
		want int // commands; 0 when refused
	}{
		{"DG1", card.Plan{Groups: one}, 1},
		{"DG1 of no size", card.Plan{Groups: []card.Group{{Number: 1, Size: -1}}}, 1},
		{"DG1 of a huge size", card.Plan{Groups: []card.Group{{Number: 1, Size: 1 << 40}}}, 1},
		{"negative reach", card.Plan{Groups: one, Extended: true, MaxResponse: -1 << 40, Block: -1}, 1},
		{"tiny blocks are made larger", card.Plan{Groups: one, Block: 1}, 7},
		{"DG13 in short blocks", card.Plan{Groups: []card.Group{{Number: 13}}}, 5},
		{"a long reach counts only with extended length", card.Plan{Groups: []card.Group{{Number: 13}}, MaxResponse: 4096}, 5},
		{"DG13 at once", card.Plan{Groups: []card.Group{{Number: 13}}, Extended: true, MaxResponse: 4096}, 1},
		{"DG2 in the largest blocks", card.Plan{Groups: []card.Group{{Number: 2}}, Extended: true, MaxResponse: 1 << 30}, 1},
		{"DG2 in short blocks", card.Plan{Groups: []card.Group{{Number: 2}}}, 111},
		{"nothing", card.Plan{}, 0},
		{"a group that is never read", card.Plan{Groups: []card.Group{{Number: 3}}}, 0},
		{"a group that the card lacks", card.Plan{Groups: []card.Group{{Number: 11}}}, 0},
		{"a group twice", card.Plan{Groups: []card.Group{{Number: 1}, {Number: 1}}}, 0},
		{"group 0", card.Plan{Groups: []card.Group{{Number: 0}}}, 0},
		{"group -1", card.Plan{Groups: []card.Group{{Number: -1}}}, 0},
		{"more commands than a batch holds", card.Plan{Groups: []card.Group{{Number: 2}}, Block: 40}, 0},
		{"a list without end", card.Plan{Groups: slices.Repeat(one, 1<<20)}, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, challenge, err := chip.Challenge(tc.plan)
			if tc.want == 0 {
				if r := refusal(t, err); r.Reason != card.ReasonPlan {
					t.Errorf("refused for %s", r.Reason)
				}
				return
			}
			if err != nil || len(challenge.Batch) != tc.want {
				t.Errorf("%d commands, want %d: %v", len(challenge.Batch), tc.want, err)
			}
		})
	}
}

func TestZeroReadingConcludesNothing(t *testing.T) {
	t.Parallel()
	v, err := new(card.Reading).Conclude(card.NotReported, nil)
	if refusal(t, err); v != nil {
		t.Error("a verdict without a reading")
	}
}

func TestSessionJudgesOnce(t *testing.T) {
	t.Parallel()
	s := genuine(t)
	r := s.record(t)
	open, err := card.Resume(r.sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open.Judge(r.responses, s.policy, s.at); err != nil {
		t.Fatalf("positive control: %v", err)
	}
	if _, err := open.Judge(r.responses, s.policy, s.at); err == nil {
		t.Error("judged twice")
	}
}

// TestIssuersInAnyOrder has two rows for one State: its signers' certificates may name two countries.
func TestIssuersInAnyOrder(t *testing.T) {
	t.Parallel()
	for _, countries := range [][]string{{"FR", "DE"}, {"DE", "FR"}} {
		s := genuine(t)
		s.policy.Issuers = nil
		for _, c := range countries {
			s.policy.Issuers = append(s.policy.Issuers, card.Issuer{State: "FRA", Country: c, Codes: []string{"ID"}})
		}
		if _, err := s.play(t); err != nil {
			t.Errorf("%v: %v", countries, err)
		}
	}
}
