package portrait_test

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"testing"

	"github.com/mrjoshuak/go-jpeg2000"

	"pivot/app/internal/portrait"
	"pivot/shared/mrtd"
)

func picture(width, height int) image.Image {
	img := image.NewGray(image.Rect(0, 0, width, height))
	for i := range img.Pix {
		img.Pix[i] = byte(i)
	}
	img.Set(0, 0, color.White)
	return img
}

func asJPEG(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG2000(tb testing.TB, img image.Image) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := jpeg2000.Encode(&b, img, nil); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func TestDecode(t *testing.T) {
	t.Parallel()
	small := picture(40, 50)
	for _, tc := range []struct {
		name string
		in   mrtd.Portrait
		want error
	}{
		{"JPEG", mrtd.Portrait{Format: mrtd.JPEG, Data: asJPEG(t, small)}, nil},
		{"JPEG 2000", mrtd.Portrait{Format: mrtd.JPEG2000, Data: asJPEG2000(t, small)}, nil},
		{"no format", mrtd.Portrait{Data: asJPEG(t, small)}, portrait.ErrUnsupported},
		{"one for the other", mrtd.Portrait{Format: mrtd.JPEG2000, Data: asJPEG(t, small)}, portrait.ErrUnreadable},
		{"truncated JPEG", mrtd.Portrait{Format: mrtd.JPEG, Data: asJPEG(t, small)[:30]}, portrait.ErrUnreadable},
		{"truncated JPEG 2000", mrtd.Portrait{Format: mrtd.JPEG2000, Data: asJPEG2000(t, small)[:60]}, portrait.ErrUnreadable},
		{"nothing", mrtd.Portrait{Format: mrtd.JPEG2000}, portrait.ErrUnreadable},
		{"too many bytes", mrtd.Portrait{Format: mrtd.JPEG, Data: make([]byte, 1<<17)}, portrait.ErrTooLarge},
		{"too many pixels", mrtd.Portrait{Format: mrtd.JPEG, Data: asJPEG(t, picture(3000, 8))}, portrait.ErrTooLarge},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			img, err := portrait.Decode(t.Context(), tc.in)
			if !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			if err == nil && img.Bounds().Size() != small.Bounds().Size() {
				t.Errorf("decodes to %v", img.Bounds())
			}
		})
	}
}

// TestHugeAnnouncement has a JPEG 2000 header announce two thousand million pixels.
func TestHugeAnnouncement(t *testing.T) {
	t.Parallel()
	data := asJPEG2000(t, picture(40, 50))
	siz := bytes.Index(data, []byte{0xFF, 0x51})
	if siz < 0 {
		t.Fatal("no SIZ marker")
	}
	copy(data[siz+6:], []byte{0x00, 0x00, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0xFF}) // Xsiz, Ysiz
	if _, err := portrait.Decode(t.Context(), mrtd.Portrait{Format: mrtd.JPEG2000, Data: data}); !errors.Is(err, portrait.ErrTooLarge) && !errors.Is(err, portrait.ErrUnreadable) {
		t.Errorf("error %v", err)
	}
}

func TestDecodeGivesUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	// Either the picture or the context's error: never a hang.
	img, err := portrait.Decode(ctx, mrtd.Portrait{Format: mrtd.JPEG, Data: asJPEG(t, picture(40, 50))})
	if (img == nil) == (err == nil) {
		t.Errorf("picture %v, error %v", img != nil, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(asJPEG2000(f, picture(16, 16)))
	f.Add([]byte{0xFF, 0x4F, 0xFF, 0x51})
	f.Fuzz(func(t *testing.T, data []byte) {
		img, err := portrait.Decode(t.Context(), mrtd.Portrait{Format: mrtd.JPEG2000, Data: data})
		if (img == nil) == (err == nil) {
			t.Errorf("picture %v, error %v", img != nil, err)
		}
	})
}
