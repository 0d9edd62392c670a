package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/web"
)

func TestPace(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	p := web.Pace{Each: 2, All: 5, Window: time.Minute}
	for i, row := range []struct {
		key  string
		at   time.Duration
		want bool
	}{
		{"a", 0, true},
		{"a", time.Second, true},
		{"a", 2 * time.Second, false},
		{"a", 59 * time.Second, false}, // refused, and not counted against the others
		{"b", 59 * time.Second, true},
		{"b", 59 * time.Second, true},
		{"c", 59 * time.Second, true},
		{"c", 59 * time.Second, false}, // all of them together
		{"d", 59 * time.Second, false},
		{"a", time.Minute, true},
		{"d", 61 * time.Second, true},
		{"", 61 * time.Second, true}, // nobody in particular
		{"", 61 * time.Second, true},
		{"", 61 * time.Second, true},
		{"", 61 * time.Second, false},
		{"d", 30 * time.Second, true}, // a clock set back begins anew: nobody waits for it
	} {
		if got := p.Take(row.key, at.Add(row.at)); got != row.want {
			t.Errorf("%d, %s after %v: %v", i, row.key, row.at, got)
		}
	}
	if new(web.Pace).Take("a", at) {
		t.Error("a pace of zeros lets something pass")
	}
}

// TestPaceTogether: of many at once, so many pass as may.
func TestPaceTogether(t *testing.T) {
	t.Parallel()
	p := web.Pace{Each: 3, All: 10, Window: time.Minute}
	at := time.Now()
	var passed atomic.Int32
	var group sync.WaitGroup
	for i := range 100 {
		group.Go(func() {
			if p.Take(fmt.Sprint(i%5), at) {
				passed.Add(1)
			}
		})
	}
	group.Wait()
	if passed.Load() != 10 {
		t.Errorf("%d passed", passed.Load())
	}
}

// TestPaceByNetwork: who is one, and whose word on it is taken.
func TestPaceByNetwork(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, first, then string // X-Forwarded-For
		proxies           []netip.Prefix
		want              string // passes, or not, the second time
	}{
		{"the same address", "192.0.2.1", "192.0.2.1", proxies(), "false"},
		{"another", "192.0.2.1", "192.0.2.2", proxies(), "true"},
		{"the same, written as version 6", "192.0.2.1", "::ffff:192.0.2.1", proxies(), "false"},
		{"another of the same 64 bits", "2001:db8::1", "2001:db8::ffff:2", proxies(), "false"},
		{"another 64 bits", "2001:db8::1", "2001:db8:0:1::1", proxies(), "true"},
		{"this machine", "127.0.0.1", "127.0.0.1", proxies(), "true"},
		{"another by the word of nobody's proxy", "192.0.2.1", "192.0.2.2", others(), "false"},
	} {
		s := newScene(t, func(o *web.Options) { o.Proxies = row.proxies })
		p := web.Pace{Each: 1, All: 10, Window: time.Hour}
		now := time.Now()
		s.Page(http.MethodGet, "/page", func(c *gin.Context) error {
			c.String(http.StatusOK, "%v", p.TakeFor(c, now))
			return nil
		})
		for i, forwarded := range []string{row.first, row.then} {
			r := request(http.MethodGet, "/page", "", nil)
			r.RemoteAddr = "10.0.0.1:4711"
			r.Header.Set("X-Forwarded-For", forwarded)
			want := row.want
			if i == 0 {
				want = "true"
			}
			if got := text(t, s.do(r)); got != want {
				t.Errorf("%s, %s: %s", row.name, forwarded, got)
			}
		}
	}
}

func proxies() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }

func others() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")} }
