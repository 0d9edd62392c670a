package web_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

// reading mounts a page and an API that read a form, and a page that reads its query.
func reading(t *testing.T, got *url.Values) scene {
	t.Helper()
	s := newScene(t, nil)
	form := func(c *gin.Context) error {
		values, err := web.Form(c)
		if err != nil {
			return err
		}
		*got = values
		return done(c)
	}
	s.Page(http.MethodPost, "/page", form)
	s.API(http.MethodPost, "/api", form)
	s.Page(http.MethodGet, "/page", func(c *gin.Context) error {
		values, err := web.Query(c)
		if err != nil {
			return err
		}
		*got = values
		return done(c)
	})
	return s
}

func TestBounds(t *testing.T) {
	t.Parallel()
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for _, tc := range []struct {
		name, method, target, body string
		change                     func(*http.Request)
		want                       int
	}{
		{"a form", "POST", "/page", "a=b", nil, 200},
		{"a form of another spelling", "POST", "/page", "a=b", header("Content-Type", "Application/X-WWW-Form-URLEncoded; charset=UTF-8"), 200},
		{"another charset", "POST", "/page", "a=b", header("Content-Type", "application/x-www-form-urlencoded; charset=latin1"), 415},
		{"JSON", "POST", "/page", `{"a":"b"}`, header("Content-Type", "application/json"), 415},
		{"text", "POST", "/page", "a=b", header("Content-Type", "text/plain"), 415},
		{"several parts", "POST", "/page", "a=b", header("Content-Type", "multipart/form-data; boundary=x"), 415},
		{"no type", "POST", "/page", "a=b", header("Content-Type", ""), 415},
		{"a broken type", "POST", "/page", "a=b", header("Content-Type", "application/x-www-form-urlencoded; ="), 415},
		{"compressed", "POST", "/page", "a=b", header("Content-Encoding", "gzip"), 415},
		{"the longest body", "POST", "/page", "a=" + strings.Repeat("b", 64<<10-2), nil, 200},
		{"a longer body", "POST", "/page", "a=" + strings.Repeat("b", 64<<10-1), nil, 413},
		{"the most parameters", "POST", "/page", strings.Repeat("a=b&", 63), nil, 200},
		{"more parameters", "POST", "/page", strings.Repeat("a=b&", 64), nil, 400},
		{"a broken escape", "POST", "/page", "a=%zz", nil, 400},
		{"a semicolon", "POST", "/page", "a=b;c=d", nil, 400},
		{"a query", "GET", "/page?a=b", "", nil, 200},
		{"a broken query", "GET", "/page?a=%zz", "", nil, 400},
		{"a query of many", "GET", "/page?" + strings.Repeat("a&", 64), "", nil, 400},
		{"the longest address", "GET", "/page?a=" + strings.Repeat("b", 8<<10-8), "", nil, 200},
		{"a longer address", "GET", "/page?a=" + strings.Repeat("b", 8<<10-7), "", nil, 414},
		{"no such page", "GET", "/pages", "", nil, 404},
		{"a slash more", "GET", "/page/", "", nil, 404},
		{"a slash within", "GET", "//page", "", nil, 404},
		{"another case", "GET", "/Page", "", nil, 404},
		{"another method", "DELETE", "/page", "", nil, 405},
		{"an unknown method", "BREW", "/page", "", nil, 405},
		{"a preflight", "OPTIONS", "/page", "", nil, 405},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got url.Values
			s := reading(t, &got)
			r := s.do(request(tc.method, tc.target, tc.body, tc.change))
			body := text(t, r)
			if r.StatusCode != tc.want {
				t.Fatalf("status %d, want %d", r.StatusCode, tc.want)
			}
			if tc.want == 200 && got == nil || tc.want != 200 && (got != nil || !strings.Contains(body, "Y000")) {
				t.Errorf("read %v, answered %.200s", got, body)
			}
			if allow := r.Header.Get("Allow"); tc.want == 405 && !strings.Contains(allow, "GET") {
				t.Errorf("Allow %q", allow)
			}
		})
	}
}

func TestBoundsOfAnAPIAreJSON(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, body, media string
		want                      int
	}{
		{"a form", "POST", "a=b", "application/x-www-form-urlencoded", 200},
		{"JSON", "POST", "{}", "application/json", 415},
		{"a long body", "POST", strings.Repeat("a", 65<<10), "application/x-www-form-urlencoded", 413},
		{"another method", "GET", "", "", 405},
	} {
		var got url.Values
		s := reading(t, &got)
		r := s.do(request(tc.method, "/api", tc.body, func(r *http.Request) { r.Header.Set("Content-Type", tc.media) }))
		var refusal struct{ Error string }
		if r.StatusCode != tc.want || tc.want != 200 && (json.Unmarshal([]byte(text(t, r)), &refusal) != nil || refusal.Error != "invalid_request") {
			t.Errorf("%s: %d %+v", tc.name, r.StatusCode, refusal)
		}
	}
}

// A form is its body: what a link carries in the address must not pass for what a person sent.
func TestFormIsNotMixedWithTheQuery(t *testing.T) {
	t.Parallel()
	var got url.Values
	s := reading(t, &got)
	s.do(request(http.MethodPost, "/page?consent=yes&a=1", "a=2&a=3", nil))
	if got.Has("consent") || len(got["a"]) != 2 || got["a"][0] != "2" {
		t.Errorf("form %v", got)
	}
}

func TestOtherSitesFormsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, site, origin, path string
		want                     int
	}{
		{"our own page", "same-origin", issuer[:len(issuer)-len("/api/v2")], "/page", 200},
		{"typed by hand", "none", "", "/page", 200},
		{"not a browser", "", "", "/page", 200},
		{"an old browser, our own page", "", "https://" + host, "/page", 200},
		{"another site", "cross-site", "https://evil.example", "/page", 403},
		{"a neighbour", "same-site", "https://other.example.org", "/page", 403},
		{"an old browser, another site", "", "https://evil.example", "/page", 403},
		{"no origin at all", "cross-site", "null", "/page", 403},
		{"an authorization request, by design from a service", "cross-site", "https://sp.example.org", string(web.PathAuthorize), 200},
		{"below it, not", "cross-site", "https://sp.example.org", string(web.PathAuthorize) + "/x", 403},
	} {
		s := newScene(t, nil)
		reached := false
		for _, path := range []web.Path{"/page", web.PathAuthorize, web.PathResume} {
			s.Page(http.MethodPost, path, func(c *gin.Context) error { reached = true; return done(c) })
		}
		r := s.do(request(http.MethodPost, tc.path, "", func(r *http.Request) {
			for name, value := range map[string]string{"Sec-Fetch-Site": tc.site, "Origin": tc.origin} {
				if value != "" {
					r.Header.Set(name, value)
				}
			}
		}))
		if r.StatusCode != tc.want || reached != (tc.want == 200) {
			t.Errorf("%s: %d, want %d; reached %v", tc.name, r.StatusCode, tc.want, reached)
		}
	}
}
