//go:build !nowindow

package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/widget"
)

// line is where a code or a link is typed or pasted.
type line struct {
	widget.Entry

	name string // what a screen reader says
	room room
}

func newLine(name, placeholder, text string) *line {
	l := &line{name: name}
	l.ExtendBaseWidget(l)
	l.Text, l.PlaceHolder = text, placeholder
	return l
}

// AccessibilityLabel implements fyne.Accessible.
func (l *line) AccessibilityLabel() string {
	if l.Text == "" {
		return l.name
	}
	return l.name + " " + l.Text
}

// AccessibilityRole implements fyne.Accessible: the toolkit has no role for an entry.
func (l *line) AccessibilityRole() fyne.AccessibleRole { return fyne.AccessibleRoleText }

// FocusGained implements fyne.Focusable.
func (l *line) FocusGained() { l.Entry.FocusGained(); l.room.reveal(l) }

// TypedKey implements fyne.Focusable.
func (l *line) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyEscape || e.Name == fyne.KeyPageDown || e.Name == fyne.KeyPageUp {
		l.room.typedKey(e.Name)
		return
	}
	l.Entry.TypedKey(e)
}

// enlarged shows an object in type of another size.
func enlarged(o fyne.CanvasObject, percent int) fyne.CanvasObject {
	return container.NewThemeOverride(o, &look{percent: percent})
}
