// Package client owns what a service provider is to this broker: the meaning of its record. It admits an authorization
// request or says where it is refused, and it authenticates the provider at the back channel. Records come from the
// registry; nothing here reads a file or a clock.
package client

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"pivot/server/internal/oauth"
)

// Record is a client as an operator declares it, not yet checked. New checks it whole.
type Record struct {
	ID             string
	Name           string // shown to people
	EntityID       string // what the pairwise sub depends on: at least 32 characters (franceconnect.md 1.11)
	Active         bool
	Public         bool // a public body; else a private one, whose consent page differs (franceconnect.md 6.1)
	Consent        bool // identity_consent
	RedirectURIs   []string
	PostLogoutURIs []string
	JWKS           []byte // JSON: public keys for client assertions (use sig) and for answers (use enc)
	Authentication Authentication
	Rights         Rights
	Answers        Answers
}

// Authentication is how a client proves itself, and what it must add to a request.
type Authentication struct {
	Method      oauth.AuthMethod
	Secrets     []SecretHash // client_secret_post: one, or two while the secret changes
	RequirePKCE bool         // a request without code_challenge is refused
}

// Rights are what a client may ask for.
type Rights struct {
	Scopes   []string // scopes beside openid, which everybody has
	Claims   []string // claims that the claims parameter may ask for, such as amr
	Prompts  []string // prompt values that are honoured, of login and consent (allowed_prompts)
	IDPHints []string // identity providers that it may name; replaces the issuer's list when not empty
}

// Answers are how the ID token and userinfo are encrypted to the client. The signature is always ES256.
type Answers struct {
	IDToken  Encryption
	Userinfo Encryption
}

// Encryption is a pair of JWE algorithms by their registered names; both are empty for an answer that is only signed.
type Encryption struct {
	Alg string // ECDH-ES, RSA-OAEP or RSA-OAEP-256
	Enc string // A256GCM
}

// Client is a checked record, safe for concurrent use. A nil Client is the unknown client: it has an empty record, is not
// active, and refuses what any client may refuse, in the same words and after the same work.
type Client struct {
	record Record
	sign   []jose.JSONWebKey // P-256 public keys for assertions
	seal   []jose.JSONWebKey // public keys for answers
}

// Format prints the client_id alone, under every verb: the fields below hold hashes of secrets.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client(%q)", c.ID())
}

// of is the record; the unknown client has an empty one.
func (c *Client) of() Record {
	if c == nil {
		return Record{}
	}
	return c.record
}

// ID is the client_id.
func (c *Client) ID() string { return c.of().ID }

// Name is what people read.
func (c *Client) Name() string { return c.of().Name }

// EntityID is what the pairwise sub depends on.
func (c *Client) EntityID() string { return c.of().EntityID }

// Active reports whether the client may do anything; an unknown client may not.
func (c *Client) Active() bool { return c.of().Active }

// Public reports whether it is a public body.
func (c *Client) Public() bool { return c.of().Public }

// Consent reports whether a private client shows the consent box.
func (c *Client) Consent() bool { return c.of().Consent }

// Scopes are those that it may ask for, beside openid.
func (c *Client) Scopes() []string { return slices.Clone(c.of().Rights.Scopes) }

// Claims are those that its claims parameter may ask for.
func (c *Client) Claims() []string { return slices.Clone(c.of().Rights.Claims) }

// RedirectURIs are the registered addresses of answers.
func (c *Client) RedirectURIs() []string { return slices.Clone(c.of().RedirectURIs) }

// PostLogoutURIs are where the browser may go after logout.
func (c *Client) PostLogoutURIs() []string { return slices.Clone(c.of().PostLogoutURIs) }

// Answers are the encryptions of its answers.
func (c *Client) Answers() Answers { return c.of().Answers }

// EncryptionKey is the client's public key for an algorithm of Answers: the first of its JWKS that fits. Errors: none
// fits, which New excludes for the algorithms of the record.
func (c *Client) EncryptionKey(alg string) (jose.JSONWebKey, error) {
	if c != nil {
		for _, k := range c.seal {
			if fits(k, alg) {
				return k, nil
			}
		}
	}
	return jose.JSONWebKey{}, errors.New("client: no key of the client fits the algorithm")
}

// Entitled keeps, of scopes that were asked earlier, those that the client may ask for now; openid is everybody's.
func (c *Client) Entitled(scopes []string) []string {
	may := c.Scopes()
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope != "openid" && !slices.Contains(may, scope) })
}
