package keys

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/keys/internal/hsm"
)

// maxPairs bounds a set: next, current and the retired ones.
const maxPairs = 16

// maxTokenID bounds the identifier of a key in a token.
const maxTokenID = 64

// A pair is one key and its state. It is never changed.
type pair struct {
	Key     Key
	private private
	public  public // read from its own record, so that a damaged private key is noticed
}

// record is a pair as it rests, sealed.
type record struct {
	ID        string `json:"kid"`
	Algorithm string `json:"alg"`
	Private   []byte `json:"private,omitempty"` // the scalar, 32 bytes (SEC 1 §2.3.7; RSA: PKCS #1), or none:
	Token     []byte `json:"token,omitempty"`   // by what identifier a PKCS#11 token has the private half
	Public    []byte `json:"public"`            // the point, uncompressed (SEC 1 §2.3.3; RSA: PKCS #1)
	State     string `json:"state"`
	Published int64  `json:"published"` // milliseconds since 1970, as all times here
	Used      int64  `json:"used,omitempty"`
	Retired   int64  `json:"retired,omitempty"`
}

// newPair generates a key of a set, published from now: in the token where
// there is one.
func (f *Folder) newPair(set string, now time.Time) (*pair, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p := &pair{Key: Key{State: Next, Published: milli(now)}}
	var err error
	switch {
	case f.alg() == jose.RS256:
		p.private, p.public, err = newFactors()
	case f.vault == nil:
		var private *ecdsa.PrivateKey
		if private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err == nil {
			p.private, p.public = scalar{private}, point{&private.PublicKey}
		}
	default:
		var key hsm.Key
		var public *ecdsa.PublicKey
		key, public, err = f.vault.Generate(ctx, label(set))
		p.private, p.public, p.Key.InToken = held{f.vault, key}, point{public}, true
	}
	if err != nil {
		return nil, fmt.Errorf("keys: generate: %w", err)
	}
	if p.Key.ID, err = thumbprint(p.public); err == nil {
		err = p.test(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, abandon(p))
	}
	return p, nil
}

func milli(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

// jwk returns the public key as it is published.
func (p *pair) jwk() jose.JSONWebKey {
	return jose.JSONWebKey{Key: p.public.key(), KeyID: p.Key.ID, Use: "sig", Algorithm: string(p.public.alg())}
}

func records(pairs []*pair) ([]record, error) {
	out := make([]record, 0, len(pairs))
	for _, p := range pairs {
		public, err := p.public.bytes()
		if err != nil {
			return nil, fmt.Errorf("keys: %w", err)
		}
		r := record{
			ID: p.Key.ID, Algorithm: string(p.public.alg()), Public: public, State: p.Key.State.String(),
			Published: unixMilli(p.Key.Published), Used: unixMilli(p.Key.Used), Retired: unixMilli(p.Key.Retired),
		}
		switch private := p.private.(type) {
		case scalar:
			if r.Private, err = private.key.Bytes(); err != nil {
				return nil, fmt.Errorf("keys: %w", err)
			}
		case factors:
			r.Private = x509.MarshalPKCS1PrivateKey(private.PrivateKey)
		case held:
			r.Token = private.key.ID
		}
		out = append(out, r)
	}
	return out, nil
}

// parseRecords accepts what rotations of a set can have written and nothing
// else. Private halves in a token are looked for there.
func (f *Folder) parseRecords(set string, rs []record) ([]*pair, error) {
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
		p, err := f.parse(set, r, want)
		if err != nil {
			return nil, fmt.Errorf("key %q: %w", r.ID, err)
		}
		out = append(out, p)
	}
	return out, nil
}

func (f *Folder) parse(set string, r record, state State) (*pair, error) {
	if r.Algorithm != string(f.alg()) {
		return nil, fmt.Errorf("algorithm %q", r.Algorithm)
	}
	if !r.dated(state) {
		return nil, fmt.Errorf("its times are not those of a key that is %v", state)
	}
	private, err := f.private(set, r)
	if err != nil {
		return nil, err
	}
	public, err := parsePublic(f.alg(), r.Public)
	if err != nil {
		return nil, err
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
		InToken: r.Token != nil,
	}}
	if state == Retired && p.Key.InToken {
		return p, nil // signs no more, and may be gone already: see turned
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return p, p.test(ctx)
}

// private returns the private half of a record.
func (f *Folder) private(set string, r record) (private, error) {
	switch {
	case r.Token == nil:
		return parsePrivate(f.alg(), r.Private)
	case r.Private != nil || len(r.Token) == 0 || len(r.Token) > maxTokenID:
		return nil, errors.New("not one private key")
	case f.vault == nil:
		return nil, errors.New("its private half is in a PKCS#11 token, and none is configured")
	}
	return held{f.vault, hsm.Key{Label: label(set), ID: r.Token}}, nil
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
