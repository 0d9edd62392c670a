package means_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
)

func TestNewDevice(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(p *means.DeviceParts)
		ok     bool
	}{
		{"as it should be", func(*means.DeviceParts) {}, true},
		{"in the keychain", func(p *means.DeviceParts) { p.Protection = "keychain" }, true},
		{"in a TPM", func(p *means.DeviceParts) { p.Protection = "tpm" }, true},
		{"the longest name", func(p *means.DeviceParts) { p.Name = strings.Repeat("é", 64) }, true},
		{"no identifier", func(p *means.DeviceParts) { p.ID = "" }, false},
		{"an identifier too long for a proof", func(p *means.DeviceParts) { p.ID = strings.Repeat("d", 65) }, false},
		{"an identifier with a space", func(p *means.DeviceParts) { p.ID = "device 1" }, false},
		{"no key", func(p *means.DeviceParts) { p.Key = nil }, false},
		{"a long key", func(p *means.DeviceParts) { p.Key = octets(513, 'k') }, false},
		{"no thumbprint", func(p *means.DeviceParts) { p.Thumbprint = [32]byte{} }, false},
		{"no name", func(p *means.DeviceParts) { p.Name = "" }, false},
		{"a long name", func(p *means.DeviceParts) { p.Name = strings.Repeat("é", 65) }, false},
		{"a name of two lines", func(p *means.DeviceParts) { p.Name = "a\nb" }, false},
		{"a name that is no text", func(p *means.DeviceParts) { p.Name = "\xff" }, false},
		{"no platform", func(p *means.DeviceParts) { p.Platform = "" }, false},
		{"a long platform", func(p *means.DeviceParts) { p.Platform = strings.Repeat("p", 65) }, false},
		{"no protection", func(p *means.DeviceParts) { p.Protection = "" }, false},
		{"an unknown protection", func(p *means.DeviceParts) { p.Protection = "hope" }, false},
		{"no pairing", func(p *means.DeviceParts) { p.Pairing = "" }, true},
		{"a pairing with a space", func(p *means.DeviceParts) { p.Pairing = "pairing 1" }, false},
	} {
		p := deviceParts()
		row.change(&p)
		d, first, err := means.NewDevice(p, start)
		if !row.ok {
			bounds(t, row.name, err)
			if !d.IsZero() || first != nil {
				t.Errorf("%s: made all the same", row.name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		stored(t, d, means.ParseDevice)
	}
}

// TestUnowned: what nobody enrolled is forgotten in an hour and has no grade.
func TestUnowned(t *testing.T) {
	t.Parallel()
	d, _ := newDevice(t)
	c := d.Change()
	if !c.Next.Expires.Equal(start.Add(time.Hour)) || c.Next.Owner != "" || c.Next.State != record.StateActive || c.From != 0 {
		t.Errorf("stored as %+v, expiring %v", c, c.Next.Expires)
	}
	if c.Next.Alias != deviceParts().Thumbprint || d.Thumbprint() != deviceParts().Thumbprint {
		t.Error("not found by its key")
	}
	name, platform := d.Label()
	if d.Account() != "" || d.Activation() != 0 || d.PINActivation() != 0 || d.Hop() || d.Desk() != "" || d.PINSet() || d.Locked() ||
		d.TriesLeft() != 0 || d.PINSecret() != nil || d.PINPublic() != nil || !d.Active() || d.Reason() != "" ||
		name != deviceParts().Name || platform != "Linux" || d.Protection() != "file" || string(d.Key()) != `{"kty":"EC"}` {
		t.Error("a new device has what it cannot have")
	}
	_, err := d.Await("ABCD-EFGH")
	wantError(t, "Await", err, means.ErrUnowned)
	_, err = d.Activate(assurance.CardDesk)
	wantError(t, "Activate", err, means.ErrUnowned)
}

func TestEnrol(t *testing.T) {
	t.Parallel()
	d, _ := newDevice(t)
	d = must[means.Device](t)(d.Hopped().SetPIN(octets(32, 4), octets(65, 5)))
	if d.Activation() != 0 || d.PINActivation() != 0 {
		t.Error("a PIN makes a grade")
	}
	owned := stored(t, must[means.Device](t)(d.Enrol("account-1", assurance.CardMatch)), means.ParseDevice)
	if d.Pairing() != "pairing-1" || owned.Pairing() != "" {
		t.Errorf("the pairing was %q, and is %q", d.Pairing(), owned.Pairing())
	}
	c := owned.Change()
	if c.Next.Owner != "account-1" || owned.Account() != "account-1" || !c.Next.Expires.IsZero() || !owned.Hop() ||
		owned.Activation() != assurance.CardMatch || owned.PINActivation() != assurance.CardMatch {
		t.Errorf("enrolled as %+v", c)
	}
	if d.Account() != "" || d.Change().Next.Expires.IsZero() {
		t.Error("the value before was changed")
	}
	for _, account := range []string{"account-1", "account-2"} {
		_, err := owned.Enrol(account, assurance.CardMatch)
		wantError(t, "Enrol a second time by "+account, err, means.ErrOwned)
	}
	_, err := owned.Suspend("device-cloned").Enrol("account-1", assurance.CardMatch)
	wantError(t, "Enrol of a suspended one", err, means.ErrSuspended)
	_, err = d.Enrol("", assurance.CardMatch)
	bounds(t, "Enrol by nobody", err)
	_, err = d.Enrol("account 1", assurance.CardMatch)
	bounds(t, "Enrol by what is no name", err)
	_, err = d.Enrol("account-1", 0)
	bounds(t, "Enrol at no grade", err)
	_, err = means.Device{}.Enrol("account-1", assurance.CardMatch)
	bounds(t, "Enrol of nothing", err)

	bare, _ := newDevice(t)
	bare = must[means.Device](t)(bare.Enrol("account-1", assurance.CardMatch))
	if bare.PINActivation() != 0 {
		t.Error("a PIN that is not there has a grade")
	}
}

// TestActivate: the desk raises device and PIN together.
func TestActivate(t *testing.T) {
	t.Parallel()
	waiting := stored(t, must[means.Device](t)(enrolled(t).Await("ABCD-EFGH")), means.ParseDevice)
	if waiting.Desk() != "ABCD-EFGH" {
		t.Errorf("waits for %q", waiting.Desk())
	}
	raised := stored(t, must[means.Device](t)(waiting.Activate(assurance.CardDesk)), means.ParseDevice)
	if raised.Activation() != assurance.CardDesk || raised.PINActivation() != assurance.CardDesk || raised.Desk() != "" {
		t.Errorf("%s, PIN %s, waits for %q", raised.Activation(), raised.PINActivation(), raised.Desk())
	}
	_, err := raised.SetPIN(octets(32, 6), octets(65, 7))
	wantError(t, "SetPIN on an owned device", err, means.ErrOwned)
	_, err = waiting.Activate(0)
	bounds(t, "Activate at no grade", err)
	_, err = waiting.Suspend("lost").Activate(assurance.CardDesk)
	wantError(t, "Activate of a suspended one", err, means.ErrSuspended)
	_, err = waiting.Await("")
	bounds(t, "Await of nothing", err)
}

func TestSuspendDevice(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	s := stored(t, d.Suspend("device-cloned").Suspend("lost"), means.ParseDevice)
	if s.Active() || s.Reason() != "device-cloned" || s.Change().Next.State == record.StateActive || !d.Active() {
		t.Errorf("suspended for %q in state %q", s.Reason(), s.Change().Next.State)
	}
	if odd := stored(t, d.Suspend("Not a word!"), means.ParseDevice); odd.Active() || odd.Reason() != "unknown" {
		t.Errorf("suspended for %q", odd.Reason())
	}
}

// TestDeviceIsItsOwn: neither what went in nor what came out reaches into a value.
func TestDeviceIsItsOwn(t *testing.T) {
	t.Parallel()
	p := deviceParts()
	d, first, err := means.NewDevice(p, start)
	if err != nil {
		t.Fatal(err)
	}
	secret, public := octets(32, 4), octets(65, 5)
	d = must[means.Device](t)(d.SetPIN(secret, public))
	d, next, err := d.Roll(first, octets(16, 1))
	if err != nil {
		t.Fatal(err)
	}
	d, _, err = d.Attempt("ceremony", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	before := d.Change().Next.Body
	for _, b := range [][]byte{p.Key, first, secret, public, next, d.Key(), d.PINSecret(), d.PINPublic()} {
		clear(b)
	}
	if _, _, err := d.Attempt("ceremony", []byte("two")); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Succeed("ceremony", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, d.Change().Next.Body) {
		t.Error("the value was changed from outside")
	}
}
