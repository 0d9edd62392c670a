package assurance_test

import (
	"errors"
	"testing"

	"pivot/server/internal/assurance"
)

// TestB1Upstream is the identity provider's half of row B1: what it is asked for, and which answers are refused.
func TestB1Upstream(t *testing.T) {
	t.Parallel()
	type levels = []assurance.Level
	for _, row := range []struct {
		name         string
		wanted, said assurance.Level
		own          levels
		asked        assurance.Level
		err          error
	}{
		{"what was asked", eidas2, eidas2, levels{eidas2, eidas3}, eidas2, nil},
		{"more than asked", eidas2, eidas3, levels{eidas2, eidas3}, eidas2, nil},
		{"less than asked", eidas3, eidas2, levels{eidas2, eidas3}, eidas3, assurance.ErrBelow},
		{"only eidas3, asked by a service of eidas2", eidas2, eidas3, levels{eidas3}, eidas3, nil},
		{"only eidas3, and less came back", eidas2, eidas2, levels{eidas3}, eidas3, assurance.ErrUnlisted},
		{"above its own", eidas2, eidas3, levels{eidas2}, eidas2, assurance.ErrUnlisted},
		{"below its own", eidas2, eidas1, levels{eidas2}, eidas2, assurance.ErrUnlisted},
		{"below, though its own", eidas2, eidas1, levels{eidas1, eidas2}, eidas2, assurance.ErrBelow},
		{"in any order", eidas1, eidas2, levels{eidas3, eidas2}, eidas2, nil},
		{"no level said", eidas2, 0, levels{eidas2}, eidas2, assurance.ErrUnlisted},
		{"a level that is none", eidas2, eidas3 + 1, levels{eidas2, eidas3 + 1}, eidas2, assurance.ErrUnlisted},
		{"one that does not reach it", eidas3, eidas2, levels{eidas2}, 0, assurance.ErrBelow},
		{"one that reaches nothing", eidas2, eidas2, nil, 0, assurance.ErrUnlisted},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			asked := assurance.Asked(row.wanted, row.own)
			if asked != row.asked {
				t.Errorf("asks for %s, want %s", asked, row.asked)
			}
			if err := assurance.Upstreamed(row.said, asked, row.own); !errors.Is(err, row.err) {
				t.Errorf("%v, want %v", err, row.err)
			}
		})
	}
}
