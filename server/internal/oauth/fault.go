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
)
