package keys_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"pivot/server/internal/keys"
)

// TestKeptKeys: keys that are kept at hand change nothing of what opens, past their bound, during rotations, and once a
// generation is forgotten.
func TestKeptKeys(t *testing.T) {
	t.Parallel()
	const purposes = 300 // more than are kept
	ring := newScene(t).ring(t)
	seal := func(purpose string) []byte {
		sealed, err := ring.Seal(purpose, []byte(purpose), nil)
		if err != nil {
			t.Error(err)
		}
		return sealed
	}
	old := make([][]byte, purposes)
	var all sync.WaitGroup
	for i := range purposes {
		all.Go(func() { old[i] = seal(fmt.Sprint("purpose ", i)) })
	}
	all.Go(func() {
		if _, err := ring.Rotate(); err != nil {
			t.Error(err)
		}
	})
	all.Wait()
	first := seal("first")
	for i, sealed := range append(old, first) {
		purpose := fmt.Sprint("purpose ", i)
		if i == purposes {
			purpose = "first"
		}
		if got, err := ring.Open(purpose, sealed, nil); err != nil || string(got) != purpose {
			t.Fatalf("%s opens as %q: %v", purpose, got, err)
		}
		if _, err := ring.Open(purpose+"x", sealed, nil); !errors.Is(err, keys.ErrSealed) {
			t.Fatalf("%s opens under another purpose: %v", purpose, err)
		}
	}
	if _, err := ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	if err := ring.Forget(2); err != nil {
		t.Fatal(err)
	}
	if _, err := ring.Open("first", first, nil); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("what a forgotten generation sealed: %v", err)
	}
}
