package web_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/web"
)

func TestNewRefusesOptions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*web.Options)
		fine   bool
	}{
		{"as it is", func(*web.Options) {}, true},
		{"loopback over http", func(o *web.Options) { o.Issuer = "http://localhost:8080/api/v2" }, true},
		{"loopback address over http", func(o *web.Options) { o.Issuer = "http://127.0.0.1:8080/api/v2" }, true},
		{"elsewhere over http", func(o *web.Options) { o.Issuer = "http://broker.example.org/api/v2" }, false},
		{"a name that begins like loopback", func(o *web.Options) { o.Issuer = "http://localhost.example.org/api/v2" }, false},
		{"another path", func(o *web.Options) { o.Issuer = "https://broker.example.org/api/v3" }, false},
		{"no path", func(o *web.Options) { o.Issuer = "https://broker.example.org" }, false},
		{"a query", func(o *web.Options) { o.Issuer += "?a" }, false},
		{"no host", func(o *web.Options) { o.Issuer = "https:///api/v2" }, false},
		{"no issuer", func(o *web.Options) { o.Issuer = "" }, false},
		{"no log", func(o *web.Options) { o.Log = nil }, false},
		{"no site", func(o *web.Options) { o.Site = "" }, false},
		{"no profile", func(o *web.Options) { o.Profile = "" }, false},
		{"a profile that is no cookie name", func(o *web.Options) { o.Profile = "plus; Path=/x" }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)}
			tc.change(&o)
			if _, err := web.New(o); (err == nil) != tc.fine {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestEveryAnswerIsProtected(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"https", "http"} {
		s := newScene(t, func(o *web.Options) {
			if scheme == "http" {
				o.Issuer = "http://localhost:8080/api/v2"
			}
		})
		s.Page(http.MethodGet, "/page", done)
		s.API(http.MethodGet, "/api", done)
		for _, path := range []string{"/page", "/api", "/none", "/healthz", "/readyz", "/static/none"} {
			r := s.do(request(http.MethodGet, path, "", func(r *http.Request) {
				if scheme == "http" {
					r.Host = "localhost:8080"
				}
			}))
			for name, want := range map[string]string{
				"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
				"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s %s: %s is %q, want %q", scheme, path, name, got, want)
				}
			}
			policy := r.Header.Get("Content-Security-Policy")
			for _, want := range []string{"default-src 'none'", "form-action 'self'", "frame-src pivot:;", "frame-ancestors 'none'", "base-uri 'none'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("%s: policy %q lacks %q", path, policy, want)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
				t.Errorf("%s: policy %q", path, policy)
			}
			if got := r.Header.Get("Strict-Transport-Security") != ""; got != (scheme == "https") {
				t.Errorf("%s %s: HSTS %v", scheme, path, got)
			}
			if !strings.Contains(r.Header.Get("Permissions-Policy"), "camera=()") || len(r.Cookies()) != 0 {
				t.Errorf("%s: permissions %q, cookies %v", path, r.Header.Get("Permissions-Policy"), r.Cookies())
			}
		}
	}
}

func TestFormsMayEndAtOneOriginMore(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		origin string
		fine   bool
	}{
		{"https://sp.example.org", true},
		{"https://sp.example.org:8443", true},
		{"http://127.0.0.1:8081", true},
		{"http://127.0.0.1:*", true},
		{"", false},
		{"*", false},
		{"https:", false},
		{"https://*", false},
		{"https://*.example.org", false},
		{"http://127.0.0.2:*", false},
		{"https://sp.example.org/path", false},
		{"https://sp.example.org; script-src *", false},
		{"https://sp.example.org 'unsafe-inline'", false},
		{"https://sp.example.org\r\nX: y", false},
		{"https://sp.example.org,https://evil.example", false},
		{"https://user@sp.example.org", false},
		{"https://[::1]:8080", false},
		{"javascript:alert(1)", false},
		{"data:", false},
	} {
		s := newScene(t, nil)
		s.Page(http.MethodGet, "/leave", func(c *gin.Context) error {
			if err := s.MayLeaveFor(c, tc.origin); err != nil {
				return err
			}
			return s.Render(c, http.StatusOK, assets.HomePage{})
		})
		r := s.get("/leave")
		policy := r.Header.Get("Content-Security-Policy")
		if tc.fine != (r.StatusCode == http.StatusOK) {
			t.Errorf("%q: status %d", tc.origin, r.StatusCode)
		}
		if named := strings.Contains(policy, "form-action 'self' "+tc.origin+";"); tc.fine != (named && tc.origin != "") {
			t.Errorf("%q: policy %q", tc.origin, policy)
		}
	}
}

func TestOtherHostsAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		issuer, host string
		want         int
	}{
		{issuer, host, http.StatusOK},
		{issuer, strings.ToUpper(host), http.StatusOK},
		{issuer, host + ":443", http.StatusOK},
		{issuer, host + ":80", http.StatusMisdirectedRequest},
		{issuer, host + ".", http.StatusMisdirectedRequest},
		{issuer, "evil.example", http.StatusMisdirectedRequest},
		{issuer, "evil.example/" + host, http.StatusMisdirectedRequest},
		{issuer, "", http.StatusMisdirectedRequest},
		{"http://localhost:8080/api/v2", "localhost:8080", http.StatusOK},
		{"http://localhost:8080/api/v2", "127.0.0.1:8080", http.StatusMisdirectedRequest},
		{"http://localhost:8080/api/v2", "rebound.example:8080", http.StatusMisdirectedRequest},
	} {
		s := newScene(t, func(o *web.Options) { o.Issuer = tc.issuer })
		s.Page(http.MethodGet, "/page", done)
		set := func(r *http.Request) { r.Host = tc.host; r.Header.Set("X-Forwarded-Host", host) }
		if got := s.do(request(http.MethodGet, "/page", "", set)).StatusCode; got != tc.want {
			t.Errorf("%s at %s: %d, want %d", tc.host, tc.issuer, got, tc.want)
		}
		if got := s.do(request(http.MethodGet, "/healthz", "", set)).StatusCode; got != http.StatusOK {
			t.Errorf("a probe at %s: %d", tc.host, got)
		}
	}
}

func TestForwardedAddressIsBelievedFromProxiesAlone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ peer, want string }{
		{"10.0.0.7:1234", "203.0.113.9"}, // a proxy of ours
		{"192.0.2.1:1234", "192.0.2.1"},  // anybody
	} {
		s := newScene(t, func(o *web.Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
		var got string
		s.Page(http.MethodGet, "/page", func(c *gin.Context) error { got = c.ClientIP(); return done(c) })
		s.do(request(http.MethodGet, "/page", "", func(r *http.Request) {
			r.RemoteAddr = tc.peer
			r.Header.Set("X-Forwarded-For", "203.0.113.9")
			r.Header.Set("X-Real-IP", "203.0.113.66")
		}))
		if got != tc.want {
			t.Errorf("from %s: %q, want %q", tc.peer, got, tc.want)
		}
	}
}

// Without proxies, which is the default, nobody is believed.
func TestForwardedAddressWithoutProxies(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var got string
	s.Page(http.MethodGet, "/page", func(c *gin.Context) error { got = c.ClientIP(); return done(c) })
	s.do(request(http.MethodGet, "/page", "", func(r *http.Request) {
		r.RemoteAddr = "127.0.0.1:1234"
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
	}))
	if got != "127.0.0.1" {
		t.Errorf("client %q", got)
	}
}

func TestSeeOtherHasNoBody(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Page(http.MethodGet, "/go", func(c *gin.Context) error {
		s.SeeOther(c, "https://sp.example.org/cb?code=abc")
		return nil
	})
	r := s.get("/go")
	if r.StatusCode != http.StatusSeeOther || r.Header.Get("Location") != "https://sp.example.org/cb?code=abc" || text(t, r) != "" {
		t.Errorf("%d to %q", r.StatusCode, r.Header.Get("Location"))
	}
}

func TestFilesAreServedForEver(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Page(http.MethodGet, "/page", func(c *gin.Context) error { return s.Render(c, http.StatusOK, assets.HomePage{}) })
	page := text(t, s.get("/page"))
	_, rest, _ := strings.Cut(page, `rel="stylesheet" href="`)
	sheet, _, _ := strings.Cut(rest, `"`)
	r := s.get(sheet)
	if r.StatusCode != http.StatusOK || r.Header.Get("Content-Type") != "text/css; charset=utf-8" || !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", sheet, r.StatusCode, r.Header)
	}
	if r := s.get(sheet + "x"); r.StatusCode != http.StatusNotFound {
		t.Errorf("another name: %d", r.StatusCode)
	}
}

func TestHandlersNeedNoPrefix(t *testing.T) {
	t.Parallel()
	for path, want := range map[web.Path]string{
		web.PathResume: "/api/v2/authorize/abc", web.PathConsent: "/api/v2/interaction/abc/consent", web.PathToken: "/api/v2/token",
	} {
		if got := path.For("abc"); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

var errStore = errors.New("store: disk I/O error at /var/lib/pivot/pivot.db")
