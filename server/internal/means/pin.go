package means

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"pivot/server/internal/assurance"
)

// The tries of a PIN.
const (
	mostInARow = 5  // failures without a success between them
	mostInAll  = 30 // failures since the PIN was set

	secretSize = 32 // a scalar of P-256
	pointSize  = 65 // an uncompressed point of P-256
)

// A pin is what the server knows of a PIN, which is neither the PIN nor anything that it can be guessed from without
// the server: the key of a blind evaluation, and the public key that only the right PIN unmasks.
type pin struct {
	Secret     []byte               `json:"secret,omitempty"`
	Public     []byte               `json:"public,omitempty"`
	Activation assurance.Activation `json:"activation"`
	InARow     int                  `json:"in_a_row"`
	InAll      int                  `json:"in_all"`
	Pending    [][]byte             `json:"pending,omitempty"` // digests of the attempts that were not proved yet
}

func (p pin) set() bool { return len(p.Secret) != 0 }

func (p pin) valid() bool {
	if !p.set() {
		return len(p.Public) == 0 && p.Activation == 0 && p.InARow == 0 && p.InAll == 0 && len(p.Pending) == 0
	}
	sized := !slices.ContainsFunc(p.Pending, func(d []byte) bool { return len(d) != sha256.Size })
	return sized && len(p.Secret) == secretSize && len(p.Public) == pointSize && (p.Activation == 0 || p.Activation.Valid()) &&
		p.InARow >= 0 && p.InARow <= min(mostInARow, p.InAll) && p.InAll <= mostInAll && len(p.Pending) <= p.InAll
}

func (p pin) left() int { return min(mostInARow-p.InARow, mostInAll-p.InAll) }

// PINActivation is how the PIN was tied to its holder; zero for none.
func (d Device) PINActivation() assurance.Activation { return d.body.PIN.Activation }

// PINSet reports whether there is a PIN.
func (d Device) PINSet() bool { return d.body.PIN.set() }

// PINSecret is the key under which the PIN is evaluated, 32 octets; nil where there is none.
func (d Device) PINSecret() []byte { return bytes.Clone(d.body.PIN.Secret) }

// PINPublic is the public key that the right PIN unmasks, an uncompressed point; nil where there is none.
func (d Device) PINPublic() []byte { return bytes.Clone(d.body.PIN.Public) }

// TriesLeft is how many attempts can be begun; 0 where there is no PIN.
func (d Device) TriesLeft() int {
	if !d.PINSet() {
		return 0
	}
	return d.body.PIN.left()
}

// Locked reports whether there is a PIN and no attempt can be begun. One that was begun can still be proved.
func (d Device) Locked() bool { return d.PINSet() && d.TriesLeft() == 0 }

// SetPIN gives a device that nobody owns a PIN: the key of its evaluation and the public key, for whose private key the
// caller has seen a proof. It has all its tries, and no activation. Errors: [ErrSuspended]; [ErrOwned], for an owner's PIN
// is replaced by nobody but who knows it; sizes out of their bounds.
func (d Device) SetPIN(secret, public []byte) (Device, error) {
	if d.body.Account != "" {
		return Device{}, ErrOwned
	}
	return d.withPIN(secret, public)
}

func (d Device) withPIN(secret, public []byte) (Device, error) {
	next := pin{Secret: bytes.Clone(secret), Public: bytes.Clone(public)}
	if !next.set() || !next.valid() || d.IsZero() {
		return Device{}, errParts
	}
	if !d.Active() {
		return Device{}, ErrSuspended
	}
	d.body.PIN = next
	return d, nil
}

// ChangePIN gives the device another PIN, as somebody wants who has just proved the one before it, whose activation stays.
// Errors: [ErrSuspended]; [ErrUnset]; [ErrLocked]; sizes out of their bounds.
func (d Device) ChangePIN(secret, public []byte) (Device, error) {
	before := d.body.PIN
	next, err := d.withPIN(secret, public)
	switch {
	case err != nil:
		return Device{}, err
	case !before.set():
		return Device{}, ErrUnset
	case before.left() == 0:
		return Device{}, ErrLocked
	}
	next.body.PIN.Activation = before.Activation
	return next, nil
}

// Attempt begins an attempt at the PIN: it counts as failed from now on, and is evaluated only once that is stored. The
// same blinded element in the same ceremony is the same attempt, while it waits to be proved: repeated then, it costs
// nothing and is evaluated again, with nothing to store. Errors: [ErrSuspended]; [ErrUnset]; [ErrLocked]; an attempt
// that is none.
func (d Device) Attempt(ceremony string, blinded []byte) (next Device, repeated bool, err error) {
	p := d.body.PIN
	switch {
	case ceremony == "" || len(blinded) == 0:
		return Device{}, false, errParts
	case !d.Active():
		return Device{}, false, ErrSuspended
	case !p.set():
		return Device{}, false, ErrUnset
	case p.pending(ceremony, blinded) >= 0:
		return d, true, nil
	case p.left() == 0:
		return Device{}, false, ErrLocked
	}
	p.InARow++
	p.InAll++
	p.Pending = append(slices.Clone(p.Pending), attempt(ceremony, blinded))
	d.body.PIN = p
	return d, false, nil
}

// Succeed ends an attempt whose proof the caller has seen: it does not count as failed any more, and no failures are in
// a row. An attempt succeeds once. Errors: [ErrSuspended]; [ErrNotPending].
func (d Device) Succeed(ceremony string, blinded []byte) (Device, error) {
	if !d.Active() {
		return Device{}, ErrSuspended
	}
	p := d.body.PIN
	at := p.pending(ceremony, blinded)
	if at < 0 {
		return Device{}, ErrNotPending
	}
	p.InARow = 0
	p.InAll--
	p.Pending = slices.Delete(slices.Clone(p.Pending), at, at+1)
	d.body.PIN = p
	return d, nil
}

// pending gives the place of an attempt among those that wait, or -1.
func (p pin) pending(ceremony string, blinded []byte) int {
	wanted := attempt(ceremony, blinded)
	return slices.IndexFunc(p.Pending, func(d []byte) bool { return bytes.Equal(d, wanted) })
}

// attempt is the digest of an attempt.
func attempt(ceremony string, blinded []byte) []byte {
	input := binary.BigEndian.AppendUint32(nil, uint32(len(ceremony)))
	input = append(input, ceremony...)
	sum := sha256.Sum256(append(input, blinded...))
	return sum[:]
}
