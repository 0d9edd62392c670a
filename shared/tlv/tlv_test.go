package tlv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pivot/shared/tlv"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNext(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		input string
		tag   tlv.Tag
		value string
	}{
		{"one-byte tag", "04 02 AABB", 0x04, "AABB"},
		{"empty value", "30 00", 0x30, ""},
		// ICAO 9303-10 §4.7.1: the MRZ data object of DG1.
		{"two-byte tag", "5F1F 01 50", 0x5F1F, "50"},
		// ICAO 9303-10 §4.7.11: number 14 in the long form.
		{"low number in the long form", "5F0E 01 41", 0x5F0E, "41"},
		{"three-byte tag", "7F8149 01 00", 0x7F8149, "00"},
		{"length 127", "80 7F" + strings.Repeat("11", 127), 0x80, strings.Repeat("11", 127)},
		{"length 128", "80 8180" + strings.Repeat("11", 128), 0x80, strings.Repeat("11", 128)},
		{"length 256", "80 820100" + strings.Repeat("11", 256), 0x80, strings.Repeat("11", 256)},
		{"length 65536", "80 83010000" + strings.Repeat("11", 65536), 0x80, strings.Repeat("11", 65536)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			input := unhex(t, tt.input)
			for _, c := range []tlv.Cursor{tlv.DER(input), tlv.BER(input)} {
				tag, value, err := c.Next()
				if err != nil || tag != tt.tag || !bytes.Equal(value, unhex(t, tt.value)) {
					t.Fatalf("got %v %X %v", tag, value, err)
				}
				if err := c.End(); err != nil {
					t.Error(err)
				}
			}
			if got := tlv.Append(nil, tt.tag, unhex(t, tt.value)); !bytes.Equal(got, input) {
				t.Errorf("Append gives %X", got)
			}
		})
	}
}

func TestNextRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		input    string
		der, ber error // nil when accepted
	}{
		{"nothing", "", tlv.ErrTruncated, tlv.ErrTruncated},
		{"tag alone", "30", tlv.ErrTruncated, tlv.ErrTruncated},
		{"half a tag", "5F", tlv.ErrTruncated, tlv.ErrTruncated},
		{"two thirds of a tag", "7F81", tlv.ErrTruncated, tlv.ErrTruncated},
		{"half a length", "30 82 01", tlv.ErrTruncated, tlv.ErrTruncated},
		{"length past the end", "30 05 01020304", tlv.ErrTruncated, tlv.ErrTruncated},
		{"16 MiB announced", "30 83FFFFFF 00", tlv.ErrTruncated, tlv.ErrTruncated},
		{"4 GiB announced", "30 84FFFFFFFF 00", tlv.ErrLength, tlv.ErrLength},
		{"2 GiB announced", "75 8480000000 00", tlv.ErrLength, tlv.ErrLength},
		{"five length octets", "30 850000000001 00", tlv.ErrLength, tlv.ErrLength},
		{"reserved length octet", "30 FF 00", tlv.ErrLength, tlv.ErrLength},
		{"indefinite length", "30 80 0000", tlv.ErrLength, tlv.ErrLength},
		{"endless tag", "1F FFFFFFFFFFFF", tlv.ErrTag, tlv.ErrTag},
		{"four-byte tag", "1F 818101 00", tlv.ErrTag, tlv.ErrTag},
		{"leading zero group in the tag", "1F 801F 00", tlv.ErrTag, tlv.ErrTag},
		{"end of contents", "0000", tlv.ErrTag, tlv.ErrTag},
		{"long form of a short length", "30 8101 00", tlv.ErrLength, nil},
		{"leading zero in the length", "30 8200FF" + strings.Repeat("00", 255), tlv.ErrLength, nil},
		{"four length octets", "30 8400000001 00", tlv.ErrLength, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			input := unhex(t, tt.input)
			der, ber := tlv.DER(input), tlv.BER(input)
			for _, r := range []struct {
				rule   string
				cursor *tlv.Cursor
				want   error
			}{{"DER", &der, tt.der}, {"BER", &ber, tt.ber}} {
				_, _, err := r.cursor.Next()
				if !errors.Is(err, r.want) {
					t.Errorf("%s: got %v, want %v", r.rule, err, r.want)
				}
				if err != nil && r.cursor.Empty() != (len(input) == 0) {
					t.Errorf("%s: a failed read moved the cursor", r.rule)
				}
			}
		})
	}
}

func TestReadAndEnd(t *testing.T) {
	t.Parallel()
	c := tlv.DER(unhex(t, "80 01 AA 82 00 FF"))
	if _, err := c.Read(0x81); !errors.Is(err, tlv.ErrTag) {
		t.Errorf("other tag: %v", err)
	}
	if v, err := c.Read(0x80); err != nil || !bytes.Equal(v, []byte{0xAA}) {
		t.Fatalf("after a refused read: %X %v", v, err)
	}
	if _, ok, err := c.ReadOptional(0x81); ok || err != nil {
		t.Errorf("absent element: %v %v", ok, err)
	}
	if tag, ok := c.Peek(); !ok || tag != 0x82 {
		t.Errorf("peek: %v %v", tag, ok)
	}
	if v, ok, err := c.ReadOptional(0x82); !ok || err != nil || len(v) != 0 {
		t.Errorf("present element: %X %v %v", v, ok, err)
	}
	if err := c.End(); !errors.Is(err, tlv.ErrTrailing) || c.Empty() {
		t.Errorf("trailing byte: %v", err)
	}
	truncated := tlv.DER(unhex(t, "82 05 00"))
	if _, ok, err := truncated.ReadOptional(0x82); ok || !errors.Is(err, tlv.ErrTruncated) {
		t.Errorf("truncated optional element: %v %v", ok, err)
	}
	if _, err := truncated.Read(0x82); !errors.Is(err, tlv.ErrTruncated) {
		t.Errorf("truncated element: %v", err)
	}
	var zero tlv.Cursor
	if _, ok := zero.Peek(); ok || !zero.Empty() || zero.End() != nil {
		t.Error("the zero cursor is not empty")
	}
}

// TestDepth reads an element nested 1000 deep, as a caller does: by a loop.
func TestDepth(t *testing.T) {
	t.Parallel()
	const depth = 1000
	var b []byte
	for range depth {
		b = tlv.Append(nil, 0x30, b)
	}
	got := 0
	for c := tlv.DER(b); !c.Empty(); got++ {
		v, err := c.Read(0x30)
		if err != nil {
			t.Fatal(err)
		}
		c = tlv.DER(v)
	}
	if got != depth {
		t.Errorf("depth %d", got)
	}
}

func TestValueCannotGrowIntoTheNext(t *testing.T) {
	t.Parallel()
	input := unhex(t, "80 01 AA 81 01 BB")
	c := tlv.DER(input)
	v, err := c.Read(0x80)
	if err != nil {
		t.Fatal(err)
	}
	_ = append(v, 0xFF)
	if !bytes.Equal(input, unhex(t, "80 01 AA 81 01 BB")) {
		t.Error("appending to a value changed the input")
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		prefix    string
		tag       tlv.Tag
		header, n int
		err       error
	}{
		{"DG1", "61 5D 5F1F 5A", 0x61, 2, 93, nil},
		{"SOD", "77 82 070D 30", 0x77, 4, 1805, nil},
		{"non-minimal DG2", "75 84 00003A98", 0x75, 6, 15000, nil},
		{"largest", "7F61 83 FFFFFF", 0x7F61, 6, 0xFFFFFF, nil},
		{"over the largest", "75 84 01000000", 0, 0, 0, tlv.ErrLength},
		{"2 GB", "75 84 80000000", 0, 0, 0, tlv.ErrLength},
		{"half a header", "77 82 07", 0, 0, 0, tlv.ErrTruncated},
		{"nothing", "", 0, 0, 0, tlv.ErrTruncated},
		{"erased file", "0000000000", 0, 0, 0, tlv.ErrTag},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tag, header, n, err := tlv.Header(unhex(t, tt.prefix))
			if tag != tt.tag || header != tt.header || n != tt.n || !errors.Is(err, tt.err) {
				t.Errorf("got %v %d %d %v", tag, header, n, err)
			}
		})
	}
}

func TestTag(t *testing.T) {
	t.Parallel()
	for tag, want := range map[tlv.Tag]string{0x04: "04", 0x30: "30", 0x5F1F: "5F1F", 0x7F49: "7F49"} {
		if got := fmt.Sprint(tag); got != want {
			t.Errorf("%v, want %s", got, want)
		}
		if got, want := tag.Constructed(), want == "30" || want == "7F49"; got != want {
			t.Errorf("%v constructed: %v", tag, got)
		}
	}
}

// ExampleCursor reads the domain parameters of an MSE:Set AT command.
func ExampleCursor() {
	c := tlv.DER([]byte{0x80, 0x02, 0x04, 0x00, 0x83, 0x01, 0x02})
	oid, err := c.Read(0x80)
	if err != nil {
		fmt.Println(err)
		return
	}
	password, err := c.Read(0x83)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%X %X %v\n", oid, password, c.End())
	// Output: 0400 02 <nil>
}

func fuzzSeeds(f *testing.F) {
	for _, s := range []string{
		"7C 12 80 10 95A3A016522EE98D01E76CB6B98B42C3", // ICAO 9303-11 appendix G.1
		"77 82 0003 300100", "5F0E 01 41", "7F49 00", "30 84 FFFFFFFF", "1F FF FF FF", "30 80 00 00", "75 84 00000001 00",
	} {
		f.Add(unhex(f, s))
	}
}

// FuzzCursor checks malleability: what the canonical cursor accepts is encoded
// back to the same bytes, and what it accepts the lenient one accepts too.
func FuzzCursor(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		der, ber := tlv.DER(b), tlv.BER(b)
		var again []byte
		for !der.Empty() {
			tag, value, err := der.Next()
			if err != nil {
				break
			}
			again = tlv.Append(again, tag, value)
			berTag, berValue, err := ber.Next()
			if err != nil || berTag != tag || !bytes.Equal(berValue, value) {
				t.Fatalf("BER differs from DER: %v %v", berTag, err)
			}
		}
		if !bytes.HasPrefix(b, again) || der.Empty() && len(again) != len(b) {
			t.Fatalf("%X was read and encodes to %X", b, again)
		}
		for !ber.Empty() {
			if _, _, err := ber.Next(); err != nil {
				return
			}
		}
	})
}

// FuzzHeader checks that a header agrees with the cursor and stays in bounds.
func FuzzHeader(f *testing.F) {
	fuzzSeeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		tag, header, n, err := tlv.Header(b)
		c := tlv.BER(b)
		if err != nil {
			if _, _, nextErr := c.Next(); nextErr == nil {
				t.Fatalf("the header of %X is refused and its element read: %v", b, err)
			}
			return
		}
		if header > 8 || header > len(b) || n < 0 || n > 0xFFFFFF {
			t.Fatalf("header %d, value %d", header, n)
		}
		gotTag, value, err := c.Next()
		if fits := header+n <= len(b); fits != (err == nil) {
			t.Fatalf("fits: %v, cursor: %v", fits, err)
		} else if fits && (gotTag != tag || len(value) != n) {
			t.Fatalf("header %v %d, cursor %v %d", tag, n, gotTag, len(value))
		}
	})
}
