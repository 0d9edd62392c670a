package logout_test

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/logout"
	"pivot/server/internal/session"
	"pivot/server/internal/store/storetest"
	"pivot/server/internal/txn"
)

// full is a logout request with all that sp-1 may say.
func (s *scene) full() url.Values {
	return url.Values{
		"id_token_hint": {s.hint(s.token("sp-1"), nil)}, "client_id": {"sp-1"}, "post_logout_redirect_uri": {left}, "state": {"a b&c"},
	}
}

// TestB15LogoutByTheHintOfThisSession is row B15 of franceconnect.md 10: with an ID token of this very session, the service
// provider's wish is enough; its state comes back, or a page of ours is shown where it gave no address.
func TestB15LogoutByTheHintOfThisSession(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change url.Values
		way    string
	}{
		{"address and state", nil, left + "?state=a+b%26c"},
		{"no state", url.Values{"state": nil}, left},
		{"an empty state", url.Values{"state": {""}}, left},
		{"the other address", url.Values{"post_logout_redirect_uri": {left + "/sp-1"}}, left + "/sp-1?state=a+b%26c"},
		{"no client_id", url.Values{"client_id": nil}, left + "?state=a+b%26c"},
		{"no address", url.Values{"post_logout_redirect_uri": nil}, "/api/v2/session/end/success"},
		{"the hint alone", url.Values{"post_logout_redirect_uri": nil, "client_id": nil, "state": nil}, "/api/v2/session/end/success"},
		{"unknown parameters", url.Values{"logout_hint": {"x"}, "color": {"red"}}, left + "?state=a+b%26c"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			b, other := s.loggedIn("sp-1", "sp-2"), s.loggedIn("sp-1")
			query := s.full()
			maps.Copy(query, row.change)
			s.clock.Advance(10 * time.Minute) // the ID token has expired
			if p := b.end(query); p.status != http.StatusSeeOther || p.location != row.way || p.body != "" {
				t.Fatalf("%d to %q: %s", p.status, p.location, p.body)
			}
			if b.cookies[cookie] != "" || b.isLoggedIn() || !other.isLoggedIn() {
				t.Error("the session goes on, or another one ended")
			}
			ended := s.entries(audit.LogoutRequested, audit.SessionEnded)
			if len(ended) != 2 || ended[0].Client != "sp-1" || ended[1].Account != account || ended[1].Client != "sp-1" || ended[1].Reason != "logged-out" || ended[1].Details["session"] == "" {
				t.Errorf("audit entries %+v", ended)
			}
			// All logins of the session end; who wants to know is told.
			if n := s.notices(); len(n) != 1 || n[0].Client() != "sp-2" || n[0].Subject() != "sub-sp-2" {
				t.Errorf("notices %+v", n)
			}
		})
	}
}

// A cookie that was taken before the logout opens nothing after it.
func TestEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1")
	thief := browser{s, maps.Clone(b.cookies)}
	b.end(s.full())
	if thief.isLoggedIn() {
		t.Error("the session lives on in another browser")
	}
	if n := len(s.entries(audit.SessionEnded)); n != 1 {
		t.Errorf("%d ends", n)
	}
}

// Whoever cannot show an ID token of this very session does not end it: the person is asked, and may stay.
func TestLogoutAsksOtherwise(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		query  func(s *scene) url.Values
		way    string // after the person's yes
		asked  string // who asks, as the page says it
		leaves string // origin that the form may lead to
	}{
		{"nothing at all", func(*scene) url.Values { return nil }, "/api/v2/session/end/success", "Somebody asks", ""},
		{"a client's name alone", func(*scene) url.Values { return url.Values{"client_id": {"sp-1"}} }, "/api/v2/session/end/success", "Service sp-1 asks", ""},
		{"no hint", func(s *scene) url.Values {
			query := s.full()
			query.Del("id_token_hint")
			return query
		}, left + "?state=a+b%26c", "Service sp-1 asks", "https://sp.example.fr"},
		{"an ID token of an earlier session", func(s *scene) url.Values {
			query, old := s.full(), s.token("sp-1")
			old.Nonce = "nonce-of-another-login"
			query.Set("id_token_hint", s.hint(old, nil))
			return query
		}, left + "?state=a+b%26c", "Service sp-1 asks", "https://sp.example.fr"},
		{"another person's ID token", func(s *scene) url.Values {
			query, other := s.full(), s.token("sp-1")
			other.Subject = "sub-of-somebody-else"
			query.Set("id_token_hint", s.hint(other, nil))
			return query
		}, left + "?state=a+b%26c", "Service sp-1 asks", "https://sp.example.fr"},
		{"an ID token with another session's sid", func(s *scene) url.Values {
			query := s.full()
			query.Set("id_token_hint", s.hint(s.token("sp-1"), map[string]any{"sid": session.SID("another")}))
			return query
		}, left + "?state=a+b%26c", "Service sp-1 asks", "https://sp.example.fr"},
		{"of a client that is not logged in here", func(s *scene) url.Values {
			return url.Values{"id_token_hint": {s.hint(s.token("sp-2"), nil)}, "post_logout_redirect_uri": {left + "/sp-2"}}
		}, left + "/sp-2", "Service sp-2 asks", "https://sp.example.fr"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			b := s.loggedIn("sp-1")
			p := b.end(row.query(s))
			if p.status == http.StatusSeeOther { // to the same without the token
				p = b.do(http.MethodGet, p.location, "")
			}
			if n := len(s.entries(audit.LogoutRequested)); n != 1 {
				t.Errorf("%d requests", n)
			}
			if p.status != http.StatusOK || !strings.Contains(p.body, row.asked) || !strings.Contains(p.body, "<li>Service sp-1</li>") {
				t.Fatalf("%d: %s", p.status, p.body)
			}
			if want := strings.TrimSpace("form-action 'self' " + row.leaves); !strings.Contains(p.policy, want+";") {
				t.Errorf("policy %q lacks %q", p.policy, want)
			}
			if strings.Contains(p.body, "eyJ") {
				t.Error("the page holds the ID token")
			}
			if !b.isLoggedIn() || len(s.entries(audit.SessionEnded)) != 0 {
				t.Fatal("ended without an answer")
			}
			if p := b.submit(p); p.status != http.StatusSeeOther || p.location != row.way {
				t.Fatalf("%d to %q: %s", p.status, p.location, p.body)
			}
			if b.isLoggedIn() || len(s.entries(audit.SessionEnded)) != 1 {
				t.Error("the person's yes ended nothing")
			}
			if again := b.submit(p); again.status != http.StatusSeeOther || again.location != row.way || len(s.entries(audit.SessionEnded)) != 1 {
				t.Errorf("a second click: %d to %q", again.status, again.location)
			}
		})
	}
}

// The person's answer is theirs alone: each row changes one thing in a form that would be accepted.
func TestLogoutConfirmRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1")
	query := s.full()
	query.Del("id_token_hint")
	shown := form.FindStringSubmatch(b.end(query).body)
	other := s.loggedIn("sp-1")
	foreign := form.FindStringSubmatch(other.end(query).body)
	action := html.UnescapeString(shown[1])
	for _, row := range []struct {
		name, action, token string
		headers             []string
		status              int
		code, reason        string
	}{
		{"no token", action, "", nil, 400, "Y470002", "csrf-missing"},
		{"another browser's token", action, foreign[2], nil, 401, "Y470001", "csrf"},
		{"a token that is none", action, "x", nil, 401, "Y470001", "csrf"},
		{"another site's form", action, shown[2], []string{"Sec-Fetch-Site", "cross-site"}, 403, "Y000403", ""},
		{"another address", strings.Replace(action, "left", "elsewhere", 1), shown[2], nil, 400, "Y04CFAEF", "logout-address"},
		{"an address for nobody", strings.Replace(action, "client_id=sp-1", "x=y", 1), shown[2], nil, 400, "Y04CFAEF", "logout-address"},
		{"another client", strings.Replace(action, "client_id=sp-1", "client_id=nobody", 1), shown[2], nil, 400, "Y04FE3C9", "logout-client"},
		{"JSON", action, shown[2], []string{"Content-Type", "application/json"}, 415, "Y000415", "authorize-parameters"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(audit.LogoutRefused))
			p := b.do(http.MethodPost, row.action, url.Values{"csrfToken": {row.token}}.Encode(), row.headers...)
			if p.status != row.status || !strings.Contains(p.body, row.code) || p.location != "" {
				t.Errorf("%d to %q: %s", p.status, p.location, p.body)
			}
			since := s.entries(audit.LogoutRefused)[before:]
			if row.reason == "" && len(since) != 0 || row.reason != "" && (len(since) != 1 || since[0].Reason != row.reason) {
				t.Errorf("audit entries %+v", since)
			}
			if !b.isLoggedIn() {
				t.Fatal("the session ended")
			}
		})
	}
	if p := b.do(http.MethodPost, action, url.Values{"csrfToken": {shown[2]}}.Encode()); p.status != http.StatusSeeOther || b.isLoggedIn() {
		t.Errorf("the form as it was: %d: %s", p.status, p.body)
	}
	if !other.isLoggedIn() {
		t.Error("the other browser's session ended")
	}
}

// Each row changes one thing in a request that would be followed: it is said on a page, never at an address, and nothing ends.
func TestLogoutRefusals(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1")
	own := s.token("sp-1")
	hint := func(change map[string]any) url.Values {
		return url.Values{"id_token_hint": {s.hint(own, change)}}
	}
	signed := func(header map[string]any) url.Values {
		return url.Values{"id_token_hint": {s.signed(keys().issuer, header, own, nil)}}
	}
	cut := s.hint(own, nil)
	for _, row := range []struct {
		name   string
		change url.Values
		code   string
		reason string
	}{
		{"an address that is not registered", url.Values{"post_logout_redirect_uri": {left + "x"}}, "Y04CFAEF", "logout-address"},
		{"another client's address", url.Values{"post_logout_redirect_uri": {left + "/sp-2"}}, "Y04CFAEF", "logout-address"},
		{"the login's address", url.Values{"post_logout_redirect_uri": {"https://sp.example.fr/callback"}}, "Y04CFAEF", "logout-address"},
		{"an address for nobody", url.Values{"id_token_hint": nil, "client_id": nil}, "Y04CFAEF", "logout-address"},
		{"another client_id", url.Values{"client_id": {"sp-2"}}, "Y0467882", "logout-mismatch"},
		{"an unknown client", url.Values{"id_token_hint": nil, "client_id": {"nobody"}}, "Y04FE3C9", "logout-client"},
		{"a client that is not active", url.Values{"id_token_hint": nil, "client_id": {"idle"}}, "Y04FE3C9", "logout-client"},
		{"of a client that is not active", url.Values{"id_token_hint": {s.hint(s.token("idle"), nil)}, "client_id": nil}, "Y04FE3C9", "logout-client"},
		{"no token", url.Values{"id_token_hint": {"x"}}, "Y045AFAE", "logout-hint"},
		{"a token cut", url.Values{"id_token_hint": {cut[:len(cut)-1]}}, "Y045AFAE", "logout-hint"},
		{"without signature", url.Values{"id_token_hint": {cut[:strings.LastIndex(cut, ".")+1]}}, "Y045AFAE", "logout-hint"},
		{"another key", url.Values{"id_token_hint": {s.signed(keys().other, map[string]any{"kid": "k1"}, own, nil)}}, "Y045AFAE", "logout-hint"},
		{"another key's name", signed(map[string]any{"kid": "k2"}), "Y045AFAE", "logout-hint"},
		{"a logout token", signed(map[string]any{"kid": "k1", "typ": "logout+jwt"}), "Y045AFAE", "logout-hint"},
		{"another issuer", hint(map[string]any{"iss": "https://other.example.org/api/v2"}), "Y045AFAE", "logout-hint"},
		{"userinfo", hint(map[string]any{"nonce": nil, "auth_time": nil, "acr": nil}), "Y045AFAE", "logout-hint"},
		{"two audiences", hint(map[string]any{"aud": []string{"sp-1", "sp-2"}}), "Y045AFAE", "logout-hint"},
		{"two hints", url.Values{"id_token_hint": {cut, cut}}, "Y030007", "logout-parameters"},
		{"two states", url.Values{"state": {"a", "b"}}, "Y030007", "logout-parameters"},
		{"a line end in the state", url.Values{"state": {"a\r\nLocation: https://evil.example/"}}, "Y030007", "logout-parameters"},
		{"an oversized hint", url.Values{"id_token_hint": {strings.Repeat("a", 4097)}}, "Y030007", "logout-parameters"},
	} {
		t.Run(row.name, func(t *testing.T) {
			query := s.full()
			maps.Copy(query, row.change)
			before := len(s.entries(audit.LogoutRefused))
			for _, p := range []page{b.end(query), s.browser().end(query)} { // with a session and without
				if p.status != http.StatusBadRequest || !strings.Contains(p.body, row.code) || p.location != "" {
					t.Errorf("%d to %q: %s", p.status, p.location, p.body)
				}
			}
			since := s.entries(audit.LogoutRefused)[before:]
			if len(since) != 2 || since[0].Reason != row.reason {
				t.Errorf("audit entries %+v", since)
			}
			if !b.isLoggedIn() {
				t.Fatal("the session ended")
			}
		})
	}
	if p := b.end(s.full()); p.status != http.StatusSeeOther || b.isLoggedIn() {
		t.Errorf("the request as it was: %d: %s", p.status, p.body)
	}
}

// Where there is no session any more, a service provider that shows an ID token gets its browser back; whoever does not is
// told on a page of ours.
func TestLogoutWithoutSession(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1")
	query := s.full()
	s.clock.Advance(31 * time.Minute) // the session has expired
	if p := b.end(query); p.status != http.StatusSeeOther || p.location != left+"?state=a+b%26c" {
		t.Errorf("%d to %q: %s", p.status, p.location, p.body)
	}
	query.Del("id_token_hint")
	p := s.browser().end(query)
	if p.status != http.StatusOK || !strings.Contains(p.body, "You are logged out") || !strings.Contains(p.body, `href="`+left+`?state=a&#43;b%26c"`) && !strings.Contains(p.body, left+"?state=a") {
		t.Errorf("%d to %q: %s", p.status, p.location, p.body)
	}
	if p := s.browser().end(nil); p.status != http.StatusOK || !strings.Contains(p.body, "You are logged out") || strings.Contains(p.body, "Go back to") {
		t.Errorf("%d: %s", p.status, p.body)
	}
	if n := len(s.entries(audit.SessionEnded)); n != 0 {
		t.Errorf("%d ends", n)
	}
}

// A request by POST becomes a GET: with another site's POST the browser sends no cookie.
func TestLogoutByPost(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1")
	query := s.full()
	query.Set("color", "red")
	p := s.browser().do(http.MethodPost, "/api/v2/session/end", query.Encode(), "Sec-Fetch-Site", "cross-site")
	if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/api/v2/session/end?") || strings.Contains(p.location, "color") {
		t.Fatalf("%d to %q: %s", p.status, p.location, p.body)
	}
	if p := b.do(http.MethodGet, p.location, ""); p.status != http.StatusSeeOther || p.location != left+"?state=a+b%26c" || b.isLoggedIn() {
		t.Errorf("%d to %q: %s", p.status, p.location, p.body)
	}
	query.Add("state", "twice")
	if p := s.browser().do(http.MethodPost, "/api/v2/session/end", query.Encode()); p.status != http.StatusBadRequest || p.location != "" {
		t.Errorf("%d to %q", p.status, p.location)
	}
	if p := s.browser().do(http.MethodPost, "/api/v2/session/end", "{}", "Content-Type", "application/json"); p.status != http.StatusUnsupportedMediaType {
		t.Errorf("%d", p.status)
	}
}

// Two tabs that log out at once end the session once, and both go back.
func TestLogoutRaced(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.loggedIn("sp-1", "sp-2")
	query := s.full()
	pages := make([]page, 8)
	var group sync.WaitGroup
	for i := range pages {
		group.Go(func() { pages[i] = browser{s, maps.Clone(b.cookies)}.end(query) })
	}
	group.Wait()
	for _, p := range pages {
		if p.status != http.StatusSeeOther || p.location != left+"?state=a+b%26c" {
			t.Errorf("%d to %q: %s", p.status, p.location, p.body)
		}
	}
	if n := len(s.entries(audit.SessionEnded)); n != 1 || len(s.notices()) != 1 {
		t.Errorf("%d ends, %d notices", n, len(s.notices()))
	}
}

func TestMountNeedsEveryPart(t *testing.T) {
	t.Parallel()
	whole := newScene(t).parts
	for i, change := range []func(*logout.Parts){
		func(p *logout.Parts) { p.Kit = nil }, func(p *logout.Parts) { p.Guard = nil }, func(p *logout.Parts) { p.Issuer = "" },
		func(p *logout.Parts) { p.Clients = nil }, func(p *logout.Parts) { p.Ledger = nil }, func(p *logout.Parts) { p.Book = nil },
		func(p *logout.Parts) { p.Log = nil }, func(p *logout.Parts) { p.Keys = nil }, func(p *logout.Parts) { p.Now = nil },
	} {
		p := whole
		change(&p)
		if logout.Mount(p) == nil {
			t.Errorf("mounted without part %d", i)
		}
	}
}

// What a login issued is good no more once the session ended: a code on its way, an access token.
func TestLogoutTakesBack(t *testing.T) {
	t.Parallel()
	for _, name := range []txn.StateName{txn.NameGranted, txn.NameRedeemed} {
		t.Run(string(name), func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			login := storetest.NewLogin(issuer, s.clock.Now)
			if _, err := login.Reach(t.Context(), s.store, name); err != nil {
				t.Fatal(err)
			}
			other := storetest.NewLogin(issuer, s.clock.Now)
			if _, err := other.Reach(t.Context(), s.store, name); err != nil {
				t.Fatal(err)
			}
			b := s.loggedInBy("sp-1", login.ID.String())
			if p := b.end(s.full()); p.status != http.StatusSeeOther {
				t.Fatalf("%d: %s", p.status, p.body)
			}
			state, err := s.store.Load(t.Context(), issuer, login.ID)
			if ended, ok := state.(txn.Ended); err != nil || !ok || ended.Reason() != txn.ReasonLoggedOut {
				t.Errorf("%v, %v", state, err)
			}
			if state, err := s.store.Load(t.Context(), issuer, other.ID); err != nil || state.Name() != name {
				t.Errorf("the other login: %v, %v", state, err)
			}
			if taken := s.entries(audit.TokenRevoked); len(taken) != 1 || taken[0].Reason != "logged-out" || taken[0].Transaction != login.ID.String() {
				t.Errorf("audit entries %+v", taken)
			}
		})
	}
}
