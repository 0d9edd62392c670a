package config

import (
	"maps"
	"slices"

	"pivot/server/internal/assurance"
	"pivot/server/internal/config/stricttoml"
)

// policy lowers rows of the table one by one, so that each refusal is told at
// its line.
func (p parser) policy(rows map[string]string) assurance.Policy {
	table := assurance.Default()
	for _, row := range slices.Sorted(maps.Keys(rows)) {
		key := stricttoml.Join("policy", row)
		level, err := assurance.ParseLevel(rows[row])
		if err != nil {
			p.report.Refuse(key, "want eidas1, eidas2 or eidas3")
			continue
		}
		lower, err := table.Lower(map[string]assurance.Level{row: level})
		if err != nil {
			p.report.Refuse(key, "not a row of the policy table, or at a lower level there: a row may only be lowered")
			continue
		}
		table = lower
	}
	return table
}
