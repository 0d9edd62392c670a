package farewell

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"pivot/server/internal/record"
	"pivot/server/internal/session"
)

// roundTime bounds a round once everybody had a turn: what is left, and what came meanwhile, waits for the next.
const roundTime = 10 * time.Second

// mailbox are the notices of one client that are to be tried now.
type mailbox struct {
	owner   string
	read    bool
	broken  error // of notices that cannot be read; the others are tried
	notices []session.Notice
}

// round is one pass over the mailboxes, by turns.
type round struct {
	until time.Time
	turns chan *mailbox

	mu     sync.Mutex
	left   int
	failed []error
}

// newRound puts those who answer before those who did not last time.
func (c *Courier) newRound(owners []string) *round {
	owners = slices.Clone(owners)
	c.mu.Lock()
	place := func(owner string) int {
		if c.silent[owner] {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(owners, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	c.silent = make(map[string]bool)
	c.mu.Unlock()
	r := &round{until: c.Now().Add(roundTime), turns: make(chan *mailbox, len(owners)), left: len(owners)}
	for _, owner := range owners {
		r.turns <- &mailbox{owner: owner}
	}
	return r
}

// leave takes a mailbox out of the round.
func (r *round) leave(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, err)
	if r.left--; r.left == 0 {
		close(r.turns)
	}
}

// take is one turn of a client: one notice. It reports whether there is another for the same round.
func (c *Courier) take(ctx context.Context, r *round, m *mailbox) (more bool, err error) {
	if !m.read {
		if err := c.read(ctx, m); err != nil {
			return false, err
		}
	}
	if len(m.notices) == 0 {
		return false, nil
	}
	next := m.notices[0]
	m.notices = m.notices[1:]
	answers, err := c.deliver(ctx, next)
	if !answers {
		c.mu.Lock()
		c.silent[m.owner] = true
		c.mu.Unlock()
	}
	return answers && len(m.notices) > 0 && c.Now().Before(r.until), err
}

// read fills a mailbox: what is to be given up comes first, for it costs no post, and then what was tried least.
func (c *Courier) read(ctx context.Context, m *mailbox) error {
	found, err := c.Book.Owned(ctx, record.Logout, m.owner)
	if err != nil {
		return err
	}
	now := c.Now()
	for _, r := range found {
		n, err := session.ParseNotice(r)
		if err != nil {
			m.broken = errors.Join(m.broken, err)
			continue
		}
		if n.Due(now) || n.Late(now) {
			m.notices = append(m.notices, n)
		}
	}
	m.read = true
	slices.SortStableFunc(m.notices, func(a, b session.Notice) int {
		if a.Late(now) != b.Late(now) {
			if a.Late(now) {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.Tried(), b.Tried())
	})
	return nil
}
