package cardsim

import (
	"time"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/shared/apdu"
)

// wire is how a card behaves between its chip and the reader. The zero wire is a good card of T=1.
type wire struct {
	atr       string // hexadecimal; empty: the profile's
	leave     leaving
	swap      bool          // another citizen's card takes its place, with the same card access number
	first     time.Duration // taken over the first cryptographic command
	each      time.Duration // taken over every one
	mute      bool          // no command is answered
	shortOnly bool          // extended length is refused
	t0        bool          // 61xx and 6Cxx, as cards of T=0 answer
	foreign   applet        // another application altogether
}

// leaving says at which command the card leaves the reader, and whether it still answers it.
type leaving struct {
	on      chip.Operation
	file    chip.FID // of a read; 0: any
	answers bool
}

func (l leaving) at(out chip.Outcome) bool {
	return l.on != chip.Other && out.Operation == l.on && (l.file == 0 || out.File == l.file)
}

// exchange passes a command through the transport's limits.
func (c *Card) exchange(command []byte) chip.Outcome {
	if c.wire.shortOnly && len(command) > 5 && command[4] == 0 {
		c.applet().Reset() // an error in clear ends secure messaging
		return bare(apdu.WrongLength)
	}
	if !c.wire.t0 {
		return c.applet().Process(command)
	}
	if response, ok := c.t0.getResponse(command); ok {
		return chip.Outcome{Response: response}
	}
	out := c.applet().Process(command)
	out.Response = c.t0.hold(command, out.Response)
	return out
}

func bare(sw apdu.Status) chip.Outcome {
	return chip.Outcome{Response: []byte{byte(sw >> 8), byte(sw)}}
}

// halfDuplex is T=0, where a command cannot carry data both ways (ISO/IEC 7816-3 §12): the response data of such a
// command waits for GET RESPONSE, which is in clear and outside of secure messaging.
type halfDuplex struct {
	pending []byte // data and status word not fetched yet
}

const insGetResponse = 0xC0

// getResponse serves GET RESPONSE and reports whether the command was one.
func (h *halfDuplex) getResponse(command []byte) ([]byte, bool) {
	if len(command) != 5 || command[0] != 0 || command[1] != insGetResponse {
		h.pending = nil
		return nil, false
	}
	if len(h.pending) <= 2 {
		return bare(0x6985).Response, true
	}
	n := int(command[4])
	if n == 0 {
		n = 256
	}
	n = min(n, len(h.pending)-2)
	data := h.pending[:n:n]
	h.pending = h.pending[n:]
	if len(h.pending) > 2 {
		return append(data, 0x61, remaining(len(h.pending)-2)), true
	}
	return append(data, h.pending...), true
}

// hold keeps back what T=0 cannot send at once: 61xx says how much waits, 6Cxx how much should have been asked for.
func (h *halfDuplex) hold(command, response []byte) []byte {
	data := len(response) - 2
	switch {
	case data <= 0:
		return response
	case len(command) > 5:
		h.pending = response
		return []byte{0x61, remaining(data)}
	case len(command) == 5 && int(command[4]) != data&0xFF:
		return []byte{0x6C, byte(data)}
	}
	return response
}

// remaining is a length in one byte: 00 for 256 or more.
func remaining(n int) byte {
	if n > 255 {
		return 0
	}
	return byte(n)
}
