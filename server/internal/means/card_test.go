package means_test

import (
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/identity"
	"pivot/server/internal/means"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

func TestNewCard(t *testing.T) {
	t.Parallel()
	many := make(map[string]int)
	for n := range 17 {
		many[strings.Repeat("f", n+1)] = 1
	}
	for _, row := range []struct {
		name   string
		change func(p *means.CardParts)
		ok     bool
	}{
		{"as it should be", func(*means.CardParts) {}, true},
		{"nothing known of its reach", func(p *means.CardParts) { p.Reach = wire.Reach{} }, true},
		{"no identifier", func(p *means.CardParts) { p.ID = "" }, false},
		{"no account", func(p *means.CardParts) { p.Account = "" }, false},
		{"no device", func(p *means.CardParts) { p.Device = "" }, false},
		{"no handle", func(p *means.CardParts) { p.Handle = nil }, false},
		{"a short handle", func(p *means.CardParts) { p.Handle = octets(31, 3) }, false},
		{"no issuing State", func(p *means.CardParts) { p.Document.State = "" }, false},
		{"no document code", func(p *means.CardParts) { p.Document.Code = "" }, false},
		{"no document number", func(p *means.CardParts) { p.Document.Number = "" }, false},
		{"a document number with a space", func(p *means.CardParts) { p.Document.Number = "X 1" }, false},
		{"no memory", func(p *means.CardParts) { p.Memory = nil }, false},
		{"a long memory", func(p *means.CardParts) { p.Memory = octets(16<<10+1, 1) }, false},
		{"a negative response", func(p *means.CardParts) { p.Reach.MaxResponse = -1 }, false},
		{"a response beyond all", func(p *means.CardParts) { p.Reach.MaxResponse = 1<<24 + 1 }, false},
		{"a negative block", func(p *means.CardParts) { p.Reach.Block = -1 }, false},
		{"a negative size", func(p *means.CardParts) { p.Reach.Sizes["1"] = -1 }, false},
		{"a size of nothing", func(p *means.CardParts) { p.Reach.Sizes[""] = 1 }, false},
		{"too many sizes", func(p *means.CardParts) { p.Reach.Sizes = many }, false},
	} {
		p := cardParts()
		row.change(&p)
		c, err := means.NewCard(p, assurance.CardMatch)
		if !row.ok {
			bounds(t, row.name, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		stored(t, c, means.ParseCard)
	}
	_, err := means.NewCard(cardParts(), 0)
	bounds(t, "no grade", err)
}

func TestCard(t *testing.T) {
	t.Parallel()
	p := cardParts()
	c := must[means.Card](t)(means.NewCard(p, assurance.CardMatch))
	clear(p.Memory)
	clear(p.Reach.Sizes)
	clear(c.Memory())
	clear(c.Reach().Sizes)
	c = stored(t, c, means.ParseCard)
	change := c.Change()
	if c.Account() != "account-1" || c.Device() != "device-1" || c.Document() != cardParts().Document || !c.Active() || c.Reason() != "" ||
		string(c.Memory()) != "secret memory" || c.Activation() != assurance.CardMatch || c.Reach().Sizes["13"] != 40 ||
		c.Reach().MaxResponse != 65536 {
		t.Error("a card is not what it was made of")
	}
	if change.Next.Alias != means.Alias(octets(32, 3)) || change.Next.Owner != "device-1" || !change.Next.Expires.IsZero() {
		t.Errorf("stored as %+v", change)
	}
	raised := stored(t, must[means.Card](t)(c.Activate(assurance.CardDesk)), means.ParseCard)
	if raised.Activation() != assurance.CardDesk || c.Activation() != assurance.CardMatch {
		t.Error("not activated, or the value before was changed")
	}
	_, err := c.Activate(0)
	bounds(t, "Activate at no grade", err)
	_, err = means.Card{}.Activate(assurance.CardDesk)
	bounds(t, "Activate of nothing", err)

	again := stored(t, must[means.Card](t)(raised.Remember(octets(32, 8), []byte("more"), wire.Reach{Block: 7})), means.ParseCard)
	if again.Change().Next.Alias != means.Alias(octets(32, 8)) || string(again.Memory()) != "more" || again.Reach().Block != 7 ||
		again.Activation() != assurance.CardDesk || again.Document() != c.Document() {
		t.Error("not what a full reading taught")
	}
	for name, run := range map[string]func() (means.Card, error){
		"no handle": func() (means.Card, error) { return c.Remember(nil, []byte("more"), wire.Reach{}) },
		"no memory": func() (means.Card, error) { return c.Remember(octets(32, 8), nil, wire.Reach{}) },
		"no reach":  func() (means.Card, error) { return c.Remember(octets(32, 8), []byte("more"), wire.Reach{Block: -1}) },
	} {
		_, err := run()
		bounds(t, name, err)
	}

	gone := stored(t, raised.Suspend("lost").Suspend("stolen"), means.ParseCard)
	if gone.Active() || gone.Reason() != "lost" || gone.Change().Next.State == record.StateActive {
		t.Errorf("suspended for %q", gone.Reason())
	}
	_, err = gone.Activate(assurance.CardDesk)
	wantError(t, "Activate of a suspended one", err, means.ErrSuspended)
	_, err = gone.Remember(octets(32, 8), []byte("more"), wire.Reach{})
	wantError(t, "Remember of a suspended one", err, means.ErrSuspended)
}

func TestAccount(t *testing.T) {
	t.Parallel()
	a := stored(t, newAccount(t), means.ParseAccount)
	if !a.Person().Equal(person(t, nil)) || a.ID() != "account-1" || a.Version() != 1 {
		t.Error("an account is not what it was made of")
	}
	if c := a.Change(); c.Next.Alias != [32]byte{1} || c.Next.Owner != "" || c.Next.State != record.StateActive || !c.Next.Expires.IsZero() {
		t.Errorf("stored as %+v", c)
	}
	married := person(t, func(f *identity.Fields) { f.PreferredUsername = "Other" })
	next := stored(t, must[means.Account](t)(a.Update(married, [32]byte{2})), means.ParseAccount)
	if !next.Person().Equal(married) || next.Change().Next.Alias != [32]byte{2} || !a.Person().Equal(person(t, nil)) {
		t.Error("not updated, or the value before was changed")
	}
	for _, row := range []struct {
		name   string
		change func(p *means.AccountParts)
	}{
		{"no identifier", func(p *means.AccountParts) { p.ID = "" }},
		{"no lookup", func(p *means.AccountParts) { p.Lookup = [32]byte{} }},
		{"nobody", func(p *means.AccountParts) { p.Person = identity.Identity{} }},
	} {
		p := accountParts(t)
		row.change(&p)
		_, err := means.NewAccount(p)
		bounds(t, row.name, err)
	}
	for name, run := range map[string]func() (means.Account, error){
		"to nobody":    func() (means.Account, error) { return a.Update(identity.Identity{}, [32]byte{2}) },
		"to no lookup": func() (means.Account, error) { return a.Update(married, [32]byte{}) },
		"of nothing":   func() (means.Account, error) { return means.Account{}.Update(married, [32]byte{2}) },
	} {
		_, err := run()
		bounds(t, "Update "+name, err)
	}
}
