package broker

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/audit"
)

// otherP256 is a key that nobody announced.
var otherP256 = sync.OnceValue(func() *ecdsa.PrivateKey { return made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })

// proof is one of possession for a request (RFC 9449 §4.2).
func proof(tb testing.TB, key *ecdsa.PrivateKey, method, address string, change map[string]any) string {
	tb.Helper()
	var id [16]byte
	rand.Read(id[:])
	claims := map[string]any{"jti": fmt.Sprintf("%x", id), "htm": method, "htu": address, "iat": time.Now().Unix()}
	maps.Copy(claims, change)
	raw, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(raw)
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

// jkt is the thumbprint of a key (RFC 7638).
func jkt(tb testing.TB, key *ecdsa.PrivateKey) string {
	tb.Helper()
	digest, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(digest)
}

func (s scene) tokenProof(tb testing.TB, key *ecdsa.PrivateKey) string {
	tb.Helper()
	return proof(tb, key, http.MethodPost, s.issuer()+"/token", nil)
}

// infoProof goes with an access token.
func (s scene) infoProof(tb testing.TB, key *ecdsa.PrivateKey, access string, change map[string]any) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(access))
	claims := map[string]any{"ath": base64.RawURLEncoding.EncodeToString(digest[:])}
	maps.Copy(claims, change)
	return proof(tb, key, http.MethodGet, s.issuer()+"/userinfo", claims)
}

func (s scene) userinfoBy(tb testing.TB, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodGet, s.issuer()+"/userinfo", "", headers...)
}

// bound checks the answer to a good token request with a proof, and gives the access token.
func bound(tb testing.TB, a answer) string {
	tb.Helper()
	if a.status != http.StatusOK {
		tb.Fatalf("status %d: %s", a.status, a.body)
	}
	members(tb, a.body, "access_token", "expires_in", "id_token", "scope", "token_type")
	var got issued
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || got.TokenType != "DPoP" {
		tb.Errorf("token_type %q, %v", got.TokenType, err)
	}
	return got.AccessToken
}

func badProof() denial {
	return denial{400, "invalid_dpop_proof", "invalid DPoP proof", "Y040001", ""}
}

func badProofThere(description string) denial {
	return denial{401, "invalid_dpop_proof", description, "Y040001", `DPoP error="invalid_dpop_proof", algs="ES256"`}
}

// TestDPoP binds an access token to a key, and tries it in every other way.
func TestDPoP(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := s.granted(t, withPKCE())
	form := s.exchange(code)
	good := s.tokenProof(t, keyP256())
	for name, headers := range map[string][]string{
		"no proof at all":   {"DPoP", "x"},
		"two":               {"DPoP", good, "DPoP", s.tokenProof(t, keyP256())},
		"for another URL":   {"DPoP", proof(t, keyP256(), "POST", s.issuer()+"/userinfo", nil)},
		"for a method":      {"DPoP", proof(t, keyP256(), "GET", s.issuer()+"/token", nil)},
		"old":               {"DPoP", proof(t, keyP256(), "POST", s.issuer()+"/token", map[string]any{"iat": time.Now().Add(-2 * time.Minute).Unix()})},
		"from the future":   {"DPoP", proof(t, keyP256(), "POST", s.issuer()+"/token", map[string]any{"iat": time.Now().Add(2 * time.Minute).Unix()})},
		"edited":            {"DPoP", good[:len(good)-4] + "AAAA"},
		"an assertion":      {"DPoP", s.assertion(t, nil)},
		"of an other issue": {"DPoP", proof(t, keyP256(), "POST", "https://auth.example.fr/api/v2/token", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(s.entries(t, audit.CodeRefused))
			s.denied(t, s.token(t, form, headers...), badProof())
			if since := s.entries(t, audit.CodeRefused)[before:]; len(since) != 1 || !strings.HasPrefix(since[0].Reason, "dpop-") {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	access := bound(t, s.token(t, form, "DPoP", good))
	used := s.infoProof(t, keyP256(), access, nil)
	header := "DPoP " + access
	if a := s.userinfoBy(t, "Authorization", header, "DPoP", used); a.status != http.StatusOK {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	stolen := denial{401, "invalid_token", "invalid token provided", "Y040001", `DPoP error="invalid_token", algs="ES256"`}
	for _, row := range []struct {
		name    string
		headers []string
		want    denial
	}{
		{"as a bearer token", []string{"Authorization", "Bearer " + access}, stolen},
		{"as a bearer token with a proof", []string{"Authorization", "Bearer " + access, "DPoP", s.infoProof(t, keyP256(), access, nil)}, stolen},
		{"by another key", []string{"Authorization", header, "DPoP", s.infoProof(t, otherP256(), access, nil)}, stolen},
		{"without a proof", []string{"Authorization", header}, badProofThere("DPoP proof must be provided")},
		{"the proof again", []string{"Authorization", header, "DPoP", used}, badProofThere("invalid DPoP proof")},
		{"the proof of the code", []string{"Authorization", header, "DPoP", good}, badProofThere("invalid DPoP proof")},
		{"for another token", []string{"Authorization", header, "DPoP", s.infoProof(t, keyP256(), access+"A", nil)}, badProofThere("invalid DPoP proof")},
		{"without the token's hash", []string{"Authorization", header, "DPoP", proof(t, keyP256(), "GET", s.issuer()+"/userinfo", nil)}, badProofThere("invalid DPoP proof")},
		{"two proofs", []string{"Authorization", header, "DPoP", s.infoProof(t, keyP256(), access, nil), "DPoP", s.infoProof(t, keyP256(), access, nil)}, badProofThere("invalid DPoP proof")},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.TokenRefused))
			s.denied(t, s.userinfoBy(t, row.headers...), row.want)
			if since := s.entries(t, audit.TokenRefused)[before:]; len(since) != 1 || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	if a := s.userinfoBy(t, "Authorization", header, "DPoP", s.infoProof(t, keyP256(), access, nil)); a.status != http.StatusOK {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	// A bearer's token gains nothing from a proof.
	bearer := redeemed(t, s.token(t, s.exchange(s.granted(t, withPKCE()))), "openid given_name").AccessToken
	s.denied(t, s.userinfoBy(t, "Authorization", "DPoP "+bearer, "DPoP", s.infoProof(t, keyP256(), bearer, nil)), stolen)
	if a := s.userinfo(t, bearer); a.status != http.StatusOK {
		t.Errorf("a bearer's token: %d", a.status)
	}
}

// TestDPoPProofOnce: the proof of one token request is no proof for the next.
func TestDPoPProofOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	p := s.tokenProof(t, keyP256())
	bound(t, s.token(t, s.exchange(s.granted(t, withPKCE())), "DPoP", p))
	code := s.granted(t, withPKCE())
	s.denied(t, s.token(t, s.exchange(code), "DPoP", p), badProof())
	bound(t, s.token(t, s.exchange(code), "DPoP", s.tokenProof(t, keyP256())))
	// Sixty-four at once with one proof.
	code = s.granted(t, withPKCE())
	access := bound(t, s.token(t, s.exchange(code), "DPoP", s.tokenProof(t, keyP256())))
	p = s.infoProof(t, keyP256(), access, nil)
	won, lost := winners(race(racers, func(int) answer {
		return s.userinfoBy(t, "Authorization", "DPoP "+access, "DPoP", p)
	}), http.StatusOK)
	if len(won) != 1 {
		t.Errorf("%d of %d by one proof", len(won), racers)
	}
	for _, a := range lost {
		s.denied(t, a, badProofThere("invalid DPoP proof"))
	}
}

// TestDPoPCode: a code announced for a key is redeemed by it alone; another way spends it.
func TestDPoPCode(t *testing.T) {
	t.Parallel()
	s := start(t)
	announced := withPKCE()
	announced.Set("dpop_jkt", jkt(t, keyP256()))
	for name, headers := range map[string][]string{"another key": {"DPoP", s.tokenProof(t, otherP256())}, "no key": nil} {
		t.Run(name, func(t *testing.T) {
			code := s.granted(t, announced)
			s.denied(t, s.token(t, s.exchange(code), headers...), invalidGrant())
			s.denied(t, s.token(t, s.exchange(code), "DPoP", s.tokenProof(t, keyP256())), invalidGrant())
		})
	}
	bound(t, s.token(t, s.exchange(s.granted(t, announced)), "DPoP", s.tokenProof(t, keyP256())))
	for _, wrong := range []string{"short", jkt(t, keyP256()) + "A", jkt(t, keyP256()) + "="} {
		a := s.authorize(t, http.MethodGet, s.changed(url.Values{"dpop_jkt": {wrong}}).Encode())
		if location := a.header.Get("Location"); a.status != 303 || !strings.Contains(location, "error=invalid_request") {
			t.Errorf("dpop_jkt %q: %d %s", wrong, a.status, location)
		}
	}
}

// TestDPoPPushed: the proof of a pushed request announces the key (RFC 9449 §10.1).
func TestDPoPPushed(t *testing.T) {
	t.Parallel()
	s := start(t)
	there := s.issuer() + "/request"
	push := func(change url.Values, headers ...string) answer {
		t.Helper()
		change = maps.Clone(change)
		maps.Copy(change, withPKCE())
		return s.push(t, s.pushing(change), headers...)
	}
	a := push(url.Values{}, "DPoP", proof(t, keyP256(), "POST", there, nil))
	if a.status != http.StatusCreated {
		t.Fatalf("status %d: %s", a.status, a.body)
	}
	var got struct {
		URI string `json:"request_uri"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		t.Fatal(err)
	}
	code := s.granted(t, url.Values{"request_uri": {got.URI}})
	s.denied(t, s.token(t, s.exchange(code)), invalidGrant())
	s.denied(t, push(url.Values{"dpop_jkt": {jkt(t, otherP256())}}, "DPoP", proof(t, keyP256(), "POST", there, nil)), badProof())
	s.denied(t, push(url.Values{}, "DPoP", proof(t, keyP256(), "POST", s.issuer()+"/token", nil)), badProof())
	if a := push(url.Values{"dpop_jkt": {jkt(t, keyP256())}}, "DPoP", proof(t, keyP256(), "POST", there, nil)); a.status != http.StatusCreated {
		t.Errorf("status %d: %s", a.status, a.body)
	}
}

// TestDPoPRequired: what the record demands, a token request cannot drop (RFC 9449 §5.2).
func TestDPoPRequired(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.register(t, s.demoRecord(t, s.world.SP[0].ClientID, `profile     = "plus"`, "profile     = \"plus\"\ndpop_bound_access_tokens = true"))
	code := s.granted(t, withPKCE())
	s.denied(t, s.token(t, s.exchange(code)), denial{400, "invalid_dpop_proof", "DPoP proof must be provided", "Y040001", ""})
	bound(t, s.token(t, s.exchange(code), "DPoP", s.tokenProof(t, keyP256())))
}
