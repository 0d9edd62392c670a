package means

import (
	"bytes"
	"maps"

	"pivot/server/internal/assurance"
	"pivot/server/internal/record"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// handleSize is the length of a handle, in octets.
const handleSize = 32

// CardParts are what a card is made of.
type CardParts struct {
	ID       string        // random; 1 to 64 printable characters of ASCII
	Account  string        // whose it is
	Device   string        // the device that it is used with: activated together, suspended together
	Handle   []byte        // 32 random octets, which that device holds and the card is found by
	Document card.Document // which document it is
	Memory   []byte        // see [card.Verdict.Memory]
	Reach    wire.Reach    // what reader and chip were seen to carry
	// Unconfirmed says that the names on the document could not be compared in full: the card has no grade, and reaches no
	// level, until a desk has done so.
	Unconfirmed bool
}

// Card is an enrolled document.
type Card struct {
	head
	alias [32]byte
	body  cardBody
}

const cardV1 = 1

type cardBody struct {
	V           int                  `json:"v"`
	Account     string               `json:"account"`
	Device      string               `json:"device"`
	State       string               `json:"issuing_state"`
	Code        string               `json:"code"`
	Number      string               `json:"number"`
	Memory      []byte               `json:"memory"`
	Reach       wire.Reach           `json:"reach"`
	Activation  assurance.Activation `json:"activation"`
	Unconfirmed bool                 `json:"unconfirmed,omitempty"`
	Standing    standing             `json:"standing"`
}

// NewCard makes a card that was never stored, at the grade of its activation: none for one that is unconfirmed, and for no
// other. Errors: a part that is missing or out of its bounds.
func NewCard(p CardParts, grade assurance.Activation) (Card, error) {
	p.Reach.Sizes = maps.Clone(p.Reach.Sizes)
	c := Card{
		head: head{kind: record.Card, id: p.ID}, alias: Alias(p.Handle),
		body: cardBody{
			V: cardV1, Account: p.Account, Device: p.Device, Memory: bytes.Clone(p.Memory), Reach: p.Reach, Activation: grade,
			State: p.Document.State, Code: p.Document.Code, Number: p.Document.Number,
			Unconfirmed: p.Unconfirmed, Standing: standing{State: record.StateActive},
		},
	}
	if len(p.Handle) != handleSize || !c.valid() {
		return Card{}, errParts
	}
	return c, nil
}

// ParseCard reads what [Card.Change] stored. Errors: anything else.
func ParseCard(r record.Record) (Card, error) {
	c := Card{head: head{kind: record.Card, id: r.ID, version: r.Version}, alias: r.Alias}
	if err := decode(r, record.Card, &c.body); err != nil {
		return Card{}, err
	}
	if r.Owner == c.body.Account { // as cards were stored before
		r.Owner = c.body.Device
	}
	return sound(c, r, c.Change(), c.valid())
}

func (c Card) valid() bool {
	b := c.body
	for _, part := range []string{c.id, b.Account, b.Device, b.State, b.Code, b.Number} {
		if !identifier(part) {
			return false
		}
	}
	return b.V == cardV1 && c.alias != [32]byte{} && len(b.Memory) > 0 && len(b.Memory) <= mostMemory && reaches(b.Reach) &&
		b.graded() && b.Standing.valid()
}

// graded reports whether the card has a grade, or none because it is unconfirmed.
func (b cardBody) graded() bool {
	if b.Unconfirmed {
		return b.Activation == 0
	}
	return b.Activation.Valid()
}

// mostReach is more than any card or reader carries, and mostSizes than any reading has files.
const (
	mostReach = 1 << 24
	mostSizes = 16
)

func reaches(r wire.Reach) bool {
	for name, size := range r.Sizes {
		if !identifier(name) || size < 0 || size > mostReach {
			return false
		}
	}
	return len(r.Sizes) <= mostSizes && r.MaxResponse >= 0 && r.MaxResponse <= mostReach && r.Block >= 0 && r.Block <= mostReach
}

// Account is the identifier of the account that the card belongs to.
func (c Card) Account() string { return c.body.Account }

// Device is the identifier of the device that the card is used with.
func (c Card) Device() string { return c.body.Device }

// Document is the document that was enrolled.
func (c Card) Document() card.Document {
	return card.Document{State: c.body.State, Code: c.body.Code, Number: c.body.Number}
}

// Memory is what the card is recognised by; see [card.Recall].
func (c Card) Memory() []byte { return bytes.Clone(c.body.Memory) }

// Reach is what reader and chip were seen to carry.
func (c Card) Reach() wire.Reach {
	reach := c.body.Reach
	reach.Sizes = maps.Clone(reach.Sizes)
	return reach
}

// Active reports whether the card may be used.
func (c Card) Active() bool { return c.body.Standing.active() }

// Reason is why the card is suspended; empty while it is active.
func (c Card) Reason() string { return c.body.Standing.Reason }

// Activation is how the card was tied to its holder; zero while it is unconfirmed.
func (c Card) Activation() assurance.Activation { return c.body.Activation }

// Change stores the card in the place of what was read. Its device owns it, so that it is found however many cards the
// account has.
func (c Card) Change() record.Change {
	change := c.change(c.body.Standing.State, c.body.Device, c.body)
	change.Next.Alias = c.alias
	return change
}

// Activate gives the card the grade of a new activation. Errors: [ErrSuspended]; no grade.
func (c Card) Activate(grade assurance.Activation) (Card, error) {
	if !grade.Valid() || c.IsZero() {
		return Card{}, errParts
	}
	if !c.Active() {
		return Card{}, ErrSuspended
	}
	c.body.Activation, c.body.Unconfirmed = grade, false
	return c, nil
}

// Remember takes what a full reading of the same document taught, and a new handle in the place of the one before.
// Errors: [ErrSuspended]; a value out of its bounds.
func (c Card) Remember(handle, memory []byte, reach wire.Reach) (Card, error) {
	reach.Sizes = maps.Clone(reach.Sizes)
	c.alias, c.body.Memory, c.body.Reach = Alias(handle), bytes.Clone(memory), reach
	if len(handle) != handleSize || !c.valid() {
		return Card{}, errParts
	}
	if !c.Active() {
		return Card{}, ErrSuspended
	}
	return c, nil
}

// Suspend ends the use of the card for good; the first reason stays.
func (c Card) Suspend(reason string) Card {
	c.body.Standing = c.body.Standing.suspended(reason)
	return c
}
