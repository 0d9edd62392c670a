package cardreader

import (
	"context"
	"errors"

	"pivot/cardreader/lds"
	"pivot/cardreader/pace"
	"pivot/cardreader/pcsc"
	"pivot/cardreader/session"
	"pivot/shared/apdu"
	"pivot/shared/sm"
)

// Problem says in one word what is wrong between the citizen and the card. The set is closed: each has a sentence in
// every language of package assets, under "problem.<word>".
type Problem string

// The problems.
const (
	NoService      Problem = "no-service"        // the smart card service does not run
	NotBuilt       Problem = "not-built"         // this program was built without PC/SC
	NoReader       Problem = "no-reader"         // no reader is plugged in
	NoCard         Problem = "no-card"           // the reader is empty
	Busy           Problem = "card-busy"         // another program uses the card
	Unresponsive   Problem = "card-unresponsive" // the card does not start: upside down, dirty or broken
	Removed        Problem = "card-removed"      // the card left during the reading
	Mute           Problem = "card-mute"         // the card stopped answering
	NotIdentity    Problem = "not-identity-card" // a bank card, a health card, anything else
	Unsupported    Problem = "card-unsupported"  // an identity card, with protocols that we do not speak
	CANWrong       Problem = "can-wrong"         // not this card's access number
	CANBlocked     Problem = "can-blocked"       // the card takes no more tries for now
	CardFault      Problem = "card-fault"        // the card answers out of protocol
	Cancelled      Problem = "cancelled"         // the citizen gave up
	UnknownProblem Problem = "unknown"           // none of the above
)

// Problems returns the closed set, for whoever must have a sentence for each.
func Problems() []Problem {
	return []Problem{
		NoService, NotBuilt, NoReader, NoCard, Busy, Unresponsive, Removed, Mute, NotIdentity, Unsupported,
		CANWrong, CANBlocked, CardFault, Cancelled, UnknownProblem,
	}
}

// Explain sorts an error of a card session and of what carries it; it reports false for an error that comes from elsewhere.
// A judge's refusal may wrap what it found wrong with an answer: ask whether it is one first. For [CANWrong], errors.AsType[*pace.WrongPasswordError] tells the tries left.
func Explain(err error) (Problem, bool) {
	if _, wrong := errors.AsType[*pace.WrongPasswordError](err); wrong {
		return CANWrong, true
	}
	if _, plain := errors.AsType[*sm.PlainStatusError](err); plain {
		return CardFault, true
	}
	for _, row := range [...]struct {
		err     error
		problem Problem
	}{
		{pcsc.ErrNotBuilt, NotBuilt},
		{pcsc.ErrNoService, NoService},
		{pcsc.ErrNoReader, NoReader},
		{pcsc.ErrNoCard, NoCard},
		{pcsc.ErrSharing, Busy},
		{pcsc.ErrUnresponsive, Unresponsive},
		{pcsc.ErrRemoved, Removed},
		{apdu.ErrRemoved, Removed},
		{pcsc.ErrMute, Mute},
		{context.Canceled, Cancelled},
		{context.DeadlineExceeded, Mute},
		{pace.ErrBlocked, CANBlocked},
		{pace.ErrUnsupported, Unsupported},
		{lds.ErrNotIdentityCard, NotIdentity},
		{pace.ErrCard, CardFault},
		{lds.ErrCard, CardFault},
		{lds.ErrAccess, CardFault},
		{lds.ErrNotFound, CardFault},
		{sm.ErrMAC, CardFault},
		{sm.ErrFormat, CardFault},
		{sm.ErrDead, CardFault},
		{session.ErrCard, CardFault},
		{pcsc.ErrExchange, CardFault},
	} {
		if errors.Is(err, row.err) {
			return row.problem, true
		}
	}
	return UnknownProblem, false
}
