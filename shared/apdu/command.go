// Package apdu owns the application protocol data unit of ISO/IEC 7816-4: the
// command and response codecs in short and extended length, command chaining,
// the status word with its meaning, and the transport-level exchange that makes
// 61xx and 6Cxx invisible to the layers above. Commands and responses carry
// personal data, so they print as their header and sizes, never as their bytes.
package apdu

import (
	"errors"
	"fmt"
	"log/slog"
)

const (
	maxShortData    = 255   // Lc in one byte
	maxShortNe      = 256   // Le in one byte, 00 standing for 256
	maxExtendedData = 65535 // Lc in two bytes
	maxExtendedNe   = 65536 // Le in two bytes, 0000 standing for 65536

	chainingBit = 0x10 // ISO 7816-4 §5.4.1: not the last command of a chain
)

var errCommand = errors.New("apdu: malformed command")

// Command is a command APDU. Data is at most 65535 bytes. Ne is the most bytes
// of response data expected, 0 to 65536, and 0 means that the Le field is absent.
type Command struct {
	CLA, INS, P1, P2 byte
	Data             []byte
	Ne               int
}

// Short encodes c in short length, ISO 7816-4 §5.1 cases 1, 2S, 3S and 4S. It
// refuses more than 255 bytes of data or Ne over 256.
func (c Command) Short() ([]byte, error) {
	if len(c.Data) > maxShortData || c.Ne < 0 || c.Ne > maxShortNe {
		return nil, fmt.Errorf("apdu: %d bytes of data and Ne %d do not fit in short length", len(c.Data), c.Ne)
	}
	b := make([]byte, 0, 6+len(c.Data))
	b = append(b, c.CLA, c.INS, c.P1, c.P2)
	if len(c.Data) > 0 {
		b = append(b, byte(len(c.Data)))
		b = append(b, c.Data...)
	}
	if c.Ne > 0 {
		b = append(b, byte(c.Ne)) // 256 is written 00
	}
	return b, nil
}

// Extended encodes c in extended length, cases 2E, 3E and 4E, when its data or
// its Ne need it, and else in short length, as cards expect.
func (c Command) Extended() ([]byte, error) {
	if len(c.Data) <= maxShortData && c.Ne <= maxShortNe {
		return c.Short()
	}
	if len(c.Data) > maxExtendedData || c.Ne < 0 || c.Ne > maxExtendedNe {
		return nil, fmt.Errorf("apdu: %d bytes of data and Ne %d do not fit in extended length", len(c.Data), c.Ne)
	}
	b := make([]byte, 0, 9+len(c.Data))
	b = append(b, c.CLA, c.INS, c.P1, c.P2, 0)
	if len(c.Data) > 0 {
		b = append(b, byte(len(c.Data)>>8), byte(len(c.Data)))
		b = append(b, c.Data...)
	}
	if c.Ne > 0 {
		b = append(b, byte(c.Ne>>8), byte(c.Ne)) // 65536 is written 0000
	}
	return b, nil
}

// ParseCommand decodes a command in short or extended length. It refuses every
// string of bytes that is none of the seven cases of ISO 7816-4 §5.1. Data
// aliases b.
func ParseCommand(b []byte) (Command, error) {
	if len(b) < 4 {
		return Command{}, fmt.Errorf("%w: %d bytes", errCommand, len(b))
	}
	c := Command{CLA: b[0], INS: b[1], P1: b[2], P2: b[3]}
	body := b[4:]
	switch {
	case len(body) == 0: // case 1
		return c, nil
	case len(body) == 1: // case 2S
		c.Ne = short(body[0])
		return c, nil
	case body[0] != 0:
		return c.parseBody(int(body[0]), body[1:], 1)
	case len(body) == 3: // case 2E
		c.Ne = extended(body[1:])
		return c, nil
	case len(body) > 3:
		return c.parseBody(int(body[1])<<8|int(body[2]), body[3:], 2)
	default:
		return Command{}, fmt.Errorf("%w: lone length bytes", errCommand)
	}
}

// parseBody reads lc bytes of data, then nothing or a Le field of leSize bytes.
func (c Command) parseBody(lc int, b []byte, leSize int) (Command, error) {
	if lc == 0 || len(b) != lc && len(b) != lc+leSize {
		return Command{}, fmt.Errorf("%w: Lc is %d and %d bytes follow", errCommand, lc, len(b))
	}
	c.Data = b[:lc:lc]
	switch le := b[lc:]; len(le) {
	case 1:
		c.Ne = short(le[0])
	case 2:
		c.Ne = extended(le)
	}
	return c, nil
}

func short(le byte) int {
	if le == 0 {
		return maxShortNe
	}
	return int(le)
}

func extended(le []byte) int {
	if le[0] == 0 && le[1] == 0 {
		return maxExtendedNe
	}
	return int(le[0])<<8 | int(le[1])
}

// Chain splits c into commands that carry at most size bytes of data each
// (255 when size is not positive). All but the last have the chaining bit of
// the class byte set and expect no data (ISO 7816-4 §5.3.3).
func (c Command) Chain(size int) []Command {
	if size <= 0 {
		size = maxShortData
	}
	var chain []Command
	for len(c.Data) > size {
		chain = append(chain, Command{CLA: c.CLA | chainingBit, INS: c.INS, P1: c.P1, P2: c.P2, Data: c.Data[:size:size]})
		c.Data = c.Data[size:]
	}
	return append(chain, c)
}

// Format prints the header and the sizes of c for every verb: the data may hold
// keys and personal data.
func (c Command) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%02X%02X%02X%02X (%d bytes, Ne %d)", c.CLA, c.INS, c.P1, c.P2, len(c.Data), c.Ne)
}

// LogValue returns what Format prints.
func (c Command) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }
