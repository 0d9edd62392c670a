package rendezvous

import (
	"strconv"
	"testing"
)

// TestPlaces: whoever leaves gives a place back, to the ceremony and to all.
func TestPlaces(t *testing.T) {
	t.Parallel()
	p := places{taken: make(map[string]int)}
	var leave []func()
	for i := range mostInAll {
		done, ok := p.enter(strconv.Itoa(i / mostHeld))
		if !ok {
			t.Fatalf("the %dth is refused", i)
		}
		leave = append(leave, done)
	}
	if _, ok := p.enter("another"); ok {
		t.Error("one more than all")
	}
	leave[0]()
	done, ok := p.enter("another")
	if !ok {
		t.Error("refused, once one left")
	}
	done()
	for _, done := range leave[1:] {
		done()
	}
	if p.all != 0 || len(p.taken) != 0 {
		t.Errorf("%d places, %d ceremonies left", p.all, len(p.taken))
	}
}
