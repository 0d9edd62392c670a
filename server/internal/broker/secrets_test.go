package broker

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/audit"
)

// TestAssertionRaced shows one assertion sixty-four times at once, at every endpoint that takes it: it is good for one.
func TestAssertionRaced(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	pushing := s.changed(url.Values{"client_id": {"jwt-sp"}})
	token := s.exchange("unknown")
	revoking := url.Values{"token": {"unknown"}, "client_id": {"jwt-sp"}}
	for _, name := range []string{"client_id", "client_secret", "code_verifier"} {
		token.Del(name)
	}
	for round := range 2 {
		by := url.Values{"client_assertion_type": {assertionType}, "client_assertion": {s.assertion(t, nil)}}
		for _, form := range []url.Values{pushing, token, revoking} {
			maps.Copy(form, by)
		}
		before := len(s.entries(t, audit.ClientAuthFailed))
		all := race(racers, func(i int) answer {
			switch (i + round) % 3 {
			case 0:
				return s.push(t, pushing)
			case 1:
				return s.token(t, token)
			}
			return knock(t, http.MethodPost, s.issuer()+"/token/revocation", revoking.Encode(), "Content-Type", formType)
		})
		lost, won := winners(all, http.StatusUnauthorized)
		if len(won) != 1 || len(s.entries(t, audit.ClientAuthFailed)) != before+racers-1 {
			t.Fatalf("%d of %d authenticated by one assertion", len(won), racers)
		}
		for _, a := range lost {
			if !strings.Contains(a.body, "Y0486328") {
				t.Errorf("refused with %s", a.body)
			}
		}
		s.denied(t, lost[0], invalidClient("Y0486328"))
	}
}

// TestSecretsStayUnknown does logins in every way, then looks for all that was secret in them, or somebody's, in the log and in
// every file of the data folder, however it may be written.
func TestSecretsStayUnknown(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	found := map[string]string{ // what a login had that nobody else may learn
		"client secret": s.world.SP[0].Secret, "PKCE verifier": pkceVerifier, "given name": "Hélène", "family name": "Dupont",
		"mail": "helene@example.org", "birthdate": "1985-03-14", "nonce": baseNonce, "state": baseState,
	}
	uri := s.reference(t, s.pushing(withPKCE()))
	found["reference of a pushed request"] = uri[strings.LastIndexByte(uri, ':')+1:]
	b := newBrowser(t)
	release := s.approved(t, b, url.Values{"request_uri": {uri}})
	found["form token"] = tokenField.FindStringSubmatch(release.body)[1]
	end := release.submit(b, "consent", nil)
	found["code"] = code(end.trail)
	origin, err := url.Parse(s.issuer())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.client.Jar.Cookies(origin) {
		found["cookie "+c.Name] = c.Value
	}

	proof := s.tokenProof(t, keyP256())
	form := s.exchange(s.granted(t, withPKCE()))
	found["second code"], found["DPoP proof"] = form.Get("code"), proof
	access := bound(t, s.token(t, form, "DPoP", proof))
	found["bound token"], found["second DPoP proof"] = access, s.infoProof(t, keyP256(), access, nil)
	if a := s.userinfoBy(t, "Authorization", "DPoP "+access, "DPoP", found["second DPoP proof"]); a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	} else {
		found["userinfo"] = a.body
	}

	form = s.exchange(s.granted(t, url.Values{"client_id": {"jwt-sp"}}))
	for _, name := range []string{"client_id", "client_secret", "code_verifier"} {
		form.Del(name)
	}
	found["assertion"], found["third code"] = s.assertion(t, nil), form.Get("code")
	maps.Copy(form, url.Values{"client_assertion_type": {assertionType}, "client_assertion": {found["assertion"]}})
	got := redeemed(t, s.token(t, form), "openid given_name")
	found["access token"], found["ID token"] = got.AccessToken, got.IDToken
	inner, payload := s.opened(t, got.IDToken, "ECDH-ES", s.demoKey(t))
	if len(inner) == 0 {
		t.Error("no header")
	}
	var claims map[string]any
	if err := json.Unmarshal([]byte(payload), &claims); err != nil {
		t.Fatal(err)
	}
	found["sub"], _ = claims["sub"].(string)
	// Refusals are logged with more care, or less.
	for _, wrong := range []url.Values{{"code": {found["code"]}}, {"client_secret": {otherSecret}}, {"redirect_uri": {found["mail"]}}} {
		form := s.exchange("x")
		maps.Copy(form, wrong)
		s.token(t, form)
	}
	found["wrong secret"] = otherSecret
	s.nowhere(t, found)
}

// nowhere looks for secrets in what the broker keeps.
func (s scene) nowhere(t *testing.T, secrets map[string]string) {
	t.Helper()
	kept := map[string][]byte{"the log": []byte(s.log.String())}
	data := s.broker.config.DataDir()
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		kept[path] = raw
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(kept) < 4 || !bytes.Contains(kept["the log"], []byte("/token")) {
		t.Errorf("looked in %d places alone, or in a log of nothing:\n%s", len(kept), kept["the log"])
	}
	for what, secret := range secrets {
		if len(secret) < 6 {
			t.Errorf("%s is no secret: %q", what, secret)
			continue
		}
		for how, text := range map[string]string{
			"as it is": secret, "in hexadecimal": hex.EncodeToString([]byte(secret)), "in an address": url.QueryEscape(secret),
			"in base64url": base64.RawURLEncoding.EncodeToString([]byte(secret)), "in base64": base64.RawStdEncoding.EncodeToString([]byte(secret)),
			"in JSON": strings.Trim(string(made(json.Marshal(secret))), `"`),
		} {
			for where, content := range kept {
				if bytes.Contains(content, []byte(text)) {
					t.Errorf("%s %s: in %s", what, how, where)
				}
			}
		}
	}
}
