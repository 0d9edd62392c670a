package txn

import (
	"errors"
	"slices"
	"time"
)

// The first octet of an encoding. The second version adds the means; what the first wrote is still read. The third adds
// keys that rights are bound to, and only states with such a key are written in it.
const (
	encodingV1 = 1
	encodingV2 = 2
	encodingV3 = 3
)

// mostEncoded is more than the longest state takes.
const mostEncoded = 64 << 10

var errEncoding = errors.New("txn: not an encoded state")

// Encode writes a state in its one canonical form, for the store to seal: it holds the citizen's identity in clear
// once there is a proof, and hashes where there were secrets. The zero value of a state has no encoding: nil.
func Encode(s State) []byte {
	if !genuine(s) {
		return nil
	}
	if keyed(s) {
		return s.encode(writer{encodingV3})
	}
	return s.encode(writer{encodingV2})
}

// keyed reports whether a state has a key that a right is bound to.
func keyed(s State) bool {
	r, redeemed := s.(Redeemed)
	return s.Request().params.Thumbprint != "" || redeemed && r.thumbprint != ""
}

func (w Waiting) encode(out writer) writer { return out.octet(kindWaiting).base(w.base) }

func (p Proven) encode(out writer) writer { return out.octet(kindProven).attested(p.attested) }

func (c Consented) encode(out writer) writer { return out.octet(kindConsented).attested(c.attested) }

func (g Granted) encode(out writer) writer { return out.octet(kindGranted).attested(g.attested) }

func (r Redeemed) encode(out writer) writer {
	return append(out.octet(kindRedeemed).attested(r.attested).key(r.thumbprint), r.token[:]...)
}

func (e Ended) encode(out writer) writer {
	return out.octet(kindEnded).base(e.base).text(string(e.reason))
}

// The second octet of an encoding.
const (
	kindWaiting = iota + 1
	kindProven
	kindConsented
	kindGranted
	kindRedeemed
	kindEnded
)

// Decode reads what [Encode] wrote, and nothing else. It is for the store alone, which unsealed the bytes: for everyone
// else a transition is the only constructor of a state. What every transition keeps is checked again. Errors: anything
// that Encode does not write.
func Decode(raw []byte) (State, error) {
	if len(raw) > mostEncoded {
		return nil, errEncoding
	}
	r := &reader{rest: raw}
	if r.version = r.octet(); r.version < encodingV1 || r.version > encodingV3 {
		return nil, errEncoding
	}
	s, sound := r.state()
	if r.failed || len(r.rest) != 0 || !sound || keyed(s) != (r.version == encodingV3) {
		return nil, errEncoding
	}
	return s, nil
}

// state reads the state that the next octet announces, and reports whether transitions lead to it.
func (r *reader) state() (State, bool) {
	switch r.octet() {
	case kindWaiting:
		s := Waiting{pending{base: r.base()}}
		return s, s.sound()
	case kindProven:
		s := Proven{attested: r.attested()}
		return s, s.sound()
	case kindConsented:
		s := Consented{attested: r.attested()}
		return s, s.sound()
	case kindGranted:
		s := Granted{attested: r.attested()}
		return s, s.sound()
	case kindRedeemed:
		s := Redeemed{attested: r.attested(), thumbprint: r.key(), token: r.hash()}
		return s, s.sound()
	case kindEnded:
		s := Ended{base: r.base(), reason: Reason(r.text())}
		return s, s.sound()
	}
	return nil, false
}

func (w Waiting) sound() bool { return w.version == 1 && !w.coded() && w.left() == w.life() }

func (p Proven) sound() bool {
	return p.version == 2 && !p.coded() && p.within(p.life()) && p.attests() && p.proven.Equal(p.at)
}

func (c Consented) sound() bool {
	return c.version == 3 && !c.coded() && c.within(c.life()) && c.attests()
}

func (g Granted) sound() bool {
	return g.version == 4 && g.coded() && g.left() == codeLifetime && g.attests()
}

func (r Redeemed) sound() bool {
	return r.version >= 5 && r.coded() && r.within(tokenLifetime) && r.attests() && r.token != [32]byte{} &&
		(r.thumbprint == "" || challenge(r.thumbprint))
}

func (e Ended) sound() bool { return e.version >= 2 && e.left() <= e.life() && e.reason.valid() }

func (b base) coded() bool { return b.code != [32]byte{} }

func (b base) life() time.Duration { return b.request.params.Profile.lifetime() }

// left is the life that the last transition left to the state.
func (b base) left() time.Duration { return b.expires.Sub(b.at) }

func (b base) within(life time.Duration) bool { return b.left() > 0 && b.left() <= life }

// attests reports whether the state rests on a proof that answers the request.
func (a attested) attests() bool {
	_, most := a.request.params.Profile.levels()
	return graphic(a.account, 1, mostAccount) && a.evidence.Valid() && !a.proven.After(a.at) &&
		a.level >= a.request.Level() && a.level <= most && countable(a.means)
}

// The most means of one proof, and the most octets of what names one, as the proof bounds them.
const (
	mostMeans   = 4
	mostMeansID = 64
)

// countable reports whether means are few, each named, none twice.
func countable(means []string) bool {
	for i, id := range means {
		if !graphic(id, 1, mostMeansID) || slices.Contains(means[:i], id) {
			return false
		}
	}
	return len(means) <= mostMeans
}
