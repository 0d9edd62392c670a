//go:build (cgo || windows) && !nopcsc

package pcsc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/ebfe/scard"
)

const (
	commandMin = 4                 // ISO 7816-4 §5.1: the header
	commandMax = 4 + 3 + 65535 + 2 // extended length, case 4
	closeLimit = 2 * time.Second   // a reset takes milliseconds; a card that takes longer is left to itself
	nameMax    = 4096              // no service gives longer reader names
)

// Card is an exclusive connection to the card in one reader. Commands are sent one at a time: a second one sent
// meanwhile is refused. A connection that lost its card, or gave up waiting for it, stays lost.
type Card struct {
	context  *scard.Context
	card     *scard.Card
	atr      []byte
	protocol int

	mu       sync.Mutex
	busy     bool  // a command is with the card
	dead     error // why no further command is taken
	released bool
}

// Connect opens the card in the named reader for this program alone. While another program has it open the error
// is [ErrSharing]; trying again is the caller's decision. ctx bounds the call (60 s without a deadline) and is not
// kept.
func Connect(ctx context.Context, reader string) (*Card, error) {
	if reader == "" || len(reader) > nameMax || bytes.IndexByte([]byte(reader), 0) >= 0 {
		return nil, fmt.Errorf("pcsc: %w: %q", ErrNoReader, Reader{Name: reader})
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	return await(ctx, ErrMute, func() (*Card, error) { return connect(reader) }, (*Card).free)
}

func connect(reader string) (*Card, error) {
	// A context of its own, because libpcsclite lets one call at a time into a context: one whose card never
	// answers must hold up no other.
	service, err := scard.EstablishContext()
	if err != nil {
		return nil, failure("context", err)
	}
	card, err := service.Connect(reader, scard.ShareExclusive, scard.ProtocolAny)
	if err != nil {
		_ = service.Release()
		return nil, failure("connect", err)
	}
	c := &Card{context: service, card: card}
	if c.protocol, err = protocol(card); err != nil {
		c.free()
		return nil, err
	}
	status, err := card.Status()
	if err != nil {
		c.free()
		return nil, failure("status", err)
	}
	c.atr = bytes.Clone(status.Atr)
	return c, nil
}

// protocol refuses what the library's Transmit would panic on.
func protocol(card *scard.Card) (int, error) {
	switch card.ActiveProtocol() {
	case scard.ProtocolT0:
		return 0, nil
	case scard.ProtocolT1:
		return 1, nil
	}
	return -1, fmt.Errorf("pcsc: protocol: %w", ErrUnresponsive)
}

// ATR is the card's answer to reset (ISO 7816-3 §8.2).
func (c *Card) ATR() []byte { return bytes.Clone(c.atr) }

// Protocol is the transmission protocol in use: 0 for T=0, 1 for T=1.
func (c *Card) Protocol() int { return c.protocol }

// Transmit sends one command, as encoded by the caller, and returns the response: at least the two bytes of its
// status word, at most 65 538 bytes. The deadline is ctx's, or 60 s. When ctx ends first the error is [ErrMute] at
// its deadline, or wraps the context's error when it was cancelled; the connection takes no further command either
// way, since its answer may still come.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if len(command) < commandMin || len(command) > commandMax {
		return nil, fmt.Errorf("pcsc: command of %d bytes, want %d to %d", len(command), commandMin, commandMax)
	}
	command = bytes.Clone(command) // the call may outlive this one
	return c.run(ctx, func() ([]byte, error) { return c.exchange(command) })
}

// Reset cuts the card's power and gives it again, which ends every session with the card and keeps the connection.
// The deadline is that of Transmit.
func (c *Card) Reset(ctx context.Context) error {
	_, err := c.run(ctx, func() ([]byte, error) {
		if err := c.card.Reconnect(scard.ShareExclusive, scard.ProtocolAny, scard.UnpowerCard); err != nil {
			return nil, failure("reset", err)
		}
		_, err := protocol(c.card)
		return nil, err
	})
	return err
}

// run makes one call that the card may leave without an answer.
func (c *Card) run(ctx context.Context, call func() ([]byte, error)) ([]byte, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("pcsc: nothing was sent: %w", err)
	}
	if err := c.take(); err != nil {
		return nil, err
	}
	answer, err := await(ctx, ErrMute, func() ([]byte, error) {
		b, err := call()
		c.give(err)
		return b, err
	}, func([]byte) {})
	if ended := ctx.Err(); ended != nil && errors.Is(err, ended) {
		c.kill(ErrMute)
	}
	return answer, err
}

func (c *Card) exchange(command []byte) ([]byte, error) {
	response, err := c.card.Transmit(command)
	if err != nil {
		return nil, failure("transmit", err)
	}
	// A card that leaves in the middle of a command is no error to pcscd: the response is empty.
	if len(response) < 2 {
		return nil, fmt.Errorf("pcsc: transmit: %w", ErrRemoved)
	}
	return bytes.Clone(response), nil // the library's buffer is 64 KiB whatever the response
}

// take begins a command.
func (c *Card) take() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead != nil {
		return fmt.Errorf("pcsc: connection lost: %w", c.dead)
	}
	if c.busy {
		return errors.New("pcsc: a command is with the card already")
	}
	c.busy = true
	return nil
}

// give ends a command. A failure loses the connection for good: whatever answers next may be another card, or this
// one without its session.
func (c *Card) give(err error) {
	c.mu.Lock()
	c.busy = false
	if c.dead == nil && err != nil {
		c.dead = errors.Unwrap(err) // what failed, without how
	}
	abandoned := errors.Is(c.dead, ErrMute) || errors.Is(c.dead, os.ErrClosed)
	c.mu.Unlock()
	if abandoned {
		c.free()
	}
}

// kill refuses further commands, and releases the card unless a command is still with it: then give will.
func (c *Card) kill(why error) {
	c.mu.Lock()
	if c.dead == nil || errors.Is(why, os.ErrClosed) && !errors.Is(c.dead, ErrMute) {
		c.dead = why
	}
	busy := c.busy
	c.mu.Unlock()
	if !busy {
		ctx, cancel := context.WithTimeout(context.Background(), closeLimit)
		defer cancel()
		_, _ = await(ctx, ErrMute, func() (struct{}, error) { c.free(); return struct{}{}, nil }, func(struct{}) {})
	}
}

// Close resets the card, so that no session survives on it, and releases it. It does not wait for a command that
// is with the card: the release then follows the card's answer. Closing twice is harmless.
func (c *Card) Close() error {
	c.kill(os.ErrClosed)
	return nil
}

// free disconnects, once.
func (c *Card) free() {
	c.mu.Lock()
	done := c.released
	c.released = true
	c.mu.Unlock()
	if done {
		return
	}
	_ = c.card.Disconnect(scard.ResetCard) // fails when the card is gone, and its session with it
	_ = c.context.Release()
}
