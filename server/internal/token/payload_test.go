package token_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/assurance"
	"pivot/server/internal/claims"
	"pivot/server/internal/token"
)

// TestIDTokenMembers: exactly the members of the profile, nine with amr and
// eight without (franceconnect.md 1.6), in order, times in whole seconds.
func TestIDTokenMembers(t *testing.T) {
	t.Parallel()
	const with = `{"sub":"` + subject + `","acr":"eidas3","amr":["fc","pop","hwk","pin","mfa"],"auth_time":1772600727,` +
		`"nonce":"` + nonce + `","aud":"` + clientID + `","exp":1772600827,"iat":1772600767,"iss":"` + issuer + `"}`
	payload, err := idToken().Payload(frame())
	if diff := cmp.Diff(with, string(payload)); err != nil || diff != "" {
		t.Errorf("error %v, payload (-want +got):\n%s", err, diff)
	}

	without := idToken()
	without.Methods, without.Level = nil, assurance.Substantial
	payload, err = without.Payload(frame())
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, payload)
	want := []string{"acr", "aud", "auth_time", "exp", "iat", "iss", "nonce", "sub"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("members without amr (-want +got):\n%s", diff)
	}
	if got["acr"] != "eidas2" {
		t.Errorf("acr %v", got["acr"])
	}
}

func TestIDTokenKeepsTextAsItIs(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`a<b>&c 22 characters..`, `"quoted\" and \u0041 too`, "é\u2028œ\x00\x1f\U0001F600 and more", strings.Repeat("n", 2048)} {
		id := idToken()
		id.Nonce = text
		payload, err := id.Payload(frame())
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, payload)["nonce"]; got != text {
			t.Errorf("nonce %q became %q", text, got)
		}
	}
	id := idToken()
	id.Nonce = ""
	without, err := id.Payload(frame())
	if err != nil || bytes.Contains(without, []byte("nonce")) {
		t.Errorf("without a nonce: %s, %v", without, err)
	}
	id.Nonce = "<&>"
	if payload, err := id.Payload(frame()); err != nil || !strings.Contains(string(payload), `"<&>"`) {
		t.Errorf("escaped for HTML, which nobody asked for: %s, %v", payload, err)
	}
}

func TestIDTokenRefuses(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*token.IDToken, *token.Frame)
	}{
		{"no subject", func(i *token.IDToken, _ *token.Frame) { i.Subject = "" }},
		{"long subject", func(i *token.IDToken, _ *token.Frame) { i.Subject = strings.Repeat("a", 256) }},
		{"subject with a space", func(i *token.IDToken, _ *token.Frame) { i.Subject = "a b" }},
		{"subject beyond ASCII", func(i *token.IDToken, _ *token.Frame) { i.Subject = "é" }},
		{"zero level", func(i *token.IDToken, _ *token.Frame) { i.Level = 0 }},
		{"level above high", func(i *token.IDToken, _ *token.Frame) { i.Level = assurance.High + 1 }},
		{"empty method", func(i *token.IDToken, _ *token.Frame) { i.Methods = []string{"pin", ""} }},
		{"method twice", func(i *token.IDToken, _ *token.Frame) { i.Methods = []string{"pin", "pin"} }},
		{"method not UTF-8", func(i *token.IDToken, _ *token.Frame) { i.Methods = []string{"\xff"} }},
		{"too many methods", func(i *token.IDToken, _ *token.Frame) { i.Methods = manyTexts(25) }},
		{"no authentication time", func(i *token.IDToken, _ *token.Frame) { i.AuthTime = time.Time{} }},
		{"authentication before 1970", func(i *token.IDToken, _ *token.Frame) { i.AuthTime = time.Unix(-1, 0) }},
		{"authentication after issue", func(i *token.IDToken, f *token.Frame) { i.AuthTime = f.At.Add(time.Second) }},
		{"nonce not UTF-8", func(i *token.IDToken, _ *token.Frame) { i.Nonce = "\xc3" }},
		{"long nonce", func(i *token.IDToken, _ *token.Frame) { i.Nonce = strings.Repeat("n", 2049) }},
		{"no issuer", func(_ *token.IDToken, f *token.Frame) { f.Issuer = "" }},
		{"no audience", func(_ *token.IDToken, f *token.Frame) { f.Audience = "" }},
		{"audience not UTF-8", func(_ *token.IDToken, f *token.Frame) { f.Audience = "\xff" }},
		{"no time of issue", func(_ *token.IDToken, f *token.Frame) { f.At = time.Time{} }},
		{"issued before 1970", func(i *token.IDToken, f *token.Frame) {
			f.At = time.Unix(-1, 0)
			i.AuthTime = f.At
		}},
		{"no life", func(_ *token.IDToken, f *token.Frame) { f.Life = 0 }},
		{"negative life", func(_ *token.IDToken, f *token.Frame) { f.Life = -time.Minute }},
		{"long life", func(_ *token.IDToken, f *token.Frame) { f.Life = token.MaxLife + time.Second }},
		{"half a second of life", func(_ *token.IDToken, f *token.Frame) { f.Life = 500 * time.Millisecond }},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			id, f := idToken(), frame()
			if _, err := id.Payload(f); err != nil {
				t.Fatalf("the valid base is refused: %v", err)
			}
			row.change(&id, &f)
			if payload, err := id.Payload(f); err == nil {
				t.Errorf("accepted: %s", payload)
			}
		})
	}
}

// TestIDTokenBounds: the values just inside each bound.
func TestIDTokenBounds(t *testing.T) {
	t.Parallel()
	id, f := idToken(), frame()
	id.Subject, id.Methods, id.AuthTime, f.Life = strings.Repeat("~", 255), manyTexts(24), f.At, token.MaxLife
	payload, err := id.Payload(f)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, payload)
	if got["exp"].(float64)-got["iat"].(float64) != token.MaxLife.Seconds() || got["auth_time"] != got["iat"] {
		t.Errorf("payload %s", payload)
	}
}

func TestUserInfoMembers(t *testing.T) {
	t.Parallel()
	u := token.UserInfo{Subject: subject, Claims: []claims.Claim{
		{Name: "given_name", Text: "Joëlle Françoise"},
		{Name: "given_name_array", List: []string{"Joëlle", "Françoise"}},
		{Name: "family_name", Text: `D"UBINÔRE`},
		{Name: "preferred_username", Text: ""},
		{Name: "empty_array", List: []string{}},
	}}
	const want = `{"sub":"` + subject + `","given_name":"Joëlle Françoise","given_name_array":["Joëlle","Françoise"],` +
		`"family_name":"D\"UBINÔRE","preferred_username":"","empty_array":[],` +
		`"aud":"` + clientID + `","exp":1772600827,"iat":1772600767,"iss":"` + issuer + `"}`
	payload, err := u.Payload(frame())
	if diff := cmp.Diff(want, string(payload)); err != nil || diff != "" {
		t.Errorf("error %v, payload (-want +got):\n%s", err, diff)
	}
	decode(t, payload)
}

// TestUserInfoThirteen: the members that the profile's "all basic scopes" case
// has (franceconnect.md 1.7).
func TestUserInfoThirteen(t *testing.T) {
	t.Parallel()
	u := token.UserInfo{Subject: subject}
	for _, name := range []string{
		"given_name", "family_name", "birthdate", "gender", "preferred_username", "birthcountry", "birthplace", "email",
	} {
		u.Claims = append(u.Claims, claims.Claim{Name: name, Text: "x"})
	}
	payload, err := u.Payload(frame())
	if err != nil {
		t.Fatal(err)
	}
	if got := decode(t, payload); len(got) != 13 {
		t.Errorf("%d members: %s", len(got), payload)
	}
}

// TestUserInfoAnonymous: a connection with `openid` alone releases sub alone.
func TestUserInfoAnonymous(t *testing.T) {
	t.Parallel()
	payload, err := token.UserInfo{Subject: subject}.Payload(frame())
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"aud", "exp", "iat", "iss", "sub"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(decode(t, payload)))); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
}

func TestUserInfoRefuses(t *testing.T) {
	t.Parallel()
	valid := claims.Claim{Name: "given_name", Text: "Joëlle"}
	for name, list := range map[string][]claims.Claim{
		"sub":             {{Name: "sub", Text: "another"}},
		"aud":             {{Name: "aud", Text: "another"}},
		"exp":             {{Name: "exp", Text: "9999999999"}},
		"iat":             {{Name: "iat", Text: "0"}},
		"iss":             {{Name: "iss", Text: "https://evil.test"}},
		"claim twice":     {valid, valid},
		"no name":         {{Text: "x"}},
		"name not UTF-8":  {{Name: "\xff", Text: "x"}},
		"text not UTF-8":  {{Name: "given_name", Text: "Jo\xeblle"}},
		"list not UTF-8":  {{Name: "given_name_array", List: []string{"Jo\xeblle"}}},
		"text and list":   {{Name: "given_name", Text: "x", List: []string{"x"}}},
		"too many claims": manyClaims(257, "x"),
		"too much text":   manyClaims(33, strings.Repeat("x", 2000)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if payload, err := (token.UserInfo{Subject: subject, Claims: list}).Payload(frame()); err == nil {
				t.Errorf("accepted: %s", payload)
			}
		})
	}
	for name, list := range map[string][]claims.Claim{
		"one": {valid}, "many": manyClaims(256, "x"), "much": manyClaims(32, strings.Repeat("x", 2000)),
	} {
		if _, err := (token.UserInfo{Subject: subject, Claims: list}).Payload(frame()); err != nil {
			t.Errorf("control %s: %v", name, err)
		}
	}
	if _, err := (token.UserInfo{}).Payload(frame()); err == nil {
		t.Error("accepted without subject")
	}
	if _, err := (token.UserInfo{Subject: subject}).Payload(token.Frame{}); err == nil {
		t.Error("accepted without frame")
	}
}

func manyTexts(n int) []string {
	var out []string
	for i := range n {
		out = append(out, strings.Repeat("m", i+1))
	}
	return out
}

func manyClaims(n int, text string) []claims.Claim {
	var out []claims.Claim
	for _, name := range manyTexts(n) {
		out = append(out, claims.Claim{Name: name, Text: text})
	}
	return out
}

func decode(tb testing.TB, payload []byte) map[string]any {
	tb.Helper()
	var out map[string]any
	if err := json.Unmarshal(payload, &out); err != nil {
		tb.Fatalf("%s: %v", payload, err)
	}
	return out
}
