package assurance_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/assurance"
)

// The words of the table, for tests that read like it.
const (
	refused     = assurance.Level(0)
	eidas1      = assurance.Low
	eidas2      = assurance.Substantial
	eidas3      = assurance.High
	withHop     = true
	withoutHop  = false
	noUpstream  = assurance.Level(0)
	needsNoHop  = false
	lowestLevel = assurance.Low
)

func desk(n int) []assurance.Activation {
	return slices.Repeat([]assurance.Activation{assurance.CardDesk}, n)
}

// TestTable reads like the first table of the design: everything activated in person, so that the evidence decides.
func TestTable(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		evidence    assurance.Evidence
		activations []assurance.Activation
		hop         bool
		upstream    assurance.Level
		want        assurance.Level
	}{
		{assurance.Upstream, nil, needsNoHop, eidas1, eidas1},
		{assurance.Upstream, nil, needsNoHop, eidas2, eidas2},
		{assurance.Upstream, nil, needsNoHop, eidas3, eidas3},
		{assurance.Upstream, nil, needsNoHop, noUpstream, refused},

		{assurance.CardAlone, desk(1), withHop, noUpstream, eidas1},
		{assurance.SoftwareKey, desk(2), withHop, noUpstream, eidas1},
		{assurance.GuardedKey, desk(2), withHop, noUpstream, eidas2},
		{assurance.CardWithKey, desk(3), withHop, noUpstream, eidas3},
		{assurance.WeakCardWithKey, desk(3), withHop, noUpstream, eidas2},

		{assurance.WebAuthnAttested, desk(1), needsNoHop, noUpstream, eidas2},
		{assurance.WebAuthnCertified, desk(1), needsNoHop, noUpstream, eidas3},
		{assurance.WebAuthnUnattested, desk(1), needsNoHop, noUpstream, eidas1},
		{assurance.WebAuthnPresence, desk(1), needsNoHop, noUpstream, refused},

		// Any companion approval without a completed hop: at most eidas2.
		{assurance.CardAlone, desk(1), withoutHop, noUpstream, eidas1},
		{assurance.SoftwareKey, desk(2), withoutHop, noUpstream, eidas1},
		{assurance.GuardedKey, desk(2), withoutHop, noUpstream, eidas2},
		{assurance.CardWithKey, desk(3), withoutHop, noUpstream, eidas2},
		{assurance.WeakCardWithKey, desk(3), withoutHop, noUpstream, eidas2},
	} {
		c := assurance.Contribution{Evidence: row.evidence, Activations: row.activations, Hop: row.hop, Upstream: row.upstream}
		expect(t, assurance.Default(), c, row.want)
	}
}

// TestActivationTable reads like the second table: evidence that reaches eidas3, so that the activation decides.
func TestActivationTable(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		activation assurance.Activation
		want       assurance.Level
	}{
		{assurance.LoginLow, eidas1},
		{assurance.LoginSubstantial, eidas2},
		{assurance.LoginHigh, eidas3},
		{assurance.CardMatch, eidas1},
		{assurance.CardPost, eidas2},
		{assurance.CardDesk, eidas3},
	} {
		expect(t, assurance.Default(), assurance.Contribution{
			Evidence: assurance.WebAuthnCertified, Activations: []assurance.Activation{row.activation},
		}, row.want)
		// The weakest of three decides, wherever it stands.
		for place := range 3 {
			all := desk(3)
			all[place] = row.activation
			expect(t, assurance.Default(), assurance.Contribution{
				Evidence: assurance.CardWithKey, Activations: all, Hop: true,
			}, row.want)
		}
	}
}

func expect(t *testing.T, p assurance.Policy, c assurance.Contribution, want assurance.Level) {
	t.Helper()
	got, err := p.Level(c)
	if got != want {
		t.Errorf("%+v: %s, want %s", c, got, want)
	}
	if (err != nil) != (want == refused) {
		t.Errorf("%+v: error %v", c, err)
	}
	if err != nil && !errors.Is(err, assurance.ErrRefused) {
		t.Errorf("%+v: error %v is not ErrRefused", c, err)
	}
}

// TestIncomplete changes one field of a contribution that is good for eidas3.
func TestIncomplete(t *testing.T) {
	t.Parallel()
	base := func() assurance.Contribution {
		return assurance.Contribution{Evidence: assurance.CardWithKey, Activations: desk(3), Hop: true}
	}
	expect(t, assurance.Default(), base(), eidas3)
	for _, row := range []struct {
		name   string
		change func(*assurance.Contribution)
	}{
		{"no evidence", func(c *assurance.Contribution) { c.Evidence = 0 }},
		{"unknown evidence", func(c *assurance.Contribution) { c.Evidence = assurance.WebAuthnPresence + 1 }},
		{"no activation", func(c *assurance.Contribution) { c.Activations = nil }},
		{"the PIN's activation forgotten", func(c *assurance.Contribution) { c.Activations = desk(2) }},
		{"one activation too many", func(c *assurance.Contribution) { c.Activations = desk(4) }},
		{"the zero activation", func(c *assurance.Contribution) { c.Activations[1] = 0 }},
		{"an unknown activation", func(c *assurance.Contribution) { c.Activations[2] = assurance.CardDesk + 1 }},
		{"an upstream level beside it", func(c *assurance.Contribution) { c.Upstream = eidas3 }},
		{"upstream with activations", func(c *assurance.Contribution) { c.Evidence, c.Upstream = assurance.Upstream, eidas3 }},
		{"upstream of an unknown level", func(c *assurance.Contribution) {
			*c = assurance.Contribution{Evidence: assurance.Upstream, Upstream: eidas3 + 1}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c := base()
			row.change(&c)
			expect(t, assurance.Default(), c, refused)
		})
	}
	expect(t, assurance.Policy{}, base(), refused)
	expect(t, assurance.Policy{}, assurance.Contribution{Evidence: assurance.Upstream, Upstream: eidas1}, refused)
}

// TestNoGrade: a means without a grade reaches nothing, with any evidence, wherever it stands.
func TestNoGrade(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		evidence assurance.Evidence
		means    int
		control  assurance.Level
	}{
		{assurance.CardAlone, 1, eidas1},
		{assurance.SoftwareKey, 2, eidas1},
		{assurance.GuardedKey, 2, eidas2},
		{assurance.CardWithKey, 3, eidas3},
		{assurance.WeakCardWithKey, 3, eidas2},
		{assurance.WebAuthnAttested, 1, eidas2},
		{assurance.WebAuthnCertified, 1, eidas3},
		{assurance.WebAuthnUnattested, 1, eidas1},
	} {
		c := assurance.Contribution{Evidence: row.evidence, Activations: desk(row.means), Hop: true}
		expect(t, assurance.Default(), c, row.control)
		for place := range row.means {
			c.Activations = desk(row.means)
			c.Activations[place] = 0
			expect(t, assurance.Default(), c, refused)
		}
		c.Activations = make([]assurance.Activation, row.means)
		expect(t, assurance.Default(), c, refused)
	}
	if _, err := assurance.Default().Lower(map[string]assurance.Level{assurance.Activation(0).String(): eidas1}); err == nil {
		t.Error("a configuration makes a row of no grade")
	}
}

// TestNeverAbove tries every combination: nothing reaches more than the lowest ceiling of the rows it touches, and more
// evidence of the same kind never comes from a hop that is missing.
func TestNeverAbove(t *testing.T) {
	t.Parallel()
	rows, activations, p := assurance.Rows(), assurance.Activations(), assurance.Default()
	accepted := 0
	for e := assurance.Upstream; e.Valid(); e++ {
		for means := range 4 {
			for a := assurance.LoginLow; a.Valid(); a++ {
				for _, hop := range []bool{false, true} {
					c := assurance.Contribution{
						Evidence: e, Activations: slices.Repeat([]assurance.Activation{a}, means), Hop: hop,
					}
					level, err := p.Level(c)
					if err != nil {
						continue
					}
					accepted++
					if level > rows[e-1].Ceiling || level > activations[a-1].Ceiling {
						t.Errorf("%+v reaches %s", c, level)
					}
					c.Hop = true
					if better, err := p.Level(c); err != nil || better < level {
						t.Errorf("%+v: %s with the hop, %s without", c, better, level)
					}
				}
			}
		}
	}
	if want := 8 * 6 * 2; accepted != want { // eight kinds of evidence of ours reach a level
		t.Errorf("%d combinations accepted, want %d", accepted, want)
	}
}

func TestRowsAreComplete(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, r := range slices.Concat(assurance.Rows(), assurance.Activations()) {
		if r.Name == "" || r.Clause == "" || r.Text == "" || names[r.Name] {
			t.Errorf("row %+v is not complete, or there twice", r)
		}
		if r.Ceiling != 0 && !r.Ceiling.Valid() {
			t.Errorf("row %s has no ceiling", r.Name)
		}
		if strings.Contains(r.Text, "—") || strings.HasSuffix(r.Text, ".") {
			t.Errorf("row %s: %q", r.Name, r.Text)
		}
		names[r.Name] = true
	}
	for e := assurance.Upstream; e.Valid(); e++ {
		if assurance.Rows()[e-1].Name != e.String() {
			t.Errorf("evidence %d is %s", e, e)
		}
	}
	if n := len(assurance.Rows()); n != int(assurance.WebAuthnPresence)+1 {
		t.Errorf("%d rows: one for each evidence and one for the hop", n)
	}
	for a := assurance.LoginLow; a.Valid(); a++ {
		if assurance.Activations()[a-1].Name != a.String() {
			t.Errorf("activation %d is %s", a, a)
		}
	}
	assurance.Rows()[0].Ceiling = 0
	assurance.Activations()[0].Ceiling = 0
	if assurance.Rows()[0].Ceiling == 0 || assurance.Activations()[0].Ceiling == 0 {
		t.Error("the table can be changed from outside")
	}
	if assurance.Evidence(0).String() != "none" || assurance.Activation(99).String() != "none" {
		t.Error("what is no row has a name")
	}
}

func TestLower(t *testing.T) {
	t.Parallel()
	overrides := map[string]assurance.Level{"card-key-pin": eidas2, "card-desk": eidas2, "webauthn-certified": eidas3}
	before := assurance.Default()
	lowered, err := before.Lower(overrides)
	if err != nil {
		t.Fatal(err)
	}
	c := assurance.Contribution{Evidence: assurance.CardWithKey, Activations: desk(3), Hop: true}
	expect(t, lowered, c, eidas2)
	expect(t, before, c, eidas3)
	w := assurance.Contribution{Evidence: assurance.WebAuthnCertified, Activations: []assurance.Activation{assurance.LoginHigh}}
	expect(t, lowered, w, eidas3)
	maps.Copy(overrides, map[string]assurance.Level{"webauthn-certified": lowestLevel})
	expect(t, lowered, w, eidas3) // the map was not kept
	hop, err := before.Lower(map[string]assurance.Level{"companion-without-hop": eidas1})
	if err != nil {
		t.Fatal(err)
	}
	c.Hop = false
	expect(t, hop, c, eidas1)
}

func TestLowerRefuses(t *testing.T) {
	t.Parallel()
	once, err := assurance.Default().Lower(map[string]assurance.Level{"upstream": eidas2})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		policy assurance.Policy
		row    string
		level  assurance.Level
	}{
		{"raising", assurance.Default(), "card-alone", eidas2},
		{"raising what is refused", assurance.Default(), "webauthn-presence", eidas1},
		{"raising what was lowered before", once, "upstream", eidas3},
		{"an unknown row", assurance.Default(), "card-alon", eidas1},
		{"no level", assurance.Default(), "card-alone", refused},
		{"beyond the levels", assurance.Default(), "upstream", eidas3 + 1},
		{"a row of the zero policy", assurance.Policy{}, "card-alone", eidas1},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			// A good override beside the bad one is not applied either.
			p, err := row.policy.Lower(map[string]assurance.Level{row.row: row.level, "card-post": eidas1})
			if err == nil {
				t.Fatal("accepted")
			}
			expect(t, p, assurance.Contribution{Evidence: assurance.CardAlone, Activations: desk(1)}, refused)
		})
	}
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for _, l := range []assurance.Level{eidas1, eidas2, eidas3} {
		if got, err := assurance.ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("%s: %s, %v", l, got, err)
		}
	}
	for _, acr := range []string{"", "eidas0", "eidas4", "eidas01", "Eidas1", "eidas1 ", "none", "eidas1 eidas2"} {
		if l, err := assurance.ParseLevel(acr); err == nil {
			t.Errorf("%q read as %s", acr, l)
		}
	}
	if refused.Valid() || refused.String() != "none" || (eidas3 + 1).Valid() || !(eidas1 < eidas2 && eidas2 < eidas3) {
		t.Error("the levels are not three, in order")
	}
}

func FuzzParseLevel(f *testing.F) {
	f.Add("eidas1")
	f.Add("eidas3 eidas2")
	f.Fuzz(func(t *testing.T, acr string) {
		if l, err := assurance.ParseLevel(acr); err == nil && (l.String() != acr || !l.Valid()) {
			t.Errorf("%q read as %s", acr, l)
		}
	})
}

// A citizen who paired a phone after an eidas2 login, and now approves with its guarded key and the PIN.
func ExamplePolicy_Level() {
	level, err := assurance.Default().Level(assurance.Contribution{
		Evidence:    assurance.GuardedKey,
		Activations: []assurance.Activation{assurance.LoginSubstantial, assurance.LoginSubstantial},
	})
	fmt.Println(level, err)
	// Output: eidas2 <nil>
}
