package web_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

// Whatever is put into a token, over it or between its letters, it is accepted only if it is still the one that was made.
func FuzzToken(f *testing.F) {
	f.Add(uint8(0), uint8(0), "")
	f.Add(uint8(64), uint8(0), "\n")
	f.Add(uint8(63), uint8(1), "=")
	f.Add(uint8(22), uint8(10), "AAAAAAAAAA")
	f.Add(uint8(0), uint8(64), "")
	f.Fuzz(func(t *testing.T, at, over uint8, patch string) {
		g := newGuard(t, &spent{}, formKey)
		good := g.Token(step)
		from := min(int(at), len(good))
		token := good[:from] + patch + good[min(from+int(over), len(good)):]
		if err := g.Spend(t.Context(), step, token); (err == nil) != (token == good) {
			t.Errorf("%q for %q: %v", token, good, err)
		}
	})
}

// No origin adds anything to the policy but itself.
func FuzzMayLeaveFor(f *testing.F) {
	for _, seed := range []string{"https://sp.example.org", "http://127.0.0.1:*", "https://a; script-src *", "https://a 'self'", "https://\n"} {
		f.Add(seed)
	}
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		if err := kit.MayLeaveFor(&gin.Context{}, origin); err != nil {
			return
		}
		if strings.Count(origin, "/") != 2 || strings.ContainsAny(origin, "; ,'\"\r\n\t\\?#@") {
			t.Errorf("%q may stand in a policy", origin)
		}
	})
}

// Any target and body get an answer, never an internal error.
func FuzzForm(f *testing.F) {
	for _, seed := range []string{"", "a=b&c=d", "a=%zz", "%", "=&=&", "a;b", strings.Repeat("a&", 70)} {
		f.Add(seed)
	}
	kit, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	kit.Page(http.MethodPost, "/page", func(c *gin.Context) error {
		values, err := web.Form(c)
		if err != nil {
			return err
		}
		if len(values) > 64 {
			c.Status(http.StatusInternalServerError)
		}
		return done(c)
	})
	f.Fuzz(func(t *testing.T, body string) {
		if r := (scene{Kit: kit}).do(request(http.MethodPost, "/page", body, nil)); r.StatusCode >= 500 {
			t.Errorf("%q: %d", body, r.StatusCode)
		}
	})
}
