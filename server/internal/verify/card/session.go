package card

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"pivot/shared/sm"
)

// Session is what the server keeps between a challenge and its answer: the keys that it shares with the genuine chip,
// and what was asked. It is secret, and good for one judgement: the store seals it and lets it be taken once.
type Session struct {
	keys     sm.Keys
	reads    []read
	groups   map[int][]byte
	digest   crypto.Hash
	country  string // of the signer
	recalled bool
	memory   []byte
	opening  string // names the challenge
	public   []byte // ephemeral key that the chip was given
	spent    bool   // judged: never written, for a spent session is not kept
}

// Format redacts for every verb.
func (s Session) Format(f fmt.State, _ rune) { redact(f, "Session") }

// LogValue implements [slog.LogValuer], redacted.
func (s Session) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(s)) }

const sessionVersion = 2

var (
	errSession = errors.New("card: not a session")
	errSpent   = errors.New("card: session judged already")
)

// Marshal encodes the session for the store to seal. The encoding is versioned and read by [Resume] alone.
func (s *Session) Marshal() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(sessionVersion)
	b.AddUint8(flag(s.recalled))
	addBytes(b, s.keys.Marshal())
	addBytes(b, []byte(s.country))
	b.AddUint8(uint8(s.digest))
	addGroups(b, s.groups)
	b.AddUint16(uint16(len(s.reads)))
	for _, r := range s.reads {
		b.AddUint8(uint8(r.group))
		b.AddUint24(uint32(r.offset))
		b.AddUint24(uint32(r.length))
	}
	addBytes(b, s.memory)
	addBytes(b, []byte(s.opening))
	addBytes(b, s.public)
	return b.BytesOrPanic()
}

// Resume reads what [Session.Marshal] wrote. Errors: anything else.
func Resume(raw []byte) (*Session, error) {
	in := cryptobyte.String(raw)
	var version, recalled, digest uint8
	var keys, country, memory []byte
	s := &Session{}
	if !in.ReadUint8(&version) || version != sessionVersion || !in.ReadUint8(&recalled) || recalled > 1 ||
		!readBytes(&in, &keys) || !readBytes(&in, &country) || !in.ReadUint8(&digest) || !readGroups(&in, &s.groups) ||
		!readReads(&in, &s.reads) || !readBytes(&in, &memory) ||
		!readAsked(&in, s) || !in.Empty() {
		return nil, errSession
	}
	s.country, s.recalled, s.digest, s.memory = string(country), recalled == 1, crypto.Hash(digest), memory
	var err error
	if s.keys, err = sm.ParseKeys(keys); err != nil {
		return nil, fmt.Errorf("%w: %w", errSession, err)
	}
	if !s.sound() {
		return nil, errSession
	}
	return s, nil
}

// mostPublic is the length of a point on the widest curve.
const mostPublic = 1 + 2*66

// sound reports whether there is a signed digest for every read, and a challenge that could have been given.
func (s *Session) sound() bool {
	if len(s.opening) > mostOpening || len(s.public) == 0 || len(s.public) > mostPublic {
		return false
	}
	return strong(s.digest) && !slices.ContainsFunc(s.reads, func(r read) bool {
		return len(s.groups[r.group]) != s.digest.Size()
	})
}

// readAsked reads what named the challenge and the key that the chip was given.
func readAsked(in *cryptobyte.String, out *Session) bool {
	var opening []byte
	if !readBytes(in, &opening) || !readBytes(in, &out.public) {
		return false
	}
	out.opening = string(opening)
	return true
}

func readReads(in *cryptobyte.String, out *[]read) bool {
	var n uint16
	if !in.ReadUint16(&n) || n == 0 || n > mostReads {
		return false
	}
	for range n {
		var group uint8
		var offset, length uint32
		if !in.ReadUint8(&group) || !in.ReadUint24(&offset) || !in.ReadUint24(&length) {
			return false
		}
		*out = append(*out, read{group: int(group), offset: int(offset), length: int(length)})
	}
	return true
}

func flag(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

func addBytes(b *cryptobyte.Builder, v []byte) {
	b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func readBytes(in *cryptobyte.String, out *[]byte) bool {
	var v cryptobyte.String
	if !in.ReadUint24LengthPrefixed(&v) {
		return false
	}
	*out = slices.Clone([]byte(v))
	return true
}

// addGroups writes data group digests in the order of their numbers, so that equal maps encode alike.
func addGroups(b *cryptobyte.Builder, groups map[int][]byte) {
	b.AddUint8(uint8(len(groups)))
	for n := 1; n <= 16; n++ {
		if d, ok := groups[n]; ok {
			b.AddUint8(uint8(n))
			b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(d) })
		}
	}
}

func readGroups(in *cryptobyte.String, out *map[int][]byte) bool {
	var count, last uint8
	if !in.ReadUint8(&count) || count > 16 {
		return false
	}
	*out = make(map[int][]byte, count)
	for range count {
		var n uint8
		var d cryptobyte.String
		if !in.ReadUint8(&n) || n <= last || n > 16 || !in.ReadUint8LengthPrefixed(&d) {
			return false
		}
		(*out)[int(n)], last = slices.Clone([]byte(d)), n
	}
	return true
}
