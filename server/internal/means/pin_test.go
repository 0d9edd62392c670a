package means_test

import (
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/means"
)

func TestSetPIN(t *testing.T) {
	t.Parallel()
	d, _ := newDevice(t)
	for _, row := range []struct {
		name           string
		d              means.Device
		secret, public []byte
		ok             bool
	}{
		{"as it should be", d, octets(32, 4), octets(65, 5), true},
		{"no secret", d, nil, octets(65, 5), false},
		{"a short secret", d, octets(31, 4), octets(65, 5), false},
		{"no public key", d, octets(32, 4), nil, false},
		{"a compressed public key", d, octets(32, 4), octets(33, 5), false},
		{"of nothing", means.Device{}, octets(32, 4), octets(65, 5), false},
	} {
		next, err := row.d.SetPIN(row.secret, row.public)
		if !row.ok {
			bounds(t, row.name, err)
			continue
		}
		next = stored(t, must[means.Device](t)(next, err), means.ParseDevice)
		if !next.PINSet() || next.Locked() || next.TriesLeft() != 5 || string(next.PINSecret()) != string(row.secret) ||
			string(next.PINPublic()) != string(row.public) || next.PINActivation() != 0 {
			t.Errorf("%s: %d tries left", row.name, next.TriesLeft())
		}
	}
	_, err := d.Suspend("lost").SetPIN(octets(32, 4), octets(65, 5))
	wantError(t, "SetPIN of a suspended device", err, means.ErrSuspended)
	_, err = enrolled(t).SetPIN(octets(32, 4), octets(65, 5))
	wantError(t, "SetPIN of an owned device", err, means.ErrOwned)
}

// TestChangePIN: who has proved the PIN keeps its grade; who has not cannot change it.
func TestChangePIN(t *testing.T) {
	t.Parallel()
	d := must[means.Device](t)(enrolled(t).Activate(assurance.CardDesk))
	d = attempt(t, d, 1)
	changed := stored(t, must[means.Device](t)(d.ChangePIN(octets(32, 6), octets(65, 7))), means.ParseDevice)
	if changed.PINActivation() != assurance.CardDesk || changed.TriesLeft() != 5 || changed.PINSecret()[0] != 6 {
		t.Errorf("changed: %s, %d tries left", changed.PINActivation(), changed.TriesLeft())
	}
	_, err := changed.Succeed("ceremony", []byte("guess 1"))
	wantError(t, "an attempt at the PIN before", err, means.ErrNotPending)
	bare, _ := newDevice(t)
	_, err = bare.ChangePIN(octets(32, 6), octets(65, 7))
	wantError(t, "ChangePIN where there is none", err, means.ErrUnset)
	for n := 2; n <= 5; n++ {
		d = attempt(t, d, n)
	}
	_, err = d.ChangePIN(octets(32, 6), octets(65, 7))
	wantError(t, "ChangePIN of a locked one", err, means.ErrLocked)
	_, err = changed.ChangePIN(nil, nil)
	bounds(t, "ChangePIN to nothing", err)
}

// attempt begins attempt n, and stores it.
func attempt(t *testing.T, d means.Device, n int) means.Device {
	t.Helper()
	next, repeated, err := d.Attempt("ceremony", fmt.Appendf(nil, "guess %d", n))
	if err != nil || repeated {
		t.Fatalf("attempt %d: repeated %v, %v", n, repeated, err)
	}
	return stored(t, next, means.ParseDevice)
}

// TestAttempts walks through what a person may do with a PIN.
func TestAttempts(t *testing.T) {
	t.Parallel()
	d := enrolled(t)
	for n := 1; n <= 5; n++ {
		d = attempt(t, d, n)
		if d.TriesLeft() != 5-n || d.Locked() != (n == 5) {
			t.Fatalf("after %d: %d tries left, locked %v", n, d.TriesLeft(), d.Locked())
		}
		same, repeated, err := d.Attempt("ceremony", fmt.Appendf(nil, "guess %d", n))
		if err != nil || !repeated || same.TriesLeft() != 5-n {
			t.Errorf("attempt %d again: repeated %v, %v, %d left", n, repeated, err, same.TriesLeft())
		}
	}
	_, _, err := d.Attempt("ceremony", []byte("guess 6"))
	wantError(t, "a sixth", err, means.ErrLocked)
	_, _, err = d.Attempt("another", []byte("guess 5"))
	wantError(t, "the fifth in another ceremony", err, means.ErrLocked)

	// The fifth was right: all tries are there again, and it does not count.
	right := stored(t, must[means.Device](t)(d.Succeed("ceremony", []byte("guess 5"))), means.ParseDevice)
	if right.TriesLeft() != 5 || right.Locked() {
		t.Errorf("after a success: %d tries left", right.TriesLeft())
	}
	_, err = right.Succeed("ceremony", []byte("guess 5"))
	wantError(t, "the same success again", err, means.ErrNotPending)
	_, err = right.Succeed("another", []byte("guess 4"))
	wantError(t, "a success in another ceremony", err, means.ErrNotPending)
	_, err = right.Succeed("ceremony", []byte("guess 6"))
	wantError(t, "a success that was not attempted", err, means.ErrNotPending)
	_, err = d.Suspend("lost").Succeed("ceremony", []byte("guess 5"))
	wantError(t, "a success on a suspended device", err, means.ErrSuspended)
	_, _, err = right.Suspend("lost").Attempt("ceremony", []byte("guess 7"))
	wantError(t, "an attempt on a suspended device", err, means.ErrSuspended)

	bare, _ := newDevice(t)
	_, _, err = bare.Attempt("ceremony", []byte("guess"))
	wantError(t, "an attempt without a PIN", err, means.ErrUnset)
	_, _, err = right.Attempt("", []byte("guess"))
	bounds(t, "an attempt in no ceremony", err)
	_, _, err = right.Attempt("ceremony", nil)
	bounds(t, "an attempt at nothing", err)
}

// TestThirty: four wrong guesses between two successes, again and again, end after thirty.
func TestThirty(t *testing.T) {
	t.Parallel()
	d, n := enrolled(t), 0
	for wrong := 0; wrong < 30; {
		for range min(4, 30-wrong) {
			n++
			wrong++
			d = attempt(t, d, n)
		}
		if wrong == 30 {
			break
		}
		n++
		d = attempt(t, d, n)
		d = must[means.Device](t)(d.Succeed("ceremony", fmt.Appendf(nil, "guess %d", n)))
		if want := min(5, 30-wrong); d.TriesLeft() != want {
			t.Fatalf("after %d wrong ones: %d tries left, want %d", wrong, d.TriesLeft(), want)
		}
	}
	if !d.Locked() {
		t.Fatal("not locked after thirty")
	}
	_, _, err := d.Attempt("ceremony", []byte("one more"))
	wantError(t, "one more", err, means.ErrLocked)
	_, err = d.ChangePIN(octets(32, 6), octets(65, 7))
	wantError(t, "another PIN", err, means.ErrLocked)
	anew := enrolled(t)
	// The length that joins two parts does not make two attempts one.
	a, _, err := anew.Attempt("ab", []byte("c"))
	if err != nil {
		t.Fatal(err)
	}
	if _, repeated, err := a.Attempt("a", []byte("bc")); repeated || err != nil {
		t.Errorf("two attempts are one: %v, %v", repeated, err)
	}
}

// TestAttemptsAtRandom compares with a model that remembers everything: never more than five guesses in a row, nor more
// than thirty that failed, whatever the order of attempts, retries and proofs.
func TestAttemptsAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		random := mathrand.New(mathrand.NewPCG(seed, 3))
		d := enrolled(t)
		pending, row, failed, locked := make(map[int]bool), 0, 0, false
		for n := range 120 {
			which := random.IntN(n + 1)
			guess := fmt.Appendf(nil, "guess %d", which)
			if random.IntN(8) == 0 {
				next, err := d.Succeed("ceremony", guess)
				if (err == nil) != pending[which] || err != nil && !errors.Is(err, means.ErrNotPending) {
					t.Fatalf("seed %d: proof of %d: %v", seed, which, err)
				}
				if err == nil {
					delete(pending, which)
					row, failed, d = 0, failed-1, next
				}
				continue
			}
			locked = row == 5 || failed == 30
			next, repeated, err := d.Attempt("ceremony", guess)
			switch {
			case pending[which]:
				if err != nil || !repeated {
					t.Fatalf("seed %d: attempt %d again: %v", seed, which, err)
				}
				continue
			case locked:
				wantError(t, "an attempt at a locked PIN", err, means.ErrLocked)
				continue
			case err != nil || repeated:
				t.Fatalf("seed %d: attempt %d: repeated %v, %v", seed, which, repeated, err)
			}
			pending[which] = true
			row, failed, d = row+1, failed+1, stored(t, next, means.ParseDevice)
			if want := min(5-row, 30-failed); d.TriesLeft() != want {
				t.Fatalf("seed %d: %d tries left, want %d", seed, d.TriesLeft(), want)
			}
		}
	}
}
