package web_test

import (
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/web"
)

// TestOrigin: the address and the source port that the audit log keeps are the browser's, by its own connection or by the word
// of a trusted proxy, and nobody else's.
func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, peer, said string
		address, port    string
	}{
		{"a browser", "192.0.2.1:40001", "", "192.0.2.1", "40001"},
		{"a browser by IPv6", "[2001:db8::1]:40001", "", "2001:db8::1", "40001"},
		{"a browser that claims another", "192.0.2.1:40001", "50001", "192.0.2.1", "40001"},
		{"a proxy of ours", "10.0.0.7:40001", "50001", "203.0.113.9", "50001"},
		{"a proxy that does not say the port", "10.0.0.7:40001", "", "203.0.113.9", ""},
		{"a proxy that says no port", "10.0.0.7:40001", "65536", "203.0.113.9", ""},
		{"a proxy that says nonsense", "10.0.0.7:40001", "50001, 1", "203.0.113.9", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, func(o *web.Options) { o.Proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} })
			var got map[string]string
			s.Page(http.MethodGet, "/page", func(c *gin.Context) error {
				got = audit.Entry{Event: audit.TokenUsed, At: time.Unix(1, 0)}.From(c.Request.Context()).Details
				return done(c)
			})
			s.do(request(http.MethodGet, "/page", "", func(r *http.Request) {
				r.RemoteAddr = tc.peer
				r.Header.Set("X-Forwarded-For", "203.0.113.9")
				if tc.said != "" {
					r.Header.Set("X-Forwarded-Source-Port", tc.said)
				}
			}))
			if got["ip"] != tc.address || got["port"] != tc.port || len(got["incident"]) != 36 {
				t.Errorf("%v", got)
			}
		})
	}
}
