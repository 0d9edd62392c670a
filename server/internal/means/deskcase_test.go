package means_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/means"
)

func TestNewDeskCase(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(p *means.DeskParts)
		ok     bool
	}{
		{"as it should be", func(*means.DeskParts) {}, true},
		{"the largest portrait", func(p *means.DeskParts) { p.Portrait = octets(64<<10, 1) }, true},
		{"no identifier", func(p *means.DeskParts) { p.ID = "" }, false},
		{"no reference", func(p *means.DeskParts) { p.Reference = "" }, false},
		{"a long reference", func(p *means.DeskParts) { p.Reference = strings.Repeat("A", 65) }, false},
		{"no account", func(p *means.DeskParts) { p.Account = "" }, false},
		{"no device", func(p *means.DeskParts) { p.Device = "" }, false},
		{"no card", func(p *means.DeskParts) { p.Card = "" }, false},
		{"no portrait", func(p *means.DeskParts) { p.Portrait = nil }, false},
		{"a portrait too large", func(p *means.DeskParts) { p.Portrait = octets(64<<10+1, 1) }, false},
		{"no holder", func(p *means.DeskParts) { p.Holder = nil }, false},
		{"an empty line", func(p *means.DeskParts) { p.Holder = []string{""} }, false},
		{"a long line", func(p *means.DeskParts) { p.Holder = []string{strings.Repeat("h", 257)} }, false},
		{"two lines in one", func(p *means.DeskParts) { p.Holder = []string{"a\nb"} }, false},
		{"no address", func(p *means.DeskParts) { p.Email = "" }, true},
		{"an address too long", func(p *means.DeskParts) { p.Email = strings.Repeat("e", 255) }, false},
		{"an address of two lines", func(p *means.DeskParts) { p.Email = "a\nb" }, false},
		{"too many lines", func(p *means.DeskParts) { p.Holder = slices.Repeat([]string{"h"}, 17) }, false},
	} {
		p := deskParts()
		row.change(&p)
		c, err := means.NewDeskCase(p, start)
		if !row.ok {
			bounds(t, row.name, err)
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		stored(t, c, means.ParseDeskCase)
	}
}

func TestDeskCase(t *testing.T) {
	t.Parallel()
	c := stored(t, newCase(t), means.ParseDeskCase)
	account, device, card := c.Means()
	if c.State() != "open" || c.Reference() != "ABCD-EFGH" || account != "account-1" || device != "device-1" || card != "card-1" ||
		string(c.Portrait()) != "secret portrait" || len(c.Holder()) != 2 || !c.Opened().Equal(start) ||
		!c.Expires().Equal(start.Add(30*24*time.Hour)) || c.TriesLeft() != 5 {
		t.Error("a case is not what it was made of")
	}
	clear(c.Portrait())
	clear(c.Holder())
	if change := c.Change(); change.Next.Owner != means.DeskOwner || change.Next.Alias != means.Alias([]byte("ABCD-EFGH")) {
		t.Errorf("stored as %+v", change)
	}
	a := stored(t, approved(t), means.ParseDeskCase)
	if a.State() != "approved" || a.Portrait() == nil {
		t.Errorf("approved as %s", a.State())
	}
	if strings.Contains(string(a.Change().Next.Body), code) {
		t.Error("the code is kept in clear")
	}
	done := stored(t, must[means.DeskCase](t)(a.Redeem("device-1", code, start.Add(time.Minute))), means.ParseDeskCase)
	if done.State() != "done" || done.Portrait() != nil || done.Holder() != nil || done.TriesLeft() != 0 ||
		!done.Expires().Equal(start.Add(time.Minute+24*time.Hour)) {
		t.Errorf("done as %s until %v", done.State(), done.Expires())
	}
	if a.State() != "approved" || c.State() != "open" || c.Portrait() == nil {
		t.Error("the value before was changed")
	}
}

// TestRedeem: the right code on the right device in time, and each other way beside it.
func TestRedeem(t *testing.T) {
	t.Parallel()
	a := approved(t)
	done := must[means.DeskCase](t)(a.Redeem("device-1", code, start))
	other := deskParts()
	other.ID = "case-2"
	second := must[means.DeskCase](t)(means.NewDeskCase(other, start))
	second = must[means.DeskCase](t)(second.Approve("another", start.Add(15*time.Minute), start))
	replaced := must[means.DeskCase](t)(a.Approve("another", start.Add(15*time.Minute), start))
	for _, row := range []struct {
		name         string
		c            means.DeskCase
		device, code string
		at           time.Duration
		want         error
	}{
		{"at once", a, "device-1", code, 0, nil},
		{"at the last moment", a, "device-1", code, 15*time.Minute - time.Millisecond, nil},
		{"too late", a, "device-1", code, 15 * time.Minute, means.ErrOver},
		{"another code", a, "device-1", "JKMN-PQRT", 0, means.ErrWrongCode},
		{"no code", a, "device-1", "", 0, means.ErrWrongCode},
		{"another device", a, "device-2", code, 0, means.ErrNotReady},
		{"before the desk", newCase(t), "device-1", code, 0, means.ErrNotReady},
		{"again", done, "device-1", code, 0, means.ErrOver},
		{"the code of another case", second, "device-1", code, 0, means.ErrWrongCode},
		{"the code before", replaced, "device-1", code, 0, means.ErrWrongCode},
		{"the code after", replaced, "device-1", "another", 0, nil},
		{"after the life of the case", a, "device-1", code, 31 * 24 * time.Hour, means.ErrOver},
		{"of nothing", means.DeskCase{}, "device-1", code, 0, means.ErrOver},
	} {
		next, err := row.c.Redeem(row.device, row.code, start.Add(row.at))
		wantError(t, row.name, err, row.want)
		if counted := errors.Is(err, means.ErrWrongCode); next.IsZero() == (counted || err == nil) {
			t.Errorf("%s: %v, with a case to store: %v", row.name, err, !next.IsZero())
		}
	}
}

// TestWrongCodes: the fifth ends the case, whoever handed a new code over between them.
func TestWrongCodes(t *testing.T) {
	t.Parallel()
	c := approved(t)
	for n := 1; n <= 5; n++ {
		next, err := c.Redeem("device-1", fmt.Sprintf("guess %d", n), start)
		wantError(t, "a wrong code", err, means.ErrWrongCode)
		c = stored(t, next, means.ParseDeskCase)
		if c.TriesLeft() != 5-n {
			t.Errorf("after %d: %d tries left", n, c.TriesLeft())
		}
		if n == 3 {
			c = must[means.DeskCase](t)(c.Approve(code, start.Add(15*time.Minute), start))
			if c.TriesLeft() != 2 {
				t.Errorf("a new code brings the tries back: %d", c.TriesLeft())
			}
		}
	}
	if c.State() != "ended" || c.Portrait() != nil {
		t.Errorf("after five: %s", c.State())
	}
	_, err := c.Redeem("device-1", code, start)
	wantError(t, "the right one, too late", err, means.ErrOver)
	_, err = c.Approve(code, start.Add(15*time.Minute), start)
	wantError(t, "a new code, too late", err, means.ErrOver)
}

// TestBy: the case knows the agent from the approval to its end, and nobody else's word.
func TestBy(t *testing.T) {
	t.Parallel()
	if c := newCase(t).By("agent-7"); c.Agent() != "" {
		t.Errorf("open, and dealt with by %q", c.Agent())
	}
	c := stored(t, approved(t).By("agent-7").By("not a name").By(""), means.ParseDeskCase)
	done := stored(t, must[means.DeskCase](t)(c.Redeem("device-1", code, start)), means.ParseDeskCase)
	if c.Agent() != "agent-7" || done.Agent() != "agent-7" || approved(t).Agent() != "" {
		t.Errorf("dealt with by %q and %q", c.Agent(), done.Agent())
	}
}

func TestApprove(t *testing.T) {
	t.Parallel()
	end := 30 * 24 * time.Hour
	for _, row := range []struct {
		name      string
		code      string
		life, now time.Duration
		ok        bool
	}{
		{"a quarter of an hour", code, 15 * time.Minute, 0, true},
		{"ten minutes", code, 10 * time.Minute, 0, true},
		{"a day", code, 24 * time.Hour, 0, true},
		{"on the last day", code, time.Hour, end - time.Minute, true},
		{"less than ten minutes", code, 10*time.Minute - time.Millisecond, 0, false},
		{"more than a day", code, 24*time.Hour + time.Millisecond, 0, false},
		{"no code", "", 15 * time.Minute, 0, false},
	} {
		now := start.Add(row.now)
		c, err := newCase(t).Approve(row.code, now.Add(row.life), now)
		if !row.ok {
			bounds(t, row.name, err)
			continue
		}
		c = stored(t, must[means.DeskCase](t)(c, err), means.ParseDeskCase)
		if c.Expires().Before(now.Add(row.life)) {
			t.Errorf("%s: the case is forgotten before its code", row.name)
		}
	}
	late := start.Add(end)
	_, err := newCase(t).Approve(code, late.Add(time.Hour), late)
	wantError(t, "after its life", err, means.ErrOver)
	_, err = means.DeskCase{}.Approve(code, start.Add(time.Hour), start)
	wantError(t, "of nothing", err, means.ErrOver)

	ended := stored(t, must[means.DeskCase](t)(approved(t).End(start)), means.ParseDeskCase)
	if ended.State() != "ended" || ended.Portrait() != nil {
		t.Errorf("ended as %s", ended.State())
	}
	_, err = ended.End(start)
	wantError(t, "End again", err, means.ErrOver)
}
