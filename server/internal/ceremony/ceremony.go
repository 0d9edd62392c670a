// Package ceremony owns what one companion and one browser do together towards one end: pairing a new device, a login, a
// change of PIN. A [Ceremony] is a value that never changes; each step returns the next one, which the caller stores by
// [Ceremony.Change]. A step that is refused changes nothing, with one exception, [Refusal]: a hop that came back in another
// browser ends it.
//
//	Offer     a browser waits, and shows a code                    -> offered
//	Attach    one device redeems the code, once                    -> attached
//	Confirm   pair: both sides show the same string                -> confirmed
//	Listen, Navigate, Return   the hop of the browser to the app   -> hopped
//	Release   login: the signed request goes to the app            -> released
//	End       of every live stage                                  -> ended
//
// Order: nothing is released before the hop, so that what comes after it is between that browser and that device alone.
// Secrets within (the hop's key, a card's session) are sealed by the store and print redacted. The package is pure: time is
// an argument.
//
// Source: the design, sections 7 to 9.
package ceremony

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"pivot/shared/wire"
)

// Kind is what a ceremony is for.
type Kind string

// The kinds.
const (
	Pair      Kind = "pair"       // a device becomes known
	Login     Kind = "login"      // a device answers one transaction, whose identifier is the ceremony's
	PINChange Kind = "pin-change" // a device replaces its PIN, having shown that its holder knows the present one
)

// Stage is how far a ceremony got. Stages are stable words: the companion is told them.
type Stage string

// The stages, in order.
const (
	Offered   Stage = "offered"
	Attached  Stage = "attached"
	Confirmed Stage = "confirmed"
	Hopped    Stage = "hopped"
	Released  Stage = "released"
	Ended     Stage = "ended"
)

// Done is the reason of a ceremony that reached its end.
const Done = "done"

// Fault is why a step was refused. Whatever it is, the ceremony stays as it was.
type Fault string

// The faults.
const (
	ErrNotReady Fault = "not at that stage"
	ErrEnded    Fault = "over"
	ErrExpired  Fault = "its time is over"
	ErrBrowser  Fault = "not the browser that began"
	ErrDevice   Fault = "another device is attached"
	ErrCode     Fault = "no such code, or no longer"
	ErrHop      Fault = "not the answer of a hop"
	ErrOpenings Fault = "no opening left"
	ErrOpening  Fault = "not the opening that is pending"
)

// Error implements error.
func (f Fault) Error() string { return "ceremony: " + string(f) }

// Refusal is the error of a hop that came back elsewhere than it began: store Ended, and the end of what depends on it.
type Refusal struct {
	Reason string // stable word
	Ended  Ceremony
}

// Error implements error. It names the reason alone.
func (r *Refusal) Error() string { return "ceremony refused: " + r.Reason }

// Terms are what a ceremony begins with.
type Terms struct {
	ID      string   // base64url of 32 random bytes; of a login, its transaction's
	Issuer  string   // issuer identifier
	Kind    Kind     // what for
	Browser [32]byte // hash of the cookie of the browser that began; of a change of PIN, none
	Email   string   // of a pairing: the address given on the page
	Agent   string   // of a login: family and system of the browser, such as "Firefox, Linux"
	Place   string   // of a login: network address of the browser
	Device  Party    // of a change of PIN: who began it
	Expires time.Time
}

// Party is a device that takes part.
type Party struct {
	Device     string   `json:"device"`     // identifier
	Thumbprint [32]byte `json:"thumbprint"` // RFC 7638, of its key
	Name       string   `json:"name"`       // what it calls itself
	// Turn is that of the ratchet by which it came: whoever goes on holds what that turn was answered with. Zero of a pairing.
	Turn [32]byte `json:"turn,omitzero"`
}

// Ceremony is one ceremony as it stands. Its zero value is none, and refuses every step.
type Ceremony struct {
	id      string
	stage   Stage
	stored  int // version that the store has; 0 before the first
	changed bool
	expires time.Time
	state
}

// state is what the store seals.
type state struct {
	Format int        `json:"format"`
	Issuer string     `json:"issuer"`
	Kind   Kind       `json:"kind"`
	From   visitor    `json:"from"`
	Code   code       `json:"code"`
	Party  attachment `json:"party"`
	Hop    hop        `json:"hop"`
	Asked  asked      `json:"asked"`
	Card   openings   `json:"card"`
	PIN    pin        `json:"pin"`
	Reason string     `json:"reason"`
}

// visitor is who began, at a browser.
type visitor struct {
	Browser [32]byte `json:"browser"`
	Email   string   `json:"email"`
	Agent   string   `json:"agent"`
	Place   string   `json:"place"`
}

// code is what the page shows, and the app redeems.
type code struct {
	Text  string    `json:"text"`
	Until time.Time `json:"until"`
}

// attachment is the device that redeemed the code, and the nonce chosen after its key was known.
type attachment struct {
	Party
	Nonce []byte `json:"nonce"`
}

// Lives of what a ceremony hands out (design, sections 8 and 9).
const (
	startLife   = 60 * time.Second
	pairingLife = 10 * time.Minute
	hopLife     = 60 * time.Second

	mostOpenings = 3
	secretBytes  = 32
	mostText     = 256
)

// step is the same ceremony, one change later. It is refused when the ceremony is over or of none.
func (c Ceremony) step(now time.Time) (Ceremony, error) {
	switch {
	case c.id == "":
		return Ceremony{}, ErrNotReady
	case c.stage == Ended:
		return Ceremony{}, ErrEnded
	case !now.Before(c.expires):
		return Ceremony{}, ErrExpired
	}
	c.changed = true
	return c, nil
}

// began reports whether this is the browser that began, in constant time.
func (c Ceremony) began(browser [32]byte) bool {
	return c.From.Browser != [32]byte{} && subtle.ConstantTimeCompare(c.From.Browser[:], browser[:]) == 1
}

// Began reports whether a browser is the one that began, by the hash of its cookie.
func (c Ceremony) Began(browser [32]byte) bool { return c.began(browser) }

// ID is the ceremony's identifier.
func (c Ceremony) ID() string { return c.id }

// Issuer is the issuer whose ceremony it is.
func (c Ceremony) Issuer() string { return c.state.Issuer }

// Kind says what it is for.
func (c Ceremony) Kind() Kind { return c.state.Kind }

// Stage says how far it got.
func (c Ceremony) Stage() Stage { return c.stage }

// Reason says why it ended: [Done], or a stable word. Empty before.
func (c Ceremony) Reason() string { return c.state.Reason }

// Version counts the changes as the store will have them: 1 for the first.
func (c Ceremony) Version() int {
	if c.changed {
		return c.stored + 1
	}
	return c.stored
}

// Changed reports whether there is something to store.
func (c Ceremony) Changed() bool { return c.changed }

// Stored is the ceremony once its [Ceremony.Change] was applied, for the steps that follow.
func (c Ceremony) Stored() Ceremony {
	c.stored, c.changed = c.Version(), false
	return c
}

// Expires is the moment from which it is no longer known.
func (c Ceremony) Expires() time.Time { return c.expires }

// Email is the address given on the page of a pairing.
func (c Ceremony) Email() string { return c.From.Email }

// Seen says where the browser that began stands: its family and system, and its network address. Empty when not known.
func (c Ceremony) Seen() (agent, place string) { return c.From.Agent, c.From.Place }

// Device is the identifier of the device attached; empty before.
func (c Ceremony) Device() string { return c.Party.Device }

// Turn is the turn of the ratchet by which that device came; zero of a pairing.
func (c Ceremony) Turn() [32]byte { return c.Party.Turn }

// DeviceName is what that device calls itself.
func (c Ceremony) DeviceName() string { return c.Party.Name }

// Nonce is the 32 bytes that every signature of this ceremony covers; nil before a device is attached.
func (c Ceremony) Nonce() []byte { return c.Party.Nonce }

// ShortString is what page and app show for the citizen to compare; empty before a device is attached.
func (c Ceremony) ShortString() string {
	if c.Party.Device == "" {
		return ""
	}
	return wire.ShortString(c.id, c.Party.Thumbprint[:], c.Party.Nonce)
}

// Code is the code that the page shows, and the moment at which it dies. False: there is none that a device could redeem.
func (c Ceremony) Code(now time.Time) (text string, until time.Time, ok bool) {
	if c.stage != Offered || c.state.Code.Text == "" || !now.Before(c.state.Code.Until) {
		return "", time.Time{}, false
	}
	return c.state.Code.Text, c.state.Code.Until, true
}

// Alias is what the ceremony of a code is found by: a hash, within one issuer and one kind.
func Alias(kind Kind, issuer, code string) [32]byte {
	return wire.Transcript("pivot-code/1", []byte(kind), []byte(issuer), []byte(strings.ReplaceAll(code, "-", "")))
}

// String redacts: a ceremony holds secrets.
func (c Ceremony) String() string {
	return "ceremony(" + string(c.Kind()) + " " + string(c.stage) + " redacted)"
}

// Format implements [fmt.Formatter], redacted whatever the verb.
func (c Ceremony) Format(f fmt.State, _ rune) { fmt.Fprint(f, c.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (c Ceremony) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText redacts, for a log that nests the ceremony.
func (c Ceremony) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// identifier reports whether id is base64url of 32 bytes, as identifiers of transactions are.
func identifier(id string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(id)
	return err == nil && len(id) == base64.RawURLEncoding.EncodedLen(sha256.Size) && len(raw) == sha256.Size
}
