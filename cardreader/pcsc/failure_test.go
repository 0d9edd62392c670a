//go:build (cgo || windows) && !nopcsc

package pcsc

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/ebfe/scard"
)

// TestFailure covers the codes that a virtual reader never gives; the others are met in the tests with one.
func TestFailure(t *testing.T) {
	t.Parallel()
	for want, codes := range map[error][]error{
		ErrNoService:    {scard.ErrNoService, scard.ErrServiceStopped, scard.ErrShutdown, scard.ErrCommError},
		ErrNoReader:     {scard.ErrReaderUnavailable, scard.ErrUnknownReader, scard.ErrNoReadersAvailable},
		ErrNoCard:       {scard.ErrNoSmartcard},
		ErrRemoved:      {scard.ErrRemovedCard, scard.ErrResetCard, scard.ErrNotTransacted},
		ErrSharing:      {scard.ErrSharingViolation},
		ErrUnresponsive: {scard.ErrUnresponsiveCard, scard.ErrUnpoweredCard, scard.ErrProtoMismatch},
		ErrExchange:     {scard.ErrUnknownError, scard.Error(0x12345678), os.ErrInvalid},
	} {
		for _, code := range codes {
			err := failure("testing", code)
			if !errors.Is(err, want) || errors.Unwrap(err) != want || !strings.HasPrefix(err.Error(), "pcsc: testing: ") {
				t.Errorf("failure(%v) = %v, want it to wrap %v", code, err, want)
			}
		}
	}
	if err := failure("testing", nil); err != nil {
		t.Errorf("failure of success: %v", err)
	}
}
