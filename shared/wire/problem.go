package wire

import "net/url"

// Code names a refusal. Codes are stable; [Code.Status] is what HTTP says beside each.
type Code string

// The codes.
const (
	CodeBadRequest        Code = "bad-request"
	CodeClock             Code = "clock" // Problem.Now is the broker's time: try again once with the difference
	CodeSignature         Code = "signature"
	CodeReplayed          Code = "replayed"
	CodeDeviceUnknown     Code = "device-unknown"
	CodeDeviceSuspended   Code = "device-suspended"
	CodeDeviceCloned      Code = "device-cloned"
	CodeCodeUnknown       Code = "code-unknown"
	CodeStartUnknown      Code = "start-unknown"
	CodeCeremonyUnknown   Code = "ceremony-unknown"
	CodeOtherDevice       Code = "other-device"
	CodeNotReady          Code = "not-ready"
	CodeEnded             Code = "ended" // Problem.Reason says why
	CodeExpired           Code = "expired"
	CodePINUnset          Code = "pin-unset"
	CodePINWrong          Code = "pin-wrong" // Problem.TriesLeft
	CodePINLocked         Code = "pin-locked"
	CodePINUsed           Code = "pin-used"     // this attempt was proved already
	CodeCardRefused       Code = "card-refused" // Problem.Reason, and Again when another way may do
	CodeTooManyOpenings   Code = "too-many-openings"
	CodeApprovalRefused   Code = "approval-refused" // Problem.Reason
	CodeLevelTooLow       Code = "level-too-low"    // Problem.Reason is what the device may reach
	CodeIdentityUnknown   Code = "identity-unknown"
	CodeIdentityAmbiguous Code = "identity-ambiguous"
	CodeIdentityMismatch  Code = "identity-mismatch" // Problem.Reason
	CodeDeskCodeWrong     Code = "desk-code-wrong"   // Problem.TriesLeft
	CodeBusy              Code = "busy"
	CodeUnavailable       Code = "unavailable"
)

var statuses = map[Code]int{
	CodeBadRequest: 400, CodeClock: 401, CodeSignature: 401, CodeReplayed: 401, CodeDeviceUnknown: 401,
	CodeDeviceSuspended: 403, CodeDeviceCloned: 403, CodeCodeUnknown: 404, CodeStartUnknown: 404, CodeCeremonyUnknown: 404,
	CodeOtherDevice: 403, CodeNotReady: 409, CodeEnded: 410, CodeExpired: 410, CodePINUnset: 409, CodePINWrong: 403,
	CodePINLocked: 403, CodePINUsed: 409, CodeCardRefused: 403, CodeTooManyOpenings: 403, CodeApprovalRefused: 403,
	CodeLevelTooLow: 403, CodeIdentityUnknown: 403, CodeIdentityAmbiguous: 403, CodeIdentityMismatch: 403,
	CodeDeskCodeWrong: 403, CodeBusy: 409, CodeUnavailable: 503,
}

// Status is the HTTP status of a refusal with this code; 503 for a code that is not of this list.
func (c Code) Status() int {
	if s, ok := statuses[c]; ok {
		return s
	}
	return statuses[CodeUnavailable]
}

// Valid reports whether the code is one of the list.
func (c Code) Valid() bool { _, ok := statuses[c]; return ok }

// Problem is the body of every refusal, as application/json, and the error that the app's client gives for it.
type Problem struct {
	Code      Code   `json:"error"`
	Reason    string `json:"reason,omitempty"`
	Again     string `json:"again,omitempty"`      // card-refused: "shorter" or "files", what to open again with
	ID        string `json:"id,omitempty"`         // of the request, to quote to support
	TriesLeft *int   `json:"tries_left,omitempty"` // where attempts are counted
	Now       int64  `json:"now,omitempty"`        // the broker's time, for the code clock
}

// Error implements error: the code, and the reason when there is one. Both are escaped, for they may come from afar.
func (p *Problem) Error() string {
	text := "refused: " + url.PathEscape(string(p.Code))
	if p.Reason != "" {
		text += " (" + url.PathEscape(p.Reason) + ")"
	}
	return text
}
