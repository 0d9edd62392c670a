package oauth

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// ParsePushed reads a pushed authorization request (RFC 9126 §2.1): how its client authenticates, by the body or by no way
// at all as at the token endpoint, and the parameters of the request itself, which ParseAuthorize judges. An error is an
// Error.
func ParsePushed(values url.Values, authorization []string) (Credentials, url.Values, error) {
	f := form{values: values, limits: map[string]int{}}
	for _, name := range []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"} {
		f.limits[name] = tokenLimits()[name]
	}
	if !bounded(values) {
		return Credentials{}, nil, FaultTokenBody.Err()
	}
	twice, malformed := f.faulty()
	if twice != "" {
		return Credentials{}, nil, FaultTokenTwice.Err()
	}
	if malformed != "" {
		return Credentials{}, nil, FaultTokenBody.Err()
	}
	credentials, err := parseCredentials(f, authorization)
	if err != nil {
		return Credentials{}, nil, err
	}
	request := maps.Clone(values)
	for name := range f.limits {
		if name != "client_id" {
			delete(request, name)
		}
	}
	if len(request["client_id"]) == 0 { // an assertion says it as well
		request.Set("client_id", credentials.ClientID)
	}
	return credentials, request, nil
}

// requestURI is what a reference to a pushed request begins with (RFC 9126 §2.2).
const requestURI = "urn:ietf:params:oauth:request_uri:"

// RequestURI is the reference to a pushed request, by the secret that names it.
func RequestURI(secret string) string { return requestURI + secret }

// Reference is an authorization request whose parameters are elsewhere: kept here since the client pushed them (RFC 9126 §4),
// or signed by the client (RFC 9101 §5). One of Pushed and Object is there.
type Reference struct {
	ClientID string // whose it claims to be
	Pushed   Secret // what names the pushed request
	Object   Secret // the signed request itself, a compact JWS
}

// Bounds in bytes: a reference of ours has 76, a signed request what its parameters need.
const (
	mostReference = 256
	mostObject    = 12 << 10
)

// ParseReference reads what an authorization request refers to; false for one that says everything itself. An error is a
// PageError, for every other kind of reference too: nothing is fetched from an address that a request names.
func ParseReference(values url.Values) (Reference, bool, error) {
	given := func(name string) bool {
		return slices.ContainsFunc(values[name], func(v string) bool { return v != "" })
	}
	if !given("request_uri") && !given("request") {
		return Reference{}, false, nil
	}
	f := form{values: values, limits: map[string]int{
		"client_id": authorizeLimits()["client_id"], "request_uri": mostReference, "request": mostObject,
	}}
	twice, malformed := f.faulty()
	secret, ours := strings.CutPrefix(f.value("request_uri"), requestURI)
	for _, rule := range []struct {
		name string
		ok   bool
	}{
		{"", bounded(values)},
		{twice, twice == ""},
		{malformed, malformed == ""},
		{"client_id", f.value("client_id") != ""},
		{"request", !given("request") || !given("request_uri")},
		{"request_uri", !given("request_uri") || ours && secret != ""},
	} {
		if !rule.ok {
			return Reference{}, true, PageError{Err: FaultParameters.Err(), Parameter: rule.name}
		}
	}
	return Reference{f.value("client_id"), Secret(secret), Secret(f.value("request"))}, true, nil
}

// Agree compares what stands beside a reference or a signed request with what that says: whoever could change the address
// must not add to it or contradict it (RFC 9101 §6.3 lets the inside win; here the two are the same). An error is a
// PageError that names the parameter.
func Agree(outside, inside url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(authorizeLimits())) {
		if list := outside[name]; len(list) > 0 && !slices.Equal(list, inside[name]) {
			return PageError{Err: FaultParameters.Err(), Parameter: name}
		}
	}
	return nil
}
