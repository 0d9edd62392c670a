package oauth

import (
	"net/url"
	"strings"
)

// Place is where a refusal is said.
type Place uint8

// The places. A refusal with none is said by nobody: zero is invalid.
const (
	OnPage     Place = iota + 1 // a page of ours, and never a redirect
	OnRedirect                  // at the registered address of the client, status 303
	OnJSON                      // the body of an API's answer
)

// Error is one public refusal: everything in it may be shown to anybody. It says nothing of the request that caused it,
// except the levels of invalid_acr.
type Error struct {
	Fault       Fault  // why, for the audit log: several faults may look the same from outside
	Code        string // error of RFC 6749 and its relatives
	Description string // error_description: English, for a developer
	Y           string // stable code shown to people and developers, such as Y030007
	Status      int    // HTTP status; 303 where the place is a redirect
	Place       Place
	inFragment  bool // the answer to a response_type that asks for tokens goes to the fragment
}

// Error is for logs: the internal reason beside the public code.
func (e Error) Error() string { return "oauth: " + e.Fault.String() + " (" + e.Y + ")" }

// MessageID names the sentence for a person in the catalogues of messages.
func (e Error) MessageID() string { return "page.error." + e.Y }

// PageError is a refusal said on a page of ours. It never redirects: nothing in the request is known to be true yet.
type PageError struct {
	Err       Error
	Parameter string // the parameter at fault when one is; a name of our own, never a value
}

// Error is for logs.
func (e PageError) Error() string {
	if e.Parameter == "" {
		return e.Err.Error()
	}
	return e.Err.Error() + ": " + e.Parameter
}

// Unwrap gives the Error.
func (e PageError) Unwrap() error { return e.Err }

// RedirectError is a refusal said to the client, at an address that is registered for it. Only a Target makes one.
type RedirectError struct {
	Err    Error
	target Target
}

// Error is for logs.
func (e RedirectError) Error() string { return e.Err.Error() }

// Unwrap gives the Error.
func (e RedirectError) Unwrap() error { return e.Err }

// Location is the address to send the browser to, with status 303.
func (e RedirectError) Location(issuer string) string {
	return e.target.location(issuer, [][2]string{{"error", e.Err.Code}, {"error_description", e.Err.Description}})
}

// Origin is that of the address, for the form-action of the page before it.
func (e RedirectError) Origin() string { return e.target.Origin() }

// Target is an address that may receive answers: it was compared with those that the client registered. The zero Target
// leads nowhere.
type Target struct {
	uri, state string
	fragment   bool
}

// RestoreTarget makes again the Target of a request that was admitted earlier and kept: the address must come from our
// own store, never from a request.
func RestoreTarget(redirectURI, state string) Target { return Target{uri: redirectURI, state: state} }

// Refuse answers a fault at this address.
func (t Target) Refuse(f Fault) RedirectError { return RedirectError{Err: f.Err(), target: t} }

// Success is the address that carries a code (RFC 6749 §4.1.2, RFC 9207).
func (t Target) Success(code, issuer string) string {
	return t.location(issuer, [][2]string{{"code", code}})
}

// Origin is the scheme, host and port of the address.
func (t Target) Origin() string {
	u, err := url.Parse(t.uri)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// location appends to the address as it was registered, byte for byte: parsing and printing it again could change it.
// An empty state is one that was not given (RFC 6749 §3.1).
func (t Target) location(issuer string, parameters [][2]string) string {
	if t.state != "" {
		parameters = append(parameters, [2]string{"state", t.state})
	}
	parameters = append(parameters, [2]string{"iss", issuer})
	var b strings.Builder
	b.WriteString(t.uri)
	switch {
	case t.fragment:
		b.WriteByte('#')
	case !strings.Contains(t.uri, "?"):
		b.WriteByte('?')
	case !strings.HasSuffix(t.uri, "?") && !strings.HasSuffix(t.uri, "&"):
		b.WriteByte('&')
	}
	for i, p := range parameters {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + url.QueryEscape(p[1]))
	}
	return b.String()
}
