package op

import "pivot/server/internal/web"

// leaving is how rights and sessions end: RFC 7009 with RFC 8414 §2, OpenID Connect RP-Initiated Logout 1.0 §2.1,
// Back-Channel Logout 1.0 §2.1.
type leaving struct {
	EndSession           string   `json:"end_session_endpoint"`
	Revocation           string   `json:"revocation_endpoint"`
	RevocationMethods    []string `json:"revocation_endpoint_auth_methods_supported"` // HTTP Basic is the default of the norm, and no way of ours
	RevocationAlgorithms []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	BackChannel          bool     `json:"backchannel_logout_supported"`
	BackChannelSession   bool     `json:"backchannel_logout_session_supported"`
}

func (p *Provider) leaving() leaving {
	c := p.clients()
	return leaving{
		EndSession: p.at(web.PathLogout), Revocation: p.at(web.PathRevocation), RevocationMethods: c.AuthMethods, RevocationAlgorithms: c.AuthAlgorithms,
		BackChannel: true, BackChannelSession: true,
	}
}

// at is the address of a path: the issuer is its host followed by PathBase, and so is every path of an endpoint.
func (p *Provider) at(path web.Path) string { return p.Issuer.URL + string(path[len(web.PathBase):]) }
