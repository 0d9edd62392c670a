// Package portrait draws the faces of the simulated citizens and holds them encoded as JPEG 2000. The encoded files
// are made by `go generate` and embedded, so that no encoder is linked where a card is.
package portrait

import (
	"embed"
	"fmt"
	"hash/fnv"
	"image"
	"image/color"
	"image/draw"
	"math"
	"math/rand/v2"
)

//go:generate go test -run TestPortraits -update .

// Width and Height are the size of a portrait in pixels, 35 to 45 as ISO/IEC 19794-5 has it. It is small: what matters
// is that the file is as large as those of issued cards.
const (
	Width  = 154
	Height = 198
)

// The drawing is laid out on a canvas of 210 by 270.
const (
	canvasW, canvasH = 210.0, 270.0
	scale            = Width / canvasW
)

//go:embed jp2
var encoded embed.FS

// JPEG2000 returns the encoded portrait of a citizen.
func JPEG2000(key string) ([]byte, error) {
	b, err := encoded.ReadFile("jp2/" + key + ".jp2")
	if err != nil {
		return nil, fmt.Errorf("portrait: no portrait of %q: %w", key, err)
	}
	return b, nil
}

// look is what tells one face from another.
type look struct {
	background, skin, hair, iris, cloth color.RGBA
	faceW, faceH                        float64
	hairLine, hairLen                   float64
	glasses, beard                      bool
}

func lookOf(key string) (look, *rand.Rand) {
	h := fnv.New64a()
	h.Write([]byte(key))
	r := rand.New(rand.NewPCG(h.Sum64(), 9303))
	pick := func(of ...color.RGBA) color.RGBA { return of[r.IntN(len(of))] }
	return look{
		background: pick(rgb(0xD9DEE3), rgb(0xCFD8DC), rgb(0xE3E0D8)),
		skin:       pick(rgb(0xF1CDB0), rgb(0xE0AC83), rgb(0xC68642), rgb(0x8D5524), rgb(0x5B3A1E)),
		hair:       pick(rgb(0x1C1410), rgb(0x4A2C16), rgb(0x8A5A2B), rgb(0xC9A15A), rgb(0x9A9A98), rgb(0x7A2E12)),
		iris:       pick(rgb(0x3B2A1A), rgb(0x4F6D7A), rgb(0x4E6B3A), rgb(0x6A4B2A)),
		cloth:      pick(rgb(0x23395B), rgb(0x6B2737), rgb(0x2F4B3C), rgb(0x3A3A3C), rgb(0x7A6A4F)),
		faceW:      48 + 8*r.Float64(), faceH: 64 + 8*r.Float64(),
		hairLine: 0.35 + 0.2*r.Float64(), hairLen: 0.9 + 0.9*r.Float64(),
		glasses: r.IntN(3) == 0, beard: r.IntN(4) == 0,
	}, r
}

func rgb(v uint32) color.RGBA { return color.RGBA{byte(v >> 16), byte(v >> 8), byte(v), 0xFF} }

// Draw returns the portrait of a citizen: always the same for the same key.
func Draw(key string) image.Image {
	l, r := lookOf(key)
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	draw.Draw(img, img.Bounds(), image.NewUniform(l.background), image.Point{}, draw.Src)
	cx, cy := canvasW/2, 122.0
	fill(img, oval{cx, cy - 6, l.faceW * 1.18, l.faceH * l.hairLen}, l.hair) // hair behind
	fill(img, oval{cx, canvasH + 10, 96, 74}, l.cloth)
	fill(img, oval{cx, cy + l.faceH, 24, 34}, shade(l.skin, 0.88)) // neck
	fill(img, oval{cx - l.faceW, cy + 4, 8, 15}, shade(l.skin, 0.93))
	fill(img, oval{cx + l.faceW, cy + 4, 8, 15}, shade(l.skin, 0.93))
	if l.beard {
		fill(img, oval{cx, cy + 18, l.faceW * 1.02, l.faceH * 0.92}, l.hair)
	}
	fill(img, oval{cx, cy, l.faceW, l.faceH}, l.skin)
	if l.beard {
		fill(img, oval{cx, cy + l.faceH*0.72, l.faceW * 0.62, l.faceH * 0.3}, l.hair)
	}
	fill(img, oval{cx, cy - l.faceH*(1.02-l.hairLine*0.3), l.faceW * 0.9, l.faceH * l.hairLine * 0.8}, l.hair)
	for _, side := range []float64{-1, 1} {
		drawEye(img, cx+side*21, cy-6, l)
	}
	fill(img, oval{cx, cy + 14, 6, 11}, shade(l.skin, 0.9)) // nose
	fill(img, oval{cx, cy + 40, 17, 4.5}, shade(blend(l.skin, rgb(0xB0413E), 0.5), 0.9))
	fill(img, oval{cx, cy + 39, 17, 1}, shade(l.skin, 0.55))
	grain(img, r)
	return img
}

func drawEye(img *image.RGBA, x, y float64, l look) {
	fill(img, oval{x, y - 13, 13, 2.4}, shade(l.hair, 0.9))
	fill(img, oval{x, y, 11, 5.5}, rgb(0xF4F2EE))
	fill(img, oval{x, y, 5.2, 5.2}, l.iris)
	fill(img, oval{x, y, 2.4, 2.4}, rgb(0x0A0A0A))
	fill(img, oval{x - 1.6, y - 1.8, 1.1, 1.1}, rgb(0xFFFFFF))
	if l.glasses {
		ring(img, oval{x, y, 17, 14}, rgb(0x22262B))
	}
}

// oval is an ellipse on the canvas: its centre and its half axes.
type oval struct{ cx, cy, rx, ry float64 }

func (o oval) scaled() (cx, cy, rx, ry float64) {
	return o.cx * scale, o.cy * scale, o.rx * scale, o.ry * scale
}

// fill paints an oval with a soft edge of about a pixel, lit from the upper left.
func fill(img *image.RGBA, o oval, c color.RGBA) {
	cx, cy, rx, ry := o.scaled()
	for y := max(0, int(cy-ry-1)); y <= min(Height-1, int(cy+ry+1)); y++ {
		for x := max(0, int(cx-rx-1)); x <= min(Width-1, int(cx+rx+1)); x++ {
			dx, dy := (float64(x)-cx)/rx, (float64(y)-cy)/ry
			d := math.Hypot(dx, dy)
			cover := min(max((1-d)*min(rx, ry)+0.5, 0), 1)
			if cover > 0 {
				lit := shade(c, 1.04-0.10*d*d-0.06*dx-0.05*dy)
				img.SetRGBA(x, y, blend(img.RGBAAt(x, y), lit, cover))
			}
		}
	}
}

// ring draws the outline of an oval.
func ring(img *image.RGBA, o oval, c color.RGBA) {
	cx, cy, rx, ry := o.scaled()
	for y := int(cy - ry - 2); y <= int(cy+ry+2); y++ {
		for x := int(cx - rx - 2); x <= int(cx+rx+2); x++ {
			d := math.Abs(math.Hypot(float64(x)-cx, (float64(y)-cy)*rx/ry) - rx)
			img.SetRGBA(x, y, blend(img.RGBAAt(x, y), c, min(max(1.3-d, 0), 1)))
		}
	}
}

// grain is the noise of a camera: a drawing without any compresses to less than a photograph.
func grain(img *image.RGBA, r *rand.Rand) {
	for y := range Height {
		for x := range Width {
			img.SetRGBA(x, y, shade(img.RGBAAt(x, y), 1+0.003*r.NormFloat64()))
		}
	}
}

func shade(c color.RGBA, by float64) color.RGBA {
	at := func(v uint8) uint8 { return uint8(min(max(math.Round(float64(v)*by), 0), 255)) }
	return color.RGBA{at(c.R), at(c.G), at(c.B), 0xFF}
}

func blend(under, over color.RGBA, cover float64) color.RGBA {
	at := func(a, b uint8) uint8 { return uint8(math.Round(float64(a) + (float64(b)-float64(a))*cover)) }
	return color.RGBA{at(under.R, over.R), at(under.G, over.G), at(under.B, over.B), 0xFF}
}
