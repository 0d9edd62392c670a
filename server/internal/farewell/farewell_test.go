package farewell_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/farewell"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
)

const (
	issuer  = "https://pivot.test/api/v2"
	address = "https://sp.example.fr/back-channel"
)

// key is the tests' own for all purposes: made once, never stored.
var key = sync.OnceValue(func() *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("internal error: no random key: " + err.Error())
	}
	return k
})

// typed signs as package keys does.
type typed struct{ t *testing.T }

func (s typed) SignAs(_ context.Context, typ string, payload []byte) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key(), KeyID: "k1"}},
		new(jose.SignerOptions).WithType(jose.ContentType(typ)))
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

// post is one logout token as it arrived.
type post struct {
	address, media string
	body           url.Values
}

// scene is a courier over a real store, and the service providers' end.
type scene struct {
	t       *testing.T
	store   *store.Store
	clock   *storetest.Clock
	courier *farewell.Courier

	mu      sync.Mutex
	clients map[string]*client.Client
	posts   []post
	answer  func(post) (int, string)
}

func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{t: t, clock: storetest.NewClock(), clients: map[string]*client.Client{}}
	s.answer = func(post) (int, string) { return http.StatusOK, "" }
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
	s.clients["sp-1"], s.clients["sp-2"] = service(t, "sp-1", address, false), service(t, "sp-2", address+"2", true)
	s.courier = s.another()
	return s
}

// another is a courier of another process on the same store.
func (s *scene) another() *farewell.Courier {
	s.t.Helper()
	c, err := farewell.New(farewell.Parts{
		Book: s.store, Owners: s.store.Owners, Now: s.clock.Now, Keys: func(string) token.TypedSigner { return typed{s.t} },
		Clients: func(at, id string) *client.Client {
			s.mu.Lock()
			defer s.mu.Unlock()
			if at != issuer {
				return nil
			}
			return s.clients[id]
		},
		Post: func(_ context.Context, address, media string, body []byte) (int, string) {
			values, err := url.ParseQuery(string(body))
			if err != nil {
				s.t.Error(err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			p := post{address, media, values}
			s.posts = append(s.posts, p)
			return s.answer(p)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func service(t *testing.T, id, backChannel string, encrypted bool) *client.Client {
	t.Helper()
	hash, err := client.HashSecret("kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw")
	if err != nil {
		t.Fatal(err)
	}
	r := client.Record{
		ID: id, Name: "Service " + id, EntityID: strings.Repeat("e", 32), Active: true, Public: true,
		RedirectURIs: []string{"https://sp.example.fr/callback"}, Logout: client.Logout{BackChannel: backChannel, Session: encrypted},
		Authentication: client.Authentication{Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{hash}},
	}
	if encrypted {
		r.Answers.IDToken = client.Encryption{Alg: "ECDH-ES", Enc: "A256GCM"}
		if r.JWKS, err = json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key().Public(), KeyID: "e1", Use: "enc", Algorithm: "ECDH-ES"}}}); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(r, oauth.Standard())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leave ends a session of logins at these clients.
func (s *scene) leave(clients ...string) {
	s.t.Helper()
	made, err := session.Begin(session.Person{Issuer: issuer, Profile: txn.Standard, Account: "account-1"}, [32]byte{1}, s.clock.Now())
	for _, id := range clients {
		if err != nil {
			s.t.Fatal(err)
		}
		made, err = made.Join("account-1", session.Login{
			Client: id, Subject: "sub-" + id, SID: "sid-" + id, Transaction: "t", Token: [32]byte{1},
		}, [32]byte{1}, s.clock.Now())
	}
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.store.Apply(s.t.Context(), made.Leave(func(string) bool { return true }, s.clock.Now())); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) deliver() {
	s.t.Helper()
	if err := s.courier.Deliver(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

// outcomes are what the audit log says, in order.
func (s *scene) outcomes() (out []string) {
	s.t.Helper()
	for e, err := range s.store.Entries(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		if slices.Contains([]audit.Event{audit.LogoutSent, audit.LogoutFailed}, e.Event) {
			out = append(out, strings.TrimSpace(e.Client+" "+string(e.Event)+" "+e.Details["tries"]+" "+e.Reason))
		}
	}
	return out
}

func (s *scene) waiting() int {
	s.t.Helper()
	n := 0
	for id := range s.clients {
		found, err := s.store.Owned(s.t.Context(), record.Logout, session.Pending(issuer, id))
		if err != nil {
			s.t.Fatal(err)
		}
		n += len(found)
	}
	return n
}

func (s *scene) expect(posts int, outcomes ...string) {
	s.t.Helper()
	if len(s.posts) != posts {
		s.t.Errorf("%d posts, want %d", len(s.posts), posts)
	}
	if got := s.outcomes(); !slices.Equal(got, outcomes) {
		s.t.Errorf("outcomes %q, want %q", got, outcomes)
	}
}

// A logout token has what §2.4 asks for, says who is meant, and is encrypted where ID tokens are.
func TestLogoutToken(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.leave("sp-1", "sp-2")
	s.deliver()
	s.deliver() // nothing is left
	if len(s.posts) != 2 || s.waiting() != 0 {
		t.Fatalf("%d posts, %d waiting", len(s.posts), s.waiting())
	}
	seen := map[string]bool{}
	for _, p := range s.posts {
		id := map[string]string{address: "sp-1", address + "2": "sp-2"}[p.address]
		compact := p.body.Get("logout_token")
		if p.media != "application/x-www-form-urlencoded" || len(p.body) != 1 {
			t.Errorf("posted as %q: %v", p.media, p.body)
		}
		if id == "sp-2" {
			outer, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
			if err != nil {
				t.Fatal(err)
			}
			inner, err := outer.Decrypt(key())
			if err != nil {
				t.Fatal(err)
			}
			compact = string(inner)
		}
		signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := signed.Verify(key().Public())
		if err != nil {
			t.Fatal(err)
		}
		if typ := signed.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
			t.Errorf("typ %v", typ)
		}
		var claims struct {
			Issuer   string                       `json:"iss"`
			Audience string                       `json:"aud"`
			Subject  string                       `json:"sub"`
			Session  string                       `json:"sid"`
			ID       string                       `json:"jti"`
			Issued   int64                        `json:"iat"`
			Expires  int64                        `json:"exp"`
			Events   map[string]map[string]string `json:"events"`
			Nonce    *string                      `json:"nonce"`
		}
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Issuer != issuer || claims.Audience != id || claims.Subject != "sub-"+id || claims.Session != map[string]string{"sp-2": "sid-sp-2"}[id] || claims.ID == "" || seen[claims.ID] ||
			claims.Issued != s.clock.Now().Unix() || claims.Expires != claims.Issued+120 || claims.Nonce != nil || len(claims.Events) != 1 || claims.Events["http://schemas.openid.net/event/backchannel-logout"] == nil {
			t.Errorf("%s", payload)
		}
		seen[claims.ID] = true
	}
	if got := s.outcomes(); !slices.Equal(slices.Sorted(slices.Values(got)), []string{"sp-1 logout-sent 1", "sp-2 logout-sent 1"}) {
		t.Errorf("outcomes %q", got)
	}
}

// What an answer comes to: each row beside the 200 that ends the matter.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		status  int
		reason  string
		again   bool
		outcome string
	}{
		{status: 200, outcome: "sp-1 logout-sent 1"},
		{status: 204, outcome: "sp-1 logout-sent 1"},
		{status: 400, outcome: "sp-1 logout-failed 1 status-400"},
		{status: 404, outcome: "sp-1 logout-failed 1 status-404"},
		{status: 201, outcome: "sp-1 logout-failed 1 status-201"},
		{status: 408, again: true},
		{status: 429, again: true},
		{status: 500, again: true},
		{status: 503, again: true},
		{reason: "unreachable", again: true},
		{reason: "time", again: true},
	} {
		s := newScene(t)
		s.answer = func(post) (int, string) { return row.status, row.reason }
		s.leave("sp-1")
		s.deliver()
		var want []string
		if !row.again {
			want = []string{row.outcome}
		}
		s.expect(1, want...)
		if (s.waiting() == 1) != row.again {
			t.Errorf("%d %s: %d waiting", row.status, row.reason, s.waiting())
		}
		s.clock.Advance(6 * time.Second)
		s.answer = func(post) (int, string) { return 200, "" }
		s.deliver()
		if row.again {
			s.expect(2, "sp-1 logout-sent 2")
		} else {
			s.expect(1, want...)
		}
	}
}

// A service provider that is gone is tried a few times, at growing distances, and then no more.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.answer = func(post) (int, string) { return 503, "" }
	s.leave("sp-1")
	for range 3 {
		s.deliver() // none of these is early
	}
	s.expect(1)
	for range 12 * 60 {
		s.clock.Advance(5 * time.Second)
		s.deliver()
	}
	s.expect(session.Tries(), "sp-1 logout-failed 5 status-503")
	if s.waiting() != 0 {
		t.Errorf("%d waiting", s.waiting())
	}
	ids := map[string]bool{}
	for _, p := range s.posts {
		ids[p.body.Get("logout_token")] = true
	}
	if len(ids) != session.Tries() {
		t.Error("a token was sent twice")
	}
}

// One service provider that does not answer does not hold up another.
func TestSilentOne(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.answer = func(p post) (int, string) {
		if p.address == address {
			return 0, "time"
		}
		return 200, ""
	}
	for range 40 {
		s.leave("sp-1", "sp-2")
	}
	s.deliver()
	reached := slices.DeleteFunc(slices.Clone(s.posts), func(p post) bool { return p.address == address })
	if len(reached) != 40 || len(s.posts)-len(reached) != 1 {
		t.Errorf("%d posts, of which %d to the one that answers", len(s.posts), len(reached))
	}
}

// However many notices one service provider leaves lying, another hears of its own in the same round.
func TestCrowd(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.answer = func(p post) (int, string) {
		if p.address == address {
			return 0, "time"
		}
		return 200, ""
	}
	for range 5 {
		s.leave(slices.Repeat([]string{"sp-1"}, session.MostLogins)...) // more than one reading of the store gives
	}
	s.clock.Advance(time.Second)
	s.leave("sp-2")
	s.deliver()
	s.expect(2, "sp-2 logout-sent 1")
	s.answer = func(post) (int, string) { return 200, "" }
	s.deliver()
	if got := len(s.posts) - 2; got != 255 { // the one that was tried is not due
		t.Errorf("%d posts to the one that answers again", got)
	}
}

// A notice that nobody took in time is given up, and the audit log says so; just before, it is still delivered.
func TestTooLate(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		after   time.Duration
		posts   int
		outcome string
	}{
		{time.Hour - time.Millisecond, 1, "sp-1 logout-sent 1"},
		{time.Hour, 0, "sp-1 logout-failed 0 too-late"},
		{24 * time.Hour, 0, "sp-1 logout-failed 0 too-late"},
	} {
		s := newScene(t)
		s.leave("sp-1")
		s.clock.Advance(row.after)
		s.deliver()
		s.deliver()
		s.expect(row.posts, row.outcome)
	}
}

// A record that is struck off, or names no address any more, ends the matter; nothing is posted.
func TestClientGone(t *testing.T) {
	t.Parallel()
	for _, gone := range []*client.Client{nil, service(t, "sp-1", "", false)} {
		s := newScene(t)
		s.clients["sp-1"] = gone
		s.leave("sp-1")
		s.deliver()
		s.expect(0, "sp-1 logout-failed 0 client-gone")
	}
}

// A try that was counted and never finished is not made again, and the last one ends the matter.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.leave("sp-1")
	found, err := s.store.Owned(t.Context(), record.Logout, session.Pending(issuer, "sp-1"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%d notices, %v", len(found), err)
	}
	n, err := session.ParseNotice(found[0])
	if err != nil {
		t.Fatal(err)
	}
	for range session.Tries() { // a process that counts a try, and ends before it is made
		next, ok := n.Try(s.clock.Now())
		if !ok {
			t.Fatal("no try left")
		}
		if err := s.store.Apply(t.Context(), []record.Change{next.Change()}); err != nil {
			t.Fatal(err)
		}
		n = next.Stored()
	}
	s.deliver()
	s.expect(0)
	s.clock.Advance(11 * time.Minute)
	s.deliver()
	s.expect(0, "sp-1 logout-failed 5 interrupted")
}

// Several processes share a store: each notice is posted once.
func TestTwoCouriers(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 10 {
		s.leave("sp-1", "sp-2")
	}
	var group sync.WaitGroup
	for _, c := range []*farewell.Courier{s.courier, s.another(), s.another()} {
		group.Go(func() {
			if err := c.Deliver(context.WithoutCancel(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(s.posts) != 20 || len(s.outcomes()) != 20 || s.waiting() != 0 {
		t.Errorf("%d posts, %d outcomes, %d waiting", len(s.posts), len(s.outcomes()), s.waiting())
	}
}

func TestNewNeedsEveryPart(t *testing.T) {
	t.Parallel()
	whole := newScene(t).courier.Parts
	for i, change := range []func(*farewell.Parts){
		func(p *farewell.Parts) { p.Book = nil }, func(p *farewell.Parts) { p.Clients = nil }, func(p *farewell.Parts) { p.Keys = nil },
		func(p *farewell.Parts) { p.Post = nil }, func(p *farewell.Parts) { p.Owners = nil }, func(p *farewell.Parts) { p.Now = nil },
	} {
		p := whole
		change(&p)
		if _, err := farewell.New(p); err == nil {
			t.Errorf("made without part %d", i)
		}
	}
	if _, err := farewell.New(whole); err != nil {
		t.Error(err)
	}
}
