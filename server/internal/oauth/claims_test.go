package oauth_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

func TestClaimsParameter(t *testing.T) {
	t.Parallel()
	var crowd []string
	for i := range 65 {
		crowd = append(crowd, fmt.Sprintf(`"c%d":null`, i))
	}
	of := func(n int) string { return `{"userinfo":{` + strings.Join(crowd[:n], ",") + `}}` }
	for _, row := range []struct {
		name, claims string
		want         oauth.Fault
	}{
		{"empty", ``, 0},
		{"id_token", `{"id_token":{"amr":null}}`, 0},
		{"userinfo", `{"userinfo":{"email":{"essential":false}}}`, 0},
		{"empty parts", `{"userinfo":{},"id_token":{}}`, 0},
		{"unknown member beside", `{"userinfo":{},"verified_claims":{"a":[1]}}`, 0},
		{"unknown member of a claim", `{"userinfo":{"email":{"purpose":"why"}}}`, 0},
		{"values", `{"userinfo":{"locale":{"value":"fr","values":["fr","en",1]}}}`, 0},
		{"64 claims", of(64), 0},
		{"65 claims", of(65), oauth.FaultClaimsValue},
		{"in other case, which is another name", `{"ID_TOKEN":{"amr":null}}`, oauth.FaultClaimsMembers},
		{"a claim that is true", `{"userinfo":{"email":true}}`, oauth.FaultClaimsValue},
		{"a claim that is a list", `{"userinfo":{"email":[]}}`, oauth.FaultClaimsValue},
		{"essential that is text", `{"userinfo":{"email":{"essential":"true"}}}`, oauth.FaultClaimsValue},
		{"essential that is null", `{"userinfo":{"email":{"essential":null}}}`, oauth.FaultClaimsValue},
		{"values that are no list", `{"userinfo":{"email":{"values":"a"}}}`, oauth.FaultClaimsValue},
		{"values that are null", `{"userinfo":{"email":{"values":null}}}`, oauth.FaultClaimsValue},
		{"no name", `{"userinfo":{"":null}}`, oauth.FaultClaimsValue},
		{"a name of 129 bytes", `{"userinfo":{"` + strings.Repeat("n", 129) + `":null}}`, oauth.FaultClaimsValue},
		{"a name with a line end", `{"userinfo":{"a\n":null}}`, oauth.FaultClaimsValue},
		{"a certain sub", `{"id_token":{"sub":{"value":"x"}}}`, oauth.FaultClaimsValue},
		{"one of several subs", `{"userinfo":{"sub":{"values":["x","y"]}}}`, oauth.FaultClaimsValue},
		{"whatever sub", `{"id_token":{"sub":{"essential":true}}}`, 0},
		{"acr as it will be", `{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}`, 0},
		{"acr among several", `{"id_token":{"acr":{"essential":true,"values":["eidas3","eidas2"]}}}`, 0},
		{"acr that will be higher", `{"id_token":{"acr":{"essential":true,"value":"eidas3"}}}`, oauth.FaultACR},
		{"acr that is no text", `{"id_token":{"acr":{"essential":true,"value":2}}}`, oauth.FaultACR},
		{"acr wished for", `{"id_token":{"acr":{"value":"eidas3"}}}`, 0},
		{"acr without value", `{"id_token":{"acr":{"essential":true}}}`, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := request()
			values.Set("claims", row.claims)
			refused(t, parse(t, values), row.claims, row.want, "")
		})
	}
}

func TestStrictJSON(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		text string
		ok   bool
	}{
		{`{}`, true},
		{` {"a": {"b":[1,2.5e3,"x",null,true]}, "b":{"b":1}} `, true},
		{`[{"a":1},{"a":2}]`, true},
		{`{"a":"a","b":"a","c":["a","a"]}`, true},
		{`"text"`, true},
		{`null`, true},
		{`{"a":{"a":{"a":{}}}}`, true},
		{`{"a":{"a":{"a":{"a":{}}}}}`, false}, // five levels
		{`[[[[[]]]]]`, false},
		{`{"a":1,"a":1}`, false},
		{`{"a":1,"b":{"c":1,"c":2}}`, false},
		{`{"a":1,"\u0061":1}`, false},
		{`[{"a":[],"b":{},"a":[]}]`, false},
		{`{"a":1,"A":1}`, true},
		{``, false},
		{`{`, false},
		{`{} {}`, false},
		{`{}x`, false},
		{`{"a":1,}`, false},
		{`{a:1}`, false},
		{`{'a':1}`, false},
		{`{"a":01}`, false},
		{`{"a":NaN}`, false},
		{`{"a":"` + "\n" + `"}`, false},
		{`{"a":"` + "\xff" + `"}`, false},
		{"\ufeff{}", false},
		{`// c` + "\n{}", false},
		{strings.Repeat("[", 100000) + strings.Repeat("]", 100000), false},
	} {
		if err := oauth.CheckJSON([]byte(row.text), 4); (err == nil) != row.ok {
			t.Errorf("%.60q: %v", row.text, err)
		} else if err != nil && len(row.text) > 4 && strings.Contains(err.Error(), row.text) {
			t.Errorf("%q quotes the input", err)
		}
	}
	for text, ok := range map[string]bool{`{"a":1}`: true, `{}`: true, `null`: false, `[]`: false, `1`: false, `{"a":1,"a":2}`: false} {
		if members, err := oauth.ParseObject([]byte(text), 4); (err == nil) != ok || (members == nil) == ok {
			t.Errorf("%s: %v, %v", text, members, err)
		}
	}
}

func FuzzClaimsParameter(f *testing.F) {
	for _, seed := range []string{
		`{"id_token":{"amr":{"essential":true}}}`, `{"userinfo":{"email":null,"sub":{"value":"x"}},"id_token":{"acr":{"values":["eidas2"]}}}`,
		`{"id_token":{"a":1,"a":2}}`, `[`, `{"userinfo":{"\u0000":null}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		values := request()
		values.Set("claims", claims)
		r, err := oauth.ParseAuthorize(values, oauth.Plus())
		if err != nil {
			if _, ok := errors.AsType[oauth.PageError](err); !ok {
				t.Fatalf("%v is not for a page", err)
			}
			return
		}
		for _, name := range append(r.Claims.IDToken, r.Claims.Userinfo...) {
			if name == "" || len(name) > 128 || strings.ContainsAny(name, "\x00\r\n") {
				t.Errorf("claim %q", name)
			}
		}
	})
}

// FuzzParseObject: what is accepted is what the standard library reads, unchanged by printing it again.
func FuzzParseObject(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":{"b":[1,"x"]}}`, `{"a":1,"a":2}`, `[]`, `{"\ud800":1,"\ufffd":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		members, err := oauth.ParseObject(raw, 4)
		if err != nil {
			return
		}
		printed, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		again, err := oauth.ParseObject(printed, 4)
		if err != nil || len(again) != len(members) {
			t.Fatalf("%q was read, then printed as %q: %v", raw, printed, err)
		}
		var first, second any
		if json.Unmarshal(raw, &first) != nil || json.Unmarshal(printed, &second) != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("%q is not %q", raw, printed)
		}
	})
}
