package means_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"testing"

	"pivot/server/internal/means"
)

// TestRoll: a valid presentation, and each other one beside it.
func TestRoll(t *testing.T) {
	t.Parallel()
	d, first := newDevice(t)
	rollA, rollB := octets(16, 1), octets(16, 2)
	d1, second, err := d.Roll(first, rollA)
	if err != nil || len(second) != 32 || bytes.Equal(first, second) {
		t.Fatalf("the first roll: %x, %v", second, err)
	}
	d1 = stored(t, d1, means.ParseDevice)
	d2, again, err := d1.Roll(first, rollA)
	if err != nil || !bytes.Equal(again, second) || !bytes.Equal(d2.Change().Next.Body, d1.Change().Next.Body) {
		t.Errorf("the same roll again: %x, %v; answered %x before", again, err, second)
	}
	d3, third, err := d1.Roll(second, rollB)
	if err != nil || len(third) != 32 || bytes.Equal(third, second) {
		t.Fatalf("the second roll: %x, %v", third, err)
	}
	for _, row := range []struct {
		name            string
		d               means.Device
		presented, roll []byte
		want            error
	}{
		{"the value that is held, with another roll", d1, first, rollB, means.ErrCloned},
		{"a value of nobody's", d1, octets(32, 9), rollA, means.ErrCloned},
		{"a value of nobody's, at first", d, octets(32, 9), rollA, means.ErrCloned},
		{"no value at all, where none is pending", d, octets(32, 0), rollA, means.ErrCloned},
		{"the value before", d3, first, rollA, means.ErrCloned},
		{"the value that is held, with the roll of before", d3, second, rollA, means.ErrCloned},
		{"the value that is held, with its roll", d3, second, rollB, nil},
		{"the value to come, with the roll of before", d3, third, rollB, nil},
		{"on a suspended device", d3.Suspend("device-cloned"), third, rollA, means.ErrSuspended},
	} {
		next, value, err := row.d.Roll(row.presented, row.roll)
		wantError(t, row.name, err, row.want)
		if (err == nil) == next.IsZero() || (err == nil) == (value == nil) {
			t.Errorf("%s: answered %x with %v", row.name, value, err)
		}
	}
	for _, row := range []struct {
		name            string
		presented, roll []byte
	}{
		{"no value", nil, rollA},
		{"a short value", first[:31], rollA},
		{"a long value", append(bytes.Clone(first), 0), rollA},
		{"no roll", first, nil},
		{"a long roll", first, octets(17, 1)},
	} {
		_, _, err := d.Roll(row.presented, row.roll)
		bounds(t, row.name, err)
	}
}

// TestHeld: once the answer to a turn was used, that turn is over, whoever repeats it.
func TestHeld(t *testing.T) {
	t.Parallel()
	d, first := newDevice(t)
	roll := octets(16, 1)
	if d.Turn() != [32]byte{} {
		t.Error("a turn before the first")
	}
	d, second, err := d.Roll(first, roll)
	if err != nil {
		t.Fatal(err)
	}
	answered := d.Turn()
	for what, turn := range map[string][32]byte{"no turn": {}, "another turn": {1}} {
		if same, changed := d.Held(turn); changed || same.Turn() != answered {
			t.Errorf("%s: held", what)
		}
	}
	held, changed := d.Held(answered)
	held = stored(t, held, means.ParseDevice)
	if !changed || held.Turn() != [32]byte{} || d.Turn() != answered {
		t.Errorf("held: %v, and the turn that waits is %x", changed, held.Turn())
	}
	if _, changed := held.Held(answered); changed {
		t.Error("held twice")
	}
	next, third, err := held.Roll(second, octets(16, 2))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name            string
		d               means.Device
		presented, roll []byte
		want            error
	}{
		{"the same turn again", held, first, roll, means.ErrLate},
		{"the same turn again, a turn later", next, first, roll, means.ErrLate},
		{"the value before, with another roll", held, first, octets(16, 2), means.ErrCloned},
		{"a value of nobody's, with the same roll", held, octets(32, 9), roll, means.ErrCloned},
		{"the value that is held", held, second, roll, nil},
		{"the value after", next, third, octets(16, 3), nil},
		{"the same turn, while its answer was not used", d, first, roll, nil},
	} {
		_, _, err := row.d.Roll(row.presented, row.roll)
		wantError(t, row.name, err, row.want)
	}
	// What a turn was answered with is not held because another was.
	later, _, err := d.Roll(second, octets(16, 2))
	if err != nil {
		t.Fatal(err)
	}
	if _, changed := later.Held(answered); changed {
		t.Error("the answer to the turn after is held")
	}
}

// A file is what a companion keeps on its disk of the ratchet.
type file struct{ value, roll []byte }

// server is the device as the server has it.
type server struct{ device means.Device }

// use lets a file be used once. What is on its way may be lost: 1 what is presented, 2 the answer, 3 what the device does with
// the answer. acted reports whether the server saw that.
func (f *file) use(s *server, lost int) (acted bool, err error) {
	if f.roll == nil {
		f.roll = make([]byte, 16)
		rand.Read(f.roll) // written to disk before it is sent
	}
	if lost == 1 {
		return false, nil
	}
	next, value, err := s.device.Roll(f.value, f.roll)
	if err != nil {
		return false, err
	}
	s.device = next
	if lost == 2 {
		return false, nil
	}
	f.value, f.roll = value, nil
	if lost == 3 {
		return false, nil
	}
	s.device, _ = s.device.Held(s.device.Turn())
	return true, nil
}

// TestNobodyIsCloned: whatever is lost on the way, one party alone is never taken for two.
func TestNobodyIsCloned(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		random := mathrand.New(mathrand.NewPCG(seed, 1))
		d, first := newDevice(t)
		s, f := &server{d}, &file{value: first}
		for range 40 {
			if _, err := f.use(s, random.IntN(6)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
	}
}

// TestClonesAreFound: the file is copied at a random moment, and both are used in a random order with losses. Once the
// server has accepted a roll that one party drew since the copy, or seen it use the answer to the roll that both have, the
// very next use by the other that reaches the server is refused, whichever of the two is the thief.
func TestClonesAreFound(t *testing.T) {
	t.Parallel()
	found := 0
	for seed := range uint64(2000) {
		n, err := clones(t, mathrand.New(mathrand.NewPCG(seed, 2)))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		found += n
	}
	if found < 1990 {
		t.Errorf("only %d of 2000 copies were ever used by both", found)
	}
}

func clones(t *testing.T, random *mathrand.Rand) (int, error) {
	t.Helper()
	d, first := newDevice(t)
	s, own := &server{d}, &file{value: first}
	for range random.IntN(6) {
		if _, err := own.use(s, random.IntN(5)); err != nil {
			return 0, fmt.Errorf("before the copy: %w", err)
		}
	}
	parties := []*file{own, {value: bytes.Clone(own.value), roll: bytes.Clone(own.roll)}}
	if own.roll == nil {
		parties[1].roll = nil
	}
	fresh := []bool{false, false} // a roll drawn since the copy is on the party's disk
	ahead := -1                   // the party that the server knows to be further than the other
	for range 200 {
		who, lost := random.IntN(2), random.IntN(5)
		if parties[who].roll == nil {
			fresh[who] = true
		}
		acted, err := parties[who].use(s, lost)
		behind := parties[1-who].roll != nil && !fresh[1-who] // the other still has the roll of before the copy
		switch {
		case lost == 1:
		case ahead == 1-who && !errors.Is(err, means.ErrCloned) && !errors.Is(err, means.ErrLate):
			return 0, fmt.Errorf("a party that was overtaken: %v", err)
		case ahead == 1-who:
			return 1, nil
		case err != nil:
			return 0, fmt.Errorf("nobody was overtaken: %w", err)
		case fresh[who], acted && behind:
			ahead = who
		}
	}
	return 0, nil
}
