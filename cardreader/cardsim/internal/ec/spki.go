package ec

import "pivot/cardreader/cardsim/internal/der"

// PublicKeyInfo returns the SubjectPublicKeyInfo of an encoded point, with the curve's name or with its explicit
// parameters (RFC 3279 §2.3.5). The point is taken as it is, right or wrong.
func (c *Curve) PublicKeyInfo(point []byte, explicit bool) []byte {
	var parameters []byte
	if explicit {
		parameters = c.explicit()
	} else {
		parameters = der.OID(c.OID)
	}
	return der.Sequence(der.Sequence(der.OID("1.2.840.10045.2.1"), parameters), der.Bits(point))
}

// explicit is the ECParameters of the curve, cofactor included.
func (c *Curve) explicit() []byte {
	return der.Sequence(
		der.Int(1),
		der.Sequence(der.OID("1.2.840.10045.1.1"), der.Integer(c.P)),
		der.Sequence(der.Octets(c.FieldBytes(c.A)), der.Octets(c.FieldBytes(c.B))),
		der.Octets(c.Encode(c.G)),
		der.Integer(c.N),
		der.Int(1),
	)
}
