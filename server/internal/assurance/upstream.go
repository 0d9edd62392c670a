package assurance

import (
	"errors"
	"slices"
)

// Why an identity provider's level is refused (franceconnect.md 1.4).
var (
	ErrBelow    = errors.New("assurance: the identity provider reached less than it was asked for")
	ErrUnlisted = errors.New("assurance: the identity provider claims a level that is none of its own")
)

// Asked is the level that an identity provider is asked for: the one that the service wants, or the lowest of its own where
// that is higher. No level is asked of one that reaches none, or not enough.
func Asked(wanted Level, own []Level) Level {
	if len(own) == 0 || !wanted.Valid() || wanted > slices.Max(own) {
		return 0
	}
	return max(wanted, slices.Min(own))
}

// Upstreamed judges the level that an identity provider says it reached. Errors: ErrUnlisted, be it higher or lower; ErrBelow.
func Upstreamed(said, asked Level, own []Level) error {
	switch {
	case !said.Valid() || !slices.Contains(own, said):
		return ErrUnlisted
	case !asked.Valid() || said < asked:
		return ErrBelow
	}
	return nil
}
