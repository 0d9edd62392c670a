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

func revocation() url.Values {
	return url.Values{
		"token": {strings.Repeat("t", 43)}, "token_type_hint": {"access_token"},
		"client_id": {"sp"}, "client_secret": {strings.Repeat("s", 43)},
	}
}

// A base request that is accepted, with one parameter changed in each row.
func TestParseRevocation(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change url.Values
		header []string
		want   oauth.Fault
	}{
		{name: "base"},
		{name: "no hint", change: url.Values{"token_type_hint": nil}},
		{name: "a hint that nobody knows", change: url.Values{"token_type_hint": {"refresh_token"}}},
		{name: "two hints: not read", change: url.Values{"token_type_hint": {"a", "b"}}},
		{name: "something unknown", change: url.Values{"color": {"red"}}},
		{name: "a token that was never one", change: url.Values{"token": {"x"}}},
		{name: "no token", change: url.Values{"token": nil}, want: oauth.FaultTokenMissing},
		{name: "an empty token", change: url.Values{"token": {""}}, want: oauth.FaultTokenMissing},
		{name: "two tokens", change: url.Values{"token": {"a", "b"}}, want: oauth.FaultTokenTwice},
		{name: "a token of 9 KiB", change: url.Values{"token": {strings.Repeat("t", 9<<10)}}, want: oauth.FaultTokenBody},
		{name: "a line end in it", change: url.Values{"token": {"a\nb"}}, want: oauth.FaultTokenBody},
		{name: "too much in all", change: url.Values{"more": {strings.Repeat("t", 17<<10)}}, want: oauth.FaultTokenBody},
		{name: "no client authentication", change: url.Values{"client_secret": nil}, want: oauth.FaultAuthMissing},
		{name: "no client", change: url.Values{"client_id": nil}, want: oauth.FaultTokenMissing},
		{name: "a header as well", header: []string{"Basic eDp5"}, want: oauth.FaultAuthTwice},
		{name: "a header alone", change: url.Values{"client_secret": nil}, header: []string{"Basic eDp5"}, want: oauth.FaultAuthHeader},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := revocation()
			maps.Copy(values, row.change)
			got, by, err := oauth.ParseRevocation(values, row.header)
			fault, _ := errors.AsType[oauth.Error](err)
			if fault.Fault != row.want {
				t.Fatalf("fault %v, want %v", err, row.want)
			}
			if row.want == 0 && (string(got) != values.Get("token") || by.ClientID != "sp" || by.Method != oauth.ClientSecretPost) {
				t.Errorf("read as %q of %q", string(got), by.ClientID)
			}
			if row.want == 0 && strings.Contains(fmt.Sprintf("%v %+v %#v", got, got, got), revocation().Get("token")) {
				t.Error("the token is printed")
			}
		})
	}
}
