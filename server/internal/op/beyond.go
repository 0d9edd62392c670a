package op

import (
	"pivot/server/internal/dpop"
	"pivot/server/internal/web"
)

// beyond is what a client may use that FranceConnect does not have: pushed requests (RFC 9126 §5), signed ones (RFC 9101 §10.5), and tokens that are
// bound to a key (RFC 9449 §5.1).
type beyond struct {
	Push         string   `json:"pushed_authorization_request_endpoint"`
	ObjectSigned []string `json:"request_object_signing_alg_values_supported"`
	ProofSigned  []string `json:"dpop_signing_alg_values_supported"`
}

func (p *Provider) beyond() beyond {
	return beyond{Push: p.at(web.PathPush), ObjectSigned: []string{"ES256"}, ProofSigned: dpop.Algs()}
}
