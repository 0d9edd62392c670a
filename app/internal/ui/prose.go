//go:build !nowindow

package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// prose is text that breaks into lines. The toolkit's label only knows its height after it was laid out once; here the
// height for a width is known at once, so that a screen stands still from its first frame.
type prose struct {
	widget.BaseWidget

	text  string
	size  fyne.ThemeSizeName
	color fyne.ThemeColorName
	style fyne.TextStyle
	align fyne.TextAlign
	fit   bool // one line, made smaller where it is too wide
}

func newProse(text string, size fyne.ThemeSizeName, color fyne.ThemeColorName) *prose {
	p := &prose{text: text, size: size, color: color}
	p.ExtendBaseWidget(p)
	return p
}

func (p *prose) bold() *prose     { p.style.Bold = true; return p }
func (p *prose) centered() *prose { p.align = fyne.TextAlignCenter; return p }

func title(text string) *prose {
	return newProse(text, theme.SizeNameHeadingText, theme.ColorNameForeground).bold()
}

func body(text string) *prose {
	return newProse(text, theme.SizeNameText, theme.ColorNameForeground)
}

func soft(text string) *prose { return newProse(text, theme.SizeNameCaptionText, colorSoft) }

// huge is what is compared or said aloud: one line, spaced.
func huge(text string) *prose {
	p := newProse(text, sizeHuge, theme.ColorNameForeground).bold().centered()
	p.fit, p.style.Monospace, p.style.Bold = true, true, false
	return p
}

// AccessibilityLabel implements fyne.Accessible.
func (p *prose) AccessibilityLabel() string { return p.text }

// AccessibilityRole implements fyne.Accessible.
func (p *prose) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

func (p *prose) measure(s string) fyne.Size {
	return fyne.MeasureText(s, theme.SizeForWidget(p.size, p), p.style)
}

// lines breaks the text at spaces, and inside a word that is wider than a line. A no-break space does not break.
func (p *prose) lines(width float32) []string {
	if p.fit {
		return []string{p.text}
	}
	var out []string
	for paragraph := range strings.SplitSeq(p.text, "\n") {
		line := ""
		for word := range strings.SplitSeq(paragraph, " ") {
			longer := word
			if line != "" {
				longer = line + " " + word
			}
			if p.measure(longer).Width <= width {
				line = longer
				continue
			}
			if line != "" {
				out = append(out, line)
			}
			var cut []string
			cut, line = p.cut(word, width)
			out = append(out, cut...)
		}
		out = append(out, line)
	}
	return out
}

// cut breaks one word into whole lines and what is left of it.
func (p *prose) cut(word string, width float32) (whole []string, rest string) {
	for _, r := range word {
		if rest != "" && p.measure(rest+string(r)).Width > width {
			whole, rest = append(whole, rest), ""
		}
		rest += string(r)
	}
	return whole, rest
}

// textSize is the theme's size, or a smaller one where the text must fit.
func (p *prose) textSize(width float32) float32 {
	size := theme.SizeForWidget(p.size, p)
	if wide := p.measure(p.text).Width; p.fit && wide > width && width > 0 {
		return size * width / wide
	}
	return size
}

// heightFor is the height that the text takes at a width.
func (p *prose) heightFor(width float32) float32 {
	return float32(len(p.lines(width))) * fyne.MeasureText("M", p.textSize(width), p.style).Height
}

// naturalWidth is that of the text on one line.
func (p *prose) naturalWidth() float32 {
	var most float32
	for line := range strings.SplitSeq(p.text, "\n") {
		most = max(most, p.measure(line).Width)
	}
	return most
}

// CreateRenderer implements fyne.Widget.
func (p *prose) CreateRenderer() fyne.WidgetRenderer { return &proseRenderer{prose: p} }

type proseRenderer struct {
	prose *prose
	lines []fyne.CanvasObject
}

func (r *proseRenderer) Layout(size fyne.Size) {
	p := r.prose
	texts, textSize := p.lines(size.Width), p.textSize(size.Width)
	r.lines = r.lines[:0]
	y := float32(0)
	for _, s := range texts {
		t := canvas.NewText(s, theme.ColorForWidget(p.color, p))
		t.TextSize, t.TextStyle, t.Alignment = textSize, p.style, p.align
		t.Move(fyne.NewPos(0, y))
		t.Resize(fyne.NewSize(size.Width, t.MinSize().Height))
		y += t.MinSize().Height
		r.lines = append(r.lines, t)
	}
}

func (r *proseRenderer) MinSize() fyne.Size {
	width := r.prose.Size().Width
	if width == 0 {
		width = r.prose.naturalWidth()
	}
	return fyne.NewSize(1, r.prose.heightFor(width))
}

func (r *proseRenderer) Refresh()                     { r.Layout(r.prose.Size()); canvas.Refresh(r.prose) }
func (r *proseRenderer) Objects() []fyne.CanvasObject { return r.lines }
func (r *proseRenderer) Destroy()                     {}
