package oauth

// Fault is one reason to refuse, as the audit log names it. What the world sees of it is Err.
type Fault uint8

// The faults, by where they arise. Zero is invalid.
const (
	// Authorization, said on a page.
	FaultParameters       Fault = iota + 1 // a parameter is missing, doubled, oversized or malformed
	FaultClaimsJSON                        // the claims parameter is not JSON
	FaultUnknownClient                     // no client of that name, or not active
	FaultRedirectURI                       // the address is not registered
	FaultSeveral                           // an unregistered address, and another fault beside it
	FaultClaimNotEntitled                  // amr asked without the right to it

	// Authorization, said to the client.
	FaultResponseTypeMissing
	FaultResponseType
	FaultOpenIDScope
	FaultScope
	FaultACR
	FaultClaimsObject
	FaultClaimsMembers
	FaultClaimsUserinfo
	FaultClaimsIDToken
	FaultClaimsValue // a claim asked with a value that we cannot honour
	FaultChallengeMethodMissing
	FaultChallengeMethod
	FaultChallengeMissing
	FaultChallengeFormat
	FaultChallengeRequired
	FaultIDPHint
	FaultUserAborted

	// The user's journey, said on a page.
	FaultInternal
	FaultUnavailable
	FaultSession
	FaultExpired
	FaultNavigation
	FaultCSRFMissing
	FaultCSRF
	FaultCSRFSpent
	FaultLowACR

	// Logout, said on a page.
	FaultLogoutParameters // a parameter is doubled, oversized or malformed
	FaultLogoutHint       // not an ID token of ours
	FaultLogoutMismatch   // client_id is not whom the hint was issued to
	FaultLogoutClient     // no client of that name, or not active
	FaultLogoutAddress    // the address after logout is not registered, or for nobody

	// Token endpoint, JSON.
	FaultTokenMissing // a required parameter is missing
	FaultTokenTwice   // a parameter is given twice
	FaultTokenBody    // a parameter is oversized or wrongly encoded
	FaultGrantType
	FaultGrant // the code is unknown, expired, spent, another client's, for another address, or its verifier is wrong
	FaultVerifierFormat

	// Client authentication, JSON.
	FaultAuthMissing
	FaultAuthTwice
	FaultAuthHeader
	FaultAssertionTypeMissing
	FaultAssertionType
	FaultAssertionFormat
	FaultAssertionClient // client_id beside the assertion names another client
	FaultAuthUnknownClient
	FaultAuthMethod
	FaultAuthSecret
	FaultAssertionKey
	FaultAssertionSignature
	FaultAssertionHeader
	FaultAssertionIssuer
	FaultAssertionSubject
	FaultAssertionAudience
	FaultAssertionExpiry
	FaultAssertionTime
	FaultAssertionID
	FaultAssertionReplayed

	// Access token, JSON.
	FaultBearerMissing
	FaultBearerTwice
	FaultBearer

	// Introspection, JSON.
	FaultIntrospection
	FaultProviderUnknown
	FaultProviderSecret

	// Requests sent ahead, and signed ones.
	FaultRequestURI     // a request_uri that is not known, no longer, or of another client
	FaultPushedRequired // the client's record demands a pushed request

	// Signed requests (RFC 9101).
	FaultObjectUnregistered // the client's record names no algorithm for them
	FaultObjectForm         // not a JWS of that type and algorithm
	FaultObjectSignature    // no key of the client signed it
	FaultObjectClaims       // of another client, for another issuer, or without a claim
	FaultObjectTime         // made for another time
	FaultObjectRequired     // the client's record demands one

	// Proof of possession (RFC 9449).
	FaultThumbprint    // dpop_jkt is no thumbprint
	FaultDPoPForm      // doubled, oversized, or not a JWS of that type by a key of its own
	FaultDPoPSignature // its own key did not sign it
	FaultDPoPClaims    // made for another request
	FaultDPoPTime      // made at another time
	FaultDPoPReplayed
	FaultDPoPKey      // by another key than the one bound
	FaultDPoPRequired // the client's record demands one
	FaultTokenBound   // an access token that is bound to a key, without a proof; or a bearer token with one

	// An identity provider's answer, said on a page.
	FaultCallbackState // without a state
	FaultCallbackOther // to another request, or to none
	FaultCallbackCode  // neither a code nor an error
	FaultForeignACR    // a level that is none of the provider's own

	faults // one more than there are: the last one
)
