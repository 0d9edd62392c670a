package login_test

import (
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

	"github.com/gin-gonic/gin"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/events"
	"pivot/server/internal/identity"
	"pivot/server/internal/login"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/prooftest"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

const (
	host     = "broker.example.org"
	issuer   = "https://" + host + "/api/v2"
	callback = "https://sp.example.org/callback"
	service  = "Caisse <b>d'essai</b>"
)

// scene is the pages of a login over a real store, at an issuer of the profile that asks for no encryption.
type scene struct {
	t      *testing.T
	parts  login.Parts
	store  *store.Store
	bus    *events.Bus
	clock  *storetest.Clock
	client *client.Client
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
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "standard", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
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
	s.client = s.register()
	s.parts = login.Parts{
		Kit: kit, Guard: guard, Issuer: issuer, Claims: claims.Standard, Ledger: s.store, Log: s.store, Meet: meet, Now: s.clock.Now,
		Clients: func(id string) *client.Client {
			if id != "sp-1" {
				return nil
			}
			return s.client
		},
	}
	if err := login.Mount(s.parts); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *scene) register() *client.Client {
	s.t.Helper()
	hash, err := client.HashSecret("kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw")
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := client.New(client.Record{
		ID: "sp-1", Name: service, EntityID: strings.Repeat("e", 32), Active: true, Consent: true,
		RedirectURIs:   []string{callback},
		Authentication: client.Authentication{Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{hash}},
		Rights:         client.Rights{Scopes: []string{"given_name", "family_name"}},
	}, oauth.Standard())
	if err != nil {
		s.t.Fatal(err)
	}
	return c
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

// begin opens a transaction for a browser, as the provider does, and gives the address of its page.
func (b browser) begin() string {
	b.s.t.Helper()
	id := txn.NewID()
	request, err := txn.NewRequest(txn.Params{
		Profile: txn.Standard, Issuer: issuer, Client: "sp-1", RedirectURI: callback, State: "state-1", Nonce: "0123456789012345678901",
		Scopes: []string{"openid", "given_name", "family_name"}, Level: assurance.Low,
	})
	if err != nil {
		b.s.t.Fatal(err)
	}
	w := httptest.NewRecorder()
	c, _ := gin.CreateTestContext(w)
	waiting, entry, err := request.Begin(id, b.s.parts.Kit.NewBrowser(c, id.String(), time.Hour), b.s.clock.Now())
	if err != nil {
		b.s.t.Fatal(err)
	}
	for _, cookie := range w.Result().Cookies() {
		b.cookies[cookie.Name] = cookie.Value
	}
	if err := b.s.store.Begin(b.s.t.Context(), waiting, entry); err != nil {
		b.s.t.Fatal(err)
	}
	return web.PathInteraction.For(id.String())
}

func name(address string) string { return address[strings.LastIndexByte(address, '/')+1:] }

// state is the transaction of an address.
func (s *scene) state(address string) txn.State {
	s.t.Helper()
	id, err := txn.ParseID(name(address))
	if err != nil {
		s.t.Fatal(err)
	}
	state, err := s.store.Load(s.t.Context(), issuer, id)
	if err != nil {
		s.t.Fatal(err)
	}
	return state
}

func (s *scene) ceremony(address string) ceremony.Ceremony {
	s.t.Helper()
	r, err := s.store.Get(s.t.Context(), record.Ceremony, name(address))
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
	if err := s.store.Apply(s.t.Context(), []record.Change{next.Change()}); err != nil {
		s.t.Fatal(err)
	}
	s.bus.Notify(next.ID())
}

var shown = regexp.MustCompile(`<p class="code"><code>([^<]+)<`)

// attach has a device redeem the code of the page, then listen; it gives what the app answers to a browser that comes by an
// address.
func (s *scene) attach(address string, p page) func(at string) string {
	s.t.Helper()
	code := shown.FindStringSubmatch(p.body)
	if code == nil {
		s.t.Fatalf("no code in %s", p.body)
	}
	var secret []byte
	s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) {
		next, err := c.Attach(code[1], ceremony.Party{Device: "device-1", Thumbprint: sha256.Sum256([]byte("key"))}, s.clock.Now())
		if err == nil {
			next, _, secret, err = next.Listen(45678, s.clock.Now())
		}
		return next, err
	})
	return func(at string) string {
		u, err := url.Parse(at)
		if err != nil {
			s.t.Fatal(err)
		}
		port, _ := strconv.Atoi(u.Port())
		proof := wire.HopProof(secret, name(address), strings.TrimPrefix(u.Path, "/hop/"), "device-1", port)
		return address + "/hop?c=" + base64.RawURLEncoding.EncodeToString(proof)
	}
}

// prove ends the ceremony as it must end, the transaction proved.
func (s *scene) prove(address string) {
	s.t.Helper()
	who, err := identity.New(identity.Fields{
		GivenName: "Hélène", FamilyName: "Dupont", Gender: "female", Birthdate: "1985-03-14", Birthcountry: "99100",
		Birthplace: "69383", Email: "helene@example.org",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	proof := prooftest.New(s.t, name(address), "account-1", assurance.Contribution{
		Evidence: assurance.CardWithKey, Hop: true,
		Activations: []assurance.Activation{assurance.CardDesk, assurance.CardDesk, assurance.CardDesk},
	})
	waiting, ok := s.state(address).(txn.Waiting)
	if !ok {
		s.t.Fatal("not waiting")
	}
	proven, entry, err := waiting.Prove(proof, assurance.Default(), who, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	done, err := s.ceremony(address).End(ceremony.Done, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.AdvanceWith(s.t.Context(), record.Step{From: waiting, Next: proven, Entry: entry}, []record.Change{done.Change()}); err != nil {
		s.t.Fatal(err)
	}
	s.bus.Notify(name(address))
}

// refuse ends ceremony and transaction together, as the companion's edge does.
func (s *scene) refuse(address, reason string) {
	s.t.Helper()
	waiting, ok := s.state(address).(txn.Waiting)
	if !ok {
		s.t.Fatal("not waiting")
	}
	ended, entry, err := waiting.Refuse(txn.Reason(reason), s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	over, err := s.ceremony(address).End(reason, s.clock.Now())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.AdvanceWith(s.t.Context(), record.Step{From: waiting, Next: ended, Entry: entry}, []record.Change{over.Change()}); err != nil {
		s.t.Fatal(err)
	}
	s.bus.Notify(name(address))
}

// events of the audit log about an address, in order.
func (s *scene) events(address string) string {
	s.t.Helper()
	var out []string
	for e, err := range s.store.Entries(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		if e.Transaction == name(address) && e.Event != audit.AuthorizeReceived {
			out = append(out, string(e.Event))
		}
	}
	return strings.Join(out, " ")
}
