//go:build !nowindow

package ui

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
)

// Distances, in the toolkit's units. They do not grow with the text: what grows needs the room.
const (
	gapSmall  = 8
	gap       = 16
	margin    = 20
	mostWidth = 520 // of the column: longer lines are hard to follow
)

// flowing is a layout, and tall an object, that tells its height for a width.
type flowing interface {
	heightFor(objects []fyne.CanvasObject, width float32) float32
}

type tall interface{ heightFor(width float32) float32 }

// heightOf is the height that an object takes at a width.
func heightOf(o fyne.CanvasObject, width float32) float32 {
	switch o := o.(type) {
	case tall:
		return o.heightFor(width)
	case *fyne.Container:
		if l, ok := o.Layout.(flowing); ok {
			return l.heightFor(o.Objects, width)
		}
	}
	return o.MinSize().Height
}

// column stacks objects, each as wide as the column and as high as it then must be.
type column struct {
	gap   float32
	width *float32 // as last laid out
}

func newColumn(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(column{gap, new(float32)}, objects...)
}

func (c column) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	var y float32
	for i, o := range objects {
		if i > 0 {
			y += c.gap
		}
		y += heightOf(o, width)
	}
	return y
}

func (c column) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	*c.width = size.Width
	var y float32
	for _, o := range objects {
		h := heightOf(o, size.Width)
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, h))
		y += h + c.gap
	}
}

func (c column) MinSize(objects []fyne.CanvasObject) fyne.Size {
	width := *c.width
	if width == 0 {
		width = mostWidth
	}
	return fyne.NewSize(1, c.heightFor(objects, width))
}

// beside puts objects side by side, all of one size; or one above the other where the widest would not fit on one line.
type beside struct{ gap float32 }

func (b beside) shape(objects []fyne.CanvasObject, width float32) (each, height float32, stacked bool) {
	n := float32(len(objects))
	each = (width - (n-1)*b.gap) / n
	for _, o := range objects {
		if p, ok := o.(*press); ok && p.naturalWidth() > each {
			each, stacked = width, true
			break
		}
	}
	for _, o := range objects {
		height = max(height, heightOf(o, each))
	}
	return each, height, stacked
}

func (b beside) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	_, height, stacked := b.shape(objects, width)
	if n := float32(len(objects)); stacked {
		return n*height + (n-1)*b.gap
	}
	return height
}

func (b beside) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	each, height, stacked := b.shape(objects, size.Width)
	var at fyne.Position
	for _, o := range objects {
		o.Move(at)
		o.Resize(fyne.NewSize(each, height))
		if stacked {
			at.Y += height + b.gap
		} else {
			at.X += each + b.gap
		}
	}
}

func (b beside) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(1, b.heightFor(objects, mostWidth))
}

// marked puts a picture at the left of the first line of what it marks.
type marked struct{ side float32 }

// withMark is an icon and the text that says the same.
func withMark(icon fyne.Resource, color fyne.ThemeColorName, text fyne.CanvasObject) *fyne.Container {
	side := theme.Size(theme.SizeNameInlineIcon)
	return container.New(marked{side}, canvas.NewImageFromResource(theme.NewColoredResource(icon, color)), text)
}

func (m marked) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return max(m.side, heightOf(objects[1], width-m.side-gapSmall))
}

func (m marked) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := size.Width - m.side - gapSmall
	h := heightOf(objects[1], width)
	objects[0].Resize(fyne.NewSquareSize(m.side))
	objects[0].Move(fyne.NewPos(0, max(0, min(m.side*1.1, h)-m.side)/2))
	objects[1].Move(fyne.NewPos(m.side+gapSmall, max(0, m.side-h)/2))
	objects[1].Resize(fyne.NewSize(width, h))
}

func (m marked) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(m.side, m.heightFor(objects, mostWidth))
}

// padded surrounds its last object; the ones before lie behind.
type padded struct{ pad float32 }

// panel shows what belongs together on a ground of its own.
func panel(ground fyne.ThemeColorName, objects ...fyne.CanvasObject) *fyne.Container {
	back := canvas.NewRectangle(colorOf(ground))
	back.CornerRadius = theme.Size(theme.SizeNameCardRadius)
	return container.New(padded{gap}, back, newColumn(gapSmall, objects...))
}

func (p padded) heightFor(objects []fyne.CanvasObject, width float32) float32 {
	return heightOf(objects[len(objects)-1], width-2*p.pad) + 2*p.pad
}

func (p padded) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	for _, o := range objects[:len(objects)-1] {
		o.Resize(size)
	}
	last := objects[len(objects)-1]
	last.Move(fyne.NewSquareOffsetPos(p.pad))
	last.Resize(size.SubtractWidthHeight(2*p.pad, 2*p.pad))
}

func (p padded) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(1, p.heightFor(objects, mostWidth))
}

func newBeside(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(beside{12}, objects...)
}

// sign is a large icon in the middle.
func sign(icon fyne.Resource, color fyne.ThemeColorName) *fyne.Container {
	return container.New(middle{72}, canvas.NewImageFromResource(theme.NewColoredResource(icon, color)))
}

type middle struct{ side float32 }

func (m middle) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(fyne.NewSquareSize(m.side))
	objects[0].Move(fyne.NewPos((size.Width-m.side)/2, 0))
}
func (m middle) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSquareSize(m.side) }
