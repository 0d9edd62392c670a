package oauth_test

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/oauth"
)

// with is a copy of parameters with others; an empty list takes one out.
func with(values, change url.Values) url.Values {
	out := maps.Clone(values)
	maps.Copy(out, change)
	maps.DeleteFunc(out, func(_ string, list []string) bool { return len(list) == 0 })
	return out
}

// TestParsePushed: a pushed request is an authorization request and a client that authenticates.
func TestParsePushed(t *testing.T) {
	t.Parallel()
	base := with(request(), url.Values{"client_secret": {"s3cret"}})
	credentials, values, err := oauth.ParsePushed(base, nil)
	if err != nil || credentials.ClientID != "sp-1" || credentials.Method != oauth.ClientSecretPost || string(credentials.Presented) != "s3cret" {
		t.Fatalf("%v, %v", credentials, err)
	}
	if diff := cmp.Diff(request(), values); diff != "" {
		t.Errorf("the request: %s", diff)
	}
	for _, row := range []struct {
		name   string
		change url.Values
		header []string
		want   oauth.Fault
	}{
		{"no authentication", url.Values{"client_secret": nil}, nil, oauth.FaultAuthMissing},
		{"by the header", nil, []string{"Basic eDp5"}, oauth.FaultAuthTwice},
		{"by the header alone", url.Values{"client_secret": nil}, []string{"Basic eDp5"}, oauth.FaultAuthHeader},
		{"secret without client", url.Values{"client_id": nil}, nil, oauth.FaultTokenMissing},
		{"client twice", url.Values{"client_id": {"sp-1", "sp-1"}}, nil, oauth.FaultTokenTwice},
		{"secret twice", url.Values{"client_secret": {"a", "b"}}, nil, oauth.FaultTokenTwice},
		{"a long client", url.Values{"client_id": {strings.Repeat("a", 257)}}, nil, oauth.FaultTokenBody},
		{"too much", url.Values{"x": {strings.Repeat("a", 16<<10)}}, nil, oauth.FaultTokenBody},
		{"an assertion that is none", url.Values{"client_secret": nil, "client_assertion": {"a"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}}, nil, oauth.FaultAssertionFormat},
	} {
		_, _, err := oauth.ParsePushed(with(base, row.change), row.header)
		if e, ok := errors.AsType[oauth.Error](err); !ok || e.Fault != row.want || e.Place != oauth.OnJSON {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// TestParseReference: only our own references are followed.
func TestParseReference(t *testing.T) {
	t.Parallel()
	base := url.Values{"client_id": {"sp-1"}, "request_uri": {oauth.RequestURI("abc")}}
	got, refers, err := oauth.ParseReference(base)
	if err != nil || !refers || got.ClientID != "sp-1" || string(got.Pushed) != "abc" || got.Object != "" {
		t.Fatalf("%+v %t %v", got, refers, err)
	}
	got, refers, err = oauth.ParseReference(with(request(), url.Values{"request": {"a.b.c"}}))
	if err != nil || !refers || got.ClientID != "sp-1" || got.Pushed != "" || string(got.Object) != "a.b.c" {
		t.Fatalf("%+v %t %v", got, refers, err)
	}
	for _, values := range []url.Values{request(), {}, {"request_uri": {""}, "request": {""}}} {
		if _, refers, err := oauth.ParseReference(values); refers || err != nil {
			t.Errorf("%v: %t %v", values, refers, err)
		}
	}
	for _, row := range []struct {
		name, want string
		change     url.Values
	}{
		{"no client", "client_id", url.Values{"client_id": nil}},
		{"an empty client", "client_id", url.Values{"client_id": {""}}},
		{"client twice", "client_id", url.Values{"client_id": {"sp-1", "sp-1"}}},
		{"an address", "request_uri", url.Values{"request_uri": {"https://sp.example.fr/request.jwt"}}},
		{"a reference in capitals", "request_uri", url.Values{"request_uri": {strings.ToUpper(oauth.RequestURI("abc"))}}},
		{"nothing named", "request_uri", url.Values{"request_uri": {oauth.RequestURI("")}}},
		{"twice", "request_uri", url.Values{"request_uri": {oauth.RequestURI("abc"), ""}}},
		{"long", "request_uri", url.Values{"request_uri": {oauth.RequestURI(strings.Repeat("a", 256))}}},
		{"a control character", "request_uri", url.Values{"request_uri": {oauth.RequestURI("a\n")}}},
		{"beside a signed request", "request", url.Values{"request": {"a.b.c"}}},
		{"too much", "", url.Values{"x": {strings.Repeat("a", 16<<10)}}},
	} {
		_, refers, err := oauth.ParseReference(with(base, row.change))
		page, ok := errors.AsType[oauth.PageError](err)
		if !refers || !ok || page.Err.Fault != oauth.FaultParameters || page.Parameter != row.want {
			t.Errorf("%s: %t %v", row.name, refers, err)
		}
	}
}

func TestAgree(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		outside url.Values
		want    string
	}{
		{"nothing", url.Values{}, ""},
		{"the client", url.Values{"client_id": {"sp-1"}}, ""},
		{"everything", request(), ""},
		{"what nobody knows", url.Values{"x": {"y"}}, ""},
		{"another scope", url.Values{"scope": {"openid email"}}, "scope"},
		{"twice", url.Values{"state": {request().Get("state"), request().Get("state")}}, "state"},
		{"what is not inside", url.Values{"response_mode": {"query"}}, "response_mode"},
		{"empty", url.Values{"nonce": {""}}, "nonce"},
	} {
		err := oauth.Agree(row.outside, request())
		page, ok := errors.AsType[oauth.PageError](err)
		if ok != (row.want != "") || page.Parameter != row.want {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
