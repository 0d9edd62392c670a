package client

import (
	"slices"

	"pivot/server/internal/oauth"
)

// Offer is what the issuer serves, whoever asks.
type Offer struct {
	Scope    func(name string) bool // reports whether a scope exists; nil means that openid alone does
	IDPHints []string               // identity providers that any client may name
}

// Admission is what an admitted request may have, and where it is answered.
type Admission struct {
	Target         oauth.Target
	Scopes         []string // asked, existing and entitled; openid among them
	IDTokenClaims  []string // asked by the claims parameter and entitled
	UserinfoClaims []string
	Prompts        []string // asked; none where one of them is not honoured (franceconnect.md 1.3)
}

// Admit judges an authorization request of this client by what its record allows (franceconnect.md 1.3, 2.5). Errors: an
// oauth.PageError for a client that is unknown or not active, an address that is not registered, and amr without the
// right to it; an oauth.RedirectError for what the client is told at its address.
func (c *Client) Admit(r oauth.AuthorizeRequest, offer Offer) (Admission, error) {
	if !c.Active() || r.ClientID != c.record.ID {
		return Admission{}, oauth.PageError{Err: oauth.FaultUnknownClient.Err(), Parameter: "client_id"}
	}
	target, err := r.Target(c.record.RedirectURIs)
	if err != nil {
		return Admission{}, err
	}
	if fault := c.unprotected(r.Protection); fault != 0 {
		return Admission{}, target.Refuse(fault)
	}
	scopes, ok := c.scopes(r.Scopes, offer)
	if !ok {
		return Admission{}, target.Refuse(oauth.FaultScope)
	}
	if r.IDPHint != "" && !slices.Contains(c.hints(offer), r.IDPHint) {
		return Admission{}, target.Refuse(oauth.FaultIDPHint)
	}
	rights := c.record.Rights
	if slices.Contains(r.Claims.IDToken, "amr") && !slices.Contains(rights.Claims, "amr") {
		return Admission{}, oauth.PageError{Err: oauth.FaultClaimNotEntitled.Err(), Parameter: "claims"}
	}
	return Admission{
		Target: target, Scopes: scopes,
		IDTokenClaims:  both(r.Claims.IDToken, rights.Claims),
		UserinfoClaims: both(r.Claims.Userinfo, rights.Claims),
		Prompts:        all(r.Prompts, rights.Prompts),
	}, nil
}

// unprotected is what the record demands of a request and this one lacks.
func (c *Client) unprotected(p oauth.Protection) oauth.Fault {
	switch a := c.record.Authentication; {
	case a.SignedOnly && !p.Signed:
		return oauth.FaultObjectRequired
	case (a.PushedOnly || a.FAPI) && !p.Pushed:
		return oauth.FaultPushedRequired
	case (a.RequirePKCE || a.FAPI) && p.Challenge == "":
		return oauth.FaultChallengeRequired
	}
	return 0
}

// scopes drops those that do not exist, and reports whether the client is entitled to all that do.
func (c *Client) scopes(asked []string, offer Offer) ([]string, bool) {
	var out []string
	for _, s := range asked {
		switch {
		case s == "openid":
		case offer.Scope == nil || !offer.Scope(s):
			continue
		case !slices.Contains(c.record.Rights.Scopes, s):
			return nil, false
		}
		out = append(out, s)
	}
	return out, true
}

func (c *Client) hints(offer Offer) []string {
	if own := c.record.Rights.IDPHints; len(own) > 0 {
		return own
	}
	return offer.IDPHints
}

// all keeps what is asked when the whole of it is allowed.
func all(asked, allowed []string) []string {
	if len(both(asked, allowed)) < len(asked) {
		return nil
	}
	return asked
}

// both keeps, in the order asked, what is also allowed.
func both(asked, allowed []string) []string {
	var out []string
	for _, s := range asked {
		if slices.Contains(allowed, s) {
			out = append(out, s)
		}
	}
	return out
}
