package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// BasePath is where the OpenID Connect surface of every issuer lives, as on
// FranceConnect (franceconnect.md 1.1): issuers and endpoints begin with it.
const BasePath = "/api/v2"

// Profile names which FranceConnect product an issuer behaves as.
type Profile string

// The profiles.
const (
	Plus     Profile = "plus"     // eidas2 and eidas3, encrypted answers, 600 s absolute
	Standard Profile = "standard" // eidas1, signed answers, 1800 s sliding
)

// Issuer is one checked issuer.
type Issuer struct {
	profile  Profile
	origin   string
	host     string
	loopback bool
	listen   netip.AddrPort
}

// Profile is which product it behaves as.
func (i Issuer) Profile() Profile { return i.profile }

// Origin is its public scheme, host and port, without a final slash.
func (i Issuer) Origin() string { return i.origin }

// Identifier is the value of iss: the origin and [BasePath].
func (i Issuer) Identifier() string { return i.origin + BasePath }

// Host is what the Host header of its requests must say: host, and port where
// it is not the scheme's own.
func (i Issuer) Host() string { return i.host }

// Loopback reports whether the public origin is this machine alone.
func (i Issuer) Loopback() bool { return i.loopback }

// Listen is the address on which it takes requests.
func (i Issuer) Listen() netip.AddrPort { return i.listen }

// issuers checks each issuer and then all of them together.
func (p parser) issuers(raw []issuer) []Issuer {
	const most = 8
	if len(raw) > most {
		p.report.Refuse("issuer", fmt.Sprintf("want at most %d", most))
		return nil
	}
	var out []Issuer
	for i, r := range raw {
		key := fmt.Sprintf("issuer[%d]", i)
		one := Issuer{profile: Profile(r.Profile), listen: p.listen(key+".listen", r.Listen)}
		p.origin(key+".url", r.URL, &one)
		for j, before := range out {
			p.pair(key, j, one, before)
		}
		out = append(out, one)
	}
	return out
}

// pair refuses two issuers that would be mistaken for one another. Cookies know
// hosts and no ports (RFC 6265 §8.5), and ours carry the profile's name.
func (p parser) pair(key string, other int, one, before Issuer) {
	same := func(what string) string { return fmt.Sprintf("%s as issuer[%d]", what, other) }
	switch {
	case one.origin == "" || before.origin == "":
	case one.loopback != before.loopback:
		p.report.Refuse(key+".url", "one process serves loopback or the world, never both: records that are harmless on loopback are not elsewhere")
	case one.origin == before.origin:
		p.report.Refuse(key+".url", same("the same origin"))
	case hostname(one.host) == hostname(before.host) && !one.loopback:
		p.report.Refuse(key+".url", same("the same host")+": browsers send cookies to every port of a host, so issuers have hosts of their own")
	case hostname(one.host) == hostname(before.host) && one.profile == before.profile:
		p.report.Refuse(key+".profile", same("the same host and profile")+": their cookies would have one name")
	}
	if one.listen.IsValid() && one.listen == before.listen {
		p.report.Refuse(key+".listen", same("the same address"))
	}
}

// origin reads a public origin in its one canonical form, because an issuer is
// compared byte for byte (OpenID Connect Core §2, iss).
func (p parser) origin(key, value string, into *Issuer) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Scheme+"://"+u.Host != value {
		p.report.Refuse(key, "want scheme, host and nothing more, such as https://auth.example.org, in lower case and without a final slash")
		return
	}
	loopback, ok := loopbackHost(u.Hostname())
	switch {
	case !ok:
		p.report.Refuse(key, "want a host name of lower-case letters, digits, hyphens and dots, or an IP address in its shortest form")
		return
	case !portOK(u):
		p.report.Refuse(key, "want no port, or one from 1 to 65535 without leading zeros that is not the scheme's own")
		return
	case u.Scheme == "http" && !loopback:
		p.report.Refuse(key, "want https: http is for loopback alone")
		return
	}
	into.origin, into.host, into.loopback = value, u.Host, loopback
}

func portOK(u *url.URL) bool {
	port := u.Port()
	if port == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(port, 10, 16)
	own := map[string]uint64{"http": 80, "https": 443}[u.Scheme]
	return err == nil && n > 0 && n != own && strconv.FormatUint(n, 10) == port
}

// loopbackHost reports whether a host is this machine alone (RFC 6761 §6.3 for
// the name), and whether it is well formed: a name by the rules of RFC 1123
// §2.1, in lower case, or an address as RFC 5952 writes it.
func loopbackHost(host string) (loopback, ok bool) {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback(), addr.String() == host && addr.Zone() == "" && !addr.Is4In6() && !addr.IsUnspecified()
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if !labelOK(label) {
			return false, false
		}
	}
	// A last label of digits would be read as an IPv4 address by browsers (WHATWG URL, "ends in a number").
	last := labels[len(labels)-1]
	return host == "localhost", len(host) <= 253 && strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last, "0x")
}

func labelOK(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	return !strings.ContainsFunc(label, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// hostname is a host without its port.
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// listen reads an address and a port. A name could mean an address today and
// another tomorrow, and port zero is one that nobody can be told.
func (p parser) listen(key, value string) netip.AddrPort {
	if value == "" {
		return netip.AddrPort{}
	}
	at, err := netip.ParseAddrPort(value)
	if err != nil || at.Port() == 0 || at.Addr().Zone() != "" || at.Addr().Is4In6() {
		p.report.Refuse(key, "want an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080")
		return netip.AddrPort{}
	}
	return at
}
