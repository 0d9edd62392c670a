package web_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/oauth"
	"pivot/server/internal/web"
)

type diskFull struct{}

func (diskFull) Error() string  { return "store: no space left on /var/lib/pivot" }
func (diskFull) Reason() string { return "disk-full" }

func TestHealth(t *testing.T) {
	t.Parallel()
	fine := web.Probe{Name: "keys", Check: func(context.Context) error { return nil }}
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"well", nil, "ok"},
		{"a known cause", fmt.Errorf("probe: %w", diskFull{}), "disk-full"},
		{"an unknown one", errStore, "failing"},
	} {
		s := newScene(t, func(o *web.Options) {
			o.Probes = []web.Probe{fine, {Name: "store", Check: func(ctx context.Context) error {
				if _, bounded := ctx.Deadline(); !bounded {
					t.Error("a probe may wait for ever")
				}
				return tc.err
			}}}
		})
		r := s.get("/readyz")
		body := text(t, r)
		var got struct {
			Ready  bool
			Probes map[string]string
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if (r.StatusCode == http.StatusOK) != (tc.err == nil) || got.Ready != (tc.err == nil) || got.Probes["store"] != tc.want || got.Probes["keys"] != "ok" {
			t.Errorf("%s: %d %s", tc.name, r.StatusCode, body)
		}
		if strings.Contains(body, "/var/lib") || tc.err != nil && !strings.Contains(s.log.String(), "/var/lib") {
			t.Errorf("%s: the cause belongs in the log: %s", tc.name, body)
		}
		if r := s.get("/healthz"); r.StatusCode != http.StatusOK || text(t, r) != "ok\n" {
			t.Errorf("%s: healthz %d", tc.name, r.StatusCode)
		}
	}
}

// serve runs the kit as the broker does, on loopback.
func serve(t *testing.T, mount func(scene)) (scene, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := newScene(t, func(o *web.Options) { o.Issuer = "http://" + l.Addr().String() + "/api/v2" })
	mount(s)
	server := web.NewServer(s, slog.New(slog.NewTextHandler(s.log, nil)))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return s, l.Addr().String()
}

func TestServerRefusesBigHeaders(t *testing.T) {
	t.Parallel()
	_, addr := serve(t, func(s scene) { s.Page(http.MethodGet, "/page", done) })
	for size, want := range map[int]string{8 << 10: "200", 64 << 10: "431"} {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		// The server may answer and close before all is written.
		go fmt.Fprintf(conn, "GET /page HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-Big: %s\r\n\r\n", addr, strings.Repeat("x", size))
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, want) {
			t.Errorf("%d bytes of headers: %q %v, want %s", size, line, err, want)
		}
	}
}

func TestServerHasEveryTimeout(t *testing.T) {
	t.Parallel()
	s := web.NewServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, d := range map[string]time.Duration{
		"header": s.ReadHeaderTimeout, "read": s.ReadTimeout, "write": s.WriteTimeout, "idle": s.IdleTimeout,
	} {
		if d <= 0 || d > 2*time.Minute {
			t.Errorf("%s timeout %v", name, d)
		}
	}
	if s.MaxHeaderBytes <= 0 || s.MaxHeaderBytes > 64<<10 || s.ErrorLog == nil {
		t.Errorf("headers up to %d, log %v", s.MaxHeaderBytes, s.ErrorLog)
	}
}

func TestHandlersHaveADeadline(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	var bounded bool
	s.Page(http.MethodGet, "/page", func(c *gin.Context) error {
		_, bounded = c.Request.Context().Deadline()
		return done(c)
	})
	if s.get("/page"); !bounded {
		t.Error("a handler may work for ever")
	}
}

// No part of a request that could be a secret or a name may reach the log, whatever the answer.
func TestLogHoldsNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	const mark = "S3CR3T"
	s, addr := serve(t, func(s scene) {
		for _, err := range []error{nil, oauth.FaultParameters.Err(), oauth.PageError{Err: oauth.FaultParameters.Err(), Parameter: "state"}} {
			path := "/page"
			if err != nil {
				path = "/refused" + fmt.Sprintf("%T", err)[6:]
			}
			handle := func(c *gin.Context) error {
				if _, ferr := web.Form(c); c.Request.Method == http.MethodPost && ferr != nil {
					return ferr
				}
				if _, qerr := web.Query(c); qerr != nil {
					return qerr
				}
				if err != nil {
					return err
				}
				return s.Render(c, http.StatusOK, assets.HomePage{})
			}
			s.Page(http.MethodGet, web.Path(path+"/:id"), handle)
			s.Page(http.MethodPost, web.Path(path+"/:id"), handle)
		}
		s.API(http.MethodPost, "/token", func(c *gin.Context) error { _, err := web.Form(c); return errors.Join(err, oauth.FaultGrant.Err()) })
	})
	lines := 0
	for _, method := range []string{"GET", "POST", mark} {
		for _, target := range []string{"/page/", "/refusedError/", "/refusedPageError/", "/none/", "/token"} {
			for _, query := range []string{"", "?code=" + mark, "?code=" + mark + "%zz", "?" + strings.Repeat(mark, 2000)} {
				path := target
				if strings.HasSuffix(path, "/") {
					path += mark
				}
				r, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+path+query, strings.NewReader("client_secret="+mark+"%zz"))
				if err != nil {
					t.Fatal(err)
				}
				for _, name := range []string{"Cookie", "Authorization", "User-Agent", "Referer", "X-Forwarded-For", "Accept-Language", "X-" + mark} {
					r.Header.Set(name, mark+"="+mark)
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				answer, err := http.DefaultTransport.RoundTrip(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				lines++
			}
		}
	}
	log := s.log.String()
	if strings.Contains(log, mark) {
		t.Errorf("the log holds a secret:\n%s", log)
	}
	if got := strings.Count(log, "msg=request"); got < lines-1 { // the last line may still be on its way
		t.Errorf("%d lines for %d requests", got, lines)
	}
	for _, want := range []string{"route=/page/:id", "route=none", "method=other", "status=405", "code=Y030007", "took="} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
}

func TestRefreshedPageOfAFormKeepsItsSwitch(t *testing.T) {
	t.Parallel()
	s := newScene(t, nil)
	render := func(c *gin.Context) error {
		return s.Render(c, http.StatusUnprocessableEntity, assets.ReleasePage{Service: service, Level: "eidas2", Consent: true, Unticked: true})
	}
	s.Page(http.MethodPost, "/form/:id", render)
	s.Page(http.MethodPost, "/both/:id", render)
	s.Page(http.MethodGet, "/both/:id", render)
	both := text(t, s.do(request(http.MethodPost, "/both/x", "", nil)))
	if !strings.Contains(both, `href="/both/x?lang=en"`) {
		t.Error("a page that can be opened again has no switch")
	}
	if form := text(t, s.do(request(http.MethodPost, "/form/x", "", nil))); strings.Contains(form, "lang=en") {
		t.Error("the switch leads to an address that cannot be opened")
	}
}
