package main_test

import (
	"testing"
)

// TestSwappedCards pairs with a genuine card, then puts others in its place.
func TestSwappedCards(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(t).citizen(t, "genuine").paired(t)
	first := c.script(t, "eidas3").Login(t.Context())
	if !first.OK {
		t.Fatalf("the card that was enrolled: %+v", first)
	}
	for _, row := range []struct{ name, persona, problem, reason string }{
		{"a copy of it", "clone", "card-refused", "chip-not-genuine"},
		{"a copy with replayed answers", "clone-lazy", "card-refused", "chip-not-genuine"},
		{"another citizen's", "compound-name", "card-refused", "document-not-enrolled"},
		{"none that proves an identity", "bank-card", "not-identity-card", ""},
	} {
		c.remove(t)
		c.insert(t, row.persona)
		v, page := c.begin(t, "eidas3")
		app := c.app(t, "approve", page.link(), "--yes")
		end := v.refused(t, page)
		if told := app.tells(t); told.OK || told.code == 0 || told.Problem != row.problem || told.Reason != row.reason {
			t.Errorf("%s: %+v; the page says %s", row.name, told, end)
		}
	}
	c.remove(t)
	c.insert(t, "genuine")
	if again := c.script(t, "eidas3").Login(t.Context()); !again.OK || again.Sub != first.Sub || again.APDUs != 10 {
		t.Errorf("the card that was enrolled, afterwards: %+v", again)
	}
}

// TestCardPutBack pulls the card out in the middle of a login: put back, it goes on where it was.
func TestCardPutBack(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(t).citizen(t, "genuine").paired(t)
	c.remove(t)
	c.insert(t, "slow") // the same card, at five seconds a calculation: long enough to be pulled out during one
	v, page := c.begin(t, "eidas3")
	app := c.app(t, "approve", page.link(), "--yes")
	resting := v.resting(t, page)
	app.until(t, say(t, "en", "stage.unlock"))
	c.remove(t)
	app.until(t, say(t, "en", "flow.card-back"))
	c.insert(t, "genuine")
	end := v.consent(t, resting())
	if told := app.tells(t); !told.OK || told.Level != "eidas3" {
		t.Errorf("%+v", told)
	}
	if end.at.Query().Get("state") == "" {
		t.Errorf("the service provider is told %s", end.at)
	}
}
