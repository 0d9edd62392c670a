package broker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/config"

	"github.com/go-jose/go-jose/v4"
)

// TestJudges has three clients that others wrote do a full login each, at each profile, in each way that they authenticate and
// are answered.
func TestJudges(t *testing.T) {
	t.Parallel()
	s := start(t)
	rows := []arrange{
		{profile: "plus", signed: "ES256", sealed: "ECDH-ES"},
		{profile: "plus", signed: "ES256", sealed: "ECDH-ES", assertion: jose.ES256},
		{profile: "plus", signed: "ES256", sealed: "RSA-OAEP-256", assertion: jose.ES256},
		{profile: "standard", signed: "ES256"},
		{profile: "standard", signed: "RS256"},
		{profile: "standard", signed: "ES256", assertion: jose.ES256},
		{profile: "standard", signed: "RS256", assertion: jose.RS256},
	}
	trials := make([]trial, len(rows))
	for i, row := range rows {
		trials[i] = s.at(row.profile).arranged(t, row)
	}
	for _, name := range judgeNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJudge(t, name)
			for i, row := range rows {
				t.Run(row.String(), func(t *testing.T) {
					o := s.at(row.profile).judged(t, j, trials[i])
					if o.content(t, trials[i]); o.Type != "bearer" {
						t.Errorf("token_type %q", o.Type)
					}
				})
			}
		})
	}
}

// TestJudgesBeyond has two of them use what FranceConnect does not have as well: a signed request that is pushed, a token that
// is bound to a key, its introspection by a data provider, revocation, and a logout that asks nothing.
func TestJudgesBeyond(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.providers(t)
	trials := make(map[string]trial)
	const strict = "request_object_signing_alg = \"ES256\"\nrequire_pushed_authorization_requests = true\ndpop_bound_access_tokens = true\nrequire_pkce = true\n"
	for _, row := range []arrange{
		{profile: "plus", signed: "ES256", sealed: "ECDH-ES", assertion: jose.ES256, more: strict},
		{profile: "standard", signed: "ES256", assertion: jose.ES256, more: strict},
	} {
		asked := s.at(row.profile).arranged(t, row)
		asked.extras = extras{Pushed: true, Bound: true, Revoke: true, Object: judgeKey("sig-ES256"), Left: judgeLeft}
		if row.profile == "plus" {
			key := jose.JSONWebKey{Key: s.demoKey(t), KeyID: "enc-1", Use: "enc", Algorithm: "ECDH-ES"}
			asked.Provider = &trial{ClientID: "dp-ec", ClientSecret: providerSecret, Decrypt: &key}
		}
		trials[row.profile] = asked
	}
	for _, name := range judgeNames()[:2] {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJudge(t, name)
			for profile, asked := range trials {
				t.Run(profile, func(t *testing.T) {
					s := s.at(profile)
					c := s.citizen(t)
					address, finish := j.begin(t, asked)
					if address == "" {
						t.Fatal(finish("").Refused)
					}
					if query := mustQuery(t, address); !query.Has("request_uri") || query.Has("request") || query.Has("nonce") {
						t.Errorf("the request is not pushed: %s", address)
					}
					o := finish(c.login(t, address))
					o.content(t, asked)
					if o.Type != "dpop" || o.Revoked != "invalid_token" {
						t.Errorf("token_type %q; after the revocation: %q", o.Type, o.Revoked)
					}
					if asked.Provider != nil {
						introspected(t, o, asked)
					}
					if _, out := c.visit(t, http.MethodGet, o.Leave, nil); out != judgeLeft+"?state=leaving" {
						t.Errorf("logout leads to %q", out)
					}
				})
			}
		})
	}
}

// introspected compares what the data provider learnt.
func introspected(t *testing.T, o opinion, asked trial) {
	t.Helper()
	got := o.Introspected
	bound, _ := got["cnf"].(map[string]any)
	if got["active"] != true || got["client_id"] != asked.ClientID || got["acr"] != asked.Level || got["birthdate"] != "1985-03-14" ||
		got["family_name"] != nil || got["sub"] == o.Claims["sub"] || len(fmt.Sprint(bound["jkt"])) != 43 {
		t.Errorf("introspection says %v", got)
	}
}

func mustQuery(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// meddler sits between a client and the broker. It knows the client's key, so that it can change what is inside.
type meddler struct {
	scene

	trial   trial
	at      string // end of the path whose answer it changes
	change  func(m meddler, inner string) (string, error)
	outside bool // it changes the encryption, not what is inside
	did     *atomic.Int64
}

// serve gives the meddler's origin.
func (m meddler) serve(tb testing.TB) string {
	tb.Helper()
	to, err := url.Parse(strings.TrimSuffix(m.issuer(), "/api/v2"))
	if err != nil {
		tb.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }, // and the Host is the broker's
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode != http.StatusOK || !strings.HasSuffix(r.Request.URL.Path, m.at) {
				return nil
			}
			raw, err := io.ReadAll(r.Body)
			if err == nil {
				raw, err = rewrite(m.at, raw, m.rewrite)
			}
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(raw)), int64(len(raw))
			r.Header.Set("Content-Length", fmt.Sprint(len(raw)))
			m.did.Add(1)
			return err
		},
	})
	tb.Cleanup(proxy.Close)
	return proxy.URL
}

func (m meddler) rewrite(answer string) (string, error) {
	if m.outside {
		return m.change(m, answer)
	}
	inner, err := opens(answer, m.trial.Decrypt)
	if err != nil {
		return "", err
	}
	if inner, err = m.change(m, inner); err != nil {
		return "", err
	}
	return seals(inner, m.trial.Decrypt)
}

// flip changes one byte in the middle of a part.
func flip(part int) func(meddler, string) (string, error) {
	return func(_ meddler, compact string) (string, error) {
		parts := strings.Split(compact, ".")
		raw := []byte(parts[part])
		raw[len(raw)/2] = map[bool]byte{true: 'B', false: 'A'}[raw[len(raw)/2] == 'A']
		parts[part] = string(raw)
		return strings.Join(parts, "."), nil
	}
}

// forged signs the same by a key that is not the issuer's, under the name of the issuer's.
func forged(_ meddler, compact string) (string, error) {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
	if err != nil {
		return "", err
	}
	key := *judgeKey("sig-" + jws.Signatures[0].Header.Algorithm)
	key.KeyID = jws.Signatures[0].Header.KeyID
	return signs(&key, jws.UnsafePayloadWithoutVerification())
}

// unsigned takes the signature away, and says so.
func unsigned(_ meddler, compact string) (string, error) {
	parts := strings.Split(compact, ".")
	return "eyJhbGciOiJub25lIn0." + parts[1] + ".", nil
}

// issuedWith has the issuer itself sign other claims: what another login, client or time would get.
func issuedWith(change map[string]any) func(meddler, string) (string, error) {
	return func(m meddler, compact string) (string, error) {
		jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
		if err != nil {
			return "", err
		}
		var claims map[string]any
		if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil {
			return "", err
		}
		maps.Copy(claims, change)
		payload, err := json.Marshal(claims)
		if err != nil {
			return "", err
		}
		issuers := m.broker.config.Issuers()
		i := slices.IndexFunc(issuers, func(i config.Issuer) bool { return i.Identifier() == m.issuer() })
		return m.broker.issuerKeys(issuers[i]).SignerFor(m.trial.Signed).Sign(context.Background(), payload)
	}
}

// corruption is one thing that a client must refuse.
type corruption struct {
	name    string
	at      string
	change  func(meddler, string) (string, error)
	outside bool
}

func corruptions() []corruption {
	past := time.Now().Add(-time.Hour).Unix()
	return []corruption{
		{"a byte of the ID token's signature", "/token", flip(2), false},
		{"a byte of the ID token's payload", "/token", flip(1), false},
		{"a byte of the answer's last part", "/token", flip2, true},
		{"an ID token by another's key", "/token", forged, false},
		{"an ID token that nobody signed", "/token", unsigned, false},
		{"an ID token for another nonce", "/token", issuedWith(map[string]any{"nonce": baseNonce}), false},
		{"an ID token of another issuer", "/token", issuedWith(map[string]any{"iss": "https://auth.example.fr/api/v2"}), false},
		{"an ID token for another client", "/token", issuedWith(map[string]any{"aud": "demo-sp"}), false},
		{"an ID token of the past", "/token", issuedWith(map[string]any{"iat": past, "exp": past + 60}), false},
		{"a byte of userinfo's signature", "/userinfo", flip(2), false},
		{"a byte of userinfo's last part", "/userinfo", flip2, true},
		{"userinfo by another's key", "/userinfo", forged, false},
		{"userinfo of another person", "/userinfo", issuedWith(map[string]any{"sub": strings.Repeat("0", 64) + "v1"}), false},
	}
}

// flip2 changes a byte of the last part: a signature, or the tag of an encryption.
func flip2(m meddler, compact string) (string, error) {
	return flip(strings.Count(compact, "."))(m, compact)
}

// TestJudgesAwake shows each judge answers that it must refuse, beside one that went the same way unchanged.
func TestJudgesAwake(t *testing.T) {
	t.Parallel()
	s := start(t)
	trials := make(map[string]trial)
	for _, row := range []arrange{{profile: "plus", signed: "ES256", sealed: "ECDH-ES"}, {profile: "standard", signed: "RS256"}} {
		trials[row.profile] = s.at(row.profile).arranged(t, row)
	}
	for _, name := range judgeNames() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJudge(t, name)
			for profile, asked := range trials {
				t.Run(profile, func(t *testing.T) {
					s := s.at(profile)
					same := corruption{"unchanged", "/token", func(_ meddler, inner string) (string, error) { return inner, nil }, false}
					for _, c := range append([]corruption{same}, corruptions()...) {
						t.Run(c.name, func(t *testing.T) {
							m := meddler{s, asked, c.at, c.change, c.outside, new(atomic.Int64)}
							asked := asked
							asked.Through = m.serve(t)
							o := s.judged(t, j, asked)
							if m.did.Load() != 1 {
								t.Errorf("%d answers were changed", m.did.Load())
							}
							if c.name == same.name {
								o.content(t, asked)
							} else if o.Refused == "" || o.Claims != nil {
								t.Errorf("accepted: %+v", o)
							}
						})
					}
					s.misled(t, j, asked)
				})
			}
		})
	}
}

// misled shows a judge answers of /authorize that it must refuse.
func (s scene) misled(t *testing.T, j judge, asked trial) {
	for name, change := range map[string]url.Values{
		"the answer of another issuer (RFC 9207)": {"iss": {"https://auth.example.fr/api/v2"}},
		"an answer without an issuer":             {"iss": nil},
		"the answer to another request":           {"state": {baseState}},
	} {
		t.Run(name, func(t *testing.T) {
			address, finish := j.begin(t, asked)
			at, err := url.Parse(s.citizen(t).login(t, address))
			if err != nil {
				t.Fatal(err)
			}
			query := at.Query()
			maps.Copy(query, change)
			at.RawQuery = query.Encode()
			if o := finish(at.String()); o.Refused == "" || o.Claims != nil {
				t.Errorf("accepted: %+v", o)
			}
		})
	}
}
