package client

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

// FieldError is a fault of a record, with the key that is at fault as client metadata names it, so that the registry can
// show its line.
type FieldError struct {
	Key string
	Err error
}

// Error names the key.
func (e *FieldError) Error() string { return "client: " + e.Key + ": " + e.Err.Error() }

// Unwrap gives the fault.
func (e *FieldError) Unwrap() error { return e.Err }

const (
	leastEntityID = 32
	mostText      = 256
	mostList      = 256 // entries of a list: FranceConnect knows about a hundred scopes
)

// New checks a record whole, for an issuer of that profile, and makes it a Client. Errors: a *FieldError for the first
// key at fault.
func New(r Record, p oauth.Profile) (*Client, error) {
	c := &Client{record: r.clone()}
	var err error
	if c.keys, err = keyset.Parse(r.JWKS); err != nil {
		return nil, &FieldError{Key: "jwks", Err: err}
	}
	for _, check := range []struct {
		key string
		err func() error
	}{
		{"client_id", func() error { return token(r.ID, 1) }},
		{"client_name", func() error { return line(r.Name) }},
		{"entity_id", func() error { return token(r.EntityID, leastEntityID) }},
		{"redirect_uris", func() error { return addresses(r.RedirectURIs, 1, p) }},
		{"post_logout_redirect_uris", func() error { return addresses(r.Logout.URIs, 0, p) }},
		{"backchannel_logout_uri", func() error { return checkBackChannel(r.Logout, p) }},
		{"jwks_uri", func() error { return checkJWKSURI(r, p) }},
		{"security_profile", c.checkProfile},
		{"request_object_signing_alg", c.checkObjects},
		{"token_endpoint_auth_method", func() error { return c.checkAuthentication(p) }},
		{"scope", func() error { return tokens(r.Rights.Scopes) }},
		{"claims", func() error { return tokens(r.Rights.Claims) }},
		{"allowed_prompts", func() error { return checkPrompts(r.Rights.Prompts) }},
		{"allowed_idp_hints", func() error { return tokens(r.Rights.IDPHints) }},
		{"id_token_signed_response_alg", func() error { return checkSigned(r.Answers.IDTokenSigned, p) }},
		{"userinfo_signed_response_alg", func() error { return checkSigned(r.Answers.UserinfoSigned, p) }},
		{"id_token_encrypted_response_alg", func() error { return c.checkEncryption(r.Answers.IDToken, p) }},
		{"userinfo_encrypted_response_alg", func() error { return c.checkEncryption(r.Answers.Userinfo, p) }},
	} {
		if err := check.err(); err != nil {
			return nil, &FieldError{Key: check.key, Err: err}
		}
	}
	return c, nil
}

// clone copies what the caller could still change.
func (r Record) clone() Record {
	r.RedirectURIs, r.Logout.URIs = slices.Clone(r.RedirectURIs), slices.Clone(r.Logout.URIs)
	r.JWKS = nil
	r.Authentication.Secrets = slices.Clone(r.Authentication.Secrets)
	r.Rights = Rights{
		Scopes: slices.Clone(r.Rights.Scopes), Claims: slices.Clone(r.Rights.Claims),
		Prompts: slices.Clone(r.Rights.Prompts), IDPHints: slices.Clone(r.Rights.IDPHints),
	}
	return r
}

// token is one or more printable ASCII characters, without the space, quote and backslash that no scope or client_id has
// (RFC 6749 appendix A).
func token(s string, least int) error {
	if len(s) < least || len(s) > mostText {
		return fmt.Errorf("has %d characters, not %d to %d", len(s), least, mostText)
	}
	for i := range len(s) {
		if b := s[i]; b <= ' ' || b >= 0x7F || b == '"' || b == '\\' {
			return fmt.Errorf("%q has a character that is not allowed here", s)
		}
	}
	return nil
}

func tokens(list []string) error {
	if len(list) > mostList {
		return fmt.Errorf("has %d entries, at most %d", len(list), mostList)
	}
	for i, s := range list {
		if err := token(s, 1); err != nil {
			return err
		}
		if slices.Contains(list[:i], s) {
			return fmt.Errorf("%q is there twice", s)
		}
	}
	return nil
}

// line is text that people read on one line.
func line(s string) error {
	if n := utf8.RuneCountInString(s); n < 1 || n > mostText || !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return fmt.Errorf("is not 1 to %d characters of UTF-8 without outer spaces", mostText)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) { // also refuses marks that turn the direction of writing
			return fmt.Errorf("has the character %U, which does not print", r)
		}
	}
	return nil
}

func addresses(list []string, least int, p oauth.Profile) error {
	if len(list) < least || len(list) > mostList {
		return fmt.Errorf("has %d entries, not %d to %d", len(list), least, mostList)
	}
	for i, uri := range list {
		if err := oauth.CheckRedirectURI(uri, p.Loopback()); err != nil {
			return fmt.Errorf("%q: %w", uri, err)
		}
		if slices.Contains(list[:i], uri) {
			return fmt.Errorf("%q is there twice", uri)
		}
	}
	return nil
}

// checkJWKSURI wants keys from one place, and an address that may be asked.
func checkJWKSURI(r Record, p oauth.Profile) error {
	switch uri := r.Authentication.JWKSURI; {
	case uri == "":
		return nil
	case len(r.JWKS) > 0:
		return errors.New("goes without jwks (OpenID Connect Dynamic Client Registration §2)")
	default:
		return oauth.CheckRedirectURI(uri, p.Loopback())
	}
}

// checkBackChannel wants an address that may be asked.
func checkBackChannel(l Logout, p oauth.Profile) error {
	if l.BackChannel == "" {
		return nil
	}
	return oauth.CheckRedirectURI(l.BackChannel, p.Loopback())
}

// checkSigned wants an algorithm of the profile.
func checkSigned(alg string, p oauth.Profile) error {
	if alg != "" && !slices.Contains(p.Signatures(), alg) {
		return fmt.Errorf("%q does not sign at this issuer: %s", alg, strings.Join(p.Signatures(), ", "))
	}
	return nil
}

func (c *Client) checkAuthentication(p oauth.Profile) error {
	a := c.record.Authentication
	switch a.Method {
	case oauth.ClientSecretPost:
		if n := len(a.Secrets); n < 1 || n > mostSecrets {
			return fmt.Errorf("client_secret_post with %d secrets, not 1 to %d", n, mostSecrets)
		}
		if slices.Contains(a.Secrets, SecretHash{}) {
			return errors.New("client_secret_post with an empty hash")
		}
	case oauth.PrivateKeyJWT:
		if len(a.Secrets) > 0 {
			return errors.New("private_key_jwt with a secret: a client has one way to authenticate")
		}
		if !slices.ContainsFunc(p.Signatures(), c.keys.Verifies) && c.record.Authentication.JWKSURI == "" {
			return errors.New("private_key_jwt without a key of use sig in jwks for " + strings.Join(p.Signatures(), " or "))
		}
	default:
		return fmt.Errorf("%q is neither client_secret_post nor private_key_jwt", string(a.Method))
	}
	return nil
}

func checkPrompts(list []string) error {
	for _, p := range list {
		if p != "login" && p != "consent" {
			return fmt.Errorf("%q is neither login nor consent", p)
		}
	}
	return tokens(list)
}

// checkEncryption wants both names or none, a key of the client that fits, and both where the profile encrypts always
// (franceconnect.md 1.6).
func (c *Client) checkEncryption(e Encryption, p oauth.Profile) error {
	if e == (Encryption{}) {
		if p.Encrypted() {
			return errors.New("is missing: this issuer encrypts every answer")
		}
		return nil
	}
	if e.Enc != "A256GCM" {
		return fmt.Errorf("content encryption %q is not A256GCM", e.Enc)
	}
	if !slices.Contains([]string{"ECDH-ES", "RSA-OAEP", "RSA-OAEP-256"}, e.Alg) {
		return fmt.Errorf("%q is none of ECDH-ES, RSA-OAEP, RSA-OAEP-256", e.Alg)
	}
	if _, ok := c.keys.Sealing(e.Alg); !ok && c.record.Authentication.JWKSURI == "" {
		return fmt.Errorf("jwks has no key of use enc for %s", e.Alg)
	}
	return nil
}
