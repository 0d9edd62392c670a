package broker

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/demo"
	"pivot/server/internal/txn"
)

// standard is the same broker, asked at its other issuer by that issuer's client.
func (s scene) standard() scene {
	w := s.world
	w.Issuers = map[string]string{"plus": w.Issuers["standard"]}
	w.SP = []demo.Service{w.SP[1]}
	s.world = w
	return s
}

// low is what a request to the standard issuer has in the place of the other's values.
func low(change url.Values) url.Values {
	v := url.Values{"acr_values": {"eidas1"}}
	maps.Copy(v, change)
	return v
}

// TestA6Discovery holds the document to its members, at both profiles (franceconnect.md 1.10): those of the original that are
// served, and ours beyond them.
func TestA6Discovery(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, tc := range map[string]struct {
		scene      scene
		profile    claims.Profile
		acrs, algs []string
	}{
		"plus":     {s, claims.Plus, []string{"eidas2", "eidas3"}, []string{"ES256"}},
		"standard": {s.standard(), claims.Standard, []string{"eidas1"}, []string{"ES256", "RS256"}},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := tc.scene.issuer()
			a := knock(t, http.MethodGet, issuer+"/.well-known/openid-configuration", "")
			if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/json; charset=utf-8" || a.header.Get("Cache-Control") != "public, max-age=600" {
				t.Errorf("%d %v", a.status, a.header)
			}
			noCookie(t, a)
			got := members(t, a.body, slices.Concat(discovered(), beyond())...)
			want := map[string]any{
				"issuer": issuer, "authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token",
				"userinfo_endpoint": issuer + "/userinfo", "jwks_uri": issuer + "/jwks", "end_session_endpoint": issuer + "/session/end",
				"revocation_endpoint": issuer + "/token/revocation", "acr_values_supported": tc.acrs,
				"claims_parameter_supported": true, "claim_types_supported": []string{"normal"}, "code_challenge_methods_supported": []string{"S256"},
				"grant_types_supported": []string{"authorization_code"}, "response_types_supported": []string{"code"},
				"response_modes_supported": []string{"query"}, "authorization_response_iss_parameter_supported": true,
				"subject_types_supported": []string{"pairwise"}, "scopes_supported": tc.profile.Scopes(),
				"claims_supported":                                 append(tc.profile.Claims(), "acr", "auth_time", "iss", "sid"),
				"token_endpoint_auth_methods_supported":            []string{"client_secret_post", "private_key_jwt"},
				"token_endpoint_auth_signing_alg_values_supported": tc.algs,
				"id_token_signing_alg_values_supported":            tc.algs, "userinfo_signing_alg_values_supported": tc.algs,
				"id_token_encryption_alg_values_supported": []string{"ECDH-ES", "RSA-OAEP-256", "RSA-OAEP"},
				"id_token_encryption_enc_values_supported": []string{"A256GCM"},
				"userinfo_encryption_alg_values_supported": []string{"ECDH-ES", "RSA-OAEP-256", "RSA-OAEP"},
				"userinfo_encryption_enc_values_supported": []string{"A256GCM"},
				"request_uri_parameter_supported":          false,
			}
			for member, value := range want {
				text, err := json.Marshal(value)
				if err != nil || string(got[member]) != string(text) {
					t.Errorf("%s is %s, want %s", member, got[member], text)
				}
			}
			for member, raw := range got { // what is listed is served
				var address string
				if json.Unmarshal(raw, &address) != nil || !strings.HasPrefix(address, issuer+"/") {
					continue
				}
				if at := knock(t, http.MethodPost, address, "", "Content-Type", formType); at.status == http.StatusNotFound {
					t.Errorf("%s: nothing is at %s", member, address)
				}
			}
			if head := knock(t, http.MethodHead, issuer+"/.well-known/openid-configuration", ""); head.status != http.StatusOK || head.body != "" {
				t.Errorf("HEAD: %d %q", head.status, head.body)
			}
		})
	}
}

// discovered are the members of franceconnect.md 1.10.
func discovered() []string {
	return []string{
		"issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint", "revocation_endpoint",
		"acr_values_supported", "claims_parameter_supported", "claims_supported", "claim_types_supported", "code_challenge_methods_supported",
		"grant_types_supported", "response_types_supported", "response_modes_supported", "authorization_response_iss_parameter_supported",
		"subject_types_supported", "scopes_supported", "token_endpoint_auth_methods_supported", "token_endpoint_auth_signing_alg_values_supported",
		"id_token_signing_alg_values_supported", "id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported",
		"userinfo_signing_alg_values_supported", "userinfo_encryption_alg_values_supported", "userinfo_encryption_enc_values_supported",
		"request_parameter_supported", "request_uri_parameter_supported", "request_object_signing_alg_values_supported",
		"dpop_signing_alg_values_supported",
	}
}

// TestA7Core: what is at addresses that are no endpoint.
func TestA7Core(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, issuer := range []string{s.issuer(), s.standard().issuer()} {
		origin := strings.TrimSuffix(issuer, "/api/v2")
		home := knock(t, http.MethodGet, origin+"/", "")
		if home.status != http.StatusOK || !strings.Contains(home.body, "/.well-known/openid-configuration") {
			t.Errorf("home: %d\n%s", home.status, home.body)
		}
		noCookie(t, home)
		for _, path := range []string{"/nothing", "/api/v2/nothing", "/api/v2", "/api/v2/", "/api/v1/authorize", "/favicon.ico"} {
			onPage(t, knock(t, http.MethodGet, origin+path, ""), http.StatusNotFound, "Y000404")
		}
	}
}

// TestA9WayBack: a page of an error leads to the service with its error and state when the service is known, and nowhere when
// it is not. There is no address that redirects where it is told.
func TestA9WayBack(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, state := range []string{baseState, ""} {
		b := newBrowser(t)
		p := b.open(s.issuer() + "/authorize?" + s.changed(url.Values{"state": {state}}).Encode())
		again := b.post(p.url.String()+"/cancel", url.Values{"csrfToken": {"none"}})
		if again.status != http.StatusUnauthorized && again.status != http.StatusBadRequest {
			t.Fatalf("%d: %s", again.status, again.body)
		}
		want := url.Values{"error": {"access_denied"}, "error_description": {"user authentication aborted"}, "iss": {s.issuer()}}
		if state != "" {
			want.Set("state", state)
		}
		found := false
		for _, link := range hrefs(again.body) {
			if !strings.HasPrefix(link, s.world.SP[0].Redirect) {
				continue
			}
			u, err := url.Parse(link)
			if err != nil {
				t.Fatal(err)
			}
			found = true
			if diff := cmp.Diff(want, u.Query()); diff != "" {
				t.Errorf("state %q: %s", state, diff)
			}
		}
		if !found {
			t.Errorf("no way back on\n%s", again.body)
		}
	}
	for name, change := range map[string]url.Values{
		"unknown client": {"client_id": {"nobody"}}, "foreign address": {"redirect_uri": {"https://evil.example.fr/callback"}},
		"no address": {"redirect_uri": nil}, "address that is none": {"redirect_uri": {"evil"}},
	} {
		a := s.authorize(t, http.MethodGet, s.changed(change).Encode())
		for _, link := range hrefs(a.body) {
			if strings.Contains(link, "://") {
				t.Errorf("%s: the page leads to %s", name, link)
			}
		}
	}
	for _, to := range []string{s.world.SP[0].Redirect, "https://evil.example.fr/", ""} {
		query := url.Values{"error": {"x"}, "error_description": {"y"}, "state": {"z"}, "redirect_uri": {to}}
		onPage(t, knock(t, http.MethodGet, s.issuer()+"/redirect-to-sp-with-error?"+query.Encode(), ""), http.StatusNotFound, "Y000404")
	}
}

// hrefs are the links of a page.
func hrefs(body string) []string {
	var out []string
	for _, after := range strings.Split(body, `href="`)[1:] {
		link, _, _ := strings.Cut(after, `"`)
		out = append(out, strings.NewReplacer("&amp;", "&", "&#43;", "+").Replace(link))
	}
	return out
}

// TestStandard walks through A1, A3, A4, B1 and B8 at the other profile: eidas1 alone, answers signed by RS256 and readable.
func TestStandard(t *testing.T) {
	t.Parallel()
	plus := start(t)
	s := plus.standard()
	for asked, want := range map[string]string{"eidas1": "", "unknown": "", "": "", "eidas1 eidas2 eidas3": "", "eidas2": "eidas2", "eidas3 eidas2": "eidas2"} {
		a := s.authorize(t, http.MethodGet, s.changed(low(url.Values{"acr_values": {asked}})).Encode())
		if want == "" {
			if !strings.HasPrefix(a.header.Get("Location"), "/api/v2/interaction/") {
				t.Errorf("B1 %q: %d %s", asked, a.status, a.header.Get("Location"))
			}
			continue
		}
		s.told(t, a, s.world.SP[0].Redirect, clientRow{
			"", nil, "invalid_acr", "acr_value is not valid, should be equal one of these values, expected eidas1, got " + want, "acr", false,
		}, baseState)
	}
	form := s.exchange(s.granted(t, low(url.Values{
		"scope": {"openid identite_pivot email idp_birthdate"}, "claims": {`{"id_token":{"amr":{"essential":true}}}`},
	})))
	form.Del("code_verifier")
	got := redeemed(t, s.token(t, form), "openid identite_pivot email idp_birthdate")
	idToken := members(t, s.signed(t, got.IDToken, jose.RS256), "sub", "acr", "amr", "auth_time", "nonce", "aud", "exp", "iat", "iss")
	said(t, idToken, map[string]string{
		"acr": `"eidas1"`, "nonce": quoted(baseNonce), "aud": quoted(s.world.SP[0].ClientID), "iss": quoted(s.issuer()),
	})
	lasting(t, idToken)
	a := s.userinfo(t, got.AccessToken)
	onWire(t, a, "application/jwt")
	info := members(t, s.signed(t, a.body, jose.RS256), "sub", "given_name", "family_name", "birthdate", "gender", "birthplace",
		"birthcountry", "email", "idp_birthdate", "aud", "exp", "iat", "iss")
	said(t, info, map[string]string{
		"given_name": `"Hélène Françoise"`, "birthdate": `"1985-03-14"`, "idp_birthdate": `"1985-03-14"`, "sub": string(idToken["sub"]),
	})
	// Neither issuer knows the other's code, token or client.
	plus.denied(t, plus.userinfo(t, got.AccessToken), invalidToken())
	onPage(t, plus.authorize(t, http.MethodGet, s.changed(nil).Encode()), http.StatusBadRequest, "Y04EA6EF")
	other := plus.exchange(s.granted(t, low(nil)))
	plus.denied(t, plus.token(t, other), invalidGrant())
}

// signed verifies an answer that is not encrypted and returns its payload as it was written.
func (s scene) signed(tb testing.TB, compact string, alg jose.SignatureAlgorithm) string {
	tb.Helper()
	object, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{alg})
	if err != nil {
		tb.Fatalf("%v: %s", err, compact)
	}
	header := members(tb, part(tb, compact, 0), "alg", "kid")
	var kid string
	if err := json.Unmarshal(header["kid"], &kid); err != nil {
		tb.Fatal(err)
	}
	set := s.published(tb)
	payload, err := object.Verify(set.Key(kid)[0])
	if err != nil {
		tb.Fatal(err)
	}
	return string(payload)
}

// TestB8StandardCombinations is the same client with the algorithm that everybody else has, encrypted where it asks for that.
func TestB8StandardCombinations(t *testing.T) {
	t.Parallel()
	s := start(t).standard()
	record := readText(t, recordOf(s, "demo-standard-sp.toml"))
	for _, tc := range []struct {
		name, idToken, userinfo string
	}{
		{"ES256 and ES256", "ES256", "ES256"}, {"RS256 and ES256", "RS256", "ES256"}, {"ES256 and RS256", "ES256", "RS256"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			text := strings.NewReplacer(
				`id_token_signed_response_alg = "RS256"`, `id_token_signed_response_alg = "`+tc.idToken+`"`,
				`userinfo_signed_response_alg = "RS256"`, `userinfo_signed_response_alg = "`+tc.userinfo+`"`,
			).Replace(record)
			s.register(t, map[string]string{"demo-standard-sp.toml": text})
			form := s.exchange(s.granted(t, low(nil)))
			form.Del("code_verifier")
			got := redeemed(t, s.token(t, form), "openid given_name")
			s.signed(t, got.IDToken, jose.SignatureAlgorithm(tc.idToken))
			s.signed(t, s.userinfo(t, got.AccessToken).body, jose.SignatureAlgorithm(tc.userinfo))
		})
	}
}

// TestB9Prompt: prompt=login alone leaves the page before the release out, for a client whose record honours it.
func TestB9Prompt(t *testing.T) {
	t.Parallel()
	s := start(t).standard()
	for prompt, skips := range map[string]bool{"": false, "login": true, "consent": false, "login consent": false, "consent login": false} {
		change := low(nil)
		if prompt != "" {
			change.Set("prompt", prompt)
		}
		b := newBrowser(t)
		p := s.approved(t, b, change)
		if skipped := code(p.trail) != "no code"; skipped != skips {
			t.Errorf("prompt %q: %d at %s", prompt, p.status, p.url)
		}
	}
	notices := s.entries(t, audit.ConsentGiven)
	if len(notices) != 1 || notices[0].Details["notice"] != txn.NoticeSkipped.String() {
		t.Errorf("%+v", notices)
	}
	if b, ok := notices[0].Business(); !ok || b.Name != "FC_AUTO_LOGIN" || b.Step != "6.3.0" {
		t.Errorf("%+v", b)
	}
}

// TestBusinessEvents follows a login through the log and the audit log, by the names and steps of franceconnect.md 6.3, each
// with the address and port that the law wants.
func TestBusinessEvents(t *testing.T) {
	t.Parallel()
	s := start(t)
	form := s.exchange(s.granted(t, withPKCE()))
	got := redeemed(t, s.token(t, form), "openid given_name")
	if a := s.userinfo(t, got.AccessToken); a.status != http.StatusOK {
		t.Fatal(a.body)
	}
	var names []string
	for line := range strings.Lines(s.log.String()) {
		var e struct {
			Msg, Event, Step, Name, Category, IP, Port, Incident, Client, Login string
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Msg != "event" || e.Name == "" {
			continue
		}
		names = append(names, e.Step+" "+e.Name)
		// The proof is handed in by the test, and comes from nowhere.
		if e.Name != "FC_VERIFIED" && (e.IP != "127.0.0.1" || e.Port == "" || len(e.Incident) != 36) || e.Client == "" || len(e.Login) != 16 {
			t.Errorf("%s", line)
		}
	}
	want := []string{
		"1.0.0 FC_AUTHORIZE_INITIATED", "5.0.0 FC_VERIFIED", "6.2.1 FC_DATATRANSFER_INFORMATION_IDENTITY", "7.0.0 FC_REDIRECTED_TO_SP",
		"7.2.0 SP_REQUESTED_FC_TOKEN", "7.3.0 SP_REQUESTED_FC_USERINFO",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for _, e := range s.entries(t, audit.AuthorizeReceived, audit.CodeRedeemed, audit.TokenUsed) {
		if e.Details["ip"] != "127.0.0.1" || e.Details["port"] == "" || len(e.Details["incident"]) != 36 {
			t.Errorf("%+v", e)
		}
	}
	// The number on an error page finds its entry.
	a := s.authorize(t, http.MethodGet, s.changed(url.Values{"nonce": {"short"}}).Encode())
	refused := s.entries(t, audit.AuthorizeRefused)
	if id := shownID.FindStringSubmatch(a.body); id == nil || len(refused) != 1 || refused[0].Details["incident"] != id[1] {
		t.Errorf("%v %+v", id, refused)
	}
}

// recordOf is the file of a record.
func recordOf(s scene, name string) string {
	return filepath.Join(filepath.Dir(s.world.Config), "registry", "sp", name)
}

func readText(tb testing.TB, path string) string {
	tb.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return string(raw)
}

// beyond are members that the original does not have.
func beyond() []string {
	return []string{
		"backchannel_logout_supported", "backchannel_logout_session_supported", "prompt_values_supported", "pushed_authorization_request_endpoint", "revocation_endpoint_auth_methods_supported",
		"revocation_endpoint_auth_signing_alg_values_supported", "introspection_endpoint", "introspection_endpoint_auth_methods_supported",
		"introspection_endpoint_auth_signing_alg_values_supported", "introspection_signing_alg_values_supported",
		"introspection_encryption_alg_values_supported", "introspection_encryption_enc_values_supported",
	}
}
