package broker

import (
	"crypto"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/audit"
)

const (
	providerSecret    = "Zr8Lk2Wq_pY6nB4vT1xC9mJ7dG5hF3sKaE0uOiX-eRw" // of test data providers
	introspectionType = "application/token-introspection+jwt"
)

const providerRecord = `client_id   = "%s"
client_name = "Données (essai)"
profile     = "%s"

token_endpoint_auth_method = "%s"
%s
jwks_file = "%s"

scope = "%s"

introspection_encrypted_response_alg = "%s"
introspection_encrypted_response_enc = "A256GCM"
`

// providers registers data providers beside the demo's.
func (s scene) providers(tb testing.TB) {
	tb.Helper()
	const bySecret = `client_secret_files = ["test.secret"]`
	files := map[string]string{
		"test.secret": providerSecret + "\n",
		"ec.jwks": keySet(tb,
			jose.JSONWebKey{Key: s.demoKey(tb).Public(), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"},
			jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-1", Use: "sig", Algorithm: "ES256"}),
		"rsa.jwks": keySet(tb, jose.JSONWebKey{Key: keys3072().Public(), KeyID: "rsa-256", Use: "enc", Algorithm: "RSA-OAEP-256"}),
	}
	for _, r := range []struct{ id, profile, method, secret, jwks, scope, alg string }{
		{"dp-ec", "plus", "client_secret_post", bySecret, "ec.jwks", "dgfip_rfr given_name birthdate email", "ECDH-ES"},
		{"dp-rsa", "plus", "client_secret_post", bySecret, "rsa.jwks", "dgfip_rfr dgfip_nbpart identite_pivot", "RSA-OAEP-256"},
		{"dp-other", "plus", "client_secret_post", bySecret, "ec.jwks", "cnous_email", "ECDH-ES"},
		{"dp-off", "plus", "client_secret_post", bySecret + "\nactive = false", "ec.jwks", "dgfip_rfr", "ECDH-ES"},
		{"dp-standard", "standard", "client_secret_post", bySecret, "ec.jwks", "dgfip_rfr", "ECDH-ES"},
		{"dp-jwt", "plus", "private_key_jwt", "", "ec.jwks", "dgfip_rfr family_name", "ECDH-ES"},
	} {
		files[r.id+".toml"] = fmt.Sprintf(providerRecord, r.id, r.profile, r.method, r.secret, r.jwks, r.scope, r.alg)
	}
	dir := filepath.Join(filepath.Dir(s.world.Config), "registry", "dp")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.broker.registry.Reload(); err != nil {
		tb.Fatal(err)
	}
}

const tokenScope = "openid given_name family_name birthdate dgfip_rfr"

// access is the access token of a login whose scopes are tokenScope.
func (s scene) access(tb testing.TB, change url.Values) string {
	tb.Helper()
	request := withPKCE()
	maps.Copy(request, url.Values{"scope": {tokenScope}, "acr_values": {"eidas2"}})
	maps.Copy(request, change)
	return redeemed(tb, s.token(tb, s.exchange(s.granted(tb, request))), request.Get("scope")).AccessToken
}

func question(access, provider string) url.Values {
	return url.Values{"token": {access}, "client_id": {provider}, "client_secret": {providerSecret}}
}

func (s scene) checktoken(tb testing.TB, form url.Values, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodPost, s.issuer()+"/checktoken", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

func (s scene) introspect(tb testing.TB, form url.Values, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodPost, s.issuer()+"/token/introspection", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// answered opens what a data provider was told: the members of the outer header are those given, and the inner one has a type.
func (s scene) answered(tb testing.TB, a answer, alg jose.KeyAlgorithm, outer ...string) map[string]json.RawMessage {
	tb.Helper()
	if a.status != http.StatusOK {
		tb.Fatalf("status %d: %s", a.status, a.body)
	}
	onWire(tb, a, introspectionType)
	var key crypto.PrivateKey = s.demoKey(tb)
	if alg == jose.RSA_OAEP_256 {
		key = keys3072()
	} else {
		outer = append(outer, "epk")
	}
	header := members(tb, part(tb, a.body, 0), append(outer, "alg", "enc")...)
	said(tb, header, map[string]string{"alg": quoted(string(alg)), "enc": `"A256GCM"`})
	jwe, err := jose.ParseEncryptedCompact(a.body, []jose.KeyAlgorithm{alg}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		tb.Fatal(err)
	}
	inner, err := jwe.Decrypt(key)
	if err != nil {
		tb.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(string(inner), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		tb.Fatal(err)
	}
	said(tb, members(tb, part(tb, string(inner), 0), "alg", "kid", "typ"), map[string]string{"typ": `"token-introspection+jwt"`})
	found := s.published(tb)
	payload, err := jws.Verify(found.Key(jws.Signatures[0].Protected.KeyID)[0])
	if err != nil {
		tb.Fatal(err)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(payload, &object); err != nil {
		tb.Fatal(err)
	}
	if diff := cmp.Diff([]string{"aud", "iat", "iss", "token_introspection"}, slices.Sorted(maps.Keys(object))); diff != "" {
		tb.Errorf("members: %s", diff)
	}
	said(tb, object, map[string]string{"iss": quoted(s.issuer())})
	return object
}

// about is the inner object.
func about(tb testing.TB, object map[string]json.RawMessage, want ...string) map[string]json.RawMessage {
	tb.Helper()
	return members(tb, string(object["token_introspection"]), want...)
}

// subjectAt is the sub of the scene's person at a data provider: its client_id in place of the entity (franceconnect.md 5).
func (s scene) subjectAt(tb testing.TB, provider string) string {
	tb.Helper()
	subjects, err := s.broker.subjects()
	if err != nil {
		tb.Fatal(err)
	}
	sub, err := subjects.Subject(provider, s.person(tb).Hash())
	if err != nil {
		tb.Fatal(err)
	}
	return quoted(sub)
}

// TestA5Checktoken is the positive control: two pairs of algorithms, each member, and of the identity what the scopes of
// token and data provider both release; the acr is that of the ID token, above the one asked for.
func TestA5Checktoken(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	always := []string{"active", "aud", "sub", "iat", "exp", "acr", "jti", "scope"}
	var ids []string
	for _, row := range []struct {
		provider string
		alg      jose.KeyAlgorithm
		scope    string
		identity []string
	}{
		{"dp-ec", jose.ECDH_ES, "given_name birthdate dgfip_rfr", []string{"given_name", "birthdate"}}, // not family_name, nor email
		{"dp-rsa", jose.RSA_OAEP_256, "dgfip_rfr", nil},                                                // identite_pivot was not asked
		{"dp-other", jose.ECDH_ES, "", nil},
	} {
		t.Run(row.provider, func(t *testing.T) {
			before := len(s.entries(t, audit.TokenChecked))
			object := s.answered(t, s.checktoken(t, question(access, row.provider)), row.alg)
			said(t, object, map[string]string{"aud": quoted(row.provider)})
			token := about(t, object, append(row.identity, always...)...)
			said(t, token, map[string]string{
				"active": "true", "aud": quoted(s.world.SP[0].ClientID), "sub": s.subjectAt(t, row.provider), "acr": `"eidas3"`, "scope": quoted(row.scope),
			})
			if slices.Contains(row.identity, "given_name") {
				said(t, token, map[string]string{"given_name": `"Hélène Françoise"`, "birthdate": `"1985-03-14"`})
			}
			lasting(t, token)
			ids = append(ids, string(token["jti"]))
			if strings.Contains(string(token["jti"]), access) || token["sub"] == nil {
				t.Error("jti tells the token")
			}
			since := s.entries(t, audit.TokenChecked)[before:]
			if len(since) != 1 || since[0].Client != row.provider || since[0].Details["service"] != s.world.SP[0].ClientID || since[0].Transaction == "" || since[0].Reason != "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] != ids[2] {
		t.Errorf("one token has the names %v", ids)
	}
	if a := s.userinfo(t, access); a.status != http.StatusOK { // asking costs nothing
		t.Errorf("userinfo: %d", a.status)
	}
	for _, secret := range []string{access, providerSecret, "Hélène", "1985-03-14"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// TestA5ChecktokenRefused: each field missing, a wrong secret, an unknown data provider, and what else is no data provider's
// question. The good question comes last.
func TestA5ChecktokenRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	malformed := denial{400, "invalid_request", "missing or malformed parameter", "Y100013", ""}
	unknown := denial{401, "invalid_client", "client authentication failed", "Y330001", ""}
	wrong := denial{401, "invalid_client", "client authentication failed", "Y330002", ""}
	rows := map[string]struct {
		change  url.Values
		headers []string
		want    denial
	}{
		"wrong secret":          {url.Values{"client_secret": {providerSecret[1:] + "A"}}, nil, wrong},
		"a service's secret":    {url.Values{"client_secret": {s.world.SP[0].Secret}}, nil, wrong},
		"by key alone":          {url.Values{"client_id": {"dp-jwt"}}, nil, wrong},
		"unknown":               {url.Values{"client_id": {"dp-nobody"}}, nil, unknown},
		"not active":            {url.Values{"client_id": {"dp-off"}}, nil, unknown},
		"of the other issuer":   {url.Values{"client_id": {"dp-standard"}}, nil, unknown},
		"a service provider":    {url.Values{"client_id": {s.world.SP[0].ClientID}, "client_secret": {s.world.SP[0].Secret}}, nil, unknown},
		"one field more":        {url.Values{"token_type_hint": {"access_token"}}, nil, malformed},
		"a header beside":       {nil, []string{"Authorization", "Bearer " + access}, malformed},
		"in JSON":               {nil, []string{"Content-Type", "application/json"}, denial{415, "invalid_request", "unsupported media type", "Y000415", ""}},
		"larger than any":       {url.Values{"token": {strings.Repeat("a", 65<<10)}}, nil, denial{413, "invalid_request", "request entity too large", "Y000413", ""}},
		"larger than its bound": {url.Values{"token": {strings.Repeat("a", 9<<10)}}, nil, malformed},
	}
	for name := range question("", "") {
		for kind, list := range map[string][]string{"no ": nil, "empty ": {""}, "two times ": {"a", "a"}} {
			row := rows["x"]
			row.change, row.want = url.Values{name: list}, malformed
			rows[kind+name] = row
		}
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			form := question(access, "dp-ec")
			maps.Copy(form, row.change)
			headers := append([]string{"Content-Type", formType}, row.headers...)
			if len(row.headers) > 0 && row.headers[0] == "Content-Type" {
				headers = row.headers
			}
			before := len(s.entries(t, audit.TokenCheckRefused, audit.ProviderRefused))
			s.denied(t, knock(t, http.MethodPost, s.issuer()+"/checktoken", form.Encode(), headers...), row.want)
			since := s.entries(t, audit.TokenCheckRefused, audit.ProviderRefused)[before:]
			event := audit.TokenCheckRefused
			if row.want.status == http.StatusUnauthorized {
				event = audit.ProviderRefused
			}
			if row.want.status != http.StatusRequestEntityTooLarge && row.want.status != http.StatusUnsupportedMediaType &&
				(len(since) != 1 || since[0].Event != event || since[0].Reason == "") {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	s.denied(t, knock(t, http.MethodGet, s.issuer()+"/checktoken?"+question(access, "dp-ec").Encode(), ""), denial{405, "invalid_request", "method not allowed", "Y000405", ""})
	about(t, s.answered(t, s.checktoken(t, question(access, "dp-other")), jose.ECDH_ES), "active", "aud", "sub", "iat", "exp", "acr", "jti", "scope")
}

// silent checks that both endpoints say of a token that it is not active, and no word more.
func (s scene) silent(tb testing.TB, access, provider, reason string) {
	tb.Helper()
	before := len(s.entries(tb, audit.TokenCheckRefused))
	s.answered(tb, s.checktoken(tb, question(access, provider)), jose.ECDH_ES)
	for _, a := range []answer{
		s.checktoken(tb, question(access, provider)),
		s.introspect(tb, question(access, provider), "Accept", introspectionType),
	} {
		outer := []string{}
		if len(part(tb, a.body, 0)) > 0 && strings.Contains(part(tb, a.body, 0), `"kid"`) {
			outer = []string{"kid", "cty", "iss", "aud"}
		}
		if got := string(s.answered(tb, a, jose.ECDH_ES, outer...)["token_introspection"]); got != `{"active":false}` {
			tb.Errorf("told %s", got)
		}
	}
	if a := s.introspect(tb, question(access, provider)); a.status != http.StatusOK || a.body != `{"active":false}` {
		tb.Errorf("%d: %s", a.status, a.body)
	}
	since := s.entries(tb, audit.TokenCheckRefused)[before:]
	if len(since) != 4 || slices.ContainsFunc(since, func(e audit.Entry) bool { return e.Reason != reason || e.Client != provider }) {
		tb.Errorf("audit entries %+v", since)
	}
}

// TestB7TokenAtDataProvider: a token stays good after a new login, and is good for nothing once it was revoked, its code was
// replayed, or its minute is over.
func TestB7TokenAtDataProvider(t *testing.T) {
	t.Parallel()
	c := new(clock)
	s := startBy(t, c)
	s.providers(t)
	active := func(access string) {
		t.Helper()
		object := s.answered(t, s.checktoken(t, question(access, "dp-ec")), jose.ECDH_ES)
		about(t, object, "active", "aud", "sub", "iat", "exp", "acr", "jti", "scope", "given_name", "birthdate")
	}
	first, second := s.access(t, nil), s.access(t, nil)
	active(first) // after the flow that came second
	active(second)
	s.silent(t, strings.Repeat("A", 43), "dp-ec", "token-unknown")
	s.silent(t, "x", "dp-ec", "token-unknown")

	sp := s.world.SP[0]
	revocation := url.Values{"token": {first}, "client_id": {sp.ClientID}, "client_secret": {sp.Secret}}
	if a := knock(t, http.MethodPost, s.issuer()+"/token/revocation", revocation.Encode(), "Content-Type", formType); a.status != http.StatusOK {
		t.Fatalf("revocation: %d", a.status)
	}
	s.silent(t, first, "dp-ec", "token-unknown")
	active(second)

	code := s.granted(t, url.Values{"scope": {tokenScope}, "code_challenge": {pkceDigest}, "code_challenge_method": {"S256"}})
	third := redeemed(t, s.token(t, s.exchange(code)), tokenScope).AccessToken
	active(third)
	s.denied(t, s.token(t, s.exchange(code)), invalidGrant())
	s.silent(t, third, "dp-ec", "token-unknown")

	fourth := s.access(t, nil)
	c.advance(59 * time.Second)
	active(fourth)
	c.advance(time.Second)
	s.silent(t, fourth, "dp-ec", "token-unknown")
}

// TestRightsAtDataProvider: a scope that the service may no longer have is not told, nor what it released; of a service that
// was struck off, nothing is.
func TestRightsAtDataProvider(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	s.rewrite(t, `birthdate `, "")
	object := s.answered(t, s.checktoken(t, question(access, "dp-ec")), jose.ECDH_ES)
	token := about(t, object, "active", "aud", "sub", "iat", "exp", "acr", "jti", "scope", "given_name")
	said(t, token, map[string]string{"scope": `"given_name dgfip_rfr"`})
	s.rewrite(t, `client_name = `, "active = false\nclient_name = ")
	s.silent(t, access, "dp-ec", "service-unknown")
}

// TestIntrospection: RFC 7662 in JSON, which has no identity, and RFC 9701 as a JWT, which has it.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	plain := []string{"active", "iss", "client_id", "token_type", "sub", "iat", "exp", "acr", "jti", "scope"}
	want := map[string]string{
		"active": "true", "iss": quoted(s.issuer()), "client_id": quoted(s.world.SP[0].ClientID), "token_type": `"Bearer"`,
		"sub": s.subjectAt(t, "dp-ec"), "acr": `"eidas3"`, "scope": `"given_name birthdate dgfip_rfr"`,
	}
	for accept, jwt := range map[string]bool{
		"":                                  false,
		"*/*":                               false,
		"application/json":                  false,
		"text/html, application/json;q=0.9": false,
		"application/json, application/token-introspection+jwt;q=0.5": false,
		"application/token-introspection+jwt;q=0":                     false,
		"application/token-introspection+jwt;q=two":                   false,
		introspectionType: true,
		"application/json;q=0.5, Application/Token-Introspection+JWT": true,
		"application/json, application/token-introspection+jwt":       true,
	} {
		t.Run(accept, func(t *testing.T) {
			a := s.introspect(t, question(access, "dp-ec"), "Accept", accept)
			if a.status != http.StatusOK || a.header.Get("Vary") != "Accept" {
				t.Fatalf("%d, Vary %q: %s", a.status, a.header.Get("Vary"), a.body)
			}
			if !jwt {
				onWire(t, a, "application/json")
				token := members(t, a.body, plain...)
				said(t, token, want)
				lasting(t, token)
				return
			}
			object := s.answered(t, a, jose.ECDH_ES, "kid", "cty", "iss", "aud")
			said(t, object, map[string]string{"aud": `"dp-ec"`})
			token := about(t, object, append([]string{"given_name", "birthdate"}, plain...)...)
			said(t, token, want)
			said(t, token, map[string]string{"given_name": `"Hélène Françoise"`})
		})
	}
	// A data provider that the token says nothing of learns nothing, whereas FranceConnect's form says that the scope is empty.
	before := len(s.entries(t, audit.TokenCheckRefused))
	if a := s.introspect(t, question(access, "dp-other")); a.status != http.StatusOK || a.body != `{"active":false}` {
		t.Errorf("%d: %s", a.status, a.body)
	}
	if since := s.entries(t, audit.TokenCheckRefused)[before:]; len(since) != 1 || since[0].Reason != "scope-not-held" {
		t.Errorf("audit entries %+v", since)
	}
}

// TestIntrospectionRefused: who does not authenticate learns nothing, in the words of every other client.
func TestIntrospectionRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	sp := s.world.SP[0]
	for name, row := range map[string]struct {
		change url.Values
		want   denial
	}{
		"no token":            {url.Values{"token": nil}, invalidRequest("missing required parameter 'token'", "Y048017B")},
		"two tokens":          {url.Values{"token": {access, access}}, invalidRequest("parameters must not be provided twice", "Y0496E4A")},
		"no credentials":      {url.Values{"client_secret": nil}, invalidRequest("no client authentication mechanism provided", "Y044FEB3")},
		"wrong secret":        {url.Values{"client_secret": {providerSecret[1:] + "A"}}, invalidClient("Y0434A7B")},
		"unknown":             {url.Values{"client_id": {"dp-nobody"}}, invalidClient("Y0434A7B")},
		"not active":          {url.Values{"client_id": {"dp-off"}}, invalidClient("Y0434A7B")},
		"of the other issuer": {url.Values{"client_id": {"dp-standard"}}, invalidClient("Y0434A7B")},
		"a service provider":  {url.Values{"client_id": {sp.ClientID}, "client_secret": {sp.Secret}}, invalidClient("Y0434A7B")},
	} {
		t.Run(name, func(t *testing.T) {
			form := question(access, "dp-ec")
			maps.Copy(form, row.change)
			before := len(s.entries(t, audit.TokenCheckRefused, audit.ProviderRefused))
			s.denied(t, s.introspect(t, form), row.want)
			if since := s.entries(t, audit.TokenCheckRefused, audit.ProviderRefused)[before:]; len(since) != 1 || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	if a := s.introspect(t, question(access, "dp-ec")); a.status != http.StatusOK || !strings.Contains(a.body, `"active":true`) {
		t.Errorf("%d: %s", a.status, a.body)
	}
	// A data provider is no client: its secret redeems no code, and its name begins no login.
	form := s.exchange("x")
	form.Set("client_id", "dp-ec")
	form.Set("client_secret", providerSecret)
	s.denied(t, s.token(t, form), invalidClient("Y0434A7B"))
	if a := s.authorize(t, http.MethodGet, s.changed(url.Values{"client_id": {"dp-ec"}}).Encode()); a.status != http.StatusBadRequest {
		t.Errorf("authorize: %d", a.status)
	}
}

// TestIntrospectionByKey: by private_key_jwt, each assertion once, also at the same moment.
func TestIntrospectionByKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	form := url.Values{"token": {s.access(t, nil)}, "client_assertion_type": {assertionType}}
	form.Set("client_assertion", s.assertion(t, map[string]any{"iss": "dp-jwt", "sub": "dp-jwt"}))
	var wait sync.WaitGroup
	var mu sync.Mutex
	status := make(map[int]int)
	for range 8 {
		wait.Go(func() {
			a := s.introspect(t, form)
			mu.Lock()
			defer mu.Unlock()
			status[a.status]++
		})
	}
	wait.Wait()
	if diff := cmp.Diff(map[int]int{http.StatusOK: 1, http.StatusUnauthorized: 7}, status); diff != "" {
		t.Error(diff)
	}
	form.Set("client_assertion", s.assertion(t, map[string]any{"iss": "dp-ec", "sub": "dp-ec"})) // whose method is another
	s.denied(t, s.introspect(t, form), invalidClient("Y0434A7B"))
}

// TestIntrospectionDiscovery: what is served is what is listed.
func TestIntrospectionDiscovery(t *testing.T) {
	t.Parallel()
	s := start(t)
	var got map[string]any
	if err := json.Unmarshal([]byte(knock(t, http.MethodGet, s.issuer()+"/.well-known/openid-configuration", "").body), &got); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"introspection_endpoint":                                   s.issuer() + "/token/introspection",
		"introspection_endpoint_auth_methods_supported":            []any{"client_secret_post", "private_key_jwt"},
		"introspection_endpoint_auth_signing_alg_values_supported": []any{"ES256"},
		"introspection_signing_alg_values_supported":               []any{"ES256"},
		"introspection_encryption_alg_values_supported":            []any{"ECDH-ES", "RSA-OAEP-256", "RSA-OAEP"},
		"introspection_encryption_enc_values_supported":            []any{"A256GCM"},
	} {
		if diff := cmp.Diff(want, got[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestCheckWhileInUse: the service uses its token while data providers ask about it, all at the same moment; nobody is refused.
func TestCheckWhileInUse(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	access := s.access(t, nil)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if a := s.userinfo(t, access); a.status != http.StatusOK {
				t.Errorf("userinfo: %d %s", a.status, a.body)
			}
		})
		wait.Go(func() {
			if a := s.introspect(t, question(access, "dp-ec")); a.status != http.StatusOK || !strings.Contains(a.body, `"active":true`) {
				t.Errorf("introspection: %d %s", a.status, a.body)
			}
		})
	}
	wait.Wait()
	if n := len(s.entries(t, audit.TokenChecked)); n != 8 {
		t.Errorf("%d audit entries for 8 answers", n)
	}
}

// TestBoundTokenAtDataProvider: of a token that is bound to a key the data provider is told the key, which it has to ask for
// as well (RFC 9449 §6.2).
func TestBoundTokenAtDataProvider(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	request := withPKCE()
	request.Set("scope", tokenScope)
	access := bound(t, s.token(t, s.exchange(s.granted(t, request)), "DPoP", s.tokenProof(t, keyP256())))
	thumbprint, err := (&jose.JSONWebKey{Key: keyP256().Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cnf": `{"jkt":` + quoted(base64.RawURLEncoding.EncodeToString(thumbprint)) + `}`}
	always := []string{"active", "sub", "iat", "exp", "acr", "jti", "scope", "cnf"}
	object := s.answered(t, s.checktoken(t, question(access, "dp-ec")), jose.ECDH_ES)
	said(t, about(t, object, append(always, "aud", "given_name", "birthdate")...), want)
	a := s.introspect(t, question(access, "dp-ec"))
	token := members(t, a.body, append(always, "iss", "client_id", "token_type")...)
	said(t, token, want)
	said(t, token, map[string]string{"token_type": `"DPoP"`})
}
