package oauth

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
)

// TokenRequest is a parsed token request of the authorization_code grant (RFC 6749 §4.1.3). Its client is not
// authenticated yet.
type TokenRequest struct {
	Code        Secret
	RedirectURI string
	Verifier    Secret // PKCE; empty when not given
	Credentials Credentials
}

// AuthMethod is how a client authenticates, by its name in client metadata.
type AuthMethod string

// The methods (franceconnect.md 1.6). HTTP Basic is not one.
const (
	ClientSecretPost AuthMethod = "client_secret_post"
	PrivateKeyJWT    AuthMethod = "private_key_jwt"
)

// Credentials are what a client presents.
type Credentials struct {
	Method    AuthMethod
	ClientID  string // as claimed; with an assertion, its unverified subject
	Presented Secret // client_secret or client_assertion
}

// Secret is text that no log shows: printing it, in whatever way, gives a placeholder. Convert it to string to use it.
type Secret string

const redacted = "[redacted]"

// String redacts.
func (Secret) String() string { return redacted }

// GoString redacts.
func (Secret) GoString() string { return redacted }

// Format redacts under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue redacts.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText redacts: a secret is not serialised by accident.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// MostAssertion is the most bytes of a client assertion: an ES256 one has about 500.
const MostAssertion = 4096

func tokenLimits() map[string]int {
	return map[string]int{
		"grant_type": 128, "code": 512, "redirect_uri": mostURI, "code_verifier": 128, "client_id": 256,
		"client_secret": 512, "client_assertion": MostAssertion, "client_assertion_type": 128,
	}
}

// ParseToken reads a token request: the form body, and every value of the Authorization header, which must be absent.
// Parameters that it does not know are ignored. An error is an Error.
func ParseToken(values url.Values, authorization []string) (TokenRequest, error) {
	f := form{values: values, limits: tokenLimits()}
	if !bounded(values) {
		return TokenRequest{}, FaultTokenBody.Err()
	}
	twice, malformed := f.faulty()
	if twice != "" {
		return TokenRequest{}, FaultTokenTwice.Err()
	}
	if malformed != "" {
		return TokenRequest{}, FaultTokenBody.Err()
	}
	credentials, err := parseCredentials(f, authorization)
	if err != nil {
		return TokenRequest{}, err
	}
	for _, name := range []string{"grant_type", "code", "redirect_uri"} {
		if name == "code" && f.value("grant_type") != "authorization_code" {
			return TokenRequest{}, FaultGrantType.Err()
		}
		if f.value(name) == "" {
			return TokenRequest{}, missing(name)
		}
	}
	r := TokenRequest{
		Code: Secret(f.value("code")), RedirectURI: f.value("redirect_uri"),
		Verifier: Secret(f.value("code_verifier")), Credentials: credentials,
	}
	if r.Verifier != "" && !verifierFormat(string(r.Verifier)) {
		return TokenRequest{}, FaultVerifierFormat.Err()
	}
	return r, nil
}

// missing names the parameter, a word of ours.
func missing(name string) Error {
	e := FaultTokenMissing.Err()
	e.Description += " '" + name + "'"
	return e
}

// parseCredentials finds the one way by which the client authenticates (RFC 6749 §2.3: never two).
func parseCredentials(f form, authorization []string) (Credentials, error) {
	secret, assertion, kind := f.value("client_secret"), f.value("client_assertion"), f.value("client_assertion_type")
	byBody := secret != "" || assertion != "" || kind != ""
	switch {
	case len(authorization) > 0 && byBody, secret != "" && (assertion != "" || kind != ""):
		return Credentials{}, FaultAuthTwice.Err()
	case len(authorization) > 0:
		return Credentials{}, FaultAuthHeader.Err()
	case !byBody:
		return Credentials{}, FaultAuthMissing.Err()
	case secret != "" && f.value("client_id") == "":
		return Credentials{}, missing("client_id")
	case secret != "":
		return Credentials{Method: ClientSecretPost, ClientID: f.value("client_id"), Presented: Secret(secret)}, nil
	}
	return parseAssertion(f)
}

// parseAssertion reads RFC 7523 §2.2.
func parseAssertion(f form) (Credentials, error) {
	switch f.value("client_assertion_type") {
	case "":
		return Credentials{}, FaultAssertionTypeMissing.Err()
	case assertionType:
	default:
		return Credentials{}, FaultAssertionType.Err()
	}
	assertion, id := f.value("client_assertion"), f.value("client_id")
	subject, ok := unverifiedSubject(assertion)
	if !ok {
		return Credentials{}, FaultAssertionFormat.Err()
	}
	if id != "" && id != subject {
		return Credentials{}, FaultAssertionClient.Err()
	}
	return Credentials{Method: PrivateKeyJWT, ClientID: subject, Presented: Secret(assertion)}, nil
}

// unverifiedSubject tells whose assertion it claims to be, only to find that client's keys.
func unverifiedSubject(assertion string) (string, bool) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return "", false
	}
	members, err := ParseObject(payload, 4)
	if err != nil {
		return "", false
	}
	var subject *string
	if raw, ok := members["sub"]; !ok || json.Unmarshal(raw, &subject) != nil || subject == nil {
		return "", false
	}
	return *subject, *subject != "" && len(*subject) <= tokenLimits()["client_id"] && text(*subject)
}

// verifierFormat is RFC 7636 §4.1: 43 to 128 unreserved characters. Whether it opens the challenge is for the transition
// that redeems the code (package txn).
func verifierFormat(s string) bool {
	return len(s) >= 43 && len(s) <= 128 &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") == ""
}

// ParseAccess reads the access token of a userinfo request (RFC 6750 §2.1, RFC 9449 §7.1): every value of the Authorization
// header, and the query. bound reports whether it is presented as one that is bound to a key. A token in the query is not
// read: addresses end up in logs (RFC 9700 §4.3.2). An error is an Error.
func ParseAccess(authorization []string, query url.Values) (token Secret, bound bool, err error) {
	if len(authorization) > 1 || len(authorization) == 1 && query.Has("access_token") {
		return "", false, FaultBearerTwice.Err()
	}
	if len(authorization) == 0 {
		return "", false, FaultBearerMissing.Err()
	}
	scheme, text, _ := strings.Cut(authorization[0], " ")
	bound = strings.EqualFold(scheme, "DPoP")
	if !bound && !strings.EqualFold(scheme, "Bearer") {
		return "", false, FaultBearerMissing.Err()
	}
	trimmed := strings.TrimRight(text, "=")
	if trimmed == "" || len(text) > 512 ||
		strings.Trim(trimmed, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/") != "" {
		return "", false, FaultBearer.Err()
	}
	return Secret(text), bound, nil
}
