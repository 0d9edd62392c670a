package broker

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/audit"
)

// publisher is a service provider that publishes its keys.
type publisher struct {
	server *httptest.Server
	set    atomic.Value
	asked  atomic.Int64
	down   atomic.Bool
}

func newPublisher(tb testing.TB) *publisher {
	tb.Helper()
	p := new(publisher)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.asked.Add(1)
		if p.down.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = fmt.Fprint(w, p.set.Load())
	}))
	tb.Cleanup(p.server.Close)
	return p
}

// publish is register for a broker without trust anchors.
func (s scene) publish(tb testing.TB, files map[string]string) {
	tb.Helper()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(filepath.Dir(s.world.Config), "registry", "sp", name), []byte(content), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	if err := s.broker.registry.Reload(); err != nil {
		tb.Fatal(err)
	}
}

// TestJWKSURI follows a client whose keys are at an address: a login, a change of keys, and a day on which the address does
// not answer, which costs no code.
func TestJWKSURI(t *testing.T) {
	t.Parallel()
	var c clock
	s := startBy(t, &c)
	p := newPublisher(t)
	encryption := jose.JSONWebKey{Key: s.demoKey(t).Public(), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"}
	p.set.Store(keySet(t, jose.JSONWebKey{Key: keys3072().Public(), KeyID: "old", Use: "sig", Algorithm: "RS256"}, encryption))
	files := s.demoRecord(t, "jwt-sp", `"client_secret_post"`, `"private_key_jwt"`, `client_secret_files        = ["demo-sp.secret"]`, "",
		`jwks_file                  = "demo-sp.jwks"`, `jwks_uri = "`+p.server.URL+`/jwks"`)
	s.publish(t, files)
	exchange := func(code string) answer {
		t.Helper()
		form := s.exchange(code)
		maps.Copy(form, url.Values{"client_assertion_type": {assertionType}, "client_assertion": {s.assertion(t, map[string]any{"exp": c.now().Add(time.Minute).Unix()})}})
		for _, name := range []string{"client_id", "client_secret", "code_verifier"} {
			form.Del(name)
		}
		return s.token(t, form)
	}
	code := s.granted(t, url.Values{"client_id": {"jwt-sp"}})
	s.denied(t, exchange(code), invalidClient("Y0434A7B"))
	p.set.Store(keySet(t, jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-1", Use: "sig", Algorithm: "ES256"}, encryption))
	s.denied(t, exchange(code), invalidClient("Y0434A7B")) // asked a moment ago
	if n := p.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	c.advance(time.Minute)
	code = s.granted(t, url.Values{"client_id": {"jwt-sp"}})
	got := redeemed(t, exchange(code), "openid given_name")
	if n := p.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
	header, _ := s.opened(t, got.IDToken, jose.ECDH_ES, s.demoKey(t))
	said(t, header, map[string]string{"kid": `"enc-1"`})
	if a := s.userinfo(t, got.AccessToken); a.status != http.StatusOK {
		t.Errorf("userinfo: %d", a.status)
	}

	p.down.Store(true)
	c.advance(25 * time.Hour)
	code = s.granted(t, url.Values{"client_id": {"jwt-sp"}})
	before := len(s.entries(t, audit.ClientAuthFailed))
	s.denied(t, exchange(code), denial{503, "temporarily_unavailable", "the service is temporarily unavailable", "Y190005", ""})
	if since := s.entries(t, audit.ClientAuthFailed)[before:]; len(since) != 1 || since[0].Reason != "unavailable" || since[0].Client != "jwt-sp" {
		t.Errorf("audit entries %+v", since)
	}
}
