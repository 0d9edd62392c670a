package broker

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/txn"
)

// TestLogin walks a whole login with real clients on both sides; only the proof is handed in.
func TestLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	waiting, id := s.begin(b)
	if !strings.Contains(waiting.body, "Service de démonstration") || !strings.Contains(waiting.body, "élevé") {
		t.Errorf("the waiting page does not say who asks for what:\n%s", waiting.body)
	}
	if in := b.open(waiting.url.String() + "?lang=en"); !strings.Contains(in.body, "Approve on this computer") {
		t.Errorf("no English:\n%s", in.body)
	}
	s.prove(t, id)
	release := b.open(waiting.url.String())
	if release.status != http.StatusOK || !strings.Contains(release.body, "/consent") {
		t.Fatalf("rests at %s with %d:\n%s", release.url, release.status, release.body)
	}
	end := release.submit(b, "consent", nil)
	if end.status != http.StatusOK || !strings.HasPrefix(end.url.String(), s.world.SP[0].Redirect) || !strings.Contains(end.body, "Dupont") {
		t.Fatalf("rests at %s with %d:\n%s", end.url, end.status, end.body)
	}
	claims := s.claims(t)
	for name, want := range map[string]string{
		"acr": "eidas3", "given_name": "Hélène Françoise", "family_name": "Dupont", "birthplace": "69383", "iss": s.issuer(),
	} {
		if claims[name] != want {
			t.Errorf("%s = %v, want %s", name, claims[name], want)
		}
	}
	if amr, _ := json.Marshal(claims["amr"]); string(amr) != `["fc","pop","hwk","pin","mfa"]` {
		t.Errorf("amr %s", amr)
	}
	if sub, _ := claims["sub"].(string); len(sub) != 66 || !strings.HasSuffix(sub, "v1") {
		t.Errorf("sub %q", sub)
	}
	// The page that the browser kept leads nowhere, and the code is spent.
	if again := b.open(waiting.url.String()); again.status != http.StatusBadRequest && again.status != http.StatusGone {
		t.Errorf("the finished login shows %d:\n%s", again.status, again.body)
	}
	if _, err := Administer(t.Context(), Options{Config: s.world.Config, Log: s.broker.log}, VerifyAudit, nil); err != nil {
		t.Errorf("audit: %v", err)
	}
	for _, secret := range []string{"Dupont", "Hélène", "helene@example.org", "1985-03-14", code(end.trail)} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// code is the authorization code on a browser's way.
func code(trail []string) string {
	for _, address := range trail {
		if u, err := url.Parse(address); err == nil && u.Query().Get("code") != "" {
			return u.Query().Get("code")
		}
	}
	return "no code"
}

func (s scene) claims(tb testing.TB) map[string]any {
	tb.Helper()
	r, err := http.Get(s.world.SP[0].URL + "claims.json")
	if err != nil {
		tb.Fatal(err)
	}
	defer r.Body.Close()
	var claims map[string]any
	raw, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		tb.Fatalf("%v: %s", err, raw)
	}
	return claims
}

// TestNoProofNoCode tries every address in every order that a browser can: without a proof there is no code.
func TestNoProofNoCode(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	waiting, id := s.begin(b)
	resume := strings.Replace(waiting.url.String(), "/interaction/", "/authorize/", 1)
	for name, p := range map[string]page{
		"resume":                    b.open(resume),
		"consent without a token":   b.post(waiting.url.String()+"/consent", nil),
		"consent with cancel token": b.post(waiting.url.String()+"/consent", url.Values{"csrfToken": {tokenField.FindStringSubmatch(waiting.body)[1]}}),
		"waiting page again":        b.open(waiting.url.String()),
	} {
		if code(p.trail) != "no code" || strings.HasPrefix(p.url.String(), s.world.SP[0].Redirect) {
			t.Errorf("%s: reaches %s", name, p.url)
		}
	}
	state, err := s.broker.store.Load(t.Context(), s.issuer(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, still := state.(txn.Waiting); !still {
		t.Errorf("the transaction is %s", state.Name())
	}
}

// TestOtherBrowser has somebody else learn the address of a login in progress.
func TestOtherBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	b, other := newBrowser(t), newBrowser(t)
	waiting, id := s.begin(b)
	s.begin(other) // has a cookie, its own
	s.prove(t, id)
	resume := strings.Replace(waiting.url.String(), "/interaction/", "/authorize/", 1)
	for name, p := range map[string]page{
		"page":                      other.open(waiting.url.String()),
		"resume":                    other.open(resume),
		"consent":                   other.post(waiting.url.String()+"/consent", nil),
		"cancel":                    other.post(waiting.url.String()+"/cancel", nil),
		"page without any cookie":   newBrowser(t).open(waiting.url.String()),
		"resume without any cookie": newBrowser(t).open(resume),
	} {
		if p.status < 400 || strings.Contains(p.body, "Service de démonstration") || code(p.trail) != "no code" {
			t.Errorf("%s in another browser: %d at %s", name, p.status, p.url)
		}
	}
	if p := b.open(waiting.url.String()).submit(b, "consent", nil); p.status != http.StatusOK || code(p.trail) == "no code" {
		t.Errorf("the browser that began: %d at %s", p.status, p.url)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	waiting, id := s.begin(b)
	end := waiting.submit(b, "cancel", nil)
	if !strings.HasPrefix(end.url.String(), s.world.SP[0].Redirect) || end.url.Query().Get("error") == "" || end.url.Query().Get("iss") != s.issuer() {
		t.Errorf("rests at %s:\n%s", end.url, end.body)
	}
	state, err := s.broker.store.Load(t.Context(), s.issuer(), id)
	if err == nil {
		if _, ended := state.(txn.Ended); !ended {
			t.Errorf("the transaction is %s", state.Name())
		}
	}
	if p := waiting.submit(b, "cancel", nil); p.status < 400 {
		t.Errorf("the same form again: %d", p.status)
	}
}
