package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/claims"
	"pivot/server/internal/client"
	"pivot/server/internal/keyset"
	"pivot/server/internal/oauth"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
)

// Providers finds a data provider by its client_id; nil when there is none, which package client treats as one that is
// refused everything.
type Providers func(id string) *client.DataProvider

// introspectionMedia is the media type of an answer about a token that is signed and encrypted.
const introspectionMedia = "application/" + token.TypeIntrospection

// Why a token is good for nothing at a data provider, for the audit log: who asks is told nothing.
const (
	reasonCheckUnknown = "token-unknown" // never was, has expired, or was revoked
	reasonCheckService = "service-unknown"
	reasonCheckScope   = "scope-not-held"
)

// inspected is what a token is, to one data provider.
type inspected struct {
	about       token.Introspection // zero: good for nothing there
	reason      string              // why
	service     string
	transaction string
}

// inspect finds what an access token is good for at a data provider. It changes nothing: whoever holds the token may use it
// as before. What both the token and the data provider have is told, and the identity within that; the service provider's
// rights count as they are now.
func (p *Provider) inspect(ctx context.Context, d *client.DataProvider, presented oauth.Secret) (inspected, error) {
	access := hash(string(presented))
	state, err := p.Ledger.ByToken(ctx, p.Issuer.URL, access)
	redeemed, known := state.(txn.Redeemed)
	if errors.Is(err, txn.ErrUnknown) || err == nil && (!known || !p.Now().Before(redeemed.Expires())) {
		return inspected{reason: reasonCheckUnknown}, nil
	}
	if err != nil {
		return inspected{}, err
	}
	out := inspected{service: redeemed.Request().Client(), transaction: redeemed.ID().String()}
	sp := p.Clients(out.service)
	if !sp.Active() { // struck off since
		out.reason = reasonCheckService
		return out, nil
	}
	subject, err := p.Subjects.Subject(d.ID(), redeemed.Identity().Hash())
	if err != nil {
		return inspected{}, err
	}
	held := d.Held(p.selection(sp, redeemed).Scopes())
	identity := claims.Select(claims.Request{Profile: p.Issuer.Claims, Scopes: append([]string{"openid"}, held...)})
	out.about = token.Introspection{
		Client: out.service, Subject: subject, Level: redeemed.Level(), Scopes: held, ID: tokenID(access),
		Issued: redeemed.Expires().Add(-tokenLife), Expires: redeemed.Expires(), Claims: identity.Userinfo(person(redeemed)),
		Thumbprint: redeemed.Thumbprint(),
	}
	return out, nil
}

// tokenID names an access token without telling it: whoever knows the name can neither use the token nor find it in a
// database.
func tokenID(access [32]byte) string {
	id := sha256.Sum256(append([]byte("pivot-token-id/1"), access[:]...))
	return base64.RawURLEncoding.EncodeToString(id[:16])
}

// told records that a data provider was told about a token, or that it was told nothing, before it is.
func (p *Provider) told(ctx context.Context, d *client.DataProvider, what inspected) error {
	entry := audit.Entry{
		Event: audit.TokenChecked, Reason: what.reason, At: p.Now(), Issuer: p.Issuer.URL, Client: d.ID(), Transaction: what.transaction,
	}
	if what.reason != "" {
		entry.Event = audit.TokenCheckRefused
	}
	if what.service != "" {
		entry = entry.With("service", what.service)
	}
	return p.Log.Record(ctx, entry)
}

// introduced authenticates a data provider.
func (p *Provider) introduced(ctx context.Context, cred oauth.Credentials) (*client.DataProvider, error) {
	d := p.Providers(cred.ClientID)
	return d, d.Authenticate(ctx, cred, client.Check{
		Issuer: p.Issuer.URL, Now: p.Now(), Once: p.Once, Algs: p.Issuer.Request.Signatures(), Keys: p.Keysets,
	})
}

// refuseCheck records that a question was refused, and passes the refusal on.
func (p *Provider) refuseCheck(c *gin.Context, d *client.DataProvider, err error) error {
	event := audit.TokenCheckRefused
	if public, _ := errors.AsType[oauth.Error](err); public.Code == "invalid_client" {
		event = audit.ProviderRefused
	}
	return p.refuseToken(c, event, d.ID(), err)
}

// addressee is the data provider as the one whom an answer is encrypted to.
func (p *Provider) addressee(ctx context.Context, d *client.DataProvider) (token.Recipient, error) {
	alg, key, err := d.EncryptionKey(ctx, p.Keysets)
	if errors.Is(err, keyset.ErrUnavailable) {
		return token.Recipient{}, errors.Join(oauth.FaultUnavailable.Err(), err)
	}
	if err != nil {
		return token.Recipient{}, err
	}
	return token.NewRecipient(p.Issuer.URL, d.ID(), alg, key)
}

// datedFor dates an answer now, or when the token was issued where another clock was ahead of this one.
func (p *Provider) datedFor(d *client.DataProvider, about token.Introspection) token.Frame {
	at := p.Now()
	if about.Issued.After(at) {
		at = about.Issued
	}
	return token.Frame{Issuer: p.Issuer.URL, Audience: d.ID(), At: at, Life: tokenLife}
}
