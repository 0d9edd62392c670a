package oauth

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// AuthorizeRequest is a parsed authorization request. Nothing in it is authorised yet: a client must admit it.
type AuthorizeRequest struct {
	ClientID    string
	RedirectURI string
	State       string // empty when the client gave none
	Nonce       string
	Scopes      []string // as asked, without repetition; unknown ones included
	ACR         string   // the effective level, one of the profile's
	Claims      ClaimsRequest
	Prompts     []string // of login, consent; none when not asked
	IDPHint     string
	UILocales   []string
	Protection
	refused Error // what to answer once the address is known to be the client's
}

// Protection is what a request brings beyond FranceConnect's.
type Protection struct {
	Challenge  string // PKCE S256 challenge; empty without PKCE
	Thumbprint string // of the key that must redeem the code (dpop_jkt, RFC 9449 §10); empty for any
	Pushed     bool   // the client sent it ahead, authenticated (RFC 9126): whoever resolved it says so
	Signed     bool   // the client signed it (RFC 9101): likewise
}

// authorizeLimits are the parameters of franceconnect.md 1.3 and PKCE's, with the most bytes that each may have.
// Parameters that are not here are ignored (RFC 6749 §3.1), except those of meaningful.
func authorizeLimits() map[string]int {
	return map[string]int{
		"client_id": 256, "redirect_uri": 2048, "response_type": 128, "scope": 4096, "acr_values": 2048,
		"state": 2048, "nonce": 512, "claims": 4096, "prompt": 64, "idp_hint": 256, "ui_locales": 256,
		"code_challenge": 128, "code_challenge_method": 16, "response_mode": 32, "dpop_jkt": 128,
	}
}

const (
	leastNonce   = 22 // characters (franceconnect.md 1.3)
	mostACRItems = 64
	mostLocales  = 8
)

// required parameters, by franceconnect.md 1.3: a missing one is said on a page. An empty one is judged by its own rule.
func required() []string {
	return []string{"client_id", "redirect_uri", "response_type", "scope", "acr_values", "state", "nonce"}
}

// meaningful parameters are those that we know and do not honour here, and whose loss would change what the client relies
// on: an answer of another kind, or a request that leads to another, which ParseReference has followed already. They are
// refused, as franceconnect.md 1.3 refuses them; hints and unknown names are ignored.
func meaningful() []string {
	return []string{"request", "request_uri", "registration", "id_token_hint", "resource", "authorization_details"}
}

// ParseAuthorize reads an authorization request (query or form body) by the rules of franceconnect.md 1.3. An error is a
// PageError. Faults that the client may be told at its own address are kept in the request: AuthorizeRequest.Target gives
// them, once that address is known to be the client's.
func ParseAuthorize(values url.Values, p Profile) (AuthorizeRequest, error) {
	f := form{values: values, limits: authorizeLimits()}
	if name, ok := f.acceptable(p); !ok {
		return AuthorizeRequest{}, PageError{Err: FaultParameters.Err(), Parameter: name}
	}
	claims, fault := parseClaims(f.value("claims"))
	if fault == FaultClaimsJSON {
		return AuthorizeRequest{}, PageError{Err: fault.Err(), Parameter: "claims"}
	}
	r := AuthorizeRequest{
		ClientID:    f.value("client_id"),
		RedirectURI: f.value("redirect_uri"),
		State:       f.value("state"),
		Nonce:       f.value("nonce"),
		Scopes:      words(f.value("scope")),
		Claims:      claims,
		Prompts:     words(f.value("prompt")),
		IDPHint:     f.value("idp_hint"),
		UILocales:   locales(f.value("ui_locales")),
		Protection:  Protection{Challenge: f.value("code_challenge"), Thumbprint: f.value("dpop_jkt")},
	}
	acr, acrErr := p.effective(f.value("acr_values"))
	r.ACR = acr
	// The first fault is the one that is said, in the order of the provider that clients know.
	for _, e := range []Error{
		responseType(f.value("response_type")), r.openID(), challenge(f), r.thumbprint(), fault.orNone(), acrErr, claims.acrFault(acr),
	} {
		if e.Fault != 0 {
			r.refused = e
			break
		}
	}
	return r, nil
}

// acceptable checks all that is said on a page, and names the parameter at fault; none when the whole is too big.
func (f form) acceptable(p Profile) (string, bool) {
	if !bounded(f.values) {
		return "", false
	}
	if twice, malformed := f.faulty(); twice != "" {
		return twice, false
	} else if malformed != "" {
		return malformed, false
	}
	if name, ok := f.complete(p); !ok {
		return name, false
	}
	mode := f.value("response_mode")
	for _, rule := range []struct {
		name string
		ok   bool
	}{
		{"client_id", f.value("client_id") != ""},
		{"redirect_uri", wellFormed(f.value("redirect_uri"), p.loopback)},
		{"nonce", utf8.RuneCountInString(f.value("nonce")) >= leastNonce || p.unnonced && !f.has("nonce")},
		{"acr_values", strings.Count(f.value("acr_values"), " ") < mostACRItems},
		{"prompt", !f.has("prompt") || prompts(f.value("prompt"))},
		{"response_mode", mode == "" || mode == "query"},
	} {
		if !rule.ok {
			return rule.name, false
		}
	}
	return "", true
}

// complete names a parameter that is missing, or there and not honoured.
func (f form) complete(p Profile) (string, bool) {
	for _, name := range required() {
		if !f.has(name) && (name != "nonce" || !p.unnonced) {
			return name, false
		}
	}
	for _, name := range meaningful() {
		if slices.ContainsFunc(f.values[name], func(v string) bool { return v != "" }) {
			return name, false
		}
	}
	return "", true
}

// orNone is the fault's Error, or the zero Error for no fault.
func (f Fault) orNone() Error {
	if f == 0 {
		return Error{}
	}
	return f.Err()
}

// words splits at spaces, as scope and acr_values are written, and drops repetitions.
func words(s string) []string {
	var out []string
	seen := map[string]bool{"": true}
	for word := range strings.SplitSeq(s, " ") {
		if !seen[word] {
			seen[word] = true
			out = append(out, word)
		}
	}
	return out
}

// prompts reports whether every word is one that we know; an empty word is none.
func prompts(s string) bool {
	for word := range strings.SplitSeq(s, " ") {
		if word != "login" && word != "consent" {
			return false
		}
	}
	return true
}

// locales keeps what may be a language tag; the rest is ignored, as OpenID Connect Core §3.1.2.1 wants.
func locales(s string) []string {
	var out []string
	for _, word := range words(s) {
		tag := len(word) <= 35 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == ""
		if tag && len(out) < mostLocales {
			out = append(out, word)
		}
	}
	return out
}

// responseType serves code alone. A client that asks for a token or an id_token reads the fragment, and is answered there
// (OAuth 2.0 Multiple Response Type Encoding Practices §5).
func responseType(s string) Error {
	switch s {
	case "":
		return FaultResponseTypeMissing.Err()
	case "code":
		return Error{}
	}
	e := FaultResponseType.Err()
	e.inFragment = strings.Contains(s, "token")
	return e
}

func (r AuthorizeRequest) openID() Error {
	if slices.Contains(r.Scopes, "openid") {
		return Error{}
	}
	return FaultOpenIDScope.Err()
}

// challenge checks PKCE (RFC 7636 §4.3). A challenge without method would mean plain, which is refused: RFC 9700 §2.1.1.
func challenge(f form) Error {
	value, method := f.value("code_challenge"), f.value("code_challenge_method")
	switch {
	case value == "" && method == "":
		return Error{}
	case value == "":
		return FaultChallengeMissing.Err()
	case method == "":
		return FaultChallengeMethodMissing.Err()
	case method != "S256":
		return FaultChallengeMethod.Err()
	}
	if !digest(value) {
		return FaultChallengeFormat.Err()
	}
	return Error{}
}

// thumbprint checks dpop_jkt.
func (r AuthorizeRequest) thumbprint() Error {
	if r.Thumbprint == "" || digest(r.Thumbprint) {
		return Error{}
	}
	return FaultThumbprint.Err()
}

// digest reports whether s is the one base64url text of a SHA-256 digest.
func digest(s string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(raw) == 32 && len(s) == 43
}

// effective applies franceconnect.md 1.4: the lowest known level that is asked, or the default when none is known. The
// answer to a level that this issuer does not serve says which level was read, a word of ours.
func (p Profile) effective(asked string) (string, Error) {
	items := words(asked)
	for _, level := range []string{"eidas1", "eidas2", "eidas3"} {
		if !slices.Contains(items, level) {
			continue
		}
		if slices.Contains(p.allowed, level) {
			return level, Error{}
		}
		e := FaultACR.Err()
		e.Description += ", should be equal one of these values, expected " + strings.Join(p.allowed, ",") + ", got " + level
		return "", e
	}
	if p.fallback == "" {
		return "", FaultACR.Err()
	}
	return p.fallback, Error{}
}

// Target compares the address with those registered for the client, as strings (RFC 9700 §2.1), and makes it the place of
// answers. Errors: a PageError for an address that is not registered; a RedirectError for a fault of the request that
// the client may be told there.
func (r AuthorizeRequest) Target(registered []string) (Target, error) {
	if r.RedirectURI == "" || !slices.Contains(registered, r.RedirectURI) {
		fault := FaultRedirectURI
		if r.refused.Fault != 0 {
			fault = FaultSeveral
		}
		return Target{}, PageError{Err: fault.Err(), Parameter: "redirect_uri"}
	}
	t := Target{uri: r.RedirectURI, state: r.State}
	if r.refused.Fault != 0 {
		t.fragment = r.refused.inFragment
		return Target{}, RedirectError{Err: r.refused, target: t}
	}
	return t, nil
}
