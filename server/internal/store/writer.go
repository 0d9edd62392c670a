package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// maxBatch bounds how many callers share a commit, and with it how long the first of them waits for the last.
const maxBatch = 256

// errRefused says that a guarded statement did not change exactly one row: the right was spent, or is not there.
var errRefused = errors.New("store: the guarded statement did not apply")

// A statement is finished SQL. One that is guarded must change exactly one row, or its whole write is undone.
type statement struct {
	text    string
	args    []any
	guarded bool
	refused error // what the caller is told besides where the guard refuses; may be nil
	taken   error // and where a row that must be unique is there already; may be nil
}

// judge gives the error of an executed statement, as its caller is to know it.
func (s statement) judge(changed int64, err error) error {
	switch {
	case err == nil && s.guarded && changed != 1:
		err = errRefused
		if s.refused != nil {
			err = fmt.Errorf("%w: %w", errRefused, s.refused)
		}
	case err != nil && s.taken != nil && ownFailure(err):
		err = fmt.Errorf("%w: %w", s.taken, err)
	}
	return err
}

// A write is what one caller wants done, whole or not at all.
type write struct {
	statements []statement
	changed    int64 // rows, over all statements
	err        error
	done       chan struct{} // closed once the commit that holds the write is on disk, or failed
}

// A writer is the one goroutine that changes the database.
type writer struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	begin    string
	queue    chan *write // unbuffered: a write that was taken is answered
	stop     chan struct{}
	ended    chan struct{}
	broken   error       // a fault that lasts; owned by the goroutine
	full     atomic.Bool // a write found no room, and no probe since found any
}

func startWriter(conn *sql.Conn, begin string) *writer {
	w := &writer{
		conn: conn, prepared: make(map[string]*sql.Stmt), begin: begin,
		queue: make(chan *write), stop: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.run()
	return w
}

// submit has the statements written and returns after the commit, with the number of rows that changed. When ctx ends
// first the outcome is unknown to the caller, who must treat it as a failure; a right may then be spent unused, never
// used unspent.
func (w *writer) submit(ctx context.Context, statements ...statement) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, fmt.Errorf("store: not written: %w", err)
	}
	one := &write{statements: statements, done: make(chan struct{})}
	select {
	case w.queue <- one:
	case <-w.stop:
		return 0, Closed
	case <-ctx.Done():
		return 0, fmt.Errorf("store: not written: %w", ctx.Err())
	}
	select {
	case <-one.done:
		return one.changed, one.err
	case <-ctx.Done():
		return 0, fmt.Errorf("store: no answer from the disk: %w", ctx.Err())
	}
}

// close lets the commit in progress end and refuses every later write. The connection is the caller's again.
func (w *writer) close() {
	close(w.stop)
	<-w.ended
	for _, prepared := range w.prepared {
		_ = prepared.Close() // repeats the error of its last execution, which was answered
	}
}

func (w *writer) run() {
	defer close(w.ended)
	for {
		select {
		case first := <-w.queue:
			w.serve(first)
		case <-w.stop:
			return
		}
	}
}

// serve writes one batch, which begins with first, and answers everybody in it.
func (w *writer) serve(first *write) {
	batch, err := w.batch(first)
	for _, one := range batch {
		if err != nil {
			// Also for those whose guard refused: they were judged against rows that are not there any more.
			one.changed, one.err = 0, err
		}
		close(one.done)
	}
}

// batch executes first and whatever else is waiting, then commits. The error concerns all of them.
func (w *writer) batch(first *write) ([]*write, error) {
	batch := []*write{first}
	if w.broken != nil {
		return batch, w.broken
	}
	if err := w.exec(w.begin); err != nil {
		return batch, w.fail(err)
	}
	for next := first; next != nil; {
		if err := w.apply(next); err != nil {
			return batch, w.fail(err)
		}
		if next = w.waiting(len(batch)); next != nil {
			batch = append(batch, next)
		}
	}
	if err := w.exec("COMMIT"); err != nil {
		return batch, w.fail(err)
	}
	return batch, nil
}

// waiting gives a write that somebody waits to hand over, or nil.
func (w *writer) waiting(taken int) *write {
	if taken >= maxBatch {
		return nil
	}
	select {
	case next := <-w.queue:
		return next
	default:
		return nil
	}
}

// apply executes one caller's statements in a savepoint. An error ends the batch; what concerns the caller alone is
// kept in the write.
func (w *writer) apply(one *write) error {
	if err := w.exec("SAVEPOINT caller"); err != nil {
		return err
	}
	for _, s := range one.statements {
		changed, err := w.change(s)
		one.changed += changed
		err = s.judge(changed, err)
		if err == nil {
			continue
		}
		if !errors.Is(err, errRefused) && !ownFailure(err) {
			return err
		}
		one.changed, one.err = 0, err
		if err := w.exec("ROLLBACK TO SAVEPOINT caller"); err != nil {
			return err
		}
		break
	}
	return w.exec("RELEASE SAVEPOINT caller")
}

// fail ends the transaction, keeps a fault that lasts, and gives the error to answer with.
func (w *writer) fail(err error) error {
	err = faultOf(err)
	// SQLite may have rolled back already, which makes this one an error of no interest.
	_ = w.exec("ROLLBACK")
	var fault Fault
	if errors.As(err, &fault) && fault.lasting() {
		w.broken = err
	}
	if fault == Full {
		w.full.Store(true)
	}
	return err
}

func (w *writer) exec(text string) error {
	_, err := w.change(statement{text: text})
	return err
}

// change executes one statement. Its context never ends: an interrupted statement would roll back everybody's.
func (w *writer) change(s statement) (int64, error) {
	ctx := context.Background()
	prepared, ok := w.prepared[s.text]
	if !ok {
		var err error
		prepared, err = w.conn.PrepareContext(ctx, s.text)
		if err != nil {
			return 0, err
		}
		w.prepared[s.text] = prepared
	}
	result, err := prepared.ExecContext(ctx, s.args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
