package lds

import (
	"context"
	"fmt"

	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

const (
	insSelect  = 0xA4
	insRead    = 0xB0
	insReadOdd = 0xB1

	byShortIdentifier = 0x80 // in P1 of READ BINARY
	maxOffset         = 0x7FFF

	// maxCommands bounds the reading of one file: 64 KiB in short blocks takes
	// 298 commands, the rest is slack for cards that give less than asked.
	maxCommands = 1024
	// minBlock is the least that still holds a header.
	minBlock = 8
)

// pass is the reading of one file.
type pass struct {
	send     sender
	file     File
	block    int // most bytes asked for by one command
	progress func(read, total int)

	refused bool // the card has refused extended length
	located bool // the file is the card's current one
	total   int  // announced size, 0 until known
	content []byte
}

// read is the pass from the first block to the last.
func (p *pass) read(ctx context.Context) ([]byte, error) {
	for range maxCommands {
		resp, err := p.next(ctx)
		if err != nil {
			return nil, err
		}
		again, err := p.refusal(ctx, resp.SW)
		if err != nil {
			return nil, err
		}
		if again {
			continue
		}
		if err := p.take(resp); err != nil {
			return nil, err
		}
		if len(p.content) == p.total {
			return p.content, nil
		}
	}
	return nil, p.broken("not complete after %d commands", maxCommands)
}

// next asks for the next block: the first by short identifier, which selects the
// file and tells its size; the others by offset, up to the announced end.
func (p *pass) next(ctx context.Context) (apdu.Response, error) {
	offset := len(p.content)
	want := p.block
	if p.total > 0 {
		want = min(want, p.total-offset)
	}
	switch {
	case !p.located:
		return p.send(ctx, apdu.Command{INS: insRead, P1: byShortIdentifier | byte(p.file), Ne: want})
	case offset > maxOffset:
		return p.far(ctx, offset, want)
	default:
		return p.send(ctx, apdu.Command{INS: insRead, P1: byte(offset >> 8), P2: byte(offset), Ne: want})
	}
}

// far reads beyond 32767 with the odd instruction, whose offset and data are in
// data objects (ISO 7816-4 §11.3.3).
func (p *pass) far(ctx context.Context, offset, want int) (apdu.Response, error) {
	const header = 4 // tag and length of the data object around the answer
	want = max(1, min(want, p.block-header))
	resp, err := p.send(ctx, apdu.Command{
		INS: insReadOdd, Data: tlv.Append(nil, 0x54, []byte{byte(offset >> 8), byte(offset)}), Ne: want + header,
	})
	if err != nil || len(resp.Data) == 0 {
		return resp, err
	}
	c := tlv.BER(resp.Data)
	data, err := c.Read(0x53)
	if err == nil {
		err = c.End()
	}
	if err != nil {
		return apdu.Response{}, p.broken("far block: %w", err)
	}
	resp.Data = data
	return resp, nil
}

// refusal decides what a status other than success means. It reports whether to
// ask again.
func (p *pass) refusal(ctx context.Context, sw apdu.Status) (bool, error) {
	switch {
	case sw == apdu.OK, sw == apdu.EndOfFile:
		return false, nil
	case refusesLength(sw):
		return p.shorten(sw)
	case p.located && sw == apdu.WrongOffset:
		return false, p.broken("ends at %d of %d bytes", len(p.content), p.total)
	case !p.located && refusesAddress(sw):
		return p.locate(ctx)
	case sw == apdu.NotFound:
		return false, p.failed(ErrNotFound, sw)
	}
	return false, p.failed(ErrAccess, sw)
}

// refusesLength reports whether a status blames Le.
func refusesLength(sw apdu.Status) bool { return sw == apdu.WrongLength || sw>>8 == 0x6C }

// refusesAddress reports whether a status blames the short identifier.
func refusesAddress(sw apdu.Status) bool {
	switch sw {
	case apdu.NotFound, apdu.WrongOffset, 0x6981, 0x6986, 0x6A81, 0x6A86:
		return true
	}
	return false
}

// shorten chooses a smaller block: what 6Cxx names, a short one after an
// extended one, else half.
func (p *pass) shorten(sw apdu.Status) (bool, error) {
	named := int(sw & 0xFF)
	switch {
	case sw>>8 == 0x6C && named > 0 && named < p.block && named <= shortPlain:
		p.refused = p.refused || p.block > shortPlain
		p.block = named
	case p.block > shortPlain:
		p.refused = p.refused || p.block > shortPlain
		p.block = shortPlain
	default:
		p.block /= 2
	}
	if p.block < minBlock {
		return false, p.failed(ErrAccess, sw)
	}
	return true, nil
}

// locate selects the file by its two-byte identifier (ICAO 9303-10 §3.6.2), for
// cards that do not know short ones.
func (p *pass) locate(ctx context.Context) (bool, error) {
	resp, err := p.send(ctx, apdu.Command{INS: insSelect, P1: 0x02, P2: 0x0C, Data: p.file.identifier()})
	if err != nil {
		return false, err
	}
	switch resp.SW {
	case apdu.OK:
		p.located = true
		return true, nil
	case apdu.NotFound:
		return false, p.failed(ErrNotFound, resp.SW)
	}
	return false, p.failed(ErrAccess, resp.SW)
}

// take appends a block. The first one tells the size of the file.
func (p *pass) take(resp apdu.Response) error {
	p.located = true
	if len(resp.Data) == 0 {
		return p.broken("no data at %d of %d bytes", len(p.content), p.total)
	}
	if p.total == 0 {
		if err := p.announce(resp.Data); err != nil {
			return err
		}
	}
	// What follows the announced end is padding of the file.
	p.content = append(p.content, resp.Data[:min(len(resp.Data), p.total-len(p.content))]...)
	if p.progress != nil {
		p.progress(len(p.content), p.total)
	}
	if resp.SW == apdu.EndOfFile && len(p.content) < p.total {
		return p.broken("ends at %d of %d bytes", len(p.content), p.total)
	}
	return nil
}

// announce reads the header of the file.
func (p *pass) announce(first []byte) error {
	tag, header, value, err := tlv.Header(first)
	if err != nil {
		return p.broken("header: %w", err)
	}
	if tag != p.file.tag() {
		if p.file == CardAccess { // another card may have anything here
			return fmt.Errorf("%w: template %v", ErrNotIdentityCard, tag)
		}
		return p.broken("template %v", tag)
	}
	if header+value > p.file.limit() {
		return p.broken("announces %d bytes, over %d", header+value, p.file.limit())
	}
	p.total = header + value
	p.content = make([]byte, 0, p.total)
	return nil
}

func (p *pass) broken(format string, args ...any) error {
	return fmt.Errorf("%w: %v: %w", ErrCard, p.file, fmt.Errorf(format, args...))
}

func (p *pass) failed(err error, sw apdu.Status) error {
	return fmt.Errorf("%w: %v: %v", err, p.file, sw)
}
