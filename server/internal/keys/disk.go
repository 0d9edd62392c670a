package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// disk writes files whole.
type disk struct {
	sync func(*os.File) error // but for tests of what happens when it fails, realDisk's
}

var realDisk = disk{sync: (*os.File).Sync}

// errUnsynced says that a file has been replaced, but that a crash now may
// bring the old one back.
var errUnsynced = errors.New("replaced, but perhaps not on disk yet")

// replace writes a file whole: a crash leaves the old one or the new one.
func (d disk) replace(path string, b []byte) error {
	return d.write(path, b, os.Rename)
}

// create is replace for a file that must not be there: link, unlike rename,
// refuses to overwrite.
func (d disk) create(path string, b []byte) error {
	return d.write(path, b, func(from, to string) error {
		if err := os.Link(from, to); err != nil {
			return err
		}
		return os.Remove(from)
	})
}

// write writes a temporary file beside path, brings it to disk, moves it into
// place and brings the folder to disk.
func (d disk) write(path string, b []byte, move func(from, to string) error) error {
	t, err := os.CreateTemp(filepath.Dir(path), ".new-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = t.Write(b)
	if err == nil {
		err = d.sync(t)
	}
	if err := errors.Join(err, t.Close()); err != nil {
		return errors.Join(err, os.Remove(t.Name()))
	}
	if err := move(t.Name(), path); err != nil {
		if gone := os.Remove(t.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
		return err
	}
	if err := d.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("%w: %w", errUnsynced, err)
	}
	return nil
}

// syncFolder brings the entries of a folder to disk. Windows cannot open a
// folder for that, and does so by itself.
func (d disk) syncFolder(path string) error {
	if windows {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.sync(folder), folder.Close())
}

// exposed returns the mode bits that are set and forbidden. Windows has none:
// there the folder's access list is the operator's to see to.
func exposed(info fs.FileInfo, forbidden fs.FileMode) fs.FileMode {
	if windows {
		return 0
	}
	return info.Mode().Perm() & forbidden
}

const windows = runtime.GOOS == "windows"
