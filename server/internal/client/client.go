// Package client owns what a service provider is to this broker: the meaning of its record. It admits an authorization
// request or says where it is refused, and it authenticates the provider at the back channel. Records come from the
// registry; nothing here reads a file or a clock.
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

// Record is a client as an operator declares it, not yet checked. New checks it whole.
type Record struct {
	ID             string
	Name           string // shown to people
	EntityID       string // what the pairwise sub depends on: at least 32 characters (franceconnect.md 1.11)
	Active         bool
	Public         bool // a public body; else a private one, whose consent page differs (franceconnect.md 6.1)
	Consent        bool // identity_consent
	RedirectURIs   []string
	Logout         Logout
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
	FAPI        bool         // the client follows the FAPI 2.0 Security Profile, all of it
	ObjectAlg   string       // how the client signs requests (RFC 9101): ES256; empty for a client that does not
	SignedOnly  bool         // a request that is not signed is refused
	PushedOnly  bool         // a request that the client did not send ahead is refused (RFC 9126 §6)
	BoundTokens bool         // an access token is bound to a key (RFC 9449 §5.2)
	JWKSURI     string       // where the client publishes its keys, instead of JWKS; empty for nowhere
}

// Logout is what a client wants of one.
type Logout struct {
	URIs        []string // where the browser may go after it
	BackChannel string   // where logout tokens are posted (OpenID Connect Back-Channel Logout 1.0 §2.2); empty for nowhere
	Session     bool     // ID tokens name the session: the claim sid
}

// Rights are what a client may ask for.
type Rights struct {
	Scopes   []string // scopes beside openid, which everybody has
	Claims   []string // claims that the claims parameter may ask for, such as amr
	Prompts  []string // prompt values that are honoured, of login and consent (allowed_prompts)
	IDPHints []string // identity providers that it may name; replaces the issuer's list when not empty
}

// Answers are how the ID token and userinfo are signed, and encrypted to the client.
type Answers struct {
	IDToken        Encryption
	Userinfo       Encryption
	IDTokenSigned  string // ES256 where empty, or RS256 where the profile serves it
	UserinfoSigned string
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
	keys   keyset.Set // those of the record; none where they are at its jwks_uri
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
func (c *Client) PostLogoutURIs() []string { return slices.Clone(c.of().Logout.URIs) }

// BackChannelLogout is where logout tokens are posted; empty for nowhere.
func (c *Client) BackChannelLogout() string { return c.of().Logout.BackChannel }

// NamesSession reports whether its ID tokens have the claim sid.
func (c *Client) NamesSession() bool { return c.of().Logout.Session }

// Answers are the encryptions of its answers.
func (c *Client) Answers() Answers { return c.of().Answers }

// BindsTokens reports whether its access tokens must be bound to a key.
func (c *Client) BindsTokens() bool {
	a := c.of().Authentication
	return a.BoundTokens || a.FAPI
}

// FAPI reports whether the client follows the FAPI 2.0 Security Profile.
func (c *Client) FAPI() bool { return c.of().Authentication.FAPI }

// EncryptionKey is the client's public key for an algorithm of Answers: the first of its key set that fits. The source is
// asked where the record names an address. Errors: keyset.ErrUnavailable, which another moment may mend; none fits, which New
// excludes for keys of the record.
func (c *Client) EncryptionKey(ctx context.Context, alg string, source keyset.Source) (jose.JSONWebKey, error) {
	set, err := c.keySet(ctx, source, func(s keyset.Set) bool {
		_, ok := s.Sealing(alg)
		return ok
	})
	if err != nil {
		return jose.JSONWebKey{}, err
	}
	k, ok := set.Sealing(alg)
	if !ok {
		return jose.JSONWebKey{}, errors.New("client: no key of the client fits the algorithm")
	}
	return k, nil
}

// keySet gives the client's keys from where they are.
func (c *Client) keySet(ctx context.Context, source keyset.Source, has func(keyset.Set) bool) (keyset.Set, error) {
	switch {
	case c == nil:
		return keyset.Set{}, nil
	case c.record.Authentication.JWKSURI == "":
		return c.keys, nil
	case source == nil:
		return keyset.Set{}, keyset.ErrUnavailable
	}
	return source.Keys(ctx, c.record.Authentication.JWKSURI, has)
}

// Entitled keeps, of scopes that were asked earlier, those that the client may ask for now; openid is everybody's.
func (c *Client) Entitled(scopes []string) []string {
	may := c.Scopes()
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return scope != "openid" && !slices.Contains(may, scope) })
}
