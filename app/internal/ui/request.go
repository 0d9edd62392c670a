//go:build !nowindow

package ui

import (
	"strings"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"pivot/app/internal/flow"
)

// give hands an answer to the flow that asked.
type give func(flow.Answer, error)

// startled is how long a request that comes up under someone's fingers takes no answer.
const startled = 500 * time.Millisecond

// later drops what is pressed before anybody can have read the page.
func (w *window) later(give give) give {
	from := w.now().Add(startled)
	return func(a flow.Answer, err error) {
		if !w.now().Before(from) {
			give(a, err)
		}
	}
}

// requestPage shows who asks for what, from where, and leaves the choice. Refusing is as large as approving and has the
// focus; Enter never approves, and Esc refuses.
func (w *window) requestPage(q flow.Question, give give) page {
	r := q.Request
	refuse := func(reason string) func() {
		return func() { give(flow.Answer{Reason: reason}, nil) }
	}
	no := newPress("refuse", w.say("window.request.refuse"), rankEqual, refuse(flow.RefusedChange))
	yes := newPress("approve", w.say("window.request.approve"), rankMain, func() { give(flow.Answer{Approve: true}, nil) })
	yes.careful = true
	yes.spoken = w.say("window.request.approve-for", "Service", r.Service.Name)
	notMine := newPress("not-mine", w.say("window.request.not-mine"), rankQuiet, refuse(flow.RefusedNotMine))

	level := r.Level
	if id := "page.level." + level; w.speaker.Has(id) {
		level = w.say(id)
	}
	p := page{focus: no, escape: refuse(flow.RefusedChange)}
	p.body = []fyne.CanvasObject{
		newColumn(gapSmall, soft(w.say("window.request.who")), title(r.Service.Name)),
		w.fact("window.request.level", w.say("window.request.level-is", "Level", level)),
		w.claims(q),
		w.fact("window.request.from", w.say("window.request.browser", "Browser", r.Browser, "Place", r.Place)),
	}
	if r.Card {
		p.body = append(p.body, soft(w.say("window.request.card")))
	}
	p.body = append(p.body, w.waiting(w.say("window.request.caution")))
	p.body = append(p.body, notMine)
	p.actions = []fyne.CanvasObject{newBeside(no, yes)}
	return p
}

// claims lists what the service would receive, by who says it.
func (w *window) claims(q flow.Question) fyne.CanvasObject {
	lines := []fyne.CanvasObject{soft(w.say("window.request.data"))}
	if len(q.Request.Claims) == 0 {
		lines = append(lines, body(w.say("page.waiting.anonymous")))
	}
	for _, g := range q.Request.Claims {
		lines = append(lines, body(g.Provider).bold(), body(strings.Join(g.Labels, ", ")))
	}
	return panel(colorShade, lines...)
}

// fact is a small heading and what it is about.
func (w *window) fact(id, text string) fyne.CanvasObject {
	return panel(colorShade, soft(w.say(id)), body(text).bold())
}

// retryPage asks whether to go on with the card.
func (w *window) retryPage(q flow.Question, give give) page {
	again := newPress("again", w.say("window.retry.again"), rankMain, func() { give(flow.Answer{Approve: true}, nil) })
	stop := newPress("stop", w.say("window.retry.stop"), rankEqual, func() { give(flow.Answer{}, flow.ErrCancelled) })
	p := page{focus: again, escape: func() { give(flow.Answer{}, flow.ErrCancelled) }}
	p.body = []fyne.CanvasObject{title(w.say("window.retry.title"))}
	p.body = append(p.body, w.again(q)...)
	p.body = append(p.body, body(w.say(q.Kind.Message())))
	p.actions = []fyne.CanvasObject{newBeside(stop, again)}
	return p
}

// again says why a question comes again, and how many tries are left.
func (w *window) again(q flow.Question) []fyne.CanvasObject {
	var said []string
	if q.Again != "" {
		said = append(said, w.say(q.Again))
	}
	if id := string(q.Kind) + ".tries"; q.TriesLeft != nil && w.speaker.Has(id) {
		said = append(said, w.speaker.Count(id, *q.TriesLeft))
	}
	if len(said) == 0 {
		return nil
	}
	if q.Again == "" {
		return []fyne.CanvasObject{withMark(theme.InfoIcon(), theme.ColorNameFocus, body(strings.Join(said, " ")))}
	}
	return []fyne.CanvasObject{w.alarm(strings.Join(said, " "))}
}
