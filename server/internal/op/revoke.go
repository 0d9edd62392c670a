package op

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/audit"
	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

// Why a revocation had no effect, for the audit log: the client is not told (RFC 7009 §2.2).
const (
	reasonTokenUnknown = "token-unknown"
	reasonTokenForeign = "token-other-client"
)

// revoke takes an access token back from the client that it was issued to (RFC 7009). A token that is not known is answered
// as one that was revoked, for there is nothing left to do; so is another client's, which stays good and tells its holder
// nothing.
func (p *Provider) revoke(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return p.refuseToken(c, audit.RevocationRefused, "", err)
	}
	access, credentials, err := oauth.ParseRevocation(values, c.Request.Header.Values("Authorization"))
	if err != nil {
		event := eventOf(err)
		if event == audit.CodeRefused {
			event = audit.RevocationRefused
		}
		return p.refuseToken(c, event, "", err)
	}
	sp := p.Clients(credentials.ClientID)
	check := client.Check{
		Issuer: p.Issuer.URL, Now: p.Now(), Once: p.Once, Algs: p.Issuer.Request.Signatures(), Keys: p.Keysets,
	}
	if err := sp.Authenticate(c.Request.Context(), credentials, check); err != nil {
		return p.refuseToken(c, audit.ClientAuthFailed, sp.ID(), err)
	}
	if err := p.takeBack(c.Request.Context(), sp, hash(string(access))); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	return nil
}

// takeBack ends the transaction whose access token this is, if that is the client's.
func (p *Provider) takeBack(ctx context.Context, sp *client.Client, access [32]byte) error {
	turn := p.turn(access)
	turn.Lock()
	defer turn.Unlock()
	for range useTries {
		state, err := p.Ledger.ByToken(ctx, p.Issuer.URL, access)
		redeemed, known := state.(txn.Redeemed)
		if errors.Is(err, txn.ErrUnknown) || err == nil && !known {
			return p.without(ctx, sp, reasonTokenUnknown, "")
		}
		if err != nil {
			return err
		}
		if redeemed.Request().Client() != sp.ID() {
			return p.without(ctx, sp, reasonTokenForeign, redeemed.ID().String())
		}
		ended, entry, err := redeemed.Refuse(txn.ReasonRevoked, p.Now())
		if err := p.advance(ctx, step{redeemed, ended, entry}, err); !errors.Is(err, txn.ErrSpent) {
			return err
		}
	}
	return oauth.FaultUnavailable.Err()
}

// without records a revocation that had no effect.
func (p *Provider) without(ctx context.Context, sp *client.Client, reason, transaction string) error {
	return p.Log.Record(ctx, audit.Entry{
		Event: audit.RevocationRefused, Reason: reason, At: p.Now(), Issuer: p.Issuer.URL, Client: sp.ID(), Transaction: transaction,
	})
}
