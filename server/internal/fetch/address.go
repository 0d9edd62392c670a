package fetch

import (
	"net/netip"
	"syscall"
)

// control is asked by the dialer with each address that it is about to connect to.
func (f *Fetcher) control(host string) func(network, address string, c syscall.RawConn) error {
	return func(_, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return &Refusal{Reason: ReasonAddress, Cause: err}
		}
		if !f.reachable(host, at.Addr()) {
			return &Refusal{Reason: ReasonPrivate}
		}
		return nil
	}
}

// reachable reports whether a host may be asked at an address that it resolved to. localhost is loopback and nothing
// else, whatever a resolver says (RFC 6761 §6.3).
func (f *Fetcher) reachable(host string, addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Zone() != "" {
		return false
	}
	if host == "localhost" || addr.IsLoopback() {
		return f.loopback && addr.IsLoopback()
	}
	return public(addr)
}

// public reports whether an address is one of the Internet: of the IANA special-purpose registries (RFC 6890) nothing
// is. What embeds an IPv4 address, such as 6to4 and NAT64, is refused: it could embed a private one.
func public(addr netip.Addr) bool {
	if addr.Is4() {
		return !within(addr, special4())
	}
	return within(addr, []netip.Prefix{netip.MustParsePrefix("2000::/3")}) && !within(addr, special6())
}

func within(addr netip.Addr, list []netip.Prefix) bool {
	for _, p := range list {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

var special4 = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
	"192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
	"198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
)

// special6 are those inside 2000::/3; nothing outside is public.
var special6 = prefixes("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20")

func prefixes(list ...string) func() []netip.Prefix {
	out := make([]netip.Prefix, 0, len(list))
	for _, p := range list {
		out = append(out, netip.MustParsePrefix(p))
	}
	return func() []netip.Prefix { return out }
}
