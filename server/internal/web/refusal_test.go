package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/oauth"
	"pivot/server/internal/web"
)

var incident = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}`)

// failing mounts one page and one API that both fail alike.
func failing(t *testing.T, err error) scene {
	t.Helper()
	s := newScene(t, func(o *web.Options) { o.Help = "https://help.example.org/" })
	s.Page(http.MethodGet, "/page", func(*gin.Context) error { return err })
	s.Page(http.MethodPost, "/page", func(*gin.Context) error { return err })
	s.API(http.MethodGet, "/api", func(*gin.Context) error { return err })
	return s
}

func TestRefusalOnAPage(t *testing.T) {
	t.Parallel()
	back := &assets.Way{Service: service, URL: "/api/v2/back"}
	for _, tc := range []struct {
		name         string
		err          error
		status       int
		holds, lacks []string
	}{
		{"a page error", oauth.PageError{Err: oauth.FaultParameters.Err(), Parameter: "nonce"}, 400, []string{"Y030007", "nonce", "incomplète ou mal formée"}, []string{"Revenir sur"}},
		{"wrapped", fmt.Errorf("op: %w", oauth.FaultUnknownClient.Err()), 400, []string{"Y04EA6EF"}, []string{"op:"}},
		{"with a way back", &web.Refusal{Err: oauth.FaultNavigation.Err(), Back: back}, 400, []string{"Y420001", "Revenir sur Caisse d&#39;essai", `href="/api/v2/back"`}, nil},
		{"with a cause", &web.Refusal{Err: oauth.FaultUnavailable.Err(), Cause: errStore}, 503, []string{"Y190005"}, []string{"disk", "/var/lib"}},
		{"a redirect without an address", oauth.FaultScope.Err(), 400, []string{"Y044D706"}, nil},
		{"internal", errStore, 500, []string{"Y000000", "de notre côté"}, []string{"disk", "/var/lib", "store:"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := failing(t, tc.err)
			r := s.get("/page")
			page := text(t, r)
			if r.StatusCode != tc.status || r.Header.Get("Location") != "" || r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("status %d, want %d; %v", r.StatusCode, tc.status, r.Header)
			}
			for _, want := range append(tc.holds, "https://help.example.org/") {
				if !strings.Contains(page, want) {
					t.Errorf("lacks %q", want)
				}
			}
			for _, never := range tc.lacks {
				if strings.Contains(page, never) {
					t.Errorf("holds %q", never)
				}
			}
			id := incident.FindString(page)
			if id == "" || !strings.Contains(s.log.String(), id) {
				t.Errorf("incident %q is not in the log:\n%s", id, s.log)
			}
		})
	}
}

func TestInternalErrorIsLoggedWithItsID(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"unknown error":        errStore,
		"cause of a refusal":   &web.Refusal{Err: oauth.FaultUnavailable.Err(), Cause: errStore},
		"joined with a status": errors.Join(oauth.FaultInternal.Err(), errStore),
	} {
		s := failing(t, err)
		id := incident.FindString(text(t, s.get("/page")))
		if log := s.log.String(); !strings.Contains(log, "disk I/O error") || strings.Count(log, id) != 2 {
			t.Errorf("%s: the log does not tie %s to its cause:\n%s", name, id, log)
		}
	}
	// What a stranger can cause is not an error of ours.
	s := failing(t, &web.Refusal{Err: oauth.FaultParameters.Err(), Cause: errStore})
	s.get("/page")
	if log := s.log.String(); strings.Contains(log, "ERROR") || strings.Contains(log, "disk") {
		t.Errorf("a refused request logged as an error:\n%s", log)
	}
}

func TestRefusalToTheClientRedirects(t *testing.T) {
	t.Parallel()
	target := oauth.RestoreTarget("https://sp.example.org/cb", "st te")
	for _, err := range []error{target.Refuse(oauth.FaultUserAborted), fmt.Errorf("login: %w", target.Refuse(oauth.FaultUserAborted))} {
		r := failing(t, err).get("/page")
		if r.StatusCode != http.StatusSeeOther || text(t, r) != "" {
			t.Fatalf("status %d", r.StatusCode)
		}
		u, err := url.Parse(r.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Host != "sp.example.org" || q.Get("error") != "access_denied" || q.Get("state") != "st te" || q.Get("iss") != issuer {
			t.Errorf("location %s", u)
		}
	}
}

func TestRefusalOfAnAPI(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err       error
		status    int
		code, y   string
		challenge string
	}{
		{oauth.FaultAuthSecret.Err(), 401, "invalid_client", "Y0434A7B", ""},
		{fmt.Errorf("op: %w", oauth.FaultGrant.Err()), 400, "invalid_grant", "Y049E20B", ""},
		{oauth.FaultBearer.Err(), 401, "invalid_token", "Y040001", `Bearer error="invalid_token"`},
		{oauth.FaultBearerMissing.Err(), 401, "invalid_token", "Y04146A2", "Bearer"},
		{errStore, 500, "server_error", "Y000000", ""},
	} {
		s := failing(t, tc.err)
		r := s.get("/api")
		body := text(t, r)
		var got map[string]string
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		if r.StatusCode != tc.status || got["error"] != tc.code || got["error_description"] == "" || len(got) != 3 {
			t.Errorf("%v: %d %v", tc.err, r.StatusCode, got)
		}
		if challenge := r.Header.Get("WWW-Authenticate"); challenge != tc.challenge {
			t.Errorf("%v: challenge %q, want %q", tc.err, challenge, tc.challenge)
		}
		if strings.Contains(body, "disk") || len(r.Cookies()) != 0 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%s %v", body, r.Header)
		}
		u, err := url.Parse(got["error_uri"])
		if err != nil || u.Query().Get("code") != tc.y || !strings.Contains(s.log.String(), u.Query().Get("id")) {
			t.Fatalf("error_uri %q: %v", got["error_uri"], err)
		}
		if page := s.get(u.RequestURI()); page.StatusCode != http.StatusOK || !strings.Contains(text(t, page), tc.y) {
			t.Errorf("error_uri leads to %d", page.StatusCode)
		}
	}
}

// Every code that a person may meet has its own sentence in both languages, and every other one can be looked up.
func TestEveryCodeIsExplained(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	codes := map[string]bool{"Y000400": true, "Y000403": true, "Y000404": true, "Y000405": true, "Y000413": true, "Y000414": true, "Y000415": true, "Y000421": true}
	for _, e := range oauth.Catalogue() {
		codes[e.Y] = codes[e.Y] || e.Place == oauth.OnPage
	}
	for code, met := range codes {
		for _, lang := range assets.Languages() {
			r := s.get(string(web.PathExplain) + "?code=" + code + "&lang=" + lang.String())
			speaker, err := assets.NewSpeaker(lang.String())
			if err != nil {
				t.Fatal(err)
			}
			if r.StatusCode != http.StatusOK || !strings.Contains(text(t, r), code) {
				t.Errorf("%s: %d", code, r.StatusCode)
			}
			if !speaker.Has("advice." + code) {
				t.Errorf("%s does not say what to check in %s", code, lang)
			}
			if met && !speaker.Has("page.error."+code) {
				t.Errorf("%s has no sentence in %s", code, lang)
			}
		}
	}
	for _, query := range []string{"", "?code=", "?code=Y999999", "?code=Y030007&id=me@example.org", "?code=<script>", "?code=%zz"} {
		if r := s.get(string(web.PathExplain) + query); r.StatusCode < 400 || strings.Contains(text(t, r), "example.org") {
			t.Errorf("%q: %d", query, r.StatusCode)
		}
	}
}

// The language of an error page can be switched, whatever request brought it.
func TestErrorPageSwitchesLanguage(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`<a lang="en" hreflang="en" href="([^"]+)"`)
	follow := func(s scene, r *http.Response) string {
		m := link.FindStringSubmatch(text(t, r))
		if m == nil {
			t.Fatal("no switch")
		}
		return text(t, s.get(strings.ReplaceAll(m[1], "&amp;", "&")))
	}
	s := failing(t, oauth.FaultNavigation.Err())
	if page := follow(s, s.do(request(http.MethodPost, "/page", "a=b", nil))); !strings.Contains(page, "This step cannot be done twice") || !incident.MatchString(page) {
		t.Error("after a POST, the switch loses the error")
	}
	s = failing(t, &web.Refusal{Err: oauth.FaultNavigation.Err(), Back: &assets.Way{Service: service, URL: "/back"}})
	if page := follow(s, s.get("/page?a=b")); !strings.Contains(page, "Go back to Caisse") {
		t.Error("after a GET, the switch loses the way back")
	}
}

func TestPanicIsAnInternalError(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	s.Page(http.MethodGet, "/page", func(*gin.Context) error { panic("secret-of-the-handler") })
	s.API(http.MethodGet, "/api", func(*gin.Context) error { panic(errStore) })
	for path, want := range map[string]string{"/page": "<h1>", "/api": `"server_error"`} {
		r := s.get(path)
		if body := text(t, r); r.StatusCode != http.StatusInternalServerError || !strings.Contains(body, want) || strings.Contains(body, "secret") {
			t.Errorf("%s: %d %s", path, r.StatusCode, body)
		}
	}
	if log := s.log.String(); strings.Contains(log, "secret-of") || !strings.Contains(log, "refusal_test.go") || !strings.Contains(log, "panic of type string") {
		t.Errorf("log:\n%s", log)
	}
}

// An answer begun cannot be taken back: the connection is cut, so that nobody takes it for a whole one.
func TestFailureAfterTheAnswerBegan(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"an error": func() error { return errStore },
		"a panic":  func() error { panic("half") },
	} {
		s, addr := serve(t, func(s scene) {
			s.Page(http.MethodGet, "/half", func(c *gin.Context) error {
				c.String(http.StatusOK, "half")
				return fail()
			})
			s.Page(http.MethodGet, "/whole", done)
		})
		for path, whole := range map[string]bool{"/half": false, "/whole": true} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := http.DefaultTransport.RoundTrip(r)
			if err == nil {
				_, err = io.ReadAll(answer.Body)
				answer.Body.Close()
			}
			if (err == nil) != whole {
				t.Errorf("%s, %s: %v", name, path, err)
			}
		}
		if !strings.Contains(s.log.String(), "refused by an error of our own") {
			t.Errorf("%s: the cause is lost", name)
		}
	}
}
