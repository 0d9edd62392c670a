package lds

import (
	"context"
	"errors"
	"fmt"

	"pivot/shared/apdu"
	"pivot/shared/sm"
)

// Reach says how much one command brings.
type Reach struct {
	Extended    bool // use extended length
	MaxResponse int  // most bytes of one protected response in extended length, status included
}

// The sizes of a read.
const (
	shortPlain  = sm.MaxShortPlain
	maxResponse = 65535 // what drivers carry: data and status
	// overhead of a protected response in extended length: status word, DO'99',
	// DO'8E', header and padding indicator of DO'87'.
	overhead  = 2 + 4 + 10 + 4 + 1
	blockSize = 16
)

// plain returns the most plain bytes of one response.
func (r Reach) plain() int {
	room := min(r.MaxResponse, maxResponse) - overhead
	if !r.Extended || room < 2*shortPlain {
		return shortPlain
	}
	return room/blockSize*blockSize - 1 // at least one byte of padding
}

// Reader reads the files of the travel document application over a secure
// messaging channel. It belongs to one goroutine.
type Reader struct {
	card    apdu.Transmitter
	channel *sm.Channel
	block   int // most plain bytes asked for by one command
}

// NewReader returns a reader over a channel that the card has just opened.
func NewReader(t apdu.Transmitter, channel *sm.Channel, reach Reach) *Reader {
	return &Reader{card: t, channel: channel, block: reach.plain()}
}

// Extended reports whether commands of extended length are still in use: the
// card may have refused them.
func (r *Reader) Extended() bool { return r.block > shortPlain }

// SelectApplication selects the travel document application over the channel.
// Errors: ErrNotIdentityCard, ErrAccess and those of the channel.
func (r *Reader) SelectApplication(ctx context.Context) error {
	return selectApplication(ctx, r.send)
}

// SelectApplication selects the travel document application in clear, which some
// cards refuse before access control. It tells a travel document that has no
// EF.CardAccess from a card that is none.
func SelectApplication(ctx context.Context, t apdu.Transmitter) error {
	return selectApplication(ctx, inClear(t))
}

func selectApplication(ctx context.Context, send sender) error {
	// ICAO 9303-10 §3.10.2: the application identifier of LDS1.
	c := apdu.Command{INS: insSelect, P1: 0x04, P2: 0x0C, Data: []byte{0xA0, 0, 0, 0x02, 0x47, 0x10, 0x01}}
	resp, err := send(ctx, c)
	if err != nil {
		return err
	}
	switch resp.SW {
	case apdu.OK:
		return nil
	case apdu.NotFound:
		return ErrNotIdentityCard
	}
	return fmt.Errorf("%w: select application: %v", ErrAccess, resp.SW)
}

// ReadFile reads a file of the selected application whole: the template with
// its header, and nothing after it. progress may be nil; it is told the bytes
// read and the announced total. A file that fits in one response takes one
// command, which also selects it and tells its size; none is spent on finding
// the end. Fewer bytes than asked for are continued; a refused length is asked
// again in shorter blocks, which stay short for the rest of the session when
// extended length was the cause. Errors: ErrNotFound, ErrAccess, ErrCard,
// ErrExtendedRefused and those of the channel.
func (r *Reader) ReadFile(ctx context.Context, f File, progress func(read, total int)) ([]byte, error) {
	if f == CardAccess || f.tag() == 0 {
		return nil, fmt.Errorf("%w: %v is not in the application", ErrNotFound, f)
	}
	p := pass{send: r.send, file: f, block: r.block, progress: progress}
	b, err := p.read(ctx)
	if p.refused {
		r.block = min(r.block, shortPlain)
	}
	return b, err
}

// send is one command over the channel. A status in clear has killed the
// channel; after a command of extended length it may mean just that.
func (r *Reader) send(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	extended := c.Ne > shortPlain
	resp, err := r.channel.Send(ctx, r.card, c, extended)
	if plain, ok := errors.AsType[*sm.PlainStatusError](err); ok && extended && refusesLength(plain.Status) {
		return apdu.Response{}, fmt.Errorf("%w: %w", ErrExtendedRefused, err)
	}
	return resp, err
}

// sender is one command, protected or in clear.
type sender func(ctx context.Context, c apdu.Command) (apdu.Response, error)

func inClear(t apdu.Transmitter) sender {
	return func(ctx context.Context, c apdu.Command) (apdu.Response, error) {
		b, err := c.Short()
		if err != nil {
			return apdu.Response{}, err
		}
		return apdu.Exchange(ctx, t, b)
	}
}

// ReadCardAccess reads EF.CardAccess in clear from a card in its initial state,
// by its short identifier, since many cards have no master file that can be
// selected (ICAO 9303-11 §4.2). A card that has no such file, or something else in
// its place, is ErrNotIdentityCard. Other errors: ErrCard and those of the
// transmitter.
func ReadCardAccess(ctx context.Context, t apdu.Transmitter) ([]byte, error) {
	p := pass{send: inClear(t), file: CardAccess, block: 256}
	b, err := p.read(ctx)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrAccess) {
		return nil, fmt.Errorf("%w: %w", ErrNotIdentityCard, err)
	}
	return b, err
}
