package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// lockName is the file whose lock keeps a second process out. Once a database exists beside it, it also says so: a
// database that vanished, or was cut to nothing, must not be taken for a first start.
const lockName = "store.lock"

const lockText = "a pivot store lives here\n"

// A folder is the data folder, held by this process alone.
type folder struct {
	dir  string
	lock *os.File
}

// claim takes the folder, creating it where it is not there. It is the owner's alone, as is all in it.
func claim(dir string) (folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return folder{}, fileFault(err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return folder{}, fileFault(err)
	}
	if err := exclusive(lock); err != nil {
		return folder{}, errors.Join(fmt.Errorf("store: lock %q: %w", lock.Name(), err), lock.Close())
	}
	return folder{dir: dir, lock: lock}, nil
}

// release gives the folder back. The lock is undone and not just closed: a process that is being started at this moment
// still shares the file.
func (f folder) release() error { return errors.Join(unlock(f.lock), f.lock.Close()) }

// database makes sure that there is a file for SQLite to open: the one there is, or an empty one at the first start.
func (f folder) database() error {
	name := filepath.Join(f.dir, databaseName)
	mark, err := f.lock.Stat()
	if err != nil {
		return fileFault(err)
	}
	info, err := os.Stat(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fileFault(err)
	}
	if err == nil && info.Size() > 0 {
		return nil
	}
	if mark.Size() > 0 {
		return fmt.Errorf("%w: %q is missing or empty, and %q says that there was one; restore a backup, or remove both to start with nothing",
			Missing, databaseName, lockName)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fileFault(err)
	}
	return fileFault(errors.Join(file.Close(), syncNames(f.dir)))
}

// mark records that the database exists.
func (f folder) mark() error {
	if _, err := f.lock.WriteAt([]byte(lockText), 0); err != nil {
		return fileFault(err)
	}
	return fileFault(errors.Join(f.lock.Sync(), syncNames(f.dir)))
}

// fileFault classifies an error of the file system.
func fileFault(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", Full, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", ReadOnly, err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("%w: %w", Failing, err)
	}
	return fmt.Errorf("store: %w", err)
}
