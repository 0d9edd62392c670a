package oauth_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pivot/server/internal/oauth"
)

// request is a valid authorization request, with everything that one may have.
func request() url.Values {
	return url.Values{
		"client_id": {"sp-1"}, "redirect_uri": {"https://sp.example.fr/cb"}, "response_type": {"code"},
		"scope": {"openid given_name  openid x:y"}, "acr_values": {"eidas3 eidas2"}, "state": {"state-1"},
		"nonce": {"0123456789012345678901"}, "claims": {`{"id_token":{"amr":{"essential":true}},"userinfo":{"email":null,"birthdate":null}}`},
		"prompt": {"login"}, "idp_hint": {"idp-1"}, "ui_locales": {"fr-FR en"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"}, // RFC 7636 appendix B
	}
}

func parse(t *testing.T, values url.Values) oauth.AuthorizeRequest {
	t.Helper()
	r, err := oauth.ParseAuthorize(values, oauth.Plus())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestParseAuthorizeReadsEverything(t *testing.T) {
	t.Parallel()
	want := oauth.AuthorizeRequest{
		ClientID: "sp-1", RedirectURI: "https://sp.example.fr/cb", State: "state-1", Nonce: "0123456789012345678901",
		Scopes: []string{"openid", "given_name", "x:y"}, ACR: "eidas2",
		Claims:  oauth.ClaimsRequest{IDToken: []string{"amr"}, Userinfo: []string{"birthdate", "email"}},
		Prompts: []string{"login"}, IDPHint: "idp-1", UILocales: []string{"fr-FR", "en"},
		Protection: oauth.Protection{Challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}
	unexported := cmpopts.IgnoreUnexported(oauth.AuthorizeRequest{}, oauth.ClaimsRequest{})
	if diff := cmp.Diff(want, parse(t, request()), unexported); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	values := request()
	for _, name := range []string{"claims", "prompt", "idp_hint", "ui_locales", "code_challenge", "code_challenge_method"} {
		values.Del(name)
	}
	want = oauth.AuthorizeRequest{
		ClientID: want.ClientID, RedirectURI: want.RedirectURI, State: want.State, Nonce: want.Nonce, Scopes: want.Scopes, ACR: want.ACR,
	}
	if diff := cmp.Diff(want, parse(t, values), unexported); diff != "" {
		t.Errorf("the least (-want +got):\n%s", diff)
	}
}

// TestEffectiveACR is row B1: the lowest known level wins.
func TestEffectiveACR(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		profile oauth.Profile
		asked   string
		want    string // empty when refused
		text    string
	}{
		{oauth.Plus(), "eidas2", "eidas2", ""},
		{oauth.Plus(), "eidas3", "eidas3", ""},
		{oauth.Plus(), "eidas3 eidas2", "eidas2", ""},
		{oauth.Plus(), "eidas2 eidas3", "eidas2", ""},
		{oauth.Plus(), "eidas2 unknown", "eidas2", ""},
		{oauth.Plus(), "unknown", "eidas3", ""},
		{oauth.Plus(), "", "eidas3", ""},
		{oauth.Plus(), "EIDAS2", "eidas3", ""},
		{oauth.Plus(), "eidas1", "", "expected eidas2,eidas3, got eidas1"},
		{oauth.Plus(), "eidas1 unknown", "", "expected eidas2,eidas3, got eidas1"},
		{oauth.Plus(), "eidas1 eidas2 eidas3", "", "expected eidas2,eidas3, got eidas1"},
		{oauth.Standard(), "eidas1", "eidas1", ""},
		{oauth.Standard(), "eidas3 eidas1", "eidas1", ""},
		{oauth.Standard(), "unknown", "eidas1", ""},
		{oauth.Standard(), "", "eidas1", ""},
		{oauth.Standard(), "eidas2", "", "expected eidas1, got eidas2"},
		{oauth.Standard(), "eidas3", "", "expected eidas1, got eidas3"},
		{oauth.Profile{}, "eidas1", "", "got eidas1"},
		{oauth.Profile{}, "", "", "not valid"},
	} {
		values := request()
		values.Set("acr_values", row.asked)
		r, err := oauth.ParseAuthorize(values, row.profile)
		if err != nil {
			t.Fatal(err)
		}
		if r.ACR != row.want {
			t.Errorf("%s %q: %q, want %q", row.profile.Name(), row.asked, r.ACR, row.want)
		}
		refused(t, r, row.asked, map[bool]oauth.Fault{true: oauth.FaultACR}[row.want == ""], row.text)
	}
}

// refused wants the request to be answered, at its own address, with that fault and words; none for zero.
func refused(t *testing.T, r oauth.AuthorizeRequest, what string, want oauth.Fault, text string) {
	t.Helper()
	_, err := r.Target([]string{r.RedirectURI})
	e, ok := errors.AsType[oauth.RedirectError](err)
	if ok != (want != 0) || e.Err.Fault != want && want != 0 || !strings.Contains(e.Err.Description, text) {
		t.Errorf("%s: answered %v (%q), want %d with %q", what, err, e.Err.Description, want, text)
	}
	_, err = r.Target([]string{"https://sp.example.fr/other"})
	if page, ok := errors.AsType[oauth.PageError](err); !ok || page.Err.Place != oauth.OnPage {
		t.Errorf("%s at an address that is not registered: %v", what, err)
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	plus, standard := oauth.Plus(), oauth.Standard()
	if plus.Name() != "plus" || !plus.Encrypted() || plus.Loopback() || plus.DefaultACR() != "eidas3" || fmt.Sprint(plus.ACRs()) != "[eidas2 eidas3]" {
		t.Errorf("plus: %+v", plus)
	}
	if standard.Name() != "standard" || standard.Encrypted() || standard.Loopback() || standard.DefaultACR() != "eidas1" || fmt.Sprint(standard.ACRs()) != "[eidas1]" {
		t.Errorf("standard: %+v", standard)
	}
	if !plus.OnLoopback().Loopback() || plus.Loopback() {
		t.Error("OnLoopback changes another value than its own")
	}
	plus.ACRs()[0] = "eidas1"
	if plus.ACRs()[0] != "eidas2" {
		t.Error("a caller changed the profile")
	}
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	const good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for _, row := range []struct {
		challenge, method string
		want              oauth.Fault
	}{
		{good, "S256", 0},
		{"", "", 0},
		{good, "", oauth.FaultChallengeMethodMissing},
		{good, "plain", oauth.FaultChallengeMethod},
		{good, "s256", oauth.FaultChallengeMethod},
		{good, "S512", oauth.FaultChallengeMethod},
		{"", "S256", oauth.FaultChallengeMissing},
		{"", "plain", oauth.FaultChallengeMissing},
		{good[:42], "S256", oauth.FaultChallengeFormat},
		{good + "A", "S256", oauth.FaultChallengeFormat},
		{good + "=", "S256", oauth.FaultChallengeFormat},
		{good[:42] + "N", "S256", oauth.FaultChallengeFormat}, // bits beyond the digest
		{strings.Replace(good, "-", "+", 1), "S256", oauth.FaultChallengeFormat},
		{strings.Repeat("é", 21) + "a", "S256", oauth.FaultChallengeFormat},
	} {
		values := request()
		values.Set("code_challenge", row.challenge)
		values.Set("code_challenge_method", row.method)
		refused(t, parse(t, values), row.challenge+" "+row.method, row.want, "")
	}
}

func TestParseAuthorizeIsBounded(t *testing.T) {
	t.Parallel()
	crowd := func(n int) url.Values {
		values := request()
		for i := range n - len(values) {
			values.Set(fmt.Sprint("x", i), "")
		}
		return values
	}
	heavy := func(n int) url.Values {
		values := request()
		values.Set("x", "")
		size := 0
		for name, list := range values {
			size += len(name) + len(list[0])
		}
		values.Set("x", strings.Repeat("x", n-size))
		return values
	}
	same := func(n int) url.Values {
		values := request()
		values["x"] = make([]string, n-len(values))
		return values
	}
	for name, row := range map[string]struct {
		values url.Values
		ok     bool
	}{
		"64 parameters":           {crowd(64), true},
		"65 parameters":           {crowd(65), false},
		"one name, 64 values":     {same(64), true},
		"one name, 65 values":     {same(65), false},
		"16 KiB":                  {heavy(16 << 10), true},
		"16 KiB and one byte":     {heavy(16<<10 + 1), false},
		"nothing":                 {nil, false},
		"a name of a megabyte":    {url.Values{strings.Repeat("x", 1<<20): {""}}, false},
		"a parameter of no value": {url.Values{"client_id": {}}, false},
	} {
		_, err := oauth.ParseAuthorize(row.values, oauth.Plus())
		page, isPage := errors.AsType[oauth.PageError](err)
		if (err == nil) != row.ok || err != nil && (!isPage || page.Err.Fault != oauth.FaultParameters) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, most := range map[string]int{
		"client_id": 256, "state": 2048, "nonce": 512, "scope": 4096, "idp_hint": 256, "ui_locales": 256, "response_type": 128,
		"acr_values": 2048, "prompt": 64, "claims": 4096, "redirect_uri": 2048, "code_challenge": 128, "code_challenge_method": 16, "response_mode": 32,
	} {
		values := request()
		values.Set(name, strings.Repeat("a", most+1))
		_, err := oauth.ParseAuthorize(values, oauth.Plus())
		if page, ok := errors.AsType[oauth.PageError](err); !ok || page.Parameter != name || page.Err.Fault != oauth.FaultParameters {
			t.Errorf("%s of %d bytes: %v", name, most+1, err)
		}
	}
}

func TestLocalesThatAreNoneAreIgnored(t *testing.T) {
	t.Parallel()
	values := request()
	values.Set("ui_locales", "fr_FR <b> "+strings.Repeat("a", 36)+" en é a b c d e f g h i")
	if got := fmt.Sprint(parse(t, values).UILocales); got != "[en a b c d e f g]" {
		t.Errorf("locales %s", got)
	}
}

func FuzzParseAuthorize(f *testing.F) {
	f.Add(request().Encode())
	f.Add("client_id=a&client_id=b")
	for _, change := range []struct{ name, value string }{
		{"redirect_uri", "https://sp.example.fr\\@evil.example.com/"},
		{"claims", `{"id_token":{"acr":{"essential":true,"values":["eidas2"]}}}`},
		{"response_type", "code id_token token"},
		{"acr_values", "eidas1 eidas2"},
		{"scope", "\"\\ openid"},
		{"prompt", "login  consent"},
	} {
		values := request()
		values.Set(change.name, change.value)
		f.Add(values.Encode())
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		for _, profile := range []oauth.Profile{oauth.Plus(), oauth.Standard().OnLoopback()} {
			r, err := oauth.ParseAuthorize(values, profile)
			if err != nil {
				if page, ok := errors.AsType[oauth.PageError](err); !ok || page.Err.Place != oauth.OnPage {
					t.Fatalf("%v is not for a page", err)
				}
				continue
			}
			promises(t, r, profile)
		}
	})
}

// promises are what the rest of the program relies on, of any request that parses.
func promises(t *testing.T, r oauth.AuthorizeRequest, profile oauth.Profile) {
	t.Helper()
	if r.ClientID == "" || len(r.Nonce) < 22 {
		t.Errorf("%+v lacks what is required", r)
	}
	target, err := r.Target([]string{r.RedirectURI})
	location := ""
	if err != nil {
		redirect, ok := errors.AsType[oauth.RedirectError](err)
		if !ok || redirect.Err.Place != oauth.OnRedirect {
			t.Fatalf("%v is not for a redirect", err)
		}
		location = redirect.Location(issuer)
	} else {
		if !strings.Contains(strings.Join(profile.ACRs(), " "), r.ACR) || r.ACR == "" {
			t.Errorf("level %q of %v", r.ACR, profile.ACRs())
		}
		location = target.Success("c", issuer)
	}
	// What is appended is text that cannot leave its place.
	rest, ok := strings.CutPrefix(location, r.RedirectURI)
	if !ok || strings.ContainsAny(rest, "\r\n \"<>\\") {
		t.Errorf("%q does not continue %q", location, r.RedirectURI)
	}
	if _, err := r.Target(nil); err == nil {
		t.Error("admitted an address that is not registered")
	}
}
