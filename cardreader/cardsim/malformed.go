package cardsim

import (
	"slices"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/der"
)

// lengthFaults are files whose tags and lengths lie. All but the last are EF.SOD, which a reader takes first and a
// server parses first.
func lengthFaults() map[Fault]effect {
	sod := func(change func(file []byte) []byte) effect {
		return effect{tamper: func(d *draft) { d.files[chip.SOD] = change(d.files[chip.SOD]) }}
	}
	constant := func(b []byte) effect { return sod(func([]byte) []byte { return b }) }
	return map[Fault]effect{
		// Four times the bytes that are there.
		"tlv-past-end": sod(func(file []byte) []byte {
			return slices.Concat([]byte{0x77, 0x82, byte(len(file) >> 6), byte(len(file) << 2)}, file[4:])
		}),
		"tlv-four-gigabytes": constant(slices.Concat([]byte{0x77, 0x84, 0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 1000))),
		"tlv-endless-tag":    constant(slices.Concat([]byte{0x1F}, slices.Repeat([]byte{0xFF}, 1000))),
		"tlv-nested":         constant(der.Wrap(0x77, nested(1000))),
		"tlv-zero-length":    constant([]byte{0x77, 0x00}),
		"tlv-longer-file":    sod(func(file []byte) []byte { return slices.Concat(file, make([]byte, 512)) }),
		// Signed as it is: only its own length lies.
		"dg2-two-gigabytes": {fill: func(d *draft) {
			d.files[chip.DG(2)] = slices.Concat([]byte{0x75, 0x84, 0x80, 0, 0, 0}, make([]byte, 1000))
		}},
		"cardaccess-nested": {tamper: func(d *draft) { d.files[chip.CardAccess] = der.Set(nested(200)) }},
	}
}

// nested is a sequence in a sequence, and so on.
func nested(depth int) []byte {
	b := der.Null()
	for range depth {
		b = der.Sequence(b)
	}
	return b
}
