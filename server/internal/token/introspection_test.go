package token_test

import (
	"context"
	"crypto/elliptic"
	"encoding/json"
	"errors"
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

func introspection() token.Introspection {
	return token.Introspection{
		Client: "the-service", Subject: subject, Level: assurance.High, Scopes: []string{"dgfip_rfr", "given_name"},
		ID: "the-token", Issued: at.Add(-20 * time.Second), Expires: at.Add(40 * time.Second),
		Claims: []claims.Claim{{Name: "given_name", Text: "Hélène"}, {Name: "rnipp_given_name_array", List: []string{"Hélène"}}},
	}
}

const (
	about    = `"sub":"` + subject + `","iat":1772600747,"exp":1772600807,"acr":"eidas3","jti":"the-token","scope":"dgfip_rfr given_name"`
	identity = `,"given_name":"Hélène","rnipp_given_name_array":["Hélène"]`
	around   = `{"iss":"` + issuer + `","aud":"` + clientID + `","iat":1772600767,"token_introspection":`
	standard = `{"active":true,"iss":"` + issuer + `","client_id":"the-service","token_type":"Bearer",`
)

// TestIntrospectionGolden writes each form of the answer, member by member: /checktoken as franceconnect.md 5 has it, the
// others as RFC 9701 §5 and RFC 7662 §2.2 do. In JSON there is no identity; about a token that is good for nothing there is
// nothing at all.
func TestIntrospectionGolden(t *testing.T) {
	t.Parallel()
	none := introspection()
	none.Scopes, none.Claims = nil, nil
	bound := introspection()
	bound.Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" // RFC 9449 §6.2
	const key = `,"cnf":{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}`
	for name, row := range map[string]struct {
		of                          token.Introspection
		checktoken, response, plain string
	}{
		"active": {
			introspection(),
			around + `{"active":true,"aud":"the-service",` + about + identity + `}}`,
			around + standard + about + identity + `}}`,
			standard + about + `}`,
		},
		"no scope": {
			none,
			around + `{"active":true,"aud":"the-service",` + strings.Replace(about, "dgfip_rfr given_name", "", 1) + `}}`,
			around + standard + strings.Replace(about, "dgfip_rfr given_name", "", 1) + `}}`,
			standard + strings.Replace(about, "dgfip_rfr given_name", "", 1) + `}`,
		},
		"bound to a key": {
			bound,
			around + `{"active":true,"aud":"the-service",` + about + key + identity + `}}`,
			around + strings.Replace(standard, "Bearer", "DPoP", 1) + about + key + identity + `}}`,
			strings.Replace(standard, "Bearer", "DPoP", 1) + about + key + `}`,
		},
		"inactive": {token.Introspection{}, around + `{"active":false}}`, around + `{"active":false}}`, `{"active":false}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for want, write := range map[string]func(token.Frame) ([]byte, error){
				"1" + row.checktoken: row.of.Checktoken, "2" + row.response: row.of.Response, "3" + row.plain: row.of.Plain,
			} {
				got, err := write(frame())
				if diff := cmp.Diff(want[1:], string(got)); diff != "" || err != nil {
					t.Errorf("%v: %s", err, diff)
				}
			}
		})
	}
}

// TestIntrospectionRefuses changes one thing: what is missing, out of bounds, or says something of a token that is good for
// nothing.
func TestIntrospectionRefuses(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(i *token.Introspection, f *token.Frame){
		"no issuer":            func(_ *token.Introspection, f *token.Frame) { f.Issuer = "" },
		"no audience":          func(_ *token.Introspection, f *token.Frame) { f.Audience = "" },
		"no time":              func(_ *token.Introspection, f *token.Frame) { f.At = time.Time{} },
		"no client":            func(i *token.Introspection, _ *token.Frame) { i.Client = "" },
		"no subject":           func(i *token.Introspection, _ *token.Frame) { i.Subject = "" },
		"no level":             func(i *token.Introspection, _ *token.Frame) { i.Level = 0 },
		"no identifier":        func(i *token.Introspection, _ *token.Frame) { i.ID = "" },
		"expired":              func(_ *token.Introspection, f *token.Frame) { f.At = at.Add(40 * time.Second) },
		"expires before":       func(i *token.Introspection, _ *token.Frame) { i.Issued = i.Expires },
		"lives too long":       func(i *token.Introspection, _ *token.Frame) { i.Issued = i.Expires.Add(-token.MaxLife - time.Second) },
		"no scope":             func(i *token.Introspection, _ *token.Frame) { i.Scopes = []string{""} },
		"two scopes in one":    func(i *token.Introspection, _ *token.Frame) { i.Scopes = []string{"a b"} },
		"claim named active":   func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = "active" },
		"claim named scope":    func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = "scope" },
		"claim named acr":      func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = "acr" },
		"claim named sub":      func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = "sub" },
		"no thumbprint":        func(i *token.Introspection, _ *token.Frame) { i.Thumbprint = "a b" },
		"claim named cnf":      func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = "cnf" },
		"inactive with key":    func(i *token.Introspection, _ *token.Frame) { *i = token.Introspection{Thumbprint: "x"} },
		"claim twice":          func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Name = i.Claims[1].Name },
		"claim not UTF-8":      func(i *token.Introspection, _ *token.Frame) { i.Claims[0].Text = "\xff" },
		"inactive with level":  func(i *token.Introspection, _ *token.Frame) { *i = token.Introspection{Level: assurance.Low} },
		"inactive with scope":  func(i *token.Introspection, _ *token.Frame) { *i = token.Introspection{Scopes: []string{"x"}} },
		"inactive with claims": func(i *token.Introspection, _ *token.Frame) { *i = token.Introspection{Claims: i.Claims} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i, f := introspection(), frame()
			change(&i, &f)
			for form, write := range map[string]func(token.Frame) ([]byte, error){"checktoken": i.Checktoken, "response": i.Response} {
				if got, err := write(f); err == nil {
					t.Errorf("%s: %s", form, got)
				}
			}
		})
	}
}

// SignAs signs as signer.Sign does, with a type.
func (s signer) SignAs(_ context.Context, typ string, payload []byte) (string, error) {
	return s.jws(`{"alg":"ES256","kid":"`+s.kid+`","typ":"`+typ+`"}`, payload)
}

// TestSealAs: the inner header has its type; the outer one is that of other answers, or bare.
func TestSealAs(t *testing.T) {
	t.Parallel()
	s, key := newSigner(t), curveKey(t, elliptic.P256())
	payload, err := introspection().Checktoken(frame())
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		alg   string
		key   any
		open  any
		bare  bool
		outer []string
	}{
		"ECDH-ES":            {"ECDH-ES", &key.PublicKey, key, false, []string{"alg", "aud", "cty", "enc", "epk", "iss", "kid"}},
		"ECDH-ES, bare":      {"ECDH-ES", &key.PublicKey, key, true, []string{"alg", "enc", "epk"}},
		"RSA-OAEP-256":       {"RSA-OAEP-256", &rsaKey().PublicKey, rsaKey(), false, []string{"alg", "aud", "cty", "enc", "iss", "kid"}},
		"RSA-OAEP-256, bare": {"RSA-OAEP-256", &rsaKey().PublicKey, rsaKey(), true, []string{"alg", "enc"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := recipient(t, row.alg, row.key)
			if row.bare {
				var err error
				if to, err = to.Bare(); err != nil {
					t.Fatal(err)
				}
			}
			compact, err := token.SealAs(t.Context(), s, to, token.Message{Type: token.TypeIntrospection, Payload: payload})
			if err != nil {
				t.Fatal(err)
			}
			got, err := open(compact, row.open, &s.key.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(row.outer, slices.Sorted(maps.Keys(got.outer))); diff != "" {
				t.Errorf("outer header: %s", diff)
			}
			want := map[string]any{"alg": "ES256", "kid": s.kid, "typ": "token-introspection+jwt"}
			if diff := cmp.Diff(want, got.header); diff != "" || string(got.raw) != string(payload) || got.outer["enc"] != "A256GCM" || got.outer["alg"] != row.alg {
				t.Errorf("header: %s; payload %s", diff, got.raw)
			}
		})
	}
}

// TestBareIsEncrypted: an answer without names is one that is encrypted.
func TestBareIsEncrypted(t *testing.T) {
	t.Parallel()
	for name, to := range map[string]token.Recipient{"signed alone": token.SignedAlone(), "nobody": {}} {
		if _, err := to.Bare(); err == nil {
			t.Error(name)
		}
	}
}

// wrong is a signer that returns something else than it was asked for.
type wrong struct {
	signer
	header  string
	payload func([]byte) []byte
}

// SignAs signs, but not what it was asked to.
func (w wrong) SignAs(_ context.Context, _ string, payload []byte) (string, error) {
	if w.payload != nil {
		payload = w.payload(payload)
	}
	return w.jws(w.header, payload)
}

// TestSealAsChecksTheSigner: a header or a payload that is another is not released.
func TestSealAsChecksTheSigner(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	message := token.Message{Type: "token-introspection+jwt", Payload: []byte(`{"iss":"` + issuer + `"}`)}
	good := `{"alg":"ES256","kid":"k","typ":"token-introspection+jwt"}`
	for name, row := range map[string]struct {
		header  string
		payload func([]byte) []byte
		ok      bool
	}{
		"base":           {good, nil, true},
		"no type":        {`{"alg":"ES256","kid":"k"}`, nil, false},
		"other type":     {`{"alg":"ES256","kid":"k","typ":"JWT"}`, nil, false},
		"no kid":         {`{"alg":"ES256","typ":"token-introspection+jwt"}`, nil, false},
		"kid a number":   {`{"alg":"ES256","kid":1,"typ":"token-introspection+jwt"}`, nil, false},
		"none":           {`{"alg":"none","kid":"k","typ":"token-introspection+jwt"}`, nil, false},
		"more":           {`{"alg":"ES256","kid":"k","typ":"token-introspection+jwt","crit":[]}`, nil, false},
		"kid twice":      {`{"alg":"ES256","kid":"j","kid":"k","typ":"token-introspection+jwt"}`, nil, false},
		"no JSON":        {`{"alg"`, nil, false},
		"other payload":  {good, func([]byte) []byte { return []byte("{}") }, false},
		"larger payload": {good, func(p []byte) []byte { return append(slices.Clone(p), ' ') }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := token.SealAs(t.Context(), wrong{s, row.header, row.payload}, token.SignedAlone(), message)
			if (err == nil) != row.ok || (got != "") != row.ok {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	for name, m := range map[string]token.Message{"no type": {Payload: message.Payload}, "no payload": {Type: "a"}} {
		if got, err := token.SealAs(t.Context(), s, token.SignedAlone(), m); err == nil {
			t.Errorf("%s: %s", name, got)
		}
	}
	if _, err := token.SealAs(t.Context(), s, token.Recipient{}, message); err == nil {
		t.Error("sealed to nobody")
	}
	if _, err := token.SealAs(t.Context(), failing{}, token.SignedAlone(), message); !errors.Is(err, errFailing) {
		t.Error("a signer that fails:", err)
	}
}

var errFailing = errors.New("no key")

type failing struct{}

// SignAs fails.
func (failing) SignAs(context.Context, string, []byte) (string, error) { return "", errFailing }

// TestIntrospectionIsJSON reads what was written by another reader.
func TestIntrospectionIsJSON(t *testing.T) {
	t.Parallel()
	i := introspection()
	i.Client = `a"b\c<d>`
	for _, write := range []func(token.Frame) ([]byte, error){i.Checktoken, i.Response, i.Plain} {
		raw, err := write(frame())
		if err != nil || !json.Valid(raw) {
			t.Errorf("%v: %s", err, raw)
		}
	}
}
