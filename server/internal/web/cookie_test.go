package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

// Two transactions.
const (
	login      = "Zm9yIG9uZSBsb2dpbiBvbmx5LCBub3QgYW5vdGhlciE"
	otherLogin = "YW5vdGhlciBsb2dpbiBvZiB0aGUgc2FtZSBicm93c2Vy"
)

// seen is what a route knew of the browser.
type seen struct {
	hash  [32]byte
	known bool
}

func browsing(t *testing.T, change func(*web.Options)) (scene, *seen) {
	t.Helper()
	s, got := newScene(t, change), &seen{}
	s.Page(http.MethodGet, "/new", func(c *gin.Context) error { got.hash = s.NewBrowser(c, login, time.Hour); return done(c) })
	s.Page(http.MethodGet, "/see", func(c *gin.Context) error { got.hash, got.known = s.Browser(c, login); return done(c) })
	s.Page(http.MethodGet, "/other", func(c *gin.Context) error { got.hash, got.known = s.Browser(c, otherLogin); return done(c) })
	return s, got
}

func TestBrowserCookie(t *testing.T) {
	t.Parallel()
	s, got := browsing(t, nil)
	set := s.get("/new").Header.Get("Set-Cookie")
	name, value, _ := strings.Cut(strings.Split(set, ";")[0], "=")
	if name != "__Host-pivot-plus-"+login[:16] || len(value) != 43 {
		t.Fatalf("cookie %q", set)
	}
	for _, want := range []string{"; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax", "; Max-Age=3600"} {
		if !strings.Contains(set, want) {
			t.Errorf("%q lacks %q", set, want)
		}
	}
	if strings.Contains(set, "Domain") || strings.Contains(set, "Expires") {
		t.Errorf("%q", set)
	}
	hash := got.hash
	with := func(cookies ...string) seen {
		*got = seen{}
		s.do(request(http.MethodGet, "/see", "", func(r *http.Request) { r.Header["Cookie"] = cookies }))
		return *got
	}
	if back := with(name + "=" + value); !back.known || back.hash != hash {
		t.Error("the browser is not known again")
	}
	for what, cookies := range map[string][]string{
		"none":               nil,
		"another name":       {strings.TrimPrefix(name, "__Host-") + "=" + value},
		"another issuer's":   {strings.Replace(name, "plus", "standard", 1) + "=" + value},
		"two":                {name + "=" + value + "; " + name + "=" + value},
		"two in two headers": {name + "=" + value, name + "=" + strings.Repeat("A", 43)},
		"shorter":            {name + "=" + value[:42]},
		"longer":             {name + "=" + value + "A"},
		"padded":             {name + "=" + value + "="},
		"another alphabet":   {name + "=" + strings.Repeat("+", 43)},
		"empty":              {name + "="},
		"not canonical":      {name + "=" + strings.Repeat("A", 42) + "B"},
	} {
		if with(cookies...).known {
			t.Errorf("%s: known", what)
		}
	}
	if other := with(name + "=" + strings.Repeat("A", 43)); !other.known || other.hash == hash {
		t.Error("another browser is not another")
	}
	// The cookie of one login opens no other, in the same browser.
	*got = seen{}
	s.do(request(http.MethodGet, "/other", "", func(r *http.Request) { r.Header["Cookie"] = []string{name + "=" + value} }))
	if got.known {
		t.Error("the cookie of one login is taken for another")
	}
	if strings.Contains(s.log.String(), value) {
		t.Error("the cookie is in the log")
	}
}

func TestBrowsersDiffer(t *testing.T) {
	t.Parallel()
	s, got := browsing(t, nil)
	s.get("/new")
	first := got.hash
	s.get("/new")
	if first == got.hash || first == [32]byte{} {
		t.Error("two browsers share a cookie")
	}
}

func TestCookieOnLoopback(t *testing.T) {
	t.Parallel()
	s, _ := browsing(t, func(o *web.Options) { o.Issuer, o.Profile = "http://localhost:8090/api/v2", "standard" })
	set := s.do(request(http.MethodGet, "/new", "", func(r *http.Request) { r.Host = "localhost:8090" })).Header.Get("Set-Cookie")
	if !strings.HasPrefix(set, "pivot-standard-"+login[:16]+"=") || strings.Contains(set, "Secure") || !strings.Contains(set, "HttpOnly") {
		t.Errorf("cookie %q", set)
	}
}

// An API's answer carries no cookie, even where a language is asked for.
func TestAPISetsNoCookie(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.API(http.MethodGet, "/api", done)
	if cookies := s.get("/api?lang=en").Cookies(); len(cookies) != 0 {
		t.Errorf("cookies %v", cookies)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, query, cookie, accept string
		prefer                      []string
		want                        string
	}{
		{"nothing said", "", "", "", nil, "fr"},
		{"browser", "", "", "en-GB,en;q=0.9,fr;q=0.8", nil, "en"},
		{"browser, by weight", "", "", "en;q=0.3,fr;q=0.8", nil, "fr"},
		{"a language we lack, then one we have", "", "", "de, en;q=0.5", nil, "en"},
		{"a broken header", "", "", "en;q=x", nil, "fr"},
		{"a huge header", "", "", strings.Repeat("en,", 500), nil, "fr"},
		{"the service's wish before the browser's", "?ui_locales=en", "", "fr", nil, "en"},
		{"several wishes", "?ui_locales=de+en+fr", "", "", nil, "en"},
		{"the transaction's", "", "", "fr", []string{"en"}, "en"},
		{"the person's earlier choice before all of them", "?ui_locales=en", "fr", "en", []string{"en"}, "fr"},
		{"the person's choice", "?lang=en", "fr", "fr", []string{"fr"}, "en"},
		{"no language of ours", "?lang=de", "", "", nil, "fr"},
		{"two choices", "?lang=en&lang=fr", "", "", nil, "fr"},
		{"a cookie that is none", "", "en\x00", "", nil, "fr"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, nil)
			var got string
			s.Page(http.MethodGet, "/page", func(c *gin.Context) error {
				if tc.prefer != nil {
					s.Prefer(c, tc.prefer...)
				}
				got = s.Speaker(c).Language().String()
				return done(c)
			})
			r := s.do(request(http.MethodGet, "/page"+tc.query, "", func(r *http.Request) {
				r.Header.Set("Accept-Language", tc.accept)
				if tc.cookie != "" {
					r.Header.Set("Cookie", "__Host-pivot-plus-lang="+tc.cookie)
				}
			}))
			if got != tc.want {
				t.Errorf("speaks %s, want %s", got, tc.want)
			}
			if kept := len(r.Cookies()) == 1; kept != (tc.query == "?lang=en") {
				t.Errorf("cookies %v", r.Cookies())
			}
		})
	}
}

func TestLanguageIsKept(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var got string
	s.Page(http.MethodGet, "/page", func(c *gin.Context) error { got = s.Speaker(c).Language().String(); return done(c) })
	kept := s.get("/page?lang=en").Cookies()
	if len(kept) != 1 || !kept[0].HttpOnly || !kept[0].Secure {
		t.Fatalf("cookies %v", kept)
	}
	r := httptest.NewRequest(http.MethodGet, "/page", nil)
	r.Host = host
	r.AddCookie(kept[0])
	if s.do(r); got != "en" {
		t.Errorf("speaks %s", got)
	}
}
