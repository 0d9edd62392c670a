package lds

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"pivot/cardreader/cardsim/internal/chip"
	"pivot/cardreader/cardsim/internal/der"
	"pivot/shared/tlv"
)

// COM lists the data groups, by their tags, for LDS 1.8 and Unicode 4.0 (ICAO 9303-10 §4.6.1).
func COM(groups []int) []byte {
	var tags []byte
	for _, n := range groups {
		tags = append(tags, groupTag(n))
	}
	return der.Wrap(0x60, der.Wrap(0x5F01, []byte("0108")), der.Wrap(0x5F36, []byte("040000")), der.Wrap(0x5C, tags))
}

// groupTag is the tag of a data group's file (ICAO 9303-10 table 35).
func groupTag(n int) byte {
	return []byte{0x61, 0x75, 0x63, 0x76, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6C, 0x6D, 0x6E, 0x6F, 0x70}[n-1]
}

// DG2 wraps a JPEG 2000 portrait in an ISO/IEC 19794-5 record and a CBEFF template (ICAO 9303-10 §4.7.2).
func DG2(jp2 []byte, width, height int) []byte {
	image := binary.BigEndian.AppendUint16([]byte{1, 1}, uint16(width)) // full frontal, JPEG 2000
	image = binary.BigEndian.AppendUint16(image, uint16(height))
	image = append(image, 1, 2, 0, 0, 0, 0)                                     // sRGB, static, no device, no quality
	facial := append(make([]byte, 4), slices.Repeat([]byte{0}, 16)...)          // no features, nothing specified
	binary.BigEndian.PutUint32(facial, uint32(len(facial)+len(image)+len(jp2))) //
	record := []byte("FAC\x00010\x00")                                          //
	record = binary.BigEndian.AppendUint32(record, uint32(14+len(facial)+len(image)+len(jp2)))
	record = append(record, 0, 1) // one image
	record = slices.Concat(record, facial, image, jp2)
	header := der.Wrap(0xA1,
		der.Wrap(0x80, []byte{1, 1}), der.Wrap(0x81, []byte{2}), // version, facial features
		der.Wrap(0x87, []byte{1, 1}), der.Wrap(0x88, []byte{0, 8}), // ISO/IEC JTC 1/SC 37, face image
	)
	template := der.Wrap(0x7F60, header, der.Wrap(0x5F2E, record))
	return der.Wrap(0x75, der.Wrap(0x7F61, der.Int(1), template))
}

// National is what the French DG13 holds. Its layout is observed on cards, not published.
type National struct {
	Height     int      // centimetres
	Address    []string // street, postcode, town, country code, country
	BirthPlace []string // town, then department or country
}

// DG13 writes the French national data: ISO 8859-1, fillers between parts, padded with NUL.
func DG13(n National) []byte {
	return der.Wrap(0x6D,
		der.Wrap(0x5C, []byte{0x9F, 0x01, 0x9F, 0x03, 0x9F, 0x04, 0x9F, 0x07}),
		der.Wrap(0x9F01, []byte(strconv.Itoa(n.Height))),
		der.Wrap(0x9F03, padded(address(n.Address), 120)),
		der.Wrap(0x9F04, padded("", 8)),
		der.Wrap(0x9F07, padded("<"+strings.Join(n.BirthPlace, "<"), 60)),
	)
}

// address has two fillers between street and postcode, one elsewhere.
func address(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return "<" + parts[0] + "<<" + strings.Join(parts[1:], "<")
}

// padded is ISO 8859-1; letters that it lacks are spelled.
func padded(s string, n int) []byte {
	var out []byte
	for _, r := range strings.ToUpper(s) {
		switch {
		case r == 'Ÿ':
			out = append(out, 'Y')
		case r <= 0xFF:
			out = append(out, byte(r))
		default:
			out = append(out, spelled(r)...)
		}
	}
	return append(out, make([]byte, max(n-len(out), 0))...)
}

// CardAccess announces the PACE protocols (ICAO 9303-11 §9.2.1).
func CardAccess(protocols []chip.PACE) []byte { return der.Set(paceInfos(protocols)...) }

// DG14 repeats them, signed, with the Chip Authentication protocol and key (ICAO 9303-11 §9.2.5, §9.2.6). The point is
// written as it is given.
func DG14(protocols []chip.PACE, key chip.ChipKey, point []byte) []byte {
	infos := append(paceInfos(protocols),
		der.Sequence(der.OID(key.OID()), der.Int(1)),
		der.Sequence(der.OID("0.4.0.127.0.7.2.2.1.2"), key.Curve.PublicKeyInfo(point, true)),
	)
	return der.Wrap(0x6E, der.Set(infos...))
}

func paceInfos(protocols []chip.PACE) [][]byte {
	var out [][]byte
	for _, p := range protocols {
		out = append(out, der.Sequence(der.OID(p.OID()), der.Int(2), der.Int(int64(p.Curve.ParameterID))))
	}
	return out
}

// Sealed is a data group that no one here can read: its tag and bytes without meaning.
func Sealed(n int, content []byte) []byte { return der.Wrap(tlv.Tag(groupTag(n)), content) }
