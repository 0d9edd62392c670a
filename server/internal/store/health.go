package store

import (
	"context"
	"errors"
)

// room is what must fit on a disk that was full before the store calls itself well again: more than one commit takes,
// or a probe of one page would pass where a login does not.
const room = 1 << 20

// Health says whether the store reads and writes, by doing both. The error is a [Fault] where it does not: begin no
// logins then, and say so. Nothing that was answered is lost.
func (s *Store) Health(ctx context.Context) error {
	full := s.writer.full.Load()
	if err := s.probe(ctx, full); err != nil {
		return err
	}
	if full {
		if err := s.probe(ctx, false); err != nil { // gives the room back
			return err
		}
		s.writer.full.Store(false)
	}
	var at int64
	return s.row(ctx, "SELECT at FROM probes WHERE number = 1", nil, &at)
}

func (s *Store) probe(ctx context.Context, full bool) error {
	var filler []byte
	if full {
		filler = make([]byte, room)
	}
	_, err := s.writer.submit(ctx, statement{
		text: "UPDATE probes SET at = $1, filler = $2 WHERE number = 1", args: []any{s.now(), filler}, guarded: true,
	})
	if errors.Is(err, errRefused) {
		return damaged("the probe is gone")
	}
	return err
}
