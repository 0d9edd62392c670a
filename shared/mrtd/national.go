package mrtd

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"pivot/shared/tlv"
)

// Bound and tags of the French DG13.
const (
	maxDG13           = 8 << 10
	tagDG13           = 0x6D
	tagHeight         = 0x9F01
	tagFrenchAddress  = 0x9F03
	tagFrenchExtra    = 0x9F04
	tagFrenchBirth    = 0x9F07
	maxHeightOfPerson = 300
)

// NationalDetails are the parts of DG13 on a French identity card; all may be
// empty. What each tag means is observed on cards, not published: a consumer
// matches the parts with what it expects and never decides on their place
// alone. They are personal data and print redacted.
type NationalDetails struct {
	Height     int      // centimetres, zero when not said
	Address    []string // observed: street, postcode, town, country code, country
	Extra      []string // tag 9F04, meaning not known
	BirthPlace []string // observed: town, then department or country
}

// String redacts.
func (NationalDetails) String() string { return "national-details(redacted)" }

// GoString redacts.
func (d NationalDetails) GoString() string { return d.String() }

// LogValue implements [slog.LogValuer], redacted.
func (d NationalDetails) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText redacts, for a log that nests the value.
func (d NationalDetails) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// ParseDG13 reads EF.DG13 of a French identity card: a tag list, then 9F01
// height, 9F03 address, 9F04, 9F07 place of birth, in ISO 8859-1 with fillers
// between parts and NUL padding. The content of DG13 is each State's own
// (ICAO 9303-10 §4.7.13): one that has not this layout at all is refused with
// [ErrUnsupported]. Unknown tags are let go.
func ParseDG13(b []byte) (NationalDetails, error) {
	if len(b) > maxDG13 {
		return NationalDetails{}, fmt.Errorf("mrtd: data group 13 of %d bytes, at most %d", len(b), maxDG13)
	}
	file := tlv.BER(b)
	value, err := file.Read(tagDG13)
	if err != nil {
		return NationalDetails{}, fmt.Errorf("mrtd: data group 13: %w", err)
	}
	inside := tlv.BER(value)
	if tag, _ := inside.Peek(); tag != tagList {
		return NationalDetails{}, fmt.Errorf("mrtd: data group 13 of another layout: %w", ErrUnsupported)
	}
	objects, err := listedObjects(b, tagDG13, maxDG13)
	if err != nil {
		return NationalDetails{}, fmt.Errorf("mrtd: data group 13: %w", err)
	}
	var d NationalDetails
	for _, o := range objects {
		if err := d.set(o.tag, o.value); err != nil {
			return NationalDetails{}, fmt.Errorf("mrtd: data group 13: tag %v: %w", o.tag, err)
		}
	}
	return d, nil
}

// set reads one data object of DG13.
func (d *NationalDetails) set(tag tlv.Tag, value []byte) error {
	switch tag {
	case tagHeight, tagFrenchAddress, tagFrenchExtra, tagFrenchBirth:
	default:
		return nil
	}
	list, err := latin1Parts(value)
	if err != nil {
		return err
	}
	switch tag {
	case tagHeight:
		return d.setHeight(list)
	case tagFrenchAddress:
		d.Address = list
	case tagFrenchExtra:
		d.Extra = list
	case tagFrenchBirth:
		d.BirthPlace = list
	}
	return nil
}

// setHeight reads centimetres: digits, between fillers.
func (d *NationalDetails) setHeight(list []string) error {
	if len(list) == 0 {
		return nil
	}
	height, err := strconv.ParseUint(list[0], 10, 16)
	if err != nil || len(list) > 1 || height > maxHeightOfPerson {
		return errText
	}
	d.Height = int(height)
	return nil
}

// latin1Parts reads ISO 8859-1, of which each byte is the code point, and splits
// it at its fillers. NUL pads a part.
func latin1Parts(value []byte) ([]string, error) {
	var text strings.Builder
	for _, b := range value {
		text.WriteRune(rune(b))
	}
	var list []string
	for part := range strings.SplitSeq(text.String(), "<") {
		part, err := utf8Text([]byte(strings.Trim(part, "\x00")))
		if err != nil {
			return nil, err
		}
		list = append(list, parts(part)...)
	}
	return list, nil
}
