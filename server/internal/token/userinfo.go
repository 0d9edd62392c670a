package token

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"pivot/server/internal/claims"
)

// A UserInfo holds what the userinfo answer says of one person.
type UserInfo struct {
	Subject string         // pairwise identifier, the `sub` of the ID token
	Claims  []claims.Claim // what was released, in the order in which it is written
}

// Payload returns the members of the userinfo answer as JSON: `sub`, the
// claims, then `aud`, `exp`, `iat`, `iss`. A claim may not take the name of one
// of these, nor appear twice: JSON readers disagree on which of two they keep.
func (u UserInfo) Payload(f Frame) ([]byte, error) {
	if err := errors.Join(f.check(), checkSubject(u.Subject), checkClaims(u.Claims)); err != nil {
		return nil, err
	}
	o := new(object)
	o.text("sub", u.Subject)
	o.claims(u.Claims)
	f.close(o)
	return o.close()
}

// claims writes each, as a text or as a list.
func (o *object) claims(released []claims.Claim) {
	for _, c := range released {
		if c.List != nil {
			o.list(c.Name, c.List)
		} else {
			o.text(c.Name, c.Text)
		}
	}
}

// reserved reports whether the answer states name itself.
func reserved(name string) bool {
	switch name {
	case "sub", "aud", "exp", "iat", "iss":
		return true
	}
	return false
}

func checkClaims(released []claims.Claim) error {
	if len(released) > maxClaims {
		return fmt.Errorf("token: %d claims, at most %d", len(released), maxClaims)
	}
	seen := make(map[string]bool, len(released))
	for _, c := range released {
		if err := checkText("claim name", c.Name); err != nil {
			return err
		}
		if reserved(c.Name) || seen[c.Name] {
			return fmt.Errorf("token: claim %q twice", c.Name)
		}
		seen[c.Name] = true
		if c.Text != "" && c.List != nil {
			return fmt.Errorf("token: claim %q is a text and a list", c.Name)
		}
		for _, text := range append([]string{c.Text}, c.List...) {
			if !utf8.ValidString(text) {
				return fmt.Errorf("token: claim %q is not UTF-8", c.Name)
			}
		}
	}
	return nil
}
