package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// relyingParty is openid-client, as testdata/openid-client/sp.mjs drives it.
type relyingParty struct{ *process }

// opinion is what it says of a login.
type opinion struct {
	Claims   map[string]any
	Userinfo map[string]any
	Refused  string
}

// needOpenIDClient skips where the judge is not installed.
func needOpenIDClient(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("skipped: no node")
	}
	if _, err := os.Stat("testdata/openid-client/node_modules/openid-client/package.json"); err != nil {
		t.Skip("skipped: openid-client is not installed (.ci/deps)")
	}
}

// relyingParty starts a service provider that calls the broker by an address of its own, if one is given.
func (s *stage) relyingParty(t *testing.T, level, through string) (relyingParty, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "sp.mjs")
	cmd.Dir = "testdata/openid-client"
	rp := relyingParty{launch(t, cmd, true)}
	sp := s.demo.SP[0]
	rp.tell(t, map[string]any{
		"issuer": s.demo.Issuers["plus"], "client_id": sp.ClientID, "client_secret": sp.Secret, "redirect_uri": sp.Redirect,
		"level": level, "key": s.key(t), "through": through,
	})
	var begun struct{ URL string }
	rp.hear(t, &begun)
	return rp, begun.URL
}

// key is the private key of the demonstration's service, as a JWK.
func (s *stage) key(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.data, "sp-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(raw)
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	point, err1 := key.PublicKey.Bytes()
	d, err2 := key.Bytes()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	text := base64.RawURLEncoding.EncodeToString
	return map[string]string{
		"kty": "EC", "crv": "P-256", "kid": "demo-enc", "x": text(point[1:33]), "y": text(point[33:]), "d": text(d),
	}
}

func (rp relyingParty) tell(t *testing.T, message any) {
	t.Helper()
	if err := json.NewEncoder(rp.stdin).Encode(message); err != nil {
		t.Fatal(err)
	}
}

func (rp relyingParty) hear(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(rp.until(t, "{")), into); err != nil {
		t.Fatal(err)
	}
}

// judge walks a login that the service provider began, and hands it where the browser came back to.
func (c *citizen) judge(t *testing.T, rp relyingParty, address string) opinion {
	t.Helper()
	v := newVisitor(t, c.demo.SP[0].Redirect)
	page := v.open(t, address)
	app := c.app(t, "approve", page.link(), "--yes")
	end := v.through(t, page)
	if told := app.tells(t); !told.OK {
		t.Fatalf("%+v", told)
	}
	rp.tell(t, map[string]string{"callback": end.at.String()})
	var o opinion
	rp.hear(t, &o)
	return o
}

// TestOpenIDClient has another implementation of OpenID Connect be the service provider.
func TestOpenIDClient(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	needOpenIDClient(t)
	c := newWorld(t).open(t).citizen(t, "genuine").paired(t)
	rp, address := c.relyingParty(t, "eidas3", "")
	o := c.judge(t, rp, address)
	if o.Refused != "" || o.Claims["acr"] != "eidas3" || o.Claims["sub"] != o.Userinfo["sub"] ||
		fmt.Sprint(o.Claims["amr"]) != "[fc pop hwk pin mfa]" {
		t.Errorf("%+v", o)
	}
	for name, want := range map[string]string{
		"given_name": "Hélène Françoise", "family_name": "DUPONT", "birthdate": "1985-03-14", "gender": "female", "birthplace": "69383",
		"birthcountry": "99100", "rnipp_given_name": "Hélène Françoise", "rnipp_family_name": "DUPONT", "rnipp_birthdate": "1985-03-14",
		"rnipp_gender": "female", "rnipp_birthplace": "69383", "rnipp_birthcountry": "99100",
	} {
		if o.Userinfo[name] != want {
			t.Errorf("userinfo: %s is %v, want %q", name, o.Userinfo[name], want)
		}
	}

	t.Run("a login given up", func(t *testing.T) {
		rp, address := c.relyingParty(t, "eidas3", "")
		v := newVisitor(t, c.demo.SP[0].Redirect)
		end := v.press(t, v.open(t, address), "cancel")
		rp.tell(t, map[string]string{"callback": end.at.String()})
		var o opinion
		if rp.hear(t, &o); !end.door || !strings.Contains(o.Refused, "access_denied") {
			t.Errorf("%s: %+v", end, o)
		}
	})
	for _, row := range []struct{ name, path, refused string }{
		{"no byte changed", "", ""},
		{"a byte of the ID token", "/token", "DECRYPT"},
		{"a byte of userinfo", "/userinfo", "DECRYPT"},
	} {
		t.Run(row.name, func(t *testing.T) {
			between := c.between(t, row.path)
			rp, address := c.relyingParty(t, "eidas2", between)
			o := c.judge(t, rp, address)
			if row.refused == "" && (o.Refused != "" || o.Claims["acr"] != "eidas2") || !strings.Contains(o.Refused, row.refused) || o.Refused != "" && len(o.Claims) > 0 {
				t.Errorf("%+v, want %q", o, row.refused)
			}
		})
	}
}

// between is somebody on the wire who changes one byte of an answer that is protected: in the middle of its longest part.
func (s *stage) between(t *testing.T, path string) string {
	t.Helper()
	to, err := url.Parse(s.origin())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to) // and the Host is the broker's
		},
		ModifyResponse: func(r *http.Response) error {
			if path == "" || !strings.HasSuffix(r.Request.URL.Path, path) {
				return nil
			}
			raw, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			parts := slices.SortedFunc(bytes.SplitSeq(raw, []byte(".")), func(a, b []byte) int { return len(b) - len(a) })
			middle := bytes.Index(raw, parts[0]) + len(parts[0])/2
			raw[middle] = map[bool]byte{true: 'B', false: 'A'}[raw[middle] == 'A']
			r.Body = io.NopCloser(bytes.NewReader(raw))
			return nil
		},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}
