//go:build !nowindow

package ui

import (
	"context"
	"net/url"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"pivot/app/internal/flow"
)

// home is what the first screen knows.
type home struct {
	asked   bool // once: whether this computer is paired is known
	paired  []flow.Status
	broken  string // id of the sentence that says why what is kept here cannot be read
	lacking *string
}

// showHome goes to the first screen.
func (w *window) showHome() { w.present(w.homePage) }

// watch keeps the first screen true until the window closes.
func (h *home) watch(w *window) {
	w.work.Go(func() {
		for id := range w.companion.Lacking(w.ctx) {
			w.do(func() {
				h.lacking = &id
				h.shown(w)
			})
		}
	})
	h.refresh(w)
}

// refresh asks how this computer stands.
func (h *home) refresh(w *window) {
	w.work.Go(func() {
		paired, err := w.companion.Status(w.ctx)
		w.do(func() {
			h.asked, h.paired, h.broken = true, paired, ""
			if err != nil {
				h.broken = messageOf(err)
			}
			h.shown(w)
		})
	})
}

// shown draws the first screen again if it is the one shown.
func (h *home) shown(w *window) {
	if w.sheet.page.home {
		w.redraw()
	}
}

// homePage says how things stand, and offers what can be done, first what most people need next.
func (w *window) homePage() page {
	h := &w.home
	p := page{home: true}
	approve := newPress("approve", w.say("window.home.approve"), rankEqual, w.startApprove)
	desk := newPress("desk", w.say("window.home.desk"), rankEqual, w.startDesk)
	pair := newPress("pair", w.say("window.home.pair"), rankEqual, w.startPair)
	switch {
	case !h.asked:
		p.body = []fyne.CanvasObject{title(w.say("window.home.title")), soft(w.say("window.home.looking"))}
		return p
	case h.broken != "":
		p.body = []fyne.CanvasObject{title(w.say("window.home.title")), w.alarm(w.say(h.broken))}
		return p
	case len(h.paired) == 0:
		pair.rank = rankMain
		p.body = []fyne.CanvasObject{
			title(w.say("window.home.welcome")), body(w.say("window.home.unpaired")),
			newColumn(gapSmall, w.needs()...), pair,
		}
		p.focus = pair
		return p
	}
	pair.label.text = w.say("window.home.pair-again")
	first := approve
	if waits := h.paired[0].Device; waits != nil && waits.Desk != "" {
		first = desk
	}
	first.rank, p.focus = rankMain, first
	p.body = []fyne.CanvasObject{
		title(w.say("window.home.title")), panel(colorShade, w.standing()...), newColumn(12, approve, desk, pair),
		newPress("change-pin", w.say("window.home.change-pin"), rankQuiet, w.startChangePIN),
	}
	return p
}

// needs is what one wants at hand for pairing.
func (w *window) needs() []fyne.CanvasObject {
	var out []fyne.CanvasObject
	for _, id := range []string{"window.home.need-card", "window.home.need-can", "window.home.need-page"} {
		out = append(out, withMark(theme.NavigateNextIcon(), theme.ColorNamePrimary, body(w.say(id))))
	}
	return append(out, w.reader()...)
}

// standing is how this computer stands with each broker, and the reader.
func (w *window) standing() []fyne.CanvasObject {
	var out []fyne.CanvasObject
	for _, s := range w.home.paired {
		site := s.Origin
		if u, err := url.Parse(s.Origin); err == nil && u.Host != "" {
			site = u.Host
		}
		ok := func(id string, data ...string) {
			out = append(out, withMark(theme.ConfirmIcon(), theme.ColorNamePrimary, body(w.say(id, data...))))
		}
		bad := func(text string) {
			out = append(out, withMark(theme.WarningIcon(), theme.ColorNameError, body(text)))
		}
		ok("window.home.paired", "Site", site)
		switch d := s.Device; {
		case d == nil && s.Failure != nil:
			bad(w.say(s.Failure.Message))
		case d == nil:
		case d.State == "suspended":
			bad(w.say("broker.device-suspended"))
		case d.PIN == "locked":
			bad(w.say("broker.pin-locked"))
		case d.Desk != "":
			bad(w.say("window.home.desk-waits", "Reference", d.Desk))
		case w.speaker.Has("page.level." + d.Level):
			ok("window.home.level", "Level", w.say("page.level."+d.Level))
		}
	}
	return append(out, w.reader()...)
}

// reader says what lacks before a card can be read.
func (w *window) reader() []fyne.CanvasObject {
	switch l := w.home.lacking; {
	case l == nil:
		return nil
	case *l == "":
		return []fyne.CanvasObject{withMark(theme.ConfirmIcon(), theme.ColorNamePrimary, body(w.say("window.home.card")))}
	case *l == "problem.no-card":
		return []fyne.CanvasObject{withMark(theme.ConfirmIcon(), theme.ColorNamePrimary, body(w.say("window.home.reader")))}
	default:
		return []fyne.CanvasObject{withMark(theme.WarningIcon(), theme.ColorNameError, body(w.say(*l)))}
	}
}

// alarm says what is wrong, by a sign as well as by a colour.
func (w *window) alarm(text string) fyne.CanvasObject {
	said := body(text)
	said.color = theme.ColorNameError
	return panel(colorAlarmShade, withMark(theme.WarningIcon(), theme.ColorNameError, said))
}

func (w *window) startApprove() {
	w.start(journeyLogin, func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		return w.companion.Approve(ctx, d, "", "")
	})
}

func (w *window) startPair() {
	w.start(journeyPair, func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		return w.companion.Pair(ctx, d, "", "")
	})
}

func (w *window) startDesk() {
	w.start(journeyDesk, func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		return w.companion.ActivateAtDesk(ctx, d, "", "")
	})
}

func (w *window) startChangePIN() {
	w.start(journeyPIN, func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		return w.companion.ChangePIN(ctx, d, "")
	})
}
