// Package assurance owns the levels of assurance of Commission Implementing Regulation (EU) 2015/1502 and the policy
// table that says which evidence reaches which of them. The table is data, each row citing its clause; a deployment
// may lower a row and never raise one. The package knows nothing of how evidence is verified: see package verify.
package assurance

import "fmt"

// Level is a level of assurance. Its zero value is no level, which nothing satisfies.
type Level uint8

// The levels, in order, with the value of the OpenID Connect claim acr that names each.
const (
	Low         Level = iota + 1 // eidas1
	Substantial                  // eidas2
	High                         // eidas3
)

// ParseLevel reads an acr value: exactly eidas1, eidas2 or eidas3. Errors: anything else.
func ParseLevel(acr string) (Level, error) {
	for l := Low; l <= High; l++ {
		if acr == l.String() {
			return l, nil
		}
	}
	return 0, fmt.Errorf("assurance: unknown level %q", acr)
}

// Valid reports whether l is one of the three levels.
func (l Level) Valid() bool { return l >= Low && l <= High }

// String returns the acr value, or "none" for what is no level.
func (l Level) String() string {
	if !l.Valid() {
		return "none"
	}
	return fmt.Sprintf("eidas%d", uint8(l))
}
