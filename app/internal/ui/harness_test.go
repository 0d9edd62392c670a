//go:build !nowindow

package ui

import (
	"context"
	"image/png"
	"iter"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"pivot/app/internal/flow"
	"pivot/assets"
	"pivot/shared/wire"
)

// actor plays every flow by one script, as a broker, a card and a citizen's past would.
type actor struct {
	mu       sync.Mutex
	play     func(ctx context.Context, d flow.Dialogue) (flow.Outcome, error)
	asked    string // the flow begun last
	language string
	paired   []flow.Status
	err      error
	lacking  []string
}

func (a *actor) run(ctx context.Context, d flow.Dialogue, asked string) (flow.Outcome, error) {
	a.mu.Lock()
	a.asked = asked
	play := a.play
	a.mu.Unlock()
	return play(ctx, d)
}

func (a *actor) Pair(ctx context.Context, d flow.Dialogue, _, _ string) (flow.Outcome, error) {
	return a.run(ctx, d, "pair")
}

func (a *actor) Approve(ctx context.Context, d flow.Dialogue, _, _ string) (flow.Outcome, error) {
	return a.run(ctx, d, "approve")
}

func (a *actor) Follow(ctx context.Context, d flow.Dialogue, link string) (flow.Outcome, error) {
	return a.run(ctx, d, link)
}

func (a *actor) ActivateAtDesk(ctx context.Context, d flow.Dialogue, _, _ string) (flow.Outcome, error) {
	return a.run(ctx, d, "desk")
}

func (a *actor) ChangePIN(ctx context.Context, d flow.Dialogue, _ string) (flow.Outcome, error) {
	return a.run(ctx, d, "change-pin")
}

func (a *actor) Speak(language string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.language = language
}

func (a *actor) Status(context.Context) ([]flow.Status, error) { return a.paired, a.err }

func (a *actor) Lacking(ctx context.Context) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, id := range a.lacking {
			if !yield(id) {
				return
			}
		}
		<-ctx.Done()
	}
}

// stage is a window without a screen, whose toolkit's goroutine is the test's.
type stage struct {
	*window

	t     *testing.T
	actor *actor
	queue chan func()
}

func open(t *testing.T, a *actor, language string) *stage {
	t.Helper()
	speaker, err := assets.NewSpeaker(language)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := newWindow(ctx, test.NewTempApp(t), a, speaker)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{window: w, t: t, actor: a, queue: make(chan func(), 64)}
	w.do = func(f func()) { s.queue <- f }
	t.Cleanup(func() {
		cancel()
		ended := make(chan struct{})
		go func() { w.work.Wait(); close(ended) }()
		for {
			select {
			case <-s.queue: // as the toolkit, which draws no more
			case <-ended:
				w.win.Close()
				return
			}
		}
	})
	w.open("", nil)
	s.until(func() bool { return w.home.asked })
	return s
}

// until runs what the flows hand to the toolkit's goroutine until something is so.
func (s *stage) until(so func() bool) {
	s.t.Helper()
	for !so() {
		select {
		case f := <-s.queue:
			f()
		case <-s.t.Context().Done():
			s.t.Fatal("it never came to be so")
		}
	}
}

// untilAsked waits for the question shown.
func (s *stage) untilAsked(k flow.Kind) {
	s.t.Helper()
	s.until(func() bool {
		return s.window.run != nil && s.window.run.asked != nil && s.window.run.asked.question.Kind == k
	})
}

// untilEnded waits for the end of the flow.
func (s *stage) untilEnded() {
	s.t.Helper()
	s.until(func() bool { return s.window.run == nil })
}

// find is the button of that name.
func (s *stage) find(id string) *press {
	s.t.Helper()
	for _, o := range focusables(s.sheet.content) {
		if p, ok := o.(*press); ok && p.id == id {
			return p
		}
	}
	s.t.Fatalf("no button %q", id)
	return nil
}

func (s *stage) key(name fyne.KeyName) {
	s.t.Helper()
	if f := s.win.Canvas().Focused(); f != nil {
		f.TypedKey(&fyne.KeyEvent{Name: name})
		return
	}
	s.sheet.typedKey(name)
}

func (s *stage) focusedID() string { return idOf(s.win.Canvas().Focused()) }

// text is all that the page says, its buttons included.
func (s *stage) text() string {
	out := ""
	walk(s.sheet.content, func(o fyne.CanvasObject) {
		if a, ok := o.(fyne.Accessible); ok {
			if _, container := o.(*fyne.Container); !container {
				out += a.AccessibilityLabel() + "\n"
			}
		}
	})
	return out
}

// shoot keeps a picture where PIVOT_SHOTS says, for a person to look at.
func (s *stage) shoot(name string) {
	s.t.Helper()
	dir := os.Getenv("PIVOT_SHOTS")
	if dir == "" {
		return
	}
	f, err := os.Create(filepath.Join(dir, name+".png"))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if err := png.Encode(f, s.win.Canvas().Capture()); err != nil {
		s.t.Fatal(err)
	}
}

// request is what a service asks for.
func request() *wire.Request {
	return &wire.Request{
		Service: wire.Service{ClientID: "sp", Name: "Démarches de la ville d'Aubervilliers"}, Level: "eidas3", Card: true,
		Claims: []wire.ClaimGroup{
			{Provider: "Registre civil", Labels: []string{"Nom de naissance", "Prénoms", "Date de naissance", "Lieu de naissance"}},
			{Provider: "Vous-même", Labels: []string{"Adresse électronique"}},
		},
		Language: "fr", Browser: "Firefox, Linux", Place: "203.0.113.7",
	}
}

func status() []flow.Status {
	return []flow.Status{{
		Origin: "https://pivot.example", Name: "bureau", Protection: "tpm",
		Device: &wire.DeviceStatus{Device: "d", Name: "bureau", State: "active", Level: "eidas3", PIN: "set", TriesLeft: 5, Cards: 1},
	}}
}
