package keys

import "sync"

// maxBoxes bounds the keys that are kept at hand: purposes are constants, but
// nothing makes a caller's so.
const maxBoxes = 4 * maxGenerations

// boxes are the keys derived so far from the generations of a ring, by purpose:
// deriving one costs more than sealing a column with it.
type boxes struct {
	mu   sync.RWMutex
	kept map[boxName]*box
}

type boxName struct {
	generation uint32
	purpose    string
}

// of returns the key of a purpose in a generation. Past the bound it is derived
// at each call.
func (bs *boxes) of(g ringGeneration, purpose string) (*box, error) {
	name := boxName{g.Number, purpose}
	bs.mu.RLock()
	b, ok := bs.kept[name]
	bs.mu.RUnlock()
	if ok {
		return b, nil
	}
	b, err := g.box(purpose)
	if err != nil {
		return nil, err
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.kept == nil {
		bs.kept = map[boxName]*box{}
	}
	if len(bs.kept) < maxBoxes {
		bs.kept[name] = b
	}
	return b, nil
}
