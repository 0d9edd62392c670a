package broker

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/audit"
	"pivot/server/internal/demo"
	"pivot/server/internal/txn"
)

// clock is the wall clock, put forward by a test instead of waited for.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time           { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(by time.Duration) { c.ahead.Add(int64(by)) }

// startBy is start with a clock of the test's own, and without the demo's service.
func startBy(tb testing.TB, c *clock) scene {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	world, err := demo.Write(demo.Options{Dir: dir, Port: freePort(tb), Now: c.now()})
	if err != nil {
		tb.Fatal(err)
	}
	if err := InitKeys(world.Config, c.now); err != nil {
		tb.Fatal(err)
	}
	settings, err := read(world.Config)
	if err != nil {
		tb.Fatal(err)
	}
	log := new(journal)
	b := newBroker(settings, Options{Config: world.Config, Log: slog.New(slog.NewJSONHandler(log, nil)), TestAnchors: true})
	b.now = c.now
	if err := b.open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	for _, i := range settings.Issuers() {
		if err := b.mount(tb.Context(), i); err != nil {
			tb.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx, nil) }()
	tb.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			tb.Errorf("serving: %v", err)
		}
		if err := b.Close(); err != nil {
			tb.Errorf("closing: %v", err)
		}
	})
	s := scene{broker: b, world: world, log: log}
	s.waitFor(tb, strings.TrimSuffix(s.issuer(), "/api/v2")+"/healthz")
	return s
}

// approved is a login up to the form that releases the identity.
func (s scene) approved(tb testing.TB, b browser, change url.Values) page {
	tb.Helper()
	p := b.open(s.issuer() + "/authorize?" + s.changed(change).Encode())
	id, err := txn.ParseID(filepath.Base(p.url.Path))
	if err != nil {
		tb.Fatalf("%d at %s: %s", p.status, p.url, p.body)
	}
	s.prove(tb, id)
	return b.open(p.url.String())
}

// granted is a login up to the code, which is still on its way.
func (s scene) granted(tb testing.TB, change url.Values) string {
	tb.Helper()
	b := newBrowser(tb)
	release := s.approved(tb, b, change)
	action, token := formAction.FindStringSubmatch(release.body), tokenField.FindStringSubmatch(release.body)
	if action == nil || token == nil {
		tb.Fatalf("no form in %s", release.body)
	}
	address := strings.TrimSuffix(s.issuer(), "/api/v2") + action[1]
	r, err := b.client.PostForm(address, url.Values{"csrfToken": {token[1]}})
	for range 2 {
		if err != nil {
			tb.Fatal(err)
		}
		r.Body.Close()
		location, err := r.Location()
		if err != nil {
			tb.Fatalf("%d of %s: %v", r.StatusCode, r.Request.URL, err)
		}
		if query := location.Query(); query.Has("code") {
			want := url.Values{"code": query["code"], "state": {baseState}, "iss": {s.issuer()}}
			if diff := cmp.Diff(want, query); diff != "" || len(query.Get("code")) != 43 {
				tb.Errorf("the answer that carries the code: %s", diff)
			}
			return query.Get("code")
		}
		r, _ = b.client.Get(location.String())
	}
	tb.Fatal("no code")
	return ""
}

// The verifier of RFC 7636 appendix B, whose challenge is pkceDigest.
const pkceVerifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

func withPKCE() url.Values {
	return url.Values{"code_challenge": {pkceDigest}, "code_challenge_method": {"S256"}}
}

// exchange is a valid token request of the demo's service for a login with PKCE.
func (s scene) exchange(code string) url.Values {
	sp := s.world.SP[0]
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {sp.Redirect}, "client_id": {sp.ClientID},
		"client_secret": {sp.Secret}, "code_verifier": {pkceVerifier},
	}
}

// token sends a token request.
func (s scene) token(tb testing.TB, form url.Values, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodPost, s.issuer()+"/token", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// userinfo asks with a bearer token.
func (s scene) userinfo(tb testing.TB, access string) answer {
	tb.Helper()
	return knock(tb, http.MethodGet, s.issuer()+"/userinfo", "", "Authorization", "Bearer "+access)
}

// issued is what the token endpoint answers.
type issued struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
	IDToken     string `json:"id_token"`
	Scope       string `json:"scope"`
	TokenType   string `json:"token_type"`
}

// redeemed checks the answer to a good token request: five members exactly (franceconnect.md 1.6).
func redeemed(tb testing.TB, a answer, scope string) issued {
	tb.Helper()
	if a.status != http.StatusOK {
		tb.Fatalf("status %d: %s", a.status, a.body)
	}
	members(tb, a.body, "access_token", "expires_in", "id_token", "scope", "token_type")
	onWire(tb, a, "application/json; charset=utf-8")
	var got issued
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		tb.Fatal(err)
	}
	if got.ExpiresIn != 60 || got.TokenType != "Bearer" || got.Scope != scope || len(got.AccessToken) != 43 {
		tb.Errorf("expires_in %d, token_type %q, scope %q, a token of %d characters", got.ExpiresIn, got.TokenType, got.Scope, len(got.AccessToken))
	}
	return got
}

// onWire is what every answer to a program has.
func onWire(tb testing.TB, a answer, media string) {
	tb.Helper()
	if got := a.header.Get("Content-Type"); got != media {
		tb.Errorf("Content-Type: %q, want %q", got, media)
	}
	noStore(tb, a)
	noCookie(tb, a)
	protected(tb, a)
}

// members compares the names of a JSON object's members, each of which may be there once.
func members(tb testing.TB, text string, want ...string) map[string]json.RawMessage {
	tb.Helper()
	var object map[string]json.RawMessage
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		tb.Fatalf("%v: %s", err, text)
	}
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(maps.Keys(object))); diff != "" {
		tb.Errorf("members: %s", diff)
	}
	for name := range object {
		if n := strings.Count(text, `"`+name+`":`); n != 1 {
			tb.Errorf("member %q is there %d times", name, n)
		}
	}
	return object
}

// denial is a refusal of the back channel.
type denial struct {
	status      int
	code        string
	description string
	y           string
	challenge   string // WWW-Authenticate
}

// denied compares a refusal with its row: three members exactly, and an error_uri that explains the code.
func (s scene) denied(tb testing.TB, a answer, want denial) {
	tb.Helper()
	if a.status != want.status {
		tb.Fatalf("status %d, want %d: %s", a.status, want.status, a.body)
	}
	object := members(tb, a.body, "error", "error_description", "error_uri")
	onWire(tb, a, "application/json; charset=utf-8")
	var code, description, uri string
	for name, into := range map[string]*string{"error": &code, "error_description": &description, "error_uri": &uri} {
		if err := json.Unmarshal(object[name], into); err != nil {
			tb.Fatal(err)
		}
	}
	if code != want.code || description != want.description {
		tb.Errorf("%s: %q, want %s: %q", code, description, want.code, want.description)
	}
	at, err := url.Parse(uri)
	if err != nil || !strings.HasPrefix(uri, s.issuer()+"/error?") || at.Query().Get("code") != want.y || !shownID.MatchString("<code>"+at.Query().Get("id")+"</code>") {
		tb.Errorf("error_uri %q (%v), want code %s and an id", uri, err, want.y)
	}
	if explained := knock(tb, http.MethodGet, uri, ""); explained.status != http.StatusOK || !strings.Contains(explained.body, want.y) {
		tb.Errorf("error_uri leads to %d: %s", explained.status, explained.body)
	}
	if got := strings.Join(a.header.Values("WWW-Authenticate"), ", "); got != want.challenge {
		tb.Errorf("WWW-Authenticate: %q, want %q", got, want.challenge)
	}
}

const (
	once    = "client authentication must only be provided using one mechanism"
	badBody = "failed to parse the request body"
)

func invalidGrant() denial {
	return denial{400, "invalid_grant", "grant request is invalid", "Y049E20B", ""}
}

func invalidClient(y string) denial {
	return denial{401, "invalid_client", "client authentication failed", y, ""}
}

func invalidRequest(description, y string) denial {
	return denial{400, "invalid_request", description, y, ""}
}

func invalidToken() denial {
	return denial{401, "invalid_token", "invalid token provided", "Y040001", `Bearer error="invalid_token"`}
}

func noToken() denial {
	return denial{401, "invalid_token", "no access token provided", "Y04146A2", "Bearer"} // RFC 6750 §3.1: no error code here
}

// tokenRow changes one thing in a valid token request.
type tokenRow struct {
	name   string
	change url.Values
	want   denial
	spends bool // the code is worth nothing afterwards
}

func (s scene) tokenRows() []tokenRow {
	secret, redirect := s.world.SP[0].Secret, s.world.SP[0].Redirect
	other := url.Values{"client_id": {"other-sp"}, "client_secret": {otherSecret}}
	rows := []tokenRow{
		{"wrong secret", url.Values{"client_secret": {otherSecret}}, invalidClient("Y0434A7B"), false},
		{"secret and more", url.Values{"client_secret": {secret + "A"}}, invalidClient("Y0434A7B"), false},
		{"unknown client", url.Values{"client_id": {"nobody"}}, invalidClient("Y0434A7B"), false},
		{"client that is not active", url.Values{"client_id": {"idle-sp"}}, invalidClient("Y0434A7B"), false},
		{"client of another profile", url.Values{"client_id": {"standard-sp"}}, invalidClient("Y0434A7B"), false},
		{"client of another method", url.Values{"client_id": {"jwt-sp"}}, invalidClient("Y0434A7B"), false},
		{"no authentication", url.Values{"client_secret": nil}, invalidRequest("no client authentication mechanism provided", "Y044FEB3"), false},
		{"empty secret", url.Values{"client_secret": {""}}, invalidRequest("no client authentication mechanism provided", "Y044FEB3"), false},
		{"secret without client", url.Values{"client_id": nil}, invalidRequest("missing required parameter 'client_id'", "Y048017B"), false},
		{"secret and assertion", url.Values{"client_assertion": {"a.b.c"}}, invalidRequest(once, "Y04DADA6"), false},
		{"secret and assertion type", url.Values{"client_assertion_type": {"x"}}, invalidRequest(once, "Y04DADA6"), false},
		{"assertion without type", url.Values{"client_secret": nil, "client_assertion": {"a.b.c"}}, invalidRequest("client_assertion_type must be provided", "Y04AF36C"), false},
		{"assertion of another type", url.Values{"client_secret": nil, "client_assertion": {"a.b.c"}, "client_assertion_type": {"x"}}, invalidRequest("client_assertion_type must have value "+assertionType, "Y04EA12E"), false},
		{"assertion that is none", url.Values{"client_secret": nil, "client_assertion": {"a.b.c"}, "client_assertion_type": {assertionType}}, invalidRequest("invalid client_assertion format", "Y04E1CFF"), false},
		{"no code", url.Values{"code": nil}, invalidRequest("missing required parameter 'code'", "Y048017B"), false},
		{"empty code", url.Values{"code": {""}}, invalidRequest("missing required parameter 'code'", "Y048017B"), false},
		{"no redirect_uri", url.Values{"redirect_uri": nil}, invalidRequest("missing required parameter 'redirect_uri'", "Y048017B"), false},
		{"no grant_type", url.Values{"grant_type": nil}, invalidRequest("missing required parameter 'grant_type'", "Y048017B"), false},
		{"unknown code", url.Values{"code": {strings.Repeat("A", 43)}}, invalidGrant(), false},
		{"short code", url.Values{"code": {"x"}}, invalidGrant(), false},
		{"short verifier", url.Values{"code_verifier": {pkceVerifier[1:]}}, invalidRequest("code_verifier must be 43 to 128 unreserved characters", "Y040001"), false},
		{"verifier with other characters", url.Values{"code_verifier": {pkceVerifier + "/"}}, invalidRequest("code_verifier must be 43 to 128 unreserved characters", "Y040001"), false},
		{"another verifier", url.Values{"code_verifier": {pkceVerifier[1:] + "A"}}, invalidGrant(), true},
		{"no verifier", url.Values{"code_verifier": nil}, invalidGrant(), true},
		{"challenge as verifier", url.Values{"code_verifier": {pkceDigest}}, invalidGrant(), true},
		{"another address", url.Values{"redirect_uri": {redirect + "/"}}, invalidGrant(), true},
		{"another registered address", url.Values{"redirect_uri": {redirect + "2"}}, invalidGrant(), true},
		{"another client's code", other, invalidGrant(), true},
	}
	for _, grant := range []string{"refresh_token", "client_credentials", "password", "implicit", "Authorization_code", "urn:ietf:params:oauth:grant-type:device_code"} {
		rows = append(rows, tokenRow{"grant " + grant, url.Values{"grant_type": {grant}}, denial{400, "unsupported_grant_type", "unsupported grant_type requested", "Y04C2044", ""}, false})
	}
	form := s.exchange("code")
	for _, name := range slices.Sorted(maps.Keys(form)) {
		value := form.Get(name)
		rows = append(rows,
			tokenRow{name + " twice", url.Values{name: {value, value}}, invalidRequest("parameters must not be provided twice", "Y0496E4A"), false},
			tokenRow{name + " oversized", url.Values{name: {strings.Repeat("a", 4097)}}, invalidRequest(badBody, "Y04A25F2"), false},
			tokenRow{name + " not UTF-8", url.Values{name: {value + "\xff"}}, invalidRequest(badBody, "Y04A25F2"), false},
			tokenRow{name + " with a zero", url.Values{name: {value + "\x00"}}, invalidRequest(badBody, "Y04A25F2"), false},
		)
	}
	return rows
}

// others registers what the rows need beside the demo's client.
func (s scene) others(tb testing.TB) {
	tb.Helper()
	s.neighbours(tb)
	redirects := `redirect_uris = ["` + s.world.SP[0].Redirect + `"]`
	both := `redirect_uris = ["` + s.world.SP[0].Redirect + `", "` + s.world.SP[0].Redirect + `2"]`
	files := s.demoRecord(tb, "other-sp", "demo-sp.secret", "other-sp.secret", "demo-sp.jwks", "other-sp.jwks", `"ECDH-ES"`, `"RSA-OAEP-256"`, `"ECDH-ES"`, `"RSA-OAEP"`,
		`claims = ["amr"]`, "", "given_name family_name birthdate gender birthplace birthcountry", "profile birth email identite_pivot")
	maps.Copy(files, s.demoRecord(tb, "jwt-sp", `"client_secret_post"`, `"private_key_jwt"`, `client_secret_files        = ["demo-sp.secret"]`, "", "demo-sp.jwks", "jwt-sp.jwks"))
	maps.Copy(files, s.demoRecord(tb, s.world.SP[0].ClientID, redirects, both))
	files["other-sp.secret"] = otherSecret + "\n"
	files["other-sp.jwks"] = keySet(tb,
		jose.JSONWebKey{Key: keys3072().Public(), KeyID: "rsa-1", Use: "enc", Algorithm: "RSA-OAEP"},
		jose.JSONWebKey{Key: keys3072().Public(), KeyID: "rsa-256", Use: "enc", Algorithm: "RSA-OAEP-256"})
	files["jwt-sp.jwks"] = keySet(tb,
		jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-1", Use: "sig", Algorithm: "ES256"},
		jose.JSONWebKey{Key: s.demoKey(tb).Public(), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"})
	s.register(tb, files)
}

const (
	otherSecret   = "kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw" // of a test client
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

// Keys of test clients, made once and never stored.
var (
	keys3072 = sync.OnceValue(func() *rsa.PrivateKey { return made(rsa.GenerateKey(rand.Reader, 3072)) })
	keyP256  = sync.OnceValue(func() *ecdsa.PrivateKey { return made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
)

func made[K any](key K, err error) K {
	if err != nil {
		panic("internal error: no random key: " + err.Error())
	}
	return key
}

func keySet(tb testing.TB, list ...jose.JSONWebKey) string {
	tb.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: list})
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// demoKey is the key that answers to the demo's service are encrypted to.
func (s scene) demoKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(s.world.Config), "sp-key.pem"))
	if err != nil {
		tb.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		tb.Fatal("sp-key.pem is no key")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// TestTokenRefusals (row A3) changes one thing in a valid token request. What is refused before the code was looked at leaves it
// good; a code in wrong hands is spent.
func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	code := s.granted(t, withPKCE())
	for _, row := range s.tokenRows() {
		t.Run(row.name, func(t *testing.T) {
			form := s.exchange(code)
			maps.Copy(form, row.change)
			before := len(s.entries(t, audit.ClientAuthFailed, audit.CodeRefused))
			s.denied(t, s.token(t, form), row.want)
			if since := s.entries(t, audit.ClientAuthFailed, audit.CodeRefused)[before:]; len(since) != 1 || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
			if row.spends {
				s.denied(t, s.token(t, s.exchange(code)), invalidGrant())
				code = s.granted(t, withPKCE())
			}
		})
	}
	redeemed(t, s.token(t, s.exchange(code)), "openid given_name")
}

// TestTokenTransport refuses in JSON what HTTP itself refuses.
func TestTokenTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.granted(t, withPKCE())
	form := s.exchange(code)
	encoded := form.Encode()
	for _, row := range []struct {
		name, method, query, body string
		headers                   []string
		want                      denial
	}{
		{"GET", http.MethodGet, "?" + encoded, "", nil, denial{405, "invalid_request", "method not allowed", "Y000405", ""}},
		{"PUT", http.MethodPut, "", encoded, []string{"Content-Type", formType}, denial{405, "invalid_request", "method not allowed", "Y000405", ""}},
		{"in the query", http.MethodPost, "?" + encoded, "", []string{"Content-Type", formType}, invalidRequest("no client authentication mechanism provided", "Y044FEB3")},
		{"no content type", http.MethodPost, "", encoded, nil, denial{415, "invalid_request", "unsupported media type", "Y000415", ""}},
		{"JSON", http.MethodPost, "", "{}", []string{"Content-Type", "application/json"}, denial{415, "invalid_request", "unsupported media type", "Y000415", ""}},
		{"too large", http.MethodPost, "", encoded + "&x=" + strings.Repeat("a", 64<<10), []string{"Content-Type", formType}, denial{413, "invalid_request", "request entity too large", "Y000413", ""}},
		{"too long", http.MethodPost, "?x=" + strings.Repeat("a", 9<<10), encoded, []string{"Content-Type", formType}, denial{414, "invalid_request", "request uri too long", "Y000414", ""}},
		{"wrong escape", http.MethodPost, "", encoded + "&x=%zz", []string{"Content-Type", formType}, invalidRequest("bad request", "Y000400")},
		{"Bearer", http.MethodPost, "", encoded, []string{"Content-Type", formType, "Authorization", "Bearer x"}, invalidRequest(once, "Y04DADA6")},
		{"Basic beside the secret", http.MethodPost, "", encoded, []string{"Content-Type", formType, "Authorization", basic(form)}, invalidRequest(once, "Y04DADA6")},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.denied(t, knock(t, row.method, s.issuer()+"/token"+row.query, row.body, row.headers...), row.want)
		})
	}
	redeemed(t, s.token(t, form), "openid given_name")
}

func basic(form url.Values) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(form.Get("client_id")+":"+form.Get("client_secret")))
}

// TestTokenByBasic refuses the method that is not served, right secret or not.
func TestTokenByBasic(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.granted(t, withPKCE())
	form := s.exchange(code)
	header := basic(form)
	form.Del("client_secret")
	for _, with := range []string{header, "Basic x", "Basic", ""} {
		a := s.token(t, form, "Authorization", with)
		want := invalidClient("Y044D82C")
		want.challenge = `Basic realm="token"` // RFC 6749 §5.2
		s.denied(t, a, want)
	}
	redeemed(t, s.token(t, s.exchange(code)), "openid given_name")
}

// published is the issuer's key set.
func (s scene) published(tb testing.TB) jose.JSONWebKeySet {
	tb.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(knock(tb, http.MethodGet, s.issuer()+"/jwks", "").body), &set); err != nil {
		tb.Fatal(err)
	}
	return set
}

// opened decrypts and verifies an answer, and returns the outer header and the payload as they were written.
func (s scene) opened(tb testing.TB, compact string, alg jose.KeyAlgorithm, key crypto.PrivateKey) (map[string]json.RawMessage, string) {
	tb.Helper()
	outer, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{alg}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		tb.Fatal(err)
	}
	inner, err := outer.Decrypt(key)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(string(inner), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		tb.Fatal(err)
	}
	header := members(tb, part(tb, string(inner), 0), "alg", "kid")
	var kid string
	if err := json.Unmarshal(header["kid"], &kid); err != nil {
		tb.Fatal(err)
	}
	found := s.published(tb)
	payload, err := signed.Verify(found.Key(kid)[0])
	if err != nil {
		tb.Fatal(err)
	}
	want := []string{"alg", "enc", "cty", "kid", "iss", "aud"}
	if alg == jose.ECDH_ES {
		want = append(want, "epk")
	}
	return members(tb, part(tb, compact, 0), want...), string(payload)
}

// part is one part of a compact serialisation.
func part(tb testing.TB, compact string, i int) string {
	tb.Helper()
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(compact, ".")[i])
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// said compares members with the JSON text that each must have.
func said(tb testing.TB, object map[string]json.RawMessage, want map[string]string) {
	tb.Helper()
	for name, text := range want {
		if got := string(object[name]); got != text {
			tb.Errorf("%s is %s, want %s", name, got, text)
		}
	}
}

// lasting checks that an answer is good for sixty seconds from about now.
func lasting(tb testing.TB, object map[string]json.RawMessage) {
	tb.Helper()
	var exp, iat int64
	for name, into := range map[string]*int64{"exp": &exp, "iat": &iat} {
		if err := json.Unmarshal(object[name], into); err != nil {
			tb.Errorf("%s: %v", name, err)
		}
	}
	if age := time.Since(time.Unix(iat, 0)); exp-iat != 60 || age < 0 || age > 5*time.Minute {
		tb.Errorf("from %d to %d, now is %d", iat, exp, time.Now().Unix())
	}
}

// TestExchange (rows A3, A4, B8) is the positive control of every refusal: what a service provider gets, member by member.
func TestExchange(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	demoIDToken := []string{"sub", "acr", "auth_time", "nonce", "aud", "exp", "iat", "iss"}
	always := []string{"sub", "aud", "exp", "iat", "iss"}
	for _, tc := range []struct {
		name, client, scope, claims, acr string
		id, info                         jose.KeyAlgorithm
		idKID, infoKID                   string
		idToken, userinfo                []string
	}{
		{
			"openid alone", "demo-sp", "openid", "", "eidas2", jose.ECDH_ES, jose.ECDH_ES, "demo-enc", "demo-enc", demoIDToken, always,
		},
		{
			"with amr", "demo-sp", "openid given_name family_name birthdate gender birthplace birthcountry", `{"id_token":{"amr":{"essential":true}}}`, "eidas3",
			jose.ECDH_ES, jose.ECDH_ES, "demo-enc", "demo-enc", append([]string{"amr"}, demoIDToken...),
			append([]string{"given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"}, always...),
		},
		{ // preferred_username is not known of this person, so it is left out
			"every basic scope, RSA", "other-sp", "openid profile birth email", "", "eidas3",
			jose.RSA_OAEP_256, jose.RSA_OAEP, "rsa-256", "rsa-1", demoIDToken,
			append([]string{"given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry", "email"}, always...),
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request := url.Values{"client_id": {tc.client}, "scope": {tc.scope}, "acr_values": {tc.acr}}
			if tc.claims != "" {
				request.Set("claims", tc.claims)
			}
			form := s.exchange(s.granted(t, request))
			form.Del("code_verifier")
			form.Set("client_id", tc.client)
			var key crypto.PrivateKey = s.demoKey(t)
			if tc.client == "other-sp" {
				form.Set("client_secret", otherSecret)
				key = keys3072()
			}
			got := redeemed(t, s.token(t, form), tc.scope)
			header, payload := s.opened(t, got.IDToken, tc.id, key)
			said(t, header, map[string]string{
				"enc": `"A256GCM"`, "cty": `"JWT"`, "iss": quoted(s.issuer()), "aud": quoted(tc.client), "kid": quoted(tc.idKID), "alg": quoted(string(tc.id)),
			})
			idToken := members(t, payload, tc.idToken...)
			said(t, idToken, map[string]string{"acr": `"eidas3"`, // what was obtained, whatever was asked
				"nonce": quoted(baseNonce), "aud": quoted(tc.client), "iss": quoted(s.issuer())})
			lasting(t, idToken)
			a := s.userinfo(t, got.AccessToken)
			if a.status != http.StatusOK {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			onWire(t, a, "application/jwt")
			header, payload = s.opened(t, a.body, tc.info, key)
			said(t, header, map[string]string{"cty": `"JWT"`, "aud": quoted(tc.client), "kid": quoted(tc.infoKID)})
			info := members(t, payload, tc.userinfo...)
			said(t, info, map[string]string{"sub": string(idToken["sub"]), "aud": quoted(tc.client), "iss": quoted(s.issuer())})
			lasting(t, info)
		})
	}
}

func quoted(s string) string { return `"` + s + `"` }

// assertion is one of private_key_jwt (RFC 7523 §3), with other claims.
func (s scene) assertion(tb testing.TB, change map[string]any) string {
	tb.Helper()
	var id [16]byte
	rand.Read(id[:])
	claims := map[string]any{
		"iss": "jwt-sp", "sub": "jwt-sp", "aud": s.issuer(), "jti": fmt.Sprintf("%x", id), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
	}
	maps.Copy(claims, change)
	raw, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: keyP256(), KeyID: "sig-1"}}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

// TestPrivateKeyJWT authenticates by assertion: once each, and only as the key's client.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	code := s.granted(t, url.Values{"client_id": {"jwt-sp"}})
	form := s.exchange(code)
	for _, name := range []string{"client_id", "client_secret", "code_verifier"} {
		form.Del(name)
	}
	form.Set("client_assertion_type", assertionType)
	with := func(assertion string) answer {
		form.Set("client_assertion", assertion)
		return s.token(t, form)
	}
	good := s.assertion(t, nil)
	last := len(good) - 20
	for name, row := range map[string]struct{ assertion, y string }{
		"signature":    {good[:last] + "AAAA" + good[last+4:], "Y0434A7B"},
		"other client": {s.assertion(t, map[string]any{"iss": "demo-sp", "sub": "demo-sp"}), "Y0434A7B"},
		"unknown":      {s.assertion(t, map[string]any{"iss": "nobody", "sub": "nobody"}), "Y0434A7B"},
		"issuer":       {s.assertion(t, map[string]any{"iss": "demo-sp"}), "Y0421A2A"},
		"audience":     {s.assertion(t, map[string]any{"aud": "https://other.example.fr"}), "Y04C17F5"},
		"expired":      {s.assertion(t, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), "Y04F7688"},
	} {
		t.Run(name, func(t *testing.T) { s.denied(t, with(row.assertion), invalidClient(row.y)) })
	}
	form.Set("code", "unknown")
	s.denied(t, with(good), invalidGrant())
	form.Set("code", code)
	s.denied(t, with(good), invalidClient("Y0486328"))
	redeemed(t, with(s.assertion(t, nil)), "openid given_name")
}

// TestUserinfoRefusals (row A4) presents everything but a good access token in the header, then a good one.
func TestUserinfoRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.granted(t, withPKCE())
	access := redeemed(t, s.token(t, s.exchange(code)), "openid given_name").AccessToken
	twice := invalidRequest("access token must only be provided using one mechanism", "Y040001")
	for _, row := range []struct {
		name, query string
		headers     []string
		want        denial
	}{
		{"no token", "", nil, noToken()},
		{"another scheme", "", []string{"Authorization", "Basic " + access}, noToken()},
		{"no scheme", "", []string{"Authorization", access}, noToken()},
		{"in the query", "?access_token=" + access, nil, noToken()},
		{"in the query and the header", "?access_token=" + access, []string{"Authorization", "Bearer " + access}, twice},
		{"two headers", "", []string{"Authorization", "Bearer " + access, "Authorization", "Bearer " + access}, twice},
		{"unknown", "", []string{"Authorization", "Bearer " + strings.Repeat("A", 43)}, invalidToken()},
		{"empty", "", []string{"Authorization", "Bearer"}, invalidToken()},
		{"cut", "", []string{"Authorization", "Bearer " + access[:42]}, invalidToken()},
		{"more behind", "", []string{"Authorization", "Bearer " + access + "="}, invalidToken()},
		{"two in one", "", []string{"Authorization", "Bearer " + access + ", Bearer " + access}, invalidToken()},
		{"oversized", "", []string{"Authorization", "Bearer " + strings.Repeat("a", 513)}, invalidToken()},
		{"the code", "", []string{"Authorization", "Bearer " + code}, invalidToken()},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.TokenRefused))
			s.denied(t, knock(t, http.MethodGet, s.issuer()+"/userinfo"+row.query, "", row.headers...), row.want)
			if since := s.entries(t, audit.TokenRefused)[before:]; len(since) != 1 || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	for range 3 { // as often as asked
		if a := s.userinfo(t, access); a.status != http.StatusOK {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	// The code a second time takes the token back (RFC 6749 §4.1.2).
	s.denied(t, s.token(t, s.exchange(code)), invalidGrant())
	s.denied(t, s.userinfo(t, access), invalidToken())
	if replays := s.entries(t, audit.CodeReplayed); len(replays) != 1 {
		t.Errorf("audit entries %+v", replays)
	}
	for _, secret := range []string{code, access, s.world.SP[0].Secret, pkceVerifier} {
		if digest := sha256.Sum256([]byte(secret)); strings.Contains(s.log.String(), secret) || strings.Contains(s.log.String(), fmt.Sprintf("%x", digest)) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestStruckOff takes a client's record away in every moment of a login.
func TestStruckOff(t *testing.T) {
	t.Parallel()
	s := start(t)
	idle := s.demoRecord(t, s.world.SP[0].ClientID, `sp_type     = "public"`, "sp_type = \"public\"\nactive = false")
	active := s.demoRecord(t, s.world.SP[0].ClientID)
	gone := s.demoRecord(t, "somebody-else")
	gone["demo-sp.toml"] = gone["somebody-else.toml"]
	delete(gone, "somebody-else.toml")
	for name, struck := range map[string]map[string]string{"not active": idle, "removed": gone} {
		t.Run(name, func(t *testing.T) {
			s.register(t, active)
			b := newBrowser(t)
			waiting := b.open(s.issuer() + "/authorize?" + s.base().Encode())
			access := redeemed(t, s.token(t, s.exchange(s.granted(t, withPKCE()))), "openid given_name").AccessToken
			code := s.granted(t, withPKCE())
			s.register(t, struck)
			s.denied(t, s.token(t, s.exchange(code)), invalidClient("Y0434A7B"))
			s.denied(t, s.userinfo(t, access), invalidToken())
			if a := s.authorize(t, http.MethodGet, s.base().Encode()); a.status != 400 || shownCode.FindStringSubmatch(a.body)[1] != "Y04EA6EF" {
				t.Errorf("authorize: %d", a.status)
			}
			if p := b.open(waiting.url.String()); p.status == http.StatusInternalServerError {
				t.Errorf("the page that waits: %d", p.status)
			}
			s.register(t, active)
			redeemed(t, s.token(t, s.exchange(code)), "openid given_name")
			if a := s.userinfo(t, access); a.status != http.StatusOK {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	}
}

// TestLives puts the clock forward: a code lives thirty seconds, an access token sixty.
func TestLives(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name        string
		code, token time.Duration
		exchanged   bool
		used        bool
	}{
		{"in time", 15 * time.Second, 30 * time.Second, true, true},
		{"a late code", 30 * time.Second, 0, false, false},
		{"a code of another day", 24 * time.Hour, 0, false, false},
		{"a late token", 0, 60 * time.Second, true, false},
		{"a token of another day", 0, 24 * time.Hour, true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var c clock
			s := startBy(t, &c)
			form := s.exchange(s.granted(t, withPKCE()))
			c.advance(tc.code)
			a := s.token(t, form)
			if !tc.exchanged {
				s.denied(t, a, invalidGrant())
				return
			}
			access := redeemed(t, a, "openid given_name").AccessToken
			c.advance(tc.token)
			if a = s.userinfo(t, access); !tc.used {
				s.denied(t, a, invalidToken())
			} else if a.status != http.StatusOK {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	}
}
