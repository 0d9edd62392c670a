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
	access, bound, err := oauth.ParseAccess(c.Request.Header.Values("Authorization"), c.Request.URL.Query())
	if err != nil {
		return p.refuseToken(c, audit.TokenRefused, "", err)
	}
	thumbprint := ""
	if bound {
		if thumbprint, err = p.holder(c, access); err != nil {
			return p.refuseToken(c, audit.TokenRefused, "", unauthorized(err))
		}
	}
	used, err := p.use(c.Request.Context(), hash(string(access)), thumbprint)
	if err != nil {
		return p.refuseToken(c, audit.TokenRefused, "", err)
	}
	body, err := p.userinfoOf(c.Request.Context(), used)
	if err != nil {
		return p.refuseToken(c, audit.TokenRefused, used.Request().Client(), err)
	}
	c.Data(http.StatusOK, "application/jwt", []byte(body))
	return nil
}

// useTries bounds what several processes that use one token at the same moment may cost each other.
const useTries = 16

// use records one use of an access token, by the holder of the key that it is bound to; empty for a bearer token.
func (p *Provider) use(ctx context.Context, access [32]byte, thumbprint string) (txn.Redeemed, error) {
	turn := p.turn(access)
	turn.Lock()
	defer turn.Unlock()
	for range useTries {
		redeemed, err := p.byToken(ctx, access, thumbprint)
		if err != nil {
			return txn.Redeemed{}, err
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

// byToken finds what an access token was issued for, if it is good and presented as what it is: by a key or as a bearer's.
func (p *Provider) byToken(ctx context.Context, access [32]byte, thumbprint string) (txn.Redeemed, error) {
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
	if redeemed.Thumbprint() != thumbprint {
		return txn.Redeemed{}, oauth.FaultTokenBound.Err()
	}
	return redeemed, nil
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
	to, err := p.recipient(ctx, sp, sp.Answers().Userinfo)
	if err != nil {
		return "", err
	}
	return token.Seal(ctx, p.Keys.SignerFor(sp.Answers().UserinfoSigned), to, payload)
}

// methods are the authentication methods (RFC 8176) of evidence, as claim amr: how the person was authenticated, by this
// broker.
func methods(e assurance.Evidence) []string {
	switch e {
	case assurance.CardAlone:
		return []string{"fc", "pop", "hwk"}
	case assurance.CardWithKey, assurance.WeakCardWithKey:
		return []string{"fc", "pop", "hwk", "pin", "mfa"}
	case assurance.GuardedKey: // whether in hardware or in a file is not told apart
		return []string{"fc", "pop", "pin", "mfa"}
	case assurance.SoftwareKey:
		return []string{"fc", "pop", "swk", "pin", "mfa"}
	case assurance.WebAuthnAttested, assurance.WebAuthnCertified:
		return []string{"fc", "pop", "hwk", "user", "mfa"}
	case assurance.WebAuthnUnattested:
		return []string{"fc", "pop", "swk", "user"}
	}
	return []string{"fc"}
}
