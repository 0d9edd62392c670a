package mrtd_test

import (
	"bytes"
	"crypto"
	encodingasn1 "encoding/asn1"
	"encoding/hex"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"pivot/shared/mrtd"
	"pivot/shared/tlv"
)

// What follows writes DER for the tables: the parsers are given structures that
// were built apart from them.

func element(tag tlv.Tag, parts ...[]byte) []byte {
	return tlv.Append(nil, tag, bytes.Join(parts, nil))
}

func seq(parts ...[]byte) []byte     { return element(0x30, parts...) }
func setOf(parts ...[]byte) []byte   { return element(0x31, parts...) }
func octets(parts ...[]byte) []byte  { return element(0x04, parts...) }
func ctx0(parts ...[]byte) []byte    { return element(0xA0, parts...) }
func null() []byte                   { return element(0x05) }
func bits(content []byte) []byte     { return element(0x03, []byte{0}, content) }
func printable(s string) []byte      { return element(0x13, []byte(s)) }
func integer(n int64) []byte         { return marshal(big.NewInt(n)) }
func unsigned(big2 []byte) []byte    { return marshal(new(big.Int).SetBytes(big2)) }
func concat(parts ...[]byte) []byte  { return bytes.Join(parts, nil) }
func digestAlg(dotted string) []byte { return seq(oid(dotted), null()) }

func oid(dotted string) []byte {
	var arcs encodingasn1.ObjectIdentifier
	for arc := range strings.SplitSeq(dotted, ".") {
		n, err := strconv.Atoi(arc)
		if err != nil {
			panic("internal error: " + dotted)
		}
		arcs = append(arcs, n)
	}
	return marshal(arcs)
}

func marshal[T *big.Int | encodingasn1.ObjectIdentifier](v T) []byte {
	der, err := encodingasn1.Marshal(v)
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return der
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic("internal error: " + s)
	}
	return b
}

// indefinite rewrites a definite constructed element of short or long length as
// one of indefinite length, which BER allows.
func indefinite(der []byte) []byte {
	tag, header, length, err := tlv.Header(der)
	if err != nil || tag > 0xFF {
		panic("internal error: not a simple element")
	}
	return concat([]byte{byte(tag), 0x80}, der[header:header+length], []byte{0, 0})
}

// longLength rewrites an element with a length of four octets.
func longLength(der []byte) []byte {
	tag, header, length, err := tlv.Header(der)
	if err != nil || tag > 0xFF {
		panic("internal error: not a simple element")
	}
	return concat([]byte{byte(tag), 0x84, 0, 0, byte(length >> 8), byte(length)}, der[header:])
}

func TestHashOf(t *testing.T) {
	t.Parallel()
	for dotted, want := range map[string]crypto.Hash{
		"1.3.14.3.2.26":          crypto.SHA1,
		"2.16.840.1.101.3.4.2.4": crypto.SHA224,
		"2.16.840.1.101.3.4.2.1": crypto.SHA256,
		"2.16.840.1.101.3.4.2.2": crypto.SHA384,
		"2.16.840.1.101.3.4.2.3": crypto.SHA512,
	} {
		if got, ok := mrtd.HashOf(dotted); !ok || got != want {
			t.Errorf("%s: got %v %v, want %v", dotted, got, ok, want)
		}
	}
	for _, dotted := range []string{"", "1.2.840.113549.2.5", "2.16.840.1.101.3.4.2.8"} { // MD5, SHA3-256
		if got, ok := mrtd.HashOf(dotted); ok || got != 0 {
			t.Errorf("%s: got %v", dotted, got)
		}
	}
}
