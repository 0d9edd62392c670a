// Package pcsc owns the conversation with PC/SC, the system's smart card service: which readers there are, what
// lies in them, and one exclusive connection to a card at a time. It knows nothing of what cards say. It is the
// only package of ours that needs cgo; built without it (or with -tags nopcsc) every call returns [ErrNotBuilt].
//
// PC/SC calls cannot be interrupted. Those that may hang run on a goroutine of their own under a deadline; when it
// passes the caller gets its error, the connection takes no further command, and what the call held is released
// whenever it returns. The process, and connections opened later, are not affected.
package pcsc

import (
	"errors"
	"strings"
	"unicode"
)

// What can go wrong, as far as a caller can tell its user something different. Every error of this package wraps
// one of these, or the context's error; none holds any byte of a command or of a response.
var (
	// ErrNotBuilt: this program was built without PC/SC.
	ErrNotBuilt = errors.New("this program was built without smart card support")
	// ErrNoService: the service is not running, or does not answer.
	ErrNoService = errors.New("the smart card service is not running")
	// ErrNoReader: no reader of that name, or it was unplugged.
	ErrNoReader = errors.New("no such card reader")
	// ErrNoCard: the reader is empty.
	ErrNoCard = errors.New("no card in the reader")
	// ErrRemoved: the card left, contact with it was lost, or someone else reset it. Its session is gone either way.
	ErrRemoved = errors.New("the card was removed")
	// ErrSharing: another program uses the card.
	ErrSharing = errors.New("another program is using the card")
	// ErrMute: the card did not answer before the deadline.
	ErrMute = errors.New("the card does not answer")
	// ErrUnresponsive: something is in the reader but its answer to reset is missing or not that of a smart card
	// with T=0 or T=1 (ISO 7816-3 §8).
	ErrUnresponsive = errors.New("the card does not respond to reset as it should")
	// ErrExchange: the service failed in another way; the text has its number.
	ErrExchange = errors.New("exchange with the card failed")
)

// displayLimit is the length, in characters, of the longest reader name shown.
const displayLimit = 80

// Reader is what PC/SC says of one reader, or one slot of a reader, at one moment.
type Reader struct {
	// Name identifies the reader to Connect, as the service gives it. Show String instead.
	Name string
	// Present: a card lies in it.
	Present bool
	// Mute: the card that lies in it does not answer a reset.
	Mute bool
	// Changes counts cards in and out, modulo 2^16: two states with the same count saw the same card.
	Changes uint16
	// ATR is the card's answer to reset (ISO 7816-3 §8.2), at most 33 bytes; empty without a card.
	ATR []byte
}

// String is the name made fit for a screen: printable characters only, single spaces, at most 80 characters. A
// reader's name is chosen by who made the device.
func (r Reader) String() string {
	printable := strings.Map(func(c rune) rune {
		switch {
		case unicode.IsSpace(c):
			return ' '
		case !unicode.IsGraphic(c) || c == unicode.ReplacementChar:
			return -1
		}
		return c
	}, r.Name)
	runes := []rune(strings.Join(strings.Fields(printable), " "))
	if len(runes) > displayLimit {
		runes = append(runes[:displayLimit-1], '…')
	}
	return string(runes)
}
