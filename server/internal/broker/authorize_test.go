package broker

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// answer is what one request got, before any redirect is followed.
type answer struct {
	status int
	header http.Header
	body   string
}

// stranger is an HTTP client without cookies that follows nothing.
func stranger() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// send makes a request with a client and reads the answer whole.
func send(tb testing.TB, client *http.Client, r *http.Request) answer {
	tb.Helper()
	response, err := client.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// knock is a stranger's request; headers come in pairs.
func knock(tb testing.TB, method, address, body string, headers ...string) answer {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, address, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return send(tb, stranger(), r)
}

const formType = "application/x-www-form-urlencoded"

// authorize sends an encoded authorization request in the query of a GET or the body of a POST, as a form of the
// service's own site would.
func (s scene) authorize(tb testing.TB, method, encoded string, headers ...string) answer {
	tb.Helper()
	address := s.issuer() + "/authorize"
	if method == http.MethodGet {
		return knock(tb, method, address+"?"+encoded, "", headers...)
	}
	more := []string{"Content-Type", formType, "Origin", "https://service.example.fr", "Sec-Fetch-Site", "cross-site"}
	return knock(tb, method, address, encoded, append(more, headers...)...)
}

func methods() []string { return []string{http.MethodGet, http.MethodPost} }

// Values of the base request that a client must see again.
const (
	baseState = "state of the base request & more"
	baseNonce = "nonce-of-the-base-request"
)

// base is a valid authorization request of the demo's service.
func (s scene) base() url.Values {
	return url.Values{
		"client_id": {s.world.SP[0].ClientID}, "redirect_uri": {s.world.SP[0].Redirect}, "response_type": {"code"},
		"scope": {"openid given_name"}, "acr_values": {"eidas3"}, "state": {baseState}, "nonce": {baseNonce},
	}
}

// changed is the base request with other values; an empty list takes the parameter out.
func (s scene) changed(change url.Values) url.Values {
	v := s.base()
	maps.Copy(v, change)
	maps.DeleteFunc(v, func(_ string, list []string) bool { return len(list) == 0 })
	return v
}

// register adds a record, and the files that it names, to what the broker serves.
func (s scene) register(tb testing.TB, files map[string]string) {
	tb.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(s.world.Config), "registry", "sp", name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.broker.Reload(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

// demoRecord is the demo's record under another client_id, edited: pairs of old and new text.
func (s scene) demoRecord(tb testing.TB, id string, edits ...string) map[string]string {
	tb.Helper()
	raw, err := os.ReadFile(filepath.Join(filepath.Dir(s.world.Config), "registry", "sp", "demo-sp.toml"))
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.Replace(string(raw), `"`+s.world.SP[0].ClientID+`"`, `"`+id+`"`, 1)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			tb.Fatalf("the record has no %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return map[string]string{id + ".toml": text}
}

// entries are the audit entries of some events so far.
func (s scene) entries(tb testing.TB, events ...audit.Event) []audit.Entry {
	tb.Helper()
	var out []audit.Entry
	for e, err := range s.broker.store.Entries(tb.Context()) {
		if err != nil {
			tb.Fatal(err)
		}
		if slices.Contains(events, e.Event) {
			out = append(out, e)
		}
	}
	return out
}

// authorizations are the entries that authorization requests leave.
func (s scene) authorizations(tb testing.TB) []audit.Entry {
	tb.Helper()
	return s.entries(tb, audit.AuthorizeReceived, audit.AuthorizeRefused)
}

// audited compares the entries since before with one refusal of that reason by that client; an empty reason: none.
func (s scene) audited(tb testing.TB, before int, reason, client string) {
	tb.Helper()
	since := s.authorizations(tb)[before:]
	if reason == "" {
		if len(since) != 0 {
			tb.Errorf("audit entries %+v", since)
		}
		return
	}
	if len(since) != 1 || since[0].Event != audit.AuthorizeRefused || since[0].Reason != reason || since[0].Client != client ||
		since[0].Issuer != s.issuer() || since[0].Transaction != "" {
		tb.Errorf("audit entries %+v, want one refusal %q of %q", since, reason, client)
	}
}

// protected are the headers of every answer; the content policy may name one origin more in form-action.
func protected(tb testing.TB, a answer) {
	tb.Helper()
	for name, want := range map[string]string{
		"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	} {
		if got := a.header.Values(name); len(got) != 1 || got[0] != want {
			tb.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	policy := a.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'; ", "form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			tb.Errorf("content policy %q lacks %q", policy, want)
		}
	}
	for _, no := range []string{"unsafe", "*", "script-src"} {
		if strings.Contains(policy, no) {
			tb.Errorf("content policy %q has %q", policy, no)
		}
	}
	for _, no := range []string{"Server", "X-Powered-By", "Access-Control-Allow-Origin"} {
		if a.header.Get(no) != "" {
			tb.Errorf("%s: %s", no, a.header.Get(no))
		}
	}
}

func noStore(tb testing.TB, a answer) {
	tb.Helper()
	if got := a.header.Values("Cache-Control"); !slices.Equal(got, []string{"no-store"}) {
		tb.Errorf("Cache-Control: %q", got)
	}
}

func noCookie(tb testing.TB, a answer) {
	tb.Helper()
	if got := a.header.Values("Set-Cookie"); len(got) != 0 {
		tb.Errorf("Set-Cookie: %q", got)
	}
}

var (
	shownCode = regexp.MustCompile(`<code>(Y[0-9A-Z]+)</code>`)
	shownID   = regexp.MustCompile(`<code>([0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})</code>`)
)

// onPage is a refusal that nobody but the person in front of the browser learns of.
func onPage(tb testing.TB, a answer, status int, code string) {
	tb.Helper()
	if a.status != status || a.header.Get("Location") != "" || a.header.Get("Refresh") != "" {
		tb.Errorf("status %d, want %d; Location %q", a.status, status, a.header.Get("Location"))
	}
	if got := a.header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		tb.Errorf("Content-Type: %q", got)
	}
	codes, ids := shownCode.FindAllStringSubmatch(a.body, -1), shownID.FindAllStringSubmatch(a.body, -1)
	if len(codes) != 1 || codes[0][1] != code || len(ids) != 1 {
		tb.Errorf("the page shows codes %q and ids %q, want one %s and one id", codes, ids, code)
	}
	if strings.Contains(strings.ToLower(a.body), `http-equiv="refresh"`) || strings.Contains(a.body, "<script") {
		tb.Errorf("a page of an error that acts by itself:\n%s", a.body)
	}
	protected(tb, a)
	noStore(tb, a)
	noCookie(tb, a)
}

// pageRow is a refusal of franceconnect.md 1.3, 1.4, 1.12 or 2.5 that is said on a page. An empty client means that the
// audit log names none.
type pageRow struct {
	name   string
	change url.Values
	code   string
	reason string
	client string
}

const (
	codeParameters, whyParameters = "Y030007", "authorize-parameters"
	codeAddress, whyAddress       = "Y04C013C", "redirect-uri"
)

// parameterRows are requests that are malformed before anybody asks whose they are.
func (s scene) parameterRows() []pageRow {
	var rows []pageRow
	add := func(name, parameter string, values ...string) {
		rows = append(rows, pageRow{parameter + ": " + name, url.Values{parameter: values}, codeParameters, whyParameters, ""})
	}
	base := s.base()
	base.Set("claims", `{"userinfo":{}}`)
	base.Set("prompt", "login")
	base.Set("idp_hint", "somebody")
	base.Set("ui_locales", "en")
	base.Set("code_challenge", strings.Repeat("A", 43))
	base.Set("code_challenge_method", "S256")
	base.Set("response_mode", "query")
	for _, name := range slices.Sorted(maps.Keys(base)) {
		add("twice", name, base.Get(name), base.Get(name))
		add("twice, once empty", name, base.Get(name), "")
		add("not UTF-8", name, base.Get(name)+"\xff")
		add("zero octet", name, base.Get(name)+"\x00")
		add("line end", name, base.Get(name)+"\r\nX-Header: 1")
		add("line separator", name, base.Get(name)+"\u2028")
		add("oversized", name, base.Get(name)+strings.Repeat("a", 4097))
	}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope", "acr_values", "state", "nonce"} {
		add("missing", name)
	}
	for _, name := range []string{"client_id", "redirect_uri", "nonce", "prompt"} {
		add("empty", name, "")
	}
	add("21 characters", "nonce", strings.Repeat("n", 21))
	add("21 characters of more bytes", "nonce", strings.Repeat("é", 21))
	add("65 items", "acr_values", strings.TrimSpace(strings.Repeat("eidas3 ", 65)))
	for _, v := range []string{"none", "select_account", "create", "login none", "Login", " ", "login  consent"} {
		add(v, "prompt", v)
	}
	for _, v := range []string{"fragment", "form_post", "query.jwt", "Query"} {
		add(v, "response_mode", v)
	}
	for _, name := range []string{"request_uri", "registration", "id_token_hint", "resource", "authorization_details"} {
		add("not served", name, "x")
	}
	for _, v := range []string{
		"/callback", "//service.example.fr/callback", "service.example.fr/callback", "https:", "https://", "https:///callback",
		"https:service.example.fr/callback", "https://service/callback", "https://service./callback", "https://.fr/callback",
		"http://service.example.fr/callback", "ftp://service.example.fr/callback", "javascript:alert(1)", "data:text/html,x",
		"fr.gouv.app:/callback", "app://callback", "https://service.example.fr:/callback", "https://service.example.fr:0/callback",
		"https://service.example.fr:99999/callback", "https://192.0.2.1/callback", "https://ser vice.example.fr/callback",
		" " + s.world.SP[0].Redirect, "https://service.example.fr/%zz", "null", "about:blank",
		strings.Replace(s.world.SP[0].Redirect, "/callback", "@evil.example.fr/callback", 1),
		"http://127.1/callback", "http://[::ffff:127.0.0.1]/callback", "http://2130706433/callback",
	} {
		add(v, "redirect_uri", v)
	}
	return rows
}

// clientRows are well-formed requests that no client, or not this one, may make.
func (s scene) clientRows() []pageRow {
	demo, registered := s.world.SP[0].ClientID, s.world.SP[0].Redirect
	rows := []pageRow{
		{"unknown client", url.Values{"client_id": {"nobody"}}, "Y04EA6EF", "client-unknown", ""},
		{"client in another case", url.Values{"client_id": {strings.ToUpper(demo)}}, "Y04EA6EF", "client-unknown", ""},
		{"client with a space", url.Values{"client_id": {demo + " "}}, "Y04EA6EF", "client-unknown", ""},
		{"client that is markup", url.Values{"client_id": {`<b>&"'`}}, "Y04EA6EF", "client-unknown", ""},
		{"client of another profile", url.Values{"client_id": {"standard-sp"}}, "Y04EA6EF", "client-unknown", ""},
		{"client that is not active", url.Values{"client_id": {"idle-sp"}}, "Y04EA6EF", "client-unknown", "idle-sp"},
		{"unknown client and another fault", url.Values{"client_id": {"nobody"}, "scope": {"email"}}, "Y04EA6EF", "client-unknown", ""},
		{"address and another fault", url.Values{"redirect_uri": {"https://evil.example.fr/"}, "scope": {"email"}}, "Y040001", "several-faults", demo},
		{"address and response_type", url.Values{"redirect_uri": {"https://evil.example.fr/"}, "response_type": {"token"}}, "Y040001", "several-faults", demo},
		{"claims: not JSON", url.Values{"claims": {`{"id_token":`}}, "Y030028", "claims-json", ""},
		{"claims: more behind", url.Values{"claims": {`{"id_token":{}} {}`}}, "Y030028", "claims-json", ""},
		{"claims: a member twice", url.Values{"claims": {`{"id_token":{},"id_token":{}}`}}, "Y030028", "claims-json", ""},
		{"claims: deep", url.Values{"claims": {strings.Repeat(`{"id_token":`, 40) + "{}" + strings.Repeat("}", 40)}}, "Y030028", "claims-json", ""},
		{"claims: no right to amr", url.Values{"client_id": {"plain-sp"}, "claims": {`{"id_token":{"amr":null}}`}}, "Y100009", "claim-not-entitled", "plain-sp"},
	}
	for _, v := range []string{
		registered + "/", registered + "?", registered + "?a=b", registered + "#", registered + "#x", registered + "//",
		strings.Replace(registered, "/callback", "/Callback", 1), strings.Replace(registered, "/callback", "/%63allback", 1),
		strings.Replace(registered, "/callback", "/x/../callback", 1), strings.Replace(registered, "/callback", "//callback", 1),
		strings.Replace(registered, "/callback", "/", 1), strings.Replace(registered, "127.0.0.1", "localhost", 1),
		strings.Replace(registered, "http://", "https://", 1), strings.Replace(registered, "http://", "HTTP://", 1),
		strings.Replace(registered, "http://", "http://a:b@", 1), registered[:len(registered)-1], registered + "%20",
		strings.Replace(registered, "://", "://evil.example.fr@", 1), registered + "\\@evil.example.fr",
		"https://evil.example.fr/callback", "https://evil.example.fr/?" + registered, "https://other.example.fr/callback?a=b",
	} {
		rows = append(rows, pageRow{"address " + v, url.Values{"redirect_uri": {v}}, codeAddress, whyAddress, demo})
	}
	return rows
}

// neighbours registers clients beside the demo's.
func (s scene) neighbours(tb testing.TB) {
	tb.Helper()
	redirect := `redirect_uris = ["` + s.world.SP[0].Redirect + `"]`
	files := s.demoRecord(tb, "idle-sp", `sp_type     = "public"`, "sp_type = \"public\"\nactive = false")
	maps.Copy(files, s.demoRecord(tb, "plain-sp", `claims = ["amr"]`, ""))
	maps.Copy(files, s.demoRecord(tb, "standard-sp", `"plus"`, `"standard"`, " rnipp_identite_pivot", ""))
	maps.Copy(files, s.demoRecord(tb, "pkce-sp", `client_secret_files        =`, "require_pkce = true\nclient_secret_files =",
		redirect, `redirect_uris = ["https://other.example.fr/callback?a=b", "https://other.example.fr/callback"]`))
	s.register(tb, files)
}

// TestAuthorizeRefusedOnPage (row A1) changes one thing in a valid request, by GET and by POST: nobody is told but the person.
func TestAuthorizeRefusedOnPage(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.neighbours(t)
	for _, row := range append(s.parameterRows(), s.clientRows()...) {
		for _, method := range methods() {
			t.Run(fmt.Sprintf("%.60q %s", row.name, method), func(t *testing.T) {
				before := len(s.authorizations(t))
				onPage(t, s.authorize(t, method, s.changed(row.change).Encode()), http.StatusBadRequest, row.code)
				s.audited(t, before, row.reason, row.client)
			})
		}
	}
	s.control(t)
}

// control is the base request, which begins a login.
func (s scene) control(t *testing.T) {
	t.Helper()
	for _, method := range methods() {
		before := len(s.authorizations(t))
		s.admitted(t, s.authorize(t, method, s.base().Encode()))
		if since := s.authorizations(t)[before:]; len(since) != 1 || since[0].Event != audit.AuthorizeReceived {
			t.Errorf("%s: audit entries %+v", method, since)
		}
	}
}

// admitted is the beginning of a login: the browser gets a cookie and the page that waits.
func (s scene) admitted(t *testing.T, a answer) txn.ID {
	t.Helper()
	location := a.header.Get("Location")
	path, ok := strings.CutPrefix(location, "/api/v2/interaction/")
	id, err := txn.ParseID(path)
	if a.status != http.StatusSeeOther || !ok || err != nil {
		t.Fatalf("status %d to %q (%v): %s", a.status, location, err, a.body)
	}
	if cookies := a.header.Values("Set-Cookie"); len(cookies) != 1 || !strings.HasPrefix(cookies[0], "pivot-plus-") ||
		!strings.Contains(cookies[0], "; HttpOnly") || !strings.Contains(cookies[0], "; SameSite=Lax") {
		t.Errorf("Set-Cookie: %q", cookies)
	}
	protected(t, a)
	noStore(t, a)
	return id
}

// clientRow is a refusal that the client is told, at its registered address.
type clientRow struct {
	name        string
	change      url.Values
	code        string
	description string
	reason      string
	fragment    bool
}

const (
	pkceDigest = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // of the verifier of RFC 7636 appendix B
	notServed  = "acr_value is not valid, should be equal one of these values, expected eidas2,eidas3, got eidas1"
	notOpenID  = "openid scope must be requested when using the acr_values parameter"
	notType    = "unsupported response_type requested"
)

func toldRows() []clientRow {
	rows := []clientRow{
		{"response_type: empty", url.Values{"response_type": {""}}, "invalid_request", "missing required parameter 'response_type'", "response-type-missing", false},
		{"scope: none", url.Values{"scope": {""}}, "invalid_request", notOpenID, "scope-openid", false},
		{"scope: without openid", url.Values{"scope": {"given_name"}}, "invalid_request", notOpenID, "scope-openid", false},
		{"scope: openid in another case", url.Values{"scope": {"OpenID given_name"}}, "invalid_request", notOpenID, "scope-openid", false},
		{"scope: by commas", url.Values{"scope": {"openid,given_name"}}, "invalid_request", notOpenID, "scope-openid", false},
		{"scope: not entitled", url.Values{"scope": {"openid email"}}, "invalid_scope", "requested scope is not allowed", "scope-not-entitled", false},
		{"scope: not entitled, with an unknown one", url.Values{"scope": {"openid unknown rnipp_birth"}}, "invalid_scope", "requested scope is not allowed", "scope-not-entitled", false},
		{"idp_hint", url.Values{"idp_hint": {"somebody"}}, "invalid_idp_hint", "An idp_hint was provided but is not allowed", "idp-hint", false},
		{"PKCE: no method", url.Values{"code_challenge": {pkceDigest}}, "invalid_request", "code_challenge_method must be provided", "pkce-method-missing", false},
		{"PKCE: plain", url.Values{"code_challenge": {pkceDigest}, "code_challenge_method": {"plain"}}, "invalid_request", "not supported value of code_challenge_method", "pkce-method", false},
		{"PKCE: no challenge", url.Values{"code_challenge_method": {"S256"}}, "invalid_request", "code_challenge must be provided with code_challenge_method", "pkce-challenge-missing", false},
		{"PKCE: short challenge", url.Values{"code_challenge": {pkceDigest[1:]}, "code_challenge_method": {"S256"}}, "invalid_request", "code_challenge must be a base64url SHA-256 digest", "pkce-challenge-format", false},
		{"claims: null", url.Values{"claims": {"null"}}, "invalid_request", "claims parameter should be a JSON object", "claims-object", false},
		{"claims: list", url.Values{"claims": {"[]"}}, "invalid_request", "claims parameter should be a JSON object", "claims-object", false},
		{"claims: neither", url.Values{"claims": {"{}"}}, "invalid_request", "claims parameter should have userinfo or id_token properties", "claims-members", false},
		{"claims: userinfo", url.Values{"claims": {`{"userinfo":1}`}}, "invalid_request", "claims.userinfo should be an object", "claims-userinfo", false},
		{"claims: id_token", url.Values{"claims": {`{"id_token":null}`}}, "invalid_request", "claims.id_token should be an object", "claims-id-token", false},
		{"claims: another acr is essential", url.Values{"claims": {`{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}`}}, "invalid_acr", "acr_value is not valid", "acr", false},
		{"claims: a sub is demanded", url.Values{"claims": {`{"id_token":{"sub":{"value":"x"}}}`}}, "invalid_request", "claims parameter asks for a claim in a way that is not supported", "claims-value", false},
		{"two faults, first the type", url.Values{"response_type": {"none"}, "scope": {"email"}, "acr_values": {"eidas1"}}, "unsupported_response_type", notType, "response-type", false},
		{"two faults, then the scope", url.Values{"scope": {"email"}, "acr_values": {"eidas1"}}, "invalid_request", notOpenID, "scope-openid", false},
	}
	for _, v := range []string{"eidas1", "eidas1 unknown", "eidas1 eidas2 eidas3", "eidas3 eidas1"} {
		rows = append(rows, clientRow{"acr_values: " + v, url.Values{"acr_values": {v}}, "invalid_acr", notServed, "acr", false})
	}
	for v, fragment := range map[string]bool{
		"none": false, "Code": false, "code code": false, "xyz": false, "token": true, "id_token": true, "code token": true,
		"code id_token": true, "code id_token token": true,
	} {
		rows = append(rows, clientRow{"response_type: " + v, url.Values{"response_type": {v}}, "unsupported_response_type", notType, "response-type", fragment})
	}
	return rows
}

// told compares a redirect with the answer that a client must get, at that address and nowhere else.
func (s scene) told(t *testing.T, a answer, address string, row clientRow, state string) {
	t.Helper()
	mark := "?"
	switch {
	case row.fragment:
		mark = "#"
	case strings.Contains(address, "?"):
		mark = "&"
	}
	said, ok := strings.CutPrefix(a.header.Get("Location"), address+mark)
	if a.status != http.StatusSeeOther || !ok || len(a.header.Values("Location")) != 1 {
		t.Fatalf("status %d to %q: %s", a.status, a.header.Values("Location"), a.body)
	}
	got, err := url.ParseQuery(said)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"error": {row.code}, "error_description": {row.description}, "iss": {s.issuer()}, "state": {state}}
	if state == "" {
		want.Del("state") // RFC 6749 §3.1: an empty parameter is one that was not sent
	}
	if !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("the client is told %v, want %v", got, want)
	}
	protected(t, a)
	noStore(t, a)
	noCookie(t, a)
}

// TestAuthorizeRefusedToClient (rows A1, B1, B5, B9) has the client told at its registered address, in the query or in the fragment.
func TestAuthorizeRefusedToClient(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.neighbours(t)
	demo := s.world.SP[0]
	for _, row := range toldRows() {
		for _, method := range methods() {
			t.Run(row.name+" "+method, func(t *testing.T) {
				before := len(s.authorizations(t))
				s.told(t, s.authorize(t, method, s.changed(row.change).Encode()), demo.Redirect, row, baseState)
				s.audited(t, before, row.reason, demo.ClientID)
			})
		}
	}
	pkce := clientRow{"", url.Values{"client_id": {"pkce-sp"}}, "invalid_request", "Authorization Server policy requires PKCE to be used for this request", "pkce-required", false}
	for _, address := range []string{"https://other.example.fr/callback?a=b", "https://other.example.fr/callback"} {
		for _, state := range []string{"", "ü +&=#?%", "<script>", strings.Repeat("s", 2048)} {
			before := len(s.authorizations(t))
			pkce.change["redirect_uri"], pkce.change["state"] = []string{address}, []string{state}
			s.told(t, s.authorize(t, http.MethodGet, s.changed(pkce.change).Encode()), address, pkce, state)
			s.audited(t, before, pkce.reason, "pkce-sp")
		}
	}
	s.control(t)
}

// TestAuthorizeAdmits (rows A1, B1, B9) holds what must not be refused beside what must.
func TestAuthorizeAdmits(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, change := range map[string]url.Values{
		"unknown parameters":     {"display": {"page"}, "login_hint": {"x"}, "max_age": {"1"}, "unknown": {"a", "b"}, "<b>": {"\x00"}},
		"nonce of 22 characters": {"nonce": {strings.Repeat("é", 22)}},
		"longest nonce":          {"nonce": {strings.Repeat("n", 512)}},
		"empty state":            {"state": {""}},
		"state of any text":      {"state": {`"><b>é 𝄞 %00`}},
		"unknown scope":          {"scope": {"openid unknown openid"}},
		"prompt login":           {"prompt": {"login"}},
		"prompt consent login":   {"prompt": {"consent login"}},
		"response_mode query":    {"response_mode": {"query"}},
		"empty optional ones":    {"claims": {""}, "idp_hint": {""}, "ui_locales": {""}, "code_challenge": {""}, "code_challenge_method": {""}, "response_mode": {""}, "request": {""}},
		"unknown languages":      {"ui_locales": {"xx-yy ../../etc/passwd <b>"}},
		"PKCE":                   {"code_challenge": {pkceDigest}, "code_challenge_method": {"S256"}},
		"amr, entitled":          {"claims": {`{"id_token":{"amr":{"essential":true}}}`}},
		"claims unknown":         {"claims": {`{"userinfo":{"unknown":null,"email":null},"other":1}`}},
		"64 levels":              {"acr_values": {strings.TrimSpace(strings.Repeat("eidas3 ", 64))}},
	} {
		for _, method := range methods() {
			t.Run(name+" "+method, func(t *testing.T) {
				s.admitted(t, s.authorize(t, method, s.changed(change).Encode()))
			})
		}
	}
	for asked, want := range map[string]string{ // franceconnect.md 1.4
		"eidas2": "eidas2", "eidas3": "eidas3", "eidas3 eidas2": "eidas2", "eidas2 eidas3": "eidas2", "eidas2 unknown": "eidas2",
		"unknown": "eidas3", "": "eidas3", "EIDAS1": "eidas3", "eidas2,eidas1": "eidas3",
	} {
		t.Run("level "+asked, func(t *testing.T) {
			id := s.admitted(t, s.authorize(t, http.MethodGet, s.changed(url.Values{"acr_values": {asked}}).Encode()))
			state, err := s.broker.store.Load(t.Context(), s.issuer(), id)
			if err != nil {
				t.Fatal(err)
			}
			if got := state.Request().Params().Level.String(); got != want {
				t.Errorf("level %s, want %s", got, want)
			}
		})
	}
	if refused := s.entries(t, audit.AuthorizeRefused); len(refused) != 0 {
		t.Errorf("audit entries %+v", refused)
	}
}

// TestMarkupIsNeverShown puts markup where a page could repeat it.
func TestMarkupIsNeverShown(t *testing.T) {
	t.Parallel()
	s := start(t)
	const markup = `x"'><script>mark()</script><img src=x onerror=mark()>{{.}}`
	names := slices.Sorted(maps.Keys(s.base()))
	for _, name := range append(names, "claims", "prompt", "ui_locales", "idp_hint", "request", "response_mode", "lang", "code", "id", markup) {
		for _, method := range methods() {
			a := s.authorize(t, method, s.changed(url.Values{name: {markup}}).Encode())
			if strings.Contains(a.body, "mark()") || strings.Contains(a.body, "onerror") {
				t.Errorf("%s by %s is repeated:\n%s", name, method, a.body)
			}
			for header, values := range a.header {
				if strings.ContainsAny(strings.Join(values, ""), "<>") {
					t.Errorf("%s by %s: %s: %q", name, method, header, values)
				}
			}
		}
	}
	for _, path := range []string{"/" + url.PathEscape(markup), "/api/v2/" + url.PathEscape(markup), "/api/v2/error?code=" + url.QueryEscape(markup) + "&id=" + url.QueryEscape(markup), "/api/v2/interaction/" + url.PathEscape(markup)} {
		if a := knock(t, http.MethodGet, strings.TrimSuffix(s.issuer(), "/api/v2")+path, ""); strings.Contains(a.body, "mark()") || a.status < 400 {
			t.Errorf("%s: %d\n%s", path, a.status, a.body)
		}
	}
	if strings.Contains(s.log.String(), "mark()") {
		t.Error("the log repeats the request")
	}
}

// TestAuthorizeTransport sends what HTTP itself refuses: nothing begins, and no cookie is set.
func TestAuthorizeTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	origin, encoded := strings.TrimSuffix(s.issuer(), "/api/v2"), s.base().Encode()
	authorize := s.issuer() + "/authorize"
	long := strings.Repeat("a", 9<<10)
	for _, row := range []struct {
		name, method, address, body string
		headers                     []string
		status                      int
	}{
		{"PUT", http.MethodPut, authorize, encoded, []string{"Content-Type", formType}, 405},
		{"DELETE", http.MethodDelete, authorize + "?" + encoded, "", nil, 405},
		{"PATCH", http.MethodPatch, authorize, encoded, []string{"Content-Type", formType}, 405},
		{"OPTIONS", http.MethodOptions, authorize, "", []string{"Origin", "https://evil.example.fr", "Access-Control-Request-Method", "POST"}, 405},
		{"unknown method", "BREW", authorize, "", nil, 405},
		{"no content type", http.MethodPost, authorize, encoded, nil, 415},
		{"JSON", http.MethodPost, authorize, `{"client_id":"demo-sp"}`, []string{"Content-Type", "application/json"}, 415},
		{"multipart", http.MethodPost, authorize, encoded, []string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		{"plain text", http.MethodPost, authorize, encoded, []string{"Content-Type", "text/plain"}, 415},
		{"another charset", http.MethodPost, authorize, encoded, []string{"Content-Type", formType + "; charset=utf-16"}, 415},
		{"compressed", http.MethodPost, authorize, encoded, []string{"Content-Type", formType, "Content-Encoding", "gzip"}, 415},
		{"too large", http.MethodPost, authorize, encoded + "&x=" + strings.Repeat("a", 64<<10), []string{"Content-Type", formType}, 413},
		{"too long", http.MethodGet, authorize + "?" + encoded + "&x=" + long, "", nil, 414},
		{"too long a path", http.MethodGet, origin + "/" + long, "", nil, 414},
		{"unknown path", http.MethodGet, origin + "/nothing", "", nil, 404},
		{"unknown path of the issuer", http.MethodGet, s.issuer() + "/nothing", "", nil, 404},
		{"slash behind", http.MethodGet, authorize + "/?" + encoded, "", nil, 404},
		{"another case", http.MethodGet, s.issuer() + "/Authorize?" + encoded, "", nil, 404},
		{"without the base", http.MethodGet, origin + "/authorize?" + encoded, "", nil, 404},
		{"doubled slash", http.MethodGet, origin + "//api/v2/authorize?" + encoded, "", nil, 404},
		{"POST to nowhere", http.MethodPost, s.issuer() + "/nothing", encoded, []string{"Content-Type", formType}, 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.AuthorizeReceived))
			a := knock(t, row.method, row.address, row.body, row.headers...)
			onPage(t, a, row.status, fmt.Sprintf("Y000%d", row.status))
			if allow := a.header.Get("Allow"); row.status == 405 && (!strings.Contains(allow, "GET") || !strings.Contains(allow, "POST")) {
				t.Errorf("Allow: %q (RFC 9110 §15.5.6)", allow)
			}
			if len(s.entries(t, audit.AuthorizeReceived)) != before {
				t.Error("a login began")
			}
		})
	}
	s.control(t)
}

// TestAuthorizeEncoding sends parameters that are not encoded as parameters are.
func TestAuthorizeEncoding(t *testing.T) {
	t.Parallel()
	s := start(t)
	encoded := s.base().Encode()
	for name, bad := range map[string]string{
		"incomplete escape": encoded + "&x=%z1", "cut escape": encoded + "&x=%4", "semicolon": encoded + "&x=1;y=2",
		"too many": encoded + strings.Repeat("&x=1", 64),
	} {
		for _, method := range methods() {
			t.Run(name+" "+method, func(t *testing.T) {
				onPage(t, s.authorize(t, method, bad), http.StatusBadRequest, "Y000400")
			})
		}
	}
	// Neither half of a request hides the other.
	t.Run("POST with all in the query", func(t *testing.T) {
		before := len(s.authorizations(t))
		a := knock(t, http.MethodPost, s.issuer()+"/authorize?"+encoded, "", "Content-Type", formType)
		onPage(t, a, http.StatusBadRequest, codeParameters)
		s.audited(t, before, whyParameters, "")
	})
	t.Run("POST with a query beside", func(t *testing.T) {
		s.admitted(t, knock(t, http.MethodPost, s.issuer()+"/authorize?client_id=nobody&scope=email", encoded, "Content-Type", formType+"; charset=UTF-8"))
	})
	t.Run("HEAD", func(t *testing.T) {
		before := len(s.authorizations(t))
		a := knock(t, http.MethodHead, s.issuer()+"/authorize?"+encoded, "")
		if a.status != http.StatusMethodNotAllowed || a.body != "" || a.header.Get("Location") != "" {
			t.Errorf("status %d, Location %q, body %q", a.status, a.header.Get("Location"), a.body)
		}
		protected(t, a)
		noCookie(t, a)
		s.audited(t, before, "", "")
	})
	t.Run("headers too large", func(t *testing.T) {
		a := knock(t, http.MethodGet, s.issuer()+"/authorize?"+encoded, "", "X-Large", strings.Repeat("a", 32<<10))
		if a.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d", a.status)
		}
		noCookie(t, a)
	})
	t.Run("another host", func(t *testing.T) { s.otherHost(t) })
	s.control(t)
}

// otherHost asks under a name that somebody else made lead here.
func (s scene) otherHost(t *testing.T) {
	t.Helper()
	here, err := url.Parse(s.issuer())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", here.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "GET /api/v2/authorize?%s HTTP/1.1\r\nHost: evil.example.fr\r\nConnection: close\r\n\r\n", s.base().Encode()); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	onPage(t, answer{r.StatusCode, r.Header, string(body)}, http.StatusMisdirectedRequest, "Y000421")
}

// TestAuthorizeLanguage has the page of a refusal speak the language that the request prefers.
func TestAuthorizeLanguage(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, row := range []struct{ name, locales, accept, want string }{
		{"nothing said", "", "", "fr"},
		{"English", "en", "", "en"},
		{"British", "en-GB", "", "en"},
		{"the browser's", "", "en-US,en;q=0.9", "en"},
		{"the service's before the browser's", "fr", "en", "fr"},
		{"one that we lack first", "ja en fr", "", "en"},
		{"none that we have", "ja", "", "fr"},
		{"no language", "<b> ..", "en", "en"},
	} {
		t.Run(row.name, func(t *testing.T) {
			change := url.Values{"nonce": {"short"}, "ui_locales": {row.locales}}
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				a := s.authorize(t, method, s.changed(change).Encode(), "Accept-Language", row.accept)
				onPage(t, a, http.StatusBadRequest, codeParameters)
				if !strings.Contains(a.body, `<html lang="`+row.want+`">`) {
					t.Errorf("%s: not in %q:\n%.200s", method, row.want, a.body)
				}
			}
		})
	}
	b := newBrowser(t)
	for locales, want := range map[string]string{"en": "en", "fr": "fr", "": "fr", "ja en": "en"} {
		p := b.post(s.issuer()+"/authorize", s.changed(url.Values{"ui_locales": {locales}}))
		if p.status != http.StatusOK || !strings.Contains(p.body, `<html lang="`+want+`">`) {
			t.Errorf("ui_locales=%s: %d\n%.200s", locales, p.status, p.body)
		}
	}
}

// TestAPIWithoutCookies asks every endpoint for programs, well and badly, even with the switch of languages.
func TestAPIWithoutCookies(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{"/.well-known/openid-configuration", "/jwks", "/token", "/userinfo", "/token/revocation", "/checktoken", "/token/introspection"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodHead, http.MethodOptions} {
			for _, query := range []string{"", "?lang=en", "?" + s.base().Encode()} {
				a := knock(t, method, s.issuer()+path+query, "a=b", "Content-Type", formType, "Cookie", "pivot-plus="+strings.Repeat("A", 43))
				noCookie(t, a)
				protected(t, a)
				if a.status >= 300 && a.status < 400 || strings.Contains(a.header.Get("Content-Type"), "html") {
					t.Errorf("%s %s: %d %s", method, path+query, a.status, a.header.Get("Content-Type"))
				}
			}
		}
	}
}
