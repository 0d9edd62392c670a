package oauth

import "net/url"

// ParseRevocation reads a revocation request (RFC 7009 §2.1): the form body, and every value of the Authorization header,
// which must be absent. It gives the token, whatever that is, and the credentials of a client that is not authenticated
// yet. token_type_hint is not needed to find a token, and ignored like what is not known. An error is an Error.
func ParseRevocation(values url.Values, authorization []string) (Secret, Credentials, error) {
	limits := tokenLimits()
	limits["token"] = mostToken
	f := form{values: values, limits: limits}
	if !bounded(values) {
		return "", Credentials{}, FaultTokenBody.Err()
	}
	twice, malformed := f.faulty()
	if twice != "" {
		return "", Credentials{}, FaultTokenTwice.Err()
	}
	if malformed != "" {
		return "", Credentials{}, FaultTokenBody.Err()
	}
	credentials, err := parseCredentials(f, authorization)
	if err != nil {
		return "", Credentials{}, err
	}
	if f.value("token") == "" {
		return "", Credentials{}, missing("token")
	}
	return Secret(f.value("token")), credentials, nil
}

// mostToken bounds a token that a client sends back: an encrypted ID token, by mistake, has about 1,500 bytes.
const mostToken = 8 << 10
