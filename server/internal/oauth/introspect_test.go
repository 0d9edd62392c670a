package oauth_test

import (
	"fmt"
	"maps"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

const (
	accessToken    = "Wd0Cmq0YQ9TgcMkP3EXhG2nH7tJ4vB8sLaE0tViX-oB"
	providerSecret = "kP3xQ9vT_mZ7bW1nR5yU8cJ4dF6gH2sLaE0tViX-oBw"
)

func question(change url.Values) url.Values {
	v := url.Values{"token": {accessToken}, "client_id": {"dp-1"}, "client_secret": {providerSecret}}
	maps.Copy(v, change)
	maps.DeleteFunc(v, func(_ string, list []string) bool { return list == nil })
	return v
}

// TestA5ParseChecktoken: exactly three fields, each once; each missing one is refused, and so is a fourth.
func TestA5ParseChecktoken(t *testing.T) {
	t.Parallel()
	got, err := oauth.ParseChecktoken(question(nil), nil)
	want := oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "dp-1", Presented: providerSecret}
	if err != nil || got.Token != accessToken || got.Credentials != want {
		t.Fatalf("the base: %v, %+v", err, got)
	}
	if text := fmt.Sprintf("%v %+v", got, got); strings.Contains(text, accessToken) || strings.Contains(text, providerSecret) {
		t.Errorf("prints as %s", text)
	}
	rows := map[string]url.Values{
		"a hint beside":       {"token_type_hint": {"access_token"}},
		"an assertion beside": {"client_assertion": {"a.b.c"}},
		"an empty one beside": {"x": {""}},
		"too much":            {"x": {strings.Repeat("a", 20<<10)}},
	}
	for name := range question(nil) {
		rows["no "+name] = url.Values{name: nil}
		rows["empty "+name] = url.Values{name: {""}}
		rows[name+" twice"] = url.Values{name: {"a", "a"}}
		rows[name+" oversized"] = url.Values{name: {strings.Repeat("a", 8<<10+1)}}
		rows[name+" with a line end"] = url.Values{name: {"a\n"}}
		rows[name+" not UTF-8"] = url.Values{name: {"\xff"}}
		rows[name+" under another name"] = url.Values{name: nil, "x": {"a"}}
	}
	for name, change := range rows {
		if got, err := oauth.ParseChecktoken(question(change), nil); err != oauth.FaultIntrospection.Err() || got != (oauth.IntrospectionRequest{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := oauth.ParseChecktoken(question(nil), []string{"Basic x"}); err != oauth.FaultIntrospection.Err() {
		t.Errorf("with a header: %v", err)
	}
}

// TestParseIntrospection: RFC 7662 §2.1 with the ways to authenticate that the token endpoint has.
func TestParseIntrospection(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]url.Values{
		"base":          nil,
		"with a hint":   {"token_type_hint": {"refresh_token"}},
		"unknown field": {"x": {"y", "z"}},
	} {
		got, err := oauth.ParseIntrospection(question(change), nil)
		if err != nil || got.Token != accessToken || got.Credentials.ClientID != "dp-1" || got.Credentials.Method != oauth.ClientSecretPost {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
	assertion := "e30." + "eyJzdWIiOiJkcC0xIn0" + ".AA" // {"sub":"dp-1"}
	byKey := question(url.Values{
		"client_id": nil, "client_secret": nil, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	})
	if got, err := oauth.ParseIntrospection(byKey, nil); err != nil || got.Credentials.Method != oauth.PrivateKeyJWT || got.Credentials.ClientID != "dp-1" {
		t.Errorf("by assertion: %v, %+v", err, got)
	}
	for name, row := range map[string]struct {
		change url.Values
		want   oauth.Fault
	}{
		"no token":      {url.Values{"token": nil}, oauth.FaultTokenMissing},
		"empty token":   {url.Values{"token": {""}}, oauth.FaultTokenMissing},
		"token twice":   {url.Values{"token": {"a", "b"}}, oauth.FaultTokenTwice},
		"token too big": {url.Values{"token": {strings.Repeat("a", 8<<10+1)}}, oauth.FaultTokenBody},
		"no id":         {url.Values{"client_id": nil}, oauth.FaultTokenMissing},
		"no secret":     {url.Values{"client_secret": nil}, oauth.FaultAuthMissing},
		"two ways":      {url.Values{"client_assertion": {assertion}}, oauth.FaultAuthTwice},
		"too much":      {url.Values{"x": {strings.Repeat("a", 20<<10)}}, oauth.FaultTokenBody},
	} {
		_, err := oauth.ParseIntrospection(question(row.change), nil)
		got, ok := err.(oauth.Error)
		if !ok || got.Fault != row.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	form := question(url.Values{"client_secret": nil})
	if _, err := oauth.ParseIntrospection(form, []string{"Basic x"}); err != oauth.FaultAuthHeader.Err() {
		t.Errorf("with a header: %v", err)
	}
}

func FuzzParseIntrospection(f *testing.F) {
	f.Add(question(nil).Encode(), "")
	f.Add(question(url.Values{"token_type_hint": {"x"}}).Encode(), "Basic eDp5")
	f.Add("token=a&token=b&client_id=%00", "")
	f.Fuzz(func(t *testing.T, raw, header string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		var authorization []string
		if header != "" {
			authorization = []string{header}
		}
		for _, parse := range []func(url.Values, []string) (oauth.IntrospectionRequest, error){oauth.ParseChecktoken, oauth.ParseIntrospection} {
			r, err := parse(values, authorization)
			if err != nil {
				if e, ok := err.(oauth.Error); !ok || e.Place != oauth.OnJSON || r != (oauth.IntrospectionRequest{}) {
					t.Fatalf("%v is not for JSON, or came with %+v", err, r)
				}
				continue
			}
			if header != "" || r.Token == "" || r.Credentials.ClientID == "" || r.Credentials.Presented == "" {
				t.Errorf("%q gave %+v", raw, r)
			}
		}
	})
}
