// Package keystore keeps what a device needs to be recognised by each broker it was paired with: one file a broker, readable
// by its owner alone, and one key a pairing in the best place that this machine has.
//
// Nothing here is enough to act for the citizen. The PIN is not here and cannot be tried on what is here (DESIGN 8); the
// card is not here. A copy of the folder is noticed by the broker, because each use replaces the ratchet.
package keystore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrUnpaired says that this device was not paired with that broker, or with any.
var ErrUnpaired = errors.New("keystore: not paired with this broker")

// ErrBusy says that another Pivot of this user is at work with the same broker.
var ErrBusy = errors.New("keystore: another pivot is at work with this broker")

// Store is a folder of profiles.
type Store struct {
	dir    string
	forced string // the one protection allowed; empty: the best there is
	makers []maker
}

// DefaultDir gives the folder used when none is named: PIVOT_HOME, else `pivot` in the user's configuration folder.
func DefaultDir() (string, error) {
	if dir := os.Getenv("PIVOT_HOME"); dir != "" {
		return dir, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("keystore: no folder for this user's settings (PIVOT_HOME names one): %w", err)
	}
	return filepath.Join(dir, "pivot"), nil
}

// Open opens the folder dir, or that of [DefaultDir] when dir is empty, and makes it when it is not there. PIVOT_KEYSTORE
// (tpm, keychain or file) forces where new keys are made; another value is an error, for a typing mistake must not choose
// a weaker place.
func Open(dir string) (*Store, error) {
	return OpenAs(dir, os.Getenv("PIVOT_KEYSTORE"))
}

// OpenAs is [Open] with the place of new keys as a parameter: tpm, keychain, file, or empty for the best there is.
func OpenAs(dir, protection string) (*Store, error) {
	if protection != "" && !slices.Contains(protections, protection) {
		return nil, fmt.Errorf("keystore: PIVOT_KEYSTORE is %q; it must be one of %s", protection, strings.Join(protections, ", "))
	}
	if dir == "" {
		var err error
		if dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	// A folder that was there may be open to others; what is in it is for its owner alone.
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	return &Store{dir: dir, forced: protection, makers: makers()}, nil
}

// Dir gives the folder, absolute.
func (s *Store) Dir() string { return s.dir }

// Profiles gives every profile of the folder, in the order of their origins. A file that is no profile is an error that
// names it: to leave it out would look like a device that was never paired.
func (s *Store) Profiles() ([]Profile, error) {
	names, err := filepath.Glob(filepath.Join(s.dir, "broker-*.json"))
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	var out []Profile
	for _, name := range names {
		p, err := load(name)
		if errors.Is(err, os.ErrNotExist) { // forgotten meanwhile
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Profile) int { return strings.Compare(a.Origin, b.Origin) })
	return out, nil
}

// Find gives the profile of a broker, or [ErrUnpaired]. What it gives may be changed by another process at any time: to act
// on it, [Store.Acquire] it.
func (s *Store) Find(origin string) (Profile, error) {
	p, err := load(s.file(origin))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return Profile{}, ErrUnpaired
	case err != nil:
		return Profile{}, err
	case p.Origin != origin:
		return Profile{}, fmt.Errorf("keystore: %s is the profile of another broker", s.file(origin))
	}
	return p, nil
}
