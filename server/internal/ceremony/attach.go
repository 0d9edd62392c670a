package ceremony

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"pivot/shared/wire"
)

var errTerms = errors.New("ceremony: terms that are none")

// Offer begins a ceremony. A login and a pairing begin in a browser and wait for a device; a change of PIN begins with the
// device, which is attached at once. Errors: terms that lack something, or have what is another kind's.
func Offer(t Terms) (Ceremony, error) {
	c := Ceremony{
		id: t.ID, stage: Offered, changed: true, expires: moment(t.Expires),
		state: state{
			Format: format, Issuer: t.Issuer, Kind: t.Kind,
			From: visitor{Browser: t.Browser, Email: t.Email, Agent: t.Agent, Place: t.Place},
		},
	}
	if t.Kind == PINChange {
		c.stage, c.Party = Attached, attachment{Party: t.Device, Nonce: random()}
	} else if t.Device != (Party{}) {
		return Ceremony{}, errTerms
	}
	if !c.sound() {
		return Ceremony{}, errTerms
	}
	return c, nil
}

// Start gives the ceremony a fresh code to show; the one before dies. A login's is good for 60 seconds, a pairing's for
// ten minutes. Errors: [ErrNotReady] once a device is attached.
func (c Ceremony) Start(now time.Time) (next Ceremony, text string, err error) {
	next, err = c.step(now)
	if err != nil {
		return Ceremony{}, "", err
	}
	if c.stage != Offered {
		return Ceremony{}, "", ErrNotReady
	}
	text, life := wire.NewStart(), startLife
	if c.Kind() == Pair {
		text, life = wire.NewCode(), pairingLife
	}
	next.state.Code = code{Text: text, Until: earlier(moment(now.Add(life)), c.expires)}
	return next, text, nil
}

// Attach binds the ceremony to the device that redeems the code: from then on to no other. The same device may repeat
// itself while the code is good, which changes nothing but the turn of its ratchet, where it began another. Errors:
// [ErrCode]; [ErrDevice] when another was faster.
func (c Ceremony) Attach(text string, p Party, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	want, got := Alias(c.Kind(), c.Issuer(), c.state.Code.Text), Alias(c.Kind(), c.Issuer(), text)
	if c.state.Code.Text == "" || subtle.ConstantTimeCompare(want[:], got[:]) != 1 || !now.Before(c.state.Code.Until) {
		return Ceremony{}, ErrCode
	}
	if c.stage != Offered {
		next.Party.Turn = p.Turn
		switch p {
		case c.Party.Party:
			return c, nil
		case next.Party.Party:
			return next, nil
		}
		return Ceremony{}, ErrDevice
	}
	next.stage, next.Party = Attached, attachment{Party: p, Nonce: random()}
	if !next.sound() {
		return Ceremony{}, errTerms
	}
	return next, nil
}

// Confirm records that the citizen saw the same string on the page and in the app. Errors: [ErrBrowser], [ErrNotReady].
func (c Ceremony) Confirm(browser [32]byte, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	switch {
	case err != nil:
		return Ceremony{}, err
	case !c.began(browser):
		return Ceremony{}, ErrBrowser
	case c.Kind() != Pair || c.stage != Attached:
		return Ceremony{}, ErrNotReady
	}
	next.stage = Confirmed
	return next, nil
}

// Deny ends a pairing whose strings differ: another device redeemed the code. Errors: as for [Ceremony.Confirm].
func (c Ceremony) Deny(browser [32]byte, now time.Time) (Ceremony, error) {
	next, err := c.Confirm(browser, now)
	if err != nil {
		return Ceremony{}, err
	}
	return next.End("strings-differ", now)
}

// End ends the ceremony, even when its time is over. What was secret in it is forgotten. Errors: [ErrEnded]; a reason that
// is not 1 to 64 lower case letters, digits and hyphens.
func (c Ceremony) End(reason string, _ time.Time) (Ceremony, error) {
	switch {
	case c.id == "":
		return Ceremony{}, ErrNotReady
	case c.stage == Ended:
		return Ceremony{}, ErrEnded
	case !word(reason):
		return Ceremony{}, errors.New("ceremony: not a reason")
	}
	c.stage, c.changed, c.state.Reason = Ended, true, reason
	c.state.Code, c.Hop.Secret, c.Card.Pending, c.PIN = code{}, nil, Opening{}, pin{}
	return c, nil
}

// random draws 256 bits.
func random() []byte {
	raw := make([]byte, secretBytes)
	rand.Read(raw) // never fails: crypto/rand ends the program instead
	return raw
}

// moment is a time as the store keeps it: UTC, in milliseconds.
func moment(t time.Time) time.Time { return time.UnixMilli(t.UnixMilli()).UTC() }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func word(s string) bool {
	for _, r := range []byte(s) {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
