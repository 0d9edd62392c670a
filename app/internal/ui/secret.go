//go:build !nowindow

package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"pivot/app/internal/flow"
)

// Digits of a card access number, and at least of a secret code.
const sixDigits = 6

// showSecret asks for digits that are not to be seen. What was typed outlives another language or size, and no more.
func (w *window) showSecret(q flow.Question, give give) {
	d := newDigits(sixDigits, mostDigits)
	if q.Kind == flow.AskCAN {
		d.most = sixDigits
	}
	var hint string
	w.present(func() page { return w.secretPage(q, d, &hint, give) })
}

func (w *window) secretPage(q flow.Question, d *digits, hint *string, give give) page {
	field := newPad(d, func(n int) string { return w.counted(d, n) })
	said := soft(field.count(d.n)).centered()
	tell := func(id string) {
		said.text = field.count(d.n)
		said.Refresh()
		if id != *hint {
			*hint = id
			w.redraw()
		}
	}
	submit := func() {
		if !d.enough() {
			tell("window.secret.more")
			return
		}
		give(flow.Answer{Secret: d.take()}, nil)
	}
	cancel := func() { give(flow.Answer{}, flow.ErrCancelled) }
	field.changed = func() { tell("") }
	field.refused = func() { tell("window.secret.digits") }
	field.done = submit

	p := page{focus: field, escape: cancel, typed: field.TypedRune, leave: d.wipe}
	p.body = []fyne.CanvasObject{title(w.say("window.ask." + string(q.Kind))), body(w.say(q.Kind.Message()))}
	p.body = append(p.body, w.again(q)...)
	p.body = append(p.body, newColumn(gapSmall, append([]fyne.CanvasObject{field, said}, w.hint(*hint)...)...))
	p.body = append(p.body, keypad(field, w.say("window.secret.erase")))
	p.actions = []fyne.CanvasObject{newBeside(
		newPress("cancel", w.say("window.cancel"), rankEqual, cancel),
		newPress("continue", w.say("window.continue"), rankMain, submit),
	)}
	return p
}

// counted says how many digits there are, never which.
func (w *window) counted(d *digits, n int) string {
	if d.least == d.most {
		return w.speaker.Count("window.secret.count", n)
	}
	return w.speaker.Count("window.secret.count-open", n)
}

// hint says what is wrong with what was typed so far, and nothing for no message.
func (w *window) hint(id string) []fyne.CanvasObject {
	if id == "" {
		return nil
	}
	said := soft(w.say(id))
	said.color = theme.ColorNameError
	return []fyne.CanvasObject{withMark(theme.WarningIcon(), theme.ColorNameError, said)}
}
