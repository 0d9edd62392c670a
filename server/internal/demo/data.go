package demo

import (
	"context"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// dataProvider is the demo's tax administration: it hands a person's data to a service that brings an access token, once the
// broker has told it what the token is good for. It is also an example of what one has to check.
type dataProvider struct {
	Issuer   string // of the broker
	ClientID string
	Secret   string
	Key      *ecdsa.PrivateKey
}

// dataPath is where data is asked for, with the access token as a bearer.
const dataPath = "/api/v1/data"

// Handler serves the data.
func (d *dataProvider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+dataPath, d.data)
	return mux
}

// checked is what the broker says of an access token (franceconnect.md 5).
type checked struct {
	Active     bool   `json:"active"`
	Service    string `json:"aud"`
	Subject    string `json:"sub"`
	Expires    int64  `json:"exp"`
	Level      string `json:"acr"`
	Scope      string `json:"scope"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Birthdate  string `json:"birthdate"`
	// Bound is there when the token is bound to a key (RFC 9449 §6.2), which this data provider does not ask for.
	Bound json.RawMessage `json:"cnf"`
}

// data answers what the token's scopes allow, and no more.
func (d *dataProvider) data(w http.ResponseWriter, r *http.Request) {
	scheme, access, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || access == "" {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, `{"error":"invalid_request"}`, http.StatusUnauthorized)
		return
	}
	token, err := d.check(r.Context(), access)
	switch {
	case err != nil:
		http.Error(w, `{"error":"temporarily_unavailable"}`, http.StatusBadGateway)
		return
	case !token.Active || token.Bound != nil || time.Now().Unix() >= token.Expires:
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, `{"error":"invalid_token"}`, http.StatusUnauthorized)
		return
	case token.Level < "eidas2" || token.FamilyName == "":
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
		http.Error(w, `{"error":"insufficient_scope"}`, http.StatusForbidden)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(household(token)) // the service is gone
}

// household is what the administration has of a person, found by the identity that the token released: invented, but the
// same each time.
func household(token checked) map[string]any {
	sum := sha256.Sum256([]byte(token.GivenName + "\n" + token.FamilyName + "\n" + token.Birthdate))
	n := binary.BigEndian.Uint32(sum[:])
	all := map[string]any{"dgfip_rfr": 12_000 + n%48_000, "dgfip_nbpart": float64(2+n%7) / 2}
	out := make(map[string]any)
	for scope := range strings.FieldsSeq(token.Scope) {
		if value, ok := all[scope]; ok {
			out[scope] = value
		}
	}
	return out
}

// check asks the broker about a token, and believes what is encrypted to this data provider, signed by the broker as an answer
// about a token, made for it and now.
func (d *dataProvider) check(ctx context.Context, access string) (checked, error) {
	form := url.Values{"token": {access}, "client_id": {d.ClientID}, "client_secret": {d.Secret}}
	body, media, err := ask(ctx, http.MethodPost, d.Issuer+"/checktoken", form)
	if err != nil {
		return checked{}, err
	}
	if media != "application/token-introspection+jwt" {
		return checked{}, fmt.Errorf("demo: an answer about a token of type %q", media)
	}
	raw, _, err := ask(ctx, http.MethodGet, d.Issuer+"/jwks", nil)
	if err != nil {
		return checked{}, err
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &keys); err != nil {
		return checked{}, err
	}
	return d.open(string(body), keys, time.Now())
}

func (d *dataProvider) open(compact string, keys jose.JSONWebKeySet, now time.Time) (checked, error) {
	outer, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		return checked{}, err
	}
	inner, err := outer.Decrypt(d.Key)
	if err != nil {
		return checked{}, err
	}
	signed, err := jose.ParseSignedCompact(string(inner), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return checked{}, err
	}
	header := signed.Signatures[0].Protected
	found := keys.Key(header.KeyID)
	if len(found) != 1 || header.ExtraHeaders[jose.HeaderType] != "token-introspection+jwt" {
		return checked{}, errors.New("demo: an answer of another type, or by an unknown key")
	}
	payload, err := signed.Verify(found[0])
	if err != nil {
		return checked{}, err
	}
	var answer struct {
		Issuer   string  `json:"iss"`
		Audience string  `json:"aud"`
		Issued   int64   `json:"iat"`
		Token    checked `json:"token_introspection"`
	}
	if err := json.Unmarshal(payload, &answer); err != nil {
		return checked{}, err
	}
	if answer.Issuer != d.Issuer || answer.Audience != d.ClientID || now.Sub(time.Unix(answer.Issued, 0)).Abs() > time.Minute {
		return checked{}, errors.New("demo: an answer for another, or of another time")
	}
	return answer.Token, nil
}

// ask sends a request within bounds: a form, or nothing. It gives the body of a good answer and its media type.
func ask(ctx context.Context, method, address string, form url.Values) ([]byte, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, "", err
	}
	if form != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		return nil, "", fmt.Errorf("%s: %s", response.Status, body)
	}
	media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	return body, media, err
}

// dataScopes are what the demo's service asks for so that it may fetch data.
func dataScopes() []string { return []string{"dgfip_rfr", "dgfip_nbpart"} }

// tokenLife is for how long an access token is good.
const tokenLife = time.Minute

// held is an access token that the service keeps for a browser while it is good.
type held struct {
	access string
	until  time.Time
}

// heldCookie names the browser that a token is kept for.
const heldCookie = "demo_sp_data"

// hold keeps an access token for a browser, for its minute.
func (s *ServiceProvider) hold(w http.ResponseWriter, access string) {
	id := random()
	s.mu.Lock()
	for key, old := range s.tokens {
		if len(s.tokens) >= mostAttempts || time.Now().After(old.until) {
			delete(s.tokens, key)
		}
	}
	s.tokens[id] = held{access, time.Now().Add(tokenLife)}
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: heldCookie, Value: id, Path: "/", MaxAge: int(tokenLife.Seconds()), HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// data fetches the person's data from the data provider, with the access token of the login.
func (s *ServiceProvider) data(w http.ResponseWriter, r *http.Request) {
	var kept held
	if cookie, err := r.Cookie(heldCookie); err == nil {
		s.mu.Lock()
		kept = s.tokens[cookie.Value]
		s.mu.Unlock()
	}
	if kept.access == "" || time.Now().After(kept.until) {
		s.page(w, http.StatusForbidden, view{Error: "access_expired", Description: "la minute est passée, connectez-vous à nouveau / the minute is over, log in again"})
		return
	}
	request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.Data, nil)
	if err != nil {
		s.page(w, http.StatusInternalServerError, view{Error: "server_error"})
		return
	}
	request.Header.Set("Authorization", "Bearer "+kept.access)
	var data map[string]any
	body, err := s.do(request)
	if err == nil {
		err = json.Unmarshal(body, &data)
	}
	if err != nil {
		s.page(w, http.StatusBadGateway, view{Error: "data refused by the data provider", Description: err.Error()})
		return
	}
	s.page(w, http.StatusOK, view{Data: data})
}

// scopes are what a login asks for: the identity, and the right to fetch data where the person wants that.
func (a attempt) scopes() string {
	scopes := []string{"openid", "given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"}
	if a.data {
		scopes = slices.Concat(scopes, dataScopes())
	}
	return strings.Join(scopes, " ")
}
