package flow_test

import (
	"testing"

	"pivot/app/internal/flow"
	"pivot/assets"
	"pivot/cardreader/cardsim/simtest"
)

// TestLacking: a computer that reaches nothing before the desk is told so, in every language; any other is not.
func TestLacking(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		out  flow.Outcome
		want bool
	}{
		{"names to compare", flow.Outcome{Level: "none", Reference: "KMNP-QRST"}, true},
		{"names in full", flow.Outcome{Level: "eidas1", Reference: "KMNP-QRST"}, false},
		{"no desk to go to", flow.Outcome{Level: "none"}, false},
		{"a login", flow.Outcome{Level: "eidas3", Service: "S"}, false},
	} {
		id := tc.out.Lacking()
		if (id != "") != tc.want {
			t.Errorf("%s: %q", tc.name, id)
		}
		for _, lang := range assets.Languages() {
			speaker, err := assets.NewSpeaker(lang.String())
			if err != nil {
				t.Fatal(err)
			}
			if id != "" && !speaker.Has(id) {
				t.Errorf("%v: no sentence for %s", lang, id)
			}
		}
	}
}

// TestHiddenFile: the app hands in what there is of a card, and the broker says what is missing.
func TestHiddenFile(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, "genuine"), newCitizen(t)
	s.table.card = simtest.Card(s.broker.t, "clone-no-dg14")
	_, err := s.companion.Pair(t.Context(), s.confirming(c), "ABCD-EFGH", "")
	if f := failure(t, err); f.Problem != "card-refused" || f.Reason != "chip-authentication-hidden" {
		t.Errorf("%s %s: %v", f.Problem, f.Reason, f)
	}
}
