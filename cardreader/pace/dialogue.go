package pace

import (
	"context"
	"fmt"

	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// dynamicData is the template of GENERAL AUTHENTICATE (ISO 7816-4 §11.5.5).
const dynamicData tlv.Tag = 0x7C

// dialogue is the card as PACE sees it: commands in clear and their meaning.
type dialogue struct {
	card apdu.Transmitter
}

// A step is one GENERAL AUTHENTICATE command, ICAO 9303-11 §4.4.4.2.
type step uint8

const (
	stepNonce step = iota // sends no data object
	stepMapping
	stepAgreement
	stepToken
)

// sent and received are the tags of the step's data objects.
func (s step) sent() tlv.Tag     { return 0x7F + 2*tlv.Tag(s) }
func (s step) received() tlv.Tag { return 0x80 + 2*tlv.Tag(s) }

// set sends MSE:Set AT (ICAO 9303-11 §4.4.4.1). A warning that tells the tries
// left is no refusal.
func (d dialogue) set(ctx context.Context, template []byte) error {
	r, err := d.send(ctx, apdu.Command{INS: 0x22, P1: 0xC1, P2: 0xA4, Data: template})
	if err != nil {
		return err
	}
	tries, warning := r.SW.TriesLeft()
	switch {
	case r.SW == apdu.OK, warning && tries > 0:
		return nil
	case blocked(r.SW):
		return ErrBlocked
	case r.SW == 0x6A80, r.SW == 0x6A81, r.SW == 0x6A88:
		return fmt.Errorf("%w: card answers %v", ErrUnsupported, r.SW)
	}
	return fmt.Errorf("%w: set authentication template: %v", ErrCard, r.SW)
}

// ask sends the data object of one step and returns the value of the card's,
// empty when the card sends none.
func (d dialogue) ask(ctx context.Context, s step, value []byte) ([]byte, error) {
	var object []byte
	if s != stepNonce {
		object = tlv.Append(nil, s.sent(), value)
	}
	c := apdu.Command{CLA: 0x10, INS: 0x86, Data: tlv.Append(nil, dynamicData, object), Ne: 256}
	if s == stepToken {
		c.CLA = 0 // the last of the chain
	}
	r, err := d.send(ctx, c)
	if err != nil {
		return nil, err
	}
	if r.SW != apdu.OK {
		return nil, refusal(s, r.SW)
	}
	return answer(r.Data, s.received())
}

// refusal is the meaning of a status other than success. Only the token tells
// whether the password was right.
func refusal(s step, sw apdu.Status) error {
	tries, known := sw.TriesLeft()
	switch {
	case blocked(sw):
		return ErrBlocked
	case s == stepToken && known:
		return &WrongPasswordError{TriesLeft: tries, Known: true}
	case s == stepToken && sw == 0x6300:
		return &WrongPasswordError{}
	}
	return fmt.Errorf("%w: general authenticate %d: %v", ErrCard, s+1, sw)
}

func blocked(sw apdu.Status) bool { return sw == apdu.MethodBlocked || sw == 0x63C0 }

func (d dialogue) send(ctx context.Context, c apdu.Command) (apdu.Response, error) {
	b, err := c.Short()
	if err != nil {
		return apdu.Response{}, err
	}
	return apdu.Exchange(ctx, d.card, b)
}

// answer reads 7C { tag value } or 7C {}, which gives no value: cards answer the
// nonce of the integrated mapping in either form.
func answer(data []byte, tag tlv.Tag) ([]byte, error) {
	outer := tlv.DER(data)
	template, err := outer.Read(dynamicData)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	if err := outer.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	inner := tlv.DER(template)
	if inner.Empty() {
		return nil, nil
	}
	value, err := inner.Read(tag)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	if err := inner.End(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCard, err)
	}
	return value, nil
}
