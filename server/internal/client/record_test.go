package client_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// checkField wants a FieldError of that key that says want, or no error when want is empty.
func checkField(t *testing.T, what string, err error, key, want string) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	field, ok := errors.AsType[*client.FieldError](err)
	if !ok {
		t.Errorf("%s: error %v is no FieldError", what, err)
		return
	}
	if errors.Unwrap(field) == nil || field.Key != key || !strings.Contains(field.Error(), want) {
		t.Errorf("%s: error %q, want %q about %s", what, field, want, key)
	}
}

func TestRecordIsCheckedWhole(t *testing.T) {
	t.Parallel()
	other, err := client.HashSecret("AAAABBBBCCCCDDDDEEEEFFFFGGGGHHHHIIIIJJJJKKKKLLLLMMMM")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		change func(*client.Record)
		key    string
		want   string
	}{
		{"the base", func(*client.Record) {}, "", ""},
		{"no id", func(r *client.Record) { r.ID = "" }, "client_id", "0 characters"},
		{"long id", func(r *client.Record) { r.ID = strings.Repeat("a", 257) }, "client_id", "257 characters"},
		{"id with a space", func(r *client.Record) { r.ID = "sp 1" }, "client_id", "not allowed"},
		{"id with an accent", func(r *client.Record) { r.ID = "spé" }, "client_id", "not allowed"},
		{"no name", func(r *client.Record) { r.Name = "" }, "client_name", "1 to 256"},
		{"name with a line end", func(r *client.Record) { r.Name = "a\nb" }, "client_name", "U+000A"},
		{"name turned around", func(r *client.Record) { r.Name = "a\u202eb" }, "client_name", "U+202E"},
		{"name with outer space", func(r *client.Record) { r.Name = " a" }, "client_name", "outer spaces"},
		{"name not UTF-8", func(r *client.Record) { r.Name = "a\xff" }, "client_name", "UTF-8"},
		{"name with markup, which pages escape", func(r *client.Record) { r.Name = "<b>a</b>" }, "", ""},
		{"short entity id", func(r *client.Record) { r.EntityID = strings.Repeat("e", 31) }, "entity_id", "31 characters"},
		{"no address", func(r *client.Record) { r.RedirectURIs = nil }, "redirect_uris", "0 entries"},
		{"address twice", func(r *client.Record) { r.RedirectURIs = []string{callback, callback} }, "redirect_uris", "twice"},
		{"one bad address of two", func(r *client.Record) { r.RedirectURIs[1] += "#x" }, "redirect_uris", "fragment"},
		{"no method", func(r *client.Record) { r.Authentication.Method = "" }, "token_endpoint_auth_method", "neither"},
		{"method none", func(r *client.Record) { r.Authentication.Method = "none" }, "token_endpoint_auth_method", "neither"},
		{"method basic", func(r *client.Record) { r.Authentication.Method = "client_secret_basic" }, "token_endpoint_auth_method", "neither"},
		{"no secret", func(r *client.Record) { r.Authentication.Secrets = nil }, "token_endpoint_auth_method", "0 secrets"},
		{"two secrets", func(r *client.Record) { r.Authentication.Secrets = append(r.Authentication.Secrets, other) }, "", ""},
		{"three secrets", func(r *client.Record) { r.Authentication.Secrets = append(r.Authentication.Secrets, other, other) }, "token_endpoint_auth_method", "3 secrets"},
		{"empty hash", func(r *client.Record) { r.Authentication.Secrets = []client.SecretHash{{}} }, "token_endpoint_auth_method", "empty hash"},
		{"assertion and secret", func(r *client.Record) { r.Authentication.Method = oauth.PrivateKeyJWT }, "token_endpoint_auth_method", "one way"},
		{"assertion without key", func(r *client.Record) {
			r.Authentication = client.Authentication{Method: oauth.PrivateKeyJWT}
		}, "token_endpoint_auth_method", "without a key"},
		{"scope with a quote", func(r *client.Record) { r.Rights.Scopes = []string{`a"b`} }, "scope", "not allowed"},
		{"scope twice", func(r *client.Record) { r.Rights.Scopes = []string{"a", "a"} }, "scope", "twice"},
		{"too many scopes", func(r *client.Record) { r.Rights.Scopes = make([]string, 257) }, "scope", "257 entries"},
		{"empty claim", func(r *client.Record) { r.Rights.Claims = []string{""} }, "claims", "0 characters"},
		{"prompt none", func(r *client.Record) { r.Rights.Prompts = []string{"none"} }, "allowed_prompts", "neither login nor consent"},
		{"prompt twice", func(r *client.Record) { r.Rights.Prompts = []string{"login", "login"} }, "allowed_prompts", "twice"},
		{"hint with a space", func(r *client.Record) { r.Rights.IDPHints = []string{"a b"} }, "allowed_idp_hints", "not allowed"},
		{"ID token in clear", func(r *client.Record) { r.Answers.IDToken = client.Encryption{} }, "id_token_encrypted_response_alg", "missing"},
		{"userinfo in clear", func(r *client.Record) { r.Answers.Userinfo = client.Encryption{} }, "userinfo_encrypted_response_alg", "missing"},
		{"half an encryption", func(r *client.Record) { r.Answers.Userinfo.Enc = "" }, "userinfo_encrypted_response_alg", "A256GCM"},
		{"another content encryption", func(r *client.Record) { r.Answers.IDToken.Enc = "A128CBC-HS256" }, "id_token_encrypted_response_alg", "A256GCM"},
		{"RSA1_5", func(r *client.Record) { r.Answers.IDToken.Alg = "RSA1_5" }, "id_token_encrypted_response_alg", "none of"},
		{"dir", func(r *client.Record) { r.Answers.IDToken.Alg = "dir" }, "id_token_encrypted_response_alg", "none of"},
		{"no key for the algorithm", func(r *client.Record) { r.Answers.IDToken.Alg = "RSA-OAEP" }, "id_token_encrypted_response_alg", "no key of use enc"},
		{"no key at all", func(r *client.Record) { r.JWKS = nil }, "id_token_encrypted_response_alg", "no key of use enc"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := record(t)
			row.change(&r)
			c, err := client.New(r, oauth.Plus())
			checkField(t, row.name, err, row.key, row.want)
			if (c == nil) != (err != nil) {
				t.Errorf("client %v with error %v", c, err)
			}
		})
	}
}

func TestRecordOfTheStandardProfileMayBeInClear(t *testing.T) {
	t.Parallel()
	r := record(t)
	r.Answers, r.JWKS = client.Answers{}, nil
	if _, err := client.New(r, oauth.Standard()); err != nil {
		t.Errorf("standard: %v", err)
	}
	_, err := client.New(r, oauth.Plus())
	checkField(t, "plus", err, "id_token_encrypted_response_alg", "missing")
}

func TestClientIsNotTheCallersToChange(t *testing.T) {
	t.Parallel()
	r := record(t)
	c := build(t, r)
	r.RedirectURIs[0], r.Rights.Scopes[0], r.Authentication.Secrets[0] = "https://evil.example.com/", "email", client.SecretHash{}
	c.RedirectURIs()[0], c.Scopes()[0], c.Claims()[0] = "https://evil.example.com/", "email", "x"
	if got, _ := authorize(t, request(), oauth.Plus(), c); got != admitted {
		t.Errorf("the record changed: %+v", got)
	}
	if c.RedirectURIs()[0] != callback || c.Scopes()[0] != "given_name" || c.Claims()[0] != "amr" || len(c.PostLogoutURIs()) != 0 {
		t.Error("what an accessor gave changed the client")
	}
	if c.Name() != r.Name || c.EntityID() != r.EntityID || !c.Public() || c.Consent() || c.Answers() != r.Answers {
		t.Error("accessors do not give the record")
	}
	var unknown *client.Client
	if got := fmt.Sprint(unknown, c); got != `client("") client("sp-1")` {
		t.Errorf("they print as %s", got)
	}
	if unknown.Active() || !c.Active() || c.ID() != "sp-1" {
		t.Error("activity or name is wrong")
	}
	if unknown.ID()+unknown.Name()+unknown.EntityID() != "" || unknown.Public() || unknown.Consent() || unknown.Answers() != (client.Answers{}) ||
		len(unknown.RedirectURIs())+len(unknown.PostLogoutURIs())+len(unknown.Scopes())+len(unknown.Claims()) != 0 {
		t.Error("the unknown client has something")
	}
	if k, err := unknown.EncryptionKey(t.Context(), "ECDH-ES", nil); err == nil {
		t.Errorf("the unknown client has the key %q", k.KeyID)
	}
	if _, err := unknown.Admit(oauth.AuthorizeRequest{}, offer()); err == nil {
		t.Error("the unknown client was admitted")
	}
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeySet(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r2048 := rsaKey(t)
	key := func(change func(*jose.JSONWebKey)) []byte {
		k := sealKey()
		change(&k)
		return jwks(t, sealKey(), k)
	}
	second := func(k any, use, alg string) []byte {
		return key(func(w *jose.JSONWebKey) { *w = jose.JSONWebKey{Key: k, KeyID: "k2", Use: use, Algorithm: alg} })
	}
	for _, row := range []struct {
		name string
		jwks []byte
		want string
	}{
		{"a P-384 key for ECDH-ES", second(&p384.PublicKey, "enc", ""), ""},
		{"an RSA key", second(&r2048.PublicKey, "enc", "RSA-OAEP-256"), ""},
		{"a P-256 key for assertions", second(&keys().sign.PublicKey, "sig", ""), ""},
		{"not JSON", []byte("{"), "not JSON"},
		{"not an object", []byte("[]"), "not a JSON object"},
		{"no keys", []byte("{}"), `no list "keys"`},
		{"keys twice", []byte(`{"keys":[],"keys":[]}`), "twice"},
		{"a key that is no object", []byte(`{"keys":[1]}`), "key 1"},
		{"a private key", second(keys().sign, "sig", ""), "private"},
		{"a symmetric key", second([]byte(strings.Repeat("k", 32)), "sig", ""), "private or symmetric"},
		{"a P-384 key for assertions", second(&p384.PublicKey, "sig", ""), "not a P-256 key"},
		{"an RSA key for assertions", second(&r2048.PublicKey, "sig", ""), ""},
		{"a short RSA key for assertions", second(&rsa.PublicKey{N: new(big.Int).Rsh(r2048.N, 100), E: 65537}, "sig", ""), "not a P-256 key"},
		{"an RSA key for PS256", second(&r2048.PublicKey, "sig", "PS256"), "not a P-256 key"},
		{"another signature algorithm", second(&keys().sign.PublicKey, "sig", "ES384"), "not a P-256 key"},
		{"another encryption algorithm", second(&keys().seal.PublicKey, "enc", "ECDH-ES+A128KW"), "not a key for"},
		{"RSA1_5", second(&r2048.PublicKey, "enc", "RSA1_5"), "not a key for"},
		{"a short RSA key", second(&rsa.PublicKey{N: new(big.Int).Rsh(r2048.N, 100), E: 65537}, "enc", ""), "not a key for"},
		{"RSA with exponent 3", second(&rsa.PublicKey{N: r2048.N, E: 3}, "enc", ""), "not a key for"},
		{"no use", second(&keys().seal.PublicKey, "", ""), "neither sig nor enc"},
		{"both uses in one", second(&keys().seal.PublicKey, "sig enc", ""), "neither sig nor enc"},
		{"no kid", key(func(k *jose.JSONWebKey) { k.KeyID = "" }), "no kid"},
		{"a kid twice", key(func(*jose.JSONWebKey) {}), "kid is used twice"},
		{"a point off the curve", []byte(`{"keys":[{"kty":"EC","crv":"P-256","use":"enc","kid":"k","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}]}`), "key 1"},
		{"a certificate", []byte(strings.Replace(string(jwks(t, sealKey())), `"kid"`, `"x5u":"https://sp.example.fr/c","kid"`, 1)), "x5c or x5u"},
		{"another type", []byte(`{"keys":[{"kty":"XYZ","use":"enc","kid":"k"}]}`), "key 1"},
		{"too long", []byte(`{"keys":[]}` + strings.Repeat(" ", 32<<10)), "bytes"},
		{"too many", many(t), "more than 8"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := record(t)
			r.JWKS = row.jwks
			_, err := client.New(r, oauth.Plus())
			checkField(t, row.name, err, "jwks", row.want)
		})
	}
}

func many(t *testing.T) []byte {
	t.Helper()
	var list []jose.JSONWebKey
	for i := range 9 {
		k := sealKey()
		k.KeyID = fmt.Sprint("k", i)
		list = append(list, k)
	}
	return jwks(t, list...)
}

func TestEncryptionKeyIsTheFirstThatFits(t *testing.T) {
	t.Parallel()
	r2048 := rsaKey(t)
	r := record(t)
	r.JWKS = jwks(t,
		jose.JSONWebKey{Key: &keys().sign.PublicKey, KeyID: "sig", Use: "sig"},
		jose.JSONWebKey{Key: &r2048.PublicKey, KeyID: "oaep", Use: "enc", Algorithm: "RSA-OAEP"},
		jose.JSONWebKey{Key: &r2048.PublicKey, KeyID: "any", Use: "enc"},
		sealKey(),
	)
	c := build(t, r)
	for alg, want := range map[string]string{"ECDH-ES": "e1", "RSA-OAEP": "oaep", "RSA-OAEP-256": "any"} {
		k, err := c.EncryptionKey(t.Context(), alg, nil)
		if err != nil || k.KeyID != want || k.Use != "enc" {
			t.Errorf("%s: key %q, %v; want %q", alg, k.KeyID, err, want)
		}
	}
	for _, alg := range []string{"", "RSA1_5", "dir", "ES256"} {
		if k, err := c.EncryptionKey(t.Context(), alg, nil); err == nil {
			t.Errorf("%q: key %q", alg, k.KeyID)
		}
	}
}
