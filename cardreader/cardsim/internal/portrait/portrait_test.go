package portrait_test

import (
	"bytes"
	"flag"
	"image"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/mrjoshuak/go-jpeg2000"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/internal/portrait"
)

var update = flag.Bool("update", false, "draw and encode the portraits anew")

// Issued portraits take 13.8 to 15.1 kB with their headers.
const smallest, largest = 13 << 10, 14 << 10

// TestPortraits compares each embedded portrait with its drawing.
func TestPortraits(t *testing.T) {
	t.Parallel()
	for _, c := range cardsim.Citizens() {
		t.Run(c.Key, func(t *testing.T) {
			t.Parallel()
			img := portrait.Draw(c.Key)
			if *update {
				write(t, c.Key, encode(t, img))
				return
			}
			b, err := portrait.JPEG2000(c.Key)
			if err != nil {
				t.Fatal(err)
			}
			if len(b) < smallest || len(b) > largest {
				t.Errorf("%d bytes, want %d to %d", len(b), smallest, largest)
			}
			got, err := jpeg2000.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if d := distance(t, got, img); d > 12 {
				t.Errorf("the embedded portrait is %.1f away from the drawing, at most 12: go generate", d)
			}
		})
	}
}

// encode takes the best quality that stays under the largest size.
func encode(t *testing.T, img image.Image) []byte {
	t.Helper()
	var best []byte
	for quality := 1; quality <= 100; quality++ {
		options := jpeg2000.DefaultOptions()
		options.Lossless, options.Quality = false, quality
		var b bytes.Buffer
		if err := jpeg2000.Encode(&b, img, options); err != nil {
			t.Fatal(err)
		}
		if b.Len() > largest {
			break
		}
		best = b.Bytes()
	}
	if best == nil {
		t.Fatal("too large at any quality")
	}
	return best
}

func write(t *testing.T, key string, b []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join("jp2", key+".jp2"), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// distance is the root of the mean square of the differences of samples.
func distance(t *testing.T, a, b image.Image) float64 {
	t.Helper()
	if a.Bounds() != b.Bounds() {
		t.Fatalf("size %v, want %v", a.Bounds(), b.Bounds())
	}
	var sum float64
	for y := range portrait.Height {
		for x := range portrait.Width {
			r1, g1, b1, _ := a.At(x, y).RGBA()
			r2, g2, b2, _ := b.At(x, y).RGBA()
			for _, d := range []float64{float64(r1) - float64(r2), float64(g1) - float64(g2), float64(b1) - float64(b2)} {
				sum += d * d / (257 * 257)
			}
		}
	}
	return math.Sqrt(sum / (3 * portrait.Width * portrait.Height))
}

func TestDrawIsDeterministic(t *testing.T) {
	t.Parallel()
	if d := distance(t, portrait.Draw("helene"), portrait.Draw("helene")); d != 0 {
		t.Errorf("two drawings differ by %f", d)
	}
	if d := distance(t, portrait.Draw("helene"), portrait.Draw("noel")); d < 5 {
		t.Errorf("two citizens look alike: %f", d)
	}
}

func TestJPEG2000UnknownCitizen(t *testing.T) {
	t.Parallel()
	if _, err := portrait.JPEG2000("nobody"); err == nil {
		t.Error("a portrait of nobody")
	}
}
