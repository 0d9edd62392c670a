package op

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/client"
	"pivot/server/internal/dpop"
	"pivot/server/internal/oauth"
	"pivot/server/internal/txn"
	"pivot/server/internal/web"
)

const proofKind = "dpop-proof"

// proof judges the proof of possession that comes with a request, if one does (RFC 9449 §4.3).
func (p *Provider) proof(c *gin.Context, path web.Path, access oauth.Secret) (dpop.Proof, error) {
	return dpop.Verify(c.Request.Header.Values("DPoP"), dpop.Expect{
		Method: c.Request.Method, URL: p.at(path), Token: string(access), Now: p.Now(),
	})
}

// spendProof uses a proof, once. Whoever asks was found entitled before, so that strangers fill no memory.
func (p *Provider) spendProof(ctx context.Context, proof dpop.Proof) error {
	if proof.Thumbprint() == "" {
		return nil
	}
	key, until := proof.Use()
	err := p.Once.Spend(ctx, proofKind, p.Issuer.URL+" "+key, until)
	if errors.Is(err, client.ErrSpent) {
		return oauth.FaultDPoPReplayed.Err()
	}
	return err
}

// proven is the proof of a token request, of a client that was authenticated: used here, and there if the record demands it.
func (p *Provider) proven(c *gin.Context, sp *client.Client) (dpop.Proof, error) {
	proof, err := p.proof(c, web.PathToken, "")
	if err != nil {
		return dpop.Proof{}, err
	}
	if sp.BindsTokens() && proof.Thumbprint() == "" {
		return dpop.Proof{}, oauth.FaultDPoPRequired.Err()
	}
	return proof, p.spendProof(c.Request.Context(), proof)
}

// announce has a pushed request bind its code to the key of the proof that came with it (RFC 9449 §10.1).
func (p *Provider) announce(c *gin.Context, request url.Values) error {
	proof, err := p.proof(c, web.PathPush, "")
	if err != nil || proof.Thumbprint() == "" {
		return err
	}
	if asked := request["dpop_jkt"]; len(asked) > 0 && (len(asked) > 1 || asked[0] != proof.Thumbprint()) {
		return oauth.FaultDPoPKey.Err()
	}
	request.Set("dpop_jkt", proof.Thumbprint())
	return p.spendProof(c.Request.Context(), proof)
}

// holder is the key that an access token is presented with, once its proof was used.
func (p *Provider) holder(c *gin.Context, access oauth.Secret) (string, error) {
	proof, err := p.proof(c, web.PathUserinfo, access)
	if err != nil {
		return "", err
	}
	if proof.Thumbprint() == "" {
		return "", oauth.FaultDPoPRequired.Err()
	}
	if _, err := p.byToken(c.Request.Context(), hash(string(access)), proof.Thumbprint()); err != nil {
		return "", err
	}
	return proof.Thumbprint(), p.spendProof(c.Request.Context(), proof)
}

// unauthorized is how a resource refuses a proof: as it refuses a token (RFC 9449 §7.1).
func unauthorized(err error) error {
	public, ok := errors.AsType[oauth.Error](err)
	if !ok {
		return err
	}
	if public.Code == oauth.FaultDPoPForm.Err().Code {
		public.Status = http.StatusUnauthorized
	}
	return public
}

// tokenType is how an access token is presented (RFC 9449 §5).
func tokenType(r txn.Redeemed) string {
	if r.Thumbprint() != "" {
		return "DPoP"
	}
	return "Bearer"
}
