package txn

import (
	"encoding/binary"
	"math"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/identity"
)

// writer appends values: integers big-endian, texts behind their length in two octets, times in milliseconds.
// What [NewRequest] and the transitions accept is shorter than a length can say.
type writer []byte

func (w writer) octet(v uint8) writer { return append(w, v) }

func (w writer) text(s string) writer {
	return append(binary.BigEndian.AppendUint16(w, uint16(len(s))), s...)
}

func (w writer) list(words []string) writer {
	w = w.octet(uint8(len(words)))
	for _, s := range words {
		w = w.text(s)
	}
	return w
}

func (w writer) time(t time.Time) writer {
	return binary.BigEndian.AppendUint64(w, uint64(t.UnixMilli()))
}

func (w writer) request(p Params) writer {
	w = w.octet(uint8(p.Profile))
	for _, s := range []string{p.Issuer, p.Client, p.RedirectURI, p.State, p.Nonce, p.Prompt, p.Challenge, p.Locale} {
		w = w.text(s)
	}
	return w.list(p.Scopes).list(p.Claims).octet(uint8(p.Level)).key(p.Thumbprint)
}

// key writes the thumbprint of a key, in the version that has them.
func (w writer) key(thumbprint string) writer {
	if w[0] < encodingV3 {
		return w
	}
	return w.text(thumbprint)
}

func (w writer) base(b base) writer {
	w = append(w, b.id.raw[:]...)
	w = append(w, b.browser[:]...)
	w = append(w, b.code[:]...)
	w = binary.BigEndian.AppendUint32(w, uint32(b.version))
	return w.time(b.at).time(b.expires).request(b.request.params)
}

func (w writer) attested(a attested) writer {
	w = w.base(a.base).text(a.account).octet(uint8(a.level)).octet(uint8(a.evidence)).time(a.proven)
	return w.text(string(a.person.Encode())).list(a.means)
}

// reader takes values from the front. Once it failed it gives zeros.
type reader struct {
	rest    []byte
	failed  bool
	version uint8 // of the encoding
}

func (r *reader) take(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed = true
		return nil
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

// number reads an integer of so many octets.
func (r *reader) number(octets int) uint64 {
	var n uint64
	for _, b := range r.take(octets) {
		n = n<<8 | uint64(b)
	}
	return n
}

func (r *reader) octet() uint8 { return uint8(r.number(1)) }

func (r *reader) text() string { return string(r.take(int(r.number(2)))) }

func (r *reader) hash() [32]byte {
	var h [32]byte
	copy(h[:], r.take(len(h)))
	return h
}

// list reads words; an empty list is nil.
func (r *reader) list() []string {
	var words []string
	for range r.octet() {
		words = append(words, r.text())
	}
	return words
}

// key reads a thumbprint, in the version that has them.
func (r *reader) key() string {
	if r.version < encodingV3 {
		return ""
	}
	return r.text()
}

// latest bounds a time, so that arithmetic on it never overflows: the year 9999.
const latest = 253402300799999

func (r *reader) time() time.Time {
	ms := r.number(8)
	if ms == 0 || ms > latest {
		r.failed = true
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

func (r *reader) request() Request {
	p := Params{Profile: Profile(r.octet())}
	for _, s := range []*string{
		&p.Issuer, &p.Client, &p.RedirectURI, &p.State, &p.Nonce, &p.Prompt, &p.Challenge, &p.Locale,
	} {
		*s = r.text()
	}
	p.Scopes, p.Claims, p.Level = r.list(), r.list(), assurance.Level(r.octet())
	p.Thumbprint = r.key()
	request, err := NewRequest(p)
	r.failed = r.failed || err != nil
	return request
}

func (r *reader) base() base {
	b := base{id: ID{r.hash()}, browser: r.hash(), code: r.hash()}
	version := r.number(4)
	b.version, b.at, b.expires, b.request = int(version), r.time(), r.time(), r.request()
	r.failed = r.failed || b.id.IsZero() || b.browser == [32]byte{} || version > math.MaxInt32
	return b
}

func (r *reader) attested() attested {
	a := attested{pending: pending{base: r.base(), account: r.text()}}
	a.level, a.evidence, a.proven = assurance.Level(r.octet()), assurance.Evidence(r.octet()), r.time()
	person, err := identity.Parse([]byte(r.text()))
	r.failed = r.failed || err != nil
	a.person = person
	if r.version > encodingV1 {
		a.means = r.list()
	}
	return a
}
