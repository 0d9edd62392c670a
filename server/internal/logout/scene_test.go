package logout_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/logout"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

const (
	host    = "broker.example.org"
	issuer  = "https://" + host + "/api/v2"
	left    = "https://sp.example.fr/left"
	cookie  = "__Host-pivot-standard"
	account = "account-1"
)

// scene is the logout of an issuer over a real store.
type scene struct {
	t     *testing.T
	parts logout.Parts
	store *store.Store
	clock *storetest.Clock
}

// keys are the test's own: made once, never stored.
var keys = sync.OnceValue(func() (k struct{ issuer, other *ecdsa.PrivateKey }) {
	for _, into := range []**ecdsa.PrivateKey{&k.issuer, &k.other} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic("internal error: no random key: " + err.Error())
		}
		*into = key
	}
	return k
})

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, clock: storetest.NewClock()}
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
	published, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: keys().issuer.Public(), KeyID: "k1", Use: "sig", Algorithm: "ES256"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	clients := map[string]*client.Client{
		"sp-1": service(t, "sp-1", true, ""), "sp-2": service(t, "sp-2", true, "https://sp-2.example.fr/back-channel"), "idle": service(t, "idle", false, ""),
	}
	s.parts = logout.Parts{
		Kit: kit, Guard: guard, Issuer: issuer, Clients: func(id string) *client.Client { return clients[id] },
		Ledger: s.store, Book: s.store, Log: s.store, Keys: func() ([]byte, error) { return published, nil }, Now: s.clock.Now,
	}
	if err := logout.Mount(s.parts); err != nil {
		t.Fatal(err)
	}
	return s
}

func service(t *testing.T, id string, active bool, backChannel string) *client.Client {
	t.Helper()
	hash, err := client.HashSecret("kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Record{
		ID: id, Name: "Service " + id, EntityID: strings.Repeat("e", 32), Active: active, Public: true,
		RedirectURIs:   []string{"https://sp.example.fr/callback"},
		Logout:         client.Logout{URIs: []string{left, left + "/" + id}, BackChannel: backChannel},
		Authentication: client.Authentication{Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{hash}},
	}, oauth.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// token is what an ID token of the person says.
func (s *scene) token(clientID string) session.Token {
	return session.Token{Client: clientID, Subject: "sub-" + clientID, Nonce: "nonce-of-" + clientID, AuthTime: s.clock.Now()}
}

// hint is that ID token, with members added or changed.
func (s *scene) hint(k session.Token, change map[string]any) string {
	s.t.Helper()
	return s.signed(keys().issuer, map[string]any{"alg": "ES256", "kid": "k1"}, k, change)
}

func (s *scene) signed(key *ecdsa.PrivateKey, header map[string]any, k session.Token, change map[string]any) string {
	s.t.Helper()
	claims := map[string]any{
		"sub": k.Subject, "acr": "eidas1", "auth_time": k.AuthTime.Unix(), "nonce": k.Nonce, "aud": k.Client,
		"exp": k.AuthTime.Unix() + 60, "iat": k.AuthTime.Unix(), "iss": issuer,
	}
	for name, value := range change {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		s.t.Fatal(err)
	}
	options := new(jose.SignerOptions)
	for name, value := range header {
		if name != "alg" && name != "kid" {
			options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: fmt.Sprint(header["kid"])}}, options)
	if err != nil {
		s.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		s.t.Fatal(err)
	}
	compact, err := jws.CompactSerialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return compact
}

// browser keeps cookies.
type browser struct {
	s       *scene
	cookies map[string]string
}

func (s *scene) browser() browser { return browser{s, map[string]string{}} }

// loggedIn is a browser with a session of logins at these clients.
func (s *scene) loggedIn(clients ...string) browser {
	s.t.Helper()
	return s.session(func() string { return txn.NewID().String() }, clients...)
}

// loggedInBy is a browser with a session of one login, which that transaction was.
func (s *scene) loggedInBy(id, transaction string) browser {
	s.t.Helper()
	return s.session(func() string { return transaction }, id)
}

func (s *scene) session(transactions func() string, clients ...string) browser {
	s.t.Helper()
	b := s.browser()
	value, hash := s.parts.Kit.NewSession()
	made, err := session.Begin(session.Person{Issuer: issuer, Profile: txn.Standard, Account: account}, hash, s.clock.Now())
	for _, id := range clients {
		if err != nil {
			s.t.Fatal(err)
		}
		transaction := transactions()
		made, err = made.Join(account, session.Login{
			Client: id, Subject: "sub-" + id, SID: session.SID(transaction), Transaction: transaction, Token: s.token(id).Print(),
		}, hash, s.clock.Now())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.Apply(s.t.Context(), []record.Change{made.Change()}); err != nil {
		s.t.Fatal(err)
	}
	b.cookies[cookie] = value
	return b
}

// page is what a browser got.
type page struct {
	status   int
	location string
	body     string
	policy   string
}

func (b browser) do(method, target, body string, headers ...string) page {
	b.s.t.Helper()
	r := httptest.NewRequestWithContext(b.s.t.Context(), method, target, strings.NewReader(body))
	r.Host = host
	r.Header.Set("Accept-Language", "en")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.s.parts.Kit.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	if cache := w.Header().Get("Cache-Control"); cache != "no-store" {
		b.s.t.Errorf("%s %s: Cache-Control %q", method, target, cache)
	}
	return page{w.Code, w.Header().Get("Location"), w.Body.String(), w.Header().Get("Content-Security-Policy")}
}

// end asks for a logout.
func (b browser) end(query url.Values) page {
	b.s.t.Helper()
	return b.do(http.MethodGet, "/api/v2/session/end?"+query.Encode(), "")
}

var form = regexp.MustCompile(`<form method="post" action="([^"]+)">\s*<input type="hidden" name="csrfToken" value="([^"]+)">`)

// submit sends the one form of a page.
func (b browser) submit(p page) page {
	b.s.t.Helper()
	found := form.FindAllStringSubmatch(p.body, -1)
	if len(found) != 1 {
		b.s.t.Fatalf("%d forms in %d: %s", len(found), p.status, p.body)
	}
	return b.do(http.MethodPost, html.UnescapeString(found[0][1]), url.Values{"csrfToken": {found[0][2]}}.Encode())
}

// isLoggedIn asks the issuer.
func (b browser) isLoggedIn() bool {
	b.s.t.Helper()
	p := b.do(http.MethodGet, "/api/v2/session/end/success", "")
	stayed, gone := strings.Contains(p.body, "You are still logged in"), strings.Contains(p.body, "You are logged out")
	if p.status != http.StatusOK || stayed == gone {
		b.s.t.Fatalf("%d: %s", p.status, p.body)
	}
	return stayed
}

// entries are the audit entries of some events so far.
func (s *scene) entries(events ...audit.Event) []audit.Entry {
	s.t.Helper()
	var out []audit.Entry
	for e, err := range s.store.Entries(context.WithoutCancel(s.t.Context())) {
		if err != nil {
			s.t.Fatal(err)
		}
		if slices.Contains(events, e.Event) {
			out = append(out, e)
		}
	}
	return out
}

// notices are those that wait.
func (s *scene) notices() []session.Notice {
	s.t.Helper()
	owners, err := s.store.Owners(s.t.Context(), record.Logout)
	var found []record.Record
	for _, owner := range owners {
		if err != nil {
			break
		}
		var more []record.Record
		more, err = s.store.Owned(s.t.Context(), record.Logout, owner)
		found = append(found, more...)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	var out []session.Notice
	for _, r := range found {
		n, err := session.ParseNotice(r)
		if err != nil {
			s.t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}
