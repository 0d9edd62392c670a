package broker

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestFAPI is a login of a client that follows the FAPI 2.0 Security Profile, and the same with each part left out.
func TestFAPI(t *testing.T) {
	t.Parallel()
	s := start(t)
	files := s.demoRecord(t, "jwt-sp", `profile     = "plus"`, "profile     = \"plus\"\nsecurity_profile = \"fapi2\"",
		`"client_secret_post"`, `"private_key_jwt"`, `client_secret_files        = ["demo-sp.secret"]`, "", "demo-sp.jwks", "jwt-sp.jwks")
	files["jwt-sp.jwks"] = keySet(t,
		jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-1", Use: "sig", Algorithm: "ES256"},
		jose.JSONWebKey{Key: s.demoKey(t).Public(), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"})
	s.register(t, files)
	ahead := func(change url.Values) url.Values {
		more := withPKCE()
		maps.Copy(more, url.Values{"client_id": {"jwt-sp"}, "nonce": nil, "client_assertion_type": {assertionType}, "client_assertion": {s.assertion(t, nil)}})
		maps.Copy(more, change)
		return s.changed(more)
	}
	direct := func() string {
		more := withPKCE()
		more.Set("client_id", "jwt-sp")
		return s.changed(more).Encode()
	}
	told := func(a answer, description string) {
		t.Helper()
		location, err := url.Parse(a.header.Get("Location"))
		if err != nil || a.status != http.StatusSeeOther || location.Query().Get("error_description") != description {
			t.Errorf("%d %s, want %q", a.status, location, description)
		}
	}
	told(s.authorize(t, http.MethodGet, direct()), "Pushed Authorization Request must be used")
	s.denied(t, s.push(t, ahead(url.Values{"code_challenge": nil, "code_challenge_method": nil})),
		denied400("invalid_request", "Authorization Server policy requires PKCE to be used for this request", "Y04BBB40"))
	s.denied(t, s.push(t, ahead(url.Values{"nonce": {"short"}})),
		denied400("invalid_request", "invalid authorization request parameters: nonce", "Y030007"))

	code := s.granted(t, url.Values{"client_id": {"jwt-sp"}, "nonce": nil, "request_uri": {s.reference(t, ahead(nil))}})
	exchange := func(headers ...string) answer {
		t.Helper()
		form := s.exchange(code)
		form.Del("client_secret")
		form.Set("client_id", "jwt-sp")
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", s.assertion(t, nil))
		return s.token(t, form, headers...)
	}
	s.denied(t, exchange(), denied400("invalid_dpop_proof", "DPoP proof must be provided", "Y040001"))
	a := exchange("DPoP", s.tokenProof(t, keyP256()))
	access := bound(t, a)
	_, payload := s.opened(t, part2(t, a.body), jose.ECDH_ES, s.demoKey(t))
	members(t, payload, "sub", "acr", "auth_time", "aud", "exp", "iat", "iss") // no nonce was sent
	if a := s.userinfoBy(t, "Authorization", "DPoP "+access, "DPoP", s.infoProof(t, keyP256(), access, nil)); a.status != http.StatusOK {
		t.Errorf("userinfo: %d %s", a.status, a.body)
	}
	with := s.granted(t, url.Values{"client_id": {"jwt-sp"}, "nonce": nil, "request_uri": {s.reference(t, ahead(url.Values{"nonce": {baseNonce}}))}})
	code = with
	a = exchange("DPoP", s.tokenProof(t, keyP256()))
	bound(t, a)
	if _, payload := s.opened(t, part2(t, a.body), jose.ECDH_ES, s.demoKey(t)); !strings.Contains(payload, quoted(baseNonce)) {
		t.Errorf("a nonce that was sent is not answered: %s", payload)
	}
	// Everybody else must send one.
	none := s.changed(url.Values{"nonce": nil})
	onPage(t, s.authorize(t, http.MethodGet, none.Encode()), 400, "Y030007")
}

func denied400(code, description, y string) denial { return denial{400, code, description, y, ""} }

// part2 is the ID token of a token answer.
func part2(tb testing.TB, body string) string {
	tb.Helper()
	_, rest, _ := strings.Cut(body, `"id_token":"`)
	text, _, ok := strings.Cut(rest, `"`)
	if !ok {
		tb.Fatalf("no ID token in %s", body)
	}
	return text
}
