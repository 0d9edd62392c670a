package client_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

const (
	verifier      = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636 appendix B
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

func challengeOf(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// exchange is a valid token request by client_secret_post.
func exchange() url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {"Zm9vYmFy"}, "redirect_uri": {callback},
		"client_id": {"sp-1"}, "client_secret": {string(secret)}, "code_verifier": {verifier},
	}
}

// redeem does what the endpoint does before it looks at the code.
func redeem(t *testing.T, values url.Values, authorization []string, known ...*client.Client) answer {
	t.Helper()
	r, err := oauth.ParseToken(values, authorization)
	if err == nil {
		var c *client.Client
		for _, k := range known {
			if k.ID() == r.Credentials.ClientID {
				c = k
			}
		}
		err = c.Authenticate(t.Context(), r.Credentials, check(&memory{}))
	}
	if err == nil {
		return answer{place: "authenticated"}
	}
	e, ok := errors.AsType[oauth.Error](err)
	if !ok || e.Place != oauth.OnJSON {
		t.Fatalf("%v is not for JSON", err)
	}
	a := public(err)
	a.place = "JSON"
	return a
}

func badRequest(y, description string) answer {
	return answer{"JSON", 400, y, "invalid_request", description}
}

func badClient(y string) answer {
	return answer{"JSON", 401, y, "invalid_client", "client authentication failed"}
}

// TestTokenTable is the back channel of franceconnect.md 1.12, as far as it can be told without a code.
func TestTokenTable(t *testing.T) {
	t.Parallel()
	authenticated := answer{place: "authenticated"}
	assertion := sign(t, keys().sign, joseHeader().encode(), claims().encode())
	forged := sign(t, keys().other, joseHeader().encode(), claims().encode())
	stale := sign(t, keys().sign, joseHeader().encode(), claims().with("exp", "1").encode())
	by := func(assertion string) url.Values {
		return url.Values{
			"client_assertion": {assertion}, "client_assertion_type": {assertionType}, "client_secret": nil, "client_id": nil,
		}
	}
	alone := url.Values{"client_secret": nil, "client_id": nil}
	for _, row := range []struct {
		name          string
		change        url.Values // nil removes a parameter
		authorization []string
		want          answer
	}{
		{"by secret", nil, nil, authenticated},
		{"by assertion", by(assertion), nil, authenticated},
		{"by assertion with client_id", join(by(assertion), url.Values{"client_id": {"sp-2"}}), nil, authenticated},
		{"unknown parameter", url.Values{"colour": {"blue", "red"}}, nil, authenticated},
		{"without PKCE", url.Values{"code_verifier": nil}, nil, authenticated},

		{"wrong client_secret", url.Values{"client_secret": {"x" + string(secret[1:])}}, nil, badClient("Y0434A7B")},
		{"unknown client", url.Values{"client_id": {"sp-0"}}, nil, badClient("Y0434A7B")},
		{"another client's secret", url.Values{"client_id": {"sp-2"}}, nil, badClient("Y0434A7B")},
		{"code missing", url.Values{"code": nil}, nil, badRequest("Y048017B", "missing required parameter 'code'")},
		{"code empty", url.Values{"code": {""}}, nil, badRequest("Y048017B", "missing required parameter 'code'")},
		{"redirect_uri missing", url.Values{"redirect_uri": nil}, nil, badRequest("Y048017B", "missing required parameter 'redirect_uri'")},
		{"grant_type missing", url.Values{"grant_type": nil}, nil, badRequest("Y048017B", "missing required parameter 'grant_type'")},
		{"client_id missing", url.Values{"client_id": nil}, nil, badRequest("Y048017B", "missing required parameter 'client_id'")},
		{"refresh_token", url.Values{"grant_type": {"refresh_token"}}, nil, answer{"JSON", 400, "Y04C2044", "unsupported_grant_type", "unsupported grant_type requested"}},
		{"client_credentials", url.Values{"grant_type": {"client_credentials"}}, nil, answer{"JSON", 400, "Y04C2044", "unsupported_grant_type", "unsupported grant_type requested"}},
		{"password", url.Values{"grant_type": {"password"}}, nil, answer{"JSON", 400, "Y04C2044", "unsupported_grant_type", "unsupported grant_type requested"}},
		{"code too long", url.Values{"code": {strings.Repeat("c", 513)}}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"code with a line end", url.Values{"code": {"a\nb"}}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"code not UTF-8", url.Values{"code": {"a\xff"}}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"too many parameters", url.Values{"colour": make([]string, 60)}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"too big", url.Values{"colour": {strings.Repeat("c", 16<<10)}}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"verifier of 42", url.Values{"code_verifier": {verifier[:42]}}, nil, badRequest("Y040001", "code_verifier must be 43 to 128 unreserved characters")},
		{"verifier of 128", url.Values{"code_verifier": {strings.Repeat("~", 128)}}, nil, authenticated},
		{"verifier of 129", url.Values{"code_verifier": {strings.Repeat("~", 129)}}, nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"verifier with a space", url.Values{"code_verifier": {verifier[:42] + " "}}, nil, badRequest("Y040001", "code_verifier must be 43 to 128 unreserved characters")},

		{"no authentication", alone, nil, badRequest("Y044FEB3", "no client authentication mechanism provided")},
		{"client_id alone", url.Values{"client_secret": nil}, nil, badRequest("Y044FEB3", "no client authentication mechanism provided")},
		{"empty secret", url.Values{"client_secret": {""}}, nil, badRequest("Y044FEB3", "no client authentication mechanism provided")},
		{"basic", alone, []string{"Basic c3AtMTp4"}, badClient("Y044D82C")},
		{"bearer", alone, []string{"Bearer x"}, badClient("Y044D82C")},
		{"an empty header", alone, []string{""}, badClient("Y044D82C")},
		{"basic and secret", nil, []string{"Basic c3AtMTp4"}, badRequest("Y04DADA6", "client authentication must only be provided using one mechanism")},
		{"basic and assertion", by(assertion), []string{"Basic c3AtMTp4"}, badRequest("Y04DADA6", "client authentication must only be provided using one mechanism")},
		{"secret and assertion", join(by(assertion), url.Values{"client_id": {"sp-2"}, "client_secret": {string(secret)}}), nil, badRequest("Y04DADA6", "client authentication must only be provided using one mechanism")},
		{"secret and assertion type", url.Values{"client_assertion_type": {assertionType}}, nil, badRequest("Y04DADA6", "client authentication must only be provided using one mechanism")},

		{"assertion without type", join(by(assertion), url.Values{"client_assertion_type": nil}), nil, badRequest("Y04AF36C", "client_assertion_type must be provided")},
		{"assertion of another type", join(by(assertion), url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}}), nil, badRequest("Y04EA12E", "client_assertion_type must have value "+assertionType)},
		{"type without assertion", join(by(assertion), url.Values{"client_assertion": nil}), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion that is none", by("nothing"), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion of text", by("a.!.c"), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion without sub", by("e30.e30.e30"), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion with sub null", by("e30." + members{{"sub", "null"}}.encode() + ".e30"), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion with two subs", by("e30." + members{{"sub", `"a"`}, {"sub", `"sp-2"`}}.encode() + ".e30"), nil, badRequest("Y04E1CFF", "invalid client_assertion format")},
		{"assertion too long", by(assertion + strings.Repeat("A", 4096)), nil, badRequest("Y04A25F2", "failed to parse the request body")},
		{"another client_id beside it", join(by(assertion), url.Values{"client_id": {"sp-1"}}), nil, badRequest("Y048454B", "subject of client_assertion must be the same as client_id provided in the body")},
		{"assertion by another key", by(forged), nil, badClient("Y0434A7B")},
		{"assertion that is over", by(stale), nil, badClient("Y04F7688")},
		{"assertion of an unknown client", by(sign(t, keys().sign, joseHeader().encode(), claims().with("sub", `"sp-0"`).with("iss", `"sp-0"`).encode())), nil, badClient("Y0434A7B")},
		{"assertion of a client of secrets", by(sign(t, keys().sign, joseHeader().encode(), claims().with("sub", `"sp-1"`).with("iss", `"sp-1"`).encode())), nil, badClient("Y0434A7B")},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			known := []*client.Client{build(t, record(t)), build(t, signer(t))}
			got := redeem(t, join(exchange(), row.change), row.authorization, known...)
			if got != row.want {
				t.Errorf("got  %+v\nwant %+v", got, row.want)
			}
		})
	}
}

// join replaces parameters; a nil list removes one.
func join(values, change url.Values) url.Values {
	out := url.Values{}
	for _, v := range []url.Values{values, change} {
		maps.Copy(out, v)
	}
	for name, list := range change {
		if list == nil {
			delete(out, name)
		}
	}
	return out
}

func TestTokenRefusesEveryParameterTwice(t *testing.T) {
	t.Parallel()
	base := exchange()
	assertion := join(base, url.Values{"client_secret": nil})
	assertion.Set("client_assertion", sign(t, keys().sign, joseHeader().encode(), claims().encode()))
	assertion.Set("client_assertion_type", assertionType)
	assertion.Set("client_id", "sp-2")
	known := []*client.Client{build(t, record(t)), build(t, signer(t))}
	for _, values := range []url.Values{base, assertion} {
		if got := redeem(t, values, nil, known...); got.place != "authenticated" {
			t.Fatalf("once: %+v", got)
		}
		for name := range values {
			for _, second := range []string{values.Get(name), ""} {
				doubled := join(values, url.Values{name: {values.Get(name), second}})
				if got := redeem(t, doubled, nil, known...); got != badRequest("Y0496E4A", "parameters must not be provided twice") {
					t.Errorf("%s twice: %+v", name, got)
				}
			}
		}
	}
}
