// Package filelock lets one process at a time do what must not be done twice at once. The lock ends with the process, even
// one that is killed: nothing stale is ever left to clean up.
package filelock

import (
	"errors"
	"fmt"
	"os"
)

// ErrHeld says that somebody else holds the lock, in this process or in another.
var ErrHeld = errors.New("filelock: held by another")

// Lock is one lock that is held.
type Lock struct{ file *os.File }

// Take takes the lock of a file, which it creates readable by its owner alone when it is not there. It does not wait:
// [ErrHeld] says that the lock is taken. Other errors are those of the file.
func Take(path string) (*Lock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("filelock: %w", err)
	}
	if err := take(f); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &Lock{file: f}, nil
}

// Release gives the lock back. The file stays: to remove it would let two others lock two files of one name.
func (l *Lock) Release() error {
	// Closing alone is not enough: a child that is being started has the file open for a moment.
	return errors.Join(drop(l.file), l.file.Close())
}
