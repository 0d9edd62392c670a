// Package tlv owns the BER-TLV data object of ISO/IEC 7816-4 and X.690: a
// cursor that reads a chain of them without index arithmetic by the caller, and
// their canonical encoding. The cursor never recurses and never allocates, so
// the depth and the size of what it reads are bounded by what the caller holds
// in memory. A structure is accepted only when the chain of reads succeeds and
// [Cursor.End] finds nothing left.
package tlv

import (
	"errors"
	"fmt"
)

// The causes of a refusal, found with errors.Is.
var (
	// ErrTruncated says that the input ends inside a data object.
	ErrTruncated = errors.New("tlv: truncated data object")
	// ErrTag says that a tag is malformed, longer than three bytes or not the
	// one that was asked for.
	ErrTag = errors.New("tlv: unexpected tag")
	// ErrLength says that a length is indefinite, not minimal or over 0xFFFFFF.
	ErrLength = errors.New("tlv: refused length")
	// ErrTrailing says that bytes follow the last expected data object.
	ErrTrailing = errors.New("tlv: trailing data")
)

// maxLength is the largest value length read: three length octets, more than
// any file of an identity card.
const maxLength = 0xFFFFFF

// Tag is the tag field of a data object as the norms print it, most significant
// byte first: 0x30, 0x5F1F, 0x7F49. It is at most three bytes long. A tag number
// below 31 in the long form is allowed because ICAO 9303-10 uses it (0x5F0E).
type Tag uint32

// Constructed reports whether the value is itself made of data objects
// (X.690 §8.1.2.5).
func (t Tag) Constructed() bool {
	for t > 0xFF {
		t >>= 8
	}
	return t&0x20 != 0
}

// String returns the tag in hexadecimal, as the norms print it.
func (t Tag) String() string { return fmt.Sprintf("%02X", uint32(t)) }

// Cursor reads data objects from the front of a byte slice that it never
// modifies. A failed read leaves it where it was. The zero Cursor is empty.
type Cursor struct {
	rest []byte
	ber  bool
}

// DER returns a cursor over b that accepts the canonical encoding alone:
// definite and minimal lengths (X.690 §10.1).
func DER(b []byte) Cursor { return Cursor{rest: b} }

// BER returns a cursor over b that accepts every definite length, minimal or
// not, of at most four octets: issued DG2 and DG11 files carry some.
func BER(b []byte) Cursor { return Cursor{rest: b, ber: true} }

// Next reads one data object of any tag. The value aliases the input.
func (c *Cursor) Next() (Tag, []byte, error) {
	t, n, length, err := header(c.rest, c.ber)
	if err != nil {
		return 0, nil, err
	}
	if length > len(c.rest)-n {
		return 0, nil, fmt.Errorf("%w: %v needs %d bytes of %d", ErrTruncated, t, length, len(c.rest)-n)
	}
	value := c.rest[n : n+length : n+length]
	c.rest = c.rest[n+length:]
	return t, value, nil
}

// Read reads one data object that must carry the tag t.
func (c *Cursor) Read(t Tag) ([]byte, error) {
	before := *c
	got, value, err := c.Next()
	if err != nil {
		return nil, err
	}
	if got != t {
		*c = before
		return nil, fmt.Errorf("%w: %v instead of %v", ErrTag, got, t)
	}
	return value, nil
}

// ReadOptional reads one data object when the next one carries the tag t and
// reports whether it did. An input that is empty or goes on with another tag is
// no error here; a malformed one is found by the next read or by End.
func (c *Cursor) ReadOptional(t Tag) ([]byte, bool, error) {
	if got, ok := c.Peek(); !ok || got != t {
		return nil, false, nil
	}
	value, err := c.Read(t)
	return value, err == nil, err
}

// Peek returns the tag of the next data object without reading it. It reports
// false when the input is empty or its tag malformed.
func (c *Cursor) Peek() (Tag, bool) {
	t, _, err := readTag(c.rest)
	return t, err == nil
}

// Empty reports whether everything has been read.
func (c *Cursor) Empty() bool { return len(c.rest) == 0 }

// End returns ErrTrailing unless everything has been read.
func (c *Cursor) End() error {
	if !c.Empty() {
		return fmt.Errorf("%w: %d bytes", ErrTrailing, len(c.rest))
	}
	return nil
}

// Append appends the canonical encoding of one data object to dst. The tag is
// written as it is printed and the value must not exceed 0xFFFFFF bytes, which
// holds for everything built here: both are chosen by the program, not by input.
func Append(dst []byte, t Tag, value []byte) []byte {
	for shift := 16; shift > 0; shift -= 8 {
		if t>>shift != 0 {
			dst = append(dst, byte(t>>shift))
		}
	}
	dst = append(dst, byte(t))
	switch n := len(value); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n <= 0xFF:
		dst = append(dst, 0x81, byte(n))
	case n <= 0xFFFF:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, value...)
}

// Header reads the tag and the length of the data object of which prefix holds
// the first bytes: what tells the size of a card's file from its first block.
// The lengths are in bytes, non-minimal ones are accepted, and the value is not
// looked at. It returns ErrTruncated when prefix ends inside the header; eight
// bytes are always enough.
func Header(prefix []byte) (t Tag, headerLen, valueLen int, err error) {
	return header(prefix, true)
}

func header(b []byte, ber bool) (Tag, int, int, error) {
	t, n, err := readTag(b)
	if err != nil {
		return 0, 0, 0, err
	}
	length, m, err := readLength(b[n:], ber)
	if err != nil {
		return 0, 0, 0, fmt.Errorf("%w (tag %v)", err, t)
	}
	return t, n + m, length, nil
}

// readTag reads the tag field (X.690 §8.1.2) and returns it with its size.
func readTag(b []byte) (Tag, int, error) {
	if len(b) == 0 {
		return 0, 0, ErrTruncated
	}
	if b[0] == 0 { // end-of-contents, or the padding of an erased file
		return 0, 0, fmt.Errorf("%w: 00", ErrTag)
	}
	if b[0]&0x1F != 0x1F {
		return Tag(b[0]), 1, nil
	}
	t := Tag(b[0])
	for i, octet := range b[1:min(len(b), 3)] {
		if i == 0 && octet == 0x80 { // X.690 §8.1.2.4.2: no leading zero group
			return 0, 0, fmt.Errorf("%w: not minimal", ErrTag)
		}
		t = t<<8 | Tag(octet)
		if octet&0x80 == 0 {
			return t, i + 2, nil
		}
	}
	if len(b) < 3 {
		return 0, 0, ErrTruncated
	}
	return 0, 0, fmt.Errorf("%w: longer than three bytes", ErrTag)
}

// readLength reads the length field (X.690 §8.1.3) and returns it with its size.
func readLength(b []byte, ber bool) (int, int, error) {
	if len(b) == 0 {
		return 0, 0, ErrTruncated
	}
	if b[0] < 0x80 {
		return int(b[0]), 1, nil
	}
	n := int(b[0] & 0x7F)
	if n == 0 || n > 4 {
		return 0, 0, fmt.Errorf("%w: first octet %02X", ErrLength, b[0])
	}
	if len(b) < 1+n {
		return 0, 0, ErrTruncated
	}
	var length uint32
	for _, octet := range b[1 : 1+n] {
		length = length<<8 | uint32(octet)
	}
	if length > maxLength {
		return 0, 0, fmt.Errorf("%w: over %d bytes", ErrLength, maxLength)
	}
	if !ber && (length < 0x80 || n > 1 && length>>(8*(n-1)) == 0) {
		return 0, 0, fmt.Errorf("%w: not minimal", ErrLength)
	}
	return int(length), 1 + n, nil
}
