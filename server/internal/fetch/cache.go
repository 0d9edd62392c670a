package fetch

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How long what was fetched is used.
const (
	leastFresh   = time.Minute
	usualFresh   = 10 * time.Minute
	mostFresh    = time.Hour
	mostStale    = 24 * time.Hour // while its server does not answer
	leastBetween = time.Minute    // between two requests for one address that somebody else can cause
	mostEntries  = 1024
)

// A Cache keeps what was fetched from each address and parsed, and asks again when it is old. It is safe for concurrent
// use: of callers who want one address at the same moment one asks, and the others wait for it.
type Cache[T any] struct {
	fetcher *Fetcher
	types   []string
	parse   func([]byte) (T, error)
	now     func() time.Time
	mu      sync.Mutex
	entries map[string]*entry[T]
}

// entry is what is known of one address. Its turn is held by whoever asks; what is known can be read meanwhile.
type entry[T any] struct {
	turn  chan struct{}
	mu    sync.Mutex
	known known[T]
}

type known[T any] struct {
	value   T
	fetched time.Time // zero before there is a value
	fresh   time.Time // until when the value is not asked for again
	asked   time.Time // of the last request, whatever came of it
	failed  error     // what came of it, when that was nothing
}

func (e *entry[T]) read() known[T] {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.known
}

func (e *entry[T]) write(k known[T]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.known = k
}

// NewCache makes an empty cache of documents that have one of the media types. parse judges what came back: what it
// refuses is not kept.
func NewCache[T any](f *Fetcher, now func() time.Time, parse func([]byte) (T, error), types ...string) *Cache[T] {
	return &Cache[T]{fetcher: f, types: types, parse: parse, now: now, entries: make(map[string]*entry[T])}
}

// Get gives the document of an address: the one that is kept while it is fresh, by its own Cache-Control between a
// minute and an hour; else what the server says now; and for a day what it said last, while it does not answer. A server
// that answers something else has taken back what it said. Errors: a [*Refusal]; an address whose server did not answer is
// not asked again for a minute.
func (c *Cache[T]) Get(ctx context.Context, address string) (T, error) {
	k, err := c.get(ctx, address, c.isFresh)
	return k.value, err
}

// Newer gives the document of an address where the one that [Cache.Get] gave lacks something, such as the key that a
// token names: it asks the server, but no more than once a minute, so that whoever invents names of keys causes no more
// requests than that; asked more often it gives what is kept. Errors: as Get.
func (c *Cache[T]) Newer(ctx context.Context, address string) (T, error) {
	k, err := c.get(ctx, address, never)
	return k.value, err
}

func (c *Cache[T]) isFresh(k known[T]) bool { return c.now().Before(k.fresh) }

func never[T any](known[T]) bool { return false }

func (c *Cache[T]) get(ctx context.Context, address string, enough func(known[T]) bool) (known[T], error) {
	var none known[T]
	e := c.entry(address)
	k := e.read()
	if !k.fetched.IsZero() && enough(k) {
		return k, nil
	}
	if c.due(k) {
		select {
		case e.turn <- struct{}{}:
		case <-ctx.Done():
			return none, &Refusal{Reason: ReasonTime, Cause: ctx.Err()}
		}
		if k = e.read(); c.due(k) { // nobody asked while this caller waited
			k = c.ask(ctx, k, address)
			e.write(k)
		}
		<-e.turn
	}
	switch {
	case !k.fetched.IsZero() && c.now().Sub(k.fetched) < mostStale:
		return k, nil
	case k.failed != nil:
		return none, k.failed
	}
	return none, &Refusal{Reason: ReasonLater}
}

// due reports whether the last request is long enough ago for another.
func (c *Cache[T]) due(k known[T]) bool {
	return k.asked.IsZero() || c.now().Sub(k.asked).Abs() >= leastBetween
}

// entry finds or makes the entry of an address. Addresses come from records, so there are few; a bound all the same: the one
// that was asked longest ago makes room, as does that of a record that is no more.
func (c *Cache[T]) entry(address string) *entry[T] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.entries[address]; ok {
		return e
	}
	if len(c.entries) >= mostEntries {
		delete(c.entries, c.oldest())
	}
	e := &entry[T]{turn: make(chan struct{}, 1)}
	c.entries[address] = e
	return e
}

// oldest is the address that was asked longest ago; of those that are being asked for the first time, any if there is no
// other. The caller holds the lock.
func (c *Cache[T]) oldest() string {
	var address string
	var since time.Time
	for at, e := range c.entries {
		asked := e.read().asked
		if address == "" || !asked.IsZero() && (since.IsZero() || asked.Before(since)) {
			address, since = at, asked
		}
	}
	return address
}

// ask asks the server. Whoever caused it may leave: the answer is for all.
func (c *Cache[T]) ask(ctx context.Context, k known[T], address string) known[T] {
	answer, err := c.fetcher.Get(context.WithoutCancel(ctx), address, c.types...)
	k.asked = c.now()
	if err != nil {
		if !silent(err) {
			k = known[T]{asked: k.asked}
		}
		k.failed = err
		return k
	}
	value, err := c.parse(answer.Body)
	if err != nil {
		return known[T]{asked: k.asked, failed: &Refusal{Reason: ReasonContent, Cause: err}}
	}
	k.value, k.fetched, k.fresh, k.failed = value, k.asked, k.asked.Add(freshness(answer.MaxAge)), nil
	return k
}

// silent reports whether a server said nothing that takes back what it said before: it cannot be reached, or cannot answer
// now. Whatever else it says is its word.
func silent(err error) bool {
	refusal, ok := errors.AsType[*Refusal](err)
	if !ok {
		return false
	}
	switch refusal.Reason {
	case ReasonTime, ReasonUnreachable:
		return true
	case ReasonStatus:
		return refusal.Status >= http.StatusInternalServerError || refusal.Status == http.StatusTooManyRequests
	}
	return false
}

func freshness(says time.Duration) time.Duration {
	if says < 0 {
		return usualFresh
	}
	return min(max(says, leastFresh), mostFresh)
}

// maxAge reads Cache-Control (RFC 9111 §5.2.2): no-store and no-cache are a max-age of none.
func maxAge(headers []string) time.Duration {
	out := time.Duration(-1)
	for _, header := range headers {
		for directive := range strings.SplitSeq(header, ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			switch strings.ToLower(name) {
			case "no-store", "no-cache":
				return 0
			case "max-age":
				if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31); err == nil {
					out = time.Duration(seconds) * time.Second
				}
			}
		}
	}
	return out
}
