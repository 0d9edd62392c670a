package card

import (
	"fmt"
	"log/slog"
	"slices"

	"pivot/shared/apdu"
	"pivot/shared/brainpool"
	"pivot/shared/sm"
)

// Group is one data group to read under the chip's proof.
type Group struct {
	Number int // 1, 2, 11, 12 or 13
	Size   int // length of the file with its header, as the companion saw it; 0 when unknown. A hint: a lie only fails
}

// Plan is what to read, and what the reader and the chip can carry, as the companion says. Nothing in it is trusted
// with anything but success: a wrong plan ends in a refusal.
type Plan struct {
	Opening     string // names this challenge in the approval that covers its answer; at most 64 octets, may be empty
	Groups      []Group
	Extended    bool // extended-length commands pass
	MaxResponse int  // most bytes that one response may carry, with extended length; ignored without
	Block       int  // most bytes of a file that the chip was seen to give at once; 0 when not known
}

// Challenge is what the companion relays to the chip: the parameters of Chip Authentication (ICAO 9303-11 §6.2.3),
// then the batch, byte for byte.
type Challenge struct {
	OID             []byte   // content octets of the protocol's OID, for MSE:Set AT, tag 80
	KeyID           *int     // private key reference, tag 84, when the card has several keys
	EphemeralPublic []byte   // uncompressed point, for GENERAL AUTHENTICATE, tag 80
	Batch           [][]byte // protected commands, encoded
}

// The most that is read of each data group when its size is not known, and the most believed when it is:
// DG1 holds 88 characters at most (ICAO 9303-10 §4.7.1), DG2 stays under 20 KB on identity cards.
const (
	mostDG1   = sm.MaxShortPlain
	mostDG2   = 24 << 10
	mostOther = 1 << 10

	// The bytes that secure messaging adds to the data of a response: 87 header and indicator (6), padding (16),
	// 99 (4), 8E (10).
	smOverhead = 36

	minBlock  = 32
	mostReads = 160

	mostOpening = 64 // octets of the name of a challenge
)

// read is one READ BINARY of the batch.
type read struct {
	group, offset, length int
}

// most returns how many bytes of a data group are asked for at most; 0 for one that is never read.
func most(group int) int {
	switch group {
	case 1:
		return mostDG1
	case 2:
		return mostDG2
	case 11, 12, 13:
		return mostOther
	}
	return 0
}

// reads lays the plan out as commands: as few as the lengths allow.
func (p Plan) reads(signed map[int][]byte) ([]read, error) {
	block := sm.MaxShortPlain
	if p.Extended && p.MaxResponse > sm.MaxShortPlain+smOverhead {
		block = min(p.MaxResponse, 0xFFFF) - smOverhead
	}
	if p.Block > 0 {
		block = min(block, max(p.Block, minBlock))
	}
	var out []read
	seen := make(map[int]bool)
	for _, g := range p.Groups {
		size := most(g.Number)
		_, ok := signed[g.Number]
		if size == 0 || !ok || seen[g.Number] {
			return nil, refusePlan("data group %d: never read, not on this card, or twice in the plan", g.Number)
		}
		seen[g.Number] = true
		if g.Size > 0 {
			size = min(size, g.Size)
		}
		for offset := 0; offset < size; offset += block {
			out = append(out, read{group: g.Number, offset: offset, length: min(block, size-offset)})
		}
	}
	if len(out) == 0 || len(out) > mostReads {
		return nil, refusePlan("a batch of %d commands", len(out))
	}
	return out, nil
}

func refusePlan(format string, n int) error {
	return refuse(StepChip, ReasonPlan, fmt.Errorf(format, n))
}

// command is the READ BINARY of ISO 7816-4 §11.2.3: by short file identifier, which selects the file, then by offset.
func (r read) command() apdu.Command {
	c := apdu.Command{INS: 0xB0, P1: byte(r.offset >> 8), P2: byte(r.offset), Ne: r.length}
	if r.offset == 0 {
		c.P1, c.P2 = 0x80|byte(r.group), 0
	}
	return c
}

// Format redacts for every verb: a batch is commands of one card's session.
func (c Challenge) Format(f fmt.State, _ rune) { redact(f, "Challenge") }

// LogValue implements [slog.LogValuer], redacted.
func (c Challenge) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Has reports whether the document's State signed a data group of that number.
func (c *Chip) Has(group int) bool {
	_, ok := c.groups[group]
	return ok
}

// Challenge chooses a fresh ephemeral key, derives the Chip Authentication keys that only the genuine chip can derive
// too, and protects the whole batch in advance: the companion can neither alter a command nor read an answer.
// The private key is forgotten on return. A plan that no card could serve is a [*Refusal].
func (c *Chip) Challenge(p Plan) (*Session, Challenge, error) {
	reads, err := p.reads(c.groups)
	if err != nil {
		return nil, Challenge{}, err
	}
	if len(p.Opening) > mostOpening {
		return nil, Challenge{}, refusePlan("an opening named by %d octets", len(p.Opening))
	}
	ephemeral, err := c.key.curve.RandomScalar()
	if err != nil {
		return nil, Challenge{}, err
	}
	secret, err := brainpool.SharedX(ephemeral, c.key.point)
	if err != nil {
		return nil, Challenge{}, refuse(StepChipKey, ReasonBadChipKey, err)
	}
	keys, err := c.key.suite.Derive(secret)
	if err != nil {
		return nil, Challenge{}, err
	}
	batch, err := protect(keys, reads)
	if err != nil {
		return nil, Challenge{}, err
	}
	public := c.key.curve.BaseMul(ephemeral).Bytes()
	s := &Session{
		keys: keys, reads: reads, groups: c.signedOf(reads), digest: c.digest,
		country: c.signer.ds.Country(), recalled: c.known, memory: c.memory(), opening: p.Opening, public: public,
	}
	return s, Challenge{OID: c.key.oid, KeyID: c.key.id, EphemeralPublic: slices.Clone(public), Batch: batch}, nil
}

// protect wraps the commands under send sequence counters 1, 3, 5, ...: the counter starts at zero with the new keys
// and grows with every command and every response (ICAO 9303-11 §9.8.7.3).
func protect(keys sm.Keys, reads []read) ([][]byte, error) {
	batch := make([][]byte, 0, len(reads))
	for i, r := range reads {
		c, err := sm.Protect(keys, commandCounter(i), r.command())
		if err != nil {
			return nil, err
		}
		// What lies between fits no short response once protected. Le is outside the MAC.
		if r.length > sm.MaxShortPlain {
			c.Ne = 1 << 16
		}
		raw, err := c.Extended()
		if err != nil {
			return nil, err
		}
		batch = append(batch, raw)
	}
	return batch, nil
}

func commandCounter(i int) uint64  { return uint64(2*i + 1) }
func responseCounter(i int) uint64 { return uint64(2*i + 2) }

// signedOf keeps the digests of the data groups that will be read.
func (c *Chip) signedOf(reads []read) map[int][]byte {
	out := make(map[int][]byte)
	for _, r := range reads {
		out[r.group] = c.groups[r.group]
	}
	return out
}
