package oauth

// row is what the world sees of one fault.
type row struct {
	fault  Fault
	reason string // for the audit log
	code   string
	text   string
	y      string // after franceconnect.md appendix A and B: Y, module, number; Y040001 where the original has no code
	status int
	place  Place
}

// Texts that several rows share, so that what must look the same does.
const (
	authFailed   = "client authentication failed"
	oneMechanism = "client authentication must only be provided using one mechanism"
	grantInvalid = "grant request is invalid"
	proofInvalid = "invalid DPoP proof"

	objectInvalid = "Request Object is invalid"
)

// rows are the catalogue: franceconnect.md 1.3, 1.4, 1.12. Where a fault was 500 there although the request caused it
// (Y030028), it is 400 here: a stranger's request must not look like an outage.
var rows = [faults - 1]row{
	{FaultParameters, "authorize-parameters", "invalid_request", "invalid authorization request parameters", "Y030007", 400, OnPage},
	{FaultClaimsJSON, "claims-json", "invalid_request", "could not parse the claims parameter JSON", "Y030028", 400, OnPage},
	{FaultUnknownClient, "client-unknown", "invalid_client", "client is invalid", "Y04EA6EF", 400, OnPage},
	{FaultRedirectURI, "redirect-uri", "invalid_redirect_uri", "redirect_uri did not match any of the client's registered redirect_uris", "Y04C013C", 400, OnPage},
	{FaultSeveral, "several-faults", "invalid_request", "several parameters are invalid", "Y040001", 400, OnPage},
	{FaultClaimNotEntitled, "claim-not-entitled", "server_error", "requested claim is not allowed", "Y100009", 400, OnPage},

	{FaultResponseTypeMissing, "response-type-missing", "invalid_request", "missing required parameter 'response_type'", "Y048017B", 303, OnRedirect},
	{FaultResponseType, "response-type", "unsupported_response_type", "unsupported response_type requested", "Y0411646", 303, OnRedirect},
	{FaultOpenIDScope, "scope-openid", "invalid_request", "openid scope must be requested when using the acr_values parameter", "Y04EE963", 303, OnRedirect},
	{FaultScope, "scope-not-entitled", "invalid_scope", "requested scope is not allowed", "Y044D706", 303, OnRedirect},
	{FaultACR, "acr", "invalid_acr", "acr_value is not valid", "Y100002", 303, OnRedirect},
	{FaultClaimsObject, "claims-object", "invalid_request", "claims parameter should be a JSON object", "Y04C032B", 303, OnRedirect},
	{FaultClaimsMembers, "claims-members", "invalid_request", "claims parameter should have userinfo or id_token properties", "Y0420EF4", 303, OnRedirect},
	{FaultClaimsUserinfo, "claims-userinfo", "invalid_request", "claims.userinfo should be an object", "Y0465CB6", 303, OnRedirect},
	{FaultClaimsIDToken, "claims-id-token", "invalid_request", "claims.id_token should be an object", "Y04AAA70", 303, OnRedirect},
	{FaultClaimsValue, "claims-value", "invalid_request", "claims parameter asks for a claim in a way that is not supported", "Y040001", 303, OnRedirect},
	{FaultChallengeMethodMissing, "pkce-method-missing", "invalid_request", "code_challenge_method must be provided", "Y04FD217", 303, OnRedirect},
	{FaultChallengeMethod, "pkce-method", "invalid_request", "not supported value of code_challenge_method", "Y0468756", 303, OnRedirect},
	{FaultChallengeMissing, "pkce-challenge-missing", "invalid_request", "code_challenge must be provided with code_challenge_method", "Y042D514", 303, OnRedirect},
	{FaultChallengeFormat, "pkce-challenge-format", "invalid_request", "code_challenge must be a base64url SHA-256 digest", "Y040001", 303, OnRedirect},
	{FaultChallengeRequired, "pkce-required", "invalid_request", "Authorization Server policy requires PKCE to be used for this request", "Y04BBB40", 303, OnRedirect},
	{FaultIDPHint, "idp-hint", "invalid_idp_hint", "An idp_hint was provided but is not allowed", "Y030032", 303, OnRedirect},
	{FaultUserAborted, "user-aborted", "access_denied", "user authentication aborted", "Y030030", 303, OnRedirect},

	{FaultInternal, "internal", "server_error", "internal error", "Y000000", 500, OnPage},
	{FaultUnavailable, "unavailable", "temporarily_unavailable", "the service is temporarily unavailable", "Y190005", 503, OnPage},
	{FaultSession, "session", "access_denied", "session not found", "Y190001", 401, OnPage},
	{FaultExpired, "expired", "access_denied", "authorization request has expired", "Y04D5AB7", 400, OnPage},
	{FaultNavigation, "navigation", "access_denied", "unexpected navigation", "Y420001", 400, OnPage},
	{FaultCSRFMissing, "csrf-missing", "server_error", "missing form token", "Y470002", 400, OnPage},
	{FaultCSRF, "csrf", "server_error", "wrong form token", "Y470001", 401, OnPage},
	{FaultCSRFSpent, "csrf-spent", "server_error", "form token used before", "Y470004", 401, OnPage},
	{FaultLowACR, "acr-low", "server_error", "the level obtained is below the level requested", "Y100001", 500, OnPage},

	{FaultLogoutParameters, "logout-parameters", "invalid_request", "invalid logout request parameters", "Y030007", 400, OnPage},
	{FaultLogoutHint, "logout-hint", "invalid_request", "could not validate id_token_hint", "Y045AFAE", 400, OnPage},
	{FaultLogoutMismatch, "logout-mismatch", "invalid_request", "client_id does not match the provided id_token_hint", "Y0467882", 400, OnPage},
	{FaultLogoutClient, "logout-client", "invalid_client", "client is invalid", "Y04FE3C9", 400, OnPage},
	{FaultLogoutAddress, "logout-address", "invalid_request", "post_logout_redirect_uri not registered", "Y04CFAEF", 400, OnPage},

	{FaultTokenMissing, "token-missing", "invalid_request", "missing required parameter", "Y048017B", 400, OnJSON},
	{FaultTokenTwice, "token-twice", "invalid_request", "parameters must not be provided twice", "Y0496E4A", 400, OnJSON},
	{FaultTokenBody, "token-body", "invalid_request", "failed to parse the request body", "Y04A25F2", 400, OnJSON},
	{FaultGrantType, "grant-type", "unsupported_grant_type", "unsupported grant_type requested", "Y04C2044", 400, OnJSON},
	{FaultGrant, "grant", "invalid_grant", grantInvalid, "Y049E20B", 400, OnJSON},
	{FaultVerifierFormat, "pkce-verifier-format", "invalid_request", "code_verifier must be 43 to 128 unreserved characters", "Y040001", 400, OnJSON},

	{FaultAuthMissing, "auth-missing", "invalid_request", "no client authentication mechanism provided", "Y044FEB3", 400, OnJSON},
	{FaultAuthTwice, "auth-twice", "invalid_request", oneMechanism, "Y04DADA6", 400, OnJSON},
	{FaultAuthHeader, "auth-header", "invalid_client", authFailed, "Y044D82C", 401, OnJSON},
	{FaultAssertionTypeMissing, "assertion-type-missing", "invalid_request", "client_assertion_type must be provided", "Y04AF36C", 400, OnJSON},
	{FaultAssertionType, "assertion-type", "invalid_request", "client_assertion_type must have value " + assertionType, "Y04EA12E", 400, OnJSON},
	{FaultAssertionFormat, "assertion-format", "invalid_request", "invalid client_assertion format", "Y04E1CFF", 400, OnJSON},
	{FaultAssertionClient, "assertion-client", "invalid_request", "subject of client_assertion must be the same as client_id provided in the body", "Y048454B", 400, OnJSON},

	// An unknown client, a wrong secret, another method and an assertion that its keys did not sign all look the same.
	{FaultAuthUnknownClient, "auth-unknown-client", "invalid_client", authFailed, "Y0434A7B", 401, OnJSON},
	{FaultAuthMethod, "auth-method", "invalid_client", authFailed, "Y0434A7B", 401, OnJSON},
	{FaultAuthSecret, "auth-secret", "invalid_client", authFailed, "Y0434A7B", 401, OnJSON},
	{FaultAssertionKey, "assertion-key", "invalid_client", authFailed, "Y0434A7B", 401, OnJSON},
	{FaultAssertionSignature, "assertion-signature", "invalid_client", authFailed, "Y0434A7B", 401, OnJSON},
	// The header is the sender's own; what follows was signed by the client, which may know what it did wrong.
	{FaultAssertionHeader, "assertion-header", "invalid_client", authFailed, "Y046737D", 401, OnJSON},
	{FaultAssertionIssuer, "assertion-issuer", "invalid_client", authFailed, "Y0421A2A", 401, OnJSON},
	{FaultAssertionSubject, "assertion-subject", "invalid_client", authFailed, "Y044B38D", 401, OnJSON},
	{FaultAssertionAudience, "assertion-audience", "invalid_client", authFailed, "Y04C17F5", 401, OnJSON},
	{FaultAssertionExpiry, "assertion-expiry", "invalid_client", authFailed, "Y0480889", 401, OnJSON},
	{FaultAssertionTime, "assertion-time", "invalid_client", authFailed, "Y04F7688", 401, OnJSON},
	{FaultAssertionID, "assertion-id", "invalid_client", authFailed, "Y04C5ACB", 401, OnJSON},
	{FaultAssertionReplayed, "assertion-replayed", "invalid_client", authFailed, "Y0486328", 401, OnJSON},

	{FaultBearerMissing, "bearer-missing", "invalid_token", "no access token provided", "Y04146A2", 401, OnJSON},
	{FaultBearerTwice, "bearer-twice", "invalid_request", "access token must only be provided using one mechanism", "Y040001", 400, OnJSON},
	{FaultBearer, "bearer", "invalid_token", "invalid token provided", "Y040001", 401, OnJSON},

	{FaultIntrospection, "introspection-request", "invalid_request", "missing or malformed parameter", "Y100013", 400, OnJSON},
	{FaultProviderUnknown, "provider-unknown", "invalid_client", authFailed, "Y330001", 401, OnJSON},
	{FaultProviderSecret, "provider-secret", "invalid_client", authFailed, "Y330002", 401, OnJSON},

	{FaultRequestURI, "request-uri", "invalid_request_uri", "request_uri is unknown, expired or was used before", "Y04D5AB7", 400, OnPage},
	{FaultPushedRequired, "pushed-required", "invalid_request", "Pushed Authorization Request must be used", "Y040001", 303, OnRedirect},

	{FaultObjectUnregistered, "object-unregistered", "request_not_supported", "request parameter is not supported for this client", "Y030007", 400, OnPage},
	{FaultObjectForm, "object-form", "invalid_request_object", objectInvalid, "Y040001", 400, OnPage},
	{FaultObjectSignature, "object-signature", "invalid_request_object", objectInvalid, "Y040001", 400, OnPage},
	{FaultObjectClaims, "object-claims", "invalid_request_object", objectInvalid, "Y040001", 400, OnPage},
	{FaultObjectTime, "object-time", "invalid_request_object", objectInvalid, "Y040001", 400, OnPage},
	{FaultObjectRequired, "object-required", "invalid_request", "Request Object must be used by this client", "Y040001", 303, OnRedirect},

	{FaultThumbprint, "dpop-jkt", "invalid_request", "dpop_jkt must be a base64url SHA-256 digest", "Y040001", 303, OnRedirect},
	{FaultDPoPForm, "dpop-form", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPSignature, "dpop-signature", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPClaims, "dpop-claims", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPTime, "dpop-time", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPReplayed, "dpop-replayed", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPKey, "dpop-key", "invalid_dpop_proof", proofInvalid, "Y040001", 400, OnJSON},
	{FaultDPoPRequired, "dpop-required", "invalid_dpop_proof", "DPoP proof must be provided", "Y040001", 400, OnJSON},
	{FaultTokenBound, "token-bound", "invalid_token", "invalid token provided", "Y040001", 401, OnJSON},

	{FaultCallbackState, "callback-state-missing", "invalid_request", "state is missing", "Y020021", 400, OnPage},
	{FaultCallbackOther, "callback-state", "invalid_request", "state is not that of the request", "Y020022", 403, OnPage},
	{FaultCallbackCode, "callback-code-missing", "server_error", "code is missing", "Y020025", 400, OnPage},
	{FaultForeignACR, "acr-foreign", "invalid_request", "the identity provider answered with a level that is none of its own", "Y100018", 400, OnPage},
}

// row finds a fault; rows are in the order of the faults, which a test sees to. No fault, or one beyond, is internal.
func (f Fault) row() row {
	if f == 0 || int(f) > len(rows) {
		f = FaultInternal
	}
	return rows[f-1]
}

// String is the reason as the audit log spells it.
func (f Fault) String() string { return f.row().reason }

// Err is what the world sees of the fault.
func (f Fault) Err() Error {
	r := f.row()
	return Error{Fault: r.fault, Code: r.code, Description: r.text, Y: r.y, Status: r.status, Place: r.place}
}

// Catalogue is every public error, in the order of the faults: for the pages, which need a sentence for each code, and
// for the documentation.
func Catalogue() []Error {
	out := make([]Error, 0, len(rows))
	for _, r := range rows {
		out = append(out, r.fault.Err())
	}
	return out
}
