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
	PathPush      Path = PathBase + "/request" // where a client sends its authorization request ahead
	PathUserinfo  Path = PathBase + "/userinfo"

	PathChecktoken    Path = PathBase + "/checktoken"          // what a data provider asks, as FranceConnect has it
	PathIntrospection Path = PathBase + "/token/introspection" // and as RFC 7662 has it

	PathRevocation Path = PathBase + "/token/revocation"
	PathLogout     Path = PathBase + "/session/end"
	PathLeave      Path = PathBase + "/session/end/confirm" // the citizen answers whether to log out
	PathLeft       Path = PathBase + "/session/end/success" // said where no service provider waits

	PathInteraction Path = PathBase + "/interaction/:id" // the dispatcher: shows the step that comes next
	PathConsent     Path = PathBase + "/interaction/:id/consent"
	PathCancel      Path = PathBase + "/interaction/:id/cancel"
	PathHop         Path = PathBase + "/interaction/:id/hop" // where the companion sends the browser back

	PathPair        Path = "/pair"     // the citizen adds a device; beside the issuer's identifier, for it is no protocol's
	PathPairing     Path = "/pair/:id" // one pairing in progress
	PathPairConfirm Path = "/pair/:id/confirm"
	PathPairDeny    Path = "/pair/:id/deny"
	PathPairCancel  Path = "/pair/:id/cancel"
	PathPairHop     Path = "/pair/:id/hop"
)

// For puts the id in the place of the parameter. The id is one of ours: base64url, so nothing needs escaping.
func (p Path) For(id string) string { return strings.Replace(string(p), ":id", id, 1) }
