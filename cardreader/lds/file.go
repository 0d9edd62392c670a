// Package lds owns the reading of files from the logical data structure of a
// travel document (ICAO 9303-10): which files there are, how each is addressed,
// and reads in as few commands as the card allows and never more than a file's
// announced size, its cap and a fixed number of commands.
package lds

import (
	"errors"
	"fmt"

	"pivot/shared/tlv"
)

// Why a file is not read.
var (
	// ErrNotIdentityCard says that the card has neither EF.CardAccess nor the
	// travel document application: a bank card, a health card, anything else.
	ErrNotIdentityCard = errors.New("lds: not an identity card")
	// ErrNotFound says that the card has no such file.
	ErrNotFound = errors.New("lds: no such file")
	// ErrAccess says that the card does not let this session read the file.
	ErrAccess = errors.New("lds: access refused")
	// ErrCard says that a file or an answer is malformed, or over its cap.
	ErrCard = errors.New("lds: malformed file or answer")
	// ErrExtendedRefused says that the card left secure messaging over a command
	// of extended length. A new session with short commands may succeed.
	ErrExtendedRefused = errors.New("lds: extended length refused in clear")
)

// File is an elementary file, named by its short identifier (ICAO 9303-10
// §3.11.1). The zero File is none.
type File uint8

// The files that are not data groups.
const (
	CardAccess File = 0x1C // in the master file; all others are in the application
	SOD        File = 0x1D
	COM        File = 0x1E
)

// DG returns the file of data group n, 1 to 16, and no file for another n.
func DG(n int) File {
	if n < 1 || n > 16 {
		return 0
	}
	return File(n)
}

// String returns the file's usual name.
func (f File) String() string {
	switch {
	case f == CardAccess:
		return "EF.CardAccess"
	case f == SOD:
		return "EF.SOD"
	case f == COM:
		return "EF.COM"
	case f >= 1 && f <= 16:
		return fmt.Sprintf("EF.DG%d", int(f))
	}
	return "no file"
}

// identifier is the two-byte file identifier.
func (f File) identifier() []byte { return []byte{0x01, byte(f)} }

// tag is the template that the file consists of (ICAO 9303-10 §4.7), 0 for no
// file.
func (f File) tag() tlv.Tag {
	groups := [...]tlv.Tag{
		1: 0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70,
	}
	switch {
	case f == CardAccess:
		return 0x31
	case f == SOD:
		return 0x77
	case f == COM:
		return 0x60
	case f >= 1 && f <= 16:
		return groups[f]
	}
	return 0
}

// limit is the most bytes taken from the file. Issued files stay far below it.
func (f File) limit() int {
	switch f {
	case 1, COM:
		return 1 << 10
	case 2, 3, 4, 5, 7:
		return 1 << 16 // images
	}
	return 1 << 14
}
