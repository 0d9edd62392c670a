package store

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// exclusive takes the lock on f, which the system gives back when the process ends, however it ends. The byte locked
// lies beyond the content, which stays readable.
func exclusive(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err := windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{Offset: 1 << 20})
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return Locked
	}
	return err
}

func unlock(f *os.File) error {
	return windows.UnlockFileEx(windows.Handle(f.Fd()), 0, 1, 0, &windows.Overlapped{Offset: 1 << 20})
}

// syncNames has nothing to do: NTFS journals names, and folders take no flush.
func syncNames(string) error { return nil }
