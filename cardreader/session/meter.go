package session

import (
	"context"
	"sync/atomic"
)

// Meter counts what passes between a session and its card; it looks at sizes alone.
type Meter struct {
	Link
	apdus, sent, received atomic.Int64
}

// NewMeter returns a link that counts for card.
func NewMeter(card Link) *Meter { return &Meter{Link: card} }

// Transmit implements the transmitter that it wraps.
func (m *Meter) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	response, err := m.Link.Transmit(ctx, command)
	m.apdus.Add(1)
	m.sent.Add(int64(len(command)))
	m.received.Add(int64(len(response)))
	return response, err
}

// APDUs is the number of commands sent so far.
func (m *Meter) APDUs() int { return int(m.apdus.Load()) }

// Bytes are the bytes sent and received so far, status words included.
func (m *Meter) Bytes() (sent, received int) { return int(m.sent.Load()), int(m.received.Load()) }
