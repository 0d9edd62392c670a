package store

import (
	"context"
	"database/sql"
	"fmt"

	"pivot/server/internal/record"
)

// Owners lists whom live records of a kind belong to, each once, in their order. Errors: a [Fault], or what the database
// says.
func (s *Store) Owners(ctx context.Context, kind record.Kind) ([]string, error) {
	var found []string
	err := s.rows(ctx, func(rows *sql.Rows) error {
		var one string
		err := rows.Scan(&one)
		found = append(found, one)
		return err
	}, "SELECT DISTINCT owner FROM records WHERE kind = $1 AND owner IS NOT NULL AND "+fmt.Sprintf(living, "$2")+" ORDER BY owner",
		string(kind), s.now())
	if err != nil {
		return nil, err
	}
	return found, nil
}
