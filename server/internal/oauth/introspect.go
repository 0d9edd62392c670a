package oauth

import "net/url"

// IntrospectionRequest is a parsed question about an access token (RFC 7662 §2.1). Who asks is not authenticated yet.
type IntrospectionRequest struct {
	Token       Secret
	Credentials Credentials
}

// ParseChecktoken reads a question as FranceConnect has it (franceconnect.md 5): the form body with exactly token, client_id
// and client_secret, each once, and no Authorization header. An error is an Error.
func ParseChecktoken(values url.Values, authorization []string) (IntrospectionRequest, error) {
	f := form{values: values, limits: map[string]int{"token": mostToken, "client_id": 256, "client_secret": 512}}
	if !bounded(values) || len(values) != len(f.limits) || len(authorization) > 0 {
		return IntrospectionRequest{}, FaultIntrospection.Err()
	}
	if twice, malformed := f.faulty(); twice != "" || malformed != "" {
		return IntrospectionRequest{}, FaultIntrospection.Err()
	}
	for name := range f.limits {
		if f.value(name) == "" {
			return IntrospectionRequest{}, FaultIntrospection.Err()
		}
	}
	return IntrospectionRequest{Token: Secret(f.value("token")), Credentials: Credentials{
		Method: ClientSecretPost, ClientID: f.value("client_id"), Presented: Secret(f.value("client_secret")),
	}}, nil
}

// ParseIntrospection reads a question of RFC 7662: the form body, and every value of the Authorization header, which must be
// absent. Parameters that it does not know are ignored, token_type_hint among them: there is one type. An error is an Error.
func ParseIntrospection(values url.Values, authorization []string) (IntrospectionRequest, error) {
	f := form{values: values, limits: map[string]int{
		"token": mostToken, "client_id": 256, "client_secret": 512, "client_assertion": MostAssertion, "client_assertion_type": 128,
	}}
	if !bounded(values) {
		return IntrospectionRequest{}, FaultTokenBody.Err()
	}
	twice, malformed := f.faulty()
	switch {
	case twice != "":
		return IntrospectionRequest{}, FaultTokenTwice.Err()
	case malformed != "":
		return IntrospectionRequest{}, FaultTokenBody.Err()
	}
	credentials, err := parseCredentials(f, authorization)
	if err != nil {
		return IntrospectionRequest{}, err
	}
	if f.value("token") == "" {
		return IntrospectionRequest{}, missing("token")
	}
	return IntrospectionRequest{Token: Secret(f.value("token")), Credentials: credentials}, nil
}
