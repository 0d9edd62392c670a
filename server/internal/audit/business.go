package audit

// Business is how FranceConnect names an event in its own log, for whoever reads both (franceconnect.md 6.3).
type Business struct {
	Step     string // such as 7.2.0
	Name     string // such as SP_REQUESTED_FC_TOKEN
	Category string // FRONT_CINEMATIC or BACK_CINEMATIC
}

const (
	front = "FRONT_CINEMATIC"
	back  = "BACK_CINEMATIC"
)

// business are the events that both know. Those of an identity provider's leg and of single sign-on do not happen here.
var business = map[Event]Business{
	AuthorizeReceived: {"1.0.0", "FC_AUTHORIZE_INITIATED", front},
	ProofAccepted:     {"5.0.0", "FC_VERIFIED", front},
	CodeIssued:        {"7.0.0", "FC_REDIRECTED_TO_SP", front},
	CodeRedeemed:      {"7.2.0", "SP_REQUESTED_FC_TOKEN", back},
	TokenUsed:         {"7.3.0", "SP_REQUESTED_FC_USERINFO", back},
	TokenChecked:      {"7.4.0", "DP_VERIFIED_FC_CHECKTOKEN", back},
	TokenCheckRefused: {"7.4.1", "DP_USED_INVALID_ACCESS_TOKEN", back},
	ProviderRefused:   {"7.4.2", "DP_USED_INVALID_CREDENTIAL", back},
	LogoutRequested:   {"8.0.0", "SP_REQUESTED_LOGOUT", front},
	SessionEnded:      {"8.2.0", "FC_SESSION_TERMINATED", front},
}

// The words of an entry of ConsentGiven that say which of FranceConnect's events it is.
const (
	detailNotice    = "notice"
	noticeConsented = "consented"
	noticeSkipped   = "skipped"

	// DetailReleased is what the citizen went on with: ReleasedIdentity or ReleasedNothing.
	DetailReleased   = "released"
	ReleasedIdentity = "identity"
	ReleasedNothing  = "nothing" // an anonymous connection
)

// Business is the entry's name with FranceConnect; false for an event that is ours alone.
func (e Entry) Business() (Business, bool) {
	if e.Event != ConsentGiven {
		b, ok := business[e.Event]
		return b, ok
	}
	switch {
	case e.Details[detailNotice] == noticeSkipped:
		return Business{"6.3.0", "FC_AUTO_LOGIN", front}, true
	case e.Details[detailNotice] == noticeConsented:
		return Business{"6.2.0", "FC_DATATRANSFER_CONSENT_IDENTITY", front}, true
	case e.Details[DetailReleased] == ReleasedNothing:
		return Business{"6.2.2", "FC_DATATRANSFER_INFORMATION_ANONYMOUS", front}, true
	}
	return Business{"6.2.1", "FC_DATATRANSFER_INFORMATION_IDENTITY", front}, true
}
