package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"

	"pivot/server/internal/audit"
)

// readers is how many reads go on at a time; SQLite's readers wait neither for one another nor for the writer.
const readers = 8

// Sealer encrypts what is kept (AES-256-GCM in production). aad binds the result to its row, so that one row's bytes
// cannot stand in another's.
type Sealer interface {
	Seal(purpose string, plaintext, aad []byte) ([]byte, error)
	Open(purpose string, sealed, aad []byte) ([]byte, error)
}

// The purposes that sealed columns name to the [Sealer].
const (
	purposeTransaction = "store/transaction"
	purposeAudit       = "store/audit"
	purposeRecord      = "store/record"
)

// Options say which store to open. Sealer and Now are required.
type Options struct {
	Dir       string           // data folder, of this process alone; created where it is not there
	Sealer    Sealer           // seals identities and audit entries
	Now       func() time.Time // decides what has expired
	Retention time.Duration    // how long an audit entry can be read; zero keeps all, and no leaf ever goes

	// Written is told of each audit entry of a request once it is on disk; it must not wait for the store. May be nil.
	Written func(ctx context.Context, e audit.Entry)
}

// Store is an open store. Its methods may be called concurrently.
type Store struct {
	options  Options
	folder   folder
	writing  *sql.DB
	conn     *sql.Conn // the one of writing
	reading  *sql.DB
	prepared sync.Map // of reading: *sql.Stmt by its text; texts are constants of this package
	writer   *writer
	epoch    atomic.Pointer[Epoch]
	upkeep   sync.Mutex // one at a time sequences, or sweeps
	closing  sync.Once
	closeErr error
}

// Open opens the store of a folder and holds it until Close: it looks at every page, brings the schema up to date and
// starts the writer. Errors are a [Fault] where the folder, the disk or the database is at fault; none of them changes
// what is stored.
func Open(ctx context.Context, o Options) (*Store, error) {
	switch {
	case o.Dir == "":
		return nil, errors.New("store: no folder")
	case o.Sealer == nil:
		return nil, errors.New("store: no sealer")
	case o.Now == nil:
		return nil, errors.New("store: no clock")
	case o.Retention < 0:
		return nil, errors.New("store: negative retention")
	}
	held, err := claim(o.Dir)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o, folder: held}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.release())
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.folder.database(); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if err := sound(ctx, s.conn, s.options.Dir); err != nil {
		return err
	}
	all, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	d := sqliteDialect()
	if err := migrate(ctx, s.conn, d, all); err != nil {
		return err
	}
	if err := s.folder.mark(); err != nil {
		return err
	}
	connector, err := sqlite.NewConnector(sqliteName(s.options.Dir, true))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.reading = sql.OpenDB(connector)
	s.reading.SetMaxOpenConns(readers)
	s.reading.SetMaxIdleConns(readers)
	s.writer = startWriter(s.conn, d.begin)
	return s.firstEpoch(ctx)
}

// connect opens the one connection that writes.
func (s *Store) connect(ctx context.Context) error {
	connector, err := sqlite.NewConnector(sqliteName(s.options.Dir, false))
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	s.writing = sql.OpenDB(connector)
	s.writing.SetMaxOpenConns(1)
	s.conn, err = s.writing.Conn(ctx)
	return faultOf(err)
}

// Close ends the writer after the commit in progress, and gives the folder back. Later calls give [Closed].
func (s *Store) Close() error {
	s.closing.Do(func() { s.closeErr = s.release() })
	return s.closeErr
}

// release closes whatever Open got to, the readers first: the last connection to close moves the write-ahead log into
// the database, and a reader could not.
func (s *Store) release() error {
	var errs []error
	if s.writer != nil {
		s.writer.close()
	}
	s.prepared.Range(func(_, kept any) bool {
		_ = kept.(*sql.Stmt).Close() // repeats the error of its last execution, which was answered
		return true
	})
	if s.reading != nil {
		errs = append(errs, s.reading.Close())
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
	}
	if s.writing != nil {
		errs = append(errs, s.writing.Close())
	}
	return errors.Join(append(errs, s.folder.release())...)
}

// now is the time in the form in which it is stored.
func (s *Store) now() int64 { return s.options.Now().UnixMilli() }

// row reads one row. Errors: sql.ErrNoRows as it is, a [Fault], or what the database says.
func (s *Store) row(ctx context.Context, text string, args []any, into ...any) error {
	prepared, err := s.statement(ctx, text)
	if err != nil {
		return s.readFault(err)
	}
	err = prepared.QueryRowContext(ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return s.readFault(err)
}

// rows reads several rows, calling scan on each.
func (s *Store) rows(ctx context.Context, scan func(*sql.Rows) error, text string, args ...any) error {
	prepared, err := s.statement(ctx, text)
	if err != nil {
		return s.readFault(err)
	}
	found, err := prepared.QueryContext(ctx, args...)
	if err != nil {
		return s.readFault(err)
	}
	for found.Next() {
		if err := scan(found); err != nil {
			return errors.Join(err, found.Close())
		}
	}
	return s.readFault(errors.Join(found.Err(), found.Close()))
}

// statement gives the statement of a text, which each reader prepares once: parsing costs more than most reads.
func (s *Store) statement(ctx context.Context, text string) (*sql.Stmt, error) {
	if kept, ok := s.prepared.Load(text); ok {
		return kept.(*sql.Stmt), nil
	}
	fresh, err := s.reading.PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	kept, taken := s.prepared.LoadOrStore(text, fresh)
	if taken { // somebody prepared the same meanwhile
		_ = fresh.Close()
	}
	return kept.(*sql.Stmt), nil
}

// readFault classifies an error of a reader; after Close there is no database to read.
func (s *Store) readFault(err error) error {
	if err == nil {
		return nil
	}
	select {
	case <-s.writer.stop:
		return Closed
	default:
		return faultOf(err)
	}
}

// damaged is the error for rows that do not say what we wrote.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{Corrupt}, args...)...)
}
