package keys

import (
	"errors"
	"fmt"
	"time"
)

// A Schedule says for how long a key is published around its use.
type Schedule struct {
	Cache time.Duration // for how long a client may keep the key set: max-age of the JWKS answer
	Token time.Duration // the longest life of a token
	Skew  time.Duration // by how much a client's clock may be late
	Every time.Duration // planned time between two rotations
}

// check bounds a schedule: a period that is shorter than the overlap would have
// keys retire faster than they are forgotten.
func (s Schedule) check() error {
	const most = 24 * time.Hour
	for _, d := range []time.Duration{s.Cache, s.Token, s.Skew} {
		if d < 0 || d > most {
			return fmt.Errorf("keys: schedule: %v is not between 0 and %v", d, most)
		}
	}
	if s.Cache == 0 || s.Token == 0 {
		return errors.New("keys: schedule: no cache time or no token life")
	}
	if s.Every < s.before()+s.after() {
		return fmt.Errorf("keys: schedule: every %v, but a key is published for %v around its use", s.Every, s.before()+s.after())
	}
	return nil
}

// before is how long a key is published before it signs: by then nobody has an
// older key set, and none of the tokens that made somebody fetch one is alive.
func (s Schedule) before() time.Duration { return max(s.Cache, s.Token) + s.Skew }

// after is how long it is published once it signs no more: the last token must
// have expired everywhere, and whoever fetched the set for it may still look.
func (s Schedule) after() time.Duration { return s.Token + s.Skew + s.Cache }
