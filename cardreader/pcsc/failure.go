//go:build (cgo || windows) && !nopcsc

package pcsc

import (
	"errors"
	"fmt"

	"github.com/ebfe/scard"
)

// failure turns a PC/SC return code into the error a caller can tell apart. The library's own text is left out: it
// asks C for it in a buffer shared by all threads.
func failure(operation string, err error) error {
	if err == nil {
		return nil
	}
	var code scard.Error
	if !errors.As(err, &code) {
		return fmt.Errorf("pcsc: %s: %w: %v", operation, ErrExchange, err)
	}
	return fmt.Errorf("pcsc: %s: %w (0x%08X)", operation, meaning(code), uint32(code))
}

// meaning groups the return codes of pcsclite.h (and winscard) by what can be done about them.
func meaning(code scard.Error) error {
	switch code {
	case scard.ErrNoService, scard.ErrServiceStopped, scard.ErrShutdown, scard.ErrServerTooBusy,
		scard.ErrSystemCancelled, scard.ErrInternalError, scard.ErrCommError, scard.ErrInvalidHandle:
		return ErrNoService // the last three are what a client sees of a service that died or restarted
	case scard.ErrUnknownReader, scard.ErrReaderUnavailable, scard.ErrNoReadersAvailable:
		return ErrNoReader
	case scard.ErrNoSmartcard:
		return ErrNoCard
	case scard.ErrRemovedCard, scard.ErrResetCard, scard.ErrNotTransacted, scard.ErrCommDataLost:
		return ErrRemoved // the last two are what drivers say of a card that left the field in mid-command
	case scard.ErrSharingViolation:
		return ErrSharing
	case scard.ErrUnresponsiveCard, scard.ErrUnpoweredCard, scard.ErrInvalidAtr, scard.ErrNotReady,
		scard.ErrProtoMismatch, scard.ErrUnsupportedCard, scard.ErrCardUnsupported:
		return ErrUnresponsive // pcscd takes an ATR it cannot read for one without a protocol
	}
	return ErrExchange
}
