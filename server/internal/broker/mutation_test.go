package broker

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/dpop"
	"pivot/server/internal/oauth"
	"pivot/server/internal/token"

	"github.com/go-jose/go-jose/v4"
)

// kindOf is something that a service provider signs, or sends back signed, and how we read it.
type kindOf struct {
	name           string
	header, claims map[string]any
	takes          func(token string) error
}

// mutant is one of them as npm's jose is shown it.
type mutant struct {
	ID       string             `json:"id"`
	Kind     string             `json:"kind"`
	Token    string             `json:"token"`
	Keys     jose.JSONWebKeySet `json:"keys"`
	Issuer   string             `json:"issuer"`
	Audience string             `json:"audience"`
	Now      int64              `json:"now"`
	Method   string             `json:"method"`
	URL      string             `json:"url"`
	Access   string             `json:"access"`
}

const (
	mutantIssuer = "https://auth.example.fr/api/v2"
	mutantClient = "mutant-sp"
	mutantAccess = "an access token"
)

// unspent lets anything be used again: a mutant is not refused for a jti that another had.
type unspent struct{}

// Spend implements client.Once.
func (unspent) Spend(context.Context, string, string, time.Time) error { return nil }

// kinds are all of them, each as it is good now, signed by keyP256.
func kinds(t *testing.T, now time.Time) []kindOf {
	t.Helper()
	public := jose.JSONWebKey{Key: keyP256().Public(), KeyID: "sig-ES256", Use: "sig", Algorithm: "ES256"}
	set := keySet(t, public)
	sp, err := client.New(client.Record{
		ID: mutantClient, Name: "Mutants", EntityID: strings.Repeat("m", 32), Active: true, RedirectURIs: []string{"https://sp.example.fr/callback"},
		JWKS: []byte(set), Authentication: client.Authentication{Method: oauth.PrivateKeyJWT, ObjectAlg: "ES256"},
	}, oauth.Standard())
	if err != nil {
		t.Fatal(err)
	}
	check := client.Check{Issuer: mutantIssuer, Now: now, Once: unspent{}}
	digest := sha256.Sum256([]byte(mutantAccess))
	base := map[string]any{"iss": mutantClient, "aud": mutantIssuer, "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Unix() + 50, "jti": "one"}
	with := func(more map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{base, more} {
			maps.Copy(out, m)
		}
		return out
	}
	named := map[string]any{"alg": "ES256", "kid": "sig-ES256"}
	return []kindOf{
		{"assertion", named, with(map[string]any{"sub": mutantClient}), func(s string) error {
			return sp.Authenticate(t.Context(), oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: mutantClient, Presented: oauth.Secret(s)}, check)
		}},
		{"object", map[string]any{"alg": "ES256", "kid": "sig-ES256", "typ": "oauth-authz-req+jwt"}, with(map[string]any{"client_id": mutantClient, "scope": "openid"}), func(s string) error {
			_, err := sp.OpenRequest(t.Context(), oauth.Secret(s), check)
			return err
		}},
		{"hint", named, with(map[string]any{"iss": mutantIssuer, "aud": mutantClient, "sub": "s", "nonce": "n", "acr": "eidas3", "auth_time": now.Unix()}), func(s string) error {
			_, err := token.ReadHint(s, mutantIssuer, []byte(set))
			return err
		}},
		{"proof", map[string]any{"alg": "ES256", "typ": "dpop+jwt", "jwk": jose.JSONWebKey{Key: keyP256().Public()}}, map[string]any{
			"jti": "one", "iat": now.Unix(), "htm": "GET", "htu": mutantIssuer + "/userinfo", "ath": base64.RawURLEncoding.EncodeToString(digest[:]),
		}, func(s string) error {
			_, err := dpop.Verify([]string{s}, dpop.Expect{Method: "GET", URL: mutantIssuer + "/userinfo", Token: mutantAccess, Now: now})
			return err
		}},
	}
}

// text64 is base64url without padding.
func text64(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

// written signs a header and claims as they are written, by ES256.
func written(t *testing.T, header, claims string) string {
	t.Helper()
	signed := text64([]byte(header)) + "." + text64([]byte(claims))
	digest := sha256.Sum256([]byte(signed))
	der, err := keyP256().Sign(rand.Reader, digest[:], nil)
	if err != nil {
		t.Fatal(err)
	}
	r, s := scalars(der)
	return signed + "." + text64(pair(r, s))
}

// scalars reads an ECDSA signature in DER, whose numbers are shorter than 128 bytes each.
func scalars(der []byte) (r, s *big.Int) {
	n := int(der[3])
	return new(big.Int).SetBytes(der[4 : 4+n]), new(big.Int).SetBytes(der[6+n:])
}

// pair is a signature as JWS has it (RFC 7518 §3.4).
func pair(r, s *big.Int) []byte {
	return slices.Concat(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32)))
}

// words are headers and claims in JSON, changed one at a time: a member of another type or value, missing, twice, more.
func words(t *testing.T, good map[string]any, more []string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	put := func(name string, members map[string]any) {
		raw, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = string(raw)
	}
	put("good", good)
	for name := range good {
		without := make(map[string]any)
		for other, value := range good {
			if other != name {
				without[other] = value
			}
		}
		put("without "+name, without)
		for _, value := range []any{
			nil, true, 0, -1, 1.5, 1e300, "", "x",
			[]any{},
			[]any{good[name]},
			[]any{good[name], "x"},
			map[string]any{},
			fmt.Sprint(good[name]),
			strings.ToLower(fmt.Sprint(good[name])), fmt.Sprint(good[name]) + " ", fmt.Sprint(good[name]) + "\x00", strings.Repeat("k", 300),
		} {
			without[name] = value
			put(fmt.Sprintf("%s is %.20v (%[2]T)", name, value), without)
		}
	}
	text := out["good"]
	inside := text[1 : len(text)-1]
	for _, addition := range more {
		out["with "+addition+" first"] = "{" + addition + "," + inside + "}"
		out["with "+addition+" last"] = "{" + inside + "," + addition + "}"
	}
	for i, wrong := range []string{
		"", "null", "[]", "[" + text + "]", "\"" + inside, text + text, text + " ", " \t\r\n" + text, text + "\x00", "\ufeff" + text, "{" + inside, inside,
		strings.ReplaceAll(text, `"`, `'`), strings.Replace(text, ":", ": ", 1), strings.Replace(text, "{", "{,", 1), strings.Replace(text, "}", ",}", 1),
		strings.Replace(text, "e", `\u0065`, 1), strings.Replace(text, `"`, "\"\xff", 1), strings.Replace(text, "{", `{"x":"\ud800",`, 1),
		strings.Replace(text, "{", `{"x":`+strings.Repeat("[", 500)+strings.Repeat("]", 500)+",", 1), "{/**/" + inside + "}", strings.ToUpper(text),
	} {
		out[fmt.Sprintf("text %d", i)] = wrong
	}
	return out
}

// spelled are other ways to write one token, most of them wrong.
func spelled(good string) map[string]string {
	parts := strings.Split(good, ".")
	header, claims, signature := parts[0], parts[1], parts[2]
	raw, _ := base64.RawURLEncoding.DecodeString(signature)
	order := keyP256().Params().N
	r, s := new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])
	body := header + "." + claims + "."
	of := func(r, s *big.Int) string { return body + text64(pair(r, s)) }
	zero := new(big.Int)
	out := map[string]string{
		"the other s": of(r, new(big.Int).Sub(order, s)), "r is 0": of(zero, s), "s is 0": of(r, zero), "both are 0": of(zero, zero), "swapped": of(s, r),
		"r is the order": of(order, s), "s is the order": of(r, order), "both are 1": of(big.NewInt(1), big.NewInt(1)),
		"a byte less": body + text64(raw[:63]), "a byte more": body + text64(append(slices.Clone(raw), 0)), "a zero before": body + text64(append([]byte{0}, raw...)),
		"in DER":       body + text64(append([]byte{0x30, 0x44, 2, 32}, append(append(slices.Clone(raw[:32]), 2, 32), raw[32:]...)...)),
		"no signature": body, "two parts": header + "." + claims, "four parts": good + ".", "five parts": good + "..", "an empty part": "." + good,
		"no claims": header + ".." + signature, "padded": good + "==", "padded in the middle": header + "=." + claims + "." + signature,
		"a space after": good + " ", "a space before": " " + good, "a line end": good + "\n", "a line end inside": header + ".\n" + claims + "." + signature,
		"a line end in a part": header[:8] + "\n" + header[8:] + "." + claims + "." + signature, "a zero": good + "\x00", "upper case": strings.ToUpper(good),
		"in JSON": fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, header, claims, signature), "nothing": "", "dots": "..",
		"plain base64": body + base64.RawStdEncoding.EncodeToString(raw),
	}
	last := signature[len(signature)-1]
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	next := alphabet[strings.IndexByte(alphabet, last)^1] // the bits that no byte has
	out["other spare bits"] = good[:len(good)-1] + string(next)
	for i := range 24 {
		at := (i*len(good))/24 + 1
		changed := []byte(good)
		changed[at] = map[bool]byte{true: 'B', false: 'A'}[changed[at] == 'A']
		out[fmt.Sprintf("byte %d", at)] = string(changed)
	}
	return out
}

// TestJoseOnMutants: what we take of what service providers sign, npm's jose takes as well, over some hundreds of ways to get
// it wrong.
func TestJoseOnMutants(t *testing.T) {
	t.Parallel()
	path := node(t)
	now := time.Now().Truncate(time.Second)
	headers := []string{
		`"alg":"none"`, `"alg":"ES256"`, `"crit":[]`, `"crit":["exp"]`, `"b64":false`, `"b64":true`, `"b64":false,"crit":["b64"]`, `"b64":true,"crit":["b64"]`, `"zip":"DEF"`,
		`"cty":"JWT"`, `"jku":"https://x.example"`, `"x5c":[]`, `"typ":"JWT"`, `"typ":"jwt"`, `"typ":"at+jwt"`, `"kid":"other"`, `"jwk":{}`, `"unknown":1`, `"enc":"A256GCM"`,
	}
	claims := []string{
		`"iss":"x"`, `"aud":"x"`, `"exp":0`, `"exp":99999999999`, `"nbf":0`, `"nbf":99999999999`, `"iat":0`, `"iat":99999999999`, `"jti":"other"`, `"sub":"x"`, `"unknown":{"a":[1]}`, `"htm":"POST"`,
	}
	var list []mutant
	taken := make(map[string]bool)
	keys := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: keyP256().Public(), KeyID: "sig-ES256", Use: "sig", Algorithm: "ES256"}}}
	for _, k := range kinds(t, now) {
		lay := func(name, compact string) {
			m := mutant{k.name + ": " + name, k.name, compact, keys, mutantClient, mutantIssuer, now.Unix(), "GET", mutantIssuer + "/userinfo", mutantAccess}
			if k.name == "hint" {
				m.Issuer, m.Audience = mutantIssuer, mutantClient
			}
			list = append(list, m)
			taken[m.ID] = k.takes(compact) == nil
		}
		ofHeader, ofClaims := words(t, k.header, headers), words(t, k.claims, claims)
		good := written(t, ofHeader["good"], ofClaims["good"])
		lay("good", good)
		if !taken[k.name+": good"] {
			t.Errorf("%s: what is good is refused: %v", k.name, k.takes(good))
		}
		for name, header := range ofHeader {
			lay("header "+name, written(t, header, ofClaims["good"]))
		}
		for name, text := range ofClaims {
			lay("claims "+name, written(t, ofHeader["good"], text))
		}
		for name, compact := range spelled(good) {
			lay(name, compact)
		}
	}
	in, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), path, "mutants.mjs")
	c.Dir, c.Stdin, c.Stderr = nodeFolder, bytes.NewReader(in), os.Stderr
	raw, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	var verdicts []struct{ ID, Refused string }
	if err := json.Unmarshal(raw, &verdicts); err != nil || len(verdicts) != len(list) {
		t.Fatalf("%d verdicts on %d mutants: %v", len(verdicts), len(list), err)
	}
	counts := make(map[string]int)
	for _, v := range verdicts {
		ours, theirs := taken[v.ID], v.Refused == ""
		counts[fmt.Sprintf("ours %t, theirs %t", ours, theirs)]++
		if ours && !theirs {
			t.Errorf("%s: accepted, and npm's jose says %s", v.ID, v.Refused)
		}
		if !theirs && strings.HasSuffix(v.ID, ": good") {
			t.Errorf("%s: npm's jose says %s", v.ID, v.Refused)
		}
	}
	t.Log(counts)
}
