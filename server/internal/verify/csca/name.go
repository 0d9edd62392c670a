package csca

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxAttributes bounds the attributes of a name; country signing authorities use
// three to six.
const maxAttributes = 32

// Attribute types, RFC 4519.
const (
	oidCommonName         oid = "\x55\x04\x03"
	oidSerialNumber       oid = "\x55\x04\x05"
	oidCountry            oid = "\x55\x04\x06"
	oidLocality           oid = "\x55\x04\x07"
	oidState              oid = "\x55\x04\x08"
	oidOrganization       oid = "\x55\x04\x0a"
	oidOrganizationalUnit oid = "\x55\x04\x0b"
)

// String types of X.520 that cryptobyte does not name.
const (
	tagTeletex = asn1.Tag(20)
	tagIA5     = asn1.Tag(22)
)

// A name is a distinguished name. Two names are the same when their keys are.
type name struct {
	raw     []byte // whole element
	key     string // what name chaining compares, RFC 5280 §7.1
	text    string // for people: "C=FR, O=Gouv, CN=eID-FRANCE"
	country string // upper case; "" unless there is exactly one country attribute
}

// readName reads a Name that has at least one attribute.
//
//	Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { type OID, value ANY }
func readName(s *cryptobyte.String, out *name) bool {
	var element, rdns cryptobyte.String
	if !s.ReadASN1Element(&element, asn1.SEQUENCE) {
		return false
	}
	out.raw = element
	var key, text strings.Builder
	count, countries := 0, 0
	if !element.ReadASN1(&rdns, asn1.SEQUENCE) {
		return false
	}
	for !rdns.Empty() {
		var rdn cryptobyte.String
		if !rdns.ReadASN1(&rdn, asn1.SET) || rdn.Empty() {
			return false
		}
		key.WriteByte('/')
		for !rdn.Empty() {
			var a attribute
			if count++; count > maxAttributes || !readAttribute(&rdn, &a) {
				return false
			}
			if a.kind == oidCountry {
				countries++
				out.country = strings.ToUpper(a.value)
			}
			a.describe(&key, &text)
		}
	}
	if countries != 1 || !isCountry(out.country) {
		out.country = ""
	}
	out.key, out.text = key.String(), text.String()
	return count > 0
}

// isCountry accepts the two letters of ISO 3166-1, and the three of ICAO 9303-3
// §5 that a few issuers write.
func isCountry(s string) bool {
	for _, r := range s {
		if r < 'A' || r > 'Z' {
			return false
		}
	}
	return len(s) == 2 || len(s) == 3
}

type attribute struct {
	kind  oid
	tag   asn1.Tag
	raw   []byte // content octets of the value
	text  bool   // the value is text that can be compared as such
	value string // the text, or the raw octets
}

func readAttribute(s *cryptobyte.String, out *attribute) bool {
	var seq, value cryptobyte.String
	if !s.ReadASN1(&seq, asn1.SEQUENCE) || !readOID(&seq, &out.kind) ||
		!seq.ReadAnyASN1(&value, &out.tag) || !seq.Empty() {
		return false
	}
	out.raw, out.value = value, string(value)
	switch out.tag {
	case asn1.UTF8String:
		out.text = utf8.ValidString(out.value)
	case asn1.PrintableString, tagTeletex, tagIA5:
		out.text = isASCII(out.value)
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// describe adds the attribute to the key of its name, and to its text. Keys are
// injective up to case, blanks and string type: each part carries its length.
// Issuers differ in those between a root's subject and a signer's issuer.
func (a attribute) describe(key, text *strings.Builder) {
	tag, value := byte(a.tag), string(a.raw)
	if a.text {
		tag, value = byte(asn1.UTF8String), strings.ToLower(strings.Join(strings.Fields(a.value), " "))
	}
	part := []byte{tag}
	part = binary.BigEndian.AppendUint32(part, uint32(len(a.kind)))
	part = append(part, a.kind...)
	part = binary.BigEndian.AppendUint32(part, uint32(len(value)))
	key.Write(append(part, value...))

	if text.Len() > 0 {
		text.WriteString(", ")
	}
	text.WriteString(attributeLabel(a.kind))
	text.WriteByte('=')
	if !a.text {
		fmt.Fprintf(text, "#%x", a.raw)
		return
	}
	for _, r := range a.value {
		switch {
		case r == ',' || r == '=' || r == '\\' || r == '+':
			text.WriteByte('\\')
			text.WriteRune(r)
		case unicode.IsPrint(r):
			text.WriteRune(r)
		default:
			fmt.Fprintf(text, "\\u%04x", r)
		}
	}
}

func attributeLabel(kind oid) string {
	switch kind {
	case oidCommonName:
		return "CN"
	case oidSerialNumber:
		return "serialNumber"
	case oidCountry:
		return "C"
	case oidLocality:
		return "L"
	case oidState:
		return "ST"
	case oidOrganization:
		return "O"
	case oidOrganizationalUnit:
		return "OU"
	}
	return fmt.Sprintf("#%x", string(kind))
}
