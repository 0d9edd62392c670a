package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

// ProviderRecord is a data provider as an operator declares it, not yet checked. NewProvider checks it whole.
type ProviderRecord struct {
	ID             string // client_id; the sub that it is told depends on it too (franceconnect.md 5)
	Name           string // shown to operators
	Active         bool
	JWKS           []byte // JSON: public keys for its assertions (use sig) and for answers (use enc)
	Authentication Authentication
	Scopes         []string   // what it holds, and may be told about
	Answer         Encryption // of what it is told of an access token; always encrypted
}

// DataProvider is a checked record, safe for concurrent use: a protected resource (RFC 7662 §1.2) that asks what an access
// token is good for. It authenticates as a client does, and can do nothing else that a client can: it has no address that
// a person could be sent to, and no request of its own is admitted. A nil DataProvider is the unknown one.
type DataProvider struct {
	client Client
	scopes []string
	answer Encryption
}

// NewProvider checks a record whole, for an issuer of that profile, and makes it a DataProvider. Errors: a *FieldError for
// the first key at fault.
func NewProvider(r ProviderRecord, p oauth.Profile) (*DataProvider, error) {
	keys, err := keyset.Parse(r.JWKS)
	if err != nil {
		return nil, &FieldError{Key: "jwks", Err: err}
	}
	auth := r.Authentication
	auth.Secrets = slices.Clone(auth.Secrets)
	declared := Record{ID: r.ID, Name: r.Name, Active: r.Active, Authentication: auth}
	d := &DataProvider{client: Client{record: declared, keys: keys}, scopes: slices.Clone(r.Scopes), answer: r.Answer}
	for _, check := range []struct {
		key string
		err func() error
	}{
		{"client_id", func() error { return token(r.ID, 1) }},
		{"client_name", func() error { return line(r.Name) }},
		{"jwks_uri", func() error { return checkJWKSURI(Record{JWKS: r.JWKS, Authentication: auth}, p) }},
		{"token_endpoint_auth_method", func() error { return d.client.checkAuthentication(p) }},
		{"scope", func() error { return checkHeld(r.Scopes) }},
		{"introspection_encrypted_response_alg", func() error { return d.checkAnswer(p) }},
	} {
		if err := check.err(); err != nil {
			return nil, &FieldError{Key: check.key, Err: err}
		}
	}
	return d, nil
}

// checkHeld wants at least one scope: a provider of nothing has no reason to ask.
func checkHeld(scopes []string) error {
	if len(scopes) == 0 {
		return errors.New("names no scope that the data provider holds")
	}
	return tokens(scopes)
}

// checkAnswer wants an encryption, whatever the profile: the answer may carry an identity past whoever asked.
func (d *DataProvider) checkAnswer(p oauth.Profile) error {
	if d.answer == (Encryption{}) {
		return errors.New("is missing: what a data provider is told is always encrypted")
	}
	return d.client.checkEncryption(d.answer, p)
}

// Format prints the client_id alone, under every verb.
func (d *DataProvider) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "data provider(%q)", d.ID())
}

// inside is the client that it authenticates as; nil for the unknown one.
func (d *DataProvider) inside() *Client {
	if d == nil {
		return nil
	}
	return &d.client
}

// ID is the client_id.
func (d *DataProvider) ID() string { return d.inside().ID() }

// Name is what operators read.
func (d *DataProvider) Name() string { return d.inside().Name() }

// Active reports whether it may ask anything.
func (d *DataProvider) Active() bool { return d.inside().Active() }

// Authenticate decides whether the credentials are this data provider's, exactly as [Client.Authenticate] does.
func (d *DataProvider) Authenticate(ctx context.Context, cred oauth.Credentials, check Check) error {
	return d.inside().Authenticate(ctx, cred, check)
}

// Held keeps, of the scopes of an access token, those that the data provider holds; openid is nobody's data.
func (d *DataProvider) Held(scopes []string) []string {
	if d == nil {
		return nil
	}
	return both(scopes, d.scopes)
}

// EncryptionKey is the algorithm of its answers and its public key for it. Errors: those of [Client.EncryptionKey].
func (d *DataProvider) EncryptionKey(ctx context.Context, source keyset.Source) (string, jose.JSONWebKey, error) {
	if d == nil {
		return "", jose.JSONWebKey{}, errors.New("client: the unknown data provider is told nothing")
	}
	key, err := d.client.EncryptionKey(ctx, d.answer.Alg, source)
	return d.answer.Alg, key, err
}
