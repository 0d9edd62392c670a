package mrtd

import (
	"bytes"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"

	"pivot/shared/tlv"
)

// Bounds and tags of DG2 (ICAO 9303-10 §4.7.2, tags of ISO/IEC 7816-11).
const (
	maxDG2          = 256 << 10
	maxTemplates    = 9
	maxImages       = 16
	maxHeaderParts  = 32
	tagDG2          = 0x75
	tagTemplates    = 0x7F61
	tagTemplate     = 0x7F60
	tagCount        = 0x02
	tagBiometricHdr = 0xA1
	tagImageRecord  = 0x5F2E
	tagImageBlock   = 0x7F2E // the same, or the constructed record of ISO/IEC 39794-5
)

var errPortrait = errors.New("mrtd: malformed facial record")

// ImageFormat is the compression of a portrait.
type ImageFormat uint8

// The formats that ISO/IEC 19794-5 allows.
const (
	JPEG     ImageFormat = iota + 1
	JPEG2000             // a JP2 file, or a bare codestream
)

// String returns the format's name.
func (f ImageFormat) String() string {
	switch f {
	case JPEG:
		return "JPEG"
	case JPEG2000:
		return "JPEG 2000"
	}
	return "unknown image format"
}

// Portrait is a facial image, still compressed. It is personal data and prints
// without its data.
type Portrait struct {
	Format ImageFormat // by the image's own first bytes
	Width  int         // pixels, as announced; zero when not said
	Height int         // pixels, as announced; zero when not said
	Data   []byte      // the compressed image
}

// String gives the format and sizes alone.
func (p Portrait) String() string {
	return fmt.Sprintf("portrait(%v, %dx%d announced, %d bytes)", p.Format, p.Width, p.Height, len(p.Data))
}

// GoString is String.
func (p Portrait) GoString() string { return p.String() }

// ParseDG2 reads EF.DG2 and returns its first facial image: templates 7F60 in a
// group 7F61, in each a header and an ISO/IEC 19794-5 record. Non-minimal
// lengths are accepted here, as issued files have them. Lengths inside the record
// are compared with what is there and never allocated. An ISO/IEC 39794-5 record
// is refused with [ErrUnsupported].
func ParseDG2(b []byte) (Portrait, error) {
	if len(b) > maxDG2 {
		return Portrait{}, fmt.Errorf("mrtd: data group 2 of %d bytes, at most %d", len(b), maxDG2)
	}
	templates, err := biometricTemplates(b)
	if err != nil {
		return Portrait{}, err
	}
	tag, record, err := biometricRecord(templates[0])
	if err != nil {
		return Portrait{}, err
	}
	if tag == tagImageBlock && !bytes.HasPrefix(record, []byte("FAC\x00")) {
		return Portrait{}, fmt.Errorf("mrtd: portrait by iso 39794-5: %w", ErrUnsupported)
	}
	return parseFacialRecord(record)
}

// biometricTemplates returns the values of the templates, at least one and as
// many as the group announces.
func biometricTemplates(b []byte) ([][]byte, error) {
	file := tlv.BER(b)
	value, err := file.Read(tagDG2)
	if err != nil {
		return nil, fmt.Errorf("mrtd: data group 2: %w", err)
	}
	inside := tlv.BER(value)
	group, err := inside.Read(tagTemplates)
	if err != nil {
		return nil, fmt.Errorf("mrtd: data group 2: %w", err)
	}
	if err := errors.Join(file.End(), inside.End()); err != nil {
		return nil, fmt.Errorf("mrtd: data group 2: %w", err)
	}
	c := tlv.BER(group)
	if tag, _ := c.Peek(); tag == tagBiometricHdr {
		return nil, fmt.Errorf("mrtd: portrait by iso 39794-5: %w", ErrUnsupported)
	}
	count, err := c.Read(tagCount)
	if err != nil {
		return nil, fmt.Errorf("mrtd: data group 2: %w", err)
	}
	if len(count) != 1 || count[0] < 1 || count[0] > maxTemplates {
		return nil, errors.New("mrtd: data group 2: count of templates out of bounds")
	}
	templates := make([][]byte, count[0])
	for i := range templates {
		if templates[i], err = c.Read(tagTemplate); err != nil {
			return nil, fmt.Errorf("mrtd: data group 2: %w", err)
		}
	}
	if err := c.End(); err != nil {
		return nil, fmt.Errorf("mrtd: data group 2: %w", err)
	}
	return templates, nil
}

// biometricRecord returns the record of a template, with its tag. The header
// says nothing that the record does not: it is read and let go.
func biometricRecord(template []byte) (tlv.Tag, []byte, error) {
	c := tlv.BER(template)
	value, err := c.Read(tagBiometricHdr)
	if err != nil {
		return 0, nil, fmt.Errorf("mrtd: biometric header: %w", err)
	}
	header := tlv.BER(value)
	for n := 0; !header.Empty(); n++ {
		if _, _, err := header.Next(); err != nil || n == maxHeaderParts {
			return 0, nil, errors.New("mrtd: malformed biometric header")
		}
	}
	tag, record, err := c.Next()
	if err != nil {
		return 0, nil, fmt.Errorf("mrtd: biometric record: %w", err)
	}
	if tag != tagImageRecord && tag != tagImageBlock {
		return 0, nil, fmt.Errorf("mrtd: biometric record: %w", tlv.ErrTag)
	}
	if err := c.End(); err != nil {
		return 0, nil, fmt.Errorf("mrtd: biometric record: %w", err)
	}
	return tag, record, nil
}

// parseFacialRecord reads a record of ISO/IEC 19794-5:2005 §5: a header of 14
// bytes, then images that each announce their own length. All of them must be
// there and nothing else; the first is returned.
func parseFacialRecord(record []byte) (Portrait, error) {
	in := cryptobyte.String(record)
	var magic []byte
	var length uint32
	var images uint16
	if !in.ReadBytes(&magic, 8) || string(magic) != "FAC\x00010\x00" || !in.ReadUint32(&length) || !in.ReadUint16(&images) {
		return Portrait{}, errPortrait
	}
	if uint64(length) != uint64(len(record)) || images < 1 || images > maxImages {
		return Portrait{}, errPortrait
	}
	var first Portrait
	for i := range images {
		portrait, err := readFacialImage(&in)
		if err != nil {
			return Portrait{}, err
		}
		if i == 0 {
			first = portrait
		}
	}
	if !in.Empty() {
		return Portrait{}, errPortrait
	}
	return first, nil
}

// readFacialImage reads a block of which the first four bytes are the length,
// their own included: number of feature points (2), the rest of the facial
// information (14), 8 bytes a point, image and data type (2), width (2), height
// (2), colour, source, device, quality (6), then the image (ISO/IEC 19794-5:2005
// §5.5 to §5.8). The announced data type is not trusted: issued files have it
// wrong.
func readFacialImage(in *cryptobyte.String) (Portrait, error) {
	const lengthField = 4
	var size uint32
	if !in.ReadUint32(&size) || size < lengthField || uint64(size)-lengthField > uint64(len(*in)) {
		return Portrait{}, errPortrait
	}
	var block []byte
	if !in.ReadBytes(&block, int(size)-lengthField) {
		return Portrait{}, errPortrait
	}
	return parseFacialImage(block)
}

func parseFacialImage(block []byte) (Portrait, error) {
	in := cryptobyte.String(block)
	var points, width, height uint16
	if !in.ReadUint16(&points) || !in.Skip(14) || !in.Skip(8*int(points)) || !in.Skip(2) ||
		!in.ReadUint16(&width) || !in.ReadUint16(&height) || !in.Skip(6) {
		return Portrait{}, errPortrait
	}
	p := Portrait{Width: int(width), Height: int(height), Data: in}
	switch {
	case bytes.HasPrefix(in, []byte{0xFF, 0xD8, 0xFF}):
		p.Format = JPEG
	case bytes.HasPrefix(in, []byte("\x00\x00\x00\x0CjP  \r\n\x87\n")), bytes.HasPrefix(in, []byte{0xFF, 0x4F, 0xFF, 0x51}):
		p.Format = JPEG2000
	default:
		return Portrait{}, errPortrait
	}
	return p, nil
}
