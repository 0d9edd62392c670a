package der_test

import (
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"testing"
	"time"

	"pivot/cardreader/cardsim/internal/der"
)

// TestAgainstStandardLibrary compares each kind of value with encoding/asn1.
func TestAgainstStandardLibrary(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)
	long, _ := new(big.Int).SetString("80000000000000000000000000000000", 16)
	tests := []struct {
		name string
		got  []byte
		want any
	}{
		{"oid", der.OID("0.4.0.127.0.7.2.2.4.2.4"), asn1.ObjectIdentifier{0, 4, 0, 127, 0, 7, 2, 2, 4, 2, 4}},
		{"oid with long arcs", der.OID("1.2.840.113549.1.1.11"), asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}},
		{"oid with a second arc over 39", der.OID("2.23.136.1.1.1"), asn1.ObjectIdentifier{2, 23, 136, 1, 1, 1}},
		{"zero", der.Int(0), 0},
		{"127", der.Int(127), 127},
		{"128", der.Int(128), 128},
		{"big", der.Integer(long), long},
		{"octets", der.Octets([]byte{1}, []byte{2, 3}), []byte{1, 2, 3}},
		{"bits", der.Bits([]byte{0xA5}), asn1.BitString{Bytes: []byte{0xA5}, BitLength: 8}},
		{"true", der.True(), true},
		{"null", der.Null(), asn1.NullRawValue},
		{"utc time", der.Time(at), at},
		{"generalized time", der.Time(at.AddDate(30, 0, 0)), at.AddDate(30, 0, 0)},
		{"sequence", der.Sequence(der.Int(1), der.True()), struct {
			A int
			B bool
		}{1, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want, err := asn1.Marshal(tt.want)
			if err != nil {
				t.Fatal(err)
			}
			if string(tt.got) != string(want) {
				t.Errorf("got %x, want %x", tt.got, want)
			}
		})
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"set is sorted", der.Set(der.Int(2), der.Int(1)), "3106020101020102"},
		{"explicit", der.Context(3, der.Null()), "a3020500"},
		{"long tag", der.Wrap(0x7F49, []byte{1}), "7f490101"},
		{"printable", der.Printable("FR"), "13024652"},
	}
	for _, tt := range tests {
		if got := hex.EncodeToString(tt.got); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestMalformedConstantPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	der.OID("1.two")
}
