//go:build !nowindow

package ui

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"pivot/app/internal/flow"
	"pivot/shared/wire"
)

// journey is what a flow is for, and the steps that the citizen sees of it.
type journey struct {
	name  string // "window.NAME.title" and "window.NAME.done"
	steps []flow.Step
}

var (
	journeyLogin = journey{"login", []flow.Step{
		flow.StepConnect, flow.StepBrowser, flow.StepRequest, flow.StepPIN, flow.StepCard, flow.StepSend,
	}}
	journeyPair = journey{"pair", []flow.Step{
		flow.StepConnect, flow.StepCompare, flow.StepBrowser, flow.StepPIN, flow.StepCard, flow.StepSend,
	}}
	journeyDesk = journey{"desk", []flow.Step{flow.StepConnect, flow.StepSend}}
	journeyPIN  = journey{"pin", []flow.Step{flow.StepConnect, flow.StepPIN, flow.StepSend}}
)

// journeyOf is what a link asks for; the flow judges the link.
func journeyOf(link string) journey {
	if l, err := wire.ParseLink(link); err == nil && l.Action == "pair" {
		return journeyPair
	}
	return journeyLogin
}

// progressPage says how far the flow is: the sentence of the step, what is lacking, and the steps by name.
func (w *window) progressPage() page {
	r := w.run
	if r == nil {
		return page{}
	}
	v := r.view
	if v.Step == flow.StepCompare && v.ShortString != "" {
		return w.comparePage(r)
	}
	// A key that was pressed twice to answer does not give up what it answered.
	giveUp := func() {
		if !w.now().Before(r.told.Add(startled)) {
			r.cancel()
		}
	}
	stop := newPress("cancel", w.say("window.cancel"), rankEqual, giveUp)
	p := page{actions: []fyne.CanvasObject{stop}, focus: stop, escape: giveUp}
	p.body = append(p.body, title(w.say("window."+r.journey.name+".title")))
	if v.Service != "" {
		p.body = append(p.body, body(w.say("window.progress.for", "Service", v.Service)))
	}
	said := v.Step.Message()
	if v.Step == flow.StepCard && v.Problem == "" && v.Progress.Stage != 0 {
		said = "stage." + v.Progress.Stage.String()
	}
	switch {
	case v.Problem != "":
		p.body = append(p.body, w.waiting(w.say(v.Problem)))
	default:
		p.body = append(p.body, panel(colorShade, body(w.say(said)).bold()))
	}
	if v.Step == flow.StepCard && v.Progress.Total > 0 && v.Problem == "" {
		p.body = append(p.body, newGauge(v.Progress.Done, v.Progress.Total))
	}
	p.body = append(p.body, newColumn(gapSmall, w.steps(r)...))
	return p
}

// waiting says what the citizen has to do now.
func (w *window) waiting(text string) fyne.CanvasObject {
	return panel(colorShade, withMark(theme.InfoIcon(), theme.ColorNameFocus, body(text).bold()))
}

// steps lists the flow's steps: done, at hand, to come; by a sign, by a weight of type and in words.
func (w *window) steps(r *run) []fyne.CanvasObject {
	at := slices.Index(r.journey.steps, r.view.Step)
	if r.view.Step == flow.StepDone {
		at = len(r.journey.steps)
	}
	var out []fyne.CanvasObject
	for i, s := range r.journey.steps {
		name := body(w.say("window.step." + string(s)))
		switch {
		case i < at:
			name.color = colorSoft
			out = append(out, withMark(theme.ConfirmIcon(), theme.ColorNamePrimary, name))
		case i == at:
			out = append(out, withMark(theme.NavigateNextIcon(), theme.ColorNameFocus, name.bold()))
		default:
			name.color = colorSoft
			out = append(out, withMark(theme.RadioButtonIcon(), theme.ColorNameInputBorder, name))
		}
	}
	return out
}

// comparePage shows the string that the broker's page shows too.
func (w *window) comparePage(r *run) page {
	v := r.view
	stop := newPress("cancel", w.say("window.cancel"), rankEqual, r.cancel)
	number := huge(v.ShortString)
	p := page{actions: []fyne.CanvasObject{stop}, focus: stop, escape: r.cancel}
	p.body = []fyne.CanvasObject{
		title(w.say("window.compare.title")), panel(colorShade, number), body(w.say(v.Step.Message())),
		w.waiting(w.say("window.compare.differs")),
	}
	if v.Protection != "" {
		p.body = append(p.body, soft(w.say("protection."+v.Protection)))
	}
	return p
}

// newGauge is a bar that stands still between two steps; it says how far it is.
func newGauge(done, total int) *fyne.Container {
	back, front := canvas.NewRectangle(colorOf(theme.ColorNameSeparator)), canvas.NewRectangle(colorOf(theme.ColorNamePrimary))
	back.CornerRadius, front.CornerRadius = 5, 5
	return container.New(gauge{min(1, max(0, float32(done)/float32(total)))}, back, front)
}

type gauge struct{ share float32 }

func (g gauge) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(size)
	objects[1].Resize(fyne.NewSize(size.Width*g.share, size.Height))
}
func (gauge) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(1, 10) }
