package web

import (
	"net"
	"net/netip"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
)

// portHeader is where a proxy that we trust tells the browser's port, as FranceConnect's do.
const portHeader = "X-Forwarded-Source-Port"

// whence is where the request came from: the peer's word for itself, unless it is a proxy that we trust.
func (k *Kit) whence(c *gin.Context) audit.Origin {
	o := audit.Origin{Address: c.ClientIP(), ID: incident(c)}
	_, port, err := net.SplitHostPort(c.Request.RemoteAddr)
	if err != nil {
		return o
	}
	if k.proxied(c.RemoteIP()) { // the connection's port is the proxy's own
		port = c.GetHeader(portHeader)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		o.Port = int(n)
	}
	return o
}

// proxied reports whether an address is a trusted proxy's.
func (k *Kit) proxied(address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && slices.ContainsFunc(k.options.Proxies, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}
