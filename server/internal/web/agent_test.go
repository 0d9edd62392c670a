package web_test

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

func TestAgent(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ claimed, want string }{
		{"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0", "Edge, Windows"},
		{"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15", "Safari, macOS"},
		{"Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36", "Chrome, Android"},
		{"Go-http-client/1.1", ""},
		{"", ""},
		{"<script>alert(1)</script> Linux", "Linux"},
	} {
		c, _ := gin.CreateTestContext(httptest.NewRecorder())
		c.Request = httptest.NewRequest("GET", "/", nil)
		c.Request.Header.Set("User-Agent", row.claimed)
		if got := web.Agent(c); got != row.want {
			t.Errorf("%q: %q, want %q", row.claimed, got, row.want)
		}
	}
}
