package client_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// providerRecord is a valid data provider that authenticates by secret.
func providerRecord(t testing.TB) client.ProviderRecord {
	t.Helper()
	hash, err := client.HashSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	return client.ProviderRecord{
		ID: "dp-1", Name: "Données fiscales", Active: true, JWKS: jwks(t, sealKey(), signKey()),
		Authentication: client.Authentication{Method: oauth.ClientSecretPost, Secrets: []client.SecretHash{hash}},
		Scopes:         []string{"dgfip_rfr", "identite_pivot"}, Answer: client.Encryption{Alg: "ECDH-ES", Enc: "A256GCM"},
	}
}

func provider(t testing.TB, r client.ProviderRecord) *client.DataProvider {
	t.Helper()
	d, err := client.NewProvider(r, oauth.Plus())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestNewProviderRefuses changes one thing of a valid record.
func TestNewProviderRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(r *client.ProviderRecord)
		key    string
	}{
		"no id":            {func(r *client.ProviderRecord) { r.ID = "" }, "client_id"},
		"no name":          {func(r *client.ProviderRecord) { r.Name = " " }, "client_name"},
		"no key set":       {func(r *client.ProviderRecord) { r.JWKS = []byte("{}") }, "jwks"},
		"two key sets":     {func(r *client.ProviderRecord) { r.Authentication.JWKSURI = "https://dp.example.fr/jwks" }, "jwks_uri"},
		"no method":        {func(r *client.ProviderRecord) { r.Authentication.Method = "" }, "token_endpoint_auth_method"},
		"no secret":        {func(r *client.ProviderRecord) { r.Authentication.Secrets = nil }, "token_endpoint_auth_method"},
		"secret with keys": {func(r *client.ProviderRecord) { r.Authentication.Method = oauth.PrivateKeyJWT }, "token_endpoint_auth_method"},
		"no scope":         {func(r *client.ProviderRecord) { r.Scopes = nil }, "scope"},
		"no word":          {func(r *client.ProviderRecord) { r.Scopes = []string{"a b"} }, "scope"},
		"no encryption":    {func(r *client.ProviderRecord) { r.Answer = client.Encryption{} }, "introspection_encrypted_response_alg"},
		"other content":    {func(r *client.ProviderRecord) { r.Answer.Enc = "A128GCM" }, "introspection_encrypted_response_alg"},
		"no key for it":    {func(r *client.ProviderRecord) { r.Answer.Alg = "RSA-OAEP" }, "introspection_encrypted_response_alg"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, p := range []oauth.Profile{oauth.Plus(), oauth.Standard()} { // encrypted always, in both
				r := providerRecord(t)
				row.change(&r)
				if d, err := client.NewProvider(r, p); d != nil || err == nil || !strings.HasPrefix(err.Error(), "client: "+row.key+": ") {
					t.Errorf("%s: %v, want one of %s", p.Name(), err, row.key)
				}
				if _, err := client.NewProvider(providerRecord(t), p); err != nil {
					t.Errorf("the base in %s: %v", p.Name(), err)
				}
			}
		})
	}
}

// TestProviderAuthenticates: by its own secret alone; everybody else by nothing.
func TestProviderAuthenticates(t *testing.T) {
	t.Parallel()
	inactive := providerRecord(t)
	inactive.Active = false
	check := client.Check{Issuer: issuer, Now: at(), Once: unspendable{t}}
	for name, row := range map[string]struct {
		provider *client.DataProvider
		id       string
		secret   oauth.Secret
		method   oauth.AuthMethod
		want     oauth.Fault // none: accepted
	}{
		"base":           {provider(t, providerRecord(t)), "dp-1", secret, oauth.ClientSecretPost, 0},
		"other secret":   {provider(t, providerRecord(t)), "dp-1", secret + "x", oauth.ClientSecretPost, oauth.FaultAuthSecret},
		"no secret":      {provider(t, providerRecord(t)), "dp-1", "", oauth.ClientSecretPost, oauth.FaultAuthSecret},
		"other id":       {provider(t, providerRecord(t)), "dp-2", secret, oauth.ClientSecretPost, oauth.FaultAuthUnknownClient},
		"inactive":       {provider(t, inactive), "dp-1", secret, oauth.ClientSecretPost, oauth.FaultAuthUnknownClient},
		"unknown":        {nil, "dp-1", secret, oauth.ClientSecretPost, oauth.FaultAuthUnknownClient},
		"unknown method": {provider(t, providerRecord(t)), "dp-1", secret, "none", oauth.FaultAuthMethod},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := row.provider.Authenticate(t.Context(), oauth.Credentials{Method: row.method, ClientID: row.id, Presented: row.secret}, check)
			if row.want == 0 && err != nil || row.want != 0 && err != row.want.Err() {
				t.Errorf("%v, want %s", err, row.want)
			}
		})
	}
}

// TestProvider: what it may be told, and that the record is not the caller's to change any more.
func TestProvider(t *testing.T) {
	t.Parallel()
	r := providerRecord(t)
	d := provider(t, r)
	r.Scopes[0], r.Authentication.Secrets[0] = "email", client.SecretHash{}
	for _, row := range []struct{ asked, want []string }{
		{[]string{"openid", "dgfip_rfr", "email"}, []string{"dgfip_rfr"}},
		{[]string{"identite_pivot", "dgfip_rfr"}, []string{"identite_pivot", "dgfip_rfr"}},
		{[]string{"openid"}, nil},
		{nil, nil},
	} {
		if got := d.Held(row.asked); !slices.Equal(got, row.want) {
			t.Errorf("of %v: %v, want %v", row.asked, got, row.want)
		}
	}
	if alg, key, err := d.EncryptionKey(t.Context(), nil); err != nil || alg != "ECDH-ES" || key.KeyID != "e1" {
		t.Errorf("%s, key %q: %v", alg, key.KeyID, err)
	}
	check := client.Check{Issuer: issuer, Now: at(), Once: unspendable{t}}
	if err := d.Authenticate(t.Context(), oauth.Credentials{Method: oauth.ClientSecretPost, ClientID: "dp-1", Presented: secret}, check); err != nil {
		t.Error(err)
	}
	if got := fmt.Sprintf("%v %+v %x", d, d, d); strings.ReplaceAll(got, `data provider("dp-1")`, "") != "  " {
		t.Errorf("prints as %s", got)
	}
	var unknown *client.DataProvider
	if unknown.Active() || unknown.ID() != "" || unknown.Name() != "" || unknown.Held([]string{"dgfip_rfr"}) != nil {
		t.Error("the unknown data provider has something")
	}
	if _, _, err := unknown.EncryptionKey(t.Context(), nil); err == nil {
		t.Error("the unknown data provider has a key")
	}
}

// unspendable is a memory that a secret must not need.
type unspendable struct{ t *testing.T }

// Spend implements client.Once.
func (u unspendable) Spend(context.Context, string, string, time.Time) error {
	u.t.Error("a client secret spends something")
	return client.ErrSpent
}
