//go:build !nowindow

package ui

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
)

// rawID looks like the name of a message that has no text.
var rawID = regexp.MustCompile(`(?m)^(window|flow|broker|step|ask|problem|reason|stage|page|protection|can|pin)\.[a-z.-]+`)

// TestEveryPage holds every page to what people need of it, in both languages, at both ends of the size of the text, in
// the least window and in a comfortable one.
func TestEveryPage(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		for _, percent := range []int{scaleLeast, scaleMost} {
			for _, size := range []fyne.Size{fyne.NewSize(360, 560), roomFor(percent)} {
				s := open(t, &actor{}, language)
				for s.percent != percent {
					s.resizeText()
				}
				s.win.Resize(size)
				for _, sc := range scenes() {
					t.Run(fmt.Sprintf("%s-%s-%d-%.0f", sc.name, language, percent, size.Width), func(t *testing.T) {
						s.t = t
						s.window.home = home{asked: true}
						sc.show(s)
						s.window.run = nil
						check(t, s)
						s.shoot(strings.ReplaceAll(t.Name(), "/", "-"))
					})
				}
				s.t = t
			}
		}
	}
}

func check(t *testing.T, s *stage) {
	t.Helper()
	said := s.text()
	if id := rawID.FindString(said); id != "" {
		t.Errorf("%q has no text", id)
	}
	if strings.Contains(said, "<no value>") {
		t.Errorf("a message lacks data: %q", said)
	}
	all := focusables(s.sheet.content)
	seen := map[fyne.Focusable]bool{}
	for range all {
		seen[s.win.Canvas().Focused()] = true
		s.win.Canvas().FocusNext()
	}
	ids := map[string]bool{}
	for _, f := range all {
		o := f.(fyne.CanvasObject)
		if !seen[f] {
			t.Errorf("%q cannot be reached by the Tab key", idOf(f))
		}
		if ids[idOf(f)] {
			t.Errorf("two things are called %q", idOf(f))
		}
		ids[idOf(f)] = true
		if a, ok := f.(fyne.Accessible); !ok || a.AccessibilityLabel() == "" {
			t.Errorf("%q has no label for a screen reader", idOf(f))
		}
		if o.Size().Height < 40 || o.Size().Width < 40 {
			t.Errorf("%q is too small to hit: %v", idOf(f), o.Size())
		}
		if p, ok := o.(*press); ok && len(p.label.lines(p.Size().Width-2*pressPadX)) > len(strings.Fields(p.label.text)) {
			t.Errorf("a word of %q is broken", p.label.text)
		}
	}
	bounds(t, s)
}

// bounds wants nothing beyond the sides of the window, and what can be done inside of it.
func bounds(t *testing.T, s *stage) {
	t.Helper()
	driver := fyne.CurrentApp().Driver()
	size := s.win.Canvas().Size()
	walk(s.sheet.content, func(o fyne.CanvasObject) {
		at := driver.AbsolutePositionForObject(o)
		if _, text := o.(*prose); text && o.Visible() && (at.X < 0 || at.X+o.Size().Width > size.Width+1) {
			t.Errorf("%v goes beyond the window", o)
		}
	})
	for _, a := range s.sheet.page.actions {
		at := driver.AbsolutePositionForObject(a)
		if at.Y+a.Size().Height > size.Height || at.Y < size.Height/3 {
			t.Errorf("what can be done stands at %.0f to %.0f of %.0f", at.Y, at.Y+a.Size().Height, size.Height)
		}
	}
	if h := s.sheet.scroll.Size().Height; h < 120 {
		t.Errorf("what is said has a height of %.0f only", h)
	}
}

// TestPagesAreGolden keeps the pages that matter most as they were looked at. To accept another look, copy what is in
// testdata/failed.
func TestPagesAreGolden(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		s := open(t, &actor{}, language)
		for _, sc := range scenes() {
			switch sc.name {
			case "home-paired", "compare", "request", "can-again", "progress", "failed-card":
				s.window.home = home{asked: true}
				sc.show(s)
				s.window.run = nil
				test.AssertRendersToMarkup(t, sc.name+"."+language+".xml", s.win.Canvas())
			}
		}
	}
}
