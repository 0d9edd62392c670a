package means

import (
	"bytes"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/record"
)

// Unowned is how long a device that nobody's card enrolled is remembered.
const unowned = time.Hour

// DeviceParts are what a device is made of, as it said when it was paired.
type DeviceParts struct {
	ID         string   // random; 1 to 64 printable characters of ASCII
	Key        []byte   // public JWK, at most 512 octets
	Thumbprint [32]byte // of the key (RFC 7638): the device is found by it
	Name       string   // given by the citizen, at most 64 characters
	Platform   string   // at most 64 characters
	Protection string   // of the key: tpm, keychain or file
	Pairing    string   // the ceremony that makes it; empty for none, or like an identifier
}

// Device is a companion: a key, how well it is protected, the ratchet that shows a copy of its file, and the PIN.
// Until a card enrols it, it belongs to nobody, can do nothing but be enrolled by the pairing that made it, and is
// forgotten after an hour.
type Device struct {
	head
	thumbprint [32]byte
	expires    time.Time // zero once it is owned
	body       deviceBody
}

const deviceV1 = 1

type deviceBody struct {
	V          int                  `json:"v"`
	Key        []byte               `json:"key"`
	Name       string               `json:"name"`
	Platform   string               `json:"platform"`
	Protection string               `json:"protection"`
	Account    string               `json:"account,omitempty"`
	Hop        bool                 `json:"hop"`
	Desk       string               `json:"desk,omitempty"`
	Pairing    string               `json:"pairing,omitempty"`
	Activation assurance.Activation `json:"activation"`
	Standing   standing             `json:"standing"`
	Ratchet    ratchet              `json:"ratchet"`
	PIN        pin                  `json:"pin"`
}

// NewDevice makes a device that was never stored, and the first value of its ratchet, 32 octets, which the device is to
// keep and present. Errors: a part that is missing or out of its bounds.
func NewDevice(p DeviceParts, now time.Time) (Device, []byte, error) {
	first := draw()
	d := Device{
		head: head{kind: record.Device, id: p.ID}, thumbprint: p.Thumbprint, expires: millis(now.Add(unowned)),
		body: deviceBody{
			V: deviceV1, Key: bytes.Clone(p.Key), Name: p.Name, Platform: p.Platform, Protection: p.Protection, Pairing: p.Pairing,
			Standing: standing{State: record.StateActive}, Ratchet: ratchet{Current: digest(first)},
		},
	}
	if !d.valid() {
		return Device{}, nil, errParts
	}
	return d, first, nil
}

// ParseDevice reads what [Device.Change] stored. Errors: anything else.
func ParseDevice(r record.Record) (Device, error) {
	d := Device{head: head{kind: record.Device, id: r.ID, version: r.Version}, thumbprint: r.Alias, expires: r.Expires}
	if err := decode(r, record.Device, &d.body); err != nil {
		return Device{}, err
	}
	return sound(d, r, d.Change(), d.valid())
}

func (d Device) valid() bool {
	b := d.body
	switch b.Protection {
	case "tpm", "keychain", "file":
	default:
		return false
	}
	return b.V == deviceV1 && identifier(d.id) && d.thumbprint != [32]byte{} && len(b.Key) > 0 && len(b.Key) <= mostJWK &&
		b.Name != "" && text(b.Name, mostName) && b.Platform != "" && text(b.Platform, mostName) &&
		d.owned() && text(b.Desk, mostWord) && b.Standing.valid() && b.Ratchet.valid() && b.PIN.valid()
}

// owned reports whether owner, activation and expiry agree: all of them are set at once, and the pairing is over then. A
// device without a grade waits for the desk that is to give it one.
func (d Device) owned() bool {
	b := d.body
	if b.Account == "" {
		return b.Activation == 0 && b.PIN.Activation == 0 && !d.expires.IsZero() && (b.Pairing == "" || identifier(b.Pairing))
	}
	waits := b.Activation == 0 && b.PIN.Activation == 0 && b.Desk != ""
	return identifier(b.Account) && b.Pairing == "" && (b.Activation.Valid() || waits) && d.expires.IsZero()
}

// Account is the identifier of the account that the device belongs to; empty until it is enrolled.
func (d Device) Account() string { return d.body.Account }

// Pairing is the ceremony that made the device, the only one that may go on with it; empty once it is enrolled.
func (d Device) Pairing() string { return d.body.Pairing }

// Key is the public JWK.
func (d Device) Key() []byte { return bytes.Clone(d.body.Key) }

// Thumbprint is the thumbprint of the key (RFC 7638).
func (d Device) Thumbprint() [32]byte { return d.thumbprint }

// Label is what the device is called and runs on, as the citizen gave it.
func (d Device) Label() (name, platform string) { return d.body.Name, d.body.Platform }

// Protection says how the key is kept: tpm, keychain or file. It is the device's own word.
func (d Device) Protection() string { return d.body.Protection }

// Active reports whether the device may be used.
func (d Device) Active() bool { return d.body.Standing.active() }

// Reason is why the device is suspended; empty while it is active.
func (d Device) Reason() string { return d.body.Standing.Reason }

// Activation is how the device was tied to its holder; zero until it is enrolled, and of one that is unconfirmed.
func (d Device) Activation() assurance.Activation { return d.body.Activation }

// Hop reports whether the browser that began the pairing was shown to run beside the device.
func (d Device) Hop() bool { return d.body.Hop }

// Desk is the reference of the desk case that waits for this device; empty for none.
func (d Device) Desk() string { return d.body.Desk }

// Change stores the device in the place of what was read.
func (d Device) Change() record.Change {
	c := d.change(d.body.Standing.State, d.body.Account, d.body)
	c.Next.Alias, c.Next.Expires = d.thumbprint, d.expires
	return c
}

// Hopped says that the hop of the pairing was completed.
func (d Device) Hopped() Device {
	d.body.Hop = true
	return d
}

// Enrol gives the device to an account, with its PIN where one is set, and has it remembered for good. Its pairing is over.
// Errors: [ErrSuspended]; [ErrOwned] by any account; no account, no grade.
func (d Device) Enrol(account string, grade assurance.Activation) (Device, error) {
	switch {
	case !identifier(account) || !grade.Valid() || d.IsZero():
		return Device{}, errParts
	case !d.Active():
		return Device{}, ErrSuspended
	case d.body.Account != "":
		return Device{}, ErrOwned
	}
	d.body.Account, d.body.Pairing, d.expires = account, "", time.Time{}
	return d.activated(grade), nil
}

// EnrolUnconfirmed gives the device to an account although the names on the card could not be compared in full: device and
// PIN have no grade, and reach no level, until the desk case of that reference is done. Errors: [ErrSuspended]; [ErrOwned]
// by any account; no account, a reference out of its bounds.
func (d Device) EnrolUnconfirmed(account, reference string) (Device, error) {
	switch {
	case !identifier(account) || !identifier(reference) || d.IsZero():
		return Device{}, errParts
	case !d.Active():
		return Device{}, ErrSuspended
	case d.body.Account != "":
		return Device{}, ErrOwned
	}
	d.body.Account, d.body.Desk, d.body.Pairing, d.expires = account, reference, "", time.Time{}
	return d, nil
}

// Await notes the reference of the desk case that was opened for the device, in the place of one before. Errors:
// [ErrUnowned]; a reference out of its bounds.
func (d Device) Await(reference string) (Device, error) {
	if !identifier(reference) {
		return Device{}, errParts
	}
	if d.body.Account == "" {
		return Device{}, ErrUnowned
	}
	d.body.Desk = reference
	return d, nil
}

// Activate gives device and PIN the grade of a new activation, and no desk case waits any more. Errors:
// [ErrSuspended]; [ErrUnowned]; no grade.
func (d Device) Activate(grade assurance.Activation) (Device, error) {
	switch {
	case !grade.Valid():
		return Device{}, errParts
	case !d.Active():
		return Device{}, ErrSuspended
	case d.body.Account == "":
		return Device{}, ErrUnowned
	}
	d.body.Desk = ""
	return d.activated(grade), nil
}

func (d Device) activated(grade assurance.Activation) Device {
	d.body.Activation = grade
	if d.body.PIN.set() {
		d.body.PIN.Activation = grade
	}
	return d
}

// Suspend ends the use of the device for good; the first reason stays. What rests on it is suspended by the caller, in
// the same write: the cards whose Device this is.
func (d Device) Suspend(reason string) Device {
	d.body.Standing = d.body.Standing.suspended(reason)
	return d
}
