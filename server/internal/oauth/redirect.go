package oauth

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// mostURI bounds an address: what any browser and proxy carries.
const mostURI = 2048

// wellFormed is the rule of franceconnect.md 1.3 for an address in a request: absolute, https, a host with a top-level
// domain; on a loopback issuer also http to loopback. It grants nothing: only equality with a registered address does.
func wellFormed(uri string, loopback bool) bool {
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || len(uri) > mostURI || !port(u) {
		return false
	}
	switch u.Scheme {
	case "https":
		return topLevel(u.Hostname()) || loopback && onLoopback(u.Hostname())
	case "http":
		return loopback && onLoopback(u.Hostname())
	}
	return false
}

// port reports whether the port is absent or a number, and not written as nothing.
func port(u *url.URL) bool {
	if strings.HasSuffix(u.Host, ":") {
		return false
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return u.Port() == "" || err == nil && n > 0
}

// topLevel reports whether a host name ends in a top-level domain: letters, two or more, or an A-label.
func topLevel(host string) bool {
	dot := strings.LastIndexByte(host, '.')
	if dot <= 0 || strings.Contains(host, "..") || host[0] == '.' {
		return false
	}
	last := strings.ToLower(host[dot+1:])
	letters := strings.Trim(last, "abcdefghijklmnopqrstuvwxyz") == ""
	return len(last) >= 2 && (letters || strings.HasPrefix(last, "xn--"))
}

// onLoopback reports whether a host is this machine by name or number. Shorthand forms of addresses are not: 127.1 means
// nothing to netip, and different things to different programs.
func onLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Zone() == "" && !addr.Is4In6() && addr.IsLoopback()
}

// CheckRedirectURI is the rule for an address that a client registers, stricter than that for one in a request: requests
// are compared with it as strings, so it must be written in the one way that nobody reads as another. On a loopback
// issuer, http to a loopback address is accepted. Errors say what to change.
func CheckRedirectURI(uri string, loopback bool) error {
	if err := plainURI(uri); err != nil {
		return err
	}
	u, err := url.Parse(uri)
	if err != nil || !wellFormed(uri, loopback) {
		return errors.New("not an absolute https URL with a full host name")
	}
	if u.User != nil {
		return errors.New("has a user name")
	}
	if strings.Contains(u.Host, "[") {
		return errors.New("an IPv6 literal: a content policy cannot name it, so no form of ours could end there")
	}
	if !strings.HasPrefix(uri, u.Scheme+"://"+strings.ToLower(u.Host)) {
		return errors.New("scheme and host must be in lower case")
	}
	if !onLoopback(u.Hostname()) && !hostName(u.Hostname()) {
		return errors.New("host name has a label that DNS does not know")
	}
	if p := u.Port(); p == "443" && u.Scheme == "https" || p == "80" && u.Scheme == "http" || strings.HasPrefix(p, "0") {
		return errors.New("port is the default one or has a leading zero: leave it out")
	}
	if err := plainPath(u.EscapedPath()); err != nil {
		return err
	}
	return plainQuery(u.RawQuery)
}

// plainURI checks characters: those of RFC 3986 alone, no fragment, complete escapes.
func plainURI(uri string) error {
	if uri == "" || len(uri) > mostURI {
		return fmt.Errorf("has %d bytes, not 1 to %d", len(uri), mostURI)
	}
	for i := range len(uri) {
		b := uri[i]
		if b == '#' {
			return errors.New("has a fragment (RFC 6749 §3.1.2)")
		}
		if b == '*' {
			return errors.New("has a wildcard: addresses are compared as they are")
		}
		if b <= ' ' || b >= 0x7F || strings.IndexByte("\"<>\\^`{|}", b) >= 0 {
			return fmt.Errorf("has byte %#02x, which must be escaped", b)
		}
		if b == '%' && (i+2 >= len(uri) || !hexDigit(uri[i+1]) || !hexDigit(uri[i+2])) {
			return errors.New("has an incomplete escape")
		}
	}
	return nil
}

func hexDigit(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

// hostName reports whether every label is one of RFC 1123 §2.1: letters, digits, inner hyphens, at most 63.
func hostName(host string) bool {
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return false
		}
	}
	return len(host) <= 253
}

// plainPath refuses segments that programs resolve in different ways.
func plainPath(path string) error {
	if lower := strings.ToLower(path); strings.Contains(lower, "%2e") || strings.Contains(lower, "%2f") ||
		strings.Contains(lower, "%5c") || strings.Contains(lower, "%25") || strings.Contains(lower, "%00") {
		return errors.New("path has an escaped dot, slash, backslash, percent or zero")
	}
	if strings.Contains(path, "//") {
		return errors.New("path has an empty segment")
	}
	segments := strings.Split(path, "/")
	if slices.Contains(segments, ".") || slices.Contains(segments, "..") {
		return errors.New("path has a dot segment")
	}
	return nil
}

// plainQuery refuses parameters that an answer carries: a client could take the registered one for ours.
func plainQuery(raw string) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return errors.New("query does not parse")
	}
	for _, name := range []string{"code", "state", "iss", "error", "error_description", "error_uri", "response", "id_token", "access_token"} {
		if query.Has(name) {
			return fmt.Errorf("query has %q, which an answer carries", name)
		}
	}
	return nil
}
