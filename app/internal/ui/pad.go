//go:build !nowindow

package ui

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// pad is where a secret is typed: one dot for each digit, and in words how many there are. It never shows, says or
// hands to the clipboard a digit, and takes none from there.
type pad struct {
	widget.BaseWidget

	digits  *digits
	count   func(n int) string // "3 digits of 6"
	changed func()             // after each key
	refused func()             // after what is no digit, or one too many
	done    func()             // Enter
	room    room

	focused bool
}

func newPad(d *digits, count func(int) string) *pad {
	p := &pad{digits: d, count: count}
	p.ExtendBaseWidget(p)
	return p
}

// AccessibilityLabel implements fyne.Accessible.
func (p *pad) AccessibilityLabel() string { return p.count(p.digits.n) }

// AccessibilityRole implements fyne.Accessible: the toolkit has no role for an entry.
func (p *pad) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// FocusGained implements fyne.Focusable.
func (p *pad) FocusGained() { p.focused = true; p.Refresh(); p.room.reveal(p) }

// FocusLost implements fyne.Focusable.
func (p *pad) FocusLost() { p.focused = false; p.Refresh() }

// Tapped implements fyne.Tappable, so that a click focuses it.
func (p *pad) Tapped(*fyne.PointEvent) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(p); c != nil {
		c.Focus(p)
	}
}

// TypedRune implements fyne.Focusable.
func (p *pad) TypedRune(r rune) {
	if !p.digits.add(r) {
		p.refused()
		return
	}
	p.Refresh()
	p.changed()
}

// TypedKey implements fyne.Focusable.
func (p *pad) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyBackspace:
		p.digits.drop()
		p.Refresh()
		p.changed()
	case fyne.KeyReturn, fyne.KeyEnter:
		p.done()
	default:
		p.room.typedKey(e.Name)
	}
}

// TypedShortcut implements fyne.Shortcutable: a secret is neither pasted nor copied.
func (p *pad) TypedShortcut(s fyne.Shortcut) {
	if _, paste := s.(*fyne.ShortcutPaste); paste {
		p.refused()
	}
}

// CreateRenderer implements fyne.Widget.
func (p *pad) CreateRenderer() fyne.WidgetRenderer {
	r := &padRenderer{pad: p, frame: canvas.NewRectangle(color.Transparent)}
	for range p.digits.most {
		r.dots = append(r.dots, canvas.NewCircle(color.Transparent))
	}
	r.colour()
	return r
}

type padRenderer struct {
	pad   *pad
	frame *canvas.Rectangle
	dots  []*canvas.Circle
}

func (r *padRenderer) colour() {
	p := r.pad
	r.frame.FillColor, r.frame.StrokeColor, r.frame.StrokeWidth = colorOf(theme.ColorNameInputBackground), colorOf(theme.ColorNameInputBorder), 1.5
	if p.focused {
		r.frame.StrokeColor, r.frame.StrokeWidth = colorOf(theme.ColorNameFocus), ring
	}
	r.frame.CornerRadius = theme.SizeForWidget(theme.SizeNameInputRadius, p)
	for i, dot := range r.dots {
		dot.FillColor, dot.StrokeColor, dot.StrokeWidth = color.Transparent, colorOf(theme.ColorNameInputBorder), 1.5
		if i >= p.digits.least {
			dot.StrokeColor = colorOf(theme.ColorNameSeparator) // as many as one likes
		}
		if i < p.digits.n {
			dot.FillColor, dot.StrokeColor = colorOf(theme.ColorNameForeground), colorOf(theme.ColorNameForeground)
		}
	}
}

// dotSide and the frame's height grow with the text.
func (r *padRenderer) dotSide(width float32) float32 {
	return min(theme.SizeForWidget(theme.SizeNameText, r.pad), (width-2*pressPadX)/float32(len(r.dots))/1.4)
}

func (r *padRenderer) Layout(size fyne.Size) {
	r.frame.Resize(size)
	n := float32(len(r.dots))
	side := r.dotSide(size.Width)
	step := min(side*2, (size.Width-2*pressPadX)/n)
	x := (size.Width - step*n + step - side) / 2
	for _, dot := range r.dots {
		dot.Move(fyne.NewPos(x, (size.Height-side)/2))
		dot.Resize(fyne.NewSquareSize(side))
		x += step
	}
}

func (r *padRenderer) MinSize() fyne.Size {
	return fyne.NewSize(120, theme.SizeForWidget(theme.SizeNameText, r.pad)+2*pressPadX+gapSmall)
}
func (r *padRenderer) Refresh() { r.colour(); canvas.Refresh(r.pad) }
func (r *padRenderer) Destroy() {}
func (r *padRenderer) Objects() []fyne.CanvasObject {
	out := []fyne.CanvasObject{r.frame}
	for _, dot := range r.dots {
		out = append(out, dot)
	}
	return out
}

// keypad types into a pad without a keyboard. erase and its spoken name come from the catalogue.
func keypad(p *pad, erase string) *fyne.Container {
	grid := container.New(layoutKeys{})
	key := func(id, text string, act func()) {
		b := newPress(id, text, rankEqual, act)
		b.label.size = theme.SizeNameSubHeadingText
		grid.Add(b)
	}
	for _, r := range "123456789" {
		key("key-"+string(r), string(r), func() { p.TypedRune(r) })
	}
	grid.Add(canvas.NewRectangle(color.Transparent))
	key("key-0", "0", func() { p.TypedRune('0') })
	key("erase", "⌫", func() { p.TypedKey(&fyne.KeyEvent{Name: fyne.KeyBackspace}) })
	grid.Objects[11].(*press).spoken = erase
	return grid
}

// layoutKeys lays keys out in three columns.
type layoutKeys struct{}

func (layoutKeys) cell(objects []fyne.CanvasObject, width float32) fyne.Size {
	each := min((width-2*gapSmall)/3, 110)
	var h float32
	for _, o := range objects {
		h = max(h, heightOf(o, each))
	}
	return fyne.NewSize(each, h)
}

func (l layoutKeys) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return 4*l.cell(objects, width).Height + 3*gapSmall
}

func (l layoutKeys) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	cell := l.cell(objects, size.Width)
	left := (size.Width - 3*cell.Width - 2*gapSmall) / 2
	for i, o := range objects {
		o.Move(fyne.NewPos(left+float32(i%3)*(cell.Width+gapSmall), float32(i/3)*(cell.Height+gapSmall)))
		o.Resize(cell)
	}
}

func (l layoutKeys) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(3*48, l.heightFor(objects, mostWidth))
}
