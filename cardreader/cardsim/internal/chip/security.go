package chip

import (
	"bytes"
	"math/big"

	"pivot/cardreader/cardsim/internal/der"
	"pivot/cardreader/cardsim/internal/secure"
	"pivot/shared/apdu"
	"pivot/shared/tlv"
)

// manageSecurity serves MSE:Set AT: C1A4 for PACE, 41A4 for Chip Authentication (TR-03110-3 B.1, B.2).
func (c *Chip) manageSecurity(cmd apdu.Command) apdu.Status {
	c.stage, c.caReady = nil, false
	switch {
	case cmd.P1 == 0xC1 && cmd.P2 == 0xA4:
		c.out.Operation = PACESet
		return c.setPACE(cmd.Data)
	case cmd.P1 == 0x41 && cmd.P2 == 0xA4:
		c.out.Operation = CASet
		return c.setChipAuthentication(cmd.Data)
	}
	return wrongP1P2
}

func (c *Chip) setPACE(data []byte) apdu.Status {
	if c.session != nil {
		return conditions
	}
	cur := tlv.DER(data)
	oid, err := cur.Read(0x80)
	if err != nil {
		return wrongData
	}
	password, err := cur.Read(0x83)
	if err != nil || len(password) != 1 {
		return wrongData
	}
	parameter, given, err := cur.ReadOptional(0x84)
	if err != nil || cur.End() != nil {
		return wrongData
	}
	pace, found := c.findPACE(oid, parameter, given)
	if !found {
		return wrongData
	}
	if c.conf.Quirks.RefuseCAN != 0 {
		return c.conf.Quirks.RefuseCAN
	}
	key, found := c.passwordKey(password[0], pace.KeyLen)
	if !found {
		return noReference
	}
	c.stage = chosen{pace, key}
	return ok
}

// findPACE finds the protocol asked for. The parameter identifier may be left out when it is not needed.
func (c *Chip) findPACE(oid, parameter []byte, given bool) (PACE, bool) {
	var matches []PACE
	for _, p := range c.conf.PACE {
		right := !given || len(parameter) == 1 && int(parameter[0]) == p.Curve.ParameterID
		if right && bytes.Equal(oid, der.OIDContent(p.OID())) {
			matches = append(matches, p)
		}
	}
	if len(matches) != 1 {
		return PACE{}, false
	}
	return matches[0], true
}

func (c *Chip) setChipAuthentication(data []byte) apdu.Status {
	if c.session == nil {
		return denied
	}
	cur := tlv.DER(data)
	oid, err := cur.Read(0x80)
	if err != nil || !bytes.Equal(oid, der.OIDContent(c.conf.CA.OID())) {
		return wrongData
	}
	// The chip has one key without identifier.
	if _, given, err := cur.ReadOptional(0x84); err != nil || given {
		return noReference
	}
	if cur.End() != nil {
		return wrongData
	}
	c.caReady = true
	return ok
}

// generalAuthenticate serves GENERAL AUTHENTICATE for PACE, or for Chip Authentication under secure messaging.
func (c *Chip) generalAuthenticate(cmd apdu.Command) ([]byte, apdu.Status) {
	if cmd.P1 != 0 || cmd.P2 != 0 {
		return nil, wrongP1P2
	}
	cur := tlv.DER(cmd.Data)
	template, err := cur.Read(0x7C)
	if err != nil || cur.End() != nil {
		return nil, wrongData
	}
	if c.caReady {
		return c.chipAuthentication(template)
	}
	if c.stage == nil {
		return nil, conditions
	}
	return c.advancePACE(cmd.CLA, template)
}

func (c *Chip) advancePACE(cla byte, template []byte) ([]byte, apdu.Status) {
	stage := c.stage
	c.stage = nil
	// The last step alone is without the chaining bit.
	if _, last := stage.(agreed); last == (cla&chainingBit != 0) {
		return nil, chainExpected
	}
	cur := tlv.DER(template)
	var value []byte
	if tag := stage.expects(); tag != 0 {
		var err error
		if value, err = cur.Read(tag); err != nil {
			return nil, wrongData
		}
	}
	if cur.End() != nil {
		return nil, wrongData
	}
	next, answer, sw := stage.advance(c, value)
	if sw != ok {
		return nil, sw
	}
	c.stage = next
	return tlv.Append(nil, 0x7C, answer), ok
}

// chipAuthentication agrees on new keys with the terminal's ephemeral key (ICAO 9303-11 §6.2). The answer is empty,
// and the new keys take over after it.
func (c *Chip) chipAuthentication(template []byte) ([]byte, apdu.Status) {
	c.out.Operation = CAKey
	c.caReady = false
	cur := tlv.DER(template)
	value, err := cur.Read(0x80)
	if err != nil || cur.End() != nil {
		return nil, wrongData
	}
	ca := c.conf.CA
	if ca.Key == nil || ca.Key.Cmp(new(big.Int)) == 0 {
		return nil, conditions
	}
	peer, err := ca.Curve.Decode(value)
	if err != nil {
		return nil, wrongData
	}
	shared := ca.Curve.Mul(ca.Key, peer)
	c.next = secure.NewSession(ca.KeyLen, ca.Curve.FieldBytes(shared.X))
	return tlv.Append(nil, 0x7C, nil), ok
}
