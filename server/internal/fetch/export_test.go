package fetch

import (
	"net/netip"
	"time"
)

// Reachable is the check that is made when dialling.
func (f *Fetcher) Reachable(host, addr string) bool {
	return f.reachable(host, netip.MustParseAddr(addr))
}

// MaxAge reads a Cache-Control header.
func MaxAge(headers ...string) time.Duration { return maxAge(headers) }

// MostEntries is for tests.
const MostEntries = mostEntries
