package portal_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/events"
	"pivot/server/internal/portal"
	"pivot/server/internal/record"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

const (
	host   = "broker.example.org"
	issuer = "https://" + host + "/api/v2"
)

// scene is a portal over a real store.
type scene struct {
	t     *testing.T
	parts portal.Parts
	store *store.Store
	bus   *events.Bus
	clock *storetest.Clock
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, bus: events.New(), clock: storetest.NewClock()}
	var err error
	s.store, err = store.Open(t.Context(), store.Options{Dir: t.TempDir() + "/data", Sealer: storetest.NewSealer([32]byte{1}), Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.store.Close(); err != nil {
			t.Error(err)
		}
	})
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := web.NewGuard(make([]byte, 32), s.store)
	if err != nil {
		t.Fatal(err)
	}
	meet, err := rendezvous.New(rendezvous.Parts{Kit: kit, Issuer: issuer, Book: s.store, Events: s.bus, Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.parts = portal.Parts{Kit: kit, Guard: guard, Issuer: issuer, Meet: meet, Log: s.store, Now: s.clock.Now}
	if err := portal.Mount(s.parts); err != nil {
		t.Fatal(err)
	}
	return s
}

// refusals are the steps that the audit log says were another browser's, or forged.
func (s *scene) refusals() (out []string) {
	s.t.Helper()
	for e, err := range s.store.Entries(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		if e.Event == audit.BrowserMismatch {
			out = append(out, e.Reason)
		}
	}
	return out
}

// browser keeps cookies.
type browser struct {
	s       *scene
	cookies map[string]string
}

func (s *scene) browser() browser { return browser{s, map[string]string{}} }

// page is what a browser got.
type page struct {
	status   int
	location string
	body     string
	policy   string
}

func (b browser) do(method, target, body string) page {
	b.s.t.Helper()
	r := httptest.NewRequestWithContext(b.s.t.Context(), method, target, strings.NewReader(body))
	r.Host = host
	r.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.s.parts.Kit.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return page{w.Code, w.Header().Get("Location"), w.Body.String(), w.Header().Get("Content-Security-Policy")}
}

func (b browser) get(target string) page { b.s.t.Helper(); return b.do(http.MethodGet, target, "") }

var form = regexp.MustCompile(`<form method="post" action="([^"]+)">\s*<input type="hidden" name="csrfToken" value="([^"]+)">`)

// submit sends the form of a page whose action ends so.
func (b browser) submit(p page, action string, more url.Values) page {
	b.s.t.Helper()
	for _, m := range form.FindAllStringSubmatch(p.body, -1) {
		if strings.HasSuffix(m[1], action) {
			values := url.Values{"csrfToken": {m[2]}}
			maps.Copy(values, more)
			return b.do(http.MethodPost, m[1], values.Encode())
		}
	}
	b.s.t.Fatalf("no form %q in %s", action, p.body)
	return page{}
}

// begin begins a pairing, and gives its address and its first page.
func (b browser) begin() (string, page) {
	b.s.t.Helper()
	p := b.submit(b.get("/pair"), "/pair", url.Values{"email": {" helene@example.org "}})
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/pair/") {
		b.s.t.Fatalf("%d to %q: %s", p.status, p.location, p.body)
	}
	return p.location, b.get(p.location)
}

func (s *scene) ceremony(address string) ceremony.Ceremony {
	s.t.Helper()
	r, err := s.store.Get(s.t.Context(), record.Ceremony, strings.TrimPrefix(address, "/pair/"))
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := ceremony.Parse(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// app does what the companion's edge would.
func (s *scene) app(address string, step func(ceremony.Ceremony) (ceremony.Ceremony, error)) {
	s.t.Helper()
	next, err := step(s.ceremony(address))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.Apply(context.WithoutCancel(s.t.Context()), []record.Change{next.Change()}); err != nil {
		s.t.Fatal(err)
	}
	s.bus.Notify(next.ID())
}

var shown = regexp.MustCompile(`<p class="code"><(?:code|strong)>([^<]+)<`)

// attach has a device redeem the code of the page.
func (s *scene) attach(address string, p page) {
	s.t.Helper()
	code := shown.FindStringSubmatch(p.body)
	if code == nil {
		s.t.Fatalf("no code in %s", p.body)
	}
	s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) {
		return c.Attach(code[1], ceremony.Party{Device: "device-1", Thumbprint: sha256.Sum256([]byte("key")), Name: "Desk <PC>"}, s.clock.Now())
	})
}

// listen has the app listen; it gives what the app answers to a browser that comes by an address.
func (s *scene) listen(address string) func(at string) string {
	s.t.Helper()
	var secret []byte
	s.app(address, func(c ceremony.Ceremony) (next ceremony.Ceremony, err error) {
		next, _, secret, err = c.Listen(45678, s.clock.Now())
		return next, err
	})
	return func(at string) string {
		u, err := url.Parse(at)
		if err != nil {
			s.t.Fatal(err)
		}
		port, _ := strconv.Atoi(u.Port())
		proof := wire.HopProof(secret, strings.TrimPrefix(address, "/pair/"), strings.TrimPrefix(u.Path, "/hop/"), "device-1", port)
		return address + "/hop?c=" + base64.RawURLEncoding.EncodeToString(proof)
	}
}

const minute = time.Minute
