// Package cardsim is the simulated identity card: a chip with cryptography of its own, files signed by a TEST State,
// and a table of personas, genuine and not, each with the reason for which it has to be refused. A card answers
// command bytes in process, or to a PC/SC daemon through the virtual reader vpcd. Tests and the demonstration use it;
// nothing that decides does.
package cardsim

import (
	"context"
	"sync"
	"time"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/shared/apdu"
)

// applet is what answers the commands of a card.
type applet interface {
	Process(command []byte) chip.Outcome
	Reset()
}

// Card is one simulated card, or what passes for one. It is safe for concurrent use: commands are served one by one.
type Card struct {
	// Wait replaces the waiting of slow cards, and of Dial between attempts. Set it before the first command; nil
	// is the real clock. It returns the context's error when that ends first.
	Wait func(ctx context.Context, d time.Duration) error

	mu       sync.Mutex
	atr      []byte
	wire     wire
	applets  []applet // the card, then those that are put back in its place
	inserted int      // index of the present one
	gone     bool
	slept    bool // the first wait is over
	t0       halfDuplex
}

// New personalises the card of a persona. The same persona under the same PKI is the same card each time, apart from
// salted signatures. It returns an error when a profile, a citizen or a fault is not in the tables.
func New(pki *PKI, persona Persona) (*Card, error) {
	e, err := effectOf(persona.Fault)
	if err != nil {
		return nil, err
	}
	prof, err := profileOf(persona.Profile)
	if err != nil {
		return nil, err
	}
	card := &Card{wire: e.wire, atr: unhex(prof.atr)}
	if e.wire.atr != "" {
		card.atr = unhex(e.wire.atr)
	}
	if e.wire.foreign != nil {
		card.applets = []applet{e.wire.foreign}
		return card, nil
	}
	holders := []string{persona.Citizen}
	if e.wire.swap {
		holders = append(holders, nextCitizen(persona.Citizen))
	}
	for _, key := range holders {
		other := persona
		other.Citizen = key
		d, err := newDraft(pki.p, other)
		if err != nil {
			return nil, err
		}
		conf, err := d.personalise(e, persona.CAN)
		if err != nil {
			return nil, err
		}
		card.applets = append(card.applets, chip.New(conf))
	}
	return card, nil
}

// ATR returns the answer to reset, at most 33 bytes; nothing once the card has left.
func (c *Card) ATR() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return nil
	}
	return append([]byte(nil), c.atr...)
}

// Power gives or takes power. Either way sessions and selections are lost, as at a reset; the try counter is not.
// Power given to a card that left puts it back, or the one that takes its place.
func (c *Card) Power(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on && c.gone {
		c.insert()
	}
	c.applet().Reset()
	c.t0 = halfDuplex{}
}

// insert puts back the card that left, or the next one.
func (c *Card) insert() {
	c.gone = false
	c.inserted = min(c.inserted+1, len(c.applets)-1)
}

func (c *Card) applet() applet { return c.applets[c.inserted] }

// Process answers one command; nil says that the card has left. It waits as slow cards do, and a mute card never
// returns: Transmit can be called off.
func (c *Card) Process(command []byte) []byte {
	response, err := c.Transmit(context.Background(), command)
	if err != nil || len(response) == 0 {
		return nil
	}
	return response
}

// Transmit answers one command in process, as a PC/SC reader would: a card that has left gives no error and no bytes.
// It implements apdu.Transmitter. A mute card blocks until ctx is done; slow ones wait by Wait.
func (c *Card) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if c.gone {
		return nil, nil
	}
	if c.wire.mute {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	out := c.exchange(command)
	if err := c.delay(ctx, out); err != nil {
		return nil, err
	}
	if c.wire.leave.at(out) {
		c.gone = true
		if !c.wire.leave.answers {
			return nil, nil
		}
	}
	return out.Response, nil
}

// delay waits for as long as the card takes over a command.
func (c *Card) delay(ctx context.Context, out chip.Outcome) error {
	d := out.Delay
	switch out.Operation {
	case chip.PACENonce, chip.PACEMap, chip.PACEKey, chip.PACEToken, chip.CAKey:
		d += c.wire.each
		if !c.slept {
			d += c.wire.first
		}
		c.slept = true
	}
	if d == 0 {
		return nil
	}
	return c.wait(ctx, d)
}

func (c *Card) wait(ctx context.Context, d time.Duration) error {
	if c.Wait != nil {
		return c.Wait(ctx, d)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Reset cuts the card's power for a moment, as a PC/SC reader does when it is told to. It returns apdu.ErrRemoved when
// the card has left: Power puts it back, or the one that takes its place.
func (c *Card) Reset(context.Context) error {
	if c.left() {
		return apdu.ErrRemoved
	}
	c.Power(true)
	return nil
}
