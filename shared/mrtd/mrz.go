package mrtd

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"pivot/shared/tlv"
)

// maxDG1 holds a TD1 zone of 90 characters and its two headers.
const (
	maxDG1 = 128
	tagDG1 = 0x61
	tagMRZ = 0x5F1F
)

// Format is the size of a machine readable zone.
type Format uint8

// The formats of ICAO 9303 parts 5, 6 and 4.
const (
	TD1 Format = iota + 1 // identity card: 3 lines of 30 characters
	TD2                   // larger card: 2 lines of 36
	TD3                   // passport booklet: 2 lines of 44
)

// String returns the format's name in the norm.
func (f Format) String() string {
	switch f {
	case TD1:
		return "TD1"
	case TD2:
		return "TD2"
	case TD3:
		return "TD3"
	}
	return "unknown format"
}

// MRZ is a machine readable zone of which every check digit holds. Fields are
// without trailing fillers. It is personal data and prints redacted.
type MRZ struct {
	Format       Format
	DocumentCode string // one or two letters: P, ID, IR
	Issuer       string // ICAO code of the issuing State, one to three letters: FRA, D, UTO
	// Number is the document number, whole even when a TD1 or TD2 zone goes on
	// with it in the optional data. A filler inside it stands for a space or a
	// hyphen and stays.
	Number        string
	Surname       string    // primary identifier, with spaces; transliterated, hyphens and apostrophes are lost
	GivenNames    string    // secondary identifier, with spaces; empty when there is none
	NameTruncated bool      // the name fills its field, so that something may be missing
	Nationality   string    // as Issuer
	Birth         Date      // without a century, parts may be unknown: see DateOfBirth
	Sex           string    // M, F, or empty when not specified
	Expiry        Date      // without a century: see ExpiryDay
	Optional      [2]string // TD1: end of line 1, then of line 2; TD2 and TD3: the one field, first
}

// DateOfBirth returns the date of birth with its century: the latest one in
// which the date is not after the day of at, in UTC. Whoever is older than a
// hundred is a century too young in a machine readable zone; DG11 may say more.
// A year of birth that is unknown stays so.
func (m MRZ) DateOfBirth(at time.Time) Date { return m.Birth.born(at) }

// ExpiryDay returns the first instant, in UTC, of the last day on which the
// document is valid. ICAO 9303 gives no century to that date: it is taken within
// the fifty years before and the forty-nine after the year of at. Documents are
// valid for ten or fifteen years and chips are younger than fifty, so neither
// can be mistaken; one that is valid for longer still (the Spanish 990101 for
// "without end") reads as long expired, which is the safe error. It reports
// false when the day is not in the calendar.
func (m MRZ) ExpiryDay(at time.Time) (time.Time, bool) {
	return m.Expiry.resolve(at.UTC().Year() + 49).Time()
}

// String redacts.
func (m MRZ) String() string { return "mrz(" + m.Format.String() + " redacted)" }

// GoString redacts.
func (m MRZ) GoString() string { return m.String() }

// LogValue implements [slog.LogValuer], redacted.
func (m MRZ) LogValue() slog.Value { return slog.StringValue(m.String()) }

// MarshalText redacts, for a log that nests the value.
func (m MRZ) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// span is a range of character positions of a zone whose lines are joined.
type span struct{ from, to int }

// layout says where a format has its fields. Each checked field is followed by
// its check digit; composite is the last digit of all, over covered.
type layout struct {
	lines, width              int
	name, number, nationality span
	birth, expiry             span
	sex, composite            int
	optional                  [2]span
	covered                   []span
	checkOptional             bool // optional[0] has a check digit; else a long number may go on there
}

func layoutOf(f Format) layout {
	switch f {
	case TD1: // ICAO 9303-5 §4.2.2
		return layout{
			lines: 3, width: 30, name: span{60, 90}, number: span{5, 14}, nationality: span{45, 48},
			birth: span{30, 36}, expiry: span{38, 44}, sex: 37, composite: 59,
			optional: [2]span{{15, 30}, {48, 59}},
			covered:  []span{{5, 30}, {30, 37}, {38, 45}, {48, 59}},
		}
	case TD2: // ICAO 9303-6 §4.2.2
		return layout{
			lines: 2, width: 36, name: span{5, 36}, number: span{36, 45}, nationality: span{46, 49},
			birth: span{49, 55}, expiry: span{57, 63}, sex: 56, composite: 71,
			optional: [2]span{{64, 71}},
			covered:  []span{{36, 46}, {49, 56}, {57, 71}},
		}
	}
	return layout{ // TD3: ICAO 9303-4 §4.2.2
		lines: 2, width: 44, name: span{5, 44}, number: span{44, 53}, nationality: span{54, 57},
		birth: span{57, 63}, expiry: span{65, 71}, sex: 64, composite: 87,
		optional: [2]span{{72, 86}},
		covered:  []span{{44, 54}, {57, 64}, {65, 87}}, checkOptional: true,
	}
}

// ParseDG1 reads EF.DG1: a machine readable zone without line breaks under tags
// 61 and 5F1F (ICAO 9303-10 §4.7.1).
func ParseDG1(b []byte) (MRZ, error) {
	value, err := unwrap(b, tagDG1, maxDG1)
	if err != nil {
		return MRZ{}, err
	}
	zone, err := unwrap(value, tlv.Tag(tagMRZ), maxDG1)
	if err != nil {
		return MRZ{}, err
	}
	return parseZone(string(zone))
}

// ParseMRZ reads a machine readable zone as printed: two or three lines, with
// or without line breaks between them and after the last. Every check digit must
// hold, the composite one included.
func ParseMRZ(lines string) (MRZ, error) {
	lines = strings.ReplaceAll(lines, "\r\n", "\n")
	split := strings.Split(strings.TrimSuffix(lines, "\n"), "\n")
	zone := strings.Join(split, "")
	format, err := formatOf(len(zone))
	if err != nil {
		return MRZ{}, err
	}
	if l := layoutOf(format); len(split) > 1 {
		for _, line := range split {
			if len(line) != l.width {
				return MRZ{}, fmt.Errorf("mrtd: line of %d characters in a %v zone", len(line), format)
			}
		}
	}
	return parseZone(zone)
}

func formatOf(size int) (Format, error) {
	for _, f := range []Format{TD1, TD2, TD3} {
		if l := layoutOf(f); size == l.lines*l.width {
			return f, nil
		}
	}
	return 0, fmt.Errorf("mrtd: machine readable zone of %d characters", size)
}

// parseZone reads a zone whose lines are joined: length and alphabet, then each
// field with its check digit, then the composite one.
func parseZone(zone string) (MRZ, error) {
	format, err := formatOf(len(zone))
	if err != nil {
		return MRZ{}, err
	}
	if strings.ContainsFunc(zone, notInAlphabet) {
		return MRZ{}, errors.New("mrtd: character outside of the machine readable alphabet")
	}
	if zone[0] == 'V' {
		return MRZ{}, fmt.Errorf("mrtd: visa: %w", ErrUnsupported)
	}
	z := zoneReader{layout: layoutOf(format), zone: zone}
	m := MRZ{Format: format}
	m.DocumentCode = z.letters("document code", span{0, 2})
	m.Issuer = z.letters("issuer", span{2, 5})
	m.Nationality = z.letters("nationality", z.layout.nationality)
	m.Number, m.Optional = z.documentNumber()
	m.Birth = z.date("date of birth", z.layout.birth)
	m.Expiry = z.date("date of expiry", z.layout.expiry)
	if strings.Contains(z.at(z.layout.expiry), "<") {
		z.fail("date of expiry", errDate) // only a birth may be known in part
	}
	m.Sex = z.sexOf()
	m.Surname, m.GivenNames, m.NameTruncated = z.names()
	z.checkComposite()
	if z.err != nil {
		return MRZ{}, z.err
	}
	return m, nil
}
