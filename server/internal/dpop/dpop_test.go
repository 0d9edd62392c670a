package dpop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/dpop"
	"pivot/server/internal/oauth"
)

// The proofs of RFC 9449 §4.1 and §7.1, and the thumbprint of their key in §6.1.
const (
	proofOfToken = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19." +
		"eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ." +
		"2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
	thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
)

func TestGolden(t *testing.T) {
	t.Parallel()
	p, err := dpop.Verify([]string{proofOfToken}, dpop.Expect{
		Method: "POST", URL: "https://server.example.com/token", Now: time.Unix(1562262616, 0),
	})
	if err != nil || p.Thumbprint() != thumbprint {
		t.Errorf("%q, %v", p.Thumbprint(), err)
	}
}

// keys are the test's own: made once, never stored.
var keys = sync.OnceValue(func() (k struct{ one, two *ecdsa.PrivateKey },
) {
	for _, into := range []**ecdsa.PrivateKey{&k.one, &k.two} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic("internal error: no random key: " + err.Error())
		}
		*into = key
	}
	return k
})

const (
	address = "https://auth.example.fr/api/v2/userinfo"
	access  = "the-access-token"
)

func at() time.Time { return time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC) }

func expect() dpop.Expect { return dpop.Expect{Method: "GET", URL: address, Token: access, Now: at()} }

type object = map[string]any

// scene is a proof about to be made.
type scene struct {
	header, claims object
	by             *ecdsa.PrivateKey
	edit           func(string) string
	expect         dpop.Expect
}

func base(t testing.TB) *scene {
	t.Helper()
	ath := sha256.Sum256([]byte(access))
	return &scene{
		header: object{"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(t, keys().one)},
		claims: object{"jti": "id-1", "htm": "GET", "htu": address, "iat": at().Unix(), "ath": base64.RawURLEncoding.EncodeToString(ath[:])},
		by:     keys().one, edit: func(s string) string { return s }, expect: expect(),
	}
}

// jwk is the public half of a key.
func jwk(t testing.TB, key *ecdsa.PrivateKey) object {
	t.Helper()
	raw, err := jose.JSONWebKey{Key: key.Public()}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	var out object
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func encode(t testing.TB, o object) string {
	t.Helper()
	raw, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// make signs by hand, whatever the header says.
func (s *scene) make(t testing.TB) string {
	t.Helper()
	signed := encode(t, s.header) + "." + encode(t, s.claims)
	digest := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, s.by, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	v.FillBytes(raw[32:])
	return s.edit(signed + "." + base64.RawURLEncoding.EncodeToString(raw))
}

// TestVerify changes one thing of a proof that is good.
func TestVerify(t *testing.T) {
	t.Parallel()
	head := func(name string, v any) func(*scene) { return func(s *scene) { s.header[name] = v } }
	claim := func(name string, v any) func(*scene) { return func(s *scene) { s.claims[name] = v } }
	without := func(name string) func(*scene) {
		return func(s *scene) { delete(s.header, name); delete(s.claims, name) }
	}
	key := func(name string, v any) func(*scene) {
		return func(s *scene) { s.header["jwk"].(object)[name] = v }
	}
	edit := func(f func(string) string) func(*scene) { return func(s *scene) { s.edit = f } }
	for _, row := range []struct {
		name   string
		change func(*scene)
		want   oauth.Fault
	}{
		{"nothing changed", func(*scene) {}, 0},
		{"more in the key", key("kid", "k"), 0},
		{"more in the claims", claim("nonce", "n"), 0},
		{"exp beside", claim("exp", at().Unix()), 0},
		{"iat with a fraction", claim("iat", float64(at().Unix())+0.5), 0},
		{"a query in htu", claim("htu", address+"?x=1#y"), 0},
		{"htu in capitals", claim("htu", "https://AUTH.example.fr:443/api/v2/userinfo"), 0},
		{"ten seconds ahead", claim("iat", at().Unix()+10), 0},
		{"almost too old", claim("iat", at().Unix()-69), 0},
		{"no token with it", func(s *scene) { delete(s.claims, "ath"); s.expect.Token = "" }, 0},
		{"a token's hash where none is", func(s *scene) { s.expect.Token = "" }, 0},

		{"another type", head("typ", "JWT"), oauth.FaultDPoPForm},
		{"a type in capitals", head("typ", "DPOP+JWT"), oauth.FaultDPoPForm},
		{"no type", without("typ"), oauth.FaultDPoPForm},
		{"no algorithm", without("alg"), oauth.FaultDPoPForm},
		{"none", head("alg", "none"), oauth.FaultDPoPForm},
		{"HS256", head("alg", "HS256"), oauth.FaultDPoPForm},
		{"ES384", head("alg", "ES384"), oauth.FaultDPoPForm},
		{"crit", head("crit", []string{"typ"}), oauth.FaultDPoPForm},
		{"b64", head("b64", false), oauth.FaultDPoPForm},
		{"jku", head("jku", "https://evil.example.com/jwks"), oauth.FaultDPoPForm},
		{"x5c", head("x5c", []string{"AAAA"}), oauth.FaultDPoPForm},
		{"x5u", head("x5u", "https://evil.example.com/"), oauth.FaultDPoPForm},
		{"kid", head("kid", "k"), oauth.FaultDPoPForm},
		{"no key", without("jwk"), oauth.FaultDPoPForm},
		{"a key that is a text", head("jwk", "key"), oauth.FaultDPoPForm},
		{"a private key", key("d", base64.RawURLEncoding.EncodeToString(make([]byte, 32))), oauth.FaultDPoPForm},
		{"another curve", key("crv", "P-384"), oauth.FaultDPoPForm},
		{"another type of key", key("kty", "RSA"), oauth.FaultDPoPForm},
		{"a symmetric key", head("jwk", object{"kty": "oct", "k": "AAAA"}), oauth.FaultDPoPForm},
		{"a point that is none", key("y", base64.RawURLEncoding.EncodeToString(make([]byte, 32))), oauth.FaultDPoPForm},
		{"a short coordinate", key("x", "AAAA"), oauth.FaultDPoPForm},
		{"a padded coordinate", func(s *scene) { k := s.header["jwk"].(object); k["x"] = k["x"].(string) + "=" }, oauth.FaultDPoPForm},
		{"two parts", edit(func(s string) string { return s[:strings.LastIndexByte(s, '.')] }), oauth.FaultDPoPForm},
		{"no signature", edit(func(s string) string { return s[:strings.LastIndexByte(s, '.')+1] }), oauth.FaultDPoPForm},
		{"padding", edit(func(s string) string { return s + "=" }), oauth.FaultDPoPForm},
		{"a line end", edit(func(s string) string { return s + "\n" }), oauth.FaultDPoPForm},
		{"too long", claim("x", strings.Repeat("x", 4096)), oauth.FaultDPoPForm},
		{"by another key", func(s *scene) { s.by = keys().two }, oauth.FaultDPoPSignature},
		{"edited", edit(func(s string) string {
			parts := strings.Split(s, ".")
			return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"jti":"id-2"}`)) + "." + parts[2]
		}), oauth.FaultDPoPSignature},

		{"no jti", without("jti"), oauth.FaultDPoPClaims},
		{"an empty jti", claim("jti", ""), oauth.FaultDPoPClaims},
		{"a jti that is a number", claim("jti", 1), oauth.FaultDPoPClaims},
		{"a long jti", claim("jti", strings.Repeat("j", 257)), oauth.FaultDPoPClaims},
		{"no method", without("htm"), oauth.FaultDPoPClaims},
		{"another method", claim("htm", "POST"), oauth.FaultDPoPClaims},
		{"the method in small letters", claim("htm", "get"), oauth.FaultDPoPClaims},
		{"no address", without("htu"), oauth.FaultDPoPClaims},
		{"another path", claim("htu", "https://auth.example.fr/api/v2/token"), oauth.FaultDPoPClaims},
		{"another host", claim("htu", "https://evil.example.com/api/v2/userinfo"), oauth.FaultDPoPClaims},
		{"another scheme", claim("htu", "http://auth.example.fr/api/v2/userinfo"), oauth.FaultDPoPClaims},
		{"another port", claim("htu", "https://auth.example.fr:444/api/v2/userinfo"), oauth.FaultDPoPClaims},
		{"somebody at the host", claim("htu", "https://u@auth.example.fr/api/v2/userinfo"), oauth.FaultDPoPClaims},
		{"the path in capitals", claim("htu", "https://auth.example.fr/API/v2/userinfo"), oauth.FaultDPoPClaims},
		{"a path alone", claim("htu", "/api/v2/userinfo"), oauth.FaultDPoPClaims},
		{"no hash of the token", without("ath"), oauth.FaultDPoPClaims},
		{"another token", func(s *scene) { s.expect.Token = "other" }, oauth.FaultDPoPClaims},
		{"no time", without("iat"), oauth.FaultDPoPClaims},
		{"a time that is a text", claim("iat", "now"), oauth.FaultDPoPClaims},
		{"a negative time", claim("iat", -1), oauth.FaultDPoPClaims},
		{"a time beyond", claim("iat", 1e300), oauth.FaultDPoPClaims},
		{"from the future", claim("iat", at().Unix()+11), oauth.FaultDPoPTime},
		{"too old", claim("iat", at().Unix()-70), oauth.FaultDPoPTime},
		{"over, by its own word", claim("exp", at().Unix()-10), oauth.FaultDPoPTime},
		{"not begun, by its own word", claim("nbf", at().Unix()+11), oauth.FaultDPoPTime},
		{"an end that is no time", claim("exp", "soon"), oauth.FaultDPoPClaims},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := base(t)
			row.change(s)
			p, err := dpop.Verify([]string{s.make(t)}, s.expect)
			if row.want == 0 {
				if _, until := p.Use(); err != nil || p.Thumbprint() == "" || until.Before(at()) {
					t.Errorf("%v until %v", err, until)
				}
				return
			}
			if e, ok := errors.AsType[oauth.Error](err); !ok || e.Fault != row.want || p.Thumbprint() != "" {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}

// TestDoubledMembers: a member that is there twice says two things.
func TestDoubledMembers(t *testing.T) {
	t.Parallel()
	s := base(t)
	good := s.make(t)
	parts := strings.Split(good, ".")
	for i := range 2 {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			t.Fatal(err)
		}
		doubled := strings.Split(good, ".")
		doubled[i] = base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","htm":"GET",` + string(raw[1:])))
		digest := sha256.Sum256([]byte(doubled[0] + "." + doubled[1]))
		r, v, err := ecdsa.Sign(rand.Reader, keys().one, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		sig := make([]byte, 64)
		r.FillBytes(sig[:32])
		v.FillBytes(sig[32:])
		doubled[2] = base64.RawURLEncoding.EncodeToString(sig)
		if _, err := dpop.Verify([]string{strings.Join(doubled, ".")}, expect()); err == nil {
			t.Errorf("part %d with a member twice", i)
		}
	}
}

// TestSymmetric: a MAC by the public key that the header shows is no signature.
func TestSymmetric(t *testing.T) {
	t.Parallel()
	s := base(t)
	s.header["alg"] = "HS256"
	signed := encode(t, s.header) + "." + encode(t, s.claims)
	mac := hmac.New(sha256.New, []byte(encode(t, s.header["jwk"].(object))))
	mac.Write([]byte(signed))
	if _, err := dpop.Verify([]string{signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))}, expect()); err == nil {
		t.Error("a MAC was taken for a signature")
	}
}

// TestHeaders: one proof, or none.
func TestHeaders(t *testing.T) {
	t.Parallel()
	good := base(t).make(t)
	if p, err := dpop.Verify(nil, expect()); err != nil || p.Thumbprint() != "" {
		t.Errorf("none: %v", err)
	}
	for _, headers := range [][]string{{good, good}, {good + ", " + good}, {""}, {" " + good}} {
		if _, err := dpop.Verify(headers, expect()); err == nil {
			t.Errorf("%d headers", len(headers))
		}
	}
}

// TestUse: the same jti by the same key is the same proof, and nothing else is.
func TestUse(t *testing.T) {
	t.Parallel()
	use := func(change func(*scene)) string {
		s := base(t)
		change(s)
		p, err := dpop.Verify([]string{s.make(t)}, expect())
		if err != nil {
			t.Fatal(err)
		}
		key, _ := p.Use()
		return key
	}
	first := use(func(*scene) {})
	if use(func(s *scene) { s.claims["iat"] = at().Unix() - 1 }) != first {
		t.Error("a jti used again at another time is another proof")
	}
	other := func(s *scene) { s.by, s.header["jwk"] = keys().two, jwk(t, keys().two) }
	if use(func(s *scene) { s.claims["jti"] = "id-2" }) == first || use(other) == first {
		t.Error("two proofs are one")
	}
}

// FuzzVerify: whatever the header says, it is refused or was signed by the key that it names.
func FuzzVerify(f *testing.F) {
	f.Add(proofOfToken)
	f.Add(base(f).make(f))
	f.Fuzz(func(t *testing.T, header string) {
		p, err := dpop.Verify([]string{header}, expect())
		if err != nil {
			if _, ok := errors.AsType[oauth.Error](err); !ok {
				t.Errorf("%v is not public", err)
			}
			return
		}
		if len(p.Thumbprint()) != 43 {
			t.Errorf("thumbprint %q", p.Thumbprint())
		}
	})
}
