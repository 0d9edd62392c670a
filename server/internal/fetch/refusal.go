package fetch

import "strconv"

// Reason is the stable word for why nothing came back, for logs and the audit log.
type Reason string

// The reasons.
const (
	ReasonAddress     Reason = "address"     // not an address that may be asked
	ReasonPrivate     Reason = "private"     // its name leads to this machine or to a private network
	ReasonUnreachable Reason = "unreachable" // no such name, nobody listens, or TLS failed
	ReasonRedirect    Reason = "redirect"    // the answer leads elsewhere
	ReasonStatus      Reason = "status"      // another status than 200
	ReasonType        Reason = "type"        // another media type, or an encoding that nobody asked for
	ReasonSize        Reason = "size"        // more than is read
	ReasonTime        Reason = "time"        // not within the patience
	ReasonContent     Reason = "content"     // not what it should be
	ReasonLater       Reason = "later"       // asked a moment ago; nothing new is known
)

// Refusal is the error of everything that could not be fetched.
type Refusal struct {
	Reason Reason
	Status int   // of the answer, where there is one
	Cause  error // for the log alone; may be nil
}

// Error names the reason alone: a cause may quote what came back.
func (r *Refusal) Error() string {
	if r.Status != 0 {
		return "fetch: " + string(r.Reason) + " (status " + strconv.Itoa(r.Status) + ")"
	}
	return "fetch: " + string(r.Reason)
}

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Cause }
