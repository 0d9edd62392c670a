package client_test

import (
	"testing"

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
