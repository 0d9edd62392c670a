package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
	"pivot/server/internal/txn"
)

var _ txn.Ledger = (*Store)(nil)

// Begin implements [txn.Ledger].
func (s *Store) Begin(ctx context.Context, w txn.Waiting, e audit.Entry) error {
	e = e.From(ctx)
	body, err := s.sealState(w)
	if err != nil {
		return err
	}
	entry, err := s.entry(e)
	if err != nil {
		return err
	}
	_, err = s.writer.submit(ctx, statement{
		text: "INSERT INTO transactions (issuer, id, state, version, epoch, expires, body)" +
			" VALUES ($1, $2, $3, $4, " + currentEpoch + ", $5, $6) ON CONFLICT DO NOTHING",
		args:    []any{w.Issuer(), w.ID().String(), string(w.Name()), w.Version(), w.Expires().UnixMilli(), body},
		guarded: true,
	}, entry)
	if err == nil {
		s.tell(ctx, e)
	}
	return ledgerError(err)
}

// Advance implements [txn.Ledger]. A state that has expired by the store's clock is not advanced either, unless to its
// end: between the transition and this statement its life may have run out. No code is issued on a means that is not
// active any more: the statement that issues it looks.
func (s *Store) Advance(ctx context.Context, from, next txn.State, e audit.Entry) error {
	e = e.From(ctx)
	statements, err := s.advance(from, next, e)
	if err != nil {
		return err
	}
	if _, err = s.writer.submit(ctx, statements...); err == nil {
		s.tell(ctx, e)
	}
	return ledgerError(err)
}

// advance are the statements of a transition.
func (s *Store) advance(from, next txn.State, e audit.Entry) ([]statement, error) {
	if err := txn.Follows(from, next); err != nil {
		return nil, err
	}
	body, err := s.sealState(next)
	if err != nil {
		return nil, err
	}
	entry, err := s.entry(e)
	if err != nil {
		return nil, err
	}
	alive := s.now()
	if next.Name() == txn.NameEnded {
		alive = 0
	}
	text := "UPDATE transactions SET state = $1, version = $2, expires = $3, code_hash = $4, token_hash = $5, body = $6" +
		" WHERE issuer = $7 AND id = $8 AND state = $9 AND version = $10 AND expires > $11 AND epoch = " + currentEpoch
	args := []any{
		string(next.Name()), next.Version(), next.Expires().UnixMilli(), optional(next.CodeHash()), optional(next.TokenHash()), body,
		from.Issuer(), from.ID().String(), string(from.Name()), from.Version(), alive,
	}
	if next.Name() == txn.NameGranted {
		condition, more := stillActive(meansOf(next), len(args)+1)
		text, args = text+condition, append(args, more...)
	}
	return []statement{{text: text, args: args, guarded: true, refused: txn.ErrSpent}, entry}, nil
}

// meansOf names the means that a state rests on, each once: none where an identity provider vouched.
func meansOf(s txn.State) []string {
	named, ok := s.(interface{ Means() []string })
	if !ok {
		return nil
	}
	return slices.Compact(slices.Sorted(slices.Values(named.Means())))
}

// stillActive is the condition that every one of those means is a device or a card that is active and not about to be
// forgotten, with parameters numbered from first. A name that two records bear fits none.
func stillActive(means []string, first int) (string, []any) {
	if len(means) == 0 {
		return "", nil
	}
	var marks []string
	var args []any
	for i, id := range means {
		marks = append(marks, "$"+strconv.Itoa(first+i))
		args = append(args, id)
	}
	named := " FROM records WHERE kind IN ('" + string(record.Device) + "', '" + string(record.Card) + "')" +
		" AND id IN (" + strings.Join(marks, ", ") + ")"
	text := " AND (SELECT COUNT(*)" + named + ") = " + strconv.Itoa(len(means)) +
		" AND NOT EXISTS (SELECT 1" + named + " AND (state <> '" + record.StateActive + "' OR expires IS NOT NULL))"
	return text, args
}

// Load implements [txn.Ledger].
func (s *Store) Load(ctx context.Context, issuer string, id txn.ID) (txn.State, error) {
	return s.find(ctx, "id = $2", issuer, id.String())
}

// ByCode implements [txn.Ledger].
func (s *Store) ByCode(ctx context.Context, issuer string, code [32]byte) (txn.State, error) {
	return s.find(ctx, "code_hash = $2", issuer, code[:])
}

// ByToken implements [txn.Ledger].
func (s *Store) ByToken(ctx context.Context, issuer string, token [32]byte) (txn.State, error) {
	return s.find(ctx, "token_hash = $2", issuer, token[:])
}

// find reads the one live transaction of the issuer that the condition names.
func (s *Store) find(ctx context.Context, condition, issuer string, key any) (txn.State, error) {
	var r row
	err := s.row(ctx, "SELECT "+rowColumns+" FROM transactions WHERE issuer = $1 AND "+condition+
		" AND expires > $3 AND epoch = "+currentEpoch, []any{issuer, key, s.now()}, r.fields()...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, txn.ErrUnknown
	}
	if err != nil {
		return nil, err
	}
	return s.openState(r)
}

// ledgerError gives a refused guard the name that the ledger's callers know.
func ledgerError(err error) error {
	if errors.Is(err, errRefused) {
		return txn.ErrSpent
	}
	return err
}

// A row is a transaction as it is stored.
type row struct {
	issuer, id, state string
	version, expires  int64
	code, token, body []byte
}

const rowColumns = "issuer, id, state, version, expires, code_hash, token_hash, body"

func (r *row) fields() []any {
	return []any{&r.issuer, &r.id, &r.state, &r.version, &r.expires, &r.code, &r.token, &r.body}
}

// sealState encrypts a state for its row.
func (s *Store) sealState(state txn.State) ([]byte, error) {
	plain := txn.Encode(state)
	if plain == nil {
		return nil, errors.New("store: no transaction")
	}
	defer clear(plain)
	sealed, err := s.options.Sealer.Seal(purposeTransaction, plain, stateData(state.Issuer(), state.ID().String(), int64(state.Version())))
	if err != nil {
		return nil, fmt.Errorf("store: seal a transaction: %w", err)
	}
	return sealed, nil
}

// openState decrypts the state of a row, and checks that the columns by which it was found say what it says.
func (s *Store) openState(r row) (txn.State, error) {
	plain, err := s.options.Sealer.Open(purposeTransaction, r.body, stateData(r.issuer, r.id, r.version))
	if err != nil {
		return nil, fmt.Errorf("store: open transaction %s: %w", r.id, err)
	}
	defer clear(plain)
	state, err := txn.Decode(plain)
	if err != nil {
		return nil, fmt.Errorf("store: transaction %s: %w", r.id, err)
	}
	if state.Issuer() != r.issuer || state.ID().String() != r.id || string(state.Name()) != r.state ||
		int64(state.Version()) != r.version || state.Expires().UnixMilli() != r.expires ||
		string(optional(state.CodeHash())) != string(r.code) || string(optional(state.TokenHash())) != string(r.token) {
		return nil, damaged("transaction %s differs from its row", r.id)
	}
	return state, nil
}

// stateData binds sealed bytes to one version of one row. No part holds a zero octet.
func stateData(issuer, id string, version int64) []byte {
	return []byte("transactions\x00" + issuer + "\x00" + id + "\x00" + strconv.FormatInt(version, 10))
}

// optional is a hash as a column that may be empty.
func optional(hash [32]byte, ok bool) []byte {
	if !ok {
		return nil
	}
	return hash[:]
}
