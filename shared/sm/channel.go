package sm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"pivot/shared/apdu"
)

// ErrDead says that a channel has failed before: its counter may no longer be
// the chip's, so it carries nothing more. The error also wraps the first cause.
var ErrDead = errors.New("sm: channel is dead")

// Channel is one secure messaging session with a chip. It belongs to one
// goroutine and dies of its first error.
type Channel struct {
	keys  Keys
	ssc   uint64 // counter of the last message
	cause error  // what killed the channel
}

// NewChannel returns a channel whose send sequence counter is zero.
func NewChannel(k Keys) *Channel { return &Channel{keys: k} }

// Send protects one plain command, transmits it and opens the response. The
// counter moves twice, before the command and before the response (ICAO 9303-11
// §9.8.2). With extended false the command goes in short length or not at all;
// with extended true it goes in extended length when the command or the whole
// protected response needs it. A status other than success is not an error when
// it came protected. Errors: ErrDead, those of Open and those of apdu.Exchange;
// each leaves the channel dead.
func (ch *Channel) Send(ctx context.Context, t apdu.Transmitter, c apdu.Command, extended bool) (apdu.Response, error) {
	if ch.cause != nil {
		return apdu.Response{}, fmt.Errorf("%w: %w", ErrDead, ch.cause)
	}
	r, err := ch.send(ctx, t, c, extended)
	if err != nil {
		ch.cause = err
		return apdu.Response{}, err
	}
	return r, nil
}

func (ch *Channel) send(ctx context.Context, t apdu.Transmitter, c apdu.Command, extended bool) (apdu.Response, error) {
	command, err := Protect(ch.keys, ch.ssc+1, c)
	if err != nil {
		return apdu.Response{}, err
	}
	if extended && c.Ne > MaxShortPlain { // Le is not authenticated
		command.Ne = extendedNe
	}
	b, err := encode(command, extended)
	if err != nil {
		return apdu.Response{}, err
	}
	outer, err := apdu.Exchange(ctx, t, b)
	if err != nil {
		return apdu.Response{}, err
	}
	ch.ssc += 2
	return Open(ch.keys, ch.ssc, outer.Bytes())
}

func encode(c apdu.Command, extended bool) ([]byte, error) {
	if extended {
		return c.Extended()
	}
	return c.Short()
}

// Format prints neither keys nor counter, whatever the verb.
func (ch *Channel) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns neither keys nor counter.
func (ch *Channel) LogValue() slog.Value { return slog.StringValue(redacted) }
