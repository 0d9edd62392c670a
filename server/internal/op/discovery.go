package op

import (
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/token"
	"pivot/server/internal/web"
)

// metadata is the discovery document (OpenID Connect Discovery §3, RFC 8414, RFC 9207; members of franceconnect.md 1.10).
// What is not served is not listed: endpoints come with their parts.
type metadata struct {
	Issuer string `json:"issuer"`
	endpoints
	requests
	clients
	answers
	leaving
	introspection
	beyond
}

type endpoints struct {
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Userinfo      string `json:"userinfo_endpoint"`
	JWKS          string `json:"jwks_uri"`
}

// requests are what an authorization request may say.
type requests struct {
	ACRs             []string `json:"acr_values_supported"`
	Scopes           []string `json:"scopes_supported"`
	ResponseTypes    []string `json:"response_types_supported"`
	ResponseModes    []string `json:"response_modes_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`
	Prompts          []string `json:"prompt_values_supported"`
	ClaimsParameter  bool     `json:"claims_parameter_supported"`
	Object           bool     `json:"request_parameter_supported"`
	ObjectByURI      bool     `json:"request_uri_parameter_supported"`
	IssInResponse    bool     `json:"authorization_response_iss_parameter_supported"`
}

// clients are how one redeems a code.
type clients struct {
	GrantTypes     []string `json:"grant_types_supported"`
	AuthMethods    []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms []string `json:"token_endpoint_auth_signing_alg_values_supported"`
}

// answers are what comes back, and how it is wrapped.
type answers struct {
	SubjectTypes       []string `json:"subject_types_supported"`
	Claims             []string `json:"claims_supported"`
	ClaimTypes         []string `json:"claim_types_supported"`
	IDTokenSigning     []string `json:"id_token_signing_alg_values_supported"`
	IDTokenEncryption  []string `json:"id_token_encryption_alg_values_supported"`
	IDTokenContent     []string `json:"id_token_encryption_enc_values_supported"`
	UserinfoSigning    []string `json:"userinfo_signing_alg_values_supported"`
	UserinfoEncryption []string `json:"userinfo_encryption_alg_values_supported"`
	UserinfoContent    []string `json:"userinfo_encryption_enc_values_supported"`
}

func (p *Provider) metadata() metadata {
	// The issuer is its host followed by PathBase, and so is every path.
	at := func(path web.Path) string { return p.Issuer.URL + string(path[len(web.PathBase):]) }
	signing, encryption, content := p.Issuer.Request.Signatures(), token.Algs(), []string{token.Enc}
	return metadata{
		Issuer:    p.Issuer.URL,
		endpoints: endpoints{at(web.PathAuthorize), at(web.PathToken), at(web.PathUserinfo), at(web.PathJWKS)},
		requests: requests{
			ACRs: p.Issuer.Request.ACRs(), Scopes: p.Issuer.Claims.Scopes(), ResponseTypes: []string{"code"},
			ResponseModes: []string{"query"}, ChallengeMethods: []string{"S256"}, Prompts: []string{"login", "consent"},
			ClaimsParameter: true, Object: true, IssInResponse: true,
		},
		clients: p.clients(),
		leaving: p.leaving(), introspection: p.introspection(),
		beyond: p.beyond(),
		answers: answers{
			SubjectTypes: []string{"pairwise"}, ClaimTypes: []string{"normal"},
			Claims:         append(p.Issuer.Claims.Claims(), "acr", "auth_time", "iss", "sid"),
			IDTokenSigning: signing, IDTokenEncryption: encryption, IDTokenContent: content,
			UserinfoSigning: signing, UserinfoEncryption: encryption, UserinfoContent: content,
		},
	}
}

// clients authenticate in the same ways at every endpoint of theirs.
func (p *Provider) clients() clients {
	return clients{[]string{"authorization_code"}, []string{"client_secret_post", "private_key_jwt"}, p.Issuer.Request.Signatures()}
}

// discovery and jwks may be kept by clients for as long as a key is published before its use.
func (p *Provider) discovery(c *gin.Context) error {
	cacheable(c)
	c.JSON(http.StatusOK, p.metadata())
	return nil
}

func (p *Provider) jwks(c *gin.Context) error {
	set, err := p.Keys.JWKS()
	if err != nil {
		return err
	}
	cacheable(c)
	c.Data(http.StatusOK, "application/jwk-set+json", set)
	return nil
}

func cacheable(c *gin.Context) {
	c.Header("Cache-Control", fmt.Sprintf("public, max-age=%d", int(jwksCache.Seconds())))
}
