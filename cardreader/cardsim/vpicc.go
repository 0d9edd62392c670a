package cardsim

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// The control bytes of vpcd, the virtual reader of vsmartcard: frames of one byte.
const (
	controlPowerOff = 0
	controlPowerOn  = 1
	controlReset    = 2
	controlATR      = 4
)

// Pauses of Dial.
const (
	retryPause = 200 * time.Millisecond  // until vpcd listens
	awayPause  = 1500 * time.Millisecond // before a card that left is put back
)

// Serve is the card in the virtual reader at the other end of conn: frames of a two-byte length, big endian; a frame
// of one byte is a control, of which only the request for the ATR is answered; every other frame is a command. It
// closes conn and returns nil once the card has left, ctx's error once ctx is done, and else what went wrong.
func (c *Card) Serve(ctx context.Context, conn net.Conn) error {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if tcp, ok := conn.(*net.TCPConn); ok {
		// Without it the reader's next frame waits for a delayed acknowledgement: 40 ms a command.
		if err := tcp.SetNoDelay(true); err != nil {
			return fmt.Errorf("cardsim: reader: %w", err)
		}
	}
	c.putBack()
	err := c.serve(ctx, quickConn{conn, quickAck(conn)})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

func (c *Card) putBack() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		c.insert()
	}
	c.applet().Reset()
}

func (c *Card) serve(ctx context.Context, conn quickConn) error {
	for {
		frame, err := conn.readFrame()
		if err != nil {
			return fmt.Errorf("cardsim: reader: %w", err)
		}
		answer, err := c.answer(ctx, frame)
		if err != nil {
			return err
		}
		if answer != nil {
			if err := conn.writeFrame(answer); err != nil {
				return fmt.Errorf("cardsim: reader: %w", err)
			}
		}
		if c.left() {
			return nil
		}
	}
}

func (c *Card) left() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gone
}

// answer returns the frame to send back, or nil for none.
func (c *Card) answer(ctx context.Context, frame []byte) ([]byte, error) {
	if len(frame) != 1 {
		return c.Transmit(ctx, frame)
	}
	switch frame[0] {
	case controlPowerOff:
		c.Power(false)
	case controlPowerOn, controlReset:
		c.Power(true)
	case controlATR:
		return c.ATR(), nil
	}
	return nil, nil
}

// quickConn reads and writes frames. vpcd sends a length and its frame apart, with Nagle's algorithm on: unless each
// read acknowledges at once, every command takes 40 ms longer.
type quickConn struct {
	net.Conn
	quick func()
}

// Read implements io.Reader.
func (q quickConn) Read(b []byte) (int, error) {
	q.quick()
	return q.Conn.Read(b)
}

var errEmptyFrame = errors.New("empty frame")

func (q quickConn) readFrame() ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(q, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint16(head[:])
	if n == 0 {
		return nil, errEmptyFrame
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(q, frame)
	return frame, err
}

// writeFrame sends length and frame in one write.
func (q quickConn) writeFrame(b []byte) error {
	frame := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(b)), uint16(len(b)))
	_, err := q.Conn.Write(append(frame, b...))
	return err
}

// Dial keeps a card in the virtual reader that listens at addr, until ctx is done: it tries again until vpcd listens,
// and puts a card that left back after a moment, or the one that takes its place. It returns ctx's error.
func Dial(ctx context.Context, addr string, card *Card) error {
	var dialer net.Dialer
	for ctx.Err() == nil {
		pause := retryPause
		conn, err := dialer.DialContext(ctx, "tcp", addr)
		if err == nil && card.Serve(ctx, conn) == nil {
			pause = awayPause
		}
		if err := card.wait(ctx, pause); err != nil {
			break
		}
	}
	return ctx.Err()
}
