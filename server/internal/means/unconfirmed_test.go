package means_test

import (
	"strings"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
)

// unconfirmed gives a device with a PIN whose holder's names are for a desk to compare.
func unconfirmed(tb testing.TB) means.Device {
	tb.Helper()
	d, _ := newDevice(tb)
	d = must[means.Device](tb)(d.Hopped().SetPIN(octets(32, 4), octets(65, 5)))
	return must[means.Device](tb)(d.EnrolUnconfirmed("account-1", "ABCD-EFGH"))
}

func unconfirmedCard(tb testing.TB) means.Card {
	tb.Helper()
	p := cardParts()
	p.Unconfirmed = true
	return must[means.Card](tb)(means.NewCard(p, 0))
}

// TestUnconfirmedDevice: it has an owner and no grade until the desk gives the first, whatever is done to it meanwhile.
func TestUnconfirmedDevice(t *testing.T) {
	t.Parallel()
	d := stored(t, unconfirmed(t), means.ParseDevice)
	c := d.Change()
	if d.Account() != "account-1" || d.Desk() != "ABCD-EFGH" || c.Next.Owner != "account-1" || !c.Next.Expires.IsZero() || !d.Active() {
		t.Errorf("enrolled as %+v", c)
	}
	changed := must[means.Device](t)(d.ChangePIN(octets(32, 6), octets(65, 7)))
	moved := must[means.Device](t)(d.Await("JKMN-PQRS"))
	for name, d := range map[string]means.Device{"enrolled": d, "changed": changed, "moved": moved} {
		if d = stored(t, d, means.ParseDevice); d.Activation() != 0 || d.PINActivation() != 0 {
			t.Errorf("%s: %s, PIN %s", name, d.Activation(), d.PINActivation())
		}
	}
	raised := stored(t, must[means.Device](t)(d.Activate(assurance.CardDesk)), means.ParseDevice)
	if raised.Activation() != assurance.CardDesk || raised.PINActivation() != assurance.CardDesk || raised.Desk() != "" {
		t.Errorf("%s, PIN %s, waits for %q", raised.Activation(), raised.PINActivation(), raised.Desk())
	}
	_, err := d.SetPIN(octets(32, 6), octets(65, 7))
	wantError(t, "SetPIN on an owned device", err, means.ErrOwned)
	fresh, _ := newDevice(t)
	_, err = fresh.EnrolUnconfirmed("", "ABCD-EFGH")
	bounds(t, "by nobody", err)
	_, err = fresh.EnrolUnconfirmed("account-1", "")
	bounds(t, "with no desk to wait for", err)
	_, err = means.Device{}.EnrolUnconfirmed("account-1", "ABCD-EFGH")
	bounds(t, "of nothing", err)
	_, err = fresh.Suspend("lost").EnrolUnconfirmed("account-1", "ABCD-EFGH")
	wantError(t, "of a suspended one", err, means.ErrSuspended)
	_, err = raised.EnrolUnconfirmed("account-1", "ABCD-EFGH")
	wantError(t, "of one that has a grade", err, means.ErrOwned)
	if d.Pairing() != "" || fresh.Pairing() == "" {
		t.Error("the pairing goes on with an owned device")
	}
	_, err = d.EnrolUnconfirmed("account-2", "ABCD-EFGH")
	wantError(t, "by another", err, means.ErrOwned)
}

// TestUnconfirmedCard: a card has no grade exactly while it is unconfirmed.
func TestUnconfirmedCard(t *testing.T) {
	t.Parallel()
	c := stored(t, unconfirmedCard(t), means.ParseCard)
	if c.Activation() != 0 || !c.Active() || c.Account() != "account-1" {
		t.Errorf("made with %s", c.Activation())
	}
	raised := stored(t, must[means.Card](t)(c.Activate(assurance.CardDesk)), means.ParseCard)
	if raised.Activation() != assurance.CardDesk || c.Activation() != 0 {
		t.Errorf("activated to %s", raised.Activation())
	}
	p := cardParts()
	_, err := means.NewCard(p, 0)
	bounds(t, "no grade, and confirmed", err)
	p.Unconfirmed = true
	for grade := assurance.LoginLow; grade.Valid(); grade++ {
		_, err = means.NewCard(p, grade)
		bounds(t, "unconfirmed, at "+grade.String(), err)
	}
}

// TestUnconfirmedBodies: what would give an unconfirmed means a grade, or take one from another, is not read.
func TestUnconfirmedBodies(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name          string
		r             record.Record
		before, after string
		parse         func(r record.Record) (record.Change, error)
	}{
		{"a device with no desk", unconfirmed(t).Change().Next, `"desk":"ABCD-EFGH",`, "", parser(means.ParseDevice)},
		{"a device whose PIN has a grade", unconfirmed(t).Change().Next, `"activation":0,"in_a_row"`, `"activation":4,"in_a_row"`, parser(means.ParseDevice)},
		{"a card with a grade", unconfirmedCard(t).Change().Next, `"activation":0`, `"activation":6`, parser(means.ParseCard)},
		{"a card that is confirmed", unconfirmedCard(t).Change().Next, `"unconfirmed":true,`, "", parser(means.ParseCard)},
		{"a graded card", newCard(t).Change().Next, `"standing"`, `"unconfirmed":true,"standing"`, parser(means.ParseCard)},
	} {
		if _, err := row.parse(row.r); err != nil {
			t.Fatalf("%s, before: %v", row.name, err)
		}
		if strings.Count(string(row.r.Body), row.before) != 1 {
			t.Fatalf("%s: %q in %s", row.name, row.before, row.r.Body)
		}
		replacing(row.before, row.after)(&row.r)
		if _, err := row.parse(row.r); err == nil {
			t.Errorf("%s: read", row.name)
		}
	}
}

// TestUnconfirmedCase: a case remembers that names are to be compared, to its end.
func TestUnconfirmedCase(t *testing.T) {
	t.Parallel()
	if newCase(t).Unconfirmed() {
		t.Error("any case is one of names")
	}
	p := deskParts()
	p.Unconfirmed = true
	c := stored(t, must[means.DeskCase](t)(means.NewDeskCase(p, start)), means.ParseDeskCase)
	approved := must[means.DeskCase](t)(c.Approve(code, start.Add(15*time.Minute), start))
	done := must[means.DeskCase](t)(approved.Redeem("device-1", code, start))
	for name, c := range map[string]means.DeskCase{"open": c, "approved": approved, "done": done} {
		if c = stored(t, c, means.ParseDeskCase); !c.Unconfirmed() {
			t.Errorf("%s: forgotten", name)
		}
	}
}
