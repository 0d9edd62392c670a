package apdu

import (
	"context"
	"errors"
	"fmt"
)

// ErrRemoved says that the card left the reader during a command: PC/SC then
// returns no error and fewer bytes than a status word.
var ErrRemoved = errors.New("apdu: card removed")

const (
	// maxRounds bounds the transmissions of one exchange: 64 KiB in blocks of
	// 256 bytes, and some slack for cards that give less.
	maxRounds = 300

	insGetResponse      = 0xC0
	secureMessagingBits = 0x0C // ISO 7816-4 §5.4.1
)

// Transmitter carries one encoded command to a card and brings back its encoded
// response. It returns when ctx ends even if the card stays mute.
type Transmitter interface {
	Transmit(ctx context.Context, command []byte) (response []byte, err error)
}

// Exchange transmits an encoded command and gathers the whole response
// (ISO 7816-4 §5.3.4 and §11.4.3, ISO 7816-3 §12.2): 61xx is followed by GET
// RESPONSE in clear until the data are complete, and 6Cxx by the same command
// with Le = xx, once. Under secure messaging 6Cxx is returned as it is, because
// Le is authenticated and the command would need a new counter. The gathered
// data never exceed 64 KiB. A response shorter than a status word is ErrRemoved.
func Exchange(ctx context.Context, t Transmitter, command []byte) (Response, error) {
	r, err := transmit(ctx, t, command)
	if err != nil {
		return Response{}, err
	}
	if again, ok := withLe(command, r.SW); ok {
		r, err = transmit(ctx, t, again)
		if err != nil {
			return Response{}, err
		}
	}
	return gather(ctx, t, r)
}

// gather follows 61xx, and 6Cxx within it, until another status comes.
func gather(ctx context.Context, t Transmitter, r Response) (Response, error) {
	var data []byte
	for range maxRounds {
		switch r.SW >> 8 {
		case 0x61:
			data = append(data, r.Data...)
			if len(data) > maxExtendedNe {
				return Response{}, fmt.Errorf("apdu: response over %d bytes", maxExtendedNe)
			}
		case 0x6C:
			if data == nil {
				return r, nil
			}
		default:
			if len(data)+len(r.Data) > maxExtendedNe {
				return Response{}, fmt.Errorf("apdu: response over %d bytes", maxExtendedNe)
			}
			if data != nil {
				r.Data = append(data, r.Data...)
			}
			return r, nil
		}
		if data == nil {
			data = []byte{} // remembers that GET RESPONSE has begun
		}
		var err error
		r, err = transmit(ctx, t, []byte{0, insGetResponse, 0, 0, byte(r.SW)})
		if err != nil {
			return Response{}, err
		}
	}
	return Response{}, fmt.Errorf("apdu: response not complete after %d rounds", maxRounds)
}

func transmit(ctx context.Context, t Transmitter, command []byte) (Response, error) {
	b, err := t.Transmit(ctx, command)
	if err != nil {
		return Response{}, err
	}
	return ParseResponse(b)
}

// withLe returns the command that answers 6Cxx and whether there is one.
func withLe(command []byte, sw Status) ([]byte, bool) {
	if sw>>8 != 0x6C {
		return nil, false
	}
	c, err := ParseCommand(command)
	if err != nil || c.Ne == 0 || c.CLA&secureMessagingBits != 0 {
		return nil, false
	}
	c.Ne = short(byte(sw))
	again, err := c.Extended()
	return again, err == nil
}
