//go:build !nowindow

package ui

import (
	"image/color"
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

// luminance is WCAG 2.1's relative luminance.
func luminance(c color.Color) float64 {
	r, g, b, _ := c.RGBA()
	part := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.03928 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*part(r) + 0.7152*part(g) + 0.0722*part(b)
}

func contrast(a, b color.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestColoursContrast(t *testing.T) {
	t.Parallel()
	paper, shade, alarm := theme.ColorNameBackground, colorShade, colorAlarmShade
	for _, row := range []struct {
		text, ground fyne.ThemeColorName
		least        float64
	}{
		{theme.ColorNameForeground, paper, 4.5},
		{theme.ColorNameForeground, shade, 4.5},
		{theme.ColorNameForeground, theme.ColorNameHover, 4.5},
		{colorSoft, paper, 4.5},
		{colorSoft, shade, 4.5},
		{theme.ColorNamePlaceHolder, paper, 4.5},
		{theme.ColorNamePrimary, paper, 4.5},
		{theme.ColorNamePrimary, theme.ColorNameHover, 4.5},
		{theme.ColorNamePrimary, shade, 3},
		{theme.ColorNameForegroundOnPrimary, theme.ColorNamePrimary, 4.5},
		{theme.ColorNameForegroundOnPrimary, theme.ColorNamePressed, 4.5},
		{theme.ColorNameError, alarm, 4.5},
		{theme.ColorNameError, paper, 4.5},
		{theme.ColorNameError, shade, 3},
		{theme.ColorNameFocus, paper, 3},
		{theme.ColorNameFocus, shade, 3},
		{theme.ColorNameInputBorder, paper, 3},
		{theme.ColorNameForeground, theme.ColorNameSelection, 4.5},
		{theme.ColorNameScrollBar, paper, 3},
	} {
		for name, variant := range test.KnownThemeVariants() {
			l := &look{percent: 100}
			if got := contrast(l.Color(row.text, variant), l.Color(row.ground, variant)); got < row.least {
				t.Errorf("%s: %s on %s has %.2f:1, at least %.1f:1", name, row.text, row.ground, got, row.least)
			}
		}
	}
}

func TestLookIsWhole(t *testing.T) {
	test.AssertAllColorNamesDefined(t, &look{percent: 100}, "look")
	usual, large := &look{percent: 100}, &look{percent: 200}
	for name := range sizes {
		if large.Size(name) != 2*usual.Size(name) {
			t.Errorf("%s does not grow with the text", name)
		}
	}
	if usual.Size(theme.SizeNameText) < 16 {
		t.Error("the usual text is small")
	}
}
