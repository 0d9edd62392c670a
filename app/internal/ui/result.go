//go:build !nowindow

package ui

import (
	"errors"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"pivot/app/internal/flow"
)

// result is how a flow ended.
type result struct {
	journey journey
	out     flow.Outcome
	err     error
	again   func() // the same from the start
}

// showResult says how it ended, and what to do next.
func (w *window) showResult(r result) {
	w.present(func() page {
		if r.err == nil {
			return w.donePage(r)
		}
		return w.failedPage(r)
	})
}

func (w *window) donePage(r result) page {
	home := newPress("home", w.say("window.result.home"), rankMain, w.showHome)
	p := page{actions: []fyne.CanvasObject{home}, focus: home, escape: w.showHome}
	next := "window." + r.journey.name + ".next"
	if lacking := r.out.Lacking(); lacking != "" {
		next = lacking
	}
	p.body = []fyne.CanvasObject{
		sign(theme.ConfirmIcon(), theme.ColorNamePrimary), title(w.say("window." + r.journey.name + ".done")).centered(),
		body(w.say(next)).centered(),
	}
	if id := "page.level." + r.out.Level; r.out.Level != "" && w.speaker.Has(id) {
		p.body = append(p.body, w.fact("window."+r.journey.name+".level", w.say("window.request.level-is", "Level", w.say(id))))
	}
	if r.out.Reference != "" {
		p.body = append(p.body, panel(colorShade, soft(w.say("window.pair.reference")), huge(r.out.Reference), body(w.say("window.pair.desk"))))
	}
	return p
}

// failedPage tells a refusal by the citizen, which is no fault, from the rest.
func (w *window) failedPage(r result) page {
	f := failureOf(r.err)
	home := newPress("home", w.say("window.result.home"), rankMain, w.showHome)
	p := page{focus: home, escape: w.showHome}
	icon, color, heading := theme.WarningIcon(), theme.ColorNameError, "window.result.failed"
	switch {
	case f.Cause == flow.CauseCitizen && f.Problem == "cancelled":
		icon, color, heading = theme.CancelIcon(), colorSoft, "window.result.cancelled"
	case f.Cause == flow.CauseCitizen:
		icon, color, heading = theme.CancelIcon(), theme.ColorNameForeground, "window.result.refused"
	case f.Cause == flow.CauseRefused:
		heading = "window.result.denied"
	}
	p.body = []fyne.CanvasObject{sign(icon, color), title(w.say(heading)).centered(), body(w.say(f.Message)).centered()}
	if id := "reason." + f.Reason; f.Reason != "" && w.speaker.Has(id) {
		p.body = append(p.body, body(w.say(id)).centered())
	} else if id := f.Message + "." + f.Reason; f.Reason != "" && w.speaker.Has(id) {
		p.body = append(p.body, body(w.say(id)).centered())
	}
	if f.TriesLeft != nil {
		id := "can.tries"
		if f.Cause == flow.CausePIN {
			id = "pin.tries"
		}
		p.body = append(p.body, body(w.speaker.Count(id, *f.TriesLeft)).centered())
	}
	if f.ID != "" {
		p.body = append(p.body, soft(w.say("window.result.incident", "ID", f.ID)).centered())
	}
	p.actions = []fyne.CanvasObject{home}
	if f.Cause == flow.CauseCard || f.Cause == flow.CauseOffline || f.Cause == flow.CauseCAN {
		home.rank = rankEqual
		again := newPress("again", w.say("window.retry.again"), rankMain, r.again)
		p.actions, p.focus = []fyne.CanvasObject{newBeside(home, again)}, again
	}
	return p
}

// failureOf is the failure that an error is; a foreign one is a failure that nobody foresaw.
func failureOf(err error) *flow.Failure {
	if f, ok := errors.AsType[*flow.Failure](err); ok {
		return f
	}
	return &flow.Failure{Cause: flow.CauseRefused, Problem: "unknown", Message: "flow.unknown", Err: err}
}

func messageOf(err error) string { return failureOf(err).Message }
