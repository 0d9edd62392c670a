package pace

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"pivot/shared/mrtd"
	"pivot/shared/sm"
)

// The references of the passwords, ICAO 9303-11 §4.4.4.1 and BSI TR-03110-3
// §B.11.1.
const (
	referenceMRZ = 0x01
	referenceCAN = 0x02
)

const (
	canDigits = 6
	numberLen = 9  // of the document number, padded
	numberMax = 22 // of a document number that goes on in the optional data (ICAO 9303-5 §4.2.2)
	dateLen   = 6
)

var (
	errCAN      = errors.New("pace: the card access number is 6 digits")
	errMRZ      = errors.New("pace: not fields of a machine readable zone")
	errPassword = errors.New("pace: no password")
)

// Password is what is printed on a card and opens its chip. It prints as
// redacted. The zero Password opens nothing.
type Password struct {
	// A function, because fmt follows every pointer and field of a value whose
	// methods it may not call, but not what a function captures.
	reveal func() *secret
}

type secret struct {
	reference byte
	value     []byte // input of the key derivation, nil when wiped
}

// CAN returns the password of a card access number, six ASCII digits. It keeps a
// copy.
func CAN(digits []byte) (Password, error) {
	if len(digits) != canDigits {
		return Password{}, errCAN
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return Password{}, errCAN
		}
	}
	return newPassword(referenceCAN, append([]byte(nil), digits...)), nil
}

// MRZ returns the password of a machine readable zone (ICAO 9303-11 §9.7.3): the
// document number without its check digit, in full when it goes on in the
// optional data, and the dates of birth and expiry as YYMMDD.
func MRZ(number, birth, expiry string) (Password, error) {
	if number == "" || len(number) > numberMax || len(birth) != dateLen || len(expiry) != dateLen {
		return Password{}, errMRZ
	}
	if n := len(number); n < numberLen {
		number += strings.Repeat("<", numberLen-n)
	}
	h := sha1.New()
	for _, field := range []string{number, birth, expiry} {
		digit, err := mrtd.CheckDigit(field)
		if err != nil {
			return Password{}, errMRZ // the cause would quote the field
		}
		h.Write([]byte(field))
		h.Write([]byte{digit})
	}
	return newPassword(referenceMRZ, h.Sum(nil)), nil
}

func newPassword(reference byte, value []byte) Password {
	s := &secret{reference, value}
	return Password{func() *secret { return s }}
}

// Wipe erases the password and all its copies, which then open nothing.
func (p Password) Wipe() {
	if p.reveal != nil {
		s := p.reveal()
		clear(s.value)
		s.value = nil
	}
}

// key returns the reference of the password and the key that it gives.
func (p Password) key(suite sm.Suite) (byte, []byte, error) {
	if p.reveal == nil || p.reveal().value == nil {
		return 0, nil, errPassword
	}
	s := p.reveal()
	key, err := suite.PasswordKey(s.value)
	return s.reference, key, err
}

const redacted = "[redacted]"

// Format prints no password, whatever the verb.
func (p Password) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no password.
func (p Password) LogValue() slog.Value { return slog.StringValue(redacted) }
