package store

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Fault is a condition of the store itself, whatever was asked of it: `errors.Is(err, store.Full)`. While a fault lasts
// nothing is written and nothing is answered; what was answered before is kept.
type Fault string

// The faults.
const (
	Full     Fault = "the disk is full"
	ReadOnly Fault = "the disk or the folder is read-only"
	Corrupt  Fault = "the database is damaged"
	Failing  Fault = "the disk fails"
	Locked   Fault = "another process has the store open"
	Newer    Fault = "the database was written by a newer version"
	Foreign  Fault = "the database is not one of ours"
	Missing  Fault = "the database is gone"
	Closed   Fault = "the store is closed"
)

// Error gives the fault in words for an operator.
func (f Fault) Error() string { return "store: " + string(f) }

// lasting reports whether the fault holds until the store is opened again. After a failed fsync the kernel may drop the
// pages and report success the next time, and pages that do not parse do not heal: going on would answer for what is
// not there.
func (f Fault) lasting() bool { return f == Corrupt || f == Failing }

// faultOf classifies an error of the database; an error that is none of the store's own keeps its text.
func faultOf(err error) error {
	var known Fault
	if err == nil || errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return fmt.Errorf("store: %w", err)
	}
	switch code := failure.Code(); code {
	case sqlite3.SQLITE_IOERR_SHMSIZE: // the shared index could not grow
		return fmt.Errorf("%w: %w", Full, err)
	case sqlite3.SQLITE_CANTOPEN_NOTEMPDIR, sqlite3.SQLITE_READONLY_DBMOVED:
		return fmt.Errorf("%w: %w", Failing, err)
	default:
		return primaryFault(code&0xff, err)
	}
}

// primaryFault classifies by the low byte of a result code (sqlite.org/rescode.html).
func primaryFault(code int, err error) error {
	switch code {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", Full, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ReadOnly, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", Corrupt, err)
	case sqlite3.SQLITE_IOERR:
		return fmt.Errorf("%w: %w", Failing, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: %w", Locked, err)
	}
	return fmt.Errorf("store: %w", err)
}

// ownFailure reports whether an error concerns one caller's statements alone, so that its savepoint can be rolled back
// and the others kept. After any other error SQLite may have rolled back the whole transaction by itself
// (sqlite.org/lang_transaction.html §3).
func ownFailure(err error) bool {
	var failure *sqlite.Error
	if !errors.As(err, &failure) {
		return false
	}
	switch failure.Code() & 0xff {
	case sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_TOOBIG, sqlite3.SQLITE_MISMATCH:
		return true
	}
	return false
}
