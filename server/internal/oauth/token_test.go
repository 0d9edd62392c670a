package oauth_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/oauth"
)

const (
	verifier      = oauth.Secret("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") // RFC 7636 appendix B
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
)

func exchange() url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "code": {"the-code"}, "redirect_uri": {"https://sp.example.fr/cb"},
		"client_id": {"sp-1"}, "client_secret": {"the-secret"}, "code_verifier": {string(verifier)},
	}
}

// unsigned is the text of an assertion with a payload, as far as ParseToken reads one.
func unsigned(payload string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
}

// plain compares secrets by their text, which printing hides.
var plain = cmp.Transformer("text", func(s oauth.Secret) []byte { return []byte(s) })

func TestParseTokenReadsBothMethods(t *testing.T) {
	t.Parallel()
	want := oauth.TokenRequest{
		Code: "the-code", RedirectURI: "https://sp.example.fr/cb", Verifier: verifier,
		Credentials: oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "sp-1", Presented: "the-secret"},
	}
	got, err := oauth.ParseToken(exchange(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("by secret (-want +got):\n%s", diff)
	}
	values := exchange()
	for _, name := range []string{"client_id", "client_secret", "code_verifier"} {
		values.Del(name)
	}
	values.Set("client_assertion", unsigned(`{"sub":"sp-2"}`))
	values.Set("client_assertion_type", assertionType)
	want.Verifier = ""
	want.Credentials = oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: oauth.Secret(unsigned(`{"sub":"sp-2"}`))}
	if got, err = oauth.ParseToken(values, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, plain); diff != "" {
		t.Errorf("by assertion (-want +got):\n%s", diff)
	}
}

func TestParseTokenReadsTheSubjectStrictly(t *testing.T) {
	t.Parallel()
	for assertion, ok := range map[string]bool{
		unsigned(`{"sub":"sp-2"}`):                             true,
		unsigned(`{"sub":"sp-2","x":{"y":1}}`):                 true,
		unsigned(`{"SUB":"sp-2"}`):                             false,
		unsigned(`{"sub":""}`):                                 false,
		unsigned(`{"sub":null}`):                               false,
		unsigned(`{"sub":["sp-2"]}`):                           false,
		unsigned(`{"sub":"` + strings.Repeat("s", 257) + `"}`): false,
		unsigned(`{"sub":"a\n"}`):                              false,
		unsigned(`{"sub":"a","sub":"sp-2"}`):                   false,
		unsigned(`{"sub":"a","s\u0075b":"sp-2"}`):              false,
		unsigned(`["sub"]`):                                    false,
		unsigned(`{"sub":"sp-2"}{}`):                           false,
		unsigned(`{"sub":"sp-2","x":[[[[[[]]]]]]}`):            false,
		unsigned(`{"sub":"sp-2"}`) + ".x":                      false,
		"":                                                     false,
		"..":                                                   false,
		".":                                                    false,
	} {
		values := exchange()
		values.Del("client_id")
		values.Del("client_secret")
		values.Set("client_assertion", assertion)
		values.Set("client_assertion_type", assertionType)
		_, err := oauth.ParseToken(values, nil)
		e, _ := errors.AsType[oauth.Error](err)
		if (err == nil) != ok || err != nil && e.Fault != oauth.FaultAssertionFormat {
			t.Errorf("%s: %v", assertion, err)
		}
	}
}

func TestParseAccess(t *testing.T) {
	t.Parallel()
	const token = "dGhlLXRva2Vu-_~.+/=="
	for _, row := range []struct {
		name          string
		authorization []string
		query         string
		want          oauth.Fault
	}{
		{"in the header", []string{"Bearer " + token}, "", 0},
		{"in other case", []string{"bearer " + token}, "", 0},
		{"with another query", []string{"Bearer " + token}, "x=1", 0},
		{"none", nil, "", oauth.FaultBearerMissing},
		{"in the query, which is not read", nil, "access_token=" + token, oauth.FaultBearerMissing},
		{"in both", []string{"Bearer " + token}, "access_token=" + token, oauth.FaultBearerTwice},
		{"in both, once empty", []string{"Bearer " + token}, "access_token=", oauth.FaultBearerTwice},
		{"two headers", []string{"Bearer " + token, "Bearer " + token}, "", oauth.FaultBearerTwice},
		{"basic", []string{"Basic " + token}, "", oauth.FaultBearerMissing},
		{"DPoP", []string{"DPoP " + token}, "", 0},
		{"dpop", []string{"dpop " + token}, "", 0},
		{"DPoP alone", []string{"DPoP"}, "", oauth.FaultBearer},
		{"an empty header", []string{""}, "", oauth.FaultBearerMissing},
		{"no token", []string{"Bearer"}, "", oauth.FaultBearer},
		{"an empty token", []string{"Bearer "}, "", oauth.FaultBearer},
		{"padding alone", []string{"Bearer ="}, "", oauth.FaultBearer},
		{"padding inside", []string{"Bearer a=b"}, "", oauth.FaultBearer},
		{"two spaces", []string{"Bearer  " + token}, "", oauth.FaultBearer},
		{"two tokens", []string{"Bearer a, Bearer b"}, "", oauth.FaultBearer},
		{"a line end", []string{"Bearer a\r\nb"}, "", oauth.FaultBearer},
		{"a zero", []string{"Bearer a\x00"}, "", oauth.FaultBearer},
		{"512 bytes", []string{"Bearer " + strings.Repeat("t", 512)}, "", 0},
		{"513 bytes", []string{"Bearer " + strings.Repeat("t", 513)}, "", oauth.FaultBearer},
	} {
		query, err := url.ParseQuery(row.query)
		if err != nil {
			t.Fatal(err)
		}
		got, bound, err := oauth.ParseAccess(row.authorization, query)
		if row.want == 0 {
			if err != nil || !strings.HasSuffix(row.authorization[0], string(got)) || got == "" ||
				bound != strings.HasPrefix(strings.ToLower(row.authorization[0]), "dpop") {
				t.Errorf("%s: %q, %v", row.name, string(got), err)
			}
			continue
		}
		if e, ok := errors.AsType[oauth.Error](err); !ok || e.Fault != row.want || got != "" {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestSecretsPrintAsNothing(t *testing.T) {
	t.Parallel()
	r, err := oauth.ParseToken(exchange(), nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "request", r, "code", r.Code)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "request", r, "code", r.Code)
	var printed strings.Builder
	printed.WriteString(string(raw) + log.String() + r.Code.String() + r.Code.GoString())
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		printed.WriteString(fmt.Sprintf(verb, r) + fmt.Sprintf(verb, &r) + fmt.Sprintf(verb, r.Code))
	}
	for _, secret := range []string{"the-code", "the-secret", string(verifier)} {
		if strings.Contains(printed.String(), secret) || strings.Contains(strings.ToLower(printed.String()), fmt.Sprintf("%x", secret)) {
			t.Errorf("%q was printed", secret)
		}
	}
	if !strings.Contains(printed.String(), "[redacted]") || !strings.Contains(printed.String(), "sp-1") {
		t.Error("what may be printed was not")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(exchange().Encode(), "")
	f.Add(exchange().Encode(), "Basic c3A6cHc=")
	values := exchange()
	values.Del("client_secret")
	values.Set("client_assertion", unsigned(`{"sub":"sp-1"}`))
	values.Set("client_assertion_type", assertionType)
	f.Add(values.Encode(), "")
	f.Add("grant_type=authorization_code&code=a&code=b", "")
	f.Fuzz(func(t *testing.T, raw, header string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		var authorization []string
		if header != "" {
			authorization = []string{header}
		}
		r, err := oauth.ParseToken(values, authorization)
		if err != nil {
			if e, ok := errors.AsType[oauth.Error](err); !ok || e.Place != oauth.OnJSON {
				t.Fatalf("%v is not for JSON", err)
			}
			return
		}
		c := r.Credentials
		if len(authorization) > 0 || r.Code == "" || r.RedirectURI == "" || c.ClientID == "" || c.Presented == "" ||
			c.Method != oauth.ClientSecretPost && c.Method != oauth.PrivateKeyJWT {
			t.Errorf("%q gave %+v", raw, r)
		}
		if values.Get("client_secret") != "" && values.Get("client_assertion") != "" {
			t.Errorf("%q has two methods", raw)
		}
	})
}

func FuzzParseAccess(f *testing.F) {
	f.Add("Bearer dGhlLXRva2Vu")
	f.Add("Basic c3A6cHc=")
	f.Add("Bearer a b")
	f.Fuzz(func(t *testing.T, header string) {
		token, _, err := oauth.ParseAccess([]string{header}, nil)
		if err == nil && (token == "" || len(token) > 512 || strings.ContainsAny(string(token), " \t\r\n\x00\",;")) {
			t.Errorf("%q gave %q", header, string(token))
		}
	})
}
