package op

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"pivot/server/internal/oauth"
	"pivot/server/internal/token"
	"pivot/server/internal/web"
)

// introspection is how data providers ask (RFC 8414 §2, RFC 9701 §7).
type introspection struct {
	Endpoint   string   `json:"introspection_endpoint"`
	Methods    []string `json:"introspection_endpoint_auth_methods_supported"`
	Algorithms []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	Signing    []string `json:"introspection_signing_alg_values_supported"`
	Encryption []string `json:"introspection_encryption_alg_values_supported"`
	Content    []string `json:"introspection_encryption_enc_values_supported"`
}

func (p *Provider) introspection() introspection {
	c := p.clients()
	return introspection{
		Endpoint: p.at(web.PathIntrospection), Methods: c.AuthMethods, Algorithms: c.AuthAlgorithms,
		Signing: []string{"ES256"}, Encryption: token.Algs(), Content: []string{token.Enc},
	}
}

// introspect tells a data provider what an access token is good for, as the norms have it: in JSON (RFC 7662), or as a JWT
// where it asks for one (RFC 9701). The identity is in the JWT alone, which only the data provider can open. A token that
// names none of its scopes was not meant for it, and is good for nothing there (RFC 9701 §5).
func (p *Provider) introspect(c *gin.Context) error {
	values, err := web.Form(c)
	if err != nil {
		return p.refuseCheck(c, nil, err)
	}
	request, err := oauth.ParseIntrospection(values, c.Request.Header.Values("Authorization"))
	if err != nil {
		return p.refuseCheck(c, nil, err)
	}
	ctx := c.Request.Context()
	d, err := p.introduced(ctx, request.Credentials)
	if err != nil {
		return p.refuseCheck(c, d, err)
	}
	to, err := p.addressee(ctx, d)
	if err != nil {
		return p.refuseCheck(c, d, err)
	}
	what, err := p.inspect(ctx, d, request.Token)
	if err != nil {
		return err
	}
	if what.reason == "" && len(what.about.Scopes) == 0 {
		what.about, what.reason = token.Introspection{}, reasonCheckScope
	}
	write := what.about.Plain
	signed := wantsJWT(c.Request.Header.Values("Accept"))
	if signed {
		write = what.about.Response
	}
	payload, err := write(p.datedFor(d, what.about))
	if err != nil {
		return err
	}
	c.Header("Vary", "Accept")
	if signed {
		return p.tell(c, answer{d, what, to, payload})
	}
	if err := p.told(ctx, d, what); err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/json", payload)
	return nil
}

// wantsJWT reports whether the answer shall be a JWT: its media type is named, and not as less welcome than JSON
// (RFC 9110 §12.5.1). Whoever names neither gets JSON.
func wantsJWT(accept []string) bool {
	jwt, plain := 0.0, 0.0
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, parameters, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		weight := 1.0
		if q, given := parameters["q"]; given {
			if weight, err = strconv.ParseFloat(q, 64); err != nil || !(weight >= 0 && weight <= 1) {
				continue
			}
		}
		switch media {
		case introspectionMedia:
			jwt = weight
		case "application/json":
			plain = weight
		}
	}
	return jwt > 0 && jwt >= plain
}
