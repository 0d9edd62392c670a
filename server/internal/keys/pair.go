package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// maxPairs bounds a set: next, current and the retired ones.
const maxPairs = 16

// A pair is one ES256 key and its state. It is never changed.
type pair struct {
	Key     Key
	private *ecdsa.PrivateKey
	public  *ecdsa.PublicKey // read from its own record, so that a damaged private key is noticed
}

// record is a pair as it rests, sealed.
type record struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Private   []byte `json:"private"` // the scalar, 32 bytes (SEC 1 §2.3.7)
	Public    []byte `json:"public"`  // the point, uncompressed (SEC 1 §2.3.3)
	State     string `json:"state"`
	Published int64  `json:"published"` // milliseconds since 1970, as all times here
	Used      int64  `json:"used,omitempty"`
	Retired   int64  `json:"retired,omitempty"`
}

// newPair generates a key, published from now.
func newPair(now time.Time) (*pair, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("keys: generate: %w", err)
	}
	id, err := thumbprint(&private.PublicKey)
	if err != nil {
		return nil, err
	}
	p := &pair{private: private, public: &private.PublicKey, Key: Key{ID: id, State: Next, Published: milli(now)}}
	if err := p.test(); err != nil {
		return nil, err
	}
	return p, nil
}

func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// thumbprint names a key by its public part (RFC 7638 §3).
func thumbprint(public *ecdsa.PublicKey) (string, error) {
	k := jose.JSONWebKey{Key: public}
	digest, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("keys: thumbprint: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(digest), nil
}

// jwk returns the public key as it is published.
func (p *pair) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: p.public, KeyID: p.Key.ID, Use: "sig", Algorithm: string(jose.ES256)}
}

func records(pairs []*pair) ([]record, error) {
	out := make([]record, 0, len(pairs))
	for _, p := range pairs {
		private, err := p.private.Bytes()
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		public, err := p.public.Bytes()
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		out = append(out, record{
			ID: p.Key.ID, Algorithm: string(jose.ES256), Private: private, Public: public, State: p.Key.State.String(),
			Published: unixMilli(p.Key.Published), Used: unixMilli(p.Key.Used), Retired: unixMilli(p.Key.Retired),
		})
	}
	return out, nil
}

// parseRecords accepts what rotations can have written and nothing else.
func parseRecords(rs []record) ([]*pair, error) {
	if len(rs) < 2 || len(rs) > maxPairs {
		return nil, fmt.Errorf("%d keys, 2 to %d", len(rs), maxPairs)
	}
	seen := make(map[string]bool, len(rs))
	out := make([]*pair, 0, len(rs))
	for i, r := range rs {
		want := min(State(i)+Next, Retired) // next, current, retired, retired, ...
		if r.State != want.String() {
			return nil, fmt.Errorf("key %q is %q, where the %v one belongs", r.ID, r.State, want)
		}
		if seen[r.ID] {
			return nil, fmt.Errorf("key %q twice", r.ID)
		}
		seen[r.ID] = true
		p, err := r.parse(want)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", r.ID, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (r record) parse(state State) (*pair, error) {
	if r.Algorithm != string(jose.ES256) {
		return nil, fmt.Errorf("algorithm %q", r.Algorithm)
	}
	if !r.dated(state) {
		return nil, fmt.Errorf("its times are not those of a key that is %v", state)
	}
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), r.Private)
	if err != nil {
		return nil, errors.New("not a private key")
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), r.Public)
	if err != nil {
		return nil, errors.New("not a public key")
	}
	id, err := thumbprint(public)
	if err != nil {
		return nil, err
	}
	if id != r.ID {
		return nil, errors.New("its name is not that of its public key")
	}
	p := &pair{private: private, public: public, Key: Key{
		ID: id, State: state, Published: fromMilli(r.Published), Used: fromMilli(r.Used), Retired: fromMilli(r.Retired),
	}}
	return p, p.test()
}

// dated reports whether the times fit the state: published, then used, then
// retired.
func (r record) dated(state State) bool {
	switch state {
	case Next:
		return r.Published > 0 && r.Used == 0 && r.Retired == 0
	case Current:
		return r.Published > 0 && r.Used >= r.Published && r.Retired == 0
	default:
		return r.Published > 0 && r.Used >= r.Published && r.Retired >= r.Used
	}
}

func unixMilli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
