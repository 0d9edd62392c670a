package mrtd

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"pivot/shared/tlv"
)

// Bounds and tags of DG11 (ICAO 9303-10 §4.7.11). The image of a proof of
// citizenship is what may make the file large.
const (
	maxDG11           = 64 << 10
	maxOtherNames     = 16
	tagDG11           = 0x6B
	tagList           = 0x5C
	tagFullName       = 0x5F0E
	tagOtherNames     = 0xA0
	tagOtherName      = 0x5F0F
	tagPersonalNumber = 0x5F10
	tagBirthPlace     = 0x5F11
	tagFullBirth      = 0x5F2B
	tagAddress        = 0x5F42
)

// errText says that a text is not in its character set or has control
// characters.
var errText = errors.New("malformed text")

// PersonalDetails are the parts of DG11 that serve to recognise a person; all
// may be empty. They are personal data and print redacted.
type PersonalDetails struct {
	Surname        string   // in the State's own writing, with spaces
	GivenNames     string   // likewise
	OtherNames     []string // as written, fillers included
	PersonalNumber string
	Birth          Date     // with its century
	BirthPlace     []string // parts in the file's order, such as town, region, country
	Address        []string // likewise
}

// String redacts.
func (PersonalDetails) String() string { return "personal-details(redacted)" }

// GoString redacts.
func (d PersonalDetails) GoString() string { return d.String() }

// LogValue implements [slog.LogValuer], redacted.
func (d PersonalDetails) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText redacts, for a log that nests the value.
func (d PersonalDetails) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// ParseDG11 reads EF.DG11: a tag list, then at most one data object of each kind
// (ICAO 9303-10 §4.7.11). Text is UTF-8. Telephone, profession, title, summary,
// proof of citizenship and custody are let go unread. Non-minimal lengths are
// accepted, as issued files have them; the tag list is not compared with what
// follows, as nothing is decided on it.
func ParseDG11(b []byte) (PersonalDetails, error) {
	objects, err := listedObjects(b, tagDG11, maxDG11)
	if err != nil {
		return PersonalDetails{}, fmt.Errorf("mrtd: data group 11: %w", err)
	}
	var d PersonalDetails
	for _, o := range objects {
		if err := d.set(o.tag, o.value); err != nil {
			return PersonalDetails{}, fmt.Errorf("mrtd: data group 11: tag %v: %w", o.tag, err)
		}
	}
	return d, nil
}

// set reads one data object of DG11.
func (d *PersonalDetails) set(tag tlv.Tag, value []byte) error {
	switch tag {
	case tagOtherNames:
		return d.setOtherNames(value)
	case tagFullBirth:
		birth, err := parseFullDate(value)
		d.Birth = birth
		return err
	case tagFullName, tagPersonalNumber, tagBirthPlace, tagAddress:
	case 0x5F12, 0x5F13, 0x5F14, 0x5F15, 0x5F16, 0x5F17, 0x5F18:
		return nil
	default:
		return tlv.ErrTag
	}
	text, err := utf8Text(value)
	if err != nil {
		return err
	}
	switch tag {
	case tagFullName:
		d.Surname, d.GivenNames = splitName(text)
	case tagPersonalNumber:
		d.PersonalNumber = trimFillers(text)
	case tagBirthPlace:
		d.BirthPlace = parts(text)
	case tagAddress:
		d.Address = parts(text)
	}
	return nil
}

// setOtherNames reads a count, then as many names.
func (d *PersonalDetails) setOtherNames(value []byte) error {
	c := tlv.BER(value)
	count, err := c.Read(tagCount)
	if err != nil {
		return err
	}
	if len(count) != 1 || count[0] > maxOtherNames {
		return tlv.ErrLength
	}
	for range count[0] {
		name, err := c.Read(tagOtherName)
		if err != nil {
			return err
		}
		text, err := utf8Text(name)
		if err != nil {
			return err
		}
		d.OtherNames = append(d.OtherNames, text)
	}
	return c.End()
}

// object is one data object of a file that begins with a tag list.
type object struct {
	tag   tlv.Tag
	value []byte
}

// listedObjects returns the data objects that follow the tag list of a file,
// each tag at most once.
func listedObjects(b []byte, t tlv.Tag, limit int) ([]object, error) {
	if len(b) > limit {
		return nil, fmt.Errorf("%d bytes, at most %d", len(b), limit)
	}
	file := tlv.BER(b)
	value, err := file.Read(t)
	if err != nil {
		return nil, err
	}
	if err := file.End(); err != nil {
		return nil, err
	}
	c := tlv.BER(value)
	if _, err := c.Read(tagList); err != nil {
		return nil, err
	}
	const most = 32
	var objects []object
	seen := make(map[tlv.Tag]bool)
	for !c.Empty() {
		tag, value, err := c.Next()
		if err != nil {
			return nil, err
		}
		if seen[tag] || len(objects) == most {
			return nil, fmt.Errorf("%w: %v again or one too many", tlv.ErrTag, tag)
		}
		seen[tag] = true
		objects = append(objects, object{tag: tag, value: value})
	}
	return objects, nil
}

// parseFullDate reads YYYYMMDD, in eight characters or in four bytes of BCD as
// early passports have it. Zeros or fillers stand for an unknown month or day.
func parseFullDate(value []byte) (Date, error) {
	s := string(value)
	if len(value) == 4 {
		s = fmt.Sprintf("%x", value)
	}
	if len(s) != 8 {
		return Date{}, errDate
	}
	unknown := func(pair string) string {
		if pair == "00" || pair == "<<" {
			return "??"
		}
		return pair
	}
	year := s[:4]
	if year == "0000" || year == "<<<<" {
		year = "????"
	}
	return dateOf(year + unknown(s[4:6]) + unknown(s[6:]))
}

// splitName splits a name at its double filler. A single filler in front of
// all, seen in issued French passports, is let go.
func splitName(text string) (string, string) {
	if strings.HasPrefix(text, "<") && !strings.HasPrefix(text, "<<") {
		text = text[1:]
	}
	surname, given, _ := strings.Cut(text, "<<")
	words := func(s string) string { return strings.Join(parts(s), " ") }
	return words(surname), words(given)
}

// parts splits a text at its fillers and lets empty parts go.
func parts(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, "<") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

// utf8Text returns a text without control characters, which have no place in a
// name and would disturb whatever shows it.
func utf8Text(value []byte) (string, error) {
	if !utf8.Valid(value) {
		return "", errText
	}
	text := string(value)
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) {
		return "", errText
	}
	return text, nil
}
