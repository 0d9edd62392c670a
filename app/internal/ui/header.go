//go:build !nowindow

package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"

	"pivot/assets"
)

// headerButtons is how many there are: the size of the text, and the language.
const headerButtons = 2

var mark = fyne.NewStaticResource("pivot.svg", assets.Icon())

// header is the same above every page.
func (w *window) header() *fyne.Container {
	icon := canvas.NewImageFromResource(mark)
	name := newProse("Pivot", theme.SizeNameSubHeadingText, theme.ColorNameForeground).bold()
	size := newPress("text-size", "A+", rankQuiet, w.resizeText)
	size.spoken = w.say("window.text-larger")
	if w.percent >= scaleMost {
		size.label.text, size.spoken = "A−", w.say("window.text-usual")
	}
	language := newPress("language", w.say("window.other-language"), rankQuiet, w.toggleLanguage)
	return container.New(bar{}, icon, name, size, language)
}

// bar puts a mark and a name at the left, and buttons at the right; the name gives way.
type bar struct{}

func (bar) heightFor(objects []fyne.CanvasObject, _ float32) float32 {
	return heightOf(objects[3], mostWidth)
}

func (b bar) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	right := size.Width + pressPadX // the text of the last button ends where the column ends
	for i := len(objects) - 1; i >= 2; i-- {
		width := objects[i].(*press).naturalWidth()
		right -= width
		objects[i].Move(fyne.NewPos(right, 0))
		objects[i].Resize(fyne.NewSize(width, size.Height))
	}
	side := min(size.Height, theme.Size(theme.SizeNameInlineIcon)*1.5)
	objects[0].Move(fyne.NewPos(0, (size.Height-side)/2))
	objects[0].Resize(fyne.NewSquareSize(side))
	name := objects[1].(*prose)
	h := name.heightFor(size.Width)
	name.Move(fyne.NewPos(side+gapSmall, (size.Height-h)/2))
	name.Resize(fyne.NewSize(name.naturalWidth()+1, h))
	if side+gapSmall+name.naturalWidth() > right {
		name.Hide()
	} else {
		name.Show()
	}
}

func (b bar) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(1, b.heightFor(objects, mostWidth))
}
