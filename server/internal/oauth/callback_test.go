package oauth_test

import (
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

// TestA8Callback: what comes back from an identity provider, nominal and not.
func TestA8Callback(t *testing.T) {
	t.Parallel()
	const state = "the state that was sent"
	for _, row := range []struct {
		name   string
		change url.Values
		y      string // of the refusal; empty for none
		code   oauth.Secret
		reason string
	}{
		{"nominal", nil, "", "code", ""},
		{"more beside it", url.Values{"iss": {"https://idp.example.org"}, "unknown": {"x"}}, "", "code", ""},
		{"state missing", url.Values{"state": nil}, "Y020021", "", ""},
		{"state empty", url.Values{"state": {""}}, "Y020021", "", ""},
		{"state wrong", url.Values{"state": {"another"}}, "Y020022", "", ""},
		{"state in another case", url.Values{"state": {strings.ToUpper(state)}}, "Y020022", "", ""},
		{"state twice", url.Values{"state": {state, state}}, "Y030007", "", ""},
		{"code missing", url.Values{"code": nil}, "Y020025", "", ""},
		{"code empty", url.Values{"code": {""}}, "Y020025", "", ""},
		{"code twice", url.Values{"code": {"a", "b"}}, "Y030007", "", ""},
		{"code oversized", url.Values{"code": {strings.Repeat("c", 4097)}}, "Y030007", "", ""},
		{"state and code missing", url.Values{"state": nil, "code": nil}, "Y020021", "", ""},
		{"error", url.Values{"code": nil, "error": {"access_denied"}, "error_description": {"no"}}, "", "", "access_denied"},
		{"error without description", url.Values{"code": nil, "error": {"access_denied"}}, "", "", "access_denied"},
		{"error beside a code", url.Values{"error": {"access_denied"}}, "", "", "access_denied"},
		{"error without state", url.Values{"state": nil, "code": nil, "error": {"access_denied"}}, "Y020021", "", ""},
		{"error with a wrong state", url.Values{"state": {"another"}, "code": nil, "error": {"access_denied"}}, "Y020022", "", ""},
		{"error that forges a line", url.Values{"code": nil, "error": {"x\nlevel=INFO"}}, "Y030007", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values := url.Values{"state": {state}, "code": {"code"}}
			maps.Copy(values, row.change)
			maps.DeleteFunc(values, func(_ string, list []string) bool { return list == nil })
			got, err := oauth.ParseCallback(values, state)
			page, _ := errors.AsType[oauth.PageError](err)
			if page.Err.Y != row.y || (err != nil) != (row.y != "") || got.Code != row.code || got.Refused != row.reason {
				t.Errorf("%v %+v, want %q", err, got.Refused, row.y)
			}
		})
	}
	if _, err := oauth.ParseCallback(url.Values{"state": {""}, "code": {"code"}}, ""); err == nil {
		t.Error("an answer to a request that was never sent is taken")
	}
}
