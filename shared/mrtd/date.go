package mrtd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Date is a calendar date of which parts may be unknown: the century, in a
// machine readable zone; the year, the month or the day of birth, when the
// register does not know them (ICAO 9303-3 §3.8). It is comparable; the zero
// Date is no date.
type Date struct {
	digits [8]byte // YYYYMMDD, each digit or '?'; all zero for no date
}

var errDate = errors.New("malformed date")

// IsZero reports whether d is no date at all.
func (d Date) IsZero() bool { return d == Date{} }

// Complete reports whether year, month and day are all known.
func (d Date) Complete() bool { return !d.IsZero() && !strings.Contains(string(d.digits[:]), "?") }

// String returns the date as 1980-07-13, with a question mark for each digit
// that is not known: 1980-07-??, ??80-07-13. It is empty for the zero Date.
func (d Date) String() string {
	if d.IsZero() {
		return ""
	}
	s := string(d.digits[:])
	return s[:4] + "-" + s[4:6] + "-" + s[6:]
}

// MarshalText implements [encoding.TextMarshaler] with the form of String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements [encoding.TextUnmarshaler]: it takes what MarshalText
// gives and refuses everything else.
func (d *Date) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*d = Date{}
		return nil
	}
	if len(text) != len("1980-07-13") || text[4] != '-' || text[7] != '-' {
		return fmt.Errorf("mrtd: %w", errDate)
	}
	parsed, err := dateOf(string(text[:4]) + string(text[5:7]) + string(text[8:]))
	if err != nil {
		return fmt.Errorf("mrtd: %w", err)
	}
	*d = parsed
	return nil
}

// Year returns the year, and whether all its digits are known.
func (d Date) Year() (int, bool) { return d.part(0, 4) }

// Month returns the month, 1 to 12, and whether it is known.
func (d Date) Month() (int, bool) { return d.part(4, 6) }

// Day returns the day of the month, 1 to 31, and whether it is known.
func (d Date) Day() (int, bool) { return d.part(6, 8) }

// Time returns the first instant of the date in UTC, and whether the date is
// complete and exists in the calendar.
func (d Date) Time() (time.Time, bool) {
	year, ok1 := d.Year()
	month, ok2 := d.Month()
	day, ok3 := d.Day()
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if !ok1 || !ok2 || !ok3 || t.Day() != day {
		return time.Time{}, false
	}
	return t, true
}

func (d Date) part(from, to int) (int, bool) {
	n, err := strconv.ParseUint(string(d.digits[from:to]), 10, 16)
	return int(n), err == nil
}

// dateOf reads eight characters YYYYMMDD. The century and each pair of digits
// may be '??'; nothing else may.
func dateOf(s string) (Date, error) {
	if len(s) != 8 || s[:2] != "??" && s[2:4] == "??" {
		return Date{}, errDate
	}
	for pair := range 4 {
		if p := s[2*pair : 2*pair+2]; p != "??" && !digits([]byte(p), 2) {
			return Date{}, errDate
		}
	}
	d := Date{digits: [8]byte([]byte(s))}
	month, monthKnown := d.Month()
	day, dayKnown := d.Day()
	if monthKnown && (month < 1 || month > 12) || dayKnown && (day < 1 || day > d.daysIn(month)) {
		return Date{}, errDate
	}
	return d, nil
}

// daysIn returns the most days that a month may have, given what is known of
// the year. An unknown month, zero, may have 31.
func (d Date) daysIn(month int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year, known := d.Year(); known {
			return time.Date(year, time.March, 0, 0, 0, 0, 0, time.UTC).Day()
		}
		if short, known := d.part(2, 4); known && short%4 != 0 {
			return 28
		}
		return 29
	}
	return 31
}

// parseMRZDate reads six characters YYMMDD of a machine readable zone, where
// '<<' stands for a part that is unknown (ICAO 9303-3 §3.8).
func parseMRZDate(s string) (Date, error) {
	for pair := range 3 {
		if p := s[2*pair : 2*pair+2]; (p[0] == '<') != (p[1] == '<') {
			return Date{}, errDate
		}
	}
	return dateOf("??" + strings.ReplaceAll(s, "<", "?"))
}

// resolve gives a two-digit year the century that puts it in the hundred years
// that end with the year last.
func (d Date) resolve(last int) Date {
	short, known := d.part(2, 4)
	if !known || last < 1100 || last > 9999 {
		return d
	}
	copy(d.digits[:4], strconv.Itoa(last-(last-short+100)%100))
	return d
}

// born resolves a date of birth: the latest century in which the date, its
// unknown parts taken as early as can be, is not after the day of at in UTC.
func (d Date) born(at time.Time) Date {
	at = at.UTC()
	resolved := d.resolve(at.Year())
	if resolved.first() > at.Format("20060102") {
		return d.resolve(at.Year() - 1)
	}
	return resolved
}

// first is the earliest day that the date may be, as YYYYMMDD.
func (d Date) first() string {
	s := []byte(string(d.digits[:]))
	for i := 4; i < 8; i += 2 {
		if s[i] == '?' {
			s[i], s[i+1] = '0', '1'
		}
	}
	return string(s)
}
