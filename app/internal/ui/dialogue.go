//go:build !nowindow

package ui

import (
	"context"

	"pivot/app/internal/flow"
)

// dialogue speaks for one flow with the citizen: its methods are called by the flow's goroutine, and all that touches
// the window is handed to the toolkit's.
type dialogue struct {
	window *window
	run    *run
}

// asked is a question that waits for its answer.
type asked struct {
	question flow.Question
	reply    chan answer // holds the one answer
}

type answer struct {
	answer flow.Answer
	err    error
}

// Show implements flow.Dialogue.
func (d *dialogue) Show(v flow.View) {
	d.window.do(func() {
		d.run.view = v
		d.window.showProgress(d.run)
	})
}

// Ask implements flow.Dialogue.
func (d *dialogue) Ask(ctx context.Context, q flow.Question) (flow.Answer, error) {
	a := &asked{question: q, reply: make(chan answer, 1)}
	d.window.do(func() {
		d.run.asked = a
		d.window.showQuestion(d.run, a)
	})
	select {
	case r := <-a.reply:
		return r.answer, r.err
	case <-ctx.Done():
		d.window.do(func() { d.window.withdraw(d.run, a) })
		return flow.Answer{}, ctx.Err()
	}
}

// answer gives the citizen's answer to the flow, once, and goes back to how far it is.
func (w *window) answer(r *run, a *asked, given flow.Answer, err error) {
	if r.asked != a {
		clear(given.Secret)
		return
	}
	r.asked, r.told = nil, w.now()
	a.reply <- answer{given, err}
	r.shown = r.view.Step
	w.present(w.progressPage)
}

// withdraw takes a question away that no longer matters.
func (w *window) withdraw(r *run, a *asked) {
	select {
	case late := <-a.reply:
		clear(late.answer.Secret)
	default:
	}
	if r.asked == a {
		r.asked, r.shown = nil, ""
		w.showProgress(r)
	}
}

// showQuestion shows the page that a question needs.
func (w *window) showQuestion(r *run, a *asked) {
	if w.run != r {
		return
	}
	give := func(given flow.Answer, err error) { w.answer(r, a, given, err) }
	switch q := a.question; q.Kind {
	case flow.AskApprove:
		w.win.RequestFocus()
		give := w.later(give)
		w.present(func() page { return w.requestPage(q, give) })
	case flow.AskCAN, flow.AskPIN, flow.AskNewPIN, flow.AskRepeatPIN:
		w.showSecret(q, give)
	case flow.AskPairCode, flow.AskStartCode, flow.AskDeskCode:
		w.showCode(q, give)
	default:
		w.present(func() page { return w.retryPage(q, give) })
	}
}

// showProgress shows how far a flow is, unless a question stands before it.
func (w *window) showProgress(r *run) {
	if w.run != r || r.asked != nil {
		return
	}
	if r.shown == r.view.Step {
		w.draw = w.progressPage
		w.redraw()
		return
	}
	r.shown = r.view.Step
	w.present(w.progressPage)
}
