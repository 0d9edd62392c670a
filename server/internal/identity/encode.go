package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
)

// The first octet of an encoding: what follows depends on it. The second kind has the hash of the identity that this one
// succeeds in front of the values.
const (
	encodingV1 = 1
	encodingV2 = 2
)

// maxEncoded is more than the longest identity takes.
const maxEncoded = 16 << 10

var errEncoding = errors.New("identity: malformed encoding")

// Encode writes the identity in its one canonical form: a version, then each
// value behind its length in two octets, then the register's record if there is
// one. It is personal data in clear, to be sealed before it rests anywhere. The
// zero Identity has no encoding: nil.
func (i Identity) Encode() []byte {
	if i.IsZero() {
		return nil
	}
	f := i.fields
	w := writer{encodingV1}
	if !i.origin.IsZero() {
		w = writer{encodingV2}
		w.text(i.origin.text)
	}
	for _, s := range []string{
		f.GivenName, f.FamilyName, f.PreferredUsername, f.Gender, f.Birthdate, f.Birthcountry, f.Birthplace, f.Email,
	} {
		w.text(s)
	}
	if f.Register == nil {
		return append(w, 0)
	}
	w = append(w, 1)
	w.record(*f.Register)
	return w
}

// Parse reads what [Identity.Encode] writes, and nothing else: every value is
// checked again, and no octet may follow.
func Parse(b []byte) (Identity, error) {
	if len(b) > maxEncoded {
		return Identity{}, errEncoding
	}
	r := reader{rest: b}
	origin, err := r.origin()
	if err != nil {
		return Identity{}, err
	}
	var f Fields
	for _, s := range []*string{
		&f.GivenName, &f.FamilyName, &f.PreferredUsername, &f.Gender, &f.Birthdate, &f.Birthcountry, &f.Birthplace, &f.Email,
	} {
		*s = r.text()
	}
	switch r.octet() {
	case 0:
	case 1:
		f.Register = r.record()
	default:
		return Identity{}, errEncoding
	}
	if r.failed || len(r.rest) != 0 {
		return Identity{}, errEncoding
	}
	i, err := New(f)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", errEncoding, err)
	}
	if i.origin = origin; !origin.IsZero() && origin == (Identity{fields: i.fields}).Hash() {
		return Identity{}, errEncoding // not as Encode writes it
	}
	return i, nil
}

// origin reads the version, and the hash that the second one begins with.
func (r *reader) origin() (Hash, error) {
	switch r.octet() {
	case encodingV1:
		return Hash{}, nil
	case encodingV2:
		text := r.text()
		digest, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(digest) != sha256.Size || base64.StdEncoding.EncodeToString(digest) != text {
			return Hash{}, errEncoding
		}
		return Hash{text}, nil
	}
	return Hash{}, errEncoding
}

// writer appends length-prefixed values. What [New] accepts is shorter than the
// two octets of a length can say.
type writer []byte

func (w *writer) text(s string) {
	*w = append(*w, byte(len(s)>>8), byte(len(s)))
	*w = append(*w, s...)
}

func (w *writer) record(r Record) {
	*w = append(*w, byte(len(r.GivenNames)))
	for _, n := range r.GivenNames {
		w.text(n)
	}
	for _, s := range []string{r.FamilyName, r.Gender, r.Birthdate, r.Birthcountry, r.Birthplace} {
		w.text(s)
	}
}

// reader takes values from the front. After a failure it gives empty ones.
type reader struct {
	rest   []byte
	failed bool
}

func (r *reader) take(n int) []byte {
	if r.failed || len(r.rest) < n {
		r.failed = true
		return make([]byte, min(n, 2))
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) octet() byte { return r.take(1)[0] }

func (r *reader) text() string {
	length := r.take(2)
	return string(r.take(int(length[0])<<8 | int(length[1])))
}

func (r *reader) record() *Record {
	var rec Record
	for range r.octet() {
		if r.failed {
			break
		}
		rec.GivenNames = append(rec.GivenNames, r.text())
	}
	for _, s := range []*string{&rec.FamilyName, &rec.Gender, &rec.Birthdate, &rec.Birthcountry, &rec.Birthplace} {
		*s = r.text()
	}
	return &rec
}
