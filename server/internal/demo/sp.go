package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ServiceProvider is the demo's service: it asks for a login as any service provider does, and shows what it learns. It is
// also an example of what one has to check.
type ServiceProvider struct {
	Issuer   string // of the broker, such as http://localhost:8080/api/v2
	ClientID string
	Secret   string
	Callback string            // its redirect URI
	Key      *ecdsa.PrivateKey // that answers are encrypted to; nil at the standard profile, which signs alone
	Data     string            // where the data provider hands out data

	mu      sync.Mutex
	pending map[string]attempt // by state
	tokens  map[string]held    // by cookie
	last    map[string]any     // claims of the last login
}

// attempt is one login that the service began.
type attempt struct {
	nonce, verifier, acr, browser string
	until                         time.Time
	data                          bool // so that data can be fetched as well
}

// newKey makes the key that answers are encrypted to.
func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// jwks is the public half, as the service's record carries it.
func jwks(key *ecdsa.PrivateKey) ([]byte, error) {
	return json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: key.Public(), KeyID: "demo-enc", Use: "enc", Algorithm: string(jose.ECDH_ES)},
	}})
}

// Handler serves the service's pages.
func (s *ServiceProvider) Handler() http.Handler {
	s.pending, s.tokens = make(map[string]attempt), make(map[string]held)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { s.page(w, http.StatusOK, view{}) })
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("GET /callback", s.callback)
	mux.HandleFunc("GET /claims.json", s.claims)
	mux.HandleFunc("POST /data", s.data)
	return http.NewCrossOriginProtection().Handler(mux)
}

const (
	attemptLife  = 15 * time.Minute
	mostAttempts = 1000
)

// cookieName is one a login, so that two tabs do not end each other's.
func cookieName(state string) string { return "demo_sp_" + state[:min(len(state), 16)] }

func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// login sends the browser to the broker, and remembers what the answer has to match.
func (s *ServiceProvider) login(w http.ResponseWriter, r *http.Request) {
	acr, levels := r.URL.Query().Get("level"), s.levels()
	if !slices.Contains(levels, acr) {
		acr = levels[0]
	}
	state, a := random(), attempt{nonce: random(), verifier: random(), acr: acr, browser: random(), until: time.Now().Add(attemptLife)}
	a.data = s.Data != "" && r.URL.Query().Get("data") != ""
	s.mu.Lock()
	for key, old := range s.pending {
		if len(s.pending) >= mostAttempts || time.Now().After(old.until) {
			delete(s.pending, key)
		}
	}
	s.pending[state] = a
	s.mu.Unlock()
	challenge := sha256.Sum256([]byte(a.verifier))
	query := url.Values{
		"client_id": {s.ClientID}, "redirect_uri": {s.Callback}, "response_type": {"code"}, "state": {state}, "nonce": {a.nonce},
		"scope": {a.scopes()}, "acr_values": {acr},
		"claims":         {`{"id_token":{"amr":{"essential":true}}}`},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}
	http.SetCookie(w, &http.Cookie{Name: cookieName(state), Value: a.browser, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	http.Redirect(w, r, s.Issuer+"/authorize?"+query.Encode(), http.StatusSeeOther)
}

// take finds the login that an answer belongs to, once, and only for the browser that began it.
func (s *ServiceProvider) take(r *http.Request) (attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state := r.URL.Query().Get("state")
	a, ok := s.pending[state]
	delete(s.pending, state)
	cookie, err := r.Cookie(cookieName(state))
	return a, ok && err == nil && cookie.Value == a.browser && time.Now().Before(a.until)
}

// callback takes the broker's answer.
func (s *ServiceProvider) callback(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	a, ok := s.take(r)
	if !ok || query.Get("iss") != s.Issuer {
		s.page(w, http.StatusBadRequest, view{Error: "unexpected answer"})
		return
	}
	if code := query.Get("error"); code != "" {
		s.page(w, http.StatusOK, view{Error: code, Description: query.Get("error_description")})
		return
	}
	claims, access, err := s.redeem(r.Context(), query.Get("code"), a)
	if err != nil {
		s.page(w, http.StatusBadGateway, view{Error: "login refused by the service", Description: err.Error()})
		return
	}
	s.mu.Lock()
	s.last = claims
	s.mu.Unlock()
	if a.data {
		s.hold(w, access)
	}
	s.page(w, http.StatusOK, view{Claims: claims, Fetch: a.data})
}

func (s *ServiceProvider) claims(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		http.Error(w, "{}", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(s.last); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// redeem exchanges the code, and checks all that a service provider has to check before it believes a word.
func (s *ServiceProvider) redeem(ctx context.Context, code string, a attempt) (map[string]any, string, error) {
	keys := new(jose.JSONWebKeySet)
	if err := s.fetch(ctx, "/jwks", keys); err != nil {
		return nil, "", err
	}
	form := url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.Callback}, "client_id": {s.ClientID},
		"client_secret": {s.Secret}, "code_verifier": {a.verifier},
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var answer struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	body, err := s.do(request)
	if err != nil {
		return nil, "", err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, "", err
	}
	claims, err := s.open(answer.IDToken, keys)
	if err != nil {
		return nil, "", fmt.Errorf("id token: %w", err)
	}
	// A level below the one asked is a refusal, whatever else the token says.
	acr, _ := claims["acr"].(string)
	if claims["nonce"] != a.nonce || acr < a.acr {
		return nil, "", errors.New("id token: other nonce, or a lower level")
	}
	if request, err = http.NewRequestWithContext(ctx, http.MethodGet, s.Issuer+"/userinfo", nil); err != nil {
		return nil, "", err
	}
	request.Header.Set("Authorization", "Bearer "+answer.AccessToken)
	if body, err = s.do(request); err != nil {
		return nil, "", err
	}
	userinfo, err := s.open(string(body), keys)
	if err != nil || userinfo["sub"] != claims["sub"] {
		return nil, "", fmt.Errorf("userinfo: other subject, or unreadable: %w", err)
	}
	maps.Copy(claims, userinfo)
	return claims, answer.AccessToken, nil
}

// levels are those that the service may ask for, its own choice first.
func (s *ServiceProvider) levels() []string {
	if s.Key == nil {
		return []string{"eidas1"}
	}
	return []string{"eidas3", "eidas2"}
}

// open decrypts an answer, then verifies its signature, issuer, audience and times. go-jose's jwt package refuses ECDH-ES,
// so the two layers are opened one by one.
func (s *ServiceProvider) open(compact string, keys *jose.JSONWebKeySet) (map[string]any, error) {
	signature := jose.RS256
	if s.Key != nil {
		outer, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			return nil, err
		}
		inner, err := outer.Decrypt(s.Key)
		if err != nil {
			return nil, err
		}
		compact, signature = string(inner), jose.ES256
	}
	signed, err := jwt.ParseSigned(compact, []jose.SignatureAlgorithm{signature})
	if err != nil {
		return nil, err
	}
	var registered jwt.Claims
	claims := make(map[string]any)
	if err := signed.Claims(keys, &registered, &claims); err != nil {
		return nil, err
	}
	return claims, registered.Validate(jwt.Expected{Issuer: s.Issuer, AnyAudience: jwt.Audience{s.ClientID}})
}

func (s *ServiceProvider) fetch(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Issuer+path, nil)
	if err != nil {
		return err
	}
	body, err := s.do(request)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// do sends a request to the broker, within bounds.
func (s *ServiceProvider) do(request *http.Request) ([]byte, error) {
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", response.Status, body)
	}
	return body, nil
}

// view is what the service's one page shows.
type view struct {
	Error, Description string
	Claims             map[string]any
	Fetch              bool // data may be fetched
	Data               map[string]any
	Levels             []string
	Offer              bool // data may be asked for
}

var pageTemplate = template.Must(template.New("sp").Parse(`<!doctype html>
<html lang="fr">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Service de démonstration</title>
<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}button{font:inherit;padding:.7rem 1.2rem}th{text-align:left;padding-right:1rem}</style>
<main>
<h1>Service de démonstration <span lang="en">/ Demonstration service</span></h1>
{{if .Error}}<p role="alert"><strong>{{.Error}}</strong>{{with .Description}} : {{.}}{{end}}</p>{{end}}
{{if .Claims}}<h2>Identité reçue <span lang="en">/ Identity received</span></h2>
<table>{{range $name, $value := .Claims}}<tr><th scope="row">{{$name}}</th><td>{{$value}}</td></tr>{{end}}</table>{{end}}
{{if .Fetch}}<form action="/data" method="post">
<p><button>Récupérer mes données fiscales <span lang="en">/ Fetch my tax data</span></button></p>
<p>Possible pendant une minute. <span lang="en">/ Possible for one minute.</span></p>
</form>{{end}}
{{if .Data}}<h2>Données reçues <span lang="en">/ Data received</span></h2>
<table>{{range $name, $value := .Data}}<tr><th scope="row">{{$name}}</th><td>{{$value}}</td></tr>{{end}}</table>{{end}}
<form action="login" method="get">
<p><label for="level">Niveau demandé <span lang="en">/ Level asked</span></label>
<select id="level" name="level">{{range .Levels}}<option value="{{.}}">{{.}}</option>{{end}}</select></p>
{{if .Offer}}<p><input id="data" name="data" type="checkbox" value="1"> <label for="data">Demander aussi mes données fiscales <span lang="en">/ Also ask for my tax data</span></label></p>{{end}}
<p><button>Se connecter <span lang="en">/ Log in</span></button></p>
</form>
</main>
</html>
`))

func (s *ServiceProvider) page(w http.ResponseWriter, code int, v view) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	v.Levels, v.Offer = s.levels(), s.Data != ""
	if err := pageTemplate.Execute(w, v); err != nil {
		return // the browser is gone
	}
}
