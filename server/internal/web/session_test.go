package web_test

import (
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

// The session cookie is one a browser and issuer, and no other host and no script can have a hand in it.
func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		issuer, name string
		secure       bool
	}{
		{"https://broker.example.org/api/v2", "__Host-pivot-plus", true},
		{"http://localhost:8080/api/v2", "pivot-plus", false},
	} {
		w := httptest.NewRecorder()
		c, _ := gin.CreateTestContext(w)
		k := sessionKit(t, row.issuer)
		value, hash := k.NewSession()
		k.KeepSession(c, value)
		set := w.Result().Cookies()
		if len(set) != 1 {
			t.Fatalf("%d cookies", len(set))
		}
		got := set[0]
		if got.Name != row.name || got.Value != value || got.Path != "/" || got.Domain != "" || !got.HttpOnly || got.Secure != row.secure ||
			got.SameSite != http.SameSiteLaxMode || got.MaxAge != 0 {
			t.Errorf("%+v", got)
		}
		raw, err := base64.RawURLEncoding.DecodeString(value)
		if err != nil || len(raw) != 32 || sha256.Sum256(raw) != hash {
			t.Errorf("value of %d bytes (%v), or another's hash", len(raw), err)
		}

		w = httptest.NewRecorder()
		c, _ = gin.CreateTestContext(w)
		k.EndSession(c)
		if set := w.Result().Cookies(); len(set) != 1 || set[0].Name != row.name || set[0].Value != "" || set[0].MaxAge >= 0 || set[0].Path != "/" || set[0].Secure != row.secure {
			t.Errorf("%+v", set)
		}
	}
}

func TestSession(t *testing.T) {
	t.Parallel()
	k := sessionKit(t, "https://broker.example.org/api/v2")
	value, hash := k.NewSession()
	if other, _ := k.NewSession(); other == value {
		t.Fatal("two sessions of one value")
	}
	const name = "__Host-pivot-plus"
	for _, row := range []struct {
		name, header string
		ok           bool
	}{
		{"as it was given", name + "=" + value, true},
		{"among others", "a=b; " + name + "=" + value + "; __Host-pivot-plus-lang=fr", true},
		{"none", "a=b", false},
		{"another issuer's", "__Host-pivot-standard=" + value, false},
		{"without its prefix", "pivot-plus=" + value, false},
		{"a login's", name + "-AAAAAAAAAAAAAAAA=" + value, false},
		{"two of its name", name + "=" + value + "; " + name + "=" + value, false},
		{"cut", name + "=" + value[:42], false},
		{"longer", name + "=" + value + "A", false},
		{"other characters", name + "=" + strings.Repeat("!", 43), false},
		{"empty", name + "=", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			c, _ := gin.CreateTestContext(httptest.NewRecorder())
			c.Request = httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			c.Request.Header.Set("Cookie", row.header)
			got, ok := k.Session(c)
			if ok != row.ok || ok && got != hash || !ok && got != [32]byte{} {
				t.Errorf("%x, %v", got, ok)
			}
		})
	}
}

func sessionKit(t *testing.T, issuer string) *web.Kit {
	t.Helper()
	k, err := web.New(web.Options{Issuer: issuer, Profile: "plus", Site: "Pivot", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return k
}
