package main_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// visitor is a browser that reads pages, follows what goes on by itself, and stops at the service provider's door.
type visitor struct {
	client *http.Client
	door   string // the redirect URI
}

func newVisitor(t *testing.T, door string) visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return visitor{&http.Client{
		Jar: jar, Transport: &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}, door}
}

// sheet is a page, or the door of the service provider with what was brought there.
type sheet struct {
	at     *url.URL
	status int
	body   string
	door   bool
}

var (
	refreshing = regexp.MustCompile(`<meta http-equiv="refresh" content="[0-9]+; ?url=([^"]+)">`)
	calling    = regexp.MustCompile(`href="(pivot:[^"]+)"`)
	posting    = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">\s*<input type="hidden" name="csrfToken" value="([^"]+)">`)
)

func match(r *regexp.Regexp, s string) string {
	if m := r.FindStringSubmatch(s); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// link is the one that opens the companion.
func (s sheet) link() string { return match(calling, s.body) }

// form finds what a form that leads to a step sends.
func (s sheet) form(step string) (string, url.Values) {
	for _, m := range posting.FindAllStringSubmatch(s.body, -1) {
		if strings.HasSuffix(m[1], "/"+step) {
			return html.UnescapeString(m[1]), url.Values{"csrfToken": {html.UnescapeString(m[2])}}
		}
	}
	return "", nil
}

func (s sheet) String() string { return fmt.Sprintf("%d at %s:\n%s", s.status, s.at.Path, s.body) }

func (v visitor) request(ctx context.Context, method, address string, form url.Values) (sheet, error) {
	for range 10 {
		r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
		if err != nil {
			return sheet{}, err
		}
		if method == http.MethodPost {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", r.URL.Scheme+"://"+r.URL.Host)
		}
		for name, value := range map[string]string{
			"Accept": "text/html", "Accept-Language": "en", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
			"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document",
		} {
			r.Header.Set(name, value)
		}
		if r.URL.Hostname() == "127.0.0.1" {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		answer, err := v.client.Do(r)
		if err != nil {
			return sheet{}, err
		}
		body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
		if err = errors.Join(err, answer.Body.Close()); err != nil {
			return sheet{}, err
		}
		where, err := answer.Location()
		if err != nil {
			return sheet{at: r.URL, status: answer.StatusCode, body: string(body)}, nil
		}
		if strings.HasPrefix(where.String(), v.door+"?") {
			return sheet{at: where, status: answer.StatusCode, door: true}, nil
		}
		method, address, form = http.MethodGet, where.String(), nil
	}
	return sheet{}, errors.New("ten redirects")
}

// open goes to an address.
func (v visitor) open(t *testing.T, address string) sheet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	s, err := v.request(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// press presses the button of a form.
func (v visitor) press(t *testing.T, s sheet, step string) sheet {
	t.Helper()
	action, form := s.form(step)
	if form == nil {
		t.Fatalf("no form %q on %s", step, s)
	}
	to, err := s.at.Parse(action)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, err := v.request(ctx, http.MethodPost, to.String(), form)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// rest goes where the pages go by themselves, until one stays. Their answers are held back until something happened.
func (v visitor) rest(t *testing.T, s sheet) sheet {
	t.Helper()
	return v.resting(t, s)()
}

// resting is rest while the test does something else; what it gives waits for the end.
func (v visitor) resting(t *testing.T, s sheet) func() sheet {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	ended := make(chan error, 1)
	go func() {
		defer cancel()
		for {
			next := match(refreshing, s.body)
			if next == "" {
				ended <- nil
				return
			}
			to, err := s.at.Parse(next)
			if err == nil {
				s, err = v.request(ctx, http.MethodGet, to.String(), nil)
			}
			if err != nil {
				ended <- err
				return
			}
		}
	}()
	return func() sheet {
		t.Helper()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// begin has the service provider of the demonstration ask for a login, and stops at the page that calls the companion.
func (s *stage) begin(t *testing.T, level string) (visitor, sheet) {
	t.Helper()
	v := newVisitor(t, s.demo.SP[0].Redirect)
	page := v.open(t, s.demo.SP[0].URL+"login?level="+level)
	if page.link() == "" {
		t.Fatalf("no link to the companion: %s", page)
	}
	return v, page
}

// through is a login that comes to its end: the page that asks to go on, pressed, leads to the door with a code.
func (v visitor) through(t *testing.T, page sheet) sheet {
	t.Helper()
	return v.consent(t, v.rest(t, page))
}

// consent goes on to the service provider.
func (v visitor) consent(t *testing.T, page sheet) sheet {
	t.Helper()
	end := v.press(t, page, "consent")
	if !end.door || end.at.Query().Get("code") == "" {
		t.Fatalf("no code: %s", end)
	}
	return end
}

// refused is a login that comes to no code: the browser rests on a page that says so, leads back with an error, and whose
// login cannot be resumed.
func (v visitor) refused(t *testing.T, page sheet) sheet {
	t.Helper()
	end := v.rest(t, page)
	if end.door || end.status != http.StatusGone {
		t.Fatalf("the login is not over: %s", end)
	}
	if !strings.Contains(end.body, html.EscapeString(v.door+"?error=access_denied")) {
		t.Errorf("no way back: %s", end)
	}
	resume := strings.Replace(page.at.String(), "/interaction/", "/authorize/", 1)
	if again := v.open(t, resume); again.door || again.status < 400 {
		t.Errorf("resumed: %s", again)
	}
	return end
}
