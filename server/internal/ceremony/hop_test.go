package ceremony_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"pivot/server/internal/ceremony"
	"pivot/shared/wire"
)

func TestListen(t *testing.T) {
	t.Parallel()
	s := offered(t, ceremony.Login)
	_, _, _, err := s.Listen(40123, at)
	is(t, "before a device", err, ceremony.ErrNotReady)
	s.attach()
	for _, port := range []int{-1, 0, 80, 1023, 65536} {
		_, _, _, err := s.Listen(port, at)
		is(t, "a port that is none", err, ceremony.ErrNotReady)
	}
	if s.Listening(at) || s.HopID() != "" {
		t.Error("listens before it does")
	}
	first := s.listen().HopID()
	if !s.Listening(at) || s.Listening(at.Add(time.Minute)) {
		t.Error("listens for another time than a minute")
	}
	if second := s.listen().HopID(); second == first {
		t.Error("a later hop is the one before")
	}
	change := offered(t, ceremony.PINChange)
	_, _, _, err = change.Listen(40123, at)
	is(t, "a change of PIN", err, ceremony.ErrNotReady)
}

func TestNavigate(t *testing.T) {
	t.Parallel()
	s := offered(t, ceremony.Login).attach()
	_, _, err := s.Navigate(browser, at)
	is(t, "nobody listens", err, ceremony.ErrNotReady)
	s.listen()
	_, _, err = s.Navigate([32]byte{9}, at)
	is(t, "another browser", err, ceremony.ErrBrowser)
	_, _, err = s.Navigate(browser, at.Add(time.Minute))
	is(t, "too late", err, ceremony.ErrNotReady)
	next, url, err := s.Navigate(browser, at)
	s.keep(next, err)
	digest := wire.Transcript("pivot-hop-id/1", []byte(url[len(url)-43:]))
	if s.HopID() != base64.RawURLEncoding.EncodeToString(digest[:]) {
		t.Error("the app cannot tell its hop by the address")
	}
	_, _, err = s.Navigate(browser, at)
	is(t, "a second navigation", err, ceremony.ErrNotReady)
	s.listen().navigate() // the app listens again: once more
}

// TestReturn changes one thing of an answer that completes the hop.
func TestReturn(t *testing.T) {
	t.Parallel()
	base := func() (*scene, []byte) {
		s := offered(t, ceremony.Login).attach().listen()
		return s, s.navigate()
	}
	for _, tc := range []struct {
		name   string
		change func(s *scene, c []byte) ([]byte, time.Time)
	}{
		{"nothing", func(*scene, []byte) ([]byte, time.Time) { return nil, at }},
		{"another bit", func(_ *scene, c []byte) ([]byte, time.Time) { c[31] ^= 1; return c, at }},
		{"less", func(_ *scene, c []byte) ([]byte, time.Time) { return c[:31], at }},
		{"more", func(_ *scene, c []byte) ([]byte, time.Time) { return append(c, 0), at }},
		{"too late", func(_ *scene, c []byte) ([]byte, time.Time) { return c, at.Add(time.Minute) }},
		{"the hop before", func(s *scene, c []byte) ([]byte, time.Time) { s.listen().navigate(); return c, at }},
		{"before the browser went", func(s *scene, c []byte) ([]byte, time.Time) { s.listen(); return c, at }},
	} {
		s, c := base()
		presented, now := tc.change(s, bytes.Clone(c))
		for _, known := range []bool{true, false} { // a wrong answer says nothing about who brings it
			_, err := s.Return(presented, browser, known, now)
			is(t, tc.name, err, ceremony.ErrHop)
		}
	}
	s, c := base()
	done, err := s.Return(c, browser, true, at)
	s.keep(done, err)
	if s.Stage() != ceremony.Hopped {
		t.Fatalf("hopped to %s", s.Stage())
	}
	_, err = s.Return(c, browser, true, at)
	is(t, "twice", err, ceremony.ErrHop)
	_, err = s.Return(c, [32]byte{9}, true, at)
	is(t, "elsewhere, once it is done", err, ceremony.ErrHop)
	_, _, _, err = s.Listen(40123, at)
	is(t, "another hop", err, ceremony.ErrNotReady)
}

func TestRelay(t *testing.T) {
	t.Parallel()
	for name, elsewhere := range map[string]struct {
		browser [32]byte
		known   bool
	}{
		"another cookie":           {[32]byte{9}, true},
		"no cookie":                {[32]byte{}, false},
		"a cookie that is not one": {browser, false},
	} {
		s := offered(t, ceremony.Login).attach().listen()
		_, err := s.Return(s.navigate(), elsewhere.browser, elsewhere.known, at)
		refusal, ok := errors.AsType[*ceremony.Refusal](err)
		if !ok || refusal.Reason != ceremony.ReasonRelay || refusal.Ended.Stage() != ceremony.Ended || refusal.Ended.Reason() != ceremony.ReasonRelay {
			t.Fatalf("%s: %v", name, err)
		}
		s.keep(refusal.Ended, nil)
	}
}
