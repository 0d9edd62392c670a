package ceremony_test

import (
	"bytes"
	"testing"
	"time"

	"pivot/server/internal/ceremony"
)

// key stands for the public key of a PIN.
var key = []byte("public key of the PIN")

func opening(id string) ceremony.Opening {
	return ceremony.Opening{ID: id, Session: []byte("session " + id), Public: []byte{4}}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	s := offered(t, ceremony.Login).attach()
	_, err := s.Release([32]byte{1}, [32]byte{2}, at.Add(2*time.Minute), at)
	is(t, "before the hop", err, ceremony.ErrNotReady)
	s = hopped(t, ceremony.Login)
	_, err = s.Release([32]byte{}, [32]byte{2}, at.Add(2*time.Minute), at)
	is(t, "nothing", err, ceremony.ErrNotReady)
	_, err = s.Release([32]byte{1}, [32]byte{2}, at, at)
	is(t, "a request whose time is over", err, ceremony.ErrNotReady)
	s.keep(s.Release([32]byte{1}, [32]byte{2}, at.Add(2*time.Minute), at))
	if !s.Answerable(at.Add(2*time.Minute-time.Millisecond)) || s.Answerable(at.Add(2*time.Minute)) {
		t.Error("the request is not good until its end")
	}
	again, err := s.Release([32]byte{1}, [32]byte{2}, at.Add(4*time.Minute), at.Add(3*time.Minute))
	must(t, err)
	if !again.Answerable(at.Add(3 * time.Minute)) {
		t.Error("a later request is as old as the one before")
	}
	s.keep(s.Release([32]byte{3}, [32]byte{4}, at.Add(2*time.Minute), at))
	if request, display, ok := s.Request(); !ok || request != [32]byte{3} || display != [32]byte{4} {
		t.Error("the later request does not count")
	}
	pair := hopped(t, ceremony.Pair)
	_, err = pair.Release([32]byte{1}, [32]byte{2}, at.Add(2*time.Minute), at)
	is(t, "a pairing", err, ceremony.ErrNotReady)
}

func TestOpenings(t *testing.T) {
	t.Parallel()
	s := hopped(t, ceremony.Login)
	_, err := s.Open(opening("a"), at)
	is(t, "before the request", err, ceremony.ErrNotReady)
	s = released(t)
	for _, bad := range []ceremony.Opening{{}, {ID: "a"}, {ID: "a", Session: []byte{1}}} {
		_, err := s.Open(bad, at)
		is(t, "half an opening", err, ceremony.ErrNotReady)
	}
	_, _, err = s.Take("", at)
	is(t, "none pending", err, ceremony.ErrOpening)
	s.keep(s.Open(opening("a"), at))
	s.keep(s.Open(opening("b"), at))
	_, _, err = s.Take("a", at)
	is(t, "one that was killed", err, ceremony.ErrOpening)
	next, o, err := s.Take("b", at)
	s.keep(next, err)
	if !bytes.Equal(o.Session, []byte("session b")) {
		t.Errorf("took %q", o.Session)
	}
	_, _, err = s.Take("b", at)
	is(t, "twice", err, ceremony.ErrOpening)
	s.keep(s.Open(opening("c"), at))
	_, err = s.Open(opening("d"), at)
	is(t, "a fourth", err, ceremony.ErrOpenings)
	if s.OpeningsLeft() != 0 {
		t.Errorf("%d left", s.OpeningsLeft())
	}
	ended := s.keep(s.End("card-refused", at)).Change().Next
	if bytes.Contains(ended.Body, []byte("c2Vzc2lvbi")) {
		t.Error("a session outlives the ceremony")
	}
}

func TestPIN(t *testing.T) {
	t.Parallel()
	s := hopped(t, ceremony.Login)
	_, err := s.Guess([]byte{1}, at)
	is(t, "before the request", err, ceremony.ErrNotReady)
	s = released(t)
	_, err = s.Prove(key, at)
	is(t, "a proof of nothing", err, ceremony.ErrNotReady)
	_, _, err = s.Draft([]byte{1}, []byte{2}, at)
	is(t, "a new PIN at a login", err, ceremony.ErrNotReady)
	_, err = s.Guess(nil, at)
	is(t, "no guess", err, ceremony.ErrNotReady)
	s.keep(s.Guess([]byte{1}, at))
	if again, err := s.Guess([]byte{1}, at); err != nil || again.Changed() {
		t.Errorf("the same guess: %v", err)
	}
	s.keep(s.Guess([]byte{2}, at))
	if !bytes.Equal(s.Guessed(), []byte{2}) || s.Proved(key) {
		t.Error("the last guess does not count")
	}
	_, err = s.Prove(nil, at)
	is(t, "a proof of no PIN", err, ceremony.ErrNotReady)
	if s.keep(s.Prove(key, at)); !s.Proved(key) {
		t.Error("not proved")
	}
	if s.Proved([]byte("another PIN's")) || s.Proved(nil) {
		t.Error("proved for a PIN that was set since")
	}
}

func TestSetPIN(t *testing.T) {
	t.Parallel()
	pair := offered(t, ceremony.Pair).attach()
	_, _, err := pair.Draft([]byte{1}, []byte{2}, at)
	is(t, "before the hop", err, ceremony.ErrNotReady)
	pair = hopped(t, ceremony.Pair)
	_, err = pair.SetPIN(nil, at)
	is(t, "nothing drafted", err, ceremony.ErrNotReady)
	if pair.Readable() {
		t.Error("a card before the PIN")
	}
	next, kept, err := pair.Draft([]byte{1}, []byte{2}, at)
	pair.keep(next, err)
	again, kept2, err := pair.Draft([]byte{9}, []byte{2}, at)
	if err != nil || again.Changed() || !bytes.Equal(kept, kept2) {
		t.Errorf("the same draft: %v", err)
	}
	next, kept2, err = pair.Draft([]byte{9}, []byte{3}, at)
	pair.keep(next, err)
	if secret, blinded := pair.Drafted(); !bytes.Equal(kept, kept2) || !bytes.Equal(secret, []byte{1}) || !bytes.Equal(blinded, []byte{3}) {
		t.Error("the key changed with the input")
	}
	_, err = pair.SetPIN(key, at)
	is(t, "a device that has a PIN", err, ceremony.ErrNotReady)
	if pair.keep(pair.SetPIN(nil, at)); !pair.PINSet() || !pair.Readable() {
		t.Error("not set")
	}
	if secret, _ := pair.Drafted(); secret != nil {
		t.Error("the key is kept beside the device's")
	}
	_, _, err = pair.Draft([]byte{1}, []byte{4}, at)
	is(t, "a second PIN", err, ceremony.ErrNotReady)

	change := offered(t, ceremony.PINChange)
	_, _, err = change.Draft([]byte{1}, []byte{2}, at)
	is(t, "a new PIN before the present one", err, ceremony.ErrNotReady)
	change.keep(change.Guess([]byte{1}, at))
	change.keep(change.Prove(key, at))
	next, _, err = change.Draft([]byte{1}, []byte{2}, at)
	change.keep(next, err)
	for what, before := range map[string][]byte{"a PIN that was changed since": []byte("another PIN's"), "no PIN any more": nil} {
		_, err = change.SetPIN(before, at)
		is(t, what, err, ceremony.ErrNotReady)
	}
	change.keep(change.SetPIN(key, at))
	_, err = change.Open(opening("a"), at)
	is(t, "a card at a change", err, ceremony.ErrNotReady)
}
