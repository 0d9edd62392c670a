package rendezvous

import "sync"

const (
	mostHeld  = 4    // answers of one ceremony: a browser shows it in one tab, or in a few
	mostInAll = 4096 // of all: each keeps a connection
)

// places counts the answers that are held.
type places struct {
	mu    sync.Mutex
	taken map[string]int
	all   int
}

// enter takes a place, if there is one; leave gives it back, once.
func (p *places) enter(id string) (leave func(), ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[id] >= mostHeld || p.all >= mostInAll {
		return nil, false
	}
	p.taken[id]++
	p.all++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.all--
		if p.taken[id]--; p.taken[id] == 0 {
			delete(p.taken, id)
		}
	}, true
}
