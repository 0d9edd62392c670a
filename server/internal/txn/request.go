package txn

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"pivot/server/internal/assurance"
)

// Profile is the kind of issuer that a request was addressed to. Its zero value is none.
type Profile uint8

// The profiles.
const (
	Plus     Profile = iota + 1 // eidas2 and eidas3, ten minutes
	Standard                    // eidas1, thirty minutes
)

// String returns the profile's name in configuration, or "none".
func (p Profile) String() string {
	switch p {
	case Plus:
		return "plus"
	case Standard:
		return "standard"
	}
	return "none"
}

// The lifetimes of FranceConnect+ and FranceConnect: a login is absolute, nothing the citizen does extends it.
const (
	plusLifetime     = 600 * time.Second
	standardLifetime = 1800 * time.Second
	codeLifetime     = 30 * time.Second
	tokenLifetime    = 60 * time.Second
)

// lifetime is how long a login may take, from authorize to code; zero for no profile.
func (p Profile) lifetime() time.Duration {
	switch p {
	case Plus:
		return plusLifetime
	case Standard:
		return standardLifetime
	}
	return 0
}

// levels returns the lowest and the highest level that an issuer of the profile answers.
func (p Profile) levels() (assurance.Level, assurance.Level) {
	if p == Plus {
		return assurance.Substantial, assurance.High
	}
	return assurance.Low, assurance.Low
}

// Params are the values of an authorize request that was found valid, to be closed by [NewRequest].
type Params struct {
	Profile     Profile
	Issuer      string          // issuer that was asked
	Client      string          // client_id
	RedirectURI string          // one of the client's registered addresses, exactly
	State       string          // returned as it is; may be empty
	Nonce       string          // at least 22 characters; empty for a client that need not send one
	Scopes      []string        // in order, openid among them
	Claims      []string        // claims asked one by one, as package claims names them
	Level       assurance.Level // lowest level that answers the request
	Prompt      string          // "", or words among login and consent
	Challenge   string          // code_challenge by S256 (RFC 7636 §4.2); empty without PKCE
	Thumbprint  string          // of the key that must redeem the code (RFC 9449 §10); empty for any, or none
	Locale      string          // language that the citizen's pages begin with; may be empty
}

// Request is a valid authorize request. Its zero value begins nothing.
type Request struct{ params Params }

// The most that a request may carry. Package oauth refuses more at the border; these bound what is stored.
const (
	mostIssuer   = 512
	mostClient   = 256
	mostURI      = 2048
	mostText     = 4096
	mostWord     = 128
	mostWords    = 255
	mostList     = 8192 // bytes of all words of a list
	mostLocale   = 128
	mostAccount  = 128
	leastNonce   = 22
	lenChallenge = 43
)

// NewRequest closes the values of a request. What only the client's record can tell (its addresses, what it is
// entitled to) was checked by the caller. Errors: a value that is missing, out of bounds, or that its profile does
// not serve; they name the parameter and never its value.
func NewRequest(p Params) (Request, error) {
	least, most := p.Profile.levels()
	for _, check := range []struct {
		ok   bool
		name string
	}{
		{p.Profile.lifetime() != 0, "profile"},
		{graphic(p.Issuer, 1, mostIssuer), "issuer"},
		{graphic(p.Client, 1, mostClient), "client_id"},
		{graphic(p.RedirectURI, 1, mostURI), "redirect_uri"},
		{len(p.State) <= mostText, "state"},
		{p.Nonce == "" || len(p.Nonce) >= leastNonce && len(p.Nonce) <= mostText, "nonce"},
		{words(p.Scopes) && slices.Contains(p.Scopes, "openid"), "scope"},
		{words(p.Claims), "claims"},
		{p.Level >= least && p.Level <= most, "acr_values"},
		{prompts(p.Prompt), "prompt"},
		{p.Challenge == "" || challenge(p.Challenge), "code_challenge"},
		{p.Thumbprint == "" || challenge(p.Thumbprint), "dpop_jkt"},
		{graphic(p.Locale, 0, mostLocale), "ui_locales"},
	} {
		if !check.ok {
			return Request{}, fmt.Errorf("txn: request: %s is missing, out of bounds or not served", check.name)
		}
	}
	p.Scopes, p.Claims = slices.Clone(p.Scopes), slices.Clone(p.Claims)
	return Request{params: p}, nil
}

// graphic reports whether s is so many printable ASCII characters without space.
func graphic(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// words reports whether a list is within bounds, every word is printable, and none comes twice.
func words(list []string) bool {
	if len(list) > mostWords {
		return false
	}
	size := 0
	for i, w := range list {
		size += len(w)
		if !graphic(w, 1, mostWord) || slices.Contains(list[:i], w) {
			return false
		}
	}
	return size <= mostList
}

func prompts(s string) bool {
	switch s {
	case "", "login", "consent", "login consent", "consent login":
		return true
	}
	return false
}

// challenge reports whether s is the base64url form of a SHA-256 digest.
func challenge(s string) bool {
	digest, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(digest) == sha256.Size && graphic(s, lenChallenge, lenChallenge)
}

var errNoState = errors.New("txn: no transaction")

// Params returns a copy of the request's values.
func (r Request) Params() Params {
	p := r.params
	p.Scopes, p.Claims = slices.Clone(p.Scopes), slices.Clone(p.Claims)
	return p
}

// Issuer is the issuer that was asked.
func (r Request) Issuer() string { return r.params.Issuer }

// Client is the service provider's client_id.
func (r Request) Client() string { return r.params.Client }

// Level is the lowest level that answers the request.
func (r Request) Level() assurance.Level { return r.params.Level }

// String redacts: state and nonce are the client's secrets.
func (p Params) String() string { return "request(" + p.Client + " redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (p Params) Format(s fmt.State, _ rune) { fmt.Fprint(s, p.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (p Params) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText redacts, for a log that nests the parameters.
func (p Params) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// String redacts likewise.
func (r Request) String() string { return r.params.String() }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (r Request) Format(s fmt.State, _ rune) { fmt.Fprint(s, r.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (r Request) LogValue() slog.Value { return slog.StringValue(r.String()) }
