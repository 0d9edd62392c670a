package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
)

var _ record.Book = (*Store)(nil)

// mostOwned bounds what one reading of an owner's records returns.
const mostOwned = 256

// living is the condition of a record that is known, with %s for the parameter that holds the time.
const living = "(expires IS NULL OR expires > %s AND epoch = " + currentEpoch + ")"

// Apply implements [record.Book].
func (s *Store) Apply(ctx context.Context, changes []record.Change, entries ...audit.Entry) error {
	if len(changes) == 0 {
		return errors.New("store: no change to apply")
	}
	statements, err := s.changes(changes)
	if err != nil {
		return err
	}
	kept := make([]audit.Entry, len(entries))
	for i, e := range entries {
		kept[i] = e.From(ctx)
		entry, err := s.entry(kept[i])
		if err != nil {
			return err
		}
		statements = append(statements, entry)
	}
	if _, err = s.writer.submit(ctx, statements...); err == nil {
		s.tell(ctx, kept...)
	}
	return bookError(err)
}

// AdvanceWith implements [record.Book].
func (s *Store) AdvanceWith(ctx context.Context, step record.Step, changes []record.Change) error {
	entry := step.Entry.From(ctx)
	statements, err := s.advance(step.From, step.Next, entry)
	if err != nil {
		return err
	}
	more, err := s.changes(changes)
	if err != nil {
		return err
	}
	kept := []audit.Entry{entry}
	for _, e := range step.Also {
		kept = append(kept, e.From(ctx))
		also, err := s.entry(kept[len(kept)-1])
		if err != nil {
			return err
		}
		more = append(more, also)
	}
	if _, err = s.writer.submit(ctx, append(statements, more...)...); err == nil {
		s.tell(ctx, kept...)
	}
	return bookError(err)
}

// bookError gives a refused guard the name that the book's callers know.
func bookError(err error) error {
	for _, known := range []error{record.ErrStale, record.ErrTaken, txn.ErrSpent} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// changes are the statements that write all changes.
func (s *Store) changes(changes []record.Change) ([]statement, error) {
	type name struct {
		kind record.Kind
		id   string
	}
	seen := make(map[name]bool)
	var statements []statement
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return nil, err
		}
		n := name{c.Next.Kind, c.Next.ID}
		if seen[n] {
			return nil, fmt.Errorf("store: two changes of one %s", n.kind)
		}
		seen[n] = true
		more, err := s.change(c)
		if err != nil {
			return nil, err
		}
		statements = append(statements, more...)
	}
	return statements, nil
}

// change is what writes one change: by a statement that applies to the version that was read, and to no other.
func (s *Store) change(c record.Change) ([]statement, error) {
	r := rowOf(c.Next)
	body, err := s.sealRecord(r, c.Next.Body)
	if err != nil {
		return nil, err
	}
	var statements []statement
	if r.alias != nil {
		// What has expired and was not swept yet holds no name back.
		statements = append(statements, statement{
			text: "DELETE FROM records WHERE kind = $1 AND alias = $2 AND id <> $3 AND NOT " + fmt.Sprintf(living, "$4"),
			args: []any{r.kind, r.alias, r.id, s.now()},
		})
	}
	if c.From == 0 {
		return append(statements, statement{
			text: "INSERT INTO records (kind, id, version, state, owner, alias, expires, body, epoch)" +
				" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, " + currentEpoch + ") ON CONFLICT DO NOTHING",
			args:    []any{r.kind, r.id, r.version, r.state, r.owner, r.alias, r.expires, body},
			guarded: true, refused: record.ErrTaken,
		}), nil
	}
	return append(statements, statement{
		text: "UPDATE records SET version = $1, state = $2, owner = $3, alias = $4, expires = $5, body = $6, epoch = " + currentEpoch +
			" WHERE kind = $7 AND id = $8 AND version = $9 AND " + fmt.Sprintf(living, "$10"),
		args:    []any{r.version, r.state, r.owner, r.alias, r.expires, body, r.kind, r.id, c.From, s.now()},
		guarded: true, refused: record.ErrStale, taken: record.ErrTaken,
	}), nil
}

// Get implements [record.Reader].
func (s *Store) Get(ctx context.Context, kind record.Kind, id string) (record.Record, error) {
	return s.findRecord(ctx, "id = $2", kind, id)
}

// Find implements [record.Reader].
func (s *Store) Find(ctx context.Context, kind record.Kind, alias [32]byte) (record.Record, error) {
	return s.findRecord(ctx, "alias = $2", kind, alias[:])
}

func (s *Store) findRecord(ctx context.Context, condition string, kind record.Kind, key any) (record.Record, error) {
	var r recordRow
	err := s.row(ctx, "SELECT "+recordColumns+" FROM records WHERE kind = $1 AND "+condition+" AND "+fmt.Sprintf(living, "$3"),
		[]any{string(kind), key, s.now()}, r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return record.Record{}, record.ErrUnknown
	}
	if err != nil {
		return record.Record{}, err
	}
	return s.openRecord(r)
}

// Owned implements [record.Reader].
func (s *Store) Owned(ctx context.Context, kind record.Kind, owner string) ([]record.Record, error) {
	var found []record.Record
	err := s.rows(ctx, func(rows *sql.Rows) error {
		var r recordRow
		if err := rows.Scan(r.fields()...); err != nil {
			return err
		}
		one, err := s.openRecord(r)
		found = append(found, one)
		return err
	}, "SELECT "+recordColumns+" FROM records WHERE kind = $1 AND owner = $2 AND "+fmt.Sprintf(living, "$3")+
		" ORDER BY expires IS NULL, expires, id LIMIT $4", string(kind), owner, s.now(), mostOwned)
	if err != nil {
		return nil, err
	}
	return found, nil
}

// A recordRow is a record as it is stored.
type recordRow struct {
	kind, id    string
	version     int64
	state       string
	owner       *string
	alias, body []byte
	expires     *int64
}

const recordColumns = "kind, id, version, state, owner, alias, expires, body"

func (r *recordRow) fields() []any {
	return []any{&r.kind, &r.id, &r.version, &r.state, &r.owner, &r.alias, &r.expires, &r.body}
}

// rowOf gives the row of a record, but for its sealed body.
func rowOf(one record.Record) recordRow {
	r := recordRow{kind: string(one.Kind), id: one.ID, version: int64(one.Version), state: one.State}
	if one.Owner != "" {
		r.owner = &one.Owner
	}
	if one.Alias != [32]byte{} {
		r.alias = one.Alias[:]
	}
	if !one.Expires.IsZero() {
		r.expires = new(one.Expires.UnixMilli())
	}
	return r
}

const recordV1 = 1

// front is what a sealed body begins with: the columns by which the record is found, each behind its length, so that
// whoever changes a column is noticed.
func (r recordRow) front() []byte {
	out := []byte{recordV1}
	var owner, expires []byte
	if r.owner != nil {
		owner = []byte(*r.owner)
	}
	if r.expires != nil {
		expires = binary.BigEndian.AppendUint64(nil, uint64(*r.expires))
	}
	for _, part := range [][]byte{[]byte(r.state), owner, r.alias, expires} {
		out = append(binary.BigEndian.AppendUint16(out, uint16(len(part))), part...)
	}
	return out
}

// data binds sealed bytes to one version of one row. No part holds a zero octet.
func (r recordRow) data() []byte {
	return []byte("records\x00" + r.kind + "\x00" + r.id + "\x00" + strconv.FormatInt(r.version, 10))
}

func (s *Store) sealRecord(r recordRow, body []byte) ([]byte, error) {
	plain := append(r.front(), body...)
	defer clear(plain)
	sealed, err := s.options.Sealer.Seal(purposeRecord, plain, r.data())
	if err != nil {
		return nil, fmt.Errorf("store: seal a %s: %w", r.kind, err)
	}
	return sealed, nil
}

// openRecord decrypts a record, and checks that its columns say what was sealed with it.
func (s *Store) openRecord(r recordRow) (record.Record, error) {
	plain, err := s.options.Sealer.Open(purposeRecord, r.body, r.data())
	if err != nil {
		return record.Record{}, fmt.Errorf("store: open %s %s: %w", r.kind, r.id, err)
	}
	body, ok := bytes.CutPrefix(plain, r.front())
	if !ok || len(body) == 0 || r.alias != nil && len(r.alias) != 32 {
		return record.Record{}, damaged("%s %s differs from its row", r.kind, r.id)
	}
	one := record.Record{Kind: record.Kind(r.kind), ID: r.id, Version: int(r.version), State: r.state, Body: body}
	if r.owner != nil {
		one.Owner = *r.owner
	}
	if r.alias != nil {
		one.Alias = [32]byte(r.alias)
	}
	if r.expires != nil {
		one.Expires = time.UnixMilli(*r.expires).UTC()
	}
	return one, nil
}
