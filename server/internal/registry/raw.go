package registry

import "pivot/server/internal/config/stricttoml"

// record is a service provider as its file is written; key names are those of
// OpenID Connect Dynamic Client Registration 1.0 §2 where it has one. The tags
// are the reference of these files.
type record struct {
	presentation
	addresses
	authentication
	rights
	answers
}

type presentation struct {
	ID       string `toml:"client_id" required:"" help:"what the service provider calls itself in requests; no two records share one"`
	Name     string `toml:"client_name" required:"" help:"what citizens read on the pages"`
	Profile  string `toml:"profile" required:"" oneof:"plus standard" help:"which issuers it is a client of, by their profile; the others do not know it"`
	EntityID string `toml:"entity_id" required:"" help:"what the pairwise subject depends on, 32 characters at the least; service providers that share one receive the same sub; it never changes"`
	Active   bool   `toml:"active" default:"true" help:"false answers as if there were no such client"`
	Sector   string `toml:"sp_type" required:"" oneof:"public private" help:"a public body informs, a private one may have to ask for consent"`
	Consent  bool   `toml:"identity_consent" default:"false" help:"true makes a private service provider's page ask for consent with a box to tick"`
}

type addresses struct {
	Redirect   []string `toml:"redirect_uris" required:"" help:"where answers may go, compared byte for byte; https, or http on loopback where the issuers are on loopback"`
	PostLogout []string `toml:"post_logout_redirect_uris" help:"where the browser may go after a logout, compared byte for byte"`
	BackLogout string   `toml:"backchannel_logout_uri" help:"where it is told of logouts by a signed logout token (OpenID Connect Back-Channel Logout); https on a public address, or http on loopback where the issuers are on loopback"`
	NamedLogin bool     `toml:"backchannel_logout_session_required" default:"false" help:"true names the session in its ID tokens by the claim sid, which its logout tokens repeat"`
}

type authentication struct {
	Method      string   `toml:"token_endpoint_auth_method" required:"" oneof:"client_secret_post private_key_jwt" help:"how it proves who it is: private_key_jwt is preferred"`
	Hashes      []string `toml:"client_secret_hashes" help:"for client_secret_post: SHA-256 of the generated secret in lower-case hexadecimal, as sha256sum prints it; two while the secret changes"`
	Files       []string `toml:"client_secret_files" help:"for client_secret_post: files that hold the generated secret itself, closed to everybody but owner and group; relative to this file"`
	JWKS        string   `toml:"jwks" help:"its public keys as a JSON Web Key Set, in triple quotes: use sig for private_key_jwt, use enc for encrypted answers"`
	JWKSFile    string   `toml:"jwks_file" help:"a file that holds the JSON Web Key Set instead; relative to this file"`
	JWKSURI     string   `toml:"jwks_uri" help:"where it publishes its keys instead: asked when they are needed, kept for minutes, asked again for a kid that is not there; https on a public address, or http on loopback where the issuers are on loopback"`
	Security    string   `toml:"security_profile" oneof:"fapi2" help:"fapi2 demands of it pushed requests, PKCE, private_key_jwt and access tokens bound to a key by DPoP, whatever else is written here; nonce is then optional"`
	ObjectAlg   string   `toml:"request_object_signing_alg" oneof:"ES256" help:"how it signs authorization requests (RFC 9101), with a key of use sig; without it, its signed requests are refused"`
	SignedOnly  bool     `toml:"require_signed_request_object" default:"false" help:"true refuses its requests that are not signed (RFC 9101 §10.5)"`
	BoundTokens bool     `toml:"dpop_bound_access_tokens" default:"false" help:"true refuses its token requests without a proof of possession of a key (RFC 9449)"`
	PushedOnly  bool     `toml:"require_pushed_authorization_requests" default:"false" help:"true refuses its requests that were not sent ahead (RFC 9126)"`
	RequirePKCE bool     `toml:"require_pkce" default:"false" help:"true refuses its requests without code_challenge (RFC 7636)"`
}

type rights struct {
	Scope    string   `toml:"scope" required:"" help:"scopes that it may ask for, separated by spaces or line ends; openid is everybody's"`
	Claims   []string `toml:"claims" help:"claims that its claims parameter may ask for one by one, such as amr"`
	Prompts  []string `toml:"allowed_prompts" oneof:"login consent" help:"prompt values that are honoured; others are ignored"`
	IDPHints []string `toml:"allowed_idp_hints" help:"identity providers that it may name; replaces the issuer's own list"`
}

type answers struct {
	IDTokenSig  string `toml:"id_token_signed_response_alg" default:"ES256" oneof:"ES256 RS256" help:"how the ID token is signed; RS256 at profile standard alone, for clients that know nothing else"`
	UserinfoSig string `toml:"userinfo_signed_response_alg" default:"ES256" oneof:"ES256 RS256" help:"how userinfo is signed; it is always signed"`
	IDTokenAlg  string `toml:"id_token_encrypted_response_alg" oneof:"ECDH-ES RSA-OAEP RSA-OAEP-256" help:"how the ID token is encrypted; profile plus requires it"`
	IDTokenEnc  string `toml:"id_token_encrypted_response_enc" oneof:"A256GCM" help:"content encryption of the ID token; goes with its alg"`
	UserinfoAlg string `toml:"userinfo_encrypted_response_alg" oneof:"ECDH-ES RSA-OAEP RSA-OAEP-256" help:"how userinfo is encrypted; profile plus requires it"`
	UserinfoEnc string `toml:"userinfo_encrypted_response_enc" oneof:"A256GCM" help:"content encryption of userinfo; goes with its alg"`
}

// Explain prints every key of a record with its type, its default and its
// meaning: those of a service provider, then those of a data provider.
func Explain() string {
	return "# Service providers: sp/*.toml\n\n" + stricttoml.Explain[record]() +
		"\n# Data providers: dp/*.toml\n\n" + stricttoml.Explain[dataProvider]()
}
