package token

import "errors"

// LogoutType is the `typ` of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4).
const LogoutType = "logout+jwt"

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// A Logout holds what a logout token says: which session of whom is over.
type Logout struct {
	Subject string // pairwise identifier, the `sub` of the ID token
	Session string // `sid`; empty for a client whose ID tokens have none
	ID      string // `jti`, of this token alone
}

// Payload returns the members of the logout token as JSON: `sub`, `sid` where there is one, `events`, `jti`, `aud`, `exp`, `iat`, `iss`. There
// is no `nonce`, by which it could pass for an ID token. Errors: a value that is missing or out of bounds.
func (l Logout) Payload(f Frame) ([]byte, error) {
	if err := errors.Join(f.check(), checkSubject(l.Subject), checkText("identifier", l.ID)); err != nil {
		return nil, err
	}
	if l.Session != "" {
		if err := checkText("session", l.Session); err != nil {
			return nil, err
		}
	}
	o := new(object)
	o.text("sub", l.Subject)
	if l.Session != "" {
		o.text("sid", l.Session)
	}
	o.name("events")
	o.buffer.WriteString(`{"` + logoutEvent + `":{}}`)
	o.text("jti", l.ID)
	f.close(o)
	return o.close()
}
