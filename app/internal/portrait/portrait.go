// Package portrait turns the facial image of a document into pixels. The image comes from a chip, which may not be
// genuine yet: it is bounded before it is decoded, and a decoder that fails or lingers costs the picture only.
package portrait

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"time"

	"github.com/mrjoshuak/go-jpeg2000"

	"pivot/shared/mrtd"
)

// Bounds of an image: ISO 19794-5 portraits are about 413 by 531 pixels.
const (
	maxSide  = 2048
	maxBytes = 64 << 10
	patience = 10 * time.Second
)

// Errors.
var (
	ErrTooLarge    = errors.New("portrait: image out of bounds")
	ErrUnreadable  = errors.New("portrait: image cannot be decoded")
	ErrUnsupported = errors.New("portrait: image format not supported")
)

// Decode returns the pixels of a portrait, JPEG or JPEG 2000. Errors: ErrTooLarge, ErrUnsupported, ErrUnreadable, or the
// context's.
func Decode(ctx context.Context, p mrtd.Portrait) (image.Image, error) {
	if len(p.Data) > maxBytes {
		return nil, ErrTooLarge
	}
	width, height, err := dimensions(p)
	if err != nil {
		return nil, err
	}
	if width <= 0 || height <= 0 || width > maxSide || height > maxSide {
		return nil, ErrTooLarge
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type result struct {
		img image.Image
		err error
	}
	done := make(chan result, 1)
	go func() {
		img, err := decode(p)
		done <- result{img, err}
	}()
	select {
	case r := <-done:
		return r.img, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// decode contains the decoder: JPEG 2000 is a large grammar and its library is young, so a panic in it becomes an error.
func decode(p mrtd.Portrait) (img image.Image, err error) {
	defer func() {
		if r := recover(); r != nil {
			img, err = nil, fmt.Errorf("%w: decoder failed", ErrUnreadable)
		}
	}()
	switch p.Format {
	case mrtd.JPEG:
		img, err = jpeg.Decode(bytes.NewReader(p.Data))
	case mrtd.JPEG2000:
		img, err = jpeg2000.Decode(bytes.NewReader(p.Data))
	default:
		return nil, ErrUnsupported
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	return img, nil
}

// dimensions reads the size that an image announces, before any pixel is allocated.
func dimensions(p mrtd.Portrait) (width, height int, err error) {
	defer func() {
		if r := recover(); r != nil {
			width, height, err = 0, 0, fmt.Errorf("%w: decoder failed", ErrUnreadable)
		}
	}()
	switch p.Format {
	case mrtd.JPEG:
		c, err := jpeg.DecodeConfig(bytes.NewReader(p.Data))
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		return c.Width, c.Height, nil
	case mrtd.JPEG2000:
		m, err := jpeg2000.DecodeMetadata(bytes.NewReader(p.Data))
		if err != nil {
			return 0, 0, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		if m.NumComponents > 4 {
			return 0, 0, ErrTooLarge
		}
		return m.Width, m.Height, nil
	}
	return 0, 0, ErrUnsupported
}
