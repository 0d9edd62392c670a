package ceremony

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"time"

	"pivot/shared/wire"
)

// asked is the request that the app was given to show.
type asked struct {
	Request [32]byte  `json:"request"`
	Display [32]byte  `json:"display"`
	Until   time.Time `json:"until,omitzero"` // when it says that it is over
}

// Opening is one session offered to a card.
type Opening struct {
	ID      string     `json:"id"`      // random, at most 64 octets
	Session []byte     `json:"session"` // what package card marshals: secret
	Public  []byte     `json:"public"`  // ephemeral key that the chip is given
	Known   bool       `json:"known"`   // the card was recalled, not examined
	Reach   wire.Reach `json:"reach"`   // what reader and card carry
}

// openings are those of one ceremony: one is pending at most.
type openings struct {
	Used    int     `json:"used"`
	Pending Opening `json:"pending"`
}

// pin is what was done about the PIN in this ceremony.
type pin struct {
	Guess  []byte `json:"guess"`        // blinded input of the last evaluation under the present PIN's key
	Proved bool   `json:"proved"`       // the present PIN was shown to be known
	Of     []byte `json:"of,omitempty"` // and which: the hash of its public key
	Secret []byte `json:"secret"`       // key of the PIN being set
	Draft  []byte `json:"draft"`        // blinded input of its last evaluation
	Set    bool   `json:"set"`
}

// Release records the request that the app is given to show: its SHA-256, the digest of what the screen will say, and until
// when the request is good. It comes after the hop; a later one replaces it. Errors: [ErrNotReady].
func (c Ceremony) Release(request, display [32]byte, until, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	if !c.Askable() || request == [32]byte{} || display == [32]byte{} || !now.Before(until) {
		return Ceremony{}, ErrNotReady
	}
	next.stage, next.Asked = Released, asked{Request: request, Display: display, Until: moment(until)}
	return next, nil
}

// Askable reports whether the app may be given the request: a login after the hop.
func (c Ceremony) Askable() bool {
	return c.Kind() == Login && (c.stage == Hopped || c.stage == Released)
}

// Request gives the digests that an approval must cover. False: no request was released.
func (c Ceremony) Request() (request, display [32]byte, ok bool) {
	return c.Asked.Request, c.Asked.Display, c.stage == Released
}

// Answerable reports whether the request that was released last is still good. Once it is not, the app asks again.
func (c Ceremony) Answerable(now time.Time) bool {
	return c.stage == Released && now.Before(c.Asked.Until)
}

// Readable reports whether a card may be opened: of a login after the request was released, of a pairing after the PIN was
// set.
func (c Ceremony) Readable() bool {
	return c.stage == Released || c.Kind() == Pair && c.stage == Hopped && c.PIN.Set
}

// OpeningsLeft is how many openings there still are.
func (c Ceremony) OpeningsLeft() int { return mostOpenings - c.Card.Used }

// Open records a session that is offered to a card: three in a ceremony, each killing the last. Errors: [ErrNotReady],
// [ErrOpenings].
func (c Ceremony) Open(o Opening, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	switch {
	case err != nil:
		return Ceremony{}, err
	case !c.Readable() || o.ID == "" || len(o.ID) > 64 || len(o.Session) == 0 || len(o.Public) == 0:
		return Ceremony{}, ErrNotReady
	case c.OpeningsLeft() < 1:
		return Ceremony{}, ErrOpenings
	}
	next.Card = openings{Used: c.Card.Used + 1, Pending: o}
	return next, nil
}

// Take spends the pending opening and returns it: the store applies that before anything of the card is judged, so that one
// answer of a card is judged once. Errors: [ErrOpening].
func (c Ceremony) Take(id string, now time.Time) (next Ceremony, o Opening, err error) {
	next, err = c.step(now)
	if err != nil {
		return Ceremony{}, Opening{}, err
	}
	o = c.Card.Pending
	if !c.Readable() || o.ID == "" || subtle.ConstantTimeCompare([]byte(o.ID), []byte(id)) != 1 {
		return Ceremony{}, Opening{}, ErrOpening
	}
	next.Card.Pending = Opening{}
	return next, o, nil
}

// Format redacts for every verb.
func (o Opening) Format(f fmt.State, _ rune) { fmt.Fprint(f, "ceremony.Opening(redacted)") }

// LogValue implements [slog.LogValuer], redacted.
func (o Opening) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Guess records the blinded input at which the present PIN's key is evaluated: a proof that follows covers it. Errors:
// [ErrNotReady].
func (c Ceremony) Guess(blinded []byte, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	if !c.Guessable() || len(blinded) == 0 || len(blinded) > mostText {
		return Ceremony{}, ErrNotReady
	}
	if bytes.Equal(c.PIN.Guess, blinded) {
		return c, nil
	}
	next.PIN.Guess = bytes.Clone(blinded)
	return next, nil
}

// Guessable reports whether this ceremony asks for the present PIN now.
func (c Ceremony) Guessable() bool {
	return c.stage == Released || c.Kind() == PINChange && c.stage == Attached
}

// Guessed is that blinded input; nil when there was none.
func (c Ceremony) Guessed() []byte { return c.PIN.Guess }

// Prove records that the PIN with that public key was shown to be known. Errors: [ErrNotReady] when none was evaluated.
func (c Ceremony) Prove(public []byte, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	if !c.Guessable() || len(c.PIN.Guess) == 0 || len(public) == 0 {
		return Ceremony{}, ErrNotReady
	}
	next.PIN.Proved, next.PIN.Of = true, hash(public)
	return next, nil
}

// Proved reports whether the PIN with that public key was shown to be known in this ceremony: one that was changed since is
// another.
func (c Ceremony) Proved(public []byte) bool {
	return c.PIN.Proved && len(public) > 0 && bytes.Equal(c.PIN.Of, hash(public))
}

func hash(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}

// Draft records the blinded input at which the key of a PIN being set is evaluated. secret is that key, drawn by the
// caller; the first one stays for the whole ceremony, and is returned. Errors: [ErrNotReady], of a change of PIN also
// before the present one was proved.
func (c Ceremony) Draft(secret, blinded []byte, now time.Time) (next Ceremony, kept []byte, err error) {
	next, err = c.step(now)
	if err != nil {
		return Ceremony{}, nil, err
	}
	if !c.Draftable() || len(secret) == 0 || len(blinded) == 0 || len(blinded) > mostText {
		return Ceremony{}, nil, ErrNotReady
	}
	if c.PIN.Secret != nil {
		if bytes.Equal(c.PIN.Draft, blinded) {
			return c, c.PIN.Secret, nil
		}
		secret = c.PIN.Secret
	}
	next.PIN.Secret, next.PIN.Draft = bytes.Clone(secret), bytes.Clone(blinded)
	return next, next.PIN.Secret, nil
}

// Draftable reports whether a PIN may be set now: once in a ceremony.
func (c Ceremony) Draftable() bool {
	return c.Kind() == Pair && c.stage == Hopped && !c.PIN.Set || c.Kind() == PINChange && c.stage == Attached && c.PIN.Proved
}

// PINSet reports whether a PIN was set in this ceremony.
func (c Ceremony) PINSet() bool { return c.PIN.Set }

// Drafted gives the key and the blinded input of the PIN being set; nil when there is none.
func (c Ceremony) Drafted() (secret, blinded []byte) { return c.PIN.Secret, c.PIN.Draft }

// SetPIN records that the PIN drafted was set. The device holds its key from now on. before is the public key of the PIN that
// the device has in this moment: there is none in a pairing, and in a change it is the one that was proved. Errors:
// [ErrNotReady].
func (c Ceremony) SetPIN(before []byte, now time.Time) (Ceremony, error) {
	next, err := c.step(now)
	if err != nil {
		return Ceremony{}, err
	}
	first := c.Kind() == Pair && len(before) == 0
	if !c.Draftable() || c.PIN.Secret == nil || !first && !c.Proved(before) {
		return Ceremony{}, ErrNotReady
	}
	next.PIN = pin{Set: true}
	return next, nil
}
