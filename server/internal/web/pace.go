package web

import (
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// Pace bounds how often strangers may have something done that is kept: so often each, and so often all of them together,
// within a window of time. It counts in memory, for no more keys than All. A Pace of zeros lets nothing pass. It is safe for
// concurrent use.
type Pace struct {
	Each, All int
	Window    time.Duration

	mu    sync.Mutex
	began time.Time
	taken map[string]int
	all   int
}

// Take reports whether a key may once more, and counts it if so: what is refused is not counted against the others. The empty
// key stands for nobody in particular, and is bounded by All alone.
func (p *Pace) Take(key string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if age := now.Sub(p.began); age < 0 || age >= p.Window {
		p.began, p.taken, p.all = now, make(map[string]int), 0
	}
	if p.all >= p.All || key != "" && p.taken[key] >= p.Each {
		return false
	}
	p.taken[key]++
	p.all++
	return true
}

// TakeFor is [Pace.Take] for whoever sent a request: the address of network that the proxies in front are believed to say,
// of which a household has one; of version 6 the first 64 bits, within which anybody picks as many as they like. This machine's
// own is nobody's in particular: it is also that of a proxy beside the broker of which the configuration says nothing.
func (p *Pace) TakeFor(c *gin.Context, now time.Time) bool {
	return p.Take(network(c.ClientIP()), now)
}

func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().IsLoopback() {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(64)
	if err != nil {
		return ""
	}
	return prefix.String()
}
