package keys

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a ring.
const (
	ringSet        = "ring"
	maxGenerations = 64
	maxPurpose     = 256
	maxPlaintext   = 16 << 20

	ringVersion = 1
	headerLen   = 1 + 4 // version and generation
)

// A Generation is one key of a ring.
type Generation struct {
	Number  uint32 // from 1 upwards
	Created time.Time
}

// Ring seals what the store keeps, and derives the secrets that must outlive
// every rotation. It keeps several generations of its key: the newest seals,
// all of them open.
type Ring struct {
	folder *Folder

	changing sync.Mutex // held during a change, file included
	mu       sync.RWMutex
	content  ringContent // its slices are never changed in place
	boxes    *boxes      // of content: a change drops them with it
}

// ringContent is a ring as it rests, sealed.
type ringContent struct {
	Root        []byte           `json:"root"` // what secrets are derived from; never rotated
	Generations []ringGeneration `json:"generations"`
}

type ringGeneration struct {
	Number  uint32 `json:"number"`
	Key     []byte `json:"key"`
	Created int64  `json:"created"` // milliseconds since 1970
}

func random() []byte {
	b := make([]byte, keyLen)
	rand.Read(b)
	return b
}

// CreateRing makes the ring of the folder and writes it. The ring must not
// exist.
func (f *Folder) CreateRing() (*Ring, error) {
	c := ringContent{
		Root:        random(),
		Generations: []ringGeneration{{Number: 1, Key: random(), Created: f.now().UnixMilli()}},
	}
	if err := f.store(ringSet, c, true); err != nil {
		return nil, err
	}
	return &Ring{folder: f, content: c, boxes: new(boxes)}, nil
}

// LoadRing reads the ring and has each generation seal and open. A ring that
// does not exist is fs.ErrNotExist: making one is a decision
// ([Folder.CreateRing]), because nothing sealed before would open.
func (f *Folder) LoadRing() (*Ring, error) {
	r := &Ring{folder: f, boxes: new(boxes)}
	if err := f.load(ringSet, &r.content); err != nil {
		return nil, err
	}
	if err := r.content.check(); err != nil {
		return nil, fmt.Errorf("keys: set %q: %w", ringSet, err)
	}
	return r, nil
}

func (c ringContent) check() error {
	if len(c.Root) != keyLen {
		return errors.New("root of another length")
	}
	if len(c.Generations) == 0 || len(c.Generations) > maxGenerations {
		return fmt.Errorf("%d generations, 1 to %d", len(c.Generations), maxGenerations)
	}
	last := uint32(0)
	for _, g := range c.Generations {
		if g.Number <= last || len(g.Key) != keyLen || g.Created <= 0 {
			return fmt.Errorf("generation %d after %d is not possible", g.Number, last)
		}
		last = g.Number
		if err := g.test(); err != nil {
			return fmt.Errorf("generation %d: %w", g.Number, err)
		}
	}
	return nil
}

// test seals and opens once.
func (g ringGeneration) test() error {
	const purpose = "self-test"
	b, err := g.box(purpose)
	if err != nil {
		return err
	}
	sealed, err := g.seal(b, []byte(purpose), nil)
	if err != nil {
		return err
	}
	opened, err := g.open(b, sealed, nil)
	if err != nil {
		return err
	}
	if string(opened) != purpose {
		return errors.New("what was sealed opens as something else")
	}
	return nil
}

// Seal encrypts plaintext under the newest generation. The same purpose and the
// same associated data open it. The result is a version byte, four bytes of
// generation, a nonce of 24 bytes, ciphertext and tag (XAES-256-GCM).
func (r *Ring) Seal(purpose string, plaintext, aad []byte) ([]byte, error) {
	if err := checkPurpose(purpose); err != nil {
		return nil, err
	}
	if len(plaintext) > maxPlaintext {
		return nil, fmt.Errorf("keys: %d bytes to seal, at most %d", len(plaintext), maxPlaintext)
	}
	generations, boxes := r.now()
	g := generations[len(generations)-1]
	b, err := boxes.of(g, purpose)
	if err != nil {
		return nil, err
	}
	return g.seal(b, plaintext, aad)
}

// Open decrypts what Seal returned, under the generation that it names. Every
// refusal is ErrSealed.
func (r *Ring) Open(purpose string, sealed, aad []byte) ([]byte, error) {
	if err := checkPurpose(purpose); err != nil {
		return nil, err
	}
	if len(sealed) < headerLen || len(sealed) > headerLen+nonceLen+maxPlaintext+tagLen || sealed[0] != ringVersion {
		return nil, ErrSealed
	}
	number := binary.BigEndian.Uint32(sealed[1:headerLen])
	generations, boxes := r.now()
	for _, g := range generations {
		if g.Number == number {
			b, err := boxes.of(g, purpose)
			if err != nil {
				return nil, err
			}
			return g.open(b, sealed, aad)
		}
	}
	return nil, ErrSealed
}

// now returns the generations and their boxes: who still works with those of
// before a change puts no key among those of after.
func (r *Ring) now() ([]ringGeneration, *boxes) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.content.Generations, r.boxes
}

func (g ringGeneration) seal(b *box, plaintext, aad []byte) ([]byte, error) {
	header := binary.BigEndian.AppendUint32([]byte{ringVersion}, g.Number)
	return b.seal(header, plaintext, bound(header, aad))
}

func (g ringGeneration) open(b *box, sealed, aad []byte) ([]byte, error) {
	header, rest := sealed[:headerLen], sealed[headerLen:]
	return b.open(rest, bound(header, aad))
}

func (g ringGeneration) box(purpose string) (*box, error) {
	return newBox(derive(g.Key, "seal "+purpose))
}

// bound puts a header of fixed length before the caller's associated data.
func bound(header, aad []byte) []byte {
	out := make([]byte, 0, len(header)+len(aad))
	return append(append(out, header...), aad...)
}

// Secret returns the secret of one purpose. It is the same for the life of the
// deployment, whatever is rotated: what it names (a subject, an account) must
// stay findable.
func (r *Ring) Secret(purpose string) (Secret, error) {
	if err := checkPurpose(purpose); err != nil {
		return Secret{}, err
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	return newSecret(derive(r.content.Root, "secret "+purpose)), nil
}

// checkPurpose refuses what is not a constant of somebody's code.
func checkPurpose(purpose string) error {
	if purpose == "" || len(purpose) > maxPurpose {
		return fmt.Errorf("keys: purpose of %d characters, 1 to %d", len(purpose), maxPurpose)
	}
	return nil
}

// Generations tells what may be told of the generations, the newest last.
func (r *Ring) Generations() []Generation {
	var out []Generation
	generations, _ := r.now()
	for _, g := range generations {
		out = append(out, Generation{Number: g.Number, Created: fromMilli(g.Created)})
	}
	return out
}

// Rotate adds a generation, which seals from now on, and returns it once it is
// on disk. With an error nothing has changed, unless it says that the set was
// replaced.
func (r *Ring) Rotate() (Generation, error) {
	g := ringGeneration{Key: random(), Created: r.folder.now().UnixMilli()}
	err := r.change(func(old []ringGeneration) ([]ringGeneration, error) {
		if len(old) == maxGenerations {
			return nil, fmt.Errorf("keys: ring of %d generations is full: forget some", maxGenerations)
		}
		g.Number = old[len(old)-1].Number + 1
		return append(old[:len(old):len(old)], g), nil
	})
	return Generation{Number: g.Number, Created: fromMilli(g.Created)}, err
}

// Forget drops a generation that seals no more: what it sealed can never be
// opened again, wherever a copy lies.
func (r *Ring) Forget(number uint32) error {
	return r.change(func(old []ringGeneration) ([]ringGeneration, error) {
		var kept []ringGeneration
		for _, g := range old[:len(old)-1] {
			if g.Number != number {
				kept = append(kept, g)
			}
		}
		if len(kept) == len(old)-1 {
			return nil, fmt.Errorf("keys: generation %d is the newest or does not exist", number)
		}
		return append(kept, old[len(old)-1]), nil
	})
}

// change writes new generations, then uses them. A ring that is replaced but
// perhaps not on disk is used only once it is there: what a lost generation
// sealed would be lost with it.
func (r *Ring) change(next func([]ringGeneration) ([]ringGeneration, error)) error {
	r.changing.Lock()
	defer r.changing.Unlock()
	c := r.content
	generations, err := next(c.Generations)
	if err != nil {
		return err
	}
	c.Generations = generations
	if err := r.folder.store(ringSet, c, false); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.content, r.boxes = c, new(boxes)
	return nil
}

// Format prints no key, whatever the verb.
func (r *Ring) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// LogValue returns no key.
func (r *Ring) LogValue() slog.Value { return slog.StringValue(redacted) }
