//go:build !nowindow

package ui

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

func TestProseBreaksIntoLines(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(&look{percent: 100})
	for _, row := range []struct{ name, text string }{
		{"words", "Approuvez seulement si vous avez vous-même commencé cette connexion."},
		{"one long word", strings.Repeat("anticonstitutionnellement", 6)},
		{"a long word among others", "de " + strings.Repeat("x", 90) + " à"},
		{"paragraphs", "un\ndeux trois\n\nquatre"},
		{"nothing", ""},
		{"spaces", "a  b"},
		{"other scripts", "العربية 日本語 ελληνικά"},
	} {
		for _, width := range []float32{40, 120, 400} {
			p := newProse(row.text, theme.SizeNameText, theme.ColorNameForeground)
			lines := p.lines(width)
			for _, l := range lines {
				if got := p.measure(l).Width; got > width && len([]rune(l)) > 1 {
					t.Errorf("%s: a line of %.0f in a width of %.0f: %q", row.name, got, width, l)
				}
			}
			squeeze := strings.NewReplacer(" ", "", "\n", "")
			if got := squeeze.Replace(strings.Join(lines, "")); got != squeeze.Replace(row.text) {
				t.Errorf("%s: text was lost: %q", row.name, got)
			}
			if p.heightFor(width) <= 0 {
				t.Errorf("%s: no height", row.name)
			}
		}
	}
}

func TestProseKeepsNoBreakSpaces(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(&look{percent: 100})
	p := newProse("Est-ce vous\u00a0?", theme.SizeNameText, theme.ColorNameForeground)
	for _, l := range p.lines(p.measure("Est-ce vous").Width) {
		if strings.HasPrefix(l, "?") || l == "\u00a0?" {
			t.Errorf("broken before the question mark: %q", l)
		}
	}
}

func TestHugeFits(t *testing.T) {
	test.NewTempApp(t).Settings().SetTheme(&look{percent: 200})
	p := huge("123 456")
	if p.textSize(2000) != 108 {
		t.Errorf("not as large as asked where there is room: %.0f", p.textSize(2000))
	}
	if got := p.measure(p.text).Width * p.textSize(280) / p.textSize(2000); got > 281 {
		t.Errorf("%.0f wide in 280", got)
	}
	if len(p.lines(10)) != 1 {
		t.Error("broken into lines")
	}
}
