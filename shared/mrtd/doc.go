// Package mrtd owns the files of an electronic identity document's chip as
// values: the machine readable zone (DG1), the portrait (DG2), additional and
// national details (DG11, DG13), the security options (EF.CardAccess, DG14),
// the Active Authentication key (DG15) and the security object (EF.SOD), as
// ICAO 9303 parts 3 to 6, 10 and 11 and TR-03110-3 lay them out. It parses and
// judges nothing else: whether a signature holds, an algorithm is strong enough
// or a document has expired is for who asks; there is no clock here, a function
// that needs the present takes it.
//
// Every Parse function reads one whole file with a cursor that must end empty,
// under bounds on sizes and counts, and returns a value or an error, never
// both. ASN.1 is read as DER: an indefinite or non-minimal length is refused.
// Byte slices in results alias the input and must not be modified. Names, dates
// and addresses are personal data: the types that hold them print redacted.
package mrtd

import (
	"errors"
	"fmt"

	"pivot/shared/tlv"
)

// The causes of a refusal that a caller tells apart, found with errors.Is. Any
// other error of this package says that the file is malformed.
var (
	// ErrUnsupported says that a file is of a kind that is not read here: an
	// ISO/IEC 39794-5 portrait, a visa, another State's DG13.
	ErrUnsupported = errors.New("unsupported kind of file")
	// ErrCheckDigit says that a check digit of the machine readable zone is wrong.
	ErrCheckDigit = errors.New("wrong check digit")
)

// unwrap returns the value of the one data object that b holds, which must
// carry the tag t, and which must not exceed limit bytes in all.
func unwrap(b []byte, t tlv.Tag, limit int) ([]byte, error) {
	if len(b) > limit {
		return nil, fmt.Errorf("mrtd: file of %d bytes, at most %d", len(b), limit)
	}
	c := tlv.DER(b)
	value, err := c.Read(t)
	if err != nil {
		return nil, fmt.Errorf("mrtd: %w", err)
	}
	if err := c.End(); err != nil {
		return nil, fmt.Errorf("mrtd: %w", err)
	}
	return value, nil
}
