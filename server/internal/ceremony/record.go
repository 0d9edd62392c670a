package ceremony

import (
	"bytes"
	"encoding/json"
	"errors"

	"pivot/server/internal/record"
)

// format is the version of what is sealed.
const format = 1

var errRecord = errors.New("ceremony: not the record of a ceremony")

// Change is what to store: the steps taken since the ceremony was read, as one change guarded by its version.
func (c Ceremony) Change() record.Change {
	body, err := json.Marshal(c.state)
	if err != nil { // no value of these types fails to encode
		body = nil
	}
	next := record.Record{
		Kind: record.Ceremony, ID: c.id, Version: c.stored + 1, State: string(c.stage), Owner: c.Device(),
		Expires: c.expires, Body: body,
	}
	if c.state.Code.Text != "" {
		next.Alias = Alias(c.Kind(), c.Issuer(), c.state.Code.Text)
	}
	return record.Change{From: c.stored, Next: next}
}

// Parse reads a stored ceremony. Errors: a record that [Ceremony.Change] does not write.
func Parse(r record.Record) (Ceremony, error) {
	c := Ceremony{id: r.ID, stage: Stage(r.State), stored: r.Version, expires: r.Expires}
	if r.Kind != record.Ceremony || r.Version < 1 {
		return Ceremony{}, errRecord
	}
	if err := json.Unmarshal(r.Body, &c.state); err != nil {
		return Ceremony{}, errRecord // the decoder's error would quote the body
	}
	// Written again it is the same, so no member is unknown, missing or there twice.
	if again := c.Change().Next; !c.sound() || r.Owner != again.Owner || r.Alias != again.Alias || !bytes.Equal(r.Body, again.Body) {
		return Ceremony{}, errRecord
	}
	return c, nil
}

// sound reports whether steps lead to the ceremony.
func (c Ceremony) sound() bool {
	switch c.Kind() {
	case Login, Pair:
		if c.From.Browser == [32]byte{} {
			return false
		}
	case PINChange:
		if c.From.Browser != [32]byte{} || c.stage == Offered {
			return false
		}
	default:
		return false
	}
	return identifier(c.id) && c.state.Format == format && c.bounded() && c.staged()
}

func (c Ceremony) bounded() bool {
	return c.Issuer() != "" && len(c.Issuer()) <= 512 && len(c.Email()) <= mostText &&
		len(c.From.Agent) <= mostText && len(c.From.Place) <= mostText && len(c.Party.Name) <= mostText &&
		(c.Email() == "" || c.Kind() == Pair) && c.Card.Used >= 0 && c.Card.Used <= mostOpenings && !c.expires.IsZero()
}

// staged reports whether the stage has what leads to it.
func (c Ceremony) staged() bool {
	party := c.Party.Device != "" && len(c.Party.Device) <= 128 && c.Party.Thumbprint != [32]byte{} &&
		len(c.Party.Nonce) == secretBytes
	switch c.stage {
	case Offered:
		return c.Party.Device == ""
	case Attached:
		return party
	case Confirmed:
		return party && c.Kind() == Pair
	case Hopped:
		return party && c.Hop.Gone
	case Released:
		return party && c.Hop.Gone && c.Kind() == Login && c.Asked != asked{}
	case Ended:
		return word(c.Reason())
	}
	return false
}
