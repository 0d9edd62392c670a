package broker

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/prooftest"
)

// listener is a service provider that is told of logouts.
type listener struct {
	server *httptest.Server
	told   chan string
}

func newListener(tb testing.TB) listener {
	tb.Helper()
	l := listener{told: make(chan string, 16)}
	l.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		values, parseErr := url.ParseQuery(string(body))
		if err != nil || parseErr != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != formType {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		l.told <- values.Get("logout_token")
	}))
	tb.Cleanup(l.server.Close)
	return l
}

// leavers registers the demo's service and another one, with what they want of a logout.
func (s scene) leavers(tb testing.TB, l listener) string {
	tb.Helper()
	const auth = `token_endpoint_auth_method`
	way := strings.Replace(s.world.SP[0].Redirect, "callback", "left", 1)
	more := `post_logout_redirect_uris = ["` + way + `"]` + "\n"
	if l.server != nil {
		more += `backchannel_logout_uri = "` + l.server.URL + `/back-channel"` + "\nbackchannel_logout_session_required = true\n"
	}
	files := s.demoRecord(tb, s.world.SP[0].ClientID, auth, more+"\n"+auth)
	s.publish(tb, files)
	return way
}

// signIn is a whole login in a browser, which the service does not take part in: what the token endpoint answers.
func (s scene) signIn(tb testing.TB, b browser) issued {
	tb.Helper()
	release := s.approved(tb, b, withPKCE())
	action, token := formAction.FindStringSubmatch(release.body), tokenField.FindStringSubmatch(release.body)
	if action == nil || token == nil {
		tb.Fatalf("no form in %s", release.body)
	}
	address, body := strings.TrimSuffix(s.issuer(), "/api/v2")+action[1], url.Values{"csrfToken": {token[1]}}
	r, err := b.client.PostForm(address, body)
	for range 3 {
		if err != nil {
			tb.Fatal(err)
		}
		r.Body.Close()
		location, err := r.Location()
		if err != nil {
			tb.Fatalf("%d of %s: %v", r.StatusCode, r.Request.URL, err)
		}
		if code := location.Query().Get("code"); code != "" {
			return redeemed(tb, s.token(tb, s.exchange(code)), "openid given_name")
		}
		r, _ = b.client.Get(location.String())
	}
	tb.Fatal("no code")
	return issued{}
}

// plain is the signed token inside an encrypted one, as a service provider sends it back.
func (s scene) plain(tb testing.TB, compact string) string {
	tb.Helper()
	outer, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.ECDH_ES}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		tb.Fatal(err)
	}
	inner, err := outer.Decrypt(s.demoKey(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return string(inner)
}

// end asks for a logout and stops at the first answer.
func (s scene) end(tb testing.TB, b browser, query url.Values) (*http.Response, string) {
	tb.Helper()
	r, err := b.client.Get(s.issuer() + "/session/end?" + query.Encode())
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return r, string(body)
}

// TestB15Logout is row B15 of franceconnect.md 10 for what exists here, with real tokens: one logout ends the browser's
// session, takes back what its logins issued and tells the service provider; B14's way back goes to a registered address.
func TestB15Logout(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c)
	l := newListener(t)
	way := s.leavers(t, l)
	b := newBrowser(t)
	first := s.signIn(t, b)
	second := s.signIn(t, b)
	var sids []string
	for _, one := range []issued{first, second} {
		_, payload := s.opened(t, one.IDToken, jose.ECDH_ES, s.demoKey(t))
		object := members(t, payload, "sub", "acr", "auth_time", "nonce", "sid", "aud", "exp", "iat", "iss")
		sids = append(sids, string(object["sid"]))
	}
	if sids[0] == sids[1] {
		t.Error("two logins of one sid")
	}
	query := url.Values{"id_token_hint": {s.plain(t, first.IDToken)}, "post_logout_redirect_uri": {way}, "state": {"s 1"}}

	// Another browser holds the ID token: its own session goes on, and so does this one.
	other := newBrowser(t)
	third := s.signIn(t, other)
	if r, body := s.end(t, other, query); r.StatusCode != http.StatusSeeOther || strings.HasPrefix(r.Header.Get("Location"), way) || strings.Contains(r.Header.Get("Location"), "hint") {
		t.Errorf("%d to %q: %s", r.StatusCode, r.Header.Get("Location"), body)
	}
	for _, one := range []issued{first, second, third} {
		if a := s.userinfo(t, one.AccessToken); a.status != http.StatusOK {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}

	r, body := s.end(t, b, query)
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != way+"?state=s+1" || body != "" {
		t.Fatalf("%d to %q: %s", r.StatusCode, r.Header.Get("Location"), body)
	}
	for _, one := range []issued{first, second} {
		s.denied(t, s.userinfo(t, one.AccessToken), invalidToken())
	}
	if a := s.userinfo(t, third.AccessToken); a.status != http.StatusOK {
		t.Errorf("the other browser's token: %d", a.status)
	}

	// Each login's end is told, to the address of the record, by a token of its own.
	var told []string
	for range 2 {
		var compact string
		select {
		case compact = <-l.told:
		case <-t.Context().Done():
			t.Fatal("nobody was told")
		}
		compact = s.plain(t, compact)
		signed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		header := members(t, part(t, compact, 0), "alg", "kid", "typ")
		said(t, header, map[string]string{"typ": `"logout+jwt"`})
		found := s.published(t)
		payload, err := signed.Verify(found.Key(signed.Signatures[0].Protected.KeyID)[0])
		if err != nil {
			t.Fatal(err)
		}
		object := members(t, string(payload), "sub", "sid", "events", "jti", "aud", "exp", "iat", "iss")
		said(t, object, map[string]string{
			"iss": quoted(s.issuer()), "aud": quoted(s.world.SP[0].ClientID), "events": `{"http://schemas.openid.net/event/backchannel-logout":{}}`,
		})
		told = append(told, string(object["sid"]))
		// What was signed for one purpose does not serve another.
		if r, _ := s.end(t, other, url.Values{"id_token_hint": {compact}}); r.StatusCode != http.StatusBadRequest {
			t.Errorf("a logout token as a hint: %d", r.StatusCode)
		}
	}
	slices.Sort(sids)
	if slices.Sort(told); !slices.Equal(sids, told) {
		t.Errorf("told of %q, want %q", told, sids)
	}
	if ended := s.entries(t, audit.SessionEnded); len(ended) != 1 || ended[0].Account != "account-1" || ended[0].Client != s.world.SP[0].ClientID {
		t.Errorf("audit entries %+v", ended)
	}
	for _, secret := range []string{query.Get("id_token_hint"), "s 1", "s+1"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Without an address the person is told by a page of ours; a second logout finds nothing to end.
func TestB15LogoutWithoutAddress(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.leavers(t, listener{})
	b := newBrowser(t)
	one := s.signIn(t, b)
	_, payload := s.opened(t, one.IDToken, jose.ECDH_ES, s.demoKey(t))
	members(t, payload, "sub", "acr", "auth_time", "nonce", "aud", "exp", "iat", "iss") // no sid, which nobody asked for
	query := url.Values{"id_token_hint": {s.plain(t, one.IDToken)}}
	for range 2 {
		if p := b.open(s.issuer() + "/session/end?" + query.Encode()); p.status != http.StatusOK || !strings.HasSuffix(p.url.Path, "/session/end/success") || !strings.Contains(p.body, "Vous êtes déconnecté") {
			t.Fatalf("%d at %s: %s", p.status, p.url, p.body)
		}
	}
	if n := len(s.entries(t, audit.SessionEnded)); n != 1 {
		t.Errorf("%d ends", n)
	}
}

// A session of plus lasts ten minutes from the last login; nothing else lengthens it, and it opens nothing.
func TestSessionLasts(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c)
	b := newBrowser(t)
	s.signIn(t, b)
	loggedIn := func() bool {
		t.Helper()
		return strings.Contains(b.open(s.issuer()+"/session/end/success").body, "toujours connecté")
	}
	c.advance(9 * time.Minute)
	p := b.open(s.issuer() + "/authorize?" + s.changed(nil).Encode()) // asks for a proof all the same
	if !strings.Contains(p.url.Path, "/interaction/") || !strings.Contains(p.body, "pivot:approve?") {
		t.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
	if !loggedIn() {
		t.Fatal("the session is over")
	}
	c.advance(time.Minute)
	if loggedIn() {
		t.Error("the session goes on")
	}
	s.signIn(t, b)
	c.advance(9 * time.Minute)
	s.signIn(t, b)
	c.advance(9 * time.Minute)
	if !loggedIn() {
		t.Error("a login did not begin the ten minutes anew")
	}
}

// A session of standard lasts thirty minutes from the last time that the browser came to log in, done or not.
func TestStandardSessionSlides(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c).standard()
	b := newBrowser(t)
	release := s.approved(t, b, low(nil))
	action, token := formAction.FindStringSubmatch(release.body), tokenField.FindStringSubmatch(release.body)
	if action == nil || token == nil {
		t.Fatalf("no form in %s", release.body)
	}
	address := strings.TrimSuffix(s.issuer(), "/api/v2") + action[1]
	r, err := b.client.PostForm(address, url.Values{"csrfToken": {token[1]}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r, err = b.client.Get(strings.TrimSuffix(s.issuer(), "/api/v2") + r.Header.Get("Location")); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	loggedIn := func() bool {
		t.Helper()
		return strings.Contains(b.open(s.issuer()+"/session/end/success").body, "toujours connecté")
	}
	for range 3 {
		c.advance(29 * time.Minute)
		if p := b.open(s.issuer() + "/authorize?" + s.changed(low(nil)).Encode()); !strings.Contains(p.url.Path, "/interaction/") {
			t.Fatalf("%d at %s: %s", p.status, p.url, p.body)
		}
		if !loggedIn() {
			t.Fatal("the session is over")
		}
	}
	c.advance(30 * time.Minute)
	if loggedIn() {
		t.Error("the session goes on")
	}
}

// The session's cookie changes with every login: who took the old one has nothing.
func TestSessionCookieChanges(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	at, err := url.Parse(s.issuer())
	if err != nil {
		t.Fatal(err)
	}
	cookie := func() *http.Cookie {
		t.Helper()
		for _, c := range b.client.Jar.Cookies(at) {
			if c.Name == "pivot-plus" {
				return c
			}
		}
		t.Fatal("no session cookie")
		return nil
	}
	s.signIn(t, b)
	old := cookie()
	s.signIn(t, b)
	if cookie().Value == old.Value {
		t.Error("the same cookie")
	}
	thief := newBrowser(t)
	thief.client.Jar.SetCookies(at, []*http.Cookie{old})
	if p := thief.open(s.issuer() + "/session/end/success"); !strings.Contains(p.body, "Vous êtes déconnecté") {
		t.Errorf("the old cookie opens the session: %s", p.body)
	}
	if p := b.open(s.issuer() + "/session/end/success"); !strings.Contains(p.body, "toujours connecté") {
		t.Errorf("the new cookie does not: %s", p.body)
	}
}

// A tampered state of affairs is said on a page, and no answer of another method is served.
func TestLogoutTransport(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, method := range map[string]string{
		"/session/end": http.MethodPut, "/session/end/confirm": http.MethodGet, "/session/end/success": http.MethodPost,
	} {
		onPage(t, knock(t, method, s.issuer()+path, ""), http.StatusMethodNotAllowed, "Y000405")
	}
	onPage(t, knock(t, http.MethodGet, s.issuer()+"/session/end?state="+strings.Repeat("a", 9<<10), ""), http.StatusRequestURITooLong, "Y000414")
	form := url.Values{"id_token_hint": {"x"}}
	maps.Copy(form, url.Values{"state": {"y"}})
	if a := knock(t, http.MethodPost, s.issuer()+"/session/end", form.Encode(), "Content-Type", formType); a.status != http.StatusSeeOther {
		t.Errorf("%d", a.status)
	}
	onPage(t, knock(t, http.MethodGet, s.issuer()+"/session/end?id_token_hint=x", ""), http.StatusBadRequest, "Y045AFAE")
}

// TestB14AbandonAndReturn is row B14 of franceconnect.md 10: who gives up, and who meets an error, gets back to the service,
// which is told so at its registered address.
func TestB14AbandonAndReturn(t *testing.T) {
	t.Parallel()
	s := start(t)
	aborted := func(address string) {
		t.Helper()
		at, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, s.world.SP[0].Redirect+"?") {
			t.Fatalf("back to %q", address)
		}
		query := at.Query()
		if query.Get("error") != "access_denied" || query.Get("error_description") != "user authentication aborted" || query.Get("iss") != s.issuer() || query.Get("state") == "" || query.Has("code") {
			t.Errorf("the service is told %v", query)
		}
	}
	b := newBrowser(t)
	waiting, _ := s.begin(b)
	given := waiting.submit(b, "cancel", nil)
	aborted(given.url.String())

	// After an error, the page that knows the service leads back to it.
	waiting, id := s.begin(b)
	s.prove(t, id)
	release := b.open(waiting.url.String())
	if p := b.post(release.url.String()+"/consent", url.Values{"csrfToken": {"x"}}); p.status != http.StatusUnauthorized {
		t.Fatalf("%d: %s", p.status, p.body)
	} else if back := wayBack.FindStringSubmatch(p.body); back == nil {
		t.Errorf("no way back: %s", p.body)
	} else {
		aborted(html.UnescapeString(back[1]))
	}
	if p := release.submit(b, "consent", nil); code(p.trail) == "no code" { // an error that somebody else caused ends nothing
		t.Errorf("rests at %s: %s", p.url, p.body)
	}
}

var wayBack = regexp.MustCompile(`<a class="button" href="([^"]+)">Revenir`)

// TestAnotherPersonsSession has somebody else log in by a browser: the session of before ends, and its services are told.
func TestAnotherPersonsSession(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c)
	l := newListener(t)
	s.leavers(t, l)
	b := newBrowser(t)
	first := s.signIn(t, b)
	if a := s.userinfo(t, first.AccessToken); a.status != http.StatusOK {
		t.Fatalf("%d: %s", a.status, a.body)
	}
	p := b.open(s.issuer() + "/authorize?" + s.changed(withPKCE()).Encode())
	id, err := txn.ParseID(filepath.Base(p.url.Path))
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.broker.store.Load(t.Context(), s.issuer(), id)
	if err != nil {
		t.Fatal(err)
	}
	proof := prooftest.New(t, id.String(), "account-2", assurance.Contribution{
		Evidence: assurance.CardWithKey, Hop: true,
		Activations: []assurance.Activation{assurance.CardDesk, assurance.CardDesk, assurance.CardDesk},
	})
	next, entry, err := state.(txn.Waiting).Prove(proof, assurance.Default(), s.person(t), c.now())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.broker.store.Advance(t.Context(), state, next, entry); err != nil {
		t.Fatal(err)
	}
	release := b.open(p.url.String())
	action, token := formAction.FindStringSubmatch(release.body), tokenField.FindStringSubmatch(release.body)
	r, err := b.client.PostForm(strings.TrimSuffix(s.issuer(), "/api/v2")+action[1], url.Values{"csrfToken": {token[1]}})
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r, err = b.client.Get(s.issuer() + "/authorize/" + id.String()); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if !strings.Contains(r.Header.Get("Location"), "code=") {
		t.Fatalf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if ended := s.entries(t, audit.SessionEnded); len(ended) != 1 || ended[0].Account != "account-1" || ended[0].Reason != "another-person" {
		t.Errorf("audit entries %+v", ended)
	}
	if a := s.userinfo(t, first.AccessToken); a.status != http.StatusUnauthorized {
		t.Errorf("the access token of the session that ended: %d", a.status)
	}
	code := regexp.MustCompile(`code=([^&]+)`).FindStringSubmatch(r.Header.Get("Location"))[1]
	redeemed(t, s.token(t, s.exchange(code)), "openid given_name") // the new session's is good
	select {
	case compact := <-l.told:
		_, payload := s.opened(t, first.IDToken, jose.ECDH_ES, s.demoKey(t))
		sid := members(t, payload, "sub", "acr", "auth_time", "nonce", "sid", "aud", "exp", "iat", "iss")["sid"]
		if got := part(t, s.plain(t, compact), 1); !strings.Contains(got, string(sid)) {
			t.Errorf("told of %s, want sid %s", got, sid)
		}
	case <-t.Context().Done():
		t.Fatal("nobody was told")
	}
	// The ID token of the first person does not end the session of the second.
	query := url.Values{"id_token_hint": {s.plain(t, first.IDToken)}}
	if p := b.open(s.issuer() + "/session/end?" + query.Encode()); p.status != http.StatusOK || !strings.Contains(p.body, "Voulez-vous vous déconnecter") {
		t.Errorf("%d at %s: %s", p.status, p.url, p.body)
	}
}
