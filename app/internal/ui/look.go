//go:build !nowindow

package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
)

// Names of our own, beside those of the toolkit.
const (
	colorShade      fyne.ThemeColorName = "pivot.shade"       // behind what belongs together
	colorSoft       fyne.ThemeColorName = "pivot.soft"        // text that comes second
	colorAlarmShade fyne.ThemeColorName = "pivot.alarm-shade" // behind what is wrong

	sizeHuge fyne.ThemeSizeName = "pivot.huge" // what is compared or said aloud
)

// Text sizes are chosen by the citizen: percent of the usual one.
const (
	scaleLeast = 100
	scaleStep  = 50
	scaleMost  = 200
)

// look is the theme: the colours of the broker's pages, large type, few lines. Every pair of colours that text is
// written in reaches 4.5:1, and 3:1 what must be seen to be used (WCAG 2.1, 1.4.3 and 1.4.11).
type look struct {
	percent int // size of the text
}

// palette is one variant: name -> 0xRRGGBB.
type palette map[fyne.ThemeColorName]uint32

var light = palette{
	theme.ColorNameBackground:          0xffffff,
	colorShade:                         0xeef3f2,
	theme.ColorNameForeground:          0x16211f,
	colorSoft:                          0x47524f,
	theme.ColorNamePlaceHolder:         0x5c6865,
	theme.ColorNameSeparator:           0xc9d4d1,
	theme.ColorNameInputBorder:         0x6d7b78,
	theme.ColorNamePrimary:             0x0c5a58,
	theme.ColorNameForegroundOnPrimary: 0xffffff,
	theme.ColorNameFocus:               0xb35c00,
	theme.ColorNameHover:               0xdde7e5,
	theme.ColorNamePressed:             0x083f3d,
	theme.ColorNameError:               0x9b1c1c,
	colorAlarmShade:                    0xfdf0ee,
}

var dark = palette{
	theme.ColorNameBackground:          0x121918,
	colorShade:                         0x1f2a29,
	theme.ColorNameForeground:          0xeaf1ef,
	colorSoft:                          0xb6c4c1,
	theme.ColorNamePlaceHolder:         0xa3b2af,
	theme.ColorNameSeparator:           0x3a4745,
	theme.ColorNameInputBorder:         0x84938f,
	theme.ColorNamePrimary:             0x7fd6cd,
	theme.ColorNameForegroundOnPrimary: 0x0a1f1d,
	theme.ColorNameFocus:               0xffb454,
	theme.ColorNameHover:               0x2b3837,
	theme.ColorNamePressed:             0xa9e8e1,
	theme.ColorNameError:               0xffb4a8,
	colorAlarmShade:                    0x3a1a17,
}

// same names the toolkit's colours that are one of ours.
var same = map[fyne.ThemeColorName]fyne.ThemeColorName{
	theme.ColorNameButton:              colorShade,
	theme.ColorNameDisabledButton:      colorShade,
	theme.ColorNameDisabled:            theme.ColorNamePlaceHolder,
	theme.ColorNameForegroundOnError:   theme.ColorNameBackground,
	theme.ColorNameForegroundOnSuccess: theme.ColorNameForegroundOnPrimary,
	theme.ColorNameForegroundOnWarning: theme.ColorNameBackground,
	theme.ColorNameHeaderBackground:    colorShade,
	theme.ColorNameHyperlink:           theme.ColorNamePrimary,
	theme.ColorNameInputBackground:     theme.ColorNameBackground,
	theme.ColorNameMenuBackground:      colorShade,
	theme.ColorNameOverlayBackground:   theme.ColorNameBackground,
	theme.ColorNameScrollBar:           theme.ColorNameInputBorder,
	theme.ColorNameScrollBarBackground: colorShade,
	theme.ColorNameSelection:           theme.ColorNameHover,
	theme.ColorNameSuccess:             theme.ColorNamePrimary,
	theme.ColorNameWarning:             theme.ColorNameFocus,
}

// Color implements fyne.Theme.
func (l *look) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	p := light
	if variant == theme.VariantDark {
		p = dark
	}
	if ours, ok := same[name]; ok {
		name = ours
	}
	if c, ok := p[name]; ok {
		return color.NRGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 0xff}
	}
	return theme.DefaultTheme().Color(name, variant)
}

// Font implements fyne.Theme.
func (l *look) Font(style fyne.TextStyle) fyne.Resource { return theme.DefaultTheme().Font(style) }

// Icon implements fyne.Theme.
func (l *look) Icon(name fyne.ThemeIconName) fyne.Resource { return theme.DefaultTheme().Icon(name) }

// sizes of text, at 100 percent.
var sizes = map[fyne.ThemeSizeName]float32{
	theme.SizeNameText:           17,
	theme.SizeNameCaptionText:    15,
	theme.SizeNameSubHeadingText: 20,
	theme.SizeNameHeadingText:    27,
	theme.SizeNameInlineIcon:     22,
	sizeHuge:                     54,
}

// Size implements fyne.Theme.
func (l *look) Size(name fyne.ThemeSizeName) float32 {
	if s, ok := sizes[name]; ok {
		return s * float32(l.percent) / 100
	}
	switch name {
	case theme.SizeNameInputRadius, theme.SizeNameButtonRadius, theme.SizeNameCardRadius:
		return 10
	case theme.SizeNameInnerPadding:
		return 12
	case theme.SizeNameScrollBar:
		return 12
	case theme.SizeNameScrollBarSmall:
		return 6
	case theme.SizeNameInputBorder:
		return 2
	}
	return theme.DefaultTheme().Size(name)
}

// colorOf is a colour of the theme in use.
func colorOf(name fyne.ThemeColorName) color.Color { return theme.Color(name) }
