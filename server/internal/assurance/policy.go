package assurance

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Contribution is everything that contributed to one transaction, as a verifier concluded it.
type Contribution struct {
	Evidence    Evidence
	Activations []Activation // one for each means of ours that contributed: card, device key, PIN, credential
	Hop         bool         // the browser that began was shown to run beside the companion
	Upstream    Level        // what the identity provider returned and its record allows; zero for all other evidence
}

// ErrRefused is the error of a contribution that reaches no level at all.
var ErrRefused = errors.New("assurance: the evidence reaches no level")

// Policy is the table of one deployment. Its zero value is no table and refuses everything.
type Policy struct {
	ceilings map[string]Level // by row name; never changed once set
}

// Default returns the policy with no row lowered.
func Default() Policy {
	p := Policy{ceilings: make(map[string]Level)}
	for _, r := range slices.Concat(Rows(), Activations()) {
		p.ceilings[r.Name] = r.Ceiling
	}
	return p
}

// Lower returns the policy with the rows named in overrides lowered to the levels given. Errors: a name that is no
// row, a level that is none of the three, or one above the row's ceiling in p; nothing is lowered then.
func (p Policy) Lower(overrides map[string]Level) (Policy, error) {
	out := Policy{ceilings: maps.Clone(p.ceilings)}
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		ceiling, ok := p.ceilings[name]
		level := overrides[name]
		switch {
		case !ok:
			return Policy{}, fmt.Errorf("assurance: %q is not a row of the policy table", name)
		case !level.Valid():
			return Policy{}, fmt.Errorf("assurance: row %q cannot be set to no level", name)
		case level > ceiling:
			return Policy{}, fmt.Errorf("assurance: row %q is at %s and may only be lowered, not set to %s", name, ceiling, level)
		}
		out.ceilings[name] = level
	}
	return out, nil
}

// Level returns the level that a contribution reaches: the lowest ceiling of all rows that it touches (the weakest of
// activation, means and mechanism). Errors, all of them [ErrRefused]: evidence that no row accepts, a means without
// its activation, an upstream level where none belongs or none where one does.
func (p Policy) Level(c Contribution) (Level, error) {
	row, ok := c.Evidence.row()
	if !ok {
		return 0, fmt.Errorf("%w: no evidence", ErrRefused)
	}
	if len(c.Activations) != row.means {
		return 0, fmt.Errorf("%w: %s needs %d activations, not %d", ErrRefused, row.Name, row.means, len(c.Activations))
	}
	names := []string{row.Name}
	for _, a := range c.Activations {
		names = append(names, a.String())
	}
	if row.companion && !c.Hop {
		names = append(names, hopName)
	}
	level := High
	if upstream := c.Evidence == Upstream; upstream != c.Upstream.Valid() {
		return 0, fmt.Errorf("%w: %s with an upstream level of %s", ErrRefused, row.Name, c.Upstream)
	} else if upstream {
		level = c.Upstream
	}
	for _, name := range names {
		level = min(level, p.ceilings[name])
	}
	if !level.Valid() {
		return 0, fmt.Errorf("%w: %s", ErrRefused, row.Name)
	}
	return level, nil
}
