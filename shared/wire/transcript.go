package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
)

// The domains: one for each meaning, with its version.
const (
	domainPair    = "pivot-pair/1"
	domainHop     = "pivot-hop/1"
	domainHopID   = "pivot-hop-id/1"
	domainCard    = "pivot-card/1"
	domainPIN     = "pivot-pin/1"
	domainDisplay = "pivot-display/1"
)

// Transcript is the SHA-256 of a domain and parts, each behind its length in four octets, big-endian: two different
// lists of parts, or two domains, never share their octets.
func Transcript(domain string, parts ...[]byte) [32]byte {
	return sha256.Sum256(transcript(domain, parts...))
}

// transcript is what is hashed.
func transcript(domain string, parts ...[]byte) []byte {
	size := 4 + len(domain)
	for _, p := range parts {
		size += 4 + len(p)
	}
	out := make([]byte, 0, size)
	out = binary.BigEndian.AppendUint32(out, uint32(len(domain)))
	out = append(out, domain...)
	for _, p := range parts {
		out = binary.BigEndian.AppendUint32(out, uint32(len(p)))
		out = append(out, p...)
	}
	return out
}

// ShortString is what the page and the app both show while pairing, "123 456": of the ceremony, the RFC 7638 thumbprint
// of the device's key (32 octets) and the broker's nonce. The nonce is chosen once the key is known, so that nobody can
// look for a key whose string is the one on another screen.
func ShortString(ceremony string, thumbprint, nonce []byte) string {
	digest := Transcript(domainPair, []byte(ceremony), thumbprint, nonce)
	n := binary.BigEndian.Uint64(digest[:8]) % 1_000_000
	return fmt.Sprintf("%03d %03d", n/1000, n%1000)
}

// HopID is how a hop is named: by a hash of a, which only the page's browser carries, so that the app knows the right one
// when it comes. It is base64url of 32 octets.
func HopID(a string) string {
	digest := Transcript(domainHopID, []byte(a))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

// HopProof is what the browser carries back from the app: HMAC-SHA-256 under the secret of [HopAnswer], 32 octets. a is
// the last part of the address that the page navigated to, port the one of 127.0.0.1.
func HopProof(secret []byte, ceremony, a, device string, port int) []byte {
	digest := Transcript(domainHop, []byte(ceremony), []byte(a), []byte(device), []byte(strconv.Itoa(port)))
	mac := hmac.New(sha256.New, secret)
	mac.Write(digest[:])
	return mac.Sum(nil)
}

// CardDigest is what an approval says of the card: one opening, its ephemeral key, and every response in its order.
func CardDigest(opening string, ephemeralPublic []byte, responses [][]byte) [32]byte {
	return Transcript(domainCard, append([][]byte{[]byte(opening), ephemeralPublic}, responses...)...)
}

// PINParts is what a PIN signature covers: one attempt of one ceremony.
type PINParts struct {
	Issuer, Device, Ceremony string
	Nonce                    []byte // of the ceremony, 32 octets
	Blinded                  []byte // of the attempt, 33 octets
	PublicKey                []byte // uncompressed point where a PIN is set; else empty
}

// PINTranscript is the message that the PIN key signs; ECDSA hashes it with SHA-256.
func PINTranscript(p PINParts) []byte {
	return transcript(domainPIN, []byte(p.Issuer), []byte(p.Device), []byte(p.Ceremony), p.Nonce, p.Blinded, p.PublicKey)
}

// Display is what the screen shows before the citizen approves, word for word.
type Display struct {
	Language, Service, Level string
	Claims                   []string // "Provider: Label", in order
	Browser, Place           string
}

// DisplayOf is what the screen must show of a request.
func DisplayOf(r Request) Display {
	d := Display{Language: r.Language, Service: r.Service.Name, Level: r.Level, Browser: r.Browser, Place: r.Place}
	for _, group := range r.Claims {
		for _, label := range group.Labels {
			d.Claims = append(d.Claims, group.Provider+": "+label)
		}
	}
	return d
}

// Digest is the [Transcript] of what was shown, in the order of the fields.
func (d Display) Digest() [32]byte {
	parts := [][]byte{[]byte(d.Language), []byte(d.Service), []byte(d.Level)}
	for _, claim := range d.Claims {
		parts = append(parts, []byte(claim))
	}
	return Transcript(domainDisplay, append(parts, []byte(d.Browser), []byte(d.Place))...)
}
