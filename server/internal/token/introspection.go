package token

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/claims"
)

// TypeIntrospection is the type of an answer about an access token (RFC 9701 §5); behind "application/" its media type.
const TypeIntrospection = "token-introspection+jwt"

// An Introspection holds what a data provider is told of one access token. The zero Introspection is that of a token that is
// good for nothing there, whatever the reason: its answers say that and no word more (RFC 7662 §2.2).
type Introspection struct {
	Client  string          // client_id of the service provider that brought the token
	Subject string          // the person, by the pairwise identifier of the data provider
	Level   assurance.Level // what was obtained at the login, `acr`
	Scopes  []string        // what both the token and the data provider have; may be none
	ID      string          // one for each token, `jti`; tells nothing of it
	Issued  time.Time
	Expires time.Time
	Claims  []claims.Claim // identity that the scopes release, in the order in which it is written
	// Thumbprint is that of the key that the token is bound to (RFC 9449 §6): who brings it must prove the key to the data
	// provider as well. Empty for a bearer token.
	Thumbprint string
}

// errIntrospection is wrapped by every refusal to write an introspection.
var errIntrospection = errors.New("token: introspection")

// Checktoken returns the payload of an answer of /checktoken (franceconnect.md 5): `iss`, `aud`, `iat` and
// `token_introspection`, whose `aud` is the service provider. Errors say which value is missing or out of bounds.
func (i Introspection) Checktoken(f Frame) ([]byte, error) {
	return i.wrapped(f, func(o *object) { o.text("aud", i.Client) })
}

// Response returns the payload of an answer as a JWT (RFC 9701 §5), whose members are those of RFC 7662 §2.2 and `acr`
// (RFC 9470 §6.2). Errors say which value is missing or out of bounds.
func (i Introspection) Response(f Frame) ([]byte, error) {
	return i.wrapped(f, func(o *object) { i.standard(o, f.Issuer) })
}

// Plain returns the answer in JSON (RFC 7662 §2.2), which anybody who carries it can read: it has no identity. Errors say
// which value is missing or out of bounds.
func (i Introspection) Plain(f Frame) ([]byte, error) {
	i.Claims = nil
	if err := i.check(f); err != nil {
		return nil, err
	}
	return i.members(func(o *object) { i.standard(o, f.Issuer) })
}

func (i Introspection) standard(o *object, issuer string) {
	o.text("iss", issuer)
	o.text("client_id", i.Client)
	if i.Thumbprint != "" {
		o.text("token_type", "DPoP")
	} else {
		o.text("token_type", "Bearer")
	}
}

func (i Introspection) wrapped(f Frame, first func(*object)) ([]byte, error) {
	if err := i.check(f); err != nil {
		return nil, err
	}
	inside, err := i.members(first)
	if err != nil {
		return nil, err
	}
	o := new(object)
	o.text("iss", f.Issuer)
	o.text("aud", f.Audience)
	o.seconds("iat", f.At.Unix())
	o.json("token_introspection", inside)
	return o.close()
}

// members writes the object about the token: first the members that a form of the answer has of its own.
func (i Introspection) members(first func(*object)) ([]byte, error) {
	o := new(object)
	if i.Client == "" {
		o.json("active", []byte("false"))
		return o.close()
	}
	o.json("active", []byte("true"))
	first(o)
	o.text("sub", i.Subject)
	o.seconds("iat", i.Issued.Unix())
	o.seconds("exp", i.Expires.Unix())
	o.text("acr", i.Level.String())
	o.text("jti", i.ID)
	o.text("scope", strings.Join(i.Scopes, " "))
	if i.Thumbprint != "" { // RFC 9449 §6.2
		bound := new(object)
		bound.text("jkt", i.Thumbprint)
		key, err := bound.close()
		if err != nil {
			return nil, err
		}
		o.json("cnf", key)
	}
	o.claims(i.Claims)
	return o.close()
}

func (i Introspection) check(f Frame) error {
	if err := errors.Join(checkText("issuer", f.Issuer), checkText("audience", f.Audience)); err != nil {
		return err
	}
	if f.At.Unix() < 0 || f.At.IsZero() {
		return fmt.Errorf("%w: no time of issue", errIntrospection)
	}
	if i.Client == "" {
		return i.silent()
	}
	if err := errors.Join(checkText("client", i.Client), checkSubject(i.Subject), checkText("identifier", i.ID), checkClaims(i.Claims)); err != nil {
		return err
	}
	switch {
	case !i.Level.Valid():
		return errLevel
	case i.Issued.Unix() < 0 || !i.Expires.After(i.Issued) || i.Expires.Sub(i.Issued) > MaxLife:
		return fmt.Errorf("%w: a token from %d to %d", errIntrospection, i.Issued.Unix(), i.Expires.Unix())
	case !f.At.Before(i.Expires):
		return fmt.Errorf("%w: a token that has expired is not active", errIntrospection)
	}
	if i.Thumbprint != "" && checkSubject(i.Thumbprint) != nil {
		return fmt.Errorf("%w: no thumbprint", errIntrospection)
	}
	for _, scope := range i.Scopes {
		if checkSubject(scope) != nil {
			return fmt.Errorf("%w: %q is no scope", errIntrospection, scope)
		}
	}
	return checkNames(i.Claims)
}

// silent refuses to write nothing about a token of which something is known: that is a mistake of the caller's.
func (i Introspection) silent() error {
	if i.Subject != "" || i.ID != "" || i.Thumbprint != "" || len(i.Scopes)+len(i.Claims) > 0 || i.Level.Valid() {
		return fmt.Errorf("%w: no client, but something of a token", errIntrospection)
	}
	return nil
}

// checkNames refuses a claim about a person that would take the name of what is said of the token, in any form of answer.
func checkNames(released []claims.Claim) error {
	own := []string{
		"active", "scope", "client_id", "username", "token_type", "exp", "iat", "nbf", "sub", "aud", "iss", "jti", "acr", "cnf",
	}
	for _, c := range released {
		if slices.Contains(own, c.Name) {
			return fmt.Errorf("%w: a claim named %q", errIntrospection, c.Name)
		}
	}
	return nil
}
