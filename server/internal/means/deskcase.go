package means

import (
	"bytes"
	"crypto/subtle"
	"slices"
	"time"

	"pivot/server/internal/record"
)

// DeskOwner owns every desk case that waits, so that the desk can list them.
const DeskOwner = "desk"

// pastOwner owns those that are over: however many there are, none hides one that waits.
const pastOwner = "desk-past"

// The lives and tries of a desk case.
const (
	caseLife  = 30 * 24 * time.Hour // to come to a desk
	caseTries = 5                   // to enter the code
	caseAfter = 24 * time.Hour      // that a case which is over can still be looked at

	leastCodeLife = 10 * time.Minute
	mostCodeLife  = 24 * time.Hour
)

// DeskParts are what a desk case is made of.
type DeskParts struct {
	ID        string   // random; 1 to 64 printable characters of ASCII
	Reference string   // what the citizen says at the desk; 1 to 64 printable characters of ASCII
	Account   string   // who is to be activated
	Device    string   // with which device; its PIN is activated with it
	Card      string   // and which card
	Portrait  []byte   // data group 2 as the chip gave it, at most 65,536 octets
	Holder    []string // lines that say who the agent must have in front of them, at most 16 of 256 characters
	// Unconfirmed says that the agent must also compare the names in Holder, which are the register's, with those printed on
	// the card: its chip did not give them in full.
	Unconfirmed bool
	// Email is the address of electronic mail that was given at the pairing, at most 254 octets; empty for none. It is the
	// account's once the case is done: until then nobody has shown to be the person whom the account is about.
	Email string
}

// DeskCase is an activation in person that waits: for the agent to compare the face with the portrait that the chip
// gave, then for the code that the agent hands over to be entered on the very device.
type DeskCase struct {
	head
	alias   [32]byte
	state   string
	expires time.Time
	body    deskBody
}

const (
	deskV1 = 1

	caseOpen     = "open"     // waits for the desk
	caseApproved = "approved" // waits for the code
	caseDone     = "done"     // the code was entered
	caseEnded    = "ended"    // it never will be
)

type deskBody struct {
	V           int      `json:"v"`
	Reference   string   `json:"reference"`
	Account     string   `json:"account"`
	Device      string   `json:"device"`
	Card        string   `json:"card"`
	Portrait    []byte   `json:"portrait,omitempty"`
	Holder      []string `json:"holder,omitempty"`
	Unconfirmed bool     `json:"unconfirmed,omitempty"`
	Email       string   `json:"email,omitempty"`
	Opened      int64    `json:"opened"` // milliseconds
	Code        []byte   `json:"code,omitempty"`
	Until       int64    `json:"until,omitempty"` // milliseconds
	Tries       int      `json:"tries"`
	Agent       string   `json:"agent,omitempty"`
}

// NewDeskCase opens a case that was never stored. It has thirty days. Errors: a part that is missing or out of its
// bounds.
func NewDeskCase(p DeskParts, now time.Time) (DeskCase, error) {
	now = millis(now)
	c := DeskCase{
		head: head{kind: record.DeskCase, id: p.ID}, alias: Alias([]byte(p.Reference)), state: caseOpen, expires: now.Add(caseLife),
		body: deskBody{
			V: deskV1, Reference: p.Reference, Account: p.Account, Device: p.Device, Card: p.Card,
			Portrait: bytes.Clone(p.Portrait), Holder: slices.Clone(p.Holder), Unconfirmed: p.Unconfirmed, Email: p.Email, Opened: now.UnixMilli(),
		},
	}
	if !c.valid() {
		return DeskCase{}, errParts
	}
	return c, nil
}

// ParseDeskCase reads what [DeskCase.Change] stored. Errors: anything else.
func ParseDeskCase(r record.Record) (DeskCase, error) {
	c := DeskCase{head: head{kind: record.DeskCase, id: r.ID, version: r.Version}, alias: r.Alias, state: r.State, expires: r.Expires}
	if err := decode(r, record.DeskCase, &c.body); err != nil {
		return DeskCase{}, err
	}
	if c.over() && r.Owner == DeskOwner { // as cases that are over were stored before
		r.Owner = pastOwner
	}
	return sound(c, r, c.Change(), c.valid())
}

const (
	mostEmail    = 254
	mostPortrait = 64 << 10
	mostHolder   = 16
	mostLine     = 256
)

func (c DeskCase) valid() bool {
	b := c.body
	for _, part := range []string{c.id, b.Reference, b.Account, b.Device, b.Card} {
		if !identifier(part) {
			return false
		}
	}
	if slices.ContainsFunc(b.Holder, func(line string) bool { return line == "" || !text(line, mostLine) }) {
		return false
	}
	return b.V == deskV1 && c.alias == Alias([]byte(b.Reference)) && len(b.Portrait) <= mostPortrait && len(b.Holder) <= mostHolder &&
		len(b.Email) <= mostEmail && text(b.Email, mostEmail) && b.Opened > 0 && !c.expires.IsZero() && b.Tries >= 0 && b.Tries <= caseTries && c.stated()
}

// dealt reports whether an agent is named where one dealt with the case, if at all.
func (c DeskCase) dealt() bool {
	return c.body.Agent == "" || c.state != caseOpen && identifier(c.body.Agent)
}

// stated reports whether the case holds what its state has, and nothing else.
func (c DeskCase) stated() bool {
	b := c.body
	faces, coded := len(b.Portrait) > 0 && len(b.Holder) > 0, len(b.Code) == 32 && b.Until > 0
	bare := len(b.Code) == 0 && b.Until == 0
	if !c.dealt() {
		return false
	}
	switch c.state {
	case caseOpen:
		return faces && bare && b.Tries == 0
	case caseApproved:
		return faces && coded && b.Tries < caseTries
	case caseDone, caseEnded:
		return len(b.Portrait) == 0 && len(b.Holder) == 0 && b.Email == "" && bare
	}
	return false
}

// Reference is what the citizen says at the desk.
func (c DeskCase) Reference() string { return c.body.Reference }

// Means are the identifiers of what is to be activated, and for whom.
func (c DeskCase) Means() (account, device, card string) {
	return c.body.Account, c.body.Device, c.body.Card
}

// Portrait is data group 2; nil once the case is over.
func (c DeskCase) Portrait() []byte { return bytes.Clone(c.body.Portrait) }

// Holder says who the agent must have in front of them; nil once the case is over.
func (c DeskCase) Holder() []string { return slices.Clone(c.body.Holder) }

// Unconfirmed reports whether the agent must compare names also.
func (c DeskCase) Unconfirmed() bool { return c.body.Unconfirmed }

// Email is the address of electronic mail that was given at the pairing; empty once the case is over, or for none.
func (c DeskCase) Email() string { return c.body.Email }

// State is open, approved, done or ended.
func (c DeskCase) State() string { return c.state }

// Opened is when the case was opened.
func (c DeskCase) Opened() time.Time { return time.UnixMilli(c.body.Opened).UTC() }

// Expires is when the case is forgotten.
func (c DeskCase) Expires() time.Time { return c.expires }

// TriesLeft is how often a code can still be entered.
func (c DeskCase) TriesLeft() int {
	if c.over() {
		return 0
	}
	return caseTries - c.body.Tries
}

func (c DeskCase) over() bool { return c.state == caseDone || c.state == caseEnded }

// Change stores the case in the place of what was read.
func (c DeskCase) Change() record.Change {
	owner := DeskOwner
	if c.over() {
		owner = pastOwner
	}
	change := c.change(c.state, owner, c.body)
	change.Next.Alias, change.Next.Expires = c.alias, c.expires
	return change
}

// Approve says that the agent found the face to be that of the portrait. The code that is handed over is good until
// then, ten minutes to a day from now; one that was handed over before is not any more, and its tries stay counted.
// Errors: [ErrOver]; a code that is empty, a time out of its bounds.
func (c DeskCase) Approve(code string, until, now time.Time) (DeskCase, error) {
	until, now = millis(until), millis(now)
	if life := until.Sub(now); code == "" || life < leastCodeLife || life > mostCodeLife {
		return DeskCase{}, errParts
	}
	if c.IsZero() || c.over() || !now.Before(c.expires) {
		return DeskCase{}, ErrOver
	}
	hash := c.codeHash(code)
	c.state, c.body.Code, c.body.Until = caseApproved, hash[:], until.UnixMilli()
	if c.expires.Before(until) {
		c.expires = until
	}
	return c, nil
}

// By notes which agent dealt with the case, for the entry of what follows: 1 to 64 printable characters of ASCII. It comes
// after [DeskCase.Approve]; a case of which nobody said anything stays as it is.
func (c DeskCase) By(agent string) DeskCase {
	if c.state != caseOpen && identifier(agent) {
		c.body.Agent = agent
	}
	return c
}

// Agent is who dealt with the case last; empty before.
func (c DeskCase) Agent() string { return c.body.Agent }

// Redeem enters the code on a device. The right code ends the case as done; a wrong one is counted, and the fifth ends
// the case. Errors: [ErrWrongCode], beside the case that must be stored before the answer is given; [ErrNotReady] for a
// case that was not approved, or of another device; [ErrOver], also for a code that is too old.
func (c DeskCase) Redeem(device, code string, now time.Time) (DeskCase, error) {
	now = millis(now)
	switch {
	case c.IsZero() || c.over() || !now.Before(c.expires):
		return DeskCase{}, ErrOver
	case c.state != caseApproved || device != c.body.Device:
		return DeskCase{}, ErrNotReady
	case now.UnixMilli() >= c.body.Until:
		return DeskCase{}, ErrOver
	}
	hash := c.codeHash(code)
	if subtle.ConstantTimeCompare(hash[:], c.body.Code) == 1 {
		return c.end(caseDone, now), nil
	}
	c.body.Tries++
	if c.body.Tries == caseTries {
		return c.end(caseEnded, now), ErrWrongCode
	}
	return c, ErrWrongCode
}

// End ends a case that is not over: the agent refused, or the device was suspended. Errors: [ErrOver].
func (c DeskCase) End(now time.Time) (DeskCase, error) {
	if c.IsZero() || c.over() {
		return DeskCase{}, ErrOver
	}
	return c.end(caseEnded, millis(now)), nil
}

// end forgets the face, the address and the code at once, and the rest in a day.
func (c DeskCase) end(state string, now time.Time) DeskCase {
	c.state, c.expires = state, now.Add(caseAfter)
	c.body.Portrait, c.body.Holder, c.body.Email, c.body.Code, c.body.Until = nil, nil, "", nil, 0
	return c
}

// codeHash is what is kept of a code; the identifier keeps the codes of two cases apart.
func (c DeskCase) codeHash(code string) [32]byte { return Alias([]byte(c.id + "\x00" + code)) }
