package broker

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/audit"
)

// TestTwoLoginsOfOneBrowser has two tabs, each with its own login: neither ends the other.
func TestTwoLoginsOfOneBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	first, one := s.begin(b)
	second, two := s.begin(b)
	s.prove(t, one)
	s.prove(t, two)
	for _, waiting := range []page{first, second} {
		if p := b.open(waiting.url.String()).submit(b, "consent", nil); p.status != http.StatusOK || code(p.trail) == "no code" {
			t.Errorf("%d at %s", p.status, p.url)
		}
	}
}

// rewrite changes the demo's record while the broker runs, and has it read again.
func (s scene) rewrite(t *testing.T, from, to string) {
	t.Helper()
	name := filepath.Join(filepath.Dir(s.world.Config), "registry", "sp", "demo-sp.toml")
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(raw), from) {
		t.Fatalf("no %q in %s", from, raw)
	}
	if err := os.WriteFile(name, []byte(strings.ReplaceAll(string(raw), from, to)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.broker.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRecordChangedDuringLogin withdraws rights between the request and the consent: they count as they are now.
func TestRecordChangedDuringLogin(t *testing.T) {
	t.Parallel()
	t.Run("a scope", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		b := newBrowser(t)
		waiting, id := s.begin(b)
		s.prove(t, id)
		if p := b.open(waiting.url.String()); !strings.Contains(p.body, "Date de naissance") {
			t.Fatalf("positive control:\n%s", p.body)
		}
		s.rewrite(t, "birthdate ", "")
		p := b.open(waiting.url.String())
		if strings.Contains(p.body, "Date de naissance") {
			t.Error("the page announces what is not released")
		}
		if end := p.submit(b, "consent", nil); end.status != http.StatusOK || strings.Contains(end.body, "1985-03-14") {
			t.Errorf("%d:\n%s", end.status, end.body)
		}
	})
	t.Run("the address", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		b := newBrowser(t)
		waiting, id := s.begin(b)
		s.prove(t, id)
		s.rewrite(t, "/callback", "/elsewhere")
		resume := strings.Replace(waiting.url.String(), "/interaction/", "/authorize/", 1)
		for _, address := range []string{waiting.url.String(), resume} {
			if p := b.open(address); p.status != http.StatusBadRequest || code(p.trail) != "no code" || len(p.trail) != 0 {
				t.Errorf("%d at %s", p.status, p.url)
			}
		}
	})
}

// TestRefusedStepsAreRecorded has a stolen address and forged forms leave a trace, each.
func TestRefusedStepsAreRecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	b, other := newBrowser(t), newBrowser(t)
	waiting, id := s.begin(b)
	resume := strings.Replace(waiting.url.String(), "/interaction/", "/authorize/", 1)
	other.open(waiting.url.String())
	other.open(resume)
	other.post(waiting.url.String()+"/cancel", nil)
	b.post(waiting.url.String()+"/cancel", nil)
	b.post(waiting.url.String()+"/cancel", url.Values{"csrfToken": {strings.Repeat("A", 64)}})
	got := 0
	for e, err := range s.broker.store.Entries(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Event == audit.BrowserMismatch && e.Transaction == id.String() {
			got++
		}
	}
	if got != 5 {
		t.Errorf("%d entries for 5 refused steps", got)
	}
}
