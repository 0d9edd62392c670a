//go:build !nowindow

package ui

import "fmt"

// mostDigits is the longest secret code.
const mostDigits = 12

// digits are what the citizen typed of a secret. They live in one place, are never a string, and print as redacted.
type digits struct {
	buf         [mostDigits]byte
	n           int
	least, most int
}

func newDigits(least, most int) *digits { return &digits{least: least, most: min(most, mostDigits)} }

// add appends a digit and reports whether it was one, and there was room.
func (d *digits) add(r rune) bool {
	if r < '0' || r > '9' || d.n >= d.most {
		return false
	}
	d.buf[d.n] = byte(r)
	d.n++
	return true
}

// drop takes the last one back.
func (d *digits) drop() {
	if d.n > 0 {
		d.n--
		d.buf[d.n] = 0
	}
}

// enough reports whether there are as many as it takes.
func (d *digits) enough() bool { return d.n >= d.least }

// take returns a copy, which its owner wipes, and wipes the digits.
func (d *digits) take() []byte {
	out := append([]byte(nil), d.buf[:d.n]...)
	d.wipe()
	return out
}

func (d *digits) wipe() {
	clear(d.buf[:])
	d.n = 0
}

// Format prints no digit, whatever the verb.
func (*digits) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[redacted]") }
