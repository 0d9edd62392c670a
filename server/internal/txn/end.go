package txn

import (
	"errors"
	"fmt"
	"time"

	"pivot/server/internal/audit"
)

// Reason is the stable word for why a transaction ended. Other packages bring their own, as long as they are 1 to 64
// lower case letters, digits and hyphens.
type Reason string

// The reasons of this package.
const (
	ReasonExpired       Reason = "expired"             // the state's life was over
	ReasonCancelled     Reason = "cancelled"           // the citizen gave up
	ReasonNoProof       Reason = "no-proof"            // nothing was proved
	ReasonForeignProof  Reason = "foreign-proof"       // proved within another transaction
	ReasonNoIdentity    Reason = "no-identity"         // the account has no identity to release
	ReasonNoLevel       Reason = "no-level"            // the policy gives the evidence no level
	ReasonLevelTooLow   Reason = "level-too-low"       // the evidence reaches less than was asked
	ReasonOtherClient   Reason = "code-other-client"   // a code in the hands of another client
	ReasonOtherRedirect Reason = "code-other-redirect" // a code redeemed with another redirect address
	ReasonVerifier      Reason = "code-verifier"       // a code whose PKCE verifier does not answer the challenge
	ReasonOtherKey      Reason = "code-other-key"      // a code redeemed by another key than the one announced
	ReasonReplay        Reason = "code-replayed"       // a code that was spent before
	ReasonRevoked       Reason = "token-revoked"       // the client gave its access token back
	ReasonLoggedOut     Reason = "logged-out"          // the citizen logged out
	ReasonOtherPerson   Reason = "another-person"      // somebody else logged in by the same browser
	ReasonRefused       Reason = "refused-in-app"      // the citizen said no in the companion
	ReasonNotMine       Reason = "not-mine"            // the citizen did not begin this login
	ReasonRelay         Reason = "suspected-relay"     // another browser brought back what the companion gave the one that began
	ReasonClonedDevice  Reason = "device-cloned"       // the device's state is in two places
)

const mostReason = 64

func (r Reason) valid() bool {
	for _, c := range []byte(r) {
		if c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return r != "" && len(r) <= mostReason
}

// End ends a transaction for the reason, from whatever state it is in. Errors: [ErrUnknown] for one that is over.
func (r Reason) End(s State, now time.Time) (Ended, audit.Entry, error) {
	live, ok := s.(interface {
		Refuse(reason Reason, now time.Time) (Ended, audit.Entry, error)
	})
	if !ok {
		return Ended{}, audit.Entry{}, ErrUnknown
	}
	return live.Refuse(r, now)
}

// Refusal is the error of a transition that ends the transaction instead. Store Ended with Entry; then answer.
type Refusal struct {
	Reason Reason
	Ended  Ended       // what follows the state that refused
	Entry  audit.Entry // goes with it
}

// Error implements error. It names the reason alone.
func (r *Refusal) Error() string { return "transaction refused: " + string(r.Reason) }

// Ended is a transaction that is over. It holds no identity, no account and no right; the request stays, to say to
// whom the citizen goes back, and so does the code's hash.
type Ended struct {
	base
	reason Reason
}

// Name implements [State].
func (e Ended) Name() StateName { return NameEnded }

// Reason says why.
func (e Ended) Reason() Reason { return e.reason }

// pending is what every state has that is not over.
type pending struct {
	base
	account string // empty before the proof
}

// step is the same transaction one transition later, with the same life.
func (p pending) step(at time.Time) pending {
	p.version++
	p.at = at
	return p
}

// entry is the audit entry of a transition.
func (p pending) entry(event audit.Event, at time.Time, details map[string]string) audit.Entry {
	return audit.Entry{
		Event: event, At: at, Issuer: p.Issuer(), Transaction: p.id.String(), Client: p.request.Client(),
		Account: p.account, Details: details,
	}
}

// open lets a transition begin, at the moment returned. Errors: a zero state; a [*Refusal] when its life is over.
func (p pending) open(now time.Time) (time.Time, error) {
	if p.id.IsZero() {
		return time.Time{}, errNoState
	}
	at := p.moment(now)
	if !at.Before(p.expires) {
		return time.Time{}, p.refusal(ReasonExpired, at)
	}
	return at, nil
}

// continued is open for a step that the browser takes.
func (p pending) continued(browser [32]byte, now time.Time) (time.Time, error) {
	at, err := p.open(now)
	if err != nil {
		return time.Time{}, err
	}
	if !p.Began(browser) {
		return time.Time{}, ErrBrowser
	}
	return at, nil
}

// refusal ends the transaction and gives the reason as an error.
func (p pending) refusal(reason Reason, at time.Time) *Refusal {
	ended, entry := p.over(reason, at)
	return &Refusal{Reason: reason, Ended: ended, Entry: entry}
}

// over is the end of the transaction and what the audit log says of it.
func (p pending) over(reason Reason, at time.Time) (Ended, audit.Entry) {
	event := audit.TransactionRefused
	switch reason {
	case ReasonExpired:
		event = audit.TransactionExpired
	case ReasonCancelled:
		event = audit.LoginAbandoned
	case ReasonReplay:
		event = audit.CodeReplayed
	case ReasonRevoked, ReasonLoggedOut, ReasonOtherPerson:
		event = audit.TokenRevoked
	case ReasonRefused, ReasonNotMine:
		event = audit.LoginRefused
	case ReasonRelay:
		event = audit.RelaySuspected
	}
	entry := p.entry(event, at, nil)
	entry.Reason = string(reason)
	return Ended{base: p.step(at).base, reason: reason}, entry
}

// Refuse ends the transaction, whatever time it is. Errors: a reason that is not one, a zero state.
func (p pending) Refuse(reason Reason, now time.Time) (Ended, audit.Entry, error) {
	if p.id.IsZero() {
		return Ended{}, audit.Entry{}, errNoState
	}
	if !reason.valid() {
		return Ended{}, audit.Entry{}, fmt.Errorf("txn: %q is not a reason", string(reason))
	}
	ended, entry := p.over(reason, p.moment(now))
	return ended, entry, nil
}

// Expire ends a transaction whose life is over. Errors: it is not over yet, a zero state.
func (p pending) Expire(now time.Time) (Ended, audit.Entry, error) {
	at := p.moment(now)
	if !p.id.IsZero() && at.Before(p.expires) {
		return Ended{}, audit.Entry{}, errors.New("txn: the transaction has not expired")
	}
	return p.Refuse(ReasonExpired, at)
}
