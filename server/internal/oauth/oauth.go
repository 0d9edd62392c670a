// Package oauth owns the vocabulary of OAuth 2.0 and OpenID Connect as this broker speaks it: what an authorization and
// a token request may contain, and the catalogue of refusals with the place where each one is said. It knows no client,
// so it decides nothing that depends on one; package client does.
package oauth

import "slices"

// Profile is what one issuer promises: which levels it serves, and what it demands of those it serves. Plus and
// Standard make the two that exist; the zero value serves no level and refuses every request.
type Profile struct {
	name       string
	allowed    []string
	fallback   string
	signatures []string
	encrypted  bool
	loopback   bool
	unnonced   bool
}

// Plus is the profile of FranceConnect+ (franceconnect.md 1.4, high): eidas2 and eidas3, encrypted answers.
func Plus() Profile {
	return Profile{name: "plus", allowed: []string{"eidas2", "eidas3"}, fallback: "eidas3", signatures: []string{"ES256"}, encrypted: true}
}

// Standard is the profile of FranceConnect (franceconnect.md 1.4, low): eidas1 alone, signed answers, RS256
// beside ES256 (1.6). HS256 is not served: who can check such a signature can make it.
func Standard() Profile {
	return Profile{name: "standard", allowed: []string{"eidas1"}, fallback: "eidas1", signatures: []string{"ES256", "RS256"}}
}

// OnLoopback is the same profile for an issuer that is itself on loopback: redirect addresses on loopback over http are
// then accepted, as RFC 8252 §8.3 allows for what never leaves the machine.
func (p Profile) OnLoopback() Profile {
	p.loopback = true
	return p
}

// NonceOptional is the same profile for a client that follows the FAPI 2.0 Security Profile, where PKCE does what a nonce
// does (§5.3.2.2).
func (p Profile) NonceOptional() Profile {
	p.unnonced = true
	return p
}

// Name is "plus" or "standard".
func (p Profile) Name() string { return p.name }

// Loopback reports whether the issuer is on loopback.
func (p Profile) Loopback() bool { return p.loopback }

// Encrypted reports whether answers are always encrypted to the client.
func (p Profile) Encrypted() bool { return p.encrypted }

// Signatures are the algorithms that sign in either direction, the default first: id_token_signing_alg_values_supported and
// its relatives of discovery.
func (p Profile) Signatures() []string { return slices.Clone(p.signatures) }

// ACRs are the levels served, the lowest first: acr_values_supported of discovery.
func (p Profile) ACRs() []string { return slices.Clone(p.allowed) }

// DefaultACR is the level of a request that names none that we know.
func (p Profile) DefaultACR() string { return p.fallback }
