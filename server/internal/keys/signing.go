package keys

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/token"
)

// State says what a signing key does.
type State uint8

// The states. A key goes through them in this order.
const (
	Next    State = iota + 1 // published, does not sign yet
	Current                  // signs
	Retired                  // published until the last token has expired everywhere
)

var stateNames = [...]string{Next: "next", Current: "current", Retired: "retired"}

// String returns the name of the state, as it is written.
func (s State) String() string {
	if s < Next || s > Retired {
		return "no state"
	}
	return stateNames[s]
}

// A Key is what may be told of a signing key.
type Key struct {
	ID        string // RFC 7638 thumbprint
	State     State
	Published time.Time // since when it is in the key set
	Used      time.Time // since when it signs or signed; zero for the next
	Retired   time.Time // since when it signs no more; zero before
	InToken   bool      // its private half is in a PKCS#11 token
}

// Signing is the set of keys that signs for one issuer: always one current and
// one next, and those retired lately.
type Signing struct {
	folder   *Folder
	set      string
	schedule Schedule

	rotating sync.Mutex // held during a rotation, file included
	mu       sync.RWMutex
	pairs    []*pair // next, current, then retired ones, the latest first
}

// CreateSigning makes the set of an issuer, named by its identifier, and writes
// it. The set must not exist.
func (f *Folder) CreateSigning(issuer string, schedule Schedule) (*Signing, error) {
	s, err := f.signing(issuer, schedule)
	if err != nil {
		return nil, err
	}
	now := f.now()
	next, err := f.newPair(s.set, now)
	if err != nil {
		return nil, err
	}
	current, err := f.newPair(s.set, now)
	if err != nil {
		return nil, errors.Join(err, abandon(next))
	}
	// The very first key signs at once: nobody can hold an older key set.
	current.Key.State, current.Key.Used = Current, next.Key.Published
	pairs := []*pair{next, current}
	if err := s.store(pairs, true); err != nil {
		if !errors.Is(err, errUnsynced) { // then the file names them
			err = errors.Join(err, abandon(pairs...))
		}
		return nil, err
	}
	s.pairs = pairs
	return s, nil
}

// LoadSigning reads the set of an issuer, checks that its keys are a possible
// outcome of rotations, and has each one sign and verify. A set that does not
// exist is fs.ErrNotExist: making one is a decision ([Folder.CreateSigning]).
func (f *Folder) LoadSigning(issuer string, schedule Schedule) (*Signing, error) {
	s, err := f.signing(issuer, schedule)
	if err != nil {
		return nil, err
	}
	var r []record
	if err := f.load(s.set, &r); err != nil {
		return nil, err
	}
	if s.pairs, err = f.parseRecords(s.set, r); err != nil {
		return nil, fmt.Errorf("keys: set %q: %w", s.set, err)
	}
	return s, nil
}

func (f *Folder) signing(issuer string, schedule Schedule) (*Signing, error) {
	set := "signing-" + issuer
	if f.alg() != jose.ES256 {
		set = "signing-" + string(f.alg()) + "-" + issuer
	}
	if err := errors.Join(checkIssuer(issuer), schedule.check()); err != nil {
		return nil, err
	}
	return &Signing{folder: f, set: set, schedule: schedule}, nil
}

func (s *Signing) store(pairs []*pair, fresh bool) error {
	r, err := records(pairs)
	if err != nil {
		return err
	}
	return s.folder.store(s.set, r, fresh)
}

// Signer returns the current key. It stays that key after a rotation, so take
// one for each answer.
func (s *Signing) Signer() token.Signer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return &signer{s.pairs[1]}
}

// SignAs returns the compact JWS of the payload by the current key, with a typ in its header (RFC 7515 §4.1.9): what is
// signed for one purpose must not pass for another. Errors: a typ that is none of ours.
func (s *Signing) SignAs(ctx context.Context, typ string, payload []byte) (string, error) {
	if !slices.Contains(types, typ) {
		return "", fmt.Errorf("keys: %q is not a type of message that is signed", typ)
	}
	s.mu.RLock()
	current := s.pairs[1]
	s.mu.RUnlock()
	return (&signer{current}).sign(ctx, (&jose.SignerOptions{}).WithType(jose.ContentType(typ)), payload)
}

// types are those of messages signed beside tokens, which have none.
var types = []string{"pivot-request+jwt", "token-introspection+jwt", "logout+jwt"}

// Keys returns what may be told of the keys that are published now: next,
// current, retired ones.
func (s *Signing) Keys() []Key {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.folder.now()
	var out []Key
	for _, p := range s.pairs {
		if s.published(p.Key, now) {
			out = append(out, p.Key)
		}
	}
	return out
}

func (s *Signing) published(k Key, now time.Time) bool {
	return k.State != Retired || now.Before(k.Retired.Add(s.schedule.after()))
}

// JWKS returns the key set (RFC 7517 §5) to publish now: the next, the current
// and the retired public keys.
func (s *Signing) JWKS() ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.folder.now()
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, p := range s.pairs {
		if s.published(p.Key, now) {
			set.Keys = append(set.Keys, p.jwk())
		}
	}
	b, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("keys: key set: %w", err)
	}
	return b, nil
}

// Due returns when the next planned rotation is to happen.
func (s *Signing) Due() time.Time {
	s.mu.RLock()
	defer s.mu.RUnlock()
	due := s.pairs[1].Key.Used.Add(s.schedule.Every)
	if ready := s.pairs[0].Key.Published.Add(s.schedule.before()); due.Before(ready) {
		return ready
	}
	return due
}

// Rotate retires the current key, has the next one sign in its place, publishes
// a new next one and forgets the retired keys that nobody needs. It answers once
// all this is on disk, with the new current key; with an error nothing has
// changed, unless it says that the set was replaced. ErrTooSoon: some client may
// not have seen the next key yet.
func (s *Signing) Rotate() (Key, error) {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	now := s.folder.now()
	if ready := s.pairs[0].Key.Published.Add(s.schedule.before()); now.Before(ready) {
		return Key{}, fmt.Errorf("%w: the next key may sign from %s", ErrTooSoon, ready.UTC().Format(time.RFC3339))
	}
	return s.turn(now, true)
}

// Revoke is Rotate for a current key that others may know: it is out of the key
// set at once, and the next one signs at once. Tokens that are alive no longer
// verify, and a client that has not seen the next key must fetch the set again:
// both are better than a forged identity.
func (s *Signing) Revoke() (Key, error) {
	s.rotating.Lock()
	defer s.rotating.Unlock()
	return s.turn(s.folder.now(), false)
}

// turn writes the set after a rotation and adopts it. The caller is the only
// one to change it.
func (s *Signing) turn(now time.Time, keep bool) (Key, error) {
	pairs, err := s.turned(now, keep)
	if err != nil {
		return Key{}, err
	}
	err = s.store(pairs, false)
	// A replaced file is adopted even when it may not be on disk yet: the set
	// before publishes the key that signs from now on as well, so either may
	// survive a crash.
	if err != nil && !errors.Is(err, errUnsynced) {
		return Key{}, errors.Join(err, abandon(pairs[0]))
	}
	s.mu.Lock()
	revoked := s.pairs[1]
	s.pairs = pairs
	s.mu.Unlock()
	if !keep && err == nil { // else the file before may come back, and must sign
		if gone := abandon(revoked); gone != nil {
			err = fmt.Errorf("keys: set %q: replaced, but %w", s.set, gone)
		}
	}
	return pairs[1].Key, err
}

// turned returns the set after a rotation, with the key that was current or
// without. Pairs are immutable: a key that changes state is a new pair.
func (s *Signing) turned(now time.Time, keep bool) ([]*pair, error) {
	next, err := s.folder.newPair(s.set, now)
	if err != nil {
		return nil, err
	}
	current, retired := *s.pairs[0], *s.pairs[1]
	// A clock that was set back must not write a set that cannot be read again.
	current.Key.State, current.Key.Used = Current, later(next.Key.Published, current.Key.Published)
	retired.Key.State, retired.Key.Retired = Retired, later(next.Key.Published, retired.Key.Used)
	pairs := []*pair{next, &current}
	if keep {
		pairs = append(pairs, &retired)
	}
	for _, p := range s.pairs[2:] {
		// A key leaves its token before it leaves the file: one that cannot be
		// destroyed now is destroyed at another rotation. Until the file is
		// replaced it names a retired key that is gone, which signs no more.
		if (s.published(p.Key, now) || p.destroy() != nil) && len(pairs) < maxPairs {
			pairs = append(pairs, p)
		}
	}
	return pairs, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
