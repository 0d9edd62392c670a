package oauth_test

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

const left = "https://sp.example.fr/left"

func logout() url.Values {
	return url.Values{
		"id_token_hint": {"a.secret-token.b"}, "client_id": {"sp"}, "post_logout_redirect_uri": {left}, "state": {"été &=?"},
		"ui_locales": {"fr en"}, "logout_hint": {"someone"},
	}
}

// A base request that is accepted, with one parameter changed in each row.
func TestParseLogout(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name      string
		change    url.Values
		parameter string // at fault
		whole     bool   // the whole is at fault
	}{
		{name: "base"},
		{name: "nothing but the hint", change: url.Values{"client_id": nil, "post_logout_redirect_uri": nil, "state": nil, "ui_locales": nil, "logout_hint": nil}},
		{name: "no hint", change: url.Values{"id_token_hint": nil}},
		{name: "an empty state", change: url.Values{"state": {""}}},
		{name: "something unknown, twice", change: url.Values{"color": {"red", "blue"}}},
		{name: "two hints", change: url.Values{"id_token_hint": {"a", "b"}}, parameter: "id_token_hint"},
		{name: "two clients", change: url.Values{"client_id": {"a", "b"}}, parameter: "client_id"},
		{name: "two addresses", change: url.Values{"post_logout_redirect_uri": {left, left}}, parameter: "post_logout_redirect_uri"},
		{name: "two states", change: url.Values{"state": {"a", "b"}}, parameter: "state"},
		{name: "an oversized hint", change: url.Values{"id_token_hint": {strings.Repeat("a", 4097)}}, parameter: "id_token_hint"},
		{name: "an oversized state", change: url.Values{"state": {strings.Repeat("a", 2049)}}, parameter: "state"},
		{name: "a line end in the state", change: url.Values{"state": {"a\r\nLocation: x"}}, parameter: "state"},
		{name: "a zero in the client", change: url.Values{"client_id": {"a\x00"}}, parameter: "client_id"},
		{name: "not UTF-8", change: url.Values{"logout_hint": {"\xff"}}, parameter: "logout_hint"},
		{name: "too much in all", change: url.Values{"more": {strings.Repeat("t", 17<<10)}}, whole: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := logout()
			maps.Copy(values, row.change)
			got, err := oauth.ParseLogout(values)
			if row.parameter != "" || row.whole {
				page, ok := errors.AsType[oauth.PageError](err)
				if !ok || page.Err.Fault != oauth.FaultLogoutParameters || page.Parameter != row.parameter {
					t.Fatalf("%v, want parameter %q at fault", err, row.parameter)
				}
				return
			}
			want := oauth.LogoutRequest{
				Hint: oauth.Secret(values.Get("id_token_hint")), ClientID: values.Get("client_id"),
				RedirectURI: values.Get("post_logout_redirect_uri"), State: values.Get("state"), UILocales: values.Get("ui_locales"),
			}
			if err != nil || got != want {
				t.Errorf("%+v, %v", got, err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", got, got, got), "secret-token") {
				t.Error("the hint is printed")
			}
			again, err := url.ParseQuery(got.Query())
			if err != nil || again.Has("id_token_hint") || again.Get("state") != got.State || again.Get("client_id") != got.ClientID || again.Get("post_logout_redirect_uri") != got.RedirectURI {
				t.Errorf("written again: %q (%v)", got.Query(), err)
			}
		})
	}
}

func TestLogoutLocation(t *testing.T) {
	t.Parallel()
	for _, row := range [][3]string{
		{"", "", ""},
		{"", "s", ""},
		{left, "", left},
		{left, "a b&c=d", left + "?state=a+b%26c%3Dd"},
		{left + "?x=1", "s", left + "?x=1&state=s"},
		{left + "?", "s", left + "?state=s"},
		{left + "?x=1&", "s", left + "?x=1&state=s"},
	} {
		if got := (oauth.LogoutRequest{RedirectURI: row[0], State: row[1]}).Location(); got != row[2] {
			t.Errorf("%q with state %q: %q, want %q", row[0], row[1], got, row[2])
		}
	}
}
