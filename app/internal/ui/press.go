//go:build !nowindow

package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// rank says how much a button draws the eye.
type rank uint8

const (
	rankMain  rank = iota // what most people came for; at most one on a screen
	rankEqual             // an alternative of the same weight
	rankQuiet             // there for who looks for it
)

// room is where a focused object leaves what it does not use.
type room interface {
	typedKey(name fyne.KeyName)
	typedRune(r rune)
	reveal(o fyne.CanvasObject)
}

// press is a button: its text breaks into lines instead of being cut, its focus is a thick ring, and Space and Enter press it;
// a careful one takes Space alone, so that nothing is approved by an Enter typed too early.
type press struct {
	widget.BaseWidget

	id      string // the same after the language or the size of the text changed
	label   *prose
	spoken  string // what a screen reader says, where that is more than the label
	rank    rank
	careful bool
	act     func()
	room    room

	focused, hovered bool
}

func newPress(id, text string, rank rank, act func()) *press {
	p := &press{id: id, rank: rank, act: act}
	p.label = newProse(text, theme.SizeNameText, theme.ColorNameForeground).centered()
	if rank != rankQuiet {
		p.label.bold()
	}
	p.ExtendBaseWidget(p)
	return p
}

// Padding of a button: a finger's height with one line of text.
const (
	pressPadX = 14
	pressPadY = 13
	ring      = 3
)

func (p *press) heightFor(width float32) float32 {
	return p.label.heightFor(width-2*pressPadX) + 2*p.padY()
}

func (p *press) padY() float32 {
	if p.rank == rankQuiet {
		return pressPadY - 3
	}
	return pressPadY
}

func (p *press) naturalWidth() float32 { return p.label.naturalWidth() + 2*pressPadX }

// AccessibilityLabel implements fyne.Accessible.
func (p *press) AccessibilityLabel() string {
	if p.spoken != "" {
		return p.spoken
	}
	return p.label.text
}

// AccessibilityRole implements fyne.Accessible.
func (p *press) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleButton }

// Tapped implements fyne.Tappable.
func (p *press) Tapped(*fyne.PointEvent) { p.act() }

// FocusGained implements fyne.Focusable.
func (p *press) FocusGained() {
	p.focused = true
	p.Refresh()
	p.room.reveal(p)
}

// FocusLost implements fyne.Focusable.
func (p *press) FocusLost() { p.focused = false; p.Refresh() }

// TypedRune implements fyne.Focusable.
func (p *press) TypedRune(r rune) {
	if r != ' ' {
		p.room.typedRune(r)
	}
}

// TypedKey implements fyne.Focusable.
func (p *press) TypedKey(e *fyne.KeyEvent) {
	switch {
	case e.Name == fyne.KeySpace, !p.careful && (e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter):
		p.act()
	default:
		p.room.typedKey(e.Name)
	}
}

// MouseIn implements desktop.Hoverable.
func (p *press) MouseIn(*desktop.MouseEvent) { p.hovered = true; p.Refresh() }

// MouseMoved implements desktop.Hoverable.
func (p *press) MouseMoved(*desktop.MouseEvent) {}

// MouseOut implements desktop.Hoverable.
func (p *press) MouseOut() { p.hovered = false; p.Refresh() }

// Cursor implements desktop.Cursorable.
func (p *press) Cursor() desktop.Cursor { return desktop.PointerCursor }

// CreateRenderer implements fyne.Widget.
func (p *press) CreateRenderer() fyne.WidgetRenderer {
	r := &pressRenderer{press: p, ring: canvas.NewRectangle(color.Transparent), back: canvas.NewRectangle(color.Transparent)}
	r.colour()
	return r
}

type pressRenderer struct {
	press      *press
	ring, back *canvas.Rectangle
}

// colour gives each part the colour that rank and state ask for.
func (r *pressRenderer) colour() {
	p := r.press
	ground, edge, text := theme.ColorNameBackground, theme.ColorNameInputBorder, theme.ColorNameForeground
	switch {
	case p.rank == rankMain && p.hovered:
		ground, edge, text = theme.ColorNamePressed, theme.ColorNamePressed, theme.ColorNameForegroundOnPrimary
	case p.rank == rankMain:
		ground, edge, text = theme.ColorNamePrimary, theme.ColorNamePrimary, theme.ColorNameForegroundOnPrimary
	case p.rank == rankQuiet:
		edge, text = theme.ColorNameBackground, theme.ColorNamePrimary
	}
	if p.hovered && p.rank != rankMain {
		ground = theme.ColorNameHover
	}
	radius := theme.SizeForWidget(theme.SizeNameButtonRadius, p)
	r.back.FillColor, r.back.StrokeColor, r.back.StrokeWidth = colorOf(ground), colorOf(edge), 1.5
	r.back.CornerRadius = radius
	if p.rank == rankQuiet && !p.hovered {
		r.back.FillColor, r.back.StrokeColor = color.Transparent, color.Transparent // it covers no neighbour's ring
	}
	r.ring.CornerRadius, r.ring.StrokeWidth = radius+ring+1, 0
	if p.focused {
		r.ring.StrokeColor, r.ring.StrokeWidth = colorOf(theme.ColorNameFocus), ring
	}
	p.label.color = text
}

func (r *pressRenderer) Layout(size fyne.Size) {
	r.back.Resize(size)
	r.ring.Move(fyne.NewSquareOffsetPos(-ring - 2))
	r.ring.Resize(size.AddWidthHeight(2*ring+4, 2*ring+4))
	width := size.Width - 2*pressPadX
	h := r.press.label.heightFor(width)
	r.press.label.Move(fyne.NewPos(pressPadX, (size.Height-h)/2))
	r.press.label.Resize(fyne.NewSize(width, h))
}

func (r *pressRenderer) MinSize() fyne.Size {
	width := r.press.Size().Width
	if width == 0 {
		width = r.press.naturalWidth()
	}
	return fyne.NewSize(48, r.press.heightFor(width))
}

func (r *pressRenderer) Refresh() {
	r.colour()
	r.press.label.Refresh()
	canvas.Refresh(r.press)
}

func (r *pressRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.back, r.ring, r.press.label}
}
func (r *pressRenderer) Destroy() {}
