package client_test

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// answer is what the browser of a black-box test would see.
type answer struct {
	place       string // "page", "query", "fragment" or "admitted"
	status      int
	y           string
	code        string
	description string
}

// authorize does what the endpoint does with a request: parse, look the client up, admit.
func authorize(t *testing.T, values url.Values, p oauth.Profile, known ...*client.Client) (answer, client.Admission) {
	t.Helper()
	r, err := oauth.ParseAuthorize(values, p)
	if err != nil {
		if _, ok := errors.AsType[oauth.PageError](err); !ok {
			t.Fatalf("ParseAuthorize answered %T, not a PageError", err)
		}
		return seen(t, values, err), client.Admission{}
	}
	var c *client.Client
	for _, k := range known {
		if k.ID() == r.ClientID {
			c = k
		}
	}
	admission, err := c.Admit(r, offer())
	if err != nil {
		return seen(t, values, err), client.Admission{}
	}
	return answer{place: "admitted"}, admission
}

// seen describes an error; of a redirect it checks the address, the state and the issuer, byte for byte.
func seen(t *testing.T, values url.Values, err error) answer {
	t.Helper()
	e, ok := errors.AsType[oauth.Error](err)
	if !ok {
		t.Fatalf("%v is no public error", err)
	}
	a := answer{status: e.Status, y: e.Y, code: e.Code}
	if page, ok := errors.AsType[oauth.PageError](err); ok {
		if e.Place != oauth.OnPage {
			t.Errorf("%v is said on a page, but is for place %d", err, e.Place)
		}
		for _, list := range values {
			for _, v := range list {
				if len(v) > 16 && strings.Contains(page.Error(), v) {
					t.Errorf("%q quotes the request", page.Error())
				}
			}
		}
		a.place = "page"
		return a
	}
	redirect, ok := errors.AsType[oauth.RedirectError](err)
	if !ok || e.Place != oauth.OnRedirect {
		t.Fatalf("%v is neither for a page nor for a redirect", err)
	}
	location := redirect.Location(issuer)
	rest, ok := strings.CutPrefix(location, values.Get("redirect_uri"))
	if !ok {
		t.Fatalf("redirected to %q", location)
	}
	switch {
	case rest[0] == '#':
		a.place = "fragment"
	case rest[0] == '?', rest[0] == '&' && strings.Contains(values.Get("redirect_uri"), "?"):
		a.place = "query"
	}
	got, err := url.ParseQuery(rest[1:])
	if err != nil {
		t.Fatal(err)
	}
	a.description = got.Get("error_description")
	want := url.Values{"error": {e.Code}, "error_description": {e.Description}, "iss": {issuer}}
	if state := values.Get("state"); state != "" {
		want.Set("state", state)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("redirected with (-want +got):\n%s", diff)
	}
	return a
}

func TestAuthorizeAdmits(t *testing.T) {
	t.Parallel()
	c := build(t, record(t))
	got, admission := authorize(t, request(), oauth.Plus(), c)
	if got.place != "admitted" {
		t.Fatalf("the valid request was answered %+v", got)
	}
	if diff := cmp.Diff([]string{"openid", "given_name", "family_name"}, admission.Scopes); diff != "" {
		t.Error(diff)
	}
	want := callback + "?code=c%2B1&state=%C3%A9tat+%26+co%3D1&iss=https%3A%2F%2Fauth.example.fr%2Fapi%2Fv2"
	if got := admission.Target.Success("c+1", issuer); got != want {
		t.Errorf("success goes to\n%s, want\n%s", got, want)
	}
	if got := admission.Target.Origin(); got != "https://sp.example.fr" {
		t.Errorf("origin %q", got)
	}
}

// page is an answer on a page: it has no description to show.
func page(y, code string) answer { return answer{place: "page", status: 400, y: y, code: code} }

func query(y, code, description string) answer {
	return answer{place: "query", status: 303, y: y, code: code, description: description}
}

var (
	admitted   = answer{place: "admitted"}
	parameters = page("Y030007", "invalid_request")
	noOpenID   = query("Y04EE963", "invalid_request", "openid scope must be requested when using the acr_values parameter")
	hint       = query("Y030032", "invalid_idp_hint", "An idp_hint was provided but is not allowed")
)

// fragment is an answer to a response_type that asks for tokens.
var fragment = answer{
	place: "fragment", status: 303, y: "Y0411646", code: "unsupported_response_type",
	description: "unsupported response_type requested",
}

func lowACR(got string) answer {
	return query("Y100002", "invalid_acr",
		"acr_value is not valid, should be equal one of these values, expected eidas2,eidas3, got "+got)
}

// missing stands for a parameter that is not sent at all, unlike an empty one.
const missing = "\x00missing"

// authorizeRows is franceconnect.md 1.3 and 1.4: one parameter changed, and what is answered. Several values of one
// parameter are separated by "\x00and".
var authorizeRows = []struct {
	name, parameter, value string
	want                   answer
}{
	{"client_id missing", "client_id", missing, parameters},
	{"client_id empty", "client_id", "", parameters},
	{"client_id unknown", "client_id", "sp-0", page("Y04EA6EF", "invalid_client")},
	{"client_id in other case", "client_id", "SP-1", page("Y04EA6EF", "invalid_client")},
	{"client_id not active", "client_id", "sp-off", page("Y04EA6EF", "invalid_client")},

	{"acr_values missing", "acr_values", missing, parameters},
	{"acr_values empty", "acr_values", "", admitted},
	{"acr_values of 64 items", "acr_values", strings.Repeat("x ", 63) + "eidas2", admitted},
	{"acr_values of 65 items", "acr_values", strings.Repeat("x ", 64) + "eidas2", parameters},
	{"acr eidas2", "acr_values", "eidas2", admitted},
	{"acr eidas3", "acr_values", "eidas3", admitted},
	{"acr eidas3 eidas2", "acr_values", "eidas3 eidas2", admitted},
	{"acr unknown", "acr_values", "unknown", admitted},
	{"acr eidas1", "acr_values", "eidas1", lowACR("eidas1")},
	{"acr eidas1 unknown", "acr_values", "eidas1 unknown", lowACR("eidas1")},
	{"acr all three", "acr_values", "eidas1 eidas2 eidas3", lowACR("eidas1")},

	{"response_type missing", "response_type", missing, parameters},
	{"response_type empty", "response_type", "", query("Y048017B", "invalid_request", "missing required parameter 'response_type'")},
	{"response_type unknown", "response_type", "cod", query("Y0411646", "unsupported_response_type", "unsupported response_type requested")},
	{"response_type none", "response_type", "none", query("Y0411646", "unsupported_response_type", "unsupported response_type requested")},
	{"response_type with a space", "response_type", " code", query("Y0411646", "unsupported_response_type", "unsupported response_type requested")},
	{"response_type token", "response_type", "token", fragment},
	{"response_type id_token", "response_type", "id_token", fragment},
	{"response_type code id_token", "response_type", "code id_token", fragment},
	{"response_type code token", "response_type", "code token", fragment},

	{"nonce missing", "nonce", missing, parameters},
	{"nonce empty", "nonce", "", parameters},
	{"nonce of 21", "nonce", strings.Repeat("n", 21), parameters},
	{"nonce of 22", "nonce", strings.Repeat("n", 22), admitted},
	{"nonce of 512", "nonce", strings.Repeat("n", 512), admitted},
	{"nonce of 513", "nonce", strings.Repeat("n", 513), parameters},

	{"state missing", "state", missing, parameters},
	{"state empty", "state", "", admitted},
	{"state of 2048", "state", strings.Repeat("s", 2048), admitted},
	{"state of 2049", "state", strings.Repeat("s", 2049), parameters},

	{"redirect_uri missing", "redirect_uri", missing, parameters},
	{"redirect_uri empty", "redirect_uri", "", parameters},
	{"redirect_uri not a URL", "redirect_uri", "not a url", parameters},
	{"redirect_uri relative", "redirect_uri", "/cb", parameters},
	{"redirect_uri without scheme", "redirect_uri", "//sp.example.fr/cb", parameters},
	{"redirect_uri http", "redirect_uri", "http://sp.example.fr/cb", parameters},
	{"redirect_uri localhost", "redirect_uri", "https://localhost/cb", parameters},
	{"redirect_uri loopback", "redirect_uri", "http://127.0.0.1:4000/cb", parameters},
	{"redirect_uri custom scheme", "redirect_uri", "myapp://sp.example.fr/cb", parameters},
	{"redirect_uri opaque", "redirect_uri", "https:sp.example.fr/cb", parameters},
	{"redirect_uri javascript", "redirect_uri", "javascript:alert(1)", parameters},
	{"redirect_uri foreign", "redirect_uri", "https://evil.example.com/cb", page("Y04C013C", "invalid_redirect_uri")},
	{"redirect_uri with its own query", "redirect_uri", "https://sp.example.fr/autre?lang=fr", admitted},

	{"scope missing", "scope", missing, parameters},
	{"scope empty", "scope", "", noOpenID},
	{"scope without openid", "scope", "given_name", noOpenID},
	{"scope openid in other case", "scope", "OpenID given_name", noOpenID},
	{"scope unknown is ignored", "scope", "openid nothing:here", admitted},
	{"scope not entitled", "scope", "openid email", query("Y044D706", "invalid_scope", "requested scope is not allowed")},
	{"scope anonymous", "scope", "openid", admitted},

	{"claims for amr", "claims", `{"id_token":{"amr":{"essential":true}}}`, admitted},
	{"claims null", "claims", `{"id_token":{"amr":null},"userinfo":{"email":null}}`, admitted},
	{"claims not JSON", "claims", `{"id_token":`, page("Y030028", "invalid_request")},
	{"claims twice amr", "claims", `{"id_token":{"amr":null,"amr":null}}`, page("Y030028", "invalid_request")},
	{"claims then more", "claims", `{"id_token":{}} {}`, page("Y030028", "invalid_request")},
	{"claims not an object", "claims", `["id_token"]`, query("Y04C032B", "invalid_request", "claims parameter should be a JSON object")},
	{"claims null itself", "claims", `null`, query("Y04C032B", "invalid_request", "claims parameter should be a JSON object")},
	{"claims without parts", "claims", `{"x":{}}`, query("Y0420EF4", "invalid_request", "claims parameter should have userinfo or id_token properties")},
	{"claims userinfo not an object", "claims", `{"userinfo":1}`, query("Y0465CB6", "invalid_request", "claims.userinfo should be an object")},
	{"claims id_token not an object", "claims", `{"id_token":[]}`, query("Y04AAA70", "invalid_request", "claims.id_token should be an object")},
	{"claims for rep_scope, which nobody has", "claims", `{"id_token":{"rep_scope":{"essential":true}}}`, admitted},

	{"prompt login", "prompt", "login", admitted},
	{"prompt consent", "prompt", "consent", admitted},
	{"prompt login consent", "prompt", "login consent", admitted},
	{"prompt consent login", "prompt", "consent login", admitted},
	{"prompt none", "prompt", "none", parameters},
	{"prompt select_account", "prompt", "select_account", parameters},
	{"prompt login none", "prompt", "login none", parameters},
	{"prompt empty", "prompt", "", parameters},
	{"prompt in other case", "prompt", "Login", parameters},
	{"prompt with two spaces", "prompt", "login  consent", parameters},

	{"idp_hint of the issuer", "idp_hint", "idp-global", admitted},
	{"idp_hint empty", "idp_hint", "", admitted},
	{"idp_hint not allowed", "idp_hint", "idp-other", hint},

	{"ui_locales", "ui_locales", "fr-FR en", admitted},
	{"ui_locales in no language", "ui_locales", "?? <script>", admitted},

	// Deviations from the last row of 1.3: PKCE and unknown parameters, RFC 7636 and RFC 6749 §3.1.
	{"unknown parameter", "favourite_colour", "blue", admitted},
	{"unknown parameter twice", "favourite_colour", "blue\x00andred", admitted},
	{"login_hint", "login_hint", "jeanne", admitted},
	{"display", "display", "popup", admitted},
	{"max_age", "max_age", "0", admitted},
	{"response_mode query", "response_mode", "query", admitted},
	{"response_mode fragment", "response_mode", "fragment", parameters},
	{"response_mode form_post", "response_mode", "form_post", parameters},
	{"request", "request", "eyJhbGciOiJub25lIn0..", parameters},
	{"request_uri", "request_uri", "https://sp.example.fr/r", parameters},
	{"id_token_hint", "id_token_hint", "e30.e30.", parameters},
	{"registration", "registration", "{}", parameters},
	{"resource", "resource", "https://dp.example.fr", parameters},
	{"authorization_details", "authorization_details", "[]", parameters},
	{"dpop_jkt", "dpop_jkt", "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", admitted},
	{"dpop_jkt that is none", "dpop_jkt", "x", query("Y040001", "invalid_request", "dpop_jkt must be a base64url SHA-256 digest")},
	{"dpop_jkt empty, which is absent", "dpop_jkt", "", admitted},
}

func TestAuthorizeTable(t *testing.T) {
	t.Parallel()
	off := record(t)
	off.ID, off.Active = "sp-off", false
	known := []*client.Client{build(t, record(t)), build(t, off)}
	for _, row := range authorizeRows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := request()
			values[row.parameter] = strings.Split(row.value, "\x00and")
			if row.value == missing {
				delete(values, row.parameter)
			}
			got, _ := authorize(t, values, oauth.Plus(), known...)
			if got != row.want {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
		})
	}
}

func TestAuthorizeRefusesEveryParameterTwice(t *testing.T) {
	t.Parallel()
	c := build(t, record(t))
	optional := map[string]string{
		"claims": `{"userinfo":{}}`, "prompt": "login", "idp_hint": "idp-global", "ui_locales": "fr", "response_mode": "query",
		"code_challenge": challengeOf(verifier), "code_challenge_method": "S256",
	}
	for name := range request() {
		optional[name] = request().Get(name)
	}
	for name, value := range optional {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := request()
			values.Set("code_challenge", challengeOf(verifier))
			values.Set("code_challenge_method", "S256")
			values[name] = []string{value}
			if got, _ := authorize(t, values, oauth.Plus(), c); got != admitted {
				t.Errorf("once: %+v", got)
			}
			values[name] = []string{value, value}
			if got, _ := authorize(t, values, oauth.Plus(), c); got != parameters {
				t.Errorf("twice: %+v", got)
			}
			values[name] = []string{value, ""}
			if got, _ := authorize(t, values, oauth.Plus(), c); got != parameters {
				t.Errorf("twice, once empty: %+v", got)
			}
		})
	}
}

func TestAuthorizeRefusesWhatIsNotText(t *testing.T) {
	t.Parallel()
	c := build(t, record(t))
	for _, bad := range []string{"\x00", "\r\nSet-Cookie: a=b", "\n", "\t", "\x7f", "\u0085", "\u2028", "\xff", "\xc0\x80", "\xed\xa0\x80"} {
		for name := range request() {
			values := request()
			values.Set(name, values.Get(name)+bad)
			if got, _ := authorize(t, values, oauth.Plus(), c); got != parameters {
				t.Errorf("%s with %q: %+v", name, bad, got)
			}
		}
	}
}

func TestAuthorizeWithSeveralFaults(t *testing.T) {
	t.Parallel()
	c := build(t, record(t))
	for _, row := range []struct {
		name   string
		change url.Values
		want   answer
	}{
		{"foreign address and response_type", url.Values{"redirect_uri": {"https://evil.example.com/"}, "response_type": {"token"}}, page("Y040001", "invalid_request")},
		{"foreign address and acr", url.Values{"redirect_uri": {"https://evil.example.com/"}, "acr_values": {"eidas1"}}, page("Y040001", "invalid_request")},
		{"unknown client and all the rest", url.Values{"client_id": {"x"}, "redirect_uri": {"https://evil.example.com/"}, "scope": {""}}, page("Y04EA6EF", "invalid_client")},
		{"malformed beside not entitled", url.Values{"nonce": {"short"}, "scope": {"email"}}, parameters},
		{"response_type before scope", url.Values{"response_type": {"none"}, "scope": {""}}, query("Y0411646", "unsupported_response_type", "unsupported response_type requested")},
		{"scope before acr", url.Values{"scope": {""}, "acr_values": {"eidas1"}}, noOpenID},
		{"claims beyond rights on a foreign address", url.Values{"redirect_uri": {"https://evil.example.com/"}, "claims": {`{"id_token":{"amr":null}}`}}, page("Y04C013C", "invalid_redirect_uri")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := request()
			maps.Copy(values, row.change)
			if got, _ := authorize(t, values, oauth.Plus(), c); got != row.want {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
		})
	}
}

func TestAuthorizeByRecord(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		record func(*client.Record)
		values url.Values
		want   answer
	}{
		{"PKCE demanded, none given", func(r *client.Record) { r.Authentication.RequirePKCE = true }, nil, query(
			"Y04BBB40", "invalid_request", "Authorization Server policy requires PKCE to be used for this request",
		)},
		{"PKCE demanded and given", func(r *client.Record) { r.Authentication.RequirePKCE = true }, url.Values{
			"code_challenge": {challengeOf(verifier)}, "code_challenge_method": {"S256"},
		}, admitted},
		{"amr without the right", func(r *client.Record) { r.Rights.Claims = []string{"email"} }, url.Values{
			"claims": {`{"id_token":{"amr":{"essential":true}}}`},
		}, page("Y100009", "server_error")},
		{"own hints: its own", func(r *client.Record) { r.Rights.IDPHints = []string{"idp-own"} }, url.Values{"idp_hint": {"idp-own"}}, admitted},
		{"own hints replace the issuer's", func(r *client.Record) { r.Rights.IDPHints = []string{"idp-own"} }, url.Values{"idp_hint": {"idp-global"}}, hint},
		{"no rights: openid alone", func(r *client.Record) { r.Rights = client.Rights{} }, url.Values{"scope": {"openid"}}, admitted},
		{"no rights: a scope", func(r *client.Record) { r.Rights = client.Rights{} }, nil, query("Y044D706", "invalid_scope", "requested scope is not allowed")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := record(t)
			row.record(&r)
			values := request()
			maps.Copy(values, row.values)
			if got, _ := authorize(t, values, oauth.Plus(), build(t, r)); got != row.want {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
		})
	}
}

func TestAdmissionKeepsWhatIsAllowed(t *testing.T) {
	t.Parallel()
	r := record(t)
	r.Rights.Prompts = []string{"login"}
	values := request()
	values.Set("scope", "profile openid profile unheard:of openid")
	values.Set("prompt", "login")
	values.Set("claims", `{"id_token":{"amr":null,"email":null,"secret":null},"userinfo":{"email":{"essential":true},"gender":null}}`)
	got, a := authorize(t, values, oauth.Plus(), build(t, r))
	if got != admitted {
		t.Fatalf("answered %+v", got)
	}
	want := client.Admission{
		Target: a.Target, Scopes: []string{"profile", "openid"}, Prompts: []string{"login"},
		IDTokenClaims: []string{"amr", "email"}, UserinfoClaims: []string{"email"},
	}
	if diff := cmp.Diff(want, a, cmp.Comparer(func(a, b oauth.Target) bool { return a == b })); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	values.Set("prompt", "consent login") // one word too many: the client's own value counts whole or not at all
	if got, a := authorize(t, values, oauth.Plus(), build(t, r)); got != admitted || a.Prompts != nil {
		t.Errorf("answered %+v, prompts %q", got, a.Prompts)
	}
	if _, err := build(t, r).Admit(oauth.AuthorizeRequest{ClientID: r.ID}, offer()); err == nil {
		t.Error("the zero request with a client's name was admitted")
	}
	if _, err := build(t, r).Admit(oauth.AuthorizeRequest{ClientID: "sp-9", RedirectURI: callback}, offer()); err == nil {
		t.Error("another client's request was admitted")
	}
}
