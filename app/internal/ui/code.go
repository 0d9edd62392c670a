//go:build !nowindow

package ui

import (
	"strings"

	"fyne.io/fyne/v2"

	"pivot/app/internal/flow"
	"pivot/shared/wire"
)

// linkScheme begins what a page hands over as a link.
const linkScheme = "pivot:"

// showCode asks for a code of a page or of a desk, or for the page's link.
func (w *window) showCode(q flow.Question, give give) {
	var typed, hint string
	w.present(func() page { return w.codePage(q, &typed, &hint, give) })
}

func (w *window) codePage(q flow.Question, typed, hint *string, give give) page {
	example := "ABCD-EFGH"
	if q.Kind == flow.AskStartCode {
		example = "ABCD-EFGH-JKMN"
	}
	field := newLine(w.say("window.ask."+string(q.Kind)), example, *typed)
	field.OnChanged = func(s string) { *typed = s }
	cancel := func() { give(flow.Answer{}, flow.ErrCancelled) }
	submit := func() {
		text, ok := readCode(field.Text)
		if !ok {
			*hint = "flow.code-malformed"
			w.redraw()
			return
		}
		give(flow.Answer{Text: text}, nil)
	}
	field.OnSubmitted = func(string) { submit() }

	p := page{focus: field, escape: cancel}
	p.body = []fyne.CanvasObject{title(w.say("window.ask." + string(q.Kind))), body(w.say(q.Kind.Message()))}
	p.body = append(p.body, w.again(q)...)
	p.body = append(p.body, newColumn(gapSmall, append([]fyne.CanvasObject{enlarged(field, max(w.percent, 125))}, w.hint(*hint)...)...))
	if q.Kind != flow.AskDeskCode {
		p.body = append(p.body, soft(w.say("window.code.link")))
	}
	p.actions = []fyne.CanvasObject{newBeside(
		newPress("cancel", w.say("window.cancel"), rankEqual, cancel),
		newPress("continue", w.say("window.continue"), rankMain, submit),
	)}
	return p
}

// readCode takes a code, as forgiving as the citizen's eyes, or a link as it is.
func readCode(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, linkScheme) {
		return s, true
	}
	code, err := wire.ParseCode(s)
	return code, err == nil
}
