package companion

import (
	"strconv"
	"testing"
)

// TestStreams: four of a ceremony, so many of all; whoever leaves gives the place back.
func TestStreams(t *testing.T) {
	t.Parallel()
	s := newStreams()
	var leave []func()
	for i := range mostInAll {
		done, ok := s.enter(strconv.Itoa(i / mostOpen))
		if !ok {
			t.Fatalf("the %dth is refused", i)
		}
		leave = append(leave, done)
		if i == mostOpen-1 {
			if _, ok := s.enter("0"); ok {
				t.Error("a fifth of one ceremony")
			}
		}
	}
	if _, ok := s.enter("another"); ok {
		t.Error("one more than all")
	}
	leave[0]()
	done, ok := s.enter("another")
	if !ok {
		t.Fatal("refused, once one left")
	}
	done()
	for _, done := range leave[1:] {
		done()
	}
	if s.all != 0 || len(s.open) != 0 {
		t.Errorf("%d streams, %d ceremonies left", s.all, len(s.open))
	}
}
