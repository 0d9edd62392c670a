package web_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

const (
	host    = "broker.example.org"
	issuer  = "https://" + host + "/api/v2"
	service = "Caisse d'essai"
)

// journal is a log that tests read, written to by many requests.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.String()
}

// scene is a kit as the broker would mount it, and its log.
type scene struct {
	*web.Kit
	log *journal
}

func newScene(t *testing.T, change func(*web.Options)) scene {
	t.Helper()
	log := &journal{}
	o := web.Options{
		Issuer: issuer, Profile: "plus", Site: "Pivot",
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&o)
	}
	k, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return scene{k, log}
}

// request is a browser's request to the broker, with the fields that a row changes.
func request(method, target, body string, change func(*http.Request)) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Host = host
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if change != nil {
		change(r)
	}
	return r
}

func (s scene) do(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func (s scene) get(target string) *http.Response {
	return s.do(request(http.MethodGet, target, "", nil))
}

func text(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func done(c *gin.Context) error {
	c.String(http.StatusOK, "done")
	return nil
}
