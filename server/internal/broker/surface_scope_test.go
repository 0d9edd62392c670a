package broker

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestB5Scopes: unknown scopes are ignored, those without a right are refused, and an anonymous connection is told of nothing
// but the sub.
func TestB5Scopes(t *testing.T) {
	t.Parallel()
	s := start(t).standard()
	always := []string{"sub", "aud", "exp", "iat", "iss"}
	for scope, carried := range map[string][]string{
		"openid":                          nil,
		"openid unknown address phone":    nil,
		"openid family_name unknown":      {"family_name"},
		"openid birth":                    {"birthplace", "birthcountry"},
		"openid profile":                  {"given_name", "family_name", "birthdate", "gender"},
		"openid gender email gender":      {"gender", "email"},
		"openid idp_birthdate":            {"idp_birthdate"},
		"openid identite_pivot birthdate": {"given_name", "family_name", "birthdate", "gender", "birthplace", "birthcountry"},
	} {
		t.Run(scope, func(t *testing.T) {
			form := s.exchange(s.granted(t, low(url.Values{"scope": {scope}})))
			form.Del("code_verifier")
			a := s.token(t, form)
			var got issued
			if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK {
				t.Fatalf("%d: %s", a.status, a.body)
			}
			for word := range strings.FieldsSeq(got.Scope) {
				if slices.Contains([]string{"unknown", "address", "phone"}, word) {
					t.Errorf("scope %q was granted", word)
				}
			}
			members(t, s.signed(t, s.userinfo(t, got.AccessToken).body, jose.RS256), slices.Concat(always, carried)...)
		})
	}
	for _, scope := range []string{"openid dgfip_rfr", "openid amr"} { // known at this profile, and not this client's
		s.told(t, s.authorize(t, http.MethodGet, s.changed(low(url.Values{"scope": {scope}})).Encode()), s.world.SP[0].Redirect, clientRow{
			"", nil, "invalid_scope", "requested scope is not allowed", "scope-not-entitled", false,
		}, baseState)
	}
}

// TestB6Sub: clients of one entity share the sub of a person, at both profiles; another entity has another.
func TestB6Sub(t *testing.T) {
	t.Parallel()
	plus := start(t)
	s := plus.standard()
	const entity, shared, second = "demonstration-service-of-pivot-0002", "demonstration-service-of-pivot-0001", "twin-sp"
	record := func(id, of string) string {
		text := readText(t, recordOf(s, "demo-standard-sp.toml"))
		return strings.NewReplacer(`"demo-standard-sp"`, `"`+id+`"`, entity, of).Replace(text)
	}
	s.register(t, map[string]string{second + ".toml": record(second, entity), "joined-sp.toml": record("joined-sp", shared)})
	sub := func(id string) string {
		t.Helper()
		form := s.exchange(s.granted(t, low(url.Values{"client_id": {id}})))
		form.Del("code_verifier")
		form.Set("client_id", id)
		var claims struct {
			Sub string `json:"sub"`
		}
		if err := json.Unmarshal([]byte(s.signed(t, redeemed(t, s.token(t, form), "openid given_name").IDToken, jose.RS256)), &claims); err != nil {
			t.Fatal(err)
		}
		if len(claims.Sub) != 66 || !strings.HasSuffix(claims.Sub, "v1") {
			t.Errorf("sub %q", claims.Sub)
		}
		return claims.Sub
	}
	own := sub("demo-standard-sp")
	if sub("demo-standard-sp") != own || sub(second) != own {
		t.Error("clients of one entity have two subs")
	}
	form := plus.exchange(plus.granted(t, nil))
	form.Del("code_verifier")
	_, payload := plus.opened(t, redeemed(t, plus.token(t, form), "openid given_name").IDToken, jose.ECDH_ES, plus.demoKey(t))
	if joined := sub("joined-sp"); joined == own || !strings.Contains(payload, joined) {
		t.Error("the entity does not decide the sub")
	}
}
