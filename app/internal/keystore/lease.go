package keystore

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"pivot/app/internal/keystore/filelock"
)

// Lease is the exclusive right to use and change the profile of one broker, until its release. It is for one goroutine.
type Lease struct {
	store   *Store
	origin  string
	lock    *filelock.Lock
	profile Profile
	paired  bool
}

// Acquire takes the exclusive right to a broker's profile, which need not exist yet. It does not wait: [ErrBusy] says that
// another process, or another part of this one, has it.
func (s *Store) Acquire(origin string) (*Lease, error) {
	if err := checkOrigin(origin); err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	lock, err := filelock.Take(s.file(origin) + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("keystore: %w", err)
	}
	l := &Lease{store: s, origin: origin, lock: lock}
	switch l.profile, err = s.Find(origin); {
	case err == nil:
		l.paired = true
	case !errors.Is(err, ErrUnpaired):
		return nil, errors.Join(err, lock.Release())
	}
	l.sweep()
	return l, nil
}

// sweep removes what a process that died while it wrote left behind.
func (l *Lease) sweep() {
	left, _ := filepath.Glob(l.store.file(l.origin) + ".tmp-*") // the pattern is ours
	for _, name := range left {
		_ = os.Remove(name) // it is tried again at the next lease
	}
}

// Profile gives the profile, or [ErrUnpaired].
func (l *Lease) Profile() (Profile, error) {
	if !l.paired {
		return Profile{}, ErrUnpaired
	}
	p := l.profile
	p.Cards = slices.Clone(p.Cards)
	return p, nil
}

// Save replaces the profile, all or nothing: after an error, or a crash, the profile on disk is the old one or the new one.
// The origin is the lease's. A key that the new profile no longer names is removed from where it was.
func (l *Lease) Save(p Profile) error {
	if p.Origin != l.origin {
		return errors.New("keystore: internal error: the profile of another broker")
	}
	raw, err := p.encode()
	if err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	if err := replace(l.store.file(l.origin), raw); err != nil {
		return fmt.Errorf("keystore: %w", err)
	}
	old, replaced := l.profile.Key, l.paired
	l.profile, l.paired = p, true
	l.profile.Cards = slices.Clone(p.Cards)
	if replaced && (old.Protection != p.Key.Protection || !bytes.Equal(old.Material, p.Key.Material)) {
		_ = l.store.Drop(old) // a key that nothing names any more opens nothing: to keep it is no failure of the new one
	}
	return nil
}

// Roll begins a use of the ratchet: it gives what to present and the roll to present with it. The roll is on disk before it
// is given, so that a use that was interrupted is repeated identically and never looks like a copy of this device.
func (l *Lease) Roll() (ratchet, roll []byte, err error) {
	p, err := l.Profile()
	if err != nil {
		return nil, nil, err
	}
	if len(p.Roll) == 0 {
		p.Roll = make(Secret, 16)
		_, _ = rand.Read(p.Roll) // never fails
		if err := l.Save(p); err != nil {
			return nil, nil, err
		}
	}
	return slices.Clone(p.Ratchet), slices.Clone(p.Roll), nil
}

// Rolled ends a use of the ratchet: next, 32 bytes, is what to present the next time.
func (l *Lease) Rolled(next []byte) error {
	p, err := l.Profile()
	if err != nil {
		return err
	}
	p.Ratchet, p.Roll = slices.Clone(next), nil
	return l.Save(p)
}

// Forget removes the profile and its key. To forget what is not there is no error.
func (l *Lease) Forget() error {
	if !l.paired {
		return nil
	}
	if err := l.store.Drop(l.profile.Key); err != nil {
		return err
	}
	if err := os.Remove(l.store.file(l.origin)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("keystore: %w", err)
	}
	l.profile, l.paired = Profile{}, false
	return nil
}

// Release ends the lease.
func (l *Lease) Release() error { return l.lock.Release() }

// replace puts raw in the place of a file: written beside it, on disk, then renamed over it.
func replace(path string, raw []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp-*") // readable by its owner alone
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(raw)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}
