package oauth_test

import (
	"errors"
	"net/url"
	"testing"

	"pivot/server/internal/oauth"
)

const issuer = "https://auth.example.fr/api/v2"

func TestTargetCarriesAnswersByteForByte(t *testing.T) {
	t.Parallel()
	const iss = "iss=https%3A%2F%2Fauth.example.fr%2Fapi%2Fv2"
	for _, row := range []struct {
		uri, state, want string
	}{
		{"https://sp.example.fr/cb", "s", "https://sp.example.fr/cb?code=c&state=s&" + iss},
		{"https://sp.example.fr/cb", "", "https://sp.example.fr/cb?code=c&" + iss},
		{"https://sp.example.fr", "s", "https://sp.example.fr?code=c&state=s&" + iss},
		{"https://sp.example.fr/cb?", "s", "https://sp.example.fr/cb?code=c&state=s&" + iss},
		{"https://sp.example.fr/cb?a=b", "s", "https://sp.example.fr/cb?a=b&code=c&state=s&" + iss},
		{"https://sp.example.fr/cb?a=b&", "s", "https://sp.example.fr/cb?a=b&code=c&state=s&" + iss},
		{"https://sp.example.fr/%7Ea/?x=%e9", "s", "https://sp.example.fr/%7Ea/?x=%e9&code=c&state=s&" + iss},
		{"https://sp.example.fr/cb", "a&b=c#d\r\n", "https://sp.example.fr/cb?code=c&state=a%26b%3Dc%23d%0D%0A&" + iss},
		{"https://sp.example.fr/cb", "é+ %", "https://sp.example.fr/cb?code=c&state=%C3%A9%2B+%25&" + iss},
	} {
		target := oauth.RestoreTarget(row.uri, row.state)
		if got := target.Success("c", issuer); got != row.want {
			t.Errorf("success\n%s, want\n%s", got, row.want)
		}
		if got := target.Origin(); got != "https://sp.example.fr" {
			t.Errorf("origin %q", got)
		}
		refusal := target.Refuse(oauth.FaultUserAborted)
		if refusal.Origin() != target.Origin() {
			t.Errorf("a refusal goes to %q", refusal.Origin())
		}
		u, err := url.Parse(refusal.Location(issuer))
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if q.Get("error") != "access_denied" || q.Get("error_description") == "" || q.Get("state") != row.state || q.Get("iss") != issuer || q.Has("code") {
			t.Errorf("refusal %v", q)
		}
		if q.Has("state") != (row.state != "") {
			t.Errorf("state %q gave %v", row.state, q)
		}
	}
	if got := oauth.RestoreTarget("http://[::1]:4000/cb", "").Origin(); got != "http://[::1]:4000" {
		t.Errorf("origin %q", got)
	}
	for _, uri := range []string{"", "/cb", "://"} {
		if got := oauth.RestoreTarget(uri, "").Origin(); got != "" {
			t.Errorf("%q has the origin %q", uri, got)
		}
	}
}

func TestTargetIsOnlyWhatIsRegistered(t *testing.T) {
	t.Parallel()
	r := parse(t, request())
	registered := []string{"https://sp.example.fr/other", "https://sp.example.fr/cb"}
	target, err := r.Target(registered)
	if err != nil {
		t.Fatal(err)
	}
	if got := target.Success("c", issuer); got != "https://sp.example.fr/cb?code=c&state=state-1&iss=https%3A%2F%2Fauth.example.fr%2Fapi%2Fv2" {
		t.Errorf("success goes to %s", got)
	}
	for _, list := range [][]string{nil, {}, {""}, {"https://sp.example.fr/cb/"}, {"https://sp.example.fr"}, {"*"}} {
		_, err := r.Target(list)
		page, ok := errors.AsType[oauth.PageError](err)
		if !ok || page.Err.Fault != oauth.FaultRedirectURI {
			t.Errorf("registered %q: %v", list, err)
		}
	}
	if _, err := (oauth.AuthorizeRequest{}).Target([]string{""}); err == nil {
		t.Error("an empty address became a target")
	}
}
