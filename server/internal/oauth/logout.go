package oauth

import (
	"net/url"
	"strings"
)

// LogoutRequest is a parsed logout request (OpenID Connect RP-Initiated Logout 1.0 §2). Nothing in it is known to be true
// yet.
type LogoutRequest struct {
	Hint        Secret // id_token_hint: an ID token, expired or not; empty when not given
	ClientID    string // empty when not given
	RedirectURI string // post_logout_redirect_uri; empty when not given
	State       string // empty when not given
	UILocales   string // as they came
}

func logoutLimits() map[string]int {
	return map[string]int{
		"id_token_hint": mostHint, "client_id": 256, "post_logout_redirect_uri": mostURI, "state": 2048, "ui_locales": 256,
		"logout_hint": 512,
	}
}

// mostHint is what an ID token may have.
const mostHint = 4096

// ParseLogout reads a logout request, from the query or a form. Parameters that it does not know are ignored. An error is
// a PageError.
func ParseLogout(values url.Values) (LogoutRequest, error) {
	f := form{values: values, limits: logoutLimits()}
	if !bounded(values) {
		return LogoutRequest{}, PageError{Err: FaultLogoutParameters.Err()}
	}
	if twice, malformed := f.faulty(); twice != "" || malformed != "" {
		if twice == "" {
			twice = malformed
		}
		return LogoutRequest{}, PageError{Err: FaultLogoutParameters.Err(), Parameter: twice}
	}
	return LogoutRequest{
		Hint: Secret(f.value("id_token_hint")), ClientID: f.value("client_id"), RedirectURI: f.value("post_logout_redirect_uri"),
		State: f.value("state"), UILocales: f.value("ui_locales"),
	}, nil
}

// Query writes the request again without its hint, for the form that asks the person.
func (r LogoutRequest) Query() string {
	values := url.Values{}
	for name, value := range map[string]string{
		"client_id": r.ClientID, "post_logout_redirect_uri": r.RedirectURI, "state": r.State,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values.Encode()
}

// Location is the address that the browser goes to after logout: as it was registered, byte for byte, with the state where
// one was given; empty where the request names none. It must have been compared with those of the client.
func (r LogoutRequest) Location() string {
	if r.RedirectURI == "" || r.State == "" {
		return r.RedirectURI
	}
	separator := "?"
	switch {
	case strings.HasSuffix(r.RedirectURI, "?") || strings.HasSuffix(r.RedirectURI, "&"):
		separator = ""
	case strings.Contains(r.RedirectURI, "?"):
		separator = "&"
	}
	return r.RedirectURI + separator + "state=" + url.QueryEscape(r.State)
}
