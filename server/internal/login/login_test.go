package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/login"
	"pivot/server/internal/txn"
)

func TestDispatcherNeedsEveryPart(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for name, spoil := range map[string]func(*login.Parts){
		"kit": func(p *login.Parts) { p.Kit = nil }, "guard": func(p *login.Parts) { p.Guard = nil },
		"issuer": func(p *login.Parts) { p.Issuer = "" }, "claims": func(p *login.Parts) { p.Claims = 0 },
		"clients": func(p *login.Parts) { p.Clients = nil }, "ledger": func(p *login.Parts) { p.Ledger = nil },
		"log": func(p *login.Parts) { p.Log = nil }, "host": func(p *login.Parts) { p.Meet = nil }, "clock": func(p *login.Parts) { p.Now = nil },
	} {
		p := s.parts
		spoil(&p)
		if err := login.Mount(p); err == nil {
			t.Errorf("a dispatcher without its %s", name)
		}
	}
}

// TestLogin walks the pages to the end, beside an app that does its part.
func TestLogin(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address := b.begin()
	offered := b.get(address)
	for _, want := range []string{
		"Approve on this computer", "Caisse &lt;b&gt;d&#39;essai&lt;/b&gt; asks you", `href="pivot:approve?start=`, address + "?wait=offered",
		"Given names", "expires in 30 minutes",
	} {
		if !strings.Contains(offered.body, want) {
			t.Errorf("the page lacks %q:\n%s", want, offered.body)
		}
	}
	if !strings.Contains(offered.policy, "form-action 'self' https://sp.example.org;") {
		t.Errorf("policy %s", offered.policy)
	}
	answer := s.attach(address, offered)
	away := b.get(address + "?wait=offered")
	if away.status != http.StatusSeeOther || !strings.HasPrefix(away.location, "http://127.0.0.1:45678/hop/") {
		t.Fatalf("once the app listens: %d to %q", away.status, away.location)
	}
	if p := b.get(address); p.status != http.StatusOK || !strings.Contains(p.body, "are meeting") || shown.MatchString(p.body) {
		t.Errorf("while the browser is away: %d\n%s", p.status, p.body)
	}
	if p := b.get(answer(away.location)); p.status != http.StatusSeeOther || p.location != address {
		t.Fatalf("back from the app: %d to %q", p.status, p.location)
	}
	if p := b.get(address); !strings.Contains(p.body, "<h1>Approve in the application</h1>") {
		t.Errorf("after the hop:\n%s", p.body)
	}
	s.prove(address)
	release := b.get(address)
	if p := b.submit(release, "/consent", nil); p.status != http.StatusOK || !strings.Contains(p.body, "tick the box") {
		t.Errorf("without consent: %d", p.status)
	}
	end := b.submit(b.get(address), "/consent", url.Values{"consent": {"yes"}})
	if end.status != http.StatusSeeOther || end.location != strings.Replace(address, "/interaction/", "/authorize/", 1) {
		t.Errorf("%d to %q", end.status, end.location)
	}
	if got := s.events(address); got != "hop-completed proof-accepted consent-given" {
		t.Errorf("log: %s", got)
	}
}

// However a login ends, its page says why and leads back, and the service is told that there is none.
func TestLoginThatEnds(t *testing.T) {
	t.Parallel()
	for reason, says := range map[string]string{
		"refused-in-app": "Request refused", "not-mine": "it is a fraud", "device-cloned": "This computer is suspended",
		"level-too-low": "Level not reached", "pin-locked": "Secret code locked", "document-expired": "The document has expired.",
		"something-new": "The login did not go through",
	} {
		s := newScene(t)
		b := s.browser()
		address := b.begin()
		s.attach(address, b.get(address))
		s.refuse(address, reason)
		for _, at := range []string{address, address + "?wait=attached"} {
			p := b.get(at)
			if p.status != http.StatusGone || !strings.Contains(p.body, says) {
				t.Errorf("%s: %d\n%s", reason, p.status, p.body)
			}
			if !strings.Contains(p.body, `href="`+callback+"?error=access_denied&amp;") || !strings.Contains(p.body, "state=state-1") {
				t.Errorf("%s: no way back:\n%s", reason, p.body)
			}
		}
		if p := s.browser().get(address); p.status == http.StatusGone || strings.Contains(p.body, says) {
			t.Errorf("%s: another browser is told", reason)
		}
	}
}

// A ceremony that ended alone takes the transaction with it: nothing could prove it any more.
func TestCeremonyEndsTheTransaction(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address := b.begin()
	b.get(address)
	s.app(address, func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End("too-many-openings", s.clock.Now()) })
	for range 2 {
		if p := b.get(address); p.status != http.StatusGone || !strings.Contains(p.body, "Card presented too many times") {
			t.Errorf("%d\n%s", p.status, p.body)
		}
	}
	if state, ended := s.state(address).(txn.Ended); !ended || state.Reason() != "too-many-openings" {
		t.Errorf("the transaction is %s", s.state(address).Name())
	}
}

// A citizen who cancels on the page tells the app too.
func TestCancelEndsTheCeremony(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address := b.begin()
	offered := b.get(address)
	s.attach(address, offered)
	wake, stop := s.bus.Watch(name(address))
	defer stop()
	end := b.submit(offered, "/cancel", nil)
	if end.status != http.StatusSeeOther || !strings.HasPrefix(end.location, callback+"?error=access_denied") {
		t.Errorf("%d to %q", end.status, end.location)
	}
	<-wake
	if s.ceremony(address).Reason() != "cancelled" || s.state(address).Name() != txn.NameEnded || s.events(address) != "login-abandoned" {
		t.Errorf("ceremony %q, transaction %s, log %s", s.ceremony(address).Reason(), s.state(address).Name(), s.events(address))
	}
	if p := b.get(address); p.status != http.StatusGone || !strings.Contains(p.body, "You cancelled") {
		t.Errorf("its page: %d\n%s", p.status, p.body)
	}
	if p := b.submit(offered, "/cancel", nil); p.status < 400 {
		t.Errorf("the same form again: %d", p.status)
	}

	// Before any page was shown there is no ceremony to end; after the proof it is over already.
	early := b.begin()
	token := form.FindStringSubmatch(b.get(early).body)
	if p := b.do(http.MethodPost, early+"/cancel", url.Values{"csrfToken": {token[2]}}.Encode()); p.status != http.StatusSeeOther {
		t.Errorf("early: %d", p.status)
	}
	late := b.begin()
	s.attach(late, b.get(late))
	s.prove(late)
	if p := b.submit(b.get(late), "/cancel", nil); p.status != http.StatusSeeOther || s.state(late).Name() != txn.NameEnded || s.ceremony(late).Reason() != ceremony.Done {
		t.Errorf("late: %d, %s", p.status, s.state(late).Name())
	}
}

// The right answer of the app in another browser ends all. Its page warns whoever reads it, and shows nothing of the login.
func TestRelay(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]func(browser){"without a cookie": func(browser) {}, "with its own": func(b browser) { b.begin() }} {
		s := newScene(t)
		b, other := s.browser(), s.browser()
		with(other)
		address := b.begin()
		answer := s.attach(address, b.get(address))
		back := answer(b.get(address).location)
		for _, wrong := range []string{"", "?c=", "?c=" + strings.Repeat("A", 43), "?c=x"} {
			if p := other.get(address + "/hop" + wrong); p.status < 400 || strings.Contains(p.body, "Stopped") || s.state(address).Name() != txn.NameWaiting {
				t.Errorf("%s, a guess: %d, %s", name, p.status, s.state(address).Name())
			}
			if p := b.get(address + "/hop" + wrong); p.status != http.StatusSeeOther || p.location != address {
				t.Errorf("%s, a guess in the browser that began: %d to %q", name, p.status, p.location)
			}
		}
		p := other.get(back)
		if p.status != http.StatusForbidden || !strings.Contains(p.body, "Stopped for your safety") || strings.Contains(p.body, "Caisse") || strings.Contains(p.body, callback) {
			t.Errorf("%s: %d\n%s", name, p.status, p.body)
		}
		if state, ended := s.state(address).(txn.Ended); !ended || state.Reason() != txn.ReasonRelay || !strings.HasSuffix(s.events(address), "relay-suspected") {
			t.Errorf("%s: %s, log %s", name, s.state(address).Name(), s.events(address))
		}
		if p := b.get(address); p.status != http.StatusGone || !strings.Contains(p.body, "Stopped for your safety") {
			t.Errorf("%s, its page: %d\n%s", name, p.status, p.body)
		}
		if p := other.get(back); p.status < 400 || strings.Contains(p.body, "Stopped") {
			t.Errorf("%s, once more: %d", name, p.status)
		}
	}
}

func TestPagesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	b := s.browser()
	address := b.begin()
	b.get(address)
	for name, at := range map[string]string{
		"no identifier": "/api/v2/interaction/x", "unknown": "/api/v2/interaction/" + txn.NewID().String(),
		"hop of none": "/api/v2/interaction/x/hop?c=y", "hop of an unknown one": "/api/v2/interaction/" + txn.NewID().String() + "/hop",
	} {
		if p := b.get(at); p.status < 400 {
			t.Errorf("%s: %d", name, p.status)
		}
	}
	kept := s.client
	s.client = nil // struck off since
	if p := b.get(address); p.status < 400 || strings.Contains(p.body, "Caisse") {
		t.Errorf("a service struck off: %d", p.status)
	}
	s.client = kept
	s.clock.Advance(31 * time.Minute)
	if p := b.get(address); p.status < 400 {
		t.Errorf("expired: %d", p.status)
	}
	if p := b.get("/"); p.status != http.StatusOK {
		t.Errorf("home: %d", p.status)
	}
}
