package archtest

import (
	"cmp"
	"go/token"
	"io/fs"
	"slices"
)

// Check parses the module at the root of the tree and returns everything in it
// that breaks the policy, sorted by file and line. The error says that the tree
// could not be read or parsed.
func Check(root fs.FS, policy Policy) ([]Violation, error) {
	t, err := load(root)
	if err != nil {
		return nil, err
	}
	c := &checker{tree: t, policy: policy, used: make(map[int]bool)}
	c.reasons()
	c.modules()
	for _, p := range t.packages {
		c.imports(p)
		c.sizes(p)
		c.manners(p)
	}
	c.coreTests()
	c.staleExceptions()
	slices.SortFunc(c.found, func(a, b Violation) int {
		return cmp.Or(cmp.Compare(a.Pos.Filename, b.Pos.Filename), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Text, b.Text))
	})
	return c.found, nil
}

// checker gathers what one run finds.
type checker struct {
	tree   *tree
	policy Policy
	used   map[int]bool // exceptions that were needed, by index
	found  []Violation
}

func (c *checker) report(pos token.Position, rule, text, reason string) {
	c.found = append(c.found, Violation{Pos: pos, Rule: rule, Text: text, Reason: reason})
}

// reasons refuses a row of the policy that does not say why it is there, and
// an exception beyond the last bound.
func (c *checker) reasons() {
	row := func(name, reason string) {
		if reason == "" {
			c.report(token.Position{Filename: "policy"}, "reason", "the row for "+name+" has none", "a rule that cannot be argued with cannot be trusted")
		}
	}
	for _, a := range c.policy.Arrows {
		row(a.From, a.Reason)
	}
	for _, f := range c.policy.Forbidden {
		row(f.From[0], f.Reason)
	}
	for _, f := range c.policy.Fences {
		row(f.Import, f.Reason)
	}
	for _, s := range c.policy.Selectors {
		row(s.Import, s.Reason)
	}
	for _, m := range c.policy.Modules {
		row(m.Path, m.Reason)
	}
	for _, e := range c.policy.Exceptions {
		row(e.Where, e.Reason)
		if e.Rule == ruleFields && e.Limit > c.policy.Budget.FieldsEver {
			c.report(token.Position{Filename: "policy"}, ruleFields, "the exception for "+e.Where+" is too wide", "a struct that everything hangs off cannot be tested in parts")
		}
	}
}
