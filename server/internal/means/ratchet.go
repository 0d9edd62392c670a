package means

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

const (
	ratchetSize = 32
	rollSize    = 16
)

// A ratchet shows that a device's file was copied: each use presents the value that the one before was answered with.
// Two parties who hold the same file each draw a roll of their own, and the second to come presents what was replaced,
// or another roll for it. A file that is copied while a roll is on disk gives both the same roll: they are told apart once
// one of them has used what it was answered, for then the other's turn is over.
type ratchet struct {
	Current []byte `json:"current"`        // digest of the value that the device has for certain
	Roll    []byte `json:"roll,omitempty"` // what the device drew to replace it
	Next    []byte `json:"next,omitempty"` // what it was answered with, for a retry
	Held    []byte `json:"held,omitempty"` // the last turn whose answer was used
}

func (r ratchet) valid() bool {
	return len(r.Current) == sha256.Size && (len(r.Held) == 0 || len(r.Held) == sha256.Size) &&
		(len(r.Roll) == 0 && len(r.Next) == 0 || len(r.Roll) == rollSize && len(r.Next) == ratchetSize)
}

// turn names one turn: the digest of the value that was presented, and the roll.
func turn(presented, roll []byte) [32]byte {
	return sha256.Sum256(append(bytes.Clone(presented), roll...))
}

// Roll replaces the value of the ratchet. The device presents the value that it holds, 32 octets, and a roll, 16 octets
// that it drew and has on disk; it is answered with the next value, and with the same one where an answer was lost and
// it asks again with the same roll. What it was answered with counts as held once it is presented, or used: see
// [Device.Held].
//
// Errors: [ErrLate] for a turn whose answer was used, which is a repetition that came late or a copy's; [ErrCloned] for
// anything else, upon which the caller suspends the device; [ErrSuspended]; sizes out of their bounds, which say nothing
// about the device.
func (d Device) Roll(presented, roll []byte) (Device, []byte, error) {
	r := d.body.Ratchet
	switch {
	case len(presented) != ratchetSize || len(roll) != rollSize:
		return Device{}, nil, errParts
	case !d.Active():
		return Device{}, nil, ErrSuspended
	case same(r.Current, digest(presented)):
		if len(r.Roll) == 0 {
			break
		}
		if !same(r.Roll, roll) {
			return Device{}, nil, ErrCloned
		}
		return d, bytes.Clone(r.Next), nil
	case len(r.Next) != 0 && same(r.Next, presented):
		r.Current = digest(presented)
	default:
		if asked := turn(digest(presented), roll); same(r.Held, asked[:]) {
			return Device{}, nil, ErrLate
		}
		return Device{}, nil, ErrCloned
	}
	r.Roll, r.Next = bytes.Clone(roll), draw()
	d.body.Ratchet = r
	return d, bytes.Clone(r.Next), nil
}

// Turn names the turn of the ratchet that was answered last, and not presented or used since; zero for none.
func (d Device) Turn() [32]byte {
	if r := d.body.Ratchet; len(r.Next) != 0 {
		return turn(r.Current, r.Roll)
	}
	return [32]byte{}
}

// Held says that the device has used what that turn was answered with, so that it holds the value: whoever presents the
// one before has a copy, though it be with the same roll. False: that turn is not the one that waits, and nothing changes.
func (d Device) Held(answered [32]byte) (next Device, changed bool) {
	if answered == [32]byte{} || d.Turn() != answered {
		return d, false
	}
	d.body.Ratchet = ratchet{Current: digest(d.body.Ratchet.Next), Held: answered[:]}
	return d, true
}

func draw() []byte {
	value := make([]byte, ratchetSize)
	rand.Read(value) // never fails: see package crypto/rand
	return value
}

func digest(value []byte) []byte {
	sum := sha256.Sum256(value)
	return sum[:]
}

// same compares in constant time.
func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }
