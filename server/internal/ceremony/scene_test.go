package ceremony_test

import (
	"encoding/base64"
	"strconv"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/ceremony"
	"pivot/shared/wire"
)

const issuer = "https://auth.example.fr/api/v2"

var (
	at      = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	browser = [32]byte{1}
	party   = ceremony.Party{Device: "device-1", Thumbprint: [32]byte{2}, Name: "my computer"}
	id      = base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("i", 32)))
)

// terms are those of a ceremony of that kind, which can be offered.
func terms(kind ceremony.Kind) ceremony.Terms {
	t := ceremony.Terms{ID: id, Issuer: issuer, Kind: kind, Browser: browser, Expires: at.Add(9 * time.Minute)}
	switch kind {
	case ceremony.Pair:
		t.Email = "a@example.org"
	case ceremony.Login:
		t.Agent, t.Place = "Firefox, Linux", "192.0.2.7"
	case ceremony.PINChange:
		t.Browser, t.Device = [32]byte{}, party
	}
	return t
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// scene is a ceremony that is stored, by way of its record, after each step.
type scene struct {
	tb testing.TB
	ceremony.Ceremony

	secret []byte // of the hop
}

func offered(tb testing.TB, kind ceremony.Kind) *scene {
	tb.Helper()
	c, err := ceremony.Offer(terms(kind))
	must(tb, err)
	return (&scene{tb: tb}).keep(c, nil)
}

// keep stores a step that went well.
func (s *scene) keep(next ceremony.Ceremony, err error) *scene {
	s.tb.Helper()
	must(s.tb, err)
	change := next.Change()
	must(s.tb, change.Check())
	again, err := ceremony.Parse(change.Next)
	must(s.tb, err)
	if again.Version() != next.Version() || again.Changed() {
		s.tb.Fatalf("stored as version %d, read as %d", next.Version(), again.Version())
	}
	s.Ceremony = again
	return s
}

func (s *scene) attach() *scene {
	s.tb.Helper()
	next, code, err := s.Start(at)
	s.keep(next, err)
	next, err = s.Attach(code, party, at)
	return s.keep(next, err)
}

func (s *scene) listen() *scene {
	s.tb.Helper()
	next, hop, secret, err := s.Listen(40123, at)
	if hop == "" || hop != next.HopID() || len(secret) != 32 {
		s.tb.Fatalf("hop %q with a secret of %d", hop, len(secret))
	}
	s.secret = secret
	return s.keep(next, err)
}

// navigate sends the browser off, and gives what the app answers it with.
func (s *scene) navigate() []byte {
	s.tb.Helper()
	next, url, err := s.Navigate(browser, at)
	s.keep(next, err)
	a, ok := strings.CutPrefix(url, "http://127.0.0.1:"+strconv.Itoa(40123)+"/hop/")
	if !ok || len(a) != 43 {
		s.tb.Fatalf("address %q", url)
	}
	return wire.HopProof(s.secret, s.ID(), a, party.Device, 40123)
}

// hopped is a ceremony whose hop was completed.
func hopped(tb testing.TB, kind ceremony.Kind) *scene {
	tb.Helper()
	s := offered(tb, kind).attach()
	if kind == ceremony.Pair {
		next, err := s.Confirm(browser, at)
		s.keep(next, err)
	}
	next, err := s.listen().Return(s.navigate(), browser, true, at)
	return s.keep(next, err)
}

func released(tb testing.TB) *scene {
	tb.Helper()
	s := hopped(tb, ceremony.Login)
	next, err := s.Release([32]byte{1}, [32]byte{2}, at.Add(2*time.Minute), at)
	return s.keep(next, err)
}
