package device

import "fmt"

// Reason says why evidence was refused. Reasons are stable: they go to the audit log and to the app.
type Reason string

// The reasons of a call, in the order in which they are looked for; an approval shares the first.
const (
	ReasonMalformed Reason = "malformed" // out of bounds, or not strictly as the norm has it
	ReasonSignature Reason = "signature" // of a call: not made by the key that it names
	ReasonMethod    Reason = "method"
	ReasonURL       Reason = "url"
	ReasonBody      Reason = "body"
	ReasonClock     Reason = "clock" // the device's clock differs by more than two minutes; everything else holds
)

// The reasons of an approval, in the order in which they are looked for.
const (
	ReasonType        Reason = "type"        // another alg, or another kind of token
	ReasonDevice      Reason = "device"      // names another device's key
	ReasonKeys        Reason = "keys"        // not one signature by the device and one by the PIN
	ReasonSignatures  Reason = "signatures"  // not two, or not by the two keys
	ReasonIssuer      Reason = "issuer"      // said by another device
	ReasonAudience    Reason = "audience"    // said to another broker
	ReasonTransaction Reason = "transaction" // of another ceremony
	ReasonNonce       Reason = "nonce"
	ReasonHop         Reason = "hop"
	ReasonRequest     Reason = "request"  // of another request than the one released
	ReasonDisplay     Reason = "display"  // the screen showed something else
	ReasonCard        Reason = "card"     // other card evidence, some where none belongs, or none where some does
	ReasonDecision    Reason = "decision" // no approval
	ReasonExpired     Reason = "expired"  // over, not begun, or made to live longer than a minute
)

// Refusal is the error of every judgement that does not succeed.
type Refusal struct {
	Reason Reason
	Err    error // detail for an operator; may be nil; never holds a key or what was signed
}

// Error implements error.
func (r *Refusal) Error() string {
	if r.Err == nil {
		return fmt.Sprintf("device refused: %s", r.Reason)
	}
	return fmt.Sprintf("device refused: %s: %v", r.Reason, r.Err)
}

// Unwrap returns the detail.
func (r *Refusal) Unwrap() error { return r.Err }

func refuse(reason Reason, err error) error { return &Refusal{Reason: reason, Err: err} }
