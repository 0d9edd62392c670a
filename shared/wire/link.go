package wire

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// The most octets of a link and of an origin.
const (
	mostLink   = 512
	mostOrigin = 300
)

// ErrLink is what [ParseLink] refuses with.
var ErrLink = errors.New("wire: not a link of Pivot")

// Link is how a page wakes the app: what to do, the code to do it with, and the broker that asks.
//
//	pivot:approve?start=ABCDEFGHJKMN&issuer=https://broker.example
//	pivot:pair?code=ABCDEFGH&issuer=https://broker.example
//
// Anybody may write one. The app follows a login's only to a broker that it is paired with.
type Link struct {
	Action string // approve or pair
	Value  string // start or code, as [ParseCode] gives it
	Origin string // of the broker, e.g. "https://broker.example"
}

// actions gives each action the name of its value and the length of it.
var actions = map[string]struct {
	name   string
	length int
}{"approve": {"start", longCode}, "pair": {"code", shortCode}}

// String writes the link, the code without hyphens.
func (l Link) String() string {
	return "pivot:" + l.Action + "?" + actions[l.Action].name + "=" + strings.ReplaceAll(l.Value, "-", "") + "&issuer=" + l.Origin
}

// ParseLink reads a link. Errors: [ErrLink] for anything that [Link.String] would not write, the code's form and percent
// encoding of the origin aside.
func ParseLink(s string) (Link, error) {
	rest, ok := strings.CutPrefix(s, "pivot:")
	action, query, found := strings.Cut(rest, "?")
	kind, known := actions[action]
	if !ok || !found || !known || len(s) > mostLink || strings.Contains(query, ";") {
		return Link{}, ErrLink
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values) != 2 || len(values[kind.name]) != 1 || len(values["issuer"]) != 1 {
		return Link{}, ErrLink
	}
	code, err := ParseCode(values.Get(kind.name))
	if err != nil || len(strings.ReplaceAll(code, "-", "")) != kind.length || !origin(values.Get("issuer")) {
		return Link{}, ErrLink
	}
	return Link{Action: action, Value: code, Origin: values.Get("issuer")}, nil
}

// origin reports whether s is an origin that the app may speak to (RFC 6454 §6.2, in its one spelling): https, or http
// where it does not leave the machine.
func origin(s string) bool {
	u, err := url.Parse(s)
	if err != nil || len(s) > mostOrigin || u.Host == "" || s != u.Scheme+"://"+u.Host || s != strings.ToLower(s) ||
		strings.HasSuffix(u.Host, ":") || u.Hostname() == "" {
		return false
	}
	if strings.ContainsFunc(u.Host, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.-:[]", r)
	}) {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}
