package op

import (
	"context"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/oauth"
	"pivot/server/internal/token"
	"pivot/server/internal/txn"
)

// userinfo answers what the scopes of a login release (franceconnect.md 1.7), as often as asked within the token's minute.
func (p *Provider) userinfo(c *gin.Context) error {
	bearer, err := oauth.ParseBearer(c.Request.Header.Values("Authorization"), c.Request.URL.Query())
	if err != nil {
		return p.refuseToken(c, audit.TokenRefused, "", err)
	}
	used, err := p.use(c.Request.Context(), hash(string(bearer)))
	if err != nil {
		return p.refuseToken(c, audit.TokenRefused, "", err)
	}
	body, err := p.userinfoOf(c.Request.Context(), used)
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/jwt", []byte(body))
	return nil
}

// useTries bounds what several processes that use one token at the same moment may cost each other.
const useTries = 16

// use records one use of an access token.
func (p *Provider) use(ctx context.Context, access [32]byte) (txn.Redeemed, error) {
	turn := p.turn(access)
	turn.Lock()
	defer turn.Unlock()
	for range useTries {
		state, err := p.Ledger.ByToken(ctx, p.Issuer.URL, access)
		if errors.Is(err, txn.ErrUnknown) {
			return txn.Redeemed{}, oauth.FaultBearer.Err()
		}
		if err != nil {
			return txn.Redeemed{}, err
		}
		redeemed, ok := state.(txn.Redeemed)
		if !ok || !p.Clients(redeemed.Request().Client()).Active() { // revoked, or its client was struck off since
			return txn.Redeemed{}, oauth.FaultBearer.Err()
		}
		used, entry, err := redeemed.Use(p.Now())
		if err = p.advance(ctx, step{redeemed, used, entry}, err); !errors.Is(err, txn.ErrSpent) {
			if _, refused := errors.AsType[*txn.Refusal](err); refused {
				return txn.Redeemed{}, oauth.FaultBearer.Err()
			}
			return used, err
		}
	}
	return txn.Redeemed{}, oauth.FaultUnavailable.Err()
}

func (p *Provider) userinfoOf(ctx context.Context, r txn.Redeemed) (string, error) {
	sp := p.Clients(r.Request().Client())
	subject, err := p.Subjects.Subject(sp.EntityID(), r.Identity().Hash())
	if err != nil {
		return "", err
	}
	payload, err := token.UserInfo{Subject: subject, Claims: p.selection(sp, r).Userinfo(person(r))}.Payload(p.frame(sp, r))
	if err != nil {
		return "", err
	}
	to, err := p.recipient(sp, sp.Answers().Userinfo)
	if err != nil {
		return "", err
	}
	return token.Seal(ctx, p.Keys.Signer(), to, payload)
}

// methods are the authentication methods (RFC 8176) of evidence, as claim amr: how the person was authenticated, by this
// broker.
func methods(e assurance.Evidence) []string {
	switch e {
	case assurance.CardAlone:
		return []string{"fc", "pop", "hwk"}
	case assurance.CardWithKey, assurance.WeakCardWithKey, assurance.GuardedKey:
		return []string{"fc", "pop", "hwk", "pin", "mfa"}
	case assurance.SoftwareKey:
		return []string{"fc", "pop", "swk", "pin", "mfa"}
	case assurance.WebAuthnAttested, assurance.WebAuthnCertified:
		return []string{"fc", "pop", "hwk", "user", "mfa"}
	case assurance.WebAuthnUnattested:
		return []string{"fc", "pop", "swk", "user"}
	}
	return []string{"fc"}
}
