package client_test

import (
	"encoding/base64"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// TestFAPI: the profile demands all of it, whatever the rest of the record says.
func TestFAPI(t *testing.T) {
	t.Parallel()
	r := signer(t)
	r.Authentication.FAPI = true
	c := build(t, r)
	if !c.FAPI() || !c.BindsTokens() || build(t, signer(t)).FAPI() || build(t, signer(t)).BindsTokens() || (*client.Client)(nil).FAPI() {
		t.Error("who follows the profile binds its tokens, and nobody else must")
	}
	values := request()
	values.Set("client_id", "sp-2")
	values.Del("nonce")
	values.Set("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
	values.Set("code_challenge_method", "S256")
	if _, err := oauth.ParseAuthorize(values, oauth.Plus()); err == nil {
		t.Error("without nonce, by the rules of everybody")
	}
	whole, err := oauth.ParseAuthorize(values, oauth.Plus().NonceOptional())
	if err != nil {
		t.Fatal(err)
	}
	whole.Pushed = true
	if _, err := c.Admit(whole, offer()); err != nil {
		t.Error(err)
	}
	for want, change := range map[oauth.Fault]func(*oauth.AuthorizeRequest){
		oauth.FaultPushedRequired:    func(r *oauth.AuthorizeRequest) { r.Pushed = false },
		oauth.FaultChallengeRequired: func(r *oauth.AuthorizeRequest) { r.Challenge = "" },
	} {
		less := whole
		change(&less)
		_, err := c.Admit(less, offer())
		wantFault(t, err, want)
	}
	for _, nonce := range []string{"", "short"} {
		values.Set("nonce", nonce)
		if _, err := oauth.ParseAuthorize(values, oauth.Plus().NonceOptional()); err == nil {
			t.Errorf("nonce %q", nonce)
		}
	}
	bySecret := record(t)
	bySecret.Authentication.FAPI = true
	_, err = client.New(bySecret, oauth.Plus())
	checkField(t, "by secret", err, "security_profile", "private_key_jwt")
}

// TestFAPIWithoutRS256: neither the record nor an assertion may have it, even where the issuer serves it.
func TestFAPIWithoutRS256(t *testing.T) {
	t.Parallel()
	rsaKey := jose.JSONWebKey{Key: rsaKeys()[0].Public(), KeyID: "r1", Use: "sig"}
	for name, change := range map[string]func(*client.Record){
		"":             func(*client.Record) {},
		"ID token":     func(r *client.Record) { r.Answers.IDTokenSigned = "RS256" },
		"userinfo":     func(r *client.Record) { r.Answers.UserinfoSigned = "RS256" },
		"key":          func(r *client.Record) { r.JWKS = jwks(t, signKey(), sealKey(), rsaKey) },
		"its only key": func(r *client.Record) { r.JWKS = jwks(t, sealKey(), rsaKey) },
	} {
		r := signer(t)
		change(&r)
		if _, err := client.New(r, oauth.Standard()); err != nil {
			t.Errorf("%s, of anybody: %v", name, err)
		}
		r.Authentication.FAPI = true
		_, err := client.New(r, oauth.Standard())
		if name != "" {
			checkField(t, name, err, "security_profile", "RS256")
		} else if err != nil {
			t.Error(err)
		}
	}
	byRSA, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rsaKeys()[0], KeyID: "r1"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.RawURLEncoding.DecodeString(claims().encode())
	if err != nil {
		t.Fatal(err)
	}
	jws, err := byRSA.Sign(raw)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	listed := sign(t, keys().sign, joseHeader().encode(), claims().with("aud", "["+quoted(issuer)+"]").encode())
	for _, row := range []struct {
		name, assertion string
		want            oauth.Fault // of a client that follows the profile; nobody else is refused
	}{
		{"ES256 and a string", sign(t, keys().sign, joseHeader().encode(), claims().encode()), 0},
		{"RS256", rs, oauth.FaultAssertionKey},
		{"aud as a list", listed, oauth.FaultAssertionAudience},
	} {
		for _, fapi := range []bool{true, false} {
			r := publisher(t)
			r.Authentication.FAPI = fapi
			with := check(&memory{})
			with.Algs, with.Keys = []string{"ES256", "RS256"}, &source{sets: [][]byte{jwks(t, signKey(), sealKey(), rsaKey)}}
			cred := oauth.Credentials{Method: oauth.PrivateKeyJWT, ClientID: "sp-2", Presented: oauth.Secret(row.assertion)}
			want := row.want
			if !fapi {
				want = 0
			}
			wantFault(t, build(t, r).Authenticate(t.Context(), cred, with), want)
		}
	}
}
