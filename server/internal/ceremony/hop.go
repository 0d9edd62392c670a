package ceremony

import (
	"encoding/base64"
	"strconv"
	"time"

	"pivot/server/internal/verify/device"
	"pivot/shared/wire"
)

// hop is one passage of the browser through the app's loopback port. The app holds the secret, the browser carries a; the
// answer is an HMAC of both and of what they concern.
type hop struct {
	A      string    `json:"a"`
	Secret []byte    `json:"secret"`
	Port   int       `json:"port"`
	Until  time.Time `json:"until"`
	Gone   bool      `json:"gone"` // the browser was sent there
}

// ReasonRelay ends a ceremony whose hop came back in another browser than it began in.
const ReasonRelay = "suspected-relay"

// Listen records that the app listens on a loopback port for 60 seconds, and returns the hop's identifier and its secret for
// the app. A later one replaces it, until the hop is done. Errors: [ErrNotReady], a port that is none.
func (c Ceremony) Listen(port int, now time.Time) (next Ceremony, id string, secret []byte, err error) {
	next, err = c.step(now)
	if err != nil {
		return Ceremony{}, "", nil, err
	}
	if !c.awaitsHop() || port < 1024 || port > 65535 {
		return Ceremony{}, "", nil, ErrNotReady
	}
	next.Hop = hop{
		A: base64.RawURLEncoding.EncodeToString(random()), Secret: random(), Port: port,
		Until: earlier(moment(now.Add(hopLife)), c.expires),
	}
	return next, next.HopID(), next.Hop.Secret, nil
}

// awaitsHop reports whether a device is attached and no hop was made.
func (c Ceremony) awaitsHop() bool {
	return c.stage == Attached && c.Kind() != PINChange || c.stage == Confirmed
}

// HopID is the identifier of the last hop that the app listened for; empty before.
func (c Ceremony) HopID() string {
	if c.Hop.A == "" {
		return ""
	}
	return wire.HopID(c.Hop.A)
}

// Listening reports whether the browser may be sent to the app now.
func (c Ceremony) Listening(now time.Time) bool {
	confirmed := c.stage == Confirmed || c.stage == Attached && c.Kind() == Login
	return confirmed && c.Hop.A != "" && !c.Hop.Gone && now.Before(c.Hop.Until) && now.Before(c.expires)
}

// Navigate gives the address on the app's loopback port where the browser goes, once for each [Ceremony.Listen]; of a
// pairing, only after the strings were confirmed. Errors: [ErrBrowser]; [ErrNotReady] when no app listens.
func (c Ceremony) Navigate(browser [32]byte, now time.Time) (next Ceremony, url string, err error) {
	next, err = c.step(now)
	switch {
	case err != nil:
		return Ceremony{}, "", err
	case !c.began(browser):
		return Ceremony{}, "", ErrBrowser
	case !c.Listening(now):
		return Ceremony{}, "", ErrNotReady
	}
	next.Hop.Gone = true
	return next, "http://127.0.0.1:" + strconv.Itoa(c.Hop.Port) + "/hop/" + c.Hop.A, nil
}

// Return takes the answer that the browser brings back from the app. known says whether the browser has a cookie of this
// ceremony at all, browser which. A right answer in the browser that began completes the hop; the same answer in any other
// is a [*Refusal], for then somebody stands between the two. Errors: [ErrHop] for everything else, which changes nothing:
// whoever guesses answers must not be able to end somebody else's login.
func (c Ceremony) Return(presented []byte, browser [32]byte, known bool, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	if !c.awaitsHop() || !c.Hop.Gone || !now.Before(c.Hop.Until) {
		return Ceremony{}, ErrHop
	}
	parts := device.HopParts{Ceremony: c.id, A: c.Hop.A, Device: c.Device(), Port: c.Hop.Port}
	if !device.VerifyHop(c.Hop.Secret, parts, presented) {
		return Ceremony{}, ErrHop
	}
	if !known || !c.began(browser) {
		ended, err := c.End(ReasonRelay, now)
		if err != nil {
			return Ceremony{}, err
		}
		return Ceremony{}, &Refusal{Reason: ReasonRelay, Ended: ended}
	}
	next.stage, next.Hop.Secret = Hopped, nil
	next.state.Code = code{}
	return next, nil
}
