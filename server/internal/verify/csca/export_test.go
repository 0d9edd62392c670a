package csca

// Spend looks for a path and tells how many signatures it cost.
func (a *Anchors) Spend(ds *Certificate, extra []*Certificate, when Times) (int, error) {
	s := search{anchors: a, ds: ds, budget: maxChecks}
	_, err := s.path(extra, when)
	return maxChecks - s.budget, err
}

// MaxChecks is the bound.
const MaxChecks = maxChecks
