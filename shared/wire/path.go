package wire

import (
	"net/url"
	"strings"
)

// The paths of the companion's calls, below the issuer's origin. A part ":id" is the ceremony's identifier: see [For].
// Each names the method, the message taken and the message answered; a refusal is a [Problem] everywhere.
const (
	PathPairings   = "/companion/v1/pairings"                 // POST PairRequest: PairAnswer
	PathCeremonies = "/companion/v1/ceremonies"               // POST AttachRequest: AttachAnswer
	PathHop        = "/companion/v1/ceremonies/:id/hop"       // POST HopRequest: HopAnswer
	PathEvents     = "/companion/v1/ceremonies/:id/events"    // GET: text/event-stream of Event
	PathRequest    = "/companion/v1/ceremonies/:id/request"   // POST AskRequest: AskAnswer; a login, after the hop
	PathPIN        = "/companion/v1/ceremonies/:id/pin"       // POST PINRequest: PINAnswer
	PathPINProof   = "/companion/v1/ceremonies/:id/pin/proof" // POST PINProof: Empty
	PathCard       = "/companion/v1/ceremonies/:id/card"      // POST OpenRequest: Opening
	PathResult     = "/companion/v1/ceremonies/:id/result"    // POST ResultRequest: ResultAnswer
	PathRefusal    = "/companion/v1/ceremonies/:id/refusal"   // POST Refusal: Empty
	PathPINChange  = "/companion/v1/pin-changes"              // POST ChangeRequest: AttachAnswer
	PathDesk       = "/companion/v1/activations"              // POST DeskCode: DeviceStatus
	PathDevice     = "/companion/v1/device"                   // GET: DeviceStatus
	PathKeys       = "/companion/v1/keys"                     // GET, not signed: the JWKS that signs requests
)

// For puts a ceremony's identifier into a path of this package, escaped.
func For(path, id string) string { return strings.Replace(path, ":id", url.PathEscape(id), 1) }
