package op

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
	"pivot/server/internal/token"
	"pivot/server/internal/web"
)

// checktoken tells a data provider what an access token is good for, as FranceConnect has it (franceconnect.md 5): a JWS in a
// JWE, whether the token is good or not. Two things differ, for the better: the identity is what the scopes of both release
// and no more, and the acr is that of the ID token.
func (p *Provider) checktoken(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return p.refuseCheck(c, nil, err)
	}
	request, err := oauth.ParseChecktoken(values, c.Request.Header.Values("Authorization"))
	if err != nil {
		return p.refuseCheck(c, nil, err)
	}
	ctx := c.Request.Context()
	d, err := p.introduced(ctx, request.Credentials)
	if err != nil {
		return p.refuseCheck(c, d, providerFault(err))
	}
	to, err := p.addressee(ctx, d)
	if err != nil {
		return p.refuseCheck(c, d, err)
	}
	if to, err = to.Bare(); err != nil {
		return err
	}
	what, err := p.inspect(ctx, d, request.Token)
	if err != nil {
		return err
	}
	payload, err := what.about.Checktoken(p.datedFor(d, what.about))
	if err != nil {
		return err
	}
	return p.tell(c, answer{d, what, to, payload})
}

// providerFault is what FranceConnect's data providers are told of a client that did not authenticate.
func providerFault(err error) error {
	switch err {
	case oauth.FaultAuthUnknownClient.Err():
		return oauth.FaultProviderUnknown.Err()
	case oauth.FaultAuthSecret.Err(), oauth.FaultAuthMethod.Err():
		return oauth.FaultProviderSecret.Err()
	}
	return err
}

// answer is what a data provider is about to be told, signed and encrypted.
type answer struct {
	provider *client.DataProvider
	what     inspected
	to       token.Recipient
	payload  []byte
}

// tell records, then answers.
func (p *Provider) tell(c *gin.Context, a answer) error {
	sealed, err := token.SealAs(c.Request.Context(), p.Keys, a.to, token.Message{Type: token.TypeIntrospection, Payload: a.payload})
	if err != nil {
		return err
	}
	if err := p.told(c.Request.Context(), a.provider, a.what); err != nil {
		return err
	}
	c.Data(http.StatusOK, introspectionMedia, []byte(sealed))
	return nil
}
