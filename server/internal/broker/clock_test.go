package broker

import (
	"testing"
	"time"
)

func TestSteadyClock(t *testing.T) {
	t.Parallel()
	now := steady()
	before := time.Now().Round(0)
	first, second := now(), now()
	if first.Before(before) || second.Before(first) || second.After(time.Now().Add(time.Second)) {
		t.Errorf("%v, then %v, after %v", first, second, before)
	}
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	if got := later(day.Add(-time.Hour), day); !got.Equal(day) { // the system's clock was set back
		t.Errorf("set back to %v", got)
	}
	if got := later(day.Add(time.Hour), day); !got.Equal(day.Add(time.Hour)) { // or corrected forward
		t.Errorf("not set forward: %v", got)
	}
}
