package client

import (
	"context"
	"errors"
	"time"

	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
)

// Once remembers what must not be used twice.
type Once interface {
	// Spend records the key of that kind until the time given. Errors: ErrSpent, wrapped or not, when it was recorded
	// before; any other error means that nothing is known, and what asked must not go on.
	Spend(ctx context.Context, kind, key string, until time.Time) error
}

// ErrSpent is the answer of Once to what was spent before.
var ErrSpent = errors.New("client: spent already")

// Check is what an authentication is judged with. Nothing in it but Algs and Keys has a default.
type Check struct {
	Issuer string // the audience of assertions
	Now    time.Time
	Once   Once
	Algs   []string      // of assertions; ES256 alone where none is named
	Keys   keyset.Source // of clients that publish their keys; nil where none does
}

// Authenticate decides whether the credentials are this client's (franceconnect.md 1.6). An unknown client, one that is
// not active, another method than the record's and a wrong secret or signature take the same path and get the same
// answer. Errors: an oauth.Error to answer with, or any other when the check itself could not be made.
func (c *Client) Authenticate(ctx context.Context, cred oauth.Credentials, check Check) error {
	if check.Issuer == "" || check.Now.IsZero() || check.Once == nil {
		return errors.New("client: internal error: an authentication without issuer, time or memory")
	}
	switch cred.Method {
	case oauth.ClientSecretPost:
		return c.authenticateSecret(cred)
	case oauth.PrivateKeyJWT:
		return c.authenticateAssertion(ctx, cred, check)
	}
	return oauth.FaultAuthMethod.Err()
}

// may reports what forbids the client to authenticate in that way, whatever it presents.
func (c *Client) may(cred oauth.Credentials) error {
	if !c.Active() || c.record.ID != cred.ClientID {
		return oauth.FaultAuthUnknownClient.Err()
	}
	if c.record.Authentication.Method != cred.Method {
		return oauth.FaultAuthMethod.Err()
	}
	return nil
}
