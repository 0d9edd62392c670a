package oauth

import (
	"crypto/subtle"
	"net/url"
)

// Callback is what an identity provider answers, in the browser that was sent there (RFC 6749 §4.1.2).
type Callback struct {
	Code    Secret
	Refused string // its error, such as access_denied; empty where there is a code
}

const (
	mostCallback = 4096 // bytes of a code or a state
	mostReason   = 64
)

// ParseCallback reads an identity provider's answer to a request that was sent with that state. What the state does not
// match is not read: it answers another request, or none. Errors: a PageError, by the rules of franceconnect.md 3.5.
func ParseCallback(values url.Values, state Secret) (Callback, error) {
	f := form{values: values, limits: map[string]int{
		"state": mostCallback, "code": mostCallback, "error": mostReason, "error_description": mostCallback, "iss": mostURI,
	}}
	twice, malformed := f.faulty()
	switch given := f.value("state"); {
	case !bounded(values) || twice != "" || malformed != "":
		return Callback{}, PageError{Err: FaultParameters.Err()}
	case given == "" || state == "":
		return Callback{}, PageError{Err: FaultCallbackState.Err()}
	case subtle.ConstantTimeCompare([]byte(given), []byte(state)) != 1:
		return Callback{}, PageError{Err: FaultCallbackOther.Err()}
	}
	if reason := f.value("error"); reason != "" {
		return Callback{Refused: reason}, nil
	}
	if f.value("code") == "" {
		return Callback{}, PageError{Err: FaultCallbackCode.Err()}
	}
	return Callback{Code: Secret(f.value("code"))}, nil
}
