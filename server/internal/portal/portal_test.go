package portal_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/portal"
	"pivot/server/internal/txn"
)

func TestPortalNeedsEveryPart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, spoil := range map[string]func(*portal.Parts){
		"kit": func(p *portal.Parts) { p.Kit = nil }, "guard": func(p *portal.Parts) { p.Guard = nil },
		"issuer": func(p *portal.Parts) { p.Issuer = "" }, "host": func(p *portal.Parts) { p.Meet = nil },
		"log": func(p *portal.Parts) { p.Log = nil }, "clock": func(p *portal.Parts) { p.Now = nil },
	} {
		p := s.parts
		spoil(&p)
		if err := portal.Mount(p); err == nil {
			t.Errorf("a portal without its %s", name)
		}
	}
}

// TestPairing walks the pages from the form to the end, beside an app that does its part.
func TestPairing(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address, offered := b.begin()
	if !strings.Contains(offered.body, `href="pivot:pair?code=`) || !strings.Contains(offered.body, address+"?wait=offered") {
		t.Errorf("the page does not call the app:\n%s", offered.body)
	}
	if again := b.get(address); shown.FindString(again.body) != shown.FindString(offered.body) {
		t.Error("a reload changes the code")
	}
	if email := s.ceremony(address).Email(); email != "helene@example.org" {
		t.Errorf("address %q", email)
	}

	s.attach(address, offered)
	compare := b.get(address)
	if got := shown.FindStringSubmatch(compare.body); got == nil || got[1] != s.ceremony(address).ShortString() {
		t.Errorf("the page shows %q, the app %q", got, s.ceremony(address).ShortString())
	}
	if !strings.Contains(compare.body, "Desk &lt;PC&gt;") || strings.Contains(compare.body, "http-equiv") {
		t.Errorf("compare page:\n%s", compare.body)
	}
	// Chromium holds the redirects after the form against this.
	if !strings.Contains(compare.policy, "form-action 'self' http://127.0.0.1:*;") {
		t.Errorf("policy %s", compare.policy)
	}
	if p := b.submit(compare, "/confirm", nil); p.status != http.StatusSeeOther || p.location != address {
		t.Fatalf("confirmed: %d to %q", p.status, p.location)
	}
	if p := b.get(address); p.status != http.StatusOK || !strings.Contains(p.body, address+"?wait=confirmed") {
		t.Errorf("while the app gets ready: %d\n%s", p.status, p.body)
	}

	answer := s.listen(address)
	away := b.get(address + "?wait=confirmed")
	if away.status != http.StatusSeeOther || !strings.HasPrefix(away.location, "http://127.0.0.1:45678/hop/") {
		t.Fatalf("once the app listens: %d to %q", away.status, away.location)
	}
	if p := b.get(answer(away.location)); p.status != http.StatusSeeOther || p.location != address {
		t.Fatalf("back from the app: %d to %q", p.status, p.location)
	}
	met := b.get(address)
	if !strings.Contains(met.body, "Go on in the application") || s.ceremony(address).Stage() != ceremony.Hopped {
		t.Errorf("after the hop:\n%s", met.body)
	}
	s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End(ceremony.Done, s.clock.Now()) })
	if p := b.get(address); p.status != http.StatusOK || !strings.Contains(p.body, "This computer is paired") {
		t.Errorf("at the end: %d\n%s", p.status, p.body)
	}
	if got := s.refusals(); len(got) != 0 {
		t.Errorf("refused: %v", got)
	}
}

func TestPairingThatEnds(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		do   func(s *scene, b browser, address string)
		says string
	}{
		"the numbers differ": {func(_ *scene, b browser, address string) { b.submit(b.get(address), "/deny", nil) }, "Nothing was paired"},
		"the app refuses": {func(s *scene, _ browser, address string) {
			s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End("refused-in-app", s.clock.Now()) })
		}, "Pairing refused"},
		"the card is no good": {func(s *scene, _ browser, address string) {
			s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End("document-expired", s.clock.Now()) })
		}, "The document has expired"},
		"the citizen gives up": {func(_ *scene, b browser, address string) {
			b.submit(b.get(address), "/confirm", nil)
			b.submit(b.get(address), "/cancel", nil)
		}, "You gave up"},
	} {
		s := newScene(t)
		b := s.browser()
		address, offered := b.begin()
		s.attach(address, offered)
		row.do(s, b, address)
		p := b.get(address)
		if p.status != http.StatusGone || !strings.Contains(p.body, row.says) || !strings.Contains(p.body, `href="/pair"`) {
			t.Errorf("%s: %d\n%s", name, p.status, p.body)
		}
		if s.ceremony(address).Stage() != ceremony.Ended {
			t.Errorf("%s: %s", name, s.ceremony(address).Stage())
		}
	}
}

func TestFormIsChecked(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	first := b.get("/pair")
	for _, email := range []string{"", "helene", "helene@localhost", "a b@example.org", "<b>@example.org", strings.Repeat("a", 250) + "@example.org"} {
		p := b.submit(b.get("/pair"), "/pair", url.Values{"email": {email}})
		if p.status != http.StatusBadRequest || !strings.Contains(p.body, "is not complete") || !strings.Contains(p.body, "aria-invalid") || strings.Contains(p.body, "<b>") {
			t.Errorf("%q: %d", email, p.status)
		}
	}
	good := url.Values{"email": {"helene@example.org"}}
	if p := b.submit(first, "/pair", good); p.status != http.StatusSeeOther {
		t.Errorf("a form opened earlier: %d", p.status)
	}
	if p := b.submit(first, "/pair", good); p.status != http.StatusForbidden || !strings.Contains(p.body, "open for too long") || !strings.Contains(p.body, "helene@example.org") {
		t.Errorf("the same form again: %d", p.status)
	}
	if p := b.do(http.MethodPost, "/pair", good.Encode()); p.status != http.StatusForbidden {
		t.Errorf("no token: %d", p.status)
	}
	if p := s.browser().submit(first, "/pair", good); p.status != http.StatusForbidden {
		t.Errorf("another browser: %d", p.status)
	}
	other := s.browser()
	other.get("/pair")
	if p := other.submit(first, "/pair", good); p.status != http.StatusForbidden {
		t.Errorf("another browser, which has its own form: %d", p.status)
	}
	if got := s.refusals(); len(got) != 0 { // nothing began: strangers write no log
		t.Errorf("audited: %v", got)
	}
	// The page that comes back carries a form that is good.
	stale := s.browser()
	if p := stale.submit(stale.submit(first, "/pair", good), "/pair", good); p.status != http.StatusSeeOther {
		t.Errorf("sent once more: %d", p.status)
	}
}

// Whoever learns the address of a pairing sees nothing of it and does nothing to it.
func TestPairingBelongsToItsBrowser(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b, other, none := s.browser(), s.browser(), s.browser()
	address, offered := b.begin()
	other.begin()
	s.attach(address, offered)
	compare := b.get(address)
	for _, stranger := range []browser{other, none} {
		for _, p := range []page{
			stranger.get(address), stranger.get(address + "?wait=attached"), stranger.submit(compare, "/confirm", nil), stranger.submit(compare, "/deny", nil),
		} {
			if p.status != http.StatusGone || strings.Contains(p.body, "Desk") || shown.MatchString(p.body) {
				t.Errorf("%d to %q:\n%s", p.status, p.location, p.body)
			}
		}
	}
	if got := s.ceremony(address).Stage(); got != ceremony.Attached {
		t.Errorf("now %s", got)
	}
	for _, unknown := range []string{"/pair/" + txn.NewID().String(), "/pair/x", "/pair/" + strings.Repeat("%41", 43)} {
		if p := b.get(unknown); p.status != http.StatusGone {
			t.Errorf("%s: %d", unknown, p.status)
		}
	}
	// A form of one step is none of another's, and none is good twice; the page says where things stand.
	confirm := form.FindStringSubmatch(compare.body)
	if p := b.do(http.MethodPost, address+"/deny", url.Values{"csrfToken": {confirm[2]}}.Encode()); p.status != http.StatusSeeOther || s.ceremony(address).Stage() != ceremony.Attached {
		t.Errorf("the token of another step: %d, %s", p.status, s.ceremony(address).Stage())
	}
	if p := b.do(http.MethodPost, address+"/confirm", ""); p.status != http.StatusSeeOther || s.ceremony(address).Stage() != ceremony.Attached {
		t.Errorf("no token: %d", p.status)
	}
	for range 2 {
		if p := b.submit(compare, "/confirm", nil); p.status != http.StatusSeeOther || s.ceremony(address).Stage() != ceremony.Confirmed {
			t.Errorf("the browser that began: %d", p.status)
		}
	}
	if got := s.refusals(); len(got) != 6 { // four looks of strangers, two forms that are not ours
		t.Errorf("audited: %v", got)
	}
}

// The right answer of the app in another browser ends the pairing, and its page warns whoever holds it.
func TestRelay(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(browser){"without a cookie": func(browser) {}, "with its own": func(b browser) { b.begin() }} {
		s := newScene(t)
		b, other := s.browser(), s.browser()
		with(other)
		address, offered := b.begin()
		s.attach(address, offered)
		b.submit(b.get(address), "/confirm", nil)
		answer := s.listen(address)
		back := answer(b.get(address).location)
		wrong := address + "/hop?c=" + strings.Repeat("A", 43)
		if p := other.get(wrong); p.status != http.StatusSeeOther || s.ceremony(address).Stage() != ceremony.Confirmed {
			t.Errorf("%s, a guess: %d, %s", name, p.status, s.ceremony(address).Stage())
		}
		if p := other.get(back); p.status != http.StatusForbidden || !strings.Contains(p.body, "Stopped for your safety") {
			t.Errorf("%s: %d\n%s", name, p.status, p.body)
		}
		if got := s.ceremony(address).Reason(); got != ceremony.ReasonRelay {
			t.Errorf("%s: %q", name, got)
		}
		if p := b.get(back); p.status != http.StatusSeeOther {
			t.Errorf("%s, then the browser that began: %d", name, p.status)
		}
		if p := b.get(address); p.status != http.StatusGone || !strings.Contains(p.body, "Stopped for your safety") {
			t.Errorf("%s, its page: %d", name, p.status)
		}
	}
}

func TestPairingExpires(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address, offered := b.begin()
	s.clock.Advance(11 * minute)
	if p := b.get(address); shown.FindString(p.body) == shown.FindString(offered.body) || p.status != http.StatusOK {
		t.Errorf("after ten minutes the code is the same: %d", p.status)
	}
	s.clock.Advance(20 * minute)
	if p := b.get(address); p.status != http.StatusGone || !strings.Contains(p.body, "no longer there") {
		t.Errorf("after half an hour: %d\n%s", p.status, p.body)
	}
	if p := b.get(address + "/hop?c=" + strings.Repeat("A", 43)); p.status != http.StatusGone {
		t.Errorf("back from the app: %d", p.status)
	}
}

// Whoever knows no pairing writes nothing to the log, whatever the address says; whoever knows one, a few entries.
func TestStrangersWriteNoLog(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b, stranger := s.browser(), s.browser()
	address, _ := b.begin()
	cookie := strings.Repeat("A", 43)
	for _, id := range []string{"PAY-1000-EUR-TO-MALLORY", strings.Repeat("A", 600), txn.NewID().String(), strings.Repeat("%0A", 43)} {
		stranger.cookies["__Host-pivot-plus-"+id[:min(len(id), 16)]] = cookie
		for _, step := range []string{"/confirm", "/deny", "/cancel"} {
			if p := stranger.do(http.MethodPost, "/pair/"+id+step, "csrfToken=x"); p.status != http.StatusGone {
				t.Errorf("%.20s%s: %d", id, step, p.status)
			}
		}
		if p := stranger.get("/pair/" + id); p.status != http.StatusGone {
			t.Errorf("%.20s: %d", id, p.status)
		}
	}
	stranger.cookies["__Host-pivot-plus-pair"] = cookie
	if p := stranger.do(http.MethodPost, "/pair", "csrfToken=x"); p.status != http.StatusForbidden {
		t.Errorf("a form of nobody's: %d", p.status)
	}
	if got := s.refusals(); len(got) != 0 {
		t.Fatalf("recorded %v", got)
	}
	id := strings.TrimPrefix(address, "/pair/")
	stranger.cookies["__Host-pivot-plus-"+id[:16]] = cookie
	for range 10 {
		if p := stranger.get(address); p.status != http.StatusGone {
			t.Errorf("another's: %d", p.status)
		}
		if p := stranger.do(http.MethodPost, address+"/cancel", "csrfToken=x"); p.status != http.StatusGone {
			t.Errorf("another's, given up: %d", p.status)
		}
	}
	if got := s.refusals(); len(got) != 8 {
		t.Errorf("recorded %v", got)
	}
	if p := b.get(address); p.status != http.StatusOK {
		t.Errorf("the browser that began: %d", p.status)
	}
}

// One network begins so many pairings a minute, and no more; another is not held up, nor is one that began.
func TestPairingsBegunAreBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	var address string
	for range 20 {
		address, _ = b.begin()
	}
	email := url.Values{"email": {"helene@example.org"}}
	p := b.submit(b.get("/pair"), "/pair", email)
	if p.status != http.StatusTooManyRequests || !strings.Contains(p.body, "Wait one minute") || !strings.Contains(p.body, "helene@example.org") {
		t.Fatalf("one more: %d\n%s", p.status, p.body)
	}
	if got := b.get(address); got.status != http.StatusOK {
		t.Errorf("one that began: %d", got.status)
	}
	s.clock.Advance(minute)
	if p := b.submit(p, "/pair", email); p.status != http.StatusSeeOther { // the form that came back is good
		t.Errorf("a minute later: %d", p.status)
	}
}
