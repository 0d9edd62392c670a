package client_test

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/client"
	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

// requester is the client that signs its requests.
func requester(t testing.TB) client.Record {
	t.Helper()
	r := signer(t)
	r.Authentication.ObjectAlg = "ES256"
	return r
}

func objectHeader() members {
	return members{{"alg", `"ES256"`}, {"kid", `"s1"`}, {"typ", `"oauth-authz-req+jwt"`}}
}

func objectClaims() members {
	return members{
		{"iss", `"sp-2"`},
		{"aud", quoted(issuer)},
		{"exp", seconds(time.Minute)},
		{"nbf", seconds(0)},
		{"jti", `"j"`},
		{"client_id", `"sp-2"`},
		{"scope", `"openid"`},
		{"state", `"s"`},
		{"claims", `{"id_token":{"amr":null}}`},
		{"max_age", "0"},
	}
}

// TestOpenRequest changes one thing of a signed request that is good.
func TestOpenRequest(t *testing.T) {
	t.Parallel()
	h, p := objectHeader(), objectClaims()
	open := func(t *testing.T, r client.Record, object string) (url.Values, error) {
		t.Helper()
		return build(t, r).OpenRequest(t.Context(), oauth.Secret(object), check(new(memory)))
	}
	good := sign(t, keys().sign, h.encode(), p.encode())
	values, err := open(t, requester(t), good)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{"client_id": {"sp-2"}, "scope": {"openid"}, "state": {"s"}, "claims": {`{"id_token":{"amr":null}}`}, "max_age": {"0"}}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Error(diff)
	}
	if _, err := open(t, requester(t), good); err != nil {
		t.Errorf("again: %v", err)
	}
	by := func(header, claims members) string { return sign(t, keys().sign, header.encode(), claims.encode()) }
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"oauth-authz-req+jwt"}`))
	for _, row := range []struct {
		name, object string
		want         oauth.Fault
	}{
		{"without kid", by(h.with("kid", ""), p), 0},
		{"the full type", by(h.with("typ", `"application/oauth-authz-req+jwt"`), p), 0},
		{"without nbf", by(h, p.with("nbf", "")), 0},
		{"a list of one audience", by(h, p.with("aud", "["+quoted(issuer)+"]")), 0},
		{"an hour", by(h, p.with("exp", seconds(time.Hour))), 0},

		{"no type", by(h.with("typ", ""), p), oauth.FaultObjectForm},
		{"any JWT", by(h.with("typ", `"JWT"`), p), oauth.FaultObjectForm},
		{"an assertion", sign(t, keys().sign, joseHeader().encode(), claims().encode()), oauth.FaultObjectForm},
		{"none", none + "." + parts[1] + ".", oauth.FaultObjectForm},
		{"none with a signature", none + "." + parts[1] + "." + parts[2], oauth.FaultObjectForm},
		{"RS256", by(h.with("alg", `"RS256"`), p), oauth.FaultObjectForm},
		{"HS256", by(h.with("alg", `"HS256"`), p), oauth.FaultObjectForm},
		{"crit", by(h.with("crit", `["exp"]`), p), oauth.FaultObjectForm},
		{"jku", by(h.with("jku", `"https://evil.example.com/"`), p), oauth.FaultObjectForm},
		{"jwk", by(h.with("jwk", `{}`), p), oauth.FaultObjectForm},
		{"x5c", by(h.with("x5c", `["AAAA"]`), p), oauth.FaultObjectForm},
		{"alg twice", by(h.also("alg", `"none"`), p), oauth.FaultObjectForm},
		{"an empty kid", by(h.with("kid", `""`), p), oauth.FaultObjectForm},
		{"two parts", parts[0] + "." + parts[1], oauth.FaultObjectForm},
		{"encrypted", good + ".a.b", oauth.FaultObjectForm},
		{"a line end", good + "\n", oauth.FaultObjectForm},
		{"a claim twice", by(h, p.also("scope", `"openid email"`)), oauth.FaultObjectForm},
		{"another key", sign(t, keys().other, h.encode(), p.encode()), oauth.FaultObjectSignature},
		{"the encryption key", sign(t, keys().seal, h.encode(), p.encode()), oauth.FaultObjectSignature},
		{"an unknown kid", by(h.with("kid", `"s9"`), p), oauth.FaultObjectSignature},
		{"edited", parts[0] + "." + p.with("scope", `"openid email"`).encode() + "." + parts[2], oauth.FaultObjectSignature},
		{"no issuer", by(h, p.with("iss", "")), oauth.FaultObjectClaims},
		{"another's", by(h, p.with("iss", `"sp-1"`)), oauth.FaultObjectClaims},
		{"a subject", by(h, p.with("sub", `"sp-2"`)), oauth.FaultObjectClaims},
		{"no audience", by(h, p.with("aud", "")), oauth.FaultObjectClaims},
		{"another audience", by(h, p.with("aud", `"https://other.example.fr"`)), oauth.FaultObjectClaims},
		{"two audiences", by(h, p.with("aud", "["+quoted(issuer)+`,"https://other.example.fr"]`)), oauth.FaultObjectClaims},
		{"no expiry", by(h, p.with("exp", "")), oauth.FaultObjectTime},
		{"expired", by(h, p.with("exp", seconds(-10*time.Second))), oauth.FaultObjectTime},
		{"for two hours", by(h, p.with("exp", seconds(2*time.Hour))), oauth.FaultObjectTime},
		{"not yet", by(h, p.with("nbf", seconds(11*time.Second))), oauth.FaultObjectTime},
		{"of yesterday", by(h, p.with("nbf", seconds(-24*time.Hour))), oauth.FaultObjectTime},
		{"iat in the future", by(h, p.with("iat", seconds(time.Minute))), oauth.FaultObjectTime},
		{"a time that is a text", by(h, p.with("exp", `"tomorrow"`)), oauth.FaultObjectTime},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			values, err := open(t, requester(t), row.object)
			if row.want == 0 {
				if err != nil || values.Get("scope") != "openid" {
					t.Errorf("%v", err)
				}
				return
			}
			page, ok := errors.AsType[oauth.PageError](err)
			if !ok || page.Err.Fault != row.want || page.Parameter != "request" || values != nil {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
	if _, err := open(t, signer(t), good); !isPage(err, oauth.FaultObjectUnregistered) {
		t.Errorf("a client that does not sign: %v", err)
	}
	struck := requester(t)
	struck.Active = false
	if _, err := open(t, struck, good); !isPage(err, oauth.FaultUnknownClient) {
		t.Errorf("not active: %v", err)
	}
	if _, err := (*client.Client)(nil).OpenRequest(t.Context(), oauth.Secret(good), check(new(memory))); !isPage(err, oauth.FaultUnknownClient) {
		t.Errorf("unknown: %v", err)
	}
}

func isPage(err error, want oauth.Fault) bool {
	page, ok := errors.AsType[oauth.PageError](err)
	return ok && page.Err.Fault == want
}

// TestOpenRequestByPublishedKey: keys may be at an address.
func TestOpenRequestByPublishedKey(t *testing.T) {
	t.Parallel()
	r := publisher(t)
	r.Authentication.ObjectAlg = "ES256"
	object := oauth.Secret(sign(t, keys().sign, objectHeader().encode(), objectClaims().encode()))
	k := check(new(memory))
	k.Keys = &source{sets: [][]byte{jwks(t, sealKey()), jwks(t, signKey())}}
	if _, err := build(t, r).OpenRequest(t.Context(), object, k); err != nil {
		t.Error(err)
	}
	k.Keys = &source{err: keyset.ErrUnavailable}
	if _, err := build(t, r).OpenRequest(t.Context(), object, k); !errors.Is(err, keyset.ErrUnavailable) {
		t.Error(err)
	}
}

// TestRecordOfSignedRequests: what a record says of them goes together.
func TestRecordOfSignedRequests(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, want string
		change     func(*client.Record)
	}{
		{"the base", "", func(*client.Record) {}},
		{"demanded", "", func(r *client.Record) { r.Authentication.SignedOnly = true }},
		{"demanded without algorithm", "needs it", func(r *client.Record) { r.Authentication.SignedOnly, r.Authentication.ObjectAlg = true, "" }},
		{"none", "not ES256", func(r *client.Record) { r.Authentication.ObjectAlg = "none" }},
		{"without a key", "key of use sig", func(r *client.Record) { *r = record(t); r.Authentication.ObjectAlg = "ES256" }},
	} {
		r := requester(t)
		row.change(&r)
		_, err := client.New(r, oauth.Plus())
		if row.want == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		checkField(t, row.name, err, "request_object_signing_alg", row.want)
	}
}
