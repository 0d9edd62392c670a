package client_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// wantFault wants a public error for that fault, or none for zero.
func wantFault(t *testing.T, err error, want oauth.Fault) {
	t.Helper()
	e, ok := errors.AsType[oauth.Error](err)
	switch {
	case want == 0 && err == nil:
	case want == 0:
		t.Errorf("refused: %v", err)
	case !ok || e.Fault != want:
		t.Errorf("got %v, want %v", err, want)
	}
}

// public is what the world sees of an error of an API.
func public(err error) answer {
	e, _ := errors.AsType[oauth.Error](err)
	return answer{status: e.Status, y: e.Y, code: e.Code, description: e.Description}
}

func quoted(s string) string { return strconv.Quote(s) }

func seconds(d time.Duration) string { return fmt.Sprint(at().Add(d).Unix()) }

// joseHeader and claims are those of a valid assertion.
func joseHeader() members {
	return members{{"alg", `"ES256"`}, {"kid", `"s1"`}, {"typ", `"JWT"`}}
}

func claims() members {
	return members{
		{"iss", `"sp-2"`},
		{"sub", `"sp-2"`},
		{"aud", quoted(issuer)},
		{"jti", `"id-1"`},
		{"iat", seconds(0)},
		{"exp", seconds(time.Minute)},
	}
}

// sign makes a compact JWS with whatever header and payload, by ES256 (RFC 7518 §3.4).
func sign(t testing.TB, key *ecdsa.PrivateKey, header, payload string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(header + "." + payload))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(raw)
}

func present(c *client.Client, t testing.TB, assertion string, once client.Once) error {
	t.Helper()
	return c.Authenticate(t.Context(), oauth.Credentials{
		Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: oauth.Secret(assertion),
	}, check(once))
}

// TestAssertionHeader signs every header properly, so that only the rule about the header can refuse it.
func TestAssertionHeader(t *testing.T) {
	t.Parallel()
	jwk, err := signKey().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	h := joseHeader()
	for _, row := range []struct {
		name   string
		header members
		want   oauth.Fault
	}{
		{"the base", h, 0},
		{"without kid", h.with("kid", ""), 0},
		{"without typ", h.with("typ", ""), 0},
		{"typ of RFC 10070", h.with("typ", `"client-authentication+jwt"`), 0},
		{"an unknown parameter", h.with("x-colour", `"blue"`), 0},
		{"a thumbprint of a certificate", h.with("x5t", `"AAAA"`), 0},

		{"alg missing", h.with("alg", ""), oauth.FaultAssertionHeader},
		{"alg none", h.with("alg", `"none"`), oauth.FaultAssertionHeader},
		{"alg None", h.with("alg", `"None"`), oauth.FaultAssertionHeader},
		{"alg HS256", h.with("alg", `"HS256"`), oauth.FaultAssertionHeader},
		{"alg ES384", h.with("alg", `"ES384"`), oauth.FaultAssertionHeader},
		{"alg RS256", h.with("alg", `"RS256"`), oauth.FaultAssertionHeader},
		{"alg PS256", h.with("alg", `"PS256"`), oauth.FaultAssertionHeader},
		{"alg EdDSA", h.with("alg", `"EdDSA"`), oauth.FaultAssertionHeader},
		{"alg es256", h.with("alg", `"es256"`), oauth.FaultAssertionHeader},
		{"alg a list", h.with("alg", `["ES256"]`), oauth.FaultAssertionHeader},
		{"alg null", h.with("alg", `null`), oauth.FaultAssertionHeader},
		{"alg twice", h.also("alg", `"ES256"`), oauth.FaultAssertionHeader},
		{"alg twice, none first", append(members{{"alg", `"none"`}}, h...), oauth.FaultAssertionHeader},
		{"alg twice by an escape", h.also(`al\u0067`, `"none"`), oauth.FaultAssertionHeader},
		{"ALG beside alg", h.also("ALG", `"none"`), 0},
		{"crit", h.with("crit", `["exp"]`).with("exp", "1"), oauth.FaultAssertionHeader},
		{"crit empty", h.with("crit", `[]`), oauth.FaultAssertionHeader},
		{"crit b64", h.with("crit", `["b64"]`).with("b64", "false"), oauth.FaultAssertionHeader},
		{"b64", h.with("b64", `true`), oauth.FaultAssertionHeader},
		{"zip", h.with("zip", `"DEF"`), oauth.FaultAssertionHeader},
		{"cty", h.with("cty", `"JWT"`), oauth.FaultAssertionHeader},
		{"jku", h.with("jku", `"https://evil.example.com/jwks"`), oauth.FaultAssertionHeader},
		{"x5u", h.with("x5u", `"https://evil.example.com/cert"`), oauth.FaultAssertionHeader},
		{"x5c", h.with("x5c", `["AAAA"]`), oauth.FaultAssertionHeader},
		{"jwk, even the client's own", h.with("jwk", string(jwk)), oauth.FaultAssertionHeader},
		{"typ of another token", h.with("typ", `"at+jwt"`), oauth.FaultAssertionHeader},
		{"typ of an approval", h.with("typ", `"pivot-approval+jwt"`), oauth.FaultAssertionHeader},
		{"typ a number", h.with("typ", `1`), oauth.FaultAssertionHeader},
		{"kid empty", h.with("kid", `""`), oauth.FaultAssertionHeader},
		{"kid a number", h.with("kid", `1`), oauth.FaultAssertionHeader},
		{"kid long", h.with("kid", quoted(strings.Repeat("k", 257))), oauth.FaultAssertionHeader},
		{"kid unknown", h.with("kid", `"s2"`), oauth.FaultAssertionKey},
		{"kid of the encryption key", h.with("kid", `"e1"`), oauth.FaultAssertionKey},
		{"kid as a path", h.with("kid", `"../../s1"`), oauth.FaultAssertionKey},
		{"kid as SQL", h.with("kid", `"' OR 1=1 --"`), oauth.FaultAssertionKey},
		{"kid with a zero", h.with("kid", `"s1\u0000"`), oauth.FaultAssertionKey},
		{"nested deep", h.with("x", strings.Repeat("[", 9)+strings.Repeat("]", 9)), oauth.FaultAssertionHeader},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			once := &memory{}
			err := present(build(t, signer(t)), t, sign(t, keys().sign, row.header.encode(), claims().encode()), once)
			wantFault(t, err, row.want)
			if (len(once.until) == 1) != (row.want == 0) {
				t.Errorf("%d spent", len(once.until))
			}
		})
	}
}

func TestAssertionClaims(t *testing.T) {
	t.Parallel()
	c := claims()
	for _, row := range []struct {
		name    string
		payload members
		want    oauth.Fault
	}{
		{"the base", c, 0},
		{"without iat", c.with("iat", ""), 0},
		{"aud a list of one", c.with("aud", "["+quoted(issuer)+"]"), 0},
		{"an unknown claim", c.with("colour", `"blue"`), 0},
		{"exp with a fraction", c.with("exp", seconds(30*time.Second)+".5"), 0},
		{"exp at the latest", c.with("exp", seconds(70*time.Second)), 0},
		{"exp just past, within the skew", c.with("exp", seconds(-9*time.Second)), 0},
		{"iat ahead, within the skew", c.with("iat", seconds(10*time.Second)), 0},
		{"nbf ahead, within the skew", c.with("nbf", seconds(10*time.Second)), 0},
		{"jti of 256", c.with("jti", quoted(strings.Repeat("j", 256))), 0},

		{"iss missing", c.with("iss", ""), oauth.FaultAssertionIssuer},
		{"iss another", c.with("iss", `"sp-1"`), oauth.FaultAssertionIssuer},
		{"iss empty", c.with("iss", `""`), oauth.FaultAssertionIssuer},
		{"iss in other case", c.with("iss", `"SP-2"`), oauth.FaultAssertionIssuer},
		{"iss a list", c.with("iss", `["sp-2"]`), oauth.FaultAssertionIssuer},
		{"ISS instead of iss", c.with("iss", "").with("ISS", `"sp-2"`), oauth.FaultAssertionIssuer},
		{"sub missing", c.with("sub", ""), oauth.FaultAssertionSubject},
		{"sub another", c.with("sub", `"sp-1"`), oauth.FaultAssertionSubject},
		{"sub null", c.with("sub", `null`), oauth.FaultAssertionSubject},
		{"aud missing", c.with("aud", ""), oauth.FaultAssertionAudience},
		{"aud the token endpoint", c.with("aud", quoted(issuer+"/token")), oauth.FaultAssertionAudience},
		{"aud with a slash", c.with("aud", quoted(issuer+"/")), oauth.FaultAssertionAudience},
		{"aud another server", c.with("aud", `"https://other.example.fr/api/v2"`), oauth.FaultAssertionAudience},
		{"aud in other case", c.with("aud", quoted(strings.ToUpper(issuer))), oauth.FaultAssertionAudience},
		{"aud two", c.with("aud", "["+quoted(issuer)+`,"https://other.example.fr"]`), oauth.FaultAssertionAudience},
		{"aud twice the issuer", c.with("aud", "["+quoted(issuer)+","+quoted(issuer)+"]"), oauth.FaultAssertionAudience},
		{"aud empty list", c.with("aud", `[]`), oauth.FaultAssertionAudience},
		{"aud list of null", c.with("aud", `[null]`), oauth.FaultAssertionAudience},
		{"aud a number", c.with("aud", `1`), oauth.FaultAssertionAudience},
		{"exp missing", c.with("exp", ""), oauth.FaultAssertionExpiry},
		{"exp text", c.with("exp", quoted(seconds(time.Minute))), oauth.FaultAssertionExpiry},
		{"exp negative", c.with("exp", "-1"), oauth.FaultAssertionExpiry},
		{"exp huge", c.with("exp", "1e300"), oauth.FaultAssertionExpiry},
		{"exp past", c.with("exp", seconds(-10*time.Second)), oauth.FaultAssertionTime},
		{"exp too far", c.with("exp", seconds(71*time.Second)), oauth.FaultAssertionTime},
		{"exp in an hour", c.with("exp", seconds(time.Hour)), oauth.FaultAssertionTime},
		{"exp zero", c.with("exp", "0"), oauth.FaultAssertionTime},
		{"iat ahead", c.with("iat", seconds(11*time.Second)), oauth.FaultAssertionTime},
		{"iat text", c.with("iat", `"now"`), oauth.FaultAssertionTime},
		{"nbf ahead", c.with("nbf", seconds(11*time.Second)), oauth.FaultAssertionTime},
		{"nbf null", c.with("nbf", `null`), oauth.FaultAssertionTime},
		{"jti missing", c.with("jti", ""), oauth.FaultAssertionID},
		{"jti empty", c.with("jti", `""`), oauth.FaultAssertionID},
		{"jti of 257", c.with("jti", quoted(strings.Repeat("j", 257))), oauth.FaultAssertionID},
		{"jti a number", c.with("jti", `7`), oauth.FaultAssertionID},
		{"sub twice", c.also("sub", `"sp-2"`), oauth.FaultAssertionHeader},
		{"exp twice", c.also("exp", seconds(time.Second)), oauth.FaultAssertionHeader},
		{"a member twice, deep", c.also("x", `{"a":1,"a":2}`), oauth.FaultAssertionHeader},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			once := &memory{}
			err := present(build(t, signer(t)), t, sign(t, keys().sign, joseHeader().encode(), row.payload.encode()), once)
			wantFault(t, err, row.want)
			if (len(once.until) == 1) != (row.want == 0) {
				t.Errorf("%d spent", len(once.until))
			}
		})
	}
}

// TestAssertionSignature changes how the assertion is made, around a valid header and valid claims.
func TestAssertionSignature(t *testing.T) {
	t.Parallel()
	header, payload := joseHeader().encode(), claims().encode()
	valid := sign(t, keys().sign, header, payload)
	cut := strings.LastIndexByte(valid, '.')
	signature, err := base64.RawURLEncoding.DecodeString(valid[cut+1:])
	if err != nil {
		t.Fatal(err)
	}
	with := func(raw []byte) string { return valid[:cut+1] + base64.RawURLEncoding.EncodeToString(raw) }
	flipped := append([]byte(nil), signature...)
	flipped[40] ^= 1
	none := joseHeader().with("alg", `"none"`).encode()
	sha384 := joseHeader().with("alg", `"ES384"`).encode()
	order := keys().sign.Curve.Params().N
	overflow := append(new(big.Int).Add(order, big.NewInt(1)).FillBytes(make([]byte, 32)), signature[32:]...)
	last := valid[len(valid)-1]
	for _, row := range []struct {
		name, assertion string
		want            oauth.Fault
	}{
		{"the base", valid, 0},
		{"by another key", sign(t, keys().other, header, payload), oauth.FaultAssertionSignature},
		{"by the encryption key", sign(t, keys().seal, header, payload), oauth.FaultAssertionSignature},
		{"one bit", with(flipped), oauth.FaultAssertionSignature},
		{"all zero", with(make([]byte, 64)), oauth.FaultAssertionSignature},
		{"of 63 bytes", with(signature[:63]), oauth.FaultAssertionSignature},
		{"of 65 bytes", with(append(signature[:64:64], 0)), oauth.FaultAssertionSignature},
		{"of 96 bytes", with(append(signature[:64:64], make([]byte, 32)...)), oauth.FaultAssertionSignature},
		{"r beyond the order", with(overflow), oauth.FaultAssertionSignature},
		{"other claims under it", header + "." + claims().with("jti", `"id-2"`).encode() + valid[cut:], oauth.FaultAssertionSignature},
		{"other header over it", joseHeader().with("kid", "").encode() + "." + payload + valid[cut:], oauth.FaultAssertionSignature},
		{"none, without signature", none + "." + payload + ".", oauth.FaultAssertionHeader},
		{"none, with the signature", none + "." + payload + valid[cut:], oauth.FaultAssertionHeader},
		{"ES256 without signature", header + "." + payload + ".", oauth.FaultAssertionHeader},
		{"ES384 by the P-256 key", sign(t, keys().sign, sha384, payload), oauth.FaultAssertionHeader},
		{"two parts", header + "." + payload, oauth.FaultAssertionHeader},
		{"four parts", valid + ".e30", oauth.FaultAssertionHeader},
		{"five parts, as encryption has", valid + ".e30.e30", oauth.FaultAssertionHeader},
		{"JSON serialization", `{"protected":"` + header + `","payload":"` + payload + `","signature":"` + valid[cut+1:] + `"}`, oauth.FaultAssertionHeader},
		{"padding", valid + "==", oauth.FaultAssertionHeader},
		{"line end inside", valid[:20] + "\n" + valid[20:], oauth.FaultAssertionHeader},
		{"space before", " " + valid, oauth.FaultAssertionHeader},
		{"bits beyond the end", valid[:len(valid)-1] + string(last+1), oauth.FaultAssertionHeader},
		{"a byte of the other alphabet", strings.Replace(valid, ".", "+.", 1), oauth.FaultAssertionHeader},
		{"empty", "", oauth.FaultAssertionHeader},
		{"huge", header + "." + strings.Repeat("A", 1<<20) + valid[cut:], oauth.FaultAssertionHeader},
		{"huge and properly signed", sign(t, keys().sign, header, claims().with("x", quoted(strings.Repeat("x", 4000))).encode()), oauth.FaultAssertionHeader},
		{"claims that are no object", sign(t, keys().sign, header, base64.RawURLEncoding.EncodeToString([]byte(`[1]`))), oauth.FaultAssertionHeader},
		{"claims then more", sign(t, keys().sign, header, base64.RawURLEncoding.EncodeToString([]byte(`{} {}`))), oauth.FaultAssertionHeader},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			wantFault(t, present(build(t, signer(t)), t, row.assertion, &memory{}), row.want)
		})
	}
}

// TestAssertionByThePublicKeyAsSecret is algorithm confusion: HS256 keyed with each text of the client's public key.
func TestAssertionByThePublicKeyAsSecret(t *testing.T) {
	t.Parallel()
	der, err := x509.MarshalPKIXPublicKey(&keys().sign.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	jwk, err := signKey().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	point, err := keys().sign.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	armored := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for name, key := range map[string][]byte{"DER": der, "PEM": armored, "JWK": jwk, "point": point, "empty": nil} {
		for _, alg := range []string{"HS256", "ES256"} {
			signed := joseHeader().with("alg", quoted(alg)).encode() + "." + claims().encode()
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(signed))
			err := present(build(t, signer(t)), t, signed+"."+base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), &memory{})
			want := map[string]oauth.Fault{"HS256": oauth.FaultAssertionHeader, "ES256": oauth.FaultAssertionSignature}[alg]
			if e, ok := errors.AsType[oauth.Error](err); !ok || e.Fault != want {
				t.Errorf("%s under %s: %v", name, alg, err)
			}
		}
	}
}

// TestAssertionNeedsItsClient shows that whoever has no key, no right or no name gets one answer, in which they cannot be
// told apart, after a verification like any other.
func TestAssertionNeedsItsClient(t *testing.T) {
	t.Parallel()
	valid := sign(t, keys().sign, joseHeader().encode(), claims().encode())
	off := signer(t)
	off.Active = false
	renamed := signer(t)
	renamed.ID = "sp-3"
	bySecret := record(t)
	bySecret.ID, bySecret.JWKS = "sp-2", jwks(t, signKey(), sealKey())
	rotated := signer(t)
	other := signKey()
	other.Key = &keys().other.PublicKey
	rotated.JWKS = jwks(t, other, sealKey())
	for _, row := range []struct {
		name string
		who  *client.Client
		want oauth.Fault
	}{
		{"the base", build(t, signer(t)), 0},
		{"unknown", nil, oauth.FaultAuthUnknownClient},
		{"not active", build(t, off), oauth.FaultAuthUnknownClient},
		{"another client", build(t, renamed), oauth.FaultAuthUnknownClient},
		{"a client of secrets with that very key", build(t, bySecret), oauth.FaultAuthMethod},
		{"a key that was replaced", build(t, rotated), oauth.FaultAssertionSignature},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := present(row.who, t, valid, &memory{})
			wantFault(t, err, row.want)
			if row.want != 0 && public(err) != (answer{"", 401, "Y0434A7B", "invalid_client", "client authentication failed"}) {
				t.Errorf("it can be told apart from outside: %+v", public(err))
			}
		})
	}
}

func TestAssertionOfAnyOfSeveralKeys(t *testing.T) {
	t.Parallel()
	r := signer(t)
	other := signKey()
	other.Key, other.KeyID = &keys().other.PublicKey, "s2"
	r.JWKS = jwks(t, signKey(), other, sealKey())
	c := build(t, r)
	for _, row := range []struct {
		name string
		key  *ecdsa.PrivateKey
		kid  string
		want oauth.Fault
	}{
		{"first, named", keys().sign, `"s1"`, 0},
		{"second, named", keys().other, `"s2"`, 0},
		{"second, not named", keys().other, "", 0},
		{"second under the first's name", keys().other, `"s1"`, oauth.FaultAssertionSignature},
		{"neither, not named", keys().seal, "", oauth.FaultAssertionSignature},
	} {
		err := present(c, t, sign(t, row.key, joseHeader().with("kid", row.kid).encode(), claims().encode()), &memory{})
		wantFault(t, err, row.want)
	}
}

func TestAssertionIsSpentOnce(t *testing.T) {
	t.Parallel()
	c := build(t, signer(t))
	once := &memory{}
	first := sign(t, keys().sign, joseHeader().encode(), claims().encode())
	wantFault(t, present(c, t, first, once), 0)
	wantFault(t, present(c, t, first, once), oauth.FaultAssertionReplayed)
	again := sign(t, keys().sign, joseHeader().with("kid", "").encode(), claims().with("exp", seconds(30*time.Second)).encode())
	wantFault(t, present(c, t, again, once), oauth.FaultAssertionReplayed)
	wantFault(t, present(c, t, sign(t, keys().sign, joseHeader().encode(), claims().with("jti", `"id-2"`).encode()), once), 0)
	// ECDSA lets anybody write (r, s) as (r, n-s): another text, the same assertion.
	wantFault(t, present(c, t, mirrored(t, first), &memory{}), 0)
	wantFault(t, present(c, t, mirrored(t, first), once), oauth.FaultAssertionReplayed)
	for key, until := range once.until {
		if len(key) > 64 || strings.Contains(key, "id-") {
			t.Errorf("%q is kept", key)
		}
		if !until.Equal(at().Add(70 * time.Second)) {
			t.Errorf("kept until %v: an assertion could be used again while it is valid", until)
		}
	}

	// Another client's jti, or another issuer's, is another one.
	r := signer(t)
	r.ID = "sp-22"
	theirs := claims().with("iss", `"sp-22"`).with("sub", `"sp-22"`)
	err := build(t, r).Authenticate(t.Context(), oauth.Credentials{
		Method: oauth.PrivateKeyJWT, ClientID: "sp-22",
		Presented: oauth.Secret(sign(t, keys().sign, joseHeader().encode(), theirs.encode())),
	}, check(once))
	wantFault(t, err, 0)
	k := check(once)
	k.Issuer = "https://low.example.fr/api/v2"
	err = c.Authenticate(t.Context(), oauth.Credentials{
		Method: oauth.PrivateKeyJWT, ClientID: "sp-2",
		Presented: oauth.Secret(sign(t, keys().sign, joseHeader().encode(), claims().with("aud", quoted(k.Issuer)).encode())),
	}, k)
	wantFault(t, err, 0)

	// A memory that fails lets nobody in, and says so as a fault of ours.
	err = present(c, t, first, gone{})
	if _, ok := errors.AsType[oauth.Error](err); ok || !errors.Is(err, errGone) {
		t.Errorf("without memory: %v", err)
	}
}

// mirrored writes the signature in its other form.
func mirrored(t *testing.T, assertion string) string {
	t.Helper()
	cut := strings.LastIndexByte(assertion, '.') + 1
	raw, err := base64.RawURLEncoding.DecodeString(assertion[cut:])
	if err != nil {
		t.Fatal(err)
	}
	s := new(big.Int).SetBytes(raw[32:])
	s.Sub(keys().sign.Curve.Params().N, s).FillBytes(raw[32:])
	return assertion[:cut] + base64.RawURLEncoding.EncodeToString(raw)
}

func TestAssertionRacesForItsOneUse(t *testing.T) {
	t.Parallel()
	c := build(t, signer(t))
	once := &memory{}
	assertion := sign(t, keys().sign, joseHeader().encode(), claims().encode())
	answers := make(chan error, 64)
	var wg sync.WaitGroup
	for range cap(answers) {
		wg.Go(func() { answers <- present(c, t, assertion, once) })
	}
	wg.Wait()
	close(answers)
	won := 0
	for err := range answers {
		if err == nil {
			won++
			continue
		}
		wantFault(t, err, oauth.FaultAssertionReplayed)
	}
	if won != 1 {
		t.Errorf("%d racers won", won)
	}
}
