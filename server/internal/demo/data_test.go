package demo

import (
	"crypto/ecdsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// fakeBroker answers /checktoken with one answer.
type fakeBroker struct {
	signing *ecdsa.PrivateKey
	to      *ecdsa.PublicKey
	with    *ecdsa.PrivateKey // what it signs with
	typ     string
	media   string
	status  int
	answer  map[string]any
	asked   []string
}

// ServeHTTP implements http.Handler.
func (b *fakeBroker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/jwks" {
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: b.signing.Public(), KeyID: "k", Use: "sig", Algorithm: "ES256"}}})
		return
	}
	if err := r.ParseForm(); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.asked = append(b.asked, r.PostForm.Encode())
	w.Header().Set("Content-Type", b.media)
	w.WriteHeader(b.status)
	compact, err := b.sealed()
	if err != nil {
		panic(err)
	}
	fmt.Fprint(w, compact)
}

func (b *fakeBroker) sealed() (string, error) {
	payload, err := json.Marshal(b.answer)
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: b.with, KeyID: "k"}}, (&jose.SignerOptions{}).WithType(jose.ContentType(b.typ)))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		return "", err
	}
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES, Key: b.to}, nil)
	if err != nil {
		return "", err
	}
	sealed, err := encrypter.Encrypt([]byte(compact))
	if err != nil {
		return "", err
	}
	return sealed.CompactSerialize()
}

func made(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := newKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestDataProvider changes one thing of a good answer about a good token.
func TestDataProvider(t *testing.T) {
	t.Parallel()
	token := func(b *fakeBroker) map[string]any { return b.answer["token_introspection"].(map[string]any) }
	for name, row := range map[string]struct {
		change func(b *fakeBroker)
		bearer string
		status int
		want   string // in the answer
	}{
		"base":              {func(*fakeBroker) {}, "Bearer tok", 200, `"dgfip_rfr":`},
		"one scope":         {func(b *fakeBroker) { token(b)["scope"] = "dgfip_nbpart given_name" }, "Bearer tok", 200, `{"dgfip_nbpart":`},
		"no scope":          {func(b *fakeBroker) { token(b)["scope"] = "" }, "Bearer tok", 200, `{}`},
		"no token":          {func(*fakeBroker) {}, "", 401, "invalid_request"},
		"Basic":             {func(*fakeBroker) {}, "Basic tok", 401, "invalid_request"},
		"not active":        {func(b *fakeBroker) { b.answer["token_introspection"] = map[string]any{"active": false} }, "Bearer tok", 401, "invalid_token"},
		"expired":           {func(b *fakeBroker) { token(b)["exp"] = time.Now().Unix() - 1 }, "Bearer tok", 401, "invalid_token"},
		"bound to a key":    {func(b *fakeBroker) { token(b)["cnf"] = map[string]any{"jkt": "x"} }, "Bearer tok", 401, "invalid_token"},
		"low level":         {func(b *fakeBroker) { token(b)["acr"] = "eidas1" }, "Bearer tok", 403, "insufficient_scope"},
		"nobody":            {func(b *fakeBroker) { delete(token(b), "family_name") }, "Bearer tok", 403, "insufficient_scope"},
		"another type":      {func(b *fakeBroker) { b.typ = "JWT" }, "Bearer tok", 502, "temporarily_unavailable"},
		"another signature": {func(b *fakeBroker) { b.with = made(t) }, "Bearer tok", 502, "temporarily_unavailable"},
		"another key":       {func(b *fakeBroker) { b.to = &made(t).PublicKey }, "Bearer tok", 502, "temporarily_unavailable"},
		"another issuer":    {func(b *fakeBroker) { b.answer["iss"] = "https://other.example.org" }, "Bearer tok", 502, "temporarily_unavailable"},
		"another audience":  {func(b *fakeBroker) { b.answer["aud"] = "other" }, "Bearer tok", 502, "temporarily_unavailable"},
		"of yesterday":      {func(b *fakeBroker) { b.answer["iat"] = time.Now().Add(-24 * time.Hour).Unix() }, "Bearer tok", 502, "temporarily_unavailable"},
		"another media":     {func(b *fakeBroker) { b.media = "application/jwt" }, "Bearer tok", 502, "temporarily_unavailable"},
		"a refusal":         {func(b *fakeBroker) { b.status = 401 }, "Bearer tok", 502, "temporarily_unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			own := made(t)
			b := &fakeBroker{signing: made(t), to: &own.PublicKey, typ: "token-introspection+jwt", media: "application/token-introspection+jwt", status: 200}
			b.with = b.signing
			server := httptest.NewServer(b)
			defer server.Close()
			now := time.Now().Unix()
			b.answer = map[string]any{"iss": server.URL, "aud": "dp", "iat": now, "token_introspection": map[string]any{
				"active": true, "aud": "sp", "sub": "x", "iat": now, "exp": now + 30, "acr": "eidas3", "scope": "dgfip_rfr dgfip_nbpart family_name",
				"given_name": "Hélène", "family_name": "Dupont", "birthdate": "1985-03-14",
			}}
			row.change(b)
			d := &dataProvider{Issuer: server.URL, ClientID: "dp", Secret: "s", Key: own}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, dataPath, nil)
			if row.bearer != "" {
				r.Header.Set("Authorization", row.bearer)
			}
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, r)
			if w.Code != row.status || !strings.Contains(w.Body.String(), row.want) || strings.Contains(w.Body.String(), "Dupont") {
				t.Errorf("%d: %s", w.Code, w.Body)
			}
			if (w.Code == 401 || w.Code == 403) != strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
			}
			if len(b.asked) > 0 && b.asked[0] != "client_id=dp&client_secret=s&token=tok" {
				t.Errorf("asked %v", b.asked)
			}
		})
	}
}

// TestHousehold: the same person has the same data each time, and another has other data.
func TestHousehold(t *testing.T) {
	t.Parallel()
	one := checked{GivenName: "Hélène", FamilyName: "Dupont", Birthdate: "1985-03-14", Scope: "dgfip_rfr"}
	two := one
	two.FamilyName = "Durand"
	if a, b := fmt.Sprint(household(one)), fmt.Sprint(household(one)); a != b || a == fmt.Sprint(household(two)) {
		t.Errorf("%s, %s, %s", a, b, fmt.Sprint(household(two)))
	}
}
