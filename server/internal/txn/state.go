package txn

import (
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/identity"
)

// StateName names a state where it is stored. Names are stable.
type StateName string

// The names, in the order of a login.
const (
	NameWaiting   StateName = "waiting"
	NameProven    StateName = "proven"
	NameConsented StateName = "consented"
	NameGranted   StateName = "granted"
	NameRedeemed  StateName = "redeemed"
	NameEnded     StateName = "ended"
)

// State is one of [Waiting], [Proven], [Consented], [Granted], [Redeemed] and [Ended], and nothing else: a type switch
// over the six is complete. States are values and never change.
type State interface {
	named
	indexed
	// Request is the authorize request that began the transaction.
	Request() Request
	// Began reports whether this is the browser that began the transaction, by the hash of its cookie.
	Began(browser [32]byte) bool
	encode(w writer) writer
}

// named is what a guarded write names.
type named interface {
	// ID is the transaction's identifier.
	ID() ID
	// Issuer is the issuer whose transaction it is; no other issuer knows it.
	Issuer() string
	// Name is the state's name.
	Name() StateName
	// Version counts the transitions: 1 for Waiting, one more for each.
	Version() int
}

// indexed is what a state is found or swept by.
type indexed interface {
	// Expires is the moment from which the state is no longer known.
	Expires() time.Time
	// CodeHash is the hash of the code that was issued, once there was one: a replay is recognised by it.
	CodeHash() ([32]byte, bool)
	// TokenHash is the hash of the access token while it is good.
	TokenHash() ([32]byte, bool)
}

// base is what every state has.
type base struct {
	id      ID
	request Request
	browser [32]byte // SHA-256 of the cookie of the browser that began
	code    [32]byte // SHA-256 of the code; zero until one is issued, kept to recognise its replay
	version int
	at      time.Time // of the last transition
	expires time.Time
}

// ID implements [State].
func (b base) ID() ID { return b.id }

// Issuer implements [State].
func (b base) Issuer() string { return b.request.Issuer() }

// Version implements [State].
func (b base) Version() int { return b.version }

// Expires implements [State].
func (b base) Expires() time.Time { return b.expires }

// CodeHash implements [State].
func (b base) CodeHash() ([32]byte, bool) { return b.code, b.code != [32]byte{} }

// TokenHash implements [State].
func (b base) TokenHash() ([32]byte, bool) { return [32]byte{}, false }

// Request implements [State].
func (b base) Request() Request { return b.request }

// Began implements [State], in constant time.
func (b base) Began(browser [32]byte) bool {
	return !b.id.IsZero() && subtle.ConstantTimeCompare(b.browser[:], browser[:]) == 1
}

// String redacts: a state holds an identity and the client's secrets.
func (b base) String() string { return "transaction(" + b.id.String() + " redacted)" }

// Format implements [fmt.Formatter], redacted whatever the verb.
func (b base) Format(s fmt.State, _ rune) { fmt.Fprint(s, b.String()) }

// LogValue implements [slog.LogValuer], redacted.
func (b base) LogValue() slog.Value { return slog.StringValue(b.String()) }

// moment is now as the transaction counts it: in UTC milliseconds, and never before its last transition, so that a
// clock that jumps back does not reorder the audit log. That it lengthens no life is the caller's clock to see to.
func (b base) moment(now time.Time) time.Time {
	now = time.UnixMilli(now.UnixMilli()).UTC()
	if now.Before(b.at) {
		return b.at
	}
	return now
}

// attested is what every state after the proof has.
type attested struct {
	pending
	level    assurance.Level
	evidence assurance.Evidence
	proven   time.Time
	person   identity.Identity
	means    []string // identifiers of those that gave the proof; never written to once set
}

// follow is what the next state inherits.
func (a attested) follow(at time.Time) attested {
	a.pending = a.step(at)
	return a
}

// Account is the identifier of the account that was authenticated.
func (a attested) Account() string { return a.account }

// Level is what the evidence reached, bounded by what the issuer's profile answers: the acr of the ID token.
func (a attested) Level() assurance.Level { return a.level }

// Evidence is the row of the policy table that the level rests on.
func (a attested) Evidence() assurance.Evidence { return a.evidence }

// Means are the identifiers of the means that gave the proof, as [verify.Binding] bounds them; none where an identity
// provider did. Each must be good still when the code is issued: who keeps the means sees to that.
func (a attested) Means() []string { return slices.Clone(a.means) }

// AuthTime is when the proof was accepted: the auth_time of the ID token.
func (a attested) AuthTime() time.Time { return a.proven }

// Identity is the pivot identity of the account that was authenticated.
func (a attested) Identity() identity.Identity { return a.person }
