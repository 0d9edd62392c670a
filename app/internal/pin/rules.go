package pin

import (
	"bytes"
	"fmt"
	"time"
)

// Reason says why a PIN was refused. The words are stable: message ids end with them.
type Reason string

// The reasons.
const (
	TooShort Reason = "too-short" // fewer than 6 digits
	TooLong  Reason = "too-long"  // more than 12 digits
	NoDigit  Reason = "no-digit"  // something else than the digits 0 to 9
	Run      Reason = "run"       // 123456, 654321
	Repeated Reason = "repeated"  // 111111, 121212, 123123
	IsCAN    Reason = "is-can"    // the number printed on the card
	IsBirth  Reason = "is-birth"  // the holder's birth date
)

// The bounds of a PIN, in digits.
const (
	Shortest = 6
	Longest  = 12
)

// RuleError says that a PIN is too easy to guess, or no PIN.
type RuleError struct{ Reason Reason }

func (e *RuleError) Error() string { return fmt.Sprintf("pin: refused: %s", e.Reason) }

// Known is what a thief would try first, as far as this program knows it.
type Known struct {
	CAN   []byte    // of the card in use; empty when not known
	Birth time.Time // of the holder; zero when not known
}

// Check says whether a PIN may be set: 6 to 12 digits, not counted up or down, no pattern said twice, not the card's number,
// not the holder's birth date. The error is a [*RuleError] and holds nothing of the PIN.
func Check(pin []byte, known Known) error {
	for _, rule := range []struct {
		broken bool
		reason Reason
	}{
		{!digits(pin), NoDigit},
		{len(pin) < Shortest, TooShort},
		{len(pin) > Longest, TooLong},
		{counted(pin), Run},
		{repeated(pin), Repeated},
		{len(known.CAN) > 0 && bytes.Contains(pin, known.CAN), IsCAN},
		{birth(pin, known.Birth), IsBirth},
	} {
		if rule.broken {
			return &RuleError{Reason: rule.reason}
		}
	}
	return nil
}

func digits(pin []byte) bool {
	for _, c := range pin {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// counted says that each digit is the one before plus one, or each minus one; 0 follows 9, as on a telephone's keys.
func counted(pin []byte) bool {
	up, down := true, true
	for i := 1; i < len(pin); i++ {
		step := (10 + int(pin[i]) - int(pin[i-1])) % 10
		up, down = up && step == 1, down && step == 9
	}
	return up || down
}

// repeated says that the PIN is a pattern said at least twice, the last time perhaps not to its end.
func repeated(pin []byte) bool {
	for period := 1; period <= len(pin)/2; period++ {
		if bytes.Equal(pin[period:], pin[:len(pin)-period]) {
			return true
		}
	}
	return false
}

// birth says that the PIN is a birth date, as people here write dates and as computers do.
func birth(pin []byte, date time.Time) bool {
	if date.IsZero() {
		return false
	}
	for _, layout := range []string{"020106", "060102", "010206", "02012006", "20060102", "01022006", "012006", "200601"} {
		if bytes.Equal(pin, date.AppendFormat(nil, layout)) {
			return true
		}
	}
	return false
}
