package broker

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/audit"
	"pivot/server/internal/record"
)

// pushing is the base request as a client sends it ahead.
func (s scene) pushing(change url.Values) url.Values {
	v := s.changed(change)
	if !v.Has("client_assertion") && len(change["client_secret"]) == 0 {
		v.Set("client_secret", s.world.SP[0].Secret)
	}
	return v
}

// push sends a request ahead.
func (s scene) push(tb testing.TB, form url.Values, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodPost, s.issuer()+"/request", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// reference is the answer to a good pushed request (RFC 9126 §2.2).
func (s scene) reference(tb testing.TB, form url.Values) string {
	tb.Helper()
	a := s.push(tb, form)
	if a.status != http.StatusCreated {
		tb.Fatalf("status %d: %s", a.status, a.body)
	}
	onWire(tb, a, "application/json; charset=utf-8")
	members(tb, a.body, "request_uri", "expires_in")
	var got struct {
		URI  string `json:"request_uri"`
		Life int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		tb.Fatal(err)
	}
	if !strings.HasPrefix(got.URI, "urn:ietf:params:oauth:request_uri:") || len(got.URI) != 34+43 || got.Life != 60 {
		tb.Errorf("%+v", got)
	}
	return got.URI
}

// referring is an authorization request that refers to a pushed one.
func (s scene) referring(uri string, change url.Values) string {
	v := url.Values{"client_id": {s.world.SP[0].ClientID}, "request_uri": {uri}}
	maps.Copy(v, change)
	return v.Encode()
}

// TestPushed is a whole login by a pushed request: once, by its client, within a minute.
func TestPushed(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c)
	used := func(t *testing.T, a answer, id string) {
		t.Helper()
		onPage(t, a, 400, "Y04D5AB7")
		since := s.entries(t, audit.AuthorizeRefused)
		if last := since[len(since)-1]; last.Reason != "request-uri" || last.Client != id {
			t.Errorf("audit entry %+v", last)
		}
	}
	for _, method := range methods() {
		t.Run(method, func(t *testing.T) {
			uri := s.reference(t, s.pushing(withPKCE()))
			s.admitted(t, s.authorize(t, method, s.referring(uri, nil)))
			used(t, s.authorize(t, method, s.referring(uri, nil)), "")
		})
	}
	t.Run("login", func(t *testing.T) {
		code := s.granted(t, url.Values{"request_uri": {s.reference(t, s.pushing(withPKCE()))}})
		redeemed(t, s.token(t, s.exchange(code)), "openid given_name")
	})
	t.Run("late", func(t *testing.T) {
		uri := s.reference(t, s.pushing(nil))
		c.advance(61 * time.Second)
		used(t, s.authorize(t, http.MethodGet, s.referring(uri, nil)), "")
	})
	t.Run("unknown", func(t *testing.T) {
		used(t, s.authorize(t, http.MethodGet, s.referring("urn:ietf:params:oauth:request_uri:"+strings.Repeat("A", 43), nil)), "")
	})
	t.Run("another client", func(t *testing.T) {
		uri := s.reference(t, s.pushing(nil))
		used(t, s.authorize(t, http.MethodGet, s.referring(uri, url.Values{"client_id": {"other-sp"}})), "")
		s.admitted(t, s.authorize(t, http.MethodGet, s.referring(uri, nil))) // and it was not spent
	})
	t.Run("beside it", func(t *testing.T) {
		uri := s.reference(t, s.pushing(nil))
		for name, value := range map[string]string{
			"scope": "openid", "redirect_uri": "https://evil.example.com/", "state": "other", "acr_values": "eidas2", "code_challenge": pkceDigest,
		} {
			onPage(t, s.authorize(t, http.MethodGet, s.referring(uri, url.Values{name: {value}})), 400, "Y030007")
		}
		s.admitted(t, s.authorize(t, http.MethodGet, s.referring(uri, url.Values{"scope": {s.base().Get("scope")}, "unknown": {"x"}})))
	})
	t.Run("an address", func(t *testing.T) {
		onPage(t, s.authorize(t, http.MethodGet, s.referring("https://sp.example.org/request.jwt", nil)), 400, "Y030007")
	})
}

// TestPushedRefusals changes one thing in a pushed request that is good.
func TestPushedRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	json := func(code, description, y string) denial { return denial{400, code, description, y, ""} }
	parameter := func(name string) denial {
		return json("invalid_request", "invalid authorization request parameters: "+name, "Y030007")
	}
	for _, row := range []struct {
		name   string
		change url.Values
		want   denial
		event  audit.Event
	}{
		{"wrong secret", url.Values{"client_secret": {otherSecret}}, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"unknown client", url.Values{"client_id": {"nobody"}}, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"no client", url.Values{"client_id": nil}, invalidRequest("missing required parameter 'client_id'", "Y048017B"), audit.AuthorizeRefused},
		{"a reference", url.Values{"request_uri": {"urn:ietf:params:oauth:request_uri:x"}}, parameter("request_uri"), audit.AuthorizeRefused},
		{"no nonce", url.Values{"nonce": nil}, parameter("nonce"), audit.AuthorizeRefused},
		{"scope twice", url.Values{"scope": {"openid", "openid"}}, parameter("scope"), audit.AuthorizeRefused},
		{"another address", url.Values{"redirect_uri": {"https://evil.example.com/cb"}}, json("invalid_redirect_uri", "redirect_uri did not match any of the client's registered redirect_uris: redirect_uri", "Y04C013C"), audit.AuthorizeRefused},
		{"no openid", url.Values{"scope": {"given_name"}}, json("invalid_request", "openid scope must be requested when using the acr_values parameter", "Y04EE963"), audit.AuthorizeRefused},
		{"a level not served", url.Values{"acr_values": {"eidas1"}}, json("invalid_acr", "acr_value is not valid, should be equal one of these values, expected eidas2,eidas3, got eidas1", "Y100002"), audit.AuthorizeRefused},
		{"a token", url.Values{"response_type": {"token"}}, json("unsupported_response_type", "unsupported response_type requested", "Y0411646"), audit.AuthorizeRefused},
		{"plain", url.Values{"code_challenge": {pkceVerifier}, "code_challenge_method": {"plain"}}, json("invalid_request", "not supported value of code_challenge_method", "Y0468756"), audit.AuthorizeRefused},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.ClientAuthFailed, audit.AuthorizeRefused))
			s.denied(t, s.push(t, s.pushing(row.change)), row.want)
			if since := s.entries(t, audit.ClientAuthFailed, audit.AuthorizeRefused)[before:]; len(since) != 1 || since[0].Event != row.event || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	none := s.pushing(nil)
	none.Del("client_secret")
	s.denied(t, s.push(t, none), invalidRequest("no client authentication mechanism provided", "Y044FEB3"))
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		if a := knock(t, method, s.issuer()+"/request", ""); a.status != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, a.status)
		}
	}
	if a := knock(t, http.MethodPost, s.issuer()+"/request", "{}", "Content-Type", "application/json"); a.status != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", a.status)
	}
	if a := s.push(t, s.pushing(url.Values{"x": {strings.Repeat("a", 64<<10)}})); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("a big body: %d", a.status)
	}
	s.reference(t, s.pushing(nil))
}

// TestPushedOnly: what the record demands, the request cannot drop (RFC 9126 §6).
func TestPushedOnly(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.register(t, s.demoRecord(t, s.world.SP[0].ClientID, `profile     = "plus"`, "profile     = \"plus\"\nrequire_pushed_authorization_requests = true"))
	a := s.authorize(t, http.MethodGet, s.base().Encode())
	location, err := url.Parse(a.header.Get("Location"))
	if err != nil || a.status != http.StatusSeeOther || !strings.HasPrefix(location.String(), s.world.SP[0].Redirect+"?") ||
		location.Query().Get("error") != "invalid_request" || location.Query().Get("error_description") != "Pushed Authorization Request must be used" {
		t.Errorf("%d %s", a.status, location)
	}
	s.admitted(t, s.authorize(t, http.MethodGet, s.referring(s.reference(t, s.pushing(nil)), nil)))
}

// TestPushedRaced refers to one pushed request sixty-four times at once: one login begins.
func TestPushedRaced(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, n := range []int{2, racers} {
		uri := s.reference(t, s.pushing(nil))
		before := len(s.entries(t, audit.AuthorizeReceived))
		won, lost := winners(race(n, func(int) answer { return s.authorize(t, http.MethodGet, s.referring(uri, nil)) }), http.StatusSeeOther)
		if len(won) != 1 || len(s.entries(t, audit.AuthorizeReceived)) != before+1 {
			t.Fatalf("%d of %d began a login by one pushed request", len(won), n)
		}
		for _, a := range lost {
			onPage(t, a, 400, "Y04D5AB7")
		}
	}
}

// TestPushedAtRest: what is kept of a request is sealed, and its reference is kept as a hash.
func TestPushedAtRest(t *testing.T) {
	t.Parallel()
	s := start(t)
	uri := s.reference(t, s.pushing(nil))
	secret := uri[strings.LastIndexByte(uri, ':')+1:]
	if strings.Contains(s.log.String(), secret) {
		t.Error("the log holds the reference")
	}
	if _, err := s.broker.store.Get(t.Context(), record.Pushed, secret); err == nil {
		t.Error("the reference is stored as it is")
	}
	if text := fmt.Sprint(s.entries(t, audit.AuthorizePushed)); strings.Contains(text, secret) || !strings.Contains(text, s.world.SP[0].ClientID) {
		t.Error(text)
	}
}
