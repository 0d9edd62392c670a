package oauth

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

// ClaimsRequest is a parsed claims parameter (OpenID Connect Core §5.5): names of claims, sorted, without repetition.
// Whether a claim exists or may be had is not asked here.
type ClaimsRequest struct {
	IDToken  []string
	Userinfo []string
	acr      []string // values that an essential acr must have; none when not asked so
}

const (
	mostClaims     = 64  // in each part
	mostClaimName  = 128 // bytes
	mostClaimDepth = 6
)

// parseClaims reads the parameter; an empty one is one that was not given. Only FaultClaimsJSON is said on a page.
func parseClaims(raw string) (ClaimsRequest, Fault) {
	if raw == "" {
		return ClaimsRequest{}, 0
	}
	if err := CheckJSON([]byte(raw), mostClaimDepth); err != nil {
		return ClaimsRequest{}, FaultClaimsJSON
	}
	parts, err := ParseObject([]byte(raw), mostClaimDepth)
	if err != nil {
		return ClaimsRequest{}, FaultClaimsObject
	}
	userinfo, hasUserinfo := parts["userinfo"]
	idToken, hasIDToken := parts["id_token"]
	if !hasUserinfo && !hasIDToken {
		return ClaimsRequest{}, FaultClaimsMembers
	}
	var out ClaimsRequest
	if hasUserinfo {
		var fault Fault
		if out.Userinfo, _, fault = claimNames(userinfo, FaultClaimsUserinfo); fault != 0 {
			return ClaimsRequest{}, fault
		}
	}
	if hasIDToken {
		var fault Fault
		if out.IDToken, out.acr, fault = claimNames(idToken, FaultClaimsIDToken); fault != 0 {
			return ClaimsRequest{}, fault
		}
	}
	return out, 0
}

// claimNames reads one part: a name gives null or an object. Of the objects only what would change the answer is read:
// values demanded of sub, which we cannot honour, and of acr.
func claimNames(raw json.RawMessage, notObject Fault) (names, acr []string, fault Fault) {
	members, err := ParseObject(raw, mostClaimDepth)
	if err != nil {
		return nil, nil, notObject
	}
	for name, ask := range members {
		if name == "" || len(name) > mostClaimName || !text(name) || len(members) > mostClaims {
			return nil, nil, FaultClaimsValue
		}
		values, essential, ok := individual(ask)
		if !ok || name == "sub" && values != nil {
			return nil, nil, FaultClaimsValue
		}
		if name == "acr" && essential {
			acr = values
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names, acr, 0
}

// individual reads how one claim is asked (§5.5.1): null, or an object with essential, value or values. Values that are
// not strings are kept as their JSON text: they equal nothing. Other members are ignored, as §5.5.1 wants.
func individual(raw json.RawMessage) (values []string, essential, ok bool) {
	if string(raw) == "null" {
		return nil, false, true
	}
	members, err := ParseObject(raw, mostClaimDepth)
	if err != nil {
		return nil, false, false
	}
	if e, has := members["essential"]; has {
		if string(e) != "true" && string(e) != "false" {
			return nil, false, false
		}
		essential = string(e) == "true"
	}
	var list []json.RawMessage
	if v, has := members["values"]; has {
		if v[0] != '[' || json.Unmarshal(v, &list) != nil {
			return nil, false, false
		}
	}
	if v, has := members["value"]; has {
		list = append(list, v)
	}
	for _, v := range list {
		var s string
		if json.Unmarshal(v, &s) != nil {
			s = string(v)
		}
		values = append(values, s)
	}
	return values, essential, true
}

// acrFault is the answer to an essential acr whose values do not contain the effective level: OpenID Connect Core
// §5.5.1.1 wants one of them or nothing.
func (c ClaimsRequest) acrFault(effective string) Error {
	if c.acr == nil || effective == "" || slices.Contains(c.acr, effective) {
		return Error{}
	}
	return FaultACR.Err()
}

// Errors of strict JSON. They quote nothing of the input.
var (
	errNotJSON   = errors.New("oauth: not JSON in UTF-8")
	errDuplicate = errors.New("oauth: a JSON object has a member twice")
	errDepth     = errors.New("oauth: JSON is nested too deep")
	errNotObject = errors.New("oauth: not a JSON object")
)

// CheckJSON accepts one JSON value, and nothing after it, in which no object has a member twice (RFC 8725 §2.4: parsers
// disagree on which one counts) and nothing is nested deeper than most. The caller bounds the length.
func CheckJSON(raw []byte, most int) error {
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return errNotJSON
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	var open []map[string]bool // one for each object or array that is open; nil for an array
	name := false              // whether the next string is a member's name
	for {
		token, err := dec.Token()
		if err != nil {
			return nil // the end: the text is valid
		}
		switch token {
		case json.Delim('{'):
			open = append(open, make(map[string]bool))
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		default:
			if name {
				s, _ := token.(string)
				if open[len(open)-1][s] {
					return errDuplicate
				}
				open[len(open)-1][s] = true
				name = false
				continue
			}
		}
		if len(open) > most {
			return errDepth
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}

// ParseObject reads a JSON object under the rules of CheckJSON. Members keep their JSON text: unlike a struct's, their
// names are compared exactly, case included.
func ParseObject(raw []byte, most int) (map[string]json.RawMessage, error) {
	if err := CheckJSON(raw, most); err != nil {
		return nil, err
	}
	var out map[string]json.RawMessage
	if err := json.Unmarshal(raw, &out); err != nil || out == nil {
		return nil, errNotObject
	}
	return out, nil
}
