package broker

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/audit"
)

// object is the base request as its client signs it, with other claims.
func (s scene) object(tb testing.TB, change map[string]any) string {
	tb.Helper()
	claims := map[string]any{"iss": "signing-sp", "aud": s.issuer(), "exp": time.Now().Add(time.Minute).Unix(), "nbf": time.Now().Unix()}
	for name, list := range s.base() {
		claims[name] = list[0]
	}
	claims["client_id"] = "signing-sp"
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	raw, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	key := jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: keyP256(), KeyID: "sig-1"}}
	signer, err := jose.NewSigner(key, new(jose.SignerOptions).WithType("oauth-authz-req+jwt"))
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

// signing registers the client that signs its requests, with more lines in its record.
func (s scene) signing(tb testing.TB, lines string) {
	tb.Helper()
	files := s.demoRecord(tb, "signing-sp", `profile     = "plus"`, "profile     = \"plus\"\nrequest_object_signing_alg = \"ES256\"\n"+lines, "demo-sp.jwks", "signing-sp.jwks")
	files["signing-sp.jwks"] = keySet(tb,
		jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-1", Use: "sig", Algorithm: "ES256"},
		jose.JSONWebKey{Key: s.demoKey(tb).Public(), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"})
	s.register(tb, files)
}

// TestSignedRequest is a login by a signed request (RFC 9101), and what is refused beside it.
func TestSignedRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.signing(t, "")
	asked := func(object string, change url.Values) string {
		v := url.Values{"client_id": {"signing-sp"}, "request": {object}}
		maps.Copy(v, change)
		return v.Encode()
	}
	for _, method := range methods() {
		s.admitted(t, s.authorize(t, method, asked(s.object(t, nil), nil)))
	}
	full := s.changed(url.Values{"client_id": {"signing-sp"}})
	s.admitted(t, s.authorize(t, http.MethodGet, asked(s.object(t, nil), full))) // everything beside it, the same
	for _, row := range []struct {
		name, object string
		beside       url.Values
		code, reason string
	}{
		{"edited", s.object(t, nil)[:40] + "A" + s.object(t, nil)[41:], nil, "Y040001", "object-"},
		{"for another issuer", s.object(t, map[string]any{"aud": "https://other.example.fr"}), nil, "Y040001", "object-claims"},
		{"expired", s.object(t, map[string]any{"exp": time.Now().Add(-time.Hour).Unix()}), nil, "Y040001", "object-time"},
		{"of another client", s.object(t, map[string]any{"iss": "demo-sp"}), nil, "Y040001", "object-claims"},
		{"unsigned", "eyJhbGciOiJub25lIn0.e30.", nil, "Y040001", "object-form"},
		{"more beside it", s.object(t, nil), url.Values{"prompt": {"login"}}, "Y030007", "authorize-parameters"},
		{"another scope beside it", s.object(t, nil), url.Values{"scope": {"openid"}}, "Y030007", "authorize-parameters"},
		{"another state beside it", s.object(t, nil), url.Values{"state": {"x"}}, "Y030007", "authorize-parameters"},
		{"another client inside", s.object(t, map[string]any{"client_id": "demo-sp"}), nil, "Y030007", "authorize-parameters"},
		{"no client inside", s.object(t, map[string]any{"client_id": nil}), nil, "Y030007", "authorize-parameters"},
		{"a request inside", s.object(t, map[string]any{"request": "a.b.c"}), nil, "Y030007", "authorize-parameters"},
		{"a reference inside", s.object(t, map[string]any{"request_uri": "urn:x"}), nil, "Y030007", "authorize-parameters"},
		{"no nonce inside", s.object(t, map[string]any{"nonce": nil}), nil, "Y030007", "authorize-parameters"},
		{"a reference beside it", s.object(t, nil), url.Values{"request_uri": {"urn:ietf:params:oauth:request_uri:x"}}, "Y030007", "authorize-parameters"},
		{"twice", s.object(t, nil), url.Values{"request": {s.object(t, nil), s.object(t, nil)}}, "Y030007", "authorize-parameters"},
		{"a client that does not sign", s.object(t, nil), url.Values{"client_id": {"demo-sp"}}, "Y030007", "object-unregistered"},
		{"an unknown client", s.object(t, nil), url.Values{"client_id": {"nobody"}}, "Y04EA6EF", "client-unknown"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.AuthorizeRefused))
			onPage(t, s.authorize(t, http.MethodGet, asked(row.object, row.beside)), 400, row.code)
			if since := s.entries(t, audit.AuthorizeRefused)[before:]; len(since) != 1 || !strings.HasPrefix(since[0].Reason, row.reason) {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	// Pushed as well: once it was signed, it stays so.
	push := s.pushing(nil)
	uri := s.reference(t, url.Values{"client_id": {"signing-sp"}, "client_secret": push["client_secret"], "request": {s.object(t, nil)}})
	s.admitted(t, s.authorize(t, http.MethodGet, s.referring(uri, url.Values{"client_id": {"signing-sp"}})))
	s.denied(t, s.push(t, url.Values{"client_id": {"signing-sp"}, "client_secret": push["client_secret"], "request": {s.object(t, map[string]any{"aud": "x"})}}),
		denial{400, "invalid_request_object", "Request Object is invalid: request", "Y040001", ""})
}

// TestSignedOnly: what the record demands, the request cannot drop (RFC 9101 §10.5), pushed or not.
func TestSignedOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.signing(t, "require_signed_request_object = true")
	a := s.authorize(t, http.MethodGet, s.changed(url.Values{"client_id": {"signing-sp"}}).Encode())
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || location.Query().Get("error_description") != "Request Object must be used by this client" {
		t.Errorf("%d %s", a.status, location)
	}
	plain := s.pushing(url.Values{"client_id": {"signing-sp"}})
	s.denied(t, s.push(t, plain), denial{400, "invalid_request", "Request Object must be used by this client", "Y040001", ""})
	s.admitted(t, s.authorize(t, http.MethodGet, url.Values{"client_id": {"signing-sp"}, "request": {s.object(t, nil)}}.Encode()))
	uri := s.reference(t, url.Values{"client_id": {"signing-sp"}, "client_secret": plain["client_secret"], "request": {s.object(t, nil)}})
	s.admitted(t, s.authorize(t, http.MethodGet, s.referring(uri, url.Values{"client_id": {"signing-sp"}})))
}
