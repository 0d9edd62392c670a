//go:build !nowindow

package ui

import (
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// page is one screen: what is said in the middle, which scrolls where it must, and below it what can be done, always in
// sight.
type page struct {
	body    []fyne.CanvasObject
	actions []fyne.CanvasObject // each as wide as the column
	focus   fyne.Focusable      // at the start; nil is the first thing that can be
	escape  func()              // Esc; nil does nothing
	typed   func(r rune)        // a character that whatever is focused does not take; may be nil
	leave   func()              // the page is taken away; may be nil
	home    bool                // the first screen, which is drawn again when what it knows changes
}

// sheet is a page in the window.
type sheet struct {
	page    page
	header  *fyne.Container
	scroll  *container.Scroll
	column  *fyne.Container
	content *fyne.Container // all of it
	canvas  fyne.Canvas
}

func newSheet(c fyne.Canvas, header *fyne.Container, p page) *sheet {
	s := &sheet{page: p, header: header, canvas: c}
	s.column = newColumn(gap, p.body...)
	s.scroll = container.NewVScroll(container.New(inset{}, s.column))
	rule := canvas.NewRectangle(colorOf(theme.ColorNameSeparator))
	foot := canvas.NewRectangle(colorOf(theme.ColorNameSeparator))
	s.content = container.New(sheetLayout{}, newVoice(spoken(p.body)), header, rule, s.scroll, foot, newColumn(12, p.actions...))
	for _, o := range focusables(s.content) {
		switch o := o.(type) {
		case *press:
			o.room = s
		case *pad:
			o.room = s
		case *line:
			o.room = s
		}
	}
	return s
}

// focused puts the focus on what has that name, or where the page wants it.
func (s *sheet) focused(id string) {
	all := focusables(s.content)
	for _, o := range all {
		if id != "" && idOf(o) == id {
			s.canvas.Focus(o)
			return
		}
	}
	switch {
	case s.page.focus != nil:
		s.canvas.Focus(s.page.focus)
		if _, button := s.page.focus.(*press); button {
			s.scroll.ScrollToTop() // a page is read from its top
		}
	case len(s.page.actions)+len(s.page.body) > 0 && len(all) > headerButtons:
		s.canvas.Focus(all[headerButtons])
	}
}

// idOf names what is focused, to find it again in the same page in another language or size.
func idOf(o fyne.Focusable) string {
	switch o := o.(type) {
	case *press:
		return o.id
	case *pad:
		return "pad"
	case *line:
		return "line"
	}
	return ""
}

// typedKey implements room.
func (s *sheet) typedKey(name fyne.KeyName) {
	view := s.scroll.Size().Height
	switch name {
	case fyne.KeyEscape:
		if s.page.escape != nil {
			s.page.escape()
		}
	case fyne.KeyPageDown, fyne.KeySpace:
		s.scrollBy(view * 0.8)
	case fyne.KeyPageUp:
		s.scrollBy(-view * 0.8)
	case fyne.KeyDown:
		s.scrollBy(48)
	case fyne.KeyUp:
		s.scrollBy(-48)
	case fyne.KeyHome:
		s.scroll.ScrollToTop()
	case fyne.KeyEnd:
		s.scroll.ScrollToBottom()
	}
}

// typedRune implements room.
func (s *sheet) typedRune(r rune) {
	if s.page.typed != nil {
		s.page.typed(r)
	}
}

func (s *sheet) scrollBy(dy float32) {
	s.scroll.ScrollToOffset(fyne.NewPos(0, s.scroll.Offset.Y+dy))
}

// reveal scrolls so that o can be seen; the toolkit does not by itself.
func (s *sheet) reveal(o fyne.CanvasObject) {
	top, in := offsetIn(s.column, o)
	if !in {
		return
	}
	const air = ring + 4
	switch bottom := top + o.Size().Height; {
	case bottom+air > s.scroll.Offset.Y+s.scroll.Size().Height:
		s.scroll.ScrollToOffset(fyne.NewPos(0, bottom+margin-s.scroll.Size().Height))
	case top-air < s.scroll.Offset.Y:
		s.scroll.ScrollToOffset(fyne.NewPos(0, top-margin))
	}
}

// offsetIn is how far below the top of a container an object of it stands.
func offsetIn(c *fyne.Container, o fyne.CanvasObject) (float32, bool) {
	for _, child := range c.Objects {
		if child == o {
			return c.Position().Y + child.Position().Y, true
		}
		switch child := child.(type) {
		case *fyne.Container:
			if y, in := offsetIn(child, o); in {
				return c.Position().Y + y, true
			}
		case *container.ThemeOverride:
			if child.Content == o {
				return c.Position().Y + child.Position().Y, true
			}
		}
	}
	return 0, false
}

// walk visits an object and what is in it, in the order of the Tab key.
func walk(o fyne.CanvasObject, visit func(fyne.CanvasObject)) {
	visit(o)
	switch o := o.(type) {
	case *fyne.Container:
		for _, child := range o.Objects {
			walk(child, visit)
		}
	case *container.Scroll:
		walk(o.Content, visit)
	case *container.ThemeOverride:
		walk(o.Content, visit)
	}
}

// focusables are what can be focused, in order.
func focusables(root fyne.CanvasObject) []fyne.Focusable {
	var out []fyne.Focusable
	walk(root, func(o fyne.CanvasObject) {
		if f, ok := o.(fyne.Focusable); ok {
			out = append(out, f)
		}
	})
	return out
}

// spoken is all the text of a page.
func spoken(objects []fyne.CanvasObject) string {
	var out []string
	for _, o := range objects {
		walk(o, func(o fyne.CanvasObject) {
			if p, ok := o.(*prose); ok {
				out = append(out, p.text)
			}
		})
	}
	return strings.Join(out, "\n")
}

// voice has nothing to see: it says a whole page to screen readers, whose bridge in the toolkit does not look into what
// scrolls.
type voice struct {
	widget.BaseWidget
	text string
}

func newVoice(text string) *voice {
	v := &voice{text: text}
	v.ExtendBaseWidget(v)
	return v
}

// AccessibilityLabel implements fyne.Accessible.
func (v *voice) AccessibilityLabel() string { return v.text }

// AccessibilityRole implements fyne.Accessible.
func (v *voice) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// CreateRenderer implements fyne.Widget.
func (v *voice) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(canvas.NewRectangle(colorOf(theme.ColorNameBackground)))
}

// inset is the scrolled column: in the middle of the window, with air around.
type inset struct{}

func insetWidth(width float32) float32 { return min(width-2*margin, mostWidth) }

func (inset) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := insetWidth(size.Width)
	objects[0].Move(fyne.NewPos((size.Width-width)/2, margin))
	objects[0].Resize(fyne.NewSize(width, size.Height-2*margin))
}

func (inset) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().AddWidthHeight(2*margin, 2*margin)
}

// sheetLayout: voice, header, rule, what scrolls, rule, actions.
type sheetLayout struct{}

func (sheetLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := insetWidth(size.Width)
	left := (size.Width - width) / 2
	voice, header, rule, scroll, line, actions := objects[0], objects[1], objects[2], objects[3], objects[4], objects[5]
	voice.Resize(fyne.NewSize(size.Width, 0))

	h := heightOf(header, width)
	header.Move(fyne.NewPos(left, gapSmall))
	header.Resize(fyne.NewSize(width, h))
	y := h + 2*gapSmall
	rule.Move(fyne.NewPos(0, y))
	rule.Resize(fyne.NewSize(size.Width, 1))
	y++

	var foot float32
	line.Hide()
	if a := heightOf(actions, width); a > 0 {
		foot = a + 2*gap
		line.Show()
		line.Move(fyne.NewPos(0, size.Height-foot))
		line.Resize(fyne.NewSize(size.Width, 1))
		actions.Move(fyne.NewPos(left, size.Height-foot+gap))
		actions.Resize(fyne.NewSize(width, a))
	}
	// The column must know its width before the scroller asks how high it is.
	if c := scroll.(*container.Scroll).Content.(*fyne.Container).Objects[0].(*fyne.Container); c.Layout != nil {
		*c.Layout.(column).width = width
	}
	scroll.Move(fyne.NewPos(0, y))
	scroll.Resize(fyne.NewSize(size.Width, size.Height-y-foot))
}

// MinSize is the least window.
func (sheetLayout) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSize(360, 560) }
