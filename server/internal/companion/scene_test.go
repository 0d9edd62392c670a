package companion_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/companion"
	"pivot/server/internal/desk"
	"pivot/server/internal/events"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/oauth"
	"pivot/server/internal/record"
	"pivot/server/internal/rnipp"
	"pivot/server/internal/store"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/server/internal/verify/csca"
	"pivot/server/internal/web"
	"pivot/shared/wire"
)

const (
	origin  = "http://localhost:8080"
	issuer  = origin + "/api/v2"
	persona = "genuine"
)

var browser = [32]byte{7}

// scene is one issuer's edge over a real store, a register that knows the citizens, and a clock that the test moves.
type scene struct {
	tb       testing.TB
	store    *store.Store
	bus      *events.Bus
	server   *httptest.Server
	millis   atomic.Int64
	register register
	policy   card.Policy
	desk     *desk.Service // in place of one that has a single code
}

func (s *scene) now() time.Time          { return time.UnixMilli(s.millis.Load()).UTC() }
func (s *scene) advance(d time.Duration) { s.millis.Add(d.Milliseconds()) }

// signer stands for the issuer's keys: what it signs is not judged here.
type signer struct{}

func (signer) SignAs(_ context.Context, typ string, payload []byte) (string, error) {
	return base64.RawURLEncoding.EncodeToString([]byte(typ)) + "." + base64.RawURLEncoding.EncodeToString(payload) + ".c2ln", nil
}

func (signer) JWKS() ([]byte, error) { return []byte(`{"keys":[]}`), nil }

// register knows every simulated citizen; broken, it does not answer.
type register struct {
	people []rnipp.Person
	err    error
}

func (r *register) Find(context.Context, rnipp.Query) ([]rnipp.Person, error) { return r.people, r.err }

func newScene(tb testing.TB) *scene {
	tb.Helper()
	s := &scene{tb: tb, bus: events.New()}
	s.millis.Store(simtest.Now().UnixMilli())
	var err error
	if s.store, err = store.Open(tb.Context(), store.Options{Dir: tb.TempDir(), Sealer: storetest.NewSealer([32]byte{1}), Now: s.now}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { must(tb, s.store.Close()) })
	s.policy = card.Policy{
		Anchors: anchors(tb), Issuers: []card.Issuer{{State: "FRA", Country: "FR", Codes: []string{"ID"}}}, InsecureWithoutFreshCRL: true,
	}
	s.register.people = []rnipp.Person{personOf(tb, "helene")}
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	must(tb, err)
	lookup, err := identity.NewLookupKey(bytes.Repeat([]byte{3}, 32))
	must(tb, err)
	sp := service(tb)
	must(tb, companion.Mount(companion.Parts{
		Kit: kit,
		Issuer: companion.Issuer{URL: issuer, Claims: claims.Plus, Clients: func(id string) *client.Client {
			if id == sp.ID() {
				return sp
			}
			return nil
		}},
		Store:  companion.Store{Book: s.store, Ledger: s.store, Once: s.store, Log: s.store},
		Events: s.bus, Keys: signer{}, Policy: assurance.Default(), Cards: func() card.Policy { return s.policy },
		Register: &s.register, Lookup: lookup, Redeem: s.redeem, Now: s.now,
	}))
	s.server = httptest.NewServer(kit)
	tb.Cleanup(func() {
		s.server.CloseClientConnections() // or Close waits for those that were dialled and not used
		s.server.Close()
	})
	return s
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func anchors(tb testing.TB) *csca.Anchors {
	tb.Helper()
	var files csca.AnchorFiles
	pki := simtest.PKI(tb)
	for _, der := range pki.Roots() {
		c, err := csca.ParseCertificate(der)
		must(tb, err)
		files.Roots = append(files.Roots, c)
	}
	for _, der := range pki.Links() {
		c, err := csca.ParseCertificate(der)
		must(tb, err)
		files.Links = append(files.Links, c)
	}
	for _, der := range pki.CRLs() {
		c, err := csca.ParseCRL(der)
		must(tb, err)
		files.CRLs = append(files.CRLs, c)
	}
	a, err := csca.NewAnchors(files)
	must(tb, err)
	return a
}

// personOf is a simulated citizen as the register has them.
func personOf(tb testing.TB, key string) rnipp.Person {
	tb.Helper()
	for _, c := range cardsim.Citizens() {
		if c.Key != key {
			continue
		}
		gender := map[string]string{"M": "male", "F": "female", "": "unspecified"}[c.Sex]
		return rnipp.Person{
			Record: identity.Record{
				GivenNames: strings.Fields(c.GivenNames), FamilyName: c.Surname, Gender: gender, Birthdate: c.Birth,
				Birthcountry: "99100", Birthplace: c.BirthPlace.Code,
			},
			PlaceName: c.BirthPlace.Town, CountryName: c.BirthPlace.Country,
		}
	}
	tb.Fatalf("no citizen %s", key)
	return rnipp.Person{}
}

func service(tb testing.TB) *client.Client {
	tb.Helper()
	secret, err := client.HashSecret("kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw")
	must(tb, err)
	sp, err := client.New(client.Record{
		ID: "sp", Name: "Demo service", EntityID: strings.Repeat("e", 32), Active: true, RedirectURIs: []string{"https://sp.example.org/cb"},
		Authentication: client.Authentication{Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{secret}},
		Rights:         client.Rights{Scopes: []string{"openid", "given_name", "email"}},
	}, oauth.Standard())
	must(tb, err)
	return sp
}

// redeem stands for the desk: the code opens for every case that waits.
func (s *scene) redeem(ctx context.Context, d means.Device, code string) (int, error) {
	if s.desk != nil {
		return s.desk.Redeem(ctx, d, code)
	}
	if code != "ABCD-EFGH" {
		return 4, means.ErrWrongCode
	}
	next, err := d.Activate(assurance.CardDesk)
	if err != nil {
		return 0, err
	}
	changes := []record.Change{next.Change()}
	for _, c := range s.cardsOf(d) {
		active, err := c.Activate(assurance.CardDesk)
		if err != nil {
			return 0, err
		}
		changes = append(changes, active.Change())
	}
	return 0, s.store.Apply(ctx, changes)
}

func (s *scene) cardsOf(d means.Device) []means.Card {
	s.tb.Helper()
	records, err := s.store.Owned(s.tb.Context(), record.Card, d.ID())
	must(s.tb, err)
	var out []means.Card
	for _, r := range records {
		c, err := means.ParseCard(r)
		must(s.tb, err)
		out = append(out, c)
	}
	return out
}

// step takes a step of the browser's side and stores it.
func (s *scene) step(id string, take func(ceremony.Ceremony) (ceremony.Ceremony, error)) ceremony.Ceremony {
	s.tb.Helper()
	next, err := take(s.ceremony(id))
	must(s.tb, err)
	must(s.tb, s.store.Apply(s.tb.Context(), []record.Change{next.Change()}))
	s.bus.Notify(id)
	return next
}

func (s *scene) ceremony(id string) ceremony.Ceremony {
	s.tb.Helper()
	r, err := s.store.Get(s.tb.Context(), record.Ceremony, id)
	must(s.tb, err)
	c, err := ceremony.Parse(r)
	must(s.tb, err)
	return c
}

// offer begins a ceremony at the browser and gives its code.
func (s *scene) offer(id string, kind ceremony.Kind) string {
	s.tb.Helper()
	terms := ceremony.Terms{ID: id, Issuer: issuer, Kind: kind, Browser: browser, Expires: s.now().Add(9 * time.Minute)}
	if kind == ceremony.Pair {
		terms.Email = "helene@example.org"
	} else {
		terms.Agent, terms.Place = "Firefox, Linux", "192.0.2.7"
	}
	c, err := ceremony.Offer(terms)
	must(s.tb, err)
	c, code, err := c.Start(s.now())
	must(s.tb, err)
	must(s.tb, s.store.Apply(s.tb.Context(), []record.Change{c.Change()}))
	return code
}

// login begins a transaction at that level, and gives its identifier and start code.
func (s *scene) login(level assurance.Level) (id, start string) {
	s.tb.Helper()
	request, err := txn.NewRequest(txn.Params{
		Profile: txn.Plus, Issuer: issuer, Client: "sp", RedirectURI: "https://sp.example.org/cb", State: strings.Repeat("s", 32),
		Nonce: strings.Repeat("n", 32), Scopes: []string{"openid", "given_name", "email"}, Level: level, Locale: "fr",
	})
	must(s.tb, err)
	waiting, entry, err := request.Begin(txn.NewID(), browser, s.now())
	must(s.tb, err)
	must(s.tb, s.store.Begin(s.tb.Context(), waiting, entry))
	id = waiting.ID().String()
	return id, s.offer(id, ceremony.Login)
}

func (s *scene) state(id string) txn.State {
	s.tb.Helper()
	parsed, err := txn.ParseID(id)
	must(s.tb, err)
	state, err := s.store.Load(s.tb.Context(), issuer, parsed)
	must(s.tb, err)
	return state
}

// logged reports whether the audit log has an event with that reason.
func (s *scene) logged(event audit.Event, reason string) bool {
	s.tb.Helper()
	for e, err := range s.store.Entries(s.tb.Context()) {
		must(s.tb, err)
		if e.Event == event && (reason == "" || e.Reason == reason) {
			return true
		}
	}
	return false
}

// phone is a device as an honest app is one, with a hand for tests in every call.
type phone struct {
	s       *scene
	key     *ecdsa.PrivateKey
	pin     *ecdsa.PrivateKey
	device  string
	id      string // of the ceremony
	nonce   []byte
	ratchet []byte
	hop     string
	handle  []byte
	edit    func(*sent) // changes one call
}

// sent is a call before it is signed, and after.
type sent struct {
	header, claims map[string]any
	body           []byte            // that is sent; the hash in the claims stays
	key            *ecdsa.PrivateKey // that signs
	proof          func(string) string
	id             string // in place of the ceremony's
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(tb, err)
	return k
}

func newPhone(s *scene) *phone { return &phone{s: s, key: newKey(s.tb), pin: newKey(s.tb)} }

var b64 = base64.RawURLEncoding

func jwk(tb testing.TB, k *ecdsa.PrivateKey) map[string]any {
	tb.Helper()
	p, err := k.PublicKey.Bytes()
	must(tb, err)
	return map[string]any{"kty": "EC", "crv": "P-256", "x": b64.EncodeToString(p[1:33]), "y": b64.EncodeToString(p[33:])}
}

// es256 signs in JOSE's form.
func es256(tb testing.TB, k *ecdsa.PrivateKey, input string) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, k, digest[:])
	must(tb, err)
	out := make([]byte, 64)
	r.FillBytes(out[:32])
	v.FillBytes(out[32:])
	return b64.EncodeToString(out)
}

func text(tb testing.TB, v any) []byte {
	tb.Helper()
	raw, err := json.Marshal(v)
	must(tb, err)
	return raw
}

// request signs one call.
func (p *phone) request(method, path string, in any) *http.Request {
	tb := p.s.tb
	tb.Helper()
	var body []byte
	if method == http.MethodPost {
		body = text(tb, in)
	}
	digest := sha256.Sum256(body)
	c := &sent{
		header: map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(tb, p.key)}, key: p.key, body: body, id: p.id,
		proof: func(s string) string { return s },
	}
	c.claims = map[string]any{
		"jti": b64.EncodeToString([]byte(rand.Text())), "htm": method, "iat": p.s.now().Unix(), "bh": b64.EncodeToString(digest[:]),
	}
	if p.edit != nil {
		p.edit(c)
	}
	address := wire.For(path, c.id)
	if c.claims["htu"] == nil {
		c.claims["htu"] = origin + address
	}
	signed := b64.EncodeToString(text(tb, c.header)) + "." + b64.EncodeToString(text(tb, c.claims))
	r, err := http.NewRequestWithContext(tb.Context(), method, p.s.server.URL+address, bytes.NewReader(c.body))
	must(tb, err)
	r.Host = "localhost:8080"
	r.Header.Set("DPoP", c.proof(signed+"."+es256(tb, c.key, signed)))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// send makes one call; nil means that it went well, and out is filled.
func (p *phone) send(r *http.Request, out any) *wire.Problem {
	tb := p.s.tb
	tb.Helper()
	answer, err := p.s.server.Client().Do(r)
	must(tb, err)
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	must(tb, err)
	if answer.StatusCode == http.StatusOK {
		must(tb, wire.Decode(raw, out))
		return nil
	}
	var problem wire.Problem
	if err := wire.Decode(raw, &problem); err != nil || answer.StatusCode != problem.Code.Status() || !problem.Code.Valid() || problem.ID == "" {
		tb.Fatalf("%d %s: %v", answer.StatusCode, raw, err)
	}
	if answer.Header.Get("Content-Type") != "application/json" {
		tb.Errorf("a problem of type %s", answer.Header.Get("Content-Type"))
	}
	return &problem
}

func (p *phone) post(path string, in, out any) *wire.Problem {
	p.s.tb.Helper()
	return p.send(p.request(http.MethodPost, path, in), out)
}

// ok fails the test unless a call went well.
func (p *phone) ok(problem *wire.Problem) {
	p.s.tb.Helper()
	if problem != nil {
		p.s.tb.Fatalf("refused: %+v", *problem)
	}
}

// point is some element of the group, as blinded inputs are.
func point(tb testing.TB) []byte {
	tb.Helper()
	raw, err := newKey(tb).PublicKey.Bytes()
	must(tb, err)
	return append([]byte{2 | raw[64]&1}, raw[1:33]...)
}
