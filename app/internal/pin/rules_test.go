package pin_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pivot/app/internal/pin"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	known := pin.Known{CAN: []byte("480217"), Birth: time.Date(1962, 7, 13, 0, 0, 0, 0, time.UTC)}
	for _, row := range []struct {
		name, pin string
		want      pin.Reason
	}{
		{"six digits", "280461", ""},
		{"twelve digits", "280461935072", ""},
		{"a run with another end", "123457", ""},
		{"almost a pattern", "121213", ""},
		{"pairs", "224466", ""},
		{"the birth date, one digit off", "130763", ""},
		{"none", "", pin.TooShort},
		{"five digits", "28046", pin.TooShort},
		{"thirteen digits", "2804619350728", pin.TooLong},
		{"a letter", "28046a", pin.NoDigit},
		{"a space", "280 461", pin.NoDigit},
		{"Arabic digits", "٢٨٠٤٦١", pin.NoDigit},
		{"counted up", "123456", pin.Run},
		{"counted down", "654321", pin.Run},
		{"counted over nine", "789012", pin.Run},
		{"counted under zero", "210987", pin.Run},
		{"counted up to twelve", "123456789012", pin.Run},
		{"one digit", "111111", pin.Repeated},
		{"two digits", "121212", pin.Repeated},
		{"three digits", "123123", pin.Repeated},
		{"four digits", "12951295", pin.Repeated},
		{"three digits and one more", "1231231", pin.Repeated},
		{"the card's number", "480217", pin.IsCAN},
		{"the card's number within", "94802173", pin.IsCAN},
		{"birth, day first", "130762", pin.IsBirth},
		{"birth, year first", "620713", pin.IsBirth},
		{"birth, month first", "071362", pin.IsBirth},
		{"birth, whole", "13071962", pin.IsBirth},
		{"birth, whole, year first", "19620713", pin.IsBirth},
		{"birth, month and year", "071962", pin.IsBirth},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			err := pin.Check([]byte(row.pin), known)
			if row.want == "" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			refused, ok := errors.AsType[*pin.RuleError](err)
			if !ok || refused.Reason != row.want {
				t.Fatalf("got %v, want %s", err, row.want)
			}
			if row.pin != "" && strings.Contains(err.Error(), row.pin) {
				t.Error("the error holds the PIN")
			}
		})
	}
}

func TestCheckKnowsOnlyWhatItIsTold(t *testing.T) {
	t.Parallel()
	for _, p := range []string{"480217", "130762", "13071962"} {
		if err := pin.Check([]byte(p), pin.Known{}); err != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
}
