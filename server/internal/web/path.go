package web

import "strings"

// Path is the address of a route below the issuer's host, as gin spells it: a segment that begins with a colon is a
// parameter. Edges meet at these addresses, and only here are they spelled (franceconnect.md 1.2).
type Path string

// The paths. The issuer is its host followed by Base.
const (
	PathHome    Path = "/"
	PathStatic  Path = "/static/:name"
	PathHealth  Path = "/healthz"
	PathReady   Path = "/readyz"
	PathBase    Path = "/api/v2"
	PathExplain Path = PathBase + "/error" // what a code of error means; error_uri points here

	PathDiscovery Path = PathBase + "/.well-known/openid-configuration"
	PathJWKS      Path = PathBase + "/jwks"
	PathAuthorize Path = PathBase + "/authorize"
	PathResume    Path = PathBase + "/authorize/:id" // where a finished transaction becomes a code
	PathToken     Path = PathBase + "/token"
	PathUserinfo  Path = PathBase + "/userinfo"

	PathInteraction Path = PathBase + "/interaction/:id" // the dispatcher: shows the step that comes next
	PathConsent     Path = PathBase + "/interaction/:id/consent"
	PathCancel      Path = PathBase + "/interaction/:id/cancel"
)

// For puts the id in the place of the parameter. The id is one of ours: base64url, so nothing needs escaping.
func (p Path) For(id string) string { return strings.Replace(string(p), ":id", id, 1) }
