//go:build !nowindow

package ui

import (
	"context"
	"iter"
	"sync"
	"time"

	"fyne.io/fyne/v2"

	"pivot/app/internal/flow"
	"pivot/assets"
)

// flows are what the citizen can do; *[flow.Companion] has them.
type flows interface {
	Pair(ctx context.Context, d flow.Dialogue, code, origin string) (flow.Outcome, error)
	Approve(ctx context.Context, d flow.Dialogue, start, origin string) (flow.Outcome, error)
	Follow(ctx context.Context, d flow.Dialogue, link string) (flow.Outcome, error)
	ActivateAtDesk(ctx context.Context, d flow.Dialogue, code, origin string) (flow.Outcome, error)
	ChangePIN(ctx context.Context, d flow.Dialogue, origin string) (flow.Outcome, error)
}

// companion is all that the window asks of the rest of the program.
type companion interface {
	flows
	Speak(language string)
	Status(ctx context.Context) ([]flow.Status, error)
	Lacking(ctx context.Context) iter.Seq[string]
}

// Names of what is remembered of the citizen's choices.
const (
	prefLanguage = "language"
	prefScale    = "text-percent"
)

// window is the one window. All but run and what it is given are touched by the toolkit's goroutine alone.
type window struct {
	desk

	ctx       context.Context // of the window: it ends when the window closes
	companion companion
	work      sync.WaitGroup

	speaker *assets.Speaker
	percent int
	draw    func() page // the page shown, in whatever language and size
	sheet   *sheet
	home    home
	run     *run // the flow under way; nil without
}

// desk is what the window stands on.
type desk struct {
	app fyne.App
	win fyne.Window
	do  func(func()) // runs a function on the toolkit's goroutine, later
	now func() time.Time
}

// run is one flow under way.
type run struct {
	journey journey
	cancel  context.CancelFunc
	view    flow.View
	shown   flow.Step // the step that the page shown is about
	asked   *asked    // the question shown; nil without
	told    time.Time // when the last question was answered
}

func newWindow(ctx context.Context, app fyne.App, c companion, speaker *assets.Speaker) (*window, error) {
	w := &window{ctx: ctx, companion: c, speaker: speaker, percent: scaleLeast}
	w.desk = desk{app: app, win: app.NewWindow("Pivot"), do: fyne.Do, now: time.Now}
	prefs := app.Preferences()
	if p := prefs.Int(prefScale); p >= scaleLeast && p <= scaleMost {
		w.percent = p
	}
	if tag := prefs.String(prefLanguage); tag != "" {
		chosen, err := assets.NewSpeaker(tag)
		if err != nil {
			return nil, err
		}
		w.speaker = chosen
	}
	c.Speak(w.speaker.Language().String())
	app.Settings().SetTheme(&look{percent: w.percent})
	w.win.SetPadded(false)
	w.win.Canvas().SetOnTypedKey(func(e *fyne.KeyEvent) { w.sheet.typedKey(e.Name) })
	w.win.Canvas().SetOnTypedRune(func(r rune) { w.sheet.typedRune(r) })
	w.showHome()
	w.win.Resize(roomFor(w.percent))
	return w, nil
}

// say is a message in the language spoken; data are names and values, in turn.
func (w *window) say(id string, data ...string) string {
	if len(data) == 0 {
		return w.speaker.Say(id, nil)
	}
	m := make(map[string]string, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		m[data[i]] = data[i+1]
	}
	return w.speaker.Say(id, m)
}

// present shows another page.
func (w *window) present(draw func() page) {
	if w.sheet != nil && w.sheet.page.leave != nil {
		w.sheet.page.leave()
	}
	w.draw = draw
	w.lay("")
}

// redraw shows the same page again, after what it says changed; what was focused stays so.
func (w *window) redraw() {
	w.lay(idOf(w.win.Canvas().Focused()))
}

func (w *window) lay(focus string) {
	var offset fyne.Position
	if w.sheet != nil && focus != "" {
		offset = w.sheet.scroll.Offset
	}
	w.sheet = newSheet(w.win.Canvas(), w.header(), w.draw())
	w.win.SetContent(w.sheet.content)
	w.sheet.scroll.ScrollToOffset(offset)
	w.sheet.focused(focus)
}

// toggleLanguage speaks the other language, at once.
func (w *window) toggleLanguage() {
	next, err := assets.NewSpeaker(w.otherLanguage())
	if err != nil {
		return // a test reads every catalogue
	}
	w.speaker = next
	w.app.Preferences().SetString(prefLanguage, next.Language().String())
	w.companion.Speak(next.Language().String())
	w.redraw()
}

func (w *window) otherLanguage() string {
	all := assets.Languages()
	if w.speaker.Language() == all[0] {
		return all[1].String()
	}
	return all[0].String()
}

// resizeText goes to the next size of text, and from the last to the first.
func (w *window) resizeText() {
	w.percent += scaleStep
	if w.percent > scaleMost {
		w.percent = scaleLeast
	}
	w.app.Preferences().SetInt(prefScale, w.percent)
	w.app.Settings().SetTheme(&look{percent: w.percent})
	w.redraw()
	if size, least := w.win.Canvas().Size(), roomFor(w.percent); size.Width < least.Width || size.Height < least.Height {
		w.win.Resize(size.Max(least))
	}
}

// roomFor is a comfortable window for a size of text; a smaller one scrolls.
func roomFor(percent int) fyne.Size {
	if percent > scaleLeast {
		return fyne.NewSize(620, 860)
	}
	return fyne.NewSize(440, 760)
}

// start begins a flow and shows how far it is. One at a time: the others wait for the citizen.
func (w *window) start(j journey, do func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error)) {
	if w.run != nil {
		return
	}
	ctx, cancel := context.WithCancel(w.ctx)
	r := &run{journey: j, cancel: cancel, view: flow.View{Step: flow.StepConnect}, shown: flow.StepConnect}
	w.run = r
	w.present(w.progressPage)
	w.work.Go(func() {
		out, err := do(ctx, &dialogue{window: w, run: r})
		w.do(func() {
			cancel()
			w.run = nil
			w.showResult(result{journey: j, out: out, err: err, again: func() { w.start(j, do) }})
			w.home.refresh(w)
		})
	})
}

// open begins what the window does by itself: it looks at how things stand, and follows links.
func (w *window) open(link string, links <-chan string) {
	w.home.watch(w)
	if link != "" {
		w.follow(link)
	}
	if links == nil {
		return
	}
	w.work.Go(func() {
		for {
			select {
			case next, more := <-links:
				if !more {
					return
				}
				w.do(func() { w.follow(next) })
			case <-w.ctx.Done():
				return
			}
		}
	})
}

// follow does what a link asks for, unless something else is under way.
func (w *window) follow(link string) {
	w.win.RequestFocus()
	if link == "" || w.run != nil {
		return
	}
	w.start(journeyOf(link), func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error) {
		return w.companion.Follow(ctx, d, link)
	})
}
