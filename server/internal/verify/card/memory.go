package card

import (
	"crypto"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"pivot/server/internal/verify/csca"
	"pivot/shared/brainpool"
	"pivot/shared/sm"
)

const memoryVersion = 1

var errMemory = errors.New("card: not the memory of a card")

// memory encodes what makes a card recognisable: its Chip Authentication key, the digests that its State signed, and
// the signer's chain, so that trust is judged anew by the same code. What the chip says of its holder is not in it.
func (c *Chip) memory() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(memoryVersion)
	b.AddUint8(uint8(c.digest))
	addGroups(b, c.groups)
	b.AddUint8(uint8(c.key.curve.ParameterID()))
	addBytes(b, c.key.point.Bytes())
	b.AddUint8(uint8(c.key.suite))
	addBytes(b, c.key.oid)
	b.AddUint8(flag(c.key.id != nil))
	if c.key.id != nil {
		b.AddUint32(uint32(*c.key.id))
	}
	b.AddUint8(flag(!c.signer.signing.IsZero()))
	b.AddUint64(uint64(c.signer.signing.Unix()))
	addBytes(b, c.signer.ds.Raw())
	b.AddUint8(uint8(len(c.signer.extra)))
	for _, cert := range c.signer.extra {
		addBytes(b, cert.Raw())
	}
	return b.BytesOrPanic()
}

// Recall takes the place of [Examine] for a card that [Verdict.Memory] remembers: nothing is uploaded, and the signer's
// trust, revocation and validity are judged anew. A chip that does not answer to the remembered key is refused as
// known-card-mismatch; the full path is then taken once before the word clone is said.
func Recall(memory []byte, policy Policy, at time.Time) (*Chip, error) {
	if err := policy.valid(); err != nil {
		return nil, err
	}
	in := cryptobyte.String(memory)
	var version, digest uint8
	c := &Chip{known: true}
	if !in.ReadUint8(&version) || version != memoryVersion || !in.ReadUint8(&digest) ||
		!readGroups(&in, &c.groups) || !readKey(&in, &c.key) || !readChain(&in, &c.signer) || !in.Empty() {
		return nil, errMemory
	}
	if c.digest = crypto.Hash(digest); !strong(c.digest) {
		return nil, errMemory
	}
	for _, d := range c.groups {
		if len(d) != c.digest.Size() {
			return nil, errMemory
		}
	}
	signer, err := c.signer.judge(policy, at)
	if err != nil {
		return nil, err
	}
	c.signer = signer
	return c, nil
}

func readKey(in *cryptobyte.String, out *chipKey) bool {
	var curve, suite, hasID uint8
	var point []byte
	if !in.ReadUint8(&curve) || !readBytes(in, &point) || !in.ReadUint8(&suite) || !readBytes(in, &out.oid) ||
		!in.ReadUint8(&hasID) || hasID > 1 {
		return false
	}
	if hasID == 1 {
		var id uint32
		if !in.ReadUint32(&id) {
			return false
		}
		out.id = new(int(id))
	}
	c, ok := brainpool.ByParameterID(int(curve))
	if !ok {
		return false
	}
	p, err := c.ParsePoint(point)
	if err != nil {
		return false
	}
	out.curve, out.point, out.suite = c, p, sm.Suite(suite)
	return out.suite.KeyLen() != 0
}

func readChain(in *cryptobyte.String, out *chain) bool {
	var dated, count uint8
	var unix uint64
	var raw []byte
	if !in.ReadUint8(&dated) || dated > 1 || !in.ReadUint64(&unix) || !readBytes(in, &raw) {
		return false
	}
	if dated == 1 {
		out.signing = time.Unix(int64(unix), 0).UTC()
	}
	ds, err := csca.ParseCertificate(raw)
	if err != nil || !in.ReadUint8(&count) || count > 4 {
		return false
	}
	out.ds = ds
	for range count {
		if !readBytes(in, &raw) {
			return false
		}
		cert, err := csca.ParseCertificate(raw)
		if err != nil {
			return false
		}
		out.extra = append(out.extra, cert)
	}
	return true
}
