package mrtd_test

import (
	"testing"
	"time"

	"pivot/shared/mrtd"
)

func TestDateText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "1980-07-13", "1980-07-??", "1980-??-??", "????-??-??", "??80-07-13", "2000-02-29", "1980-??-31"} {
		var d mrtd.Date
		if err := d.UnmarshalText([]byte(text)); err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if back, err := d.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%q comes back as %q, %v", text, back, err)
		}
	}
	for _, text := range []string{
		"1980-7-13", "1980/07/13", "1980-13-01", "1980-00-10", "1980-01-00", "1900-02-29", "198?-07-13",
		"1980-0?-13", "19??-07-13", "+980-07-13", "1980-07-13 ", "19800713", "1980-06-31", "абвгд",
	} {
		d := date(t, "1980-07-13")
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: accepted", text)
		} else if d != date(t, "1980-07-13") {
			t.Errorf("%q: refused and changed to %v", text, d)
		}
	}
}

func TestDateParts(t *testing.T) {
	t.Parallel()
	partial := date(t, "1980-??-13")
	if year, ok := partial.Year(); !ok || year != 1980 {
		t.Errorf("year: %d %v", year, ok)
	}
	if month, ok := partial.Month(); ok || month != 0 {
		t.Errorf("month: %d %v", month, ok)
	}
	if day, ok := partial.Day(); !ok || day != 13 {
		t.Errorf("day: %d %v", day, ok)
	}
	if partial.Complete() || partial.IsZero() {
		t.Error("partial date is complete or none")
	}
	if at, ok := partial.Time(); ok {
		t.Errorf("partial date has the time %v", at)
	}
	if at, ok := date(t, "1980-07-13").Time(); !ok || !at.Equal(time.Date(1980, time.July, 13, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("time: %v %v", at, ok)
	}
	var none mrtd.Date
	if _, ok := none.Time(); ok || none.Complete() || !none.IsZero() {
		t.Error("zero date is a date")
	}
	if _, ok := date(t, "??80-07-13").Year(); ok {
		t.Error("a year without century is known")
	}
}
