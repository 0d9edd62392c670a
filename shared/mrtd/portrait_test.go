package mrtd_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

var (
	jpeg = unhex("FFD8FFE000104A464946")
	jp2  = append(unhex("0000000C6A5020200D0A870A"), "rest of the file"...)
	j2c  = unhex("FF4FFF51002F0000")
)

// face is a facial record; one changed field is a row of the tables below.
type face struct {
	magic          string
	images         [][]byte
	count          int // announced images
	extra          int // added to the announced length of the record
	imageExtra     int // added to the announced length of the first image
	points         int // announced feature points
	actual         int // feature points that are there
	width, height  int
	tail           []byte
	tag            tlv.Tag
	templates      int // announced
	header, record []byte
}

func baseFace() face {
	return face{magic: "FAC\x00010\x00", images: [][]byte{jp2}, count: 1, width: 413, height: 531, tag: 0x5F2E, templates: 1, header: unhex("800201018702010188020008")}
}

func (f face) image(data []byte, extra int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(f.points))
	b = append(b, make([]byte, 14+8*f.actual)...)
	b = append(b, 1, 1)
	b = binary.BigEndian.AppendUint16(b, uint16(f.width))
	b = binary.BigEndian.AppendUint16(b, uint16(f.height))
	b = append(append(b, make([]byte, 6)...), data...)
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b)+4+extra)), b...)
}

func (f face) file() []byte {
	var images []byte
	for i, data := range f.images {
		extra := 0
		if i == 0 {
			extra = f.imageExtra
		}
		images = append(images, f.image(data, extra)...)
	}
	record := binary.BigEndian.AppendUint32([]byte(f.magic), uint32(len(f.magic)+6+len(images)+f.extra))
	record = binary.BigEndian.AppendUint16(record, uint16(f.count))
	record = concat(record, images, f.tail)
	if f.record != nil {
		record = f.record
	}
	template := element(0x7F60, element(0xA1, f.header), element(f.tag, record))
	return element(0x75, element(0x7F61, element(0x02, []byte{byte(f.templates)}), template))
}

func TestPortrait(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		change func(*face)
		format mrtd.ImageFormat
		data   []byte
	}{
		{"base", func(*face) {}, mrtd.JPEG2000, jp2},
		{"jpeg", func(f *face) { f.images = [][]byte{jpeg} }, mrtd.JPEG, jpeg},
		{"bare codestream", func(f *face) { f.images = [][]byte{j2c} }, mrtd.JPEG2000, j2c},
		{"feature points", func(f *face) { f.points, f.actual = 3, 3 }, mrtd.JPEG2000, jp2},
		{"first of two", func(f *face) { f.images, f.count = [][]byte{jpeg, jp2}, 2 }, mrtd.JPEG, jpeg},
		{"other tag of the record", func(f *face) { f.tag = 0x7F2E }, mrtd.JPEG2000, jp2},
		{"empty header", func(f *face) { f.header = nil }, mrtd.JPEG2000, jp2},
		{"large image", func(f *face) { f.images[0] = concat(jpeg, make([]byte, 60<<10)) }, mrtd.JPEG, concat(jpeg, make([]byte, 60<<10))},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			f := baseFace()
			row.change(&f)
			p, err := mrtd.ParseDG2(f.file())
			if err != nil {
				t.Fatal(err)
			}
			if p.Format != row.format || !bytes.Equal(p.Data, row.data) || p.Width != 413 || p.Height != 531 {
				t.Errorf("%v", p)
			}
		})
	}
}

func TestPortraitRefused(t *testing.T) {
	t.Parallel()
	base := baseFace()
	if _, err := mrtd.ParseDG2(base.file()); err != nil {
		t.Fatalf("base: %v", err)
	}
	for name, change := range map[string]func(*face){
		"other magic":                   func(f *face) { f.magic = "FIR\x00010\x00" },
		"other version":                 func(f *face) { f.magic = "FAC\x00020\x00" },
		"record announces more":         func(f *face) { f.extra = 1 },
		"record announces less":         func(f *face) { f.extra = -1 },
		"record announces two GB":       func(f *face) { f.extra = 1 << 31 },
		"record has a tail":             func(f *face) { f.tail, f.extra = []byte{0}, 1 },
		"image announces more":          func(f *face) { f.imageExtra = 1 },
		"image announces less":          func(f *face) { f.imageExtra = -1 },
		"image announces two GB":        func(f *face) { f.imageExtra = 1 << 31 },
		"image announces four GB":       func(f *face) { f.imageExtra = -1000 },
		"no image announced":            func(f *face) { f.count = 0 },
		"one image more than there are": func(f *face) { f.count = 2 },
		"65535 images":                  func(f *face) { f.count = 65535 },
		"65535 feature points":          func(f *face) { f.points = 65535 },
		"one feature point too many":    func(f *face) { f.points, f.images = 1, [][]byte{{0xFF}} },
		"image of another kind":         func(f *face) { f.images = [][]byte{[]byte("GIF89a, not a portrait")} },
		"second image of another kind":  func(f *face) { f.images, f.count = [][]byte{jp2, []byte("GIF89a")}, 2 },
		"empty image":                   func(f *face) { f.images = [][]byte{{}} },
		"empty record":                  func(f *face) { f.record = []byte{} },
		"record of three bytes":         func(f *face) { f.record = []byte("FAC") },
		"other tag of the record":       func(f *face) { f.tag = 0x5F2D },
		"no template announced":         func(f *face) { f.templates = 0 },
		"one template more":             func(f *face) { f.templates = 2 },
		"255 templates":                 func(f *face) { f.templates = 255 },
		"malformed header":              func(f *face) { f.header = unhex("8005") },
		"header of many parts":          func(f *face) { f.header = bytes.Repeat(unhex("8000"), 40) },
		"larger than bound":             func(f *face) { f.images[0] = concat(jp2, make([]byte, 300<<10)) },
	} {
		f := baseFace()
		change(&f)
		if p, err := mrtd.ParseDG2(f.file()); err == nil || p.Data != nil {
			t.Errorf("%s: accepted %v, %v", name, p, err)
		}
	}
}

// TestPortraitContainerRefused changes what is around the record.
func TestPortraitContainerRefused(t *testing.T) {
	t.Parallel()
	record := element(0x5F2E, []byte("FAC\x00"))
	header, count := element(0xA1), element(0x02, []byte{1})
	for name, file := range map[string][]byte{
		"empty":              nil,
		"empty group":        element(0x75, element(0x7F61)),
		"no group":           element(0x75),
		"no count":           element(0x75, element(0x7F61, element(0x7F60, header, record))),
		"no header":          element(0x75, element(0x7F61, count, element(0x7F60, record))),
		"no record":          element(0x75, element(0x7F61, count, element(0x7F60, header))),
		"tail in a template": element(0x75, element(0x7F61, count, element(0x7F60, header, record, record))),
		"tail in the group":  element(0x75, element(0x7F61, count, element(0x7F60, header, record), count)),
		"tail in the file":   append(baseFace().file(), 0),
		"count of two bytes": element(0x75, element(0x7F61, element(0x02, []byte{0, 1}), element(0x7F60, header, record))),
		"two GB announced":   unhex("75847FFFFFFF7F61847FFFFFF0"),
		"four GB announced":  unhex("7584FFFFFFFF7F61847FFFFFF0"),
		"indefinite":         concat(unhex("7580"), baseFace().file()[2:], unhex("0000")),
		"nested a thousand":  nested(1000),
	} {
		if p, err := mrtd.ParseDG2(file); err == nil {
			t.Errorf("%s: accepted %v", name, p)
		}
	}
	// Issued files have lengths that are not minimal: those are read.
	if p, err := mrtd.ParseDG2(longLength(baseFace().file())); err != nil || !bytes.Equal(p.Data, jp2) {
		t.Errorf("length of four octets: %v, %v", p, err)
	}
}

func nested(depth int) []byte {
	var b []byte
	for range depth {
		b = element(0x75, b)
	}
	return b
}

// TestNewerPortrait: ISO/IEC 39794-5 has a constructed record, or templates of
// another shape. It is told apart from a malformed file.
func TestNewerPortrait(t *testing.T) {
	t.Parallel()
	newer := baseFace()
	newer.tag, newer.record = 0x7F2E, element(0x65, element(0xA0, unhex("8001038102 07E3")))
	for name, file := range map[string][]byte{
		"constructed record": newer.file(),
		"header in front":    element(0x75, element(0x7F61, element(0xA1, unhex("800101")))),
	} {
		if _, err := mrtd.ParseDG2(file); !errors.Is(err, mrtd.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := mrtd.ParseDG2(nil); errors.Is(err, mrtd.ErrUnsupported) {
		t.Errorf("empty file: %v", err)
	}
}

// TestPortraitAllocatesNothing: an announced size is never allocated.
func TestPortraitAllocatesNothing(t *testing.T) {
	f := baseFace()
	f.imageExtra = 1 << 31
	file := f.file()
	if n := testing.AllocsPerRun(10, func() { _, _ = mrtd.ParseDG2(file) }); n > 8 {
		t.Errorf("%v allocations", n)
	}
}

func TestPortraitPrints(t *testing.T) {
	t.Parallel()
	p, err := mrtd.ParseDG2(baseFace().file())
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"%v", "%#v"} {
		if s := fmt.Sprintf(format, p); !strings.Contains(s, "JPEG 2000, 413x531 announced, 28 bytes") {
			t.Errorf("%s prints %q", format, s)
		}
	}
}
