package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"

	"pivot/server/internal/audit"
)

const checkpointSet = "checkpoint"

// checkpointRecord is the key of the audit log as it rests, sealed.
type checkpointRecord struct {
	Seed   []byte `json:"seed"`   // RFC 8032 §5.1.5
	Public []byte `json:"public"` // read on its own, so that a damaged seed is noticed
}

// CreateCheckpoint makes the Ed25519 key that signs the checkpoints of the
// audit log, and writes it. It must not exist. It is generated, never derived
// (RGS annex B2), and not rotated: witnesses hold its public half.
func (f *Folder) CreateCheckpoint(origin string) (audit.Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return audit.Key{}, fmt.Errorf("keys: generate: %w", err)
	}
	k, err := audit.NewKey(origin, private)
	if err != nil {
		return audit.Key{}, fmt.Errorf("keys: %w", err)
	}
	if err := f.store(checkpointSet, checkpointRecord{private.Seed(), public}, true); err != nil {
		return audit.Key{}, err
	}
	return k, nil
}

// LoadCheckpoint reads the key of the audit log and names it by its origin. A
// key that does not exist is fs.ErrNotExist.
func (f *Folder) LoadCheckpoint(origin string) (audit.Key, error) {
	var r checkpointRecord
	if err := f.load(checkpointSet, &r); err != nil {
		return audit.Key{}, err
	}
	private, err := r.key()
	if err != nil {
		return audit.Key{}, fmt.Errorf("keys: set %q: %w", checkpointSet, err)
	}
	k, err := audit.NewKey(origin, private)
	if err != nil {
		return audit.Key{}, fmt.Errorf("keys: %w", err)
	}
	return k, nil
}

// key puts the halves together once they have signed and verified.
func (r checkpointRecord) key() (ed25519.PrivateKey, error) {
	if len(r.Seed) != ed25519.SeedSize || len(r.Public) != ed25519.PublicKeySize {
		return nil, errors.New("key of another length")
	}
	private, test := ed25519.NewKeyFromSeed(r.Seed), []byte("pivot: pair-wise consistency test")
	if !ed25519.Verify(r.Public, test, ed25519.Sign(private, test)) {
		return nil, errors.New("halves that do not belong together")
	}
	return private, nil
}
