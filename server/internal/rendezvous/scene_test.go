package rendezvous_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/events"
	"pivot/server/internal/record"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

const (
	host   = "broker.example.org"
	issuer = "https://" + host + "/api/v2"
)

// book is a record.Book in memory, as guarded as a real one.
type book struct {
	record.Book // nil: what is not below is not called

	mu       sync.Mutex
	records  map[string]record.Record
	entries  []audit.Entry
	ended    []string // names of the states that transactions advanced to
	advances error    // what AdvanceWith answers
	stale    int      // how many Apply find that another was faster
}

func (b *book) Get(_ context.Context, kind record.Kind, id string) (record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.records[string(kind)+id]
	if !ok {
		return r, record.ErrUnknown
	}
	return r, nil
}

func (b *book) Apply(_ context.Context, changes []record.Change, entries ...audit.Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.apply(changes, entries...)
}

func (b *book) apply(changes []record.Change, entries ...audit.Entry) error {
	next := maps.Clone(b.records)
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return err
		}
		key := string(c.Next.Kind) + c.Next.ID
		old, there := next[key]
		switch {
		case c.From == 0 && there:
			return record.ErrTaken
		case old.Version != c.From:
			return record.ErrStale
		case b.stale > 0:
			b.stale--
			return record.ErrStale
		}
		next[key] = c.Next
	}
	for _, e := range entries {
		if _, err := e.Encode(); err != nil {
			return err
		}
	}
	b.records, b.entries = next, append(b.entries, entries...)
	return nil
}

func (b *book) AdvanceWith(_ context.Context, step record.Step, changes []record.Change) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.advances != nil {
		return b.advances
	}
	if err := txn.Follows(step.From, step.Next); err != nil {
		return err
	}
	if err := b.apply(changes, step.Entry); err != nil {
		return err
	}
	b.ended = append(b.ended, string(step.Next.Name()))
	return nil
}

// events of the log, in order.
func (b *book) events() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []string
	for _, e := range b.entries {
		out = append(out, string(e.Event)+" "+e.Reason)
	}
	return strings.Join(out, ", ")
}

// scene is a host whose pages are JSON.
type scene struct {
	*rendezvous.Host

	t       *testing.T
	kit     *web.Kit
	book    *book
	bus     *events.Bus
	id      string
	browser [32]byte
	pairing bool
	now     func() time.Time
}

func newScene(t *testing.T, pairing bool) *scene {
	t.Helper()
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{
		t: t, kit: kit, book: &book{records: map[string]record.Record{}}, pairing: pairing, id: txn.NewID().String(),
		bus: events.New(), browser: sha256.Sum256([]byte("browser")), now: time.Now,
	}
	s.Host, err = rendezvous.New(rendezvous.Parts{
		Kit: kit, Issuer: issuer, Book: s.book, Events: s.bus, Now: func() time.Time { return s.now() },
	})
	if err != nil {
		t.Fatal(err)
	}
	path := web.PathInteraction
	if pairing {
		path = web.PathPairing
	}
	kit.Page(http.MethodGet, path, func(c *gin.Context) error {
		m, answered, err := s.Attend(c, s.visit(c.GetHeader("X-Browser")))
		if err != nil {
			c.String(http.StatusTeapot, err.Error())
			return nil
		}
		if !answered {
			c.JSON(http.StatusOK, m)
		}
		return nil
	})
	return s
}

// visit is one of the browser that began, or of another.
func (s *scene) visit(other string) rendezvous.Visit {
	v := rendezvous.Visit{Pairing: s.pairing, ID: s.id, Browser: s.browser, Known: true, Expires: s.now().Add(30 * time.Minute)}
	if other != "" {
		v.Browser = sha256.Sum256([]byte(other))
	}
	return v
}

func (s *scene) path() string {
	if s.pairing {
		return web.PathPairing.For(s.id)
	}
	return web.PathInteraction.For(s.id)
}

// answer is what a browser got.
type answer struct {
	status   int
	location string
	meeting  assets.Meeting
	text     string
}

// get opens the page with a query.
func (s *scene) get(ctx context.Context, query string) answer {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, s.path()+query, nil)
	r.Host = host
	w := httptest.NewRecorder()
	s.kit.ServeHTTP(w, r)
	a := answer{status: w.Code, location: w.Header().Get("Location"), text: w.Body.String()}
	if w.Code == http.StatusOK {
		if err := json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&a.meeting); err != nil {
			s.t.Errorf("page: %v", err)
		}
	}
	return a
}

func (s *scene) ceremony() ceremony.Ceremony {
	s.t.Helper()
	r, err := s.book.Get(s.t.Context(), record.Ceremony, s.id)
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := ceremony.Parse(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// app does what the companion's edge would: a step, stored, and whoever waits is woken.
func (s *scene) app(step func(c ceremony.Ceremony) (ceremony.Ceremony, error)) {
	s.t.Helper()
	next, err := step(s.ceremony())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.book.Apply(s.t.Context(), []record.Change{next.Change()}); err != nil {
		s.t.Fatal(err)
	}
	s.bus.Notify(s.id)
}

func (s *scene) attach() {
	s.t.Helper()
	code, _, ok := s.ceremony().Code(s.now())
	if !ok {
		s.t.Fatal("no code to redeem")
	}
	s.app(func(c ceremony.Ceremony) (ceremony.Ceremony, error) {
		return c.Attach(code, ceremony.Party{Device: "device-1", Thumbprint: sha256.Sum256([]byte("key")), Name: "Ordinateur"}, s.now())
	})
}

// listen has the app listen, and gives what it proves the hop with.
func (s *scene) listen(port int) (secret []byte) {
	s.t.Helper()
	s.app(func(c ceremony.Ceremony) (next ceremony.Ceremony, err error) {
		next, _, secret, err = c.Listen(port, s.now())
		return next, err
	})
	return secret
}

// proof is what the app sends the browser back with, having seen the address that it came by.
func (s *scene) proof(secret []byte, address string) string {
	s.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.t.Fatal(err)
	}
	port, _ := strconv.Atoi(u.Port())
	c := wire.HopProof(secret, s.id, strings.TrimPrefix(u.Path, "/hop/"), "device-1", port)
	return base64.RawURLEncoding.EncodeToString(c)
}

// hopped goes to the app and back: everything but the return itself.
func (s *scene) hopped() string {
	s.t.Helper()
	s.get(s.t.Context(), "")
	s.attach()
	if s.pairing {
		if err := s.Confirm(s.t.Context(), s.visit("")); err != nil {
			s.t.Fatal(err)
		}
	}
	secret := s.listen(40000)
	return s.proof(secret, s.get(s.t.Context(), "").location)
}

var errTest = errors.New("test")
