package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// The service provider as its record names it.
const service = "Service de démonstration"

// TestChromium has a real browser do what a person does, beside the real companion.
func TestChromium(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	b := needChromium(t)
	s := newWorld(t).open(t)
	t.Run("pairing in French", func(t *testing.T) { pairsInChromium(t, b, s, "fr") })
	t.Run("pairing in English", func(t *testing.T) { pairsInChromium(t, b, s, "en") })
	t.Run("numbers that differ", func(t *testing.T) { deniesInChromium(t, b, s) })
	c := s.citizen(t, "genuine").paired(t)
	for name, do := range map[string]func(*testing.T, chromium, *citizen){
		"login in French":             func(t *testing.T, b chromium, c *citizen) { logsInWithChromium(t, b, c, "fr") },
		"login in English":            func(t *testing.T, b chromium, c *citizen) { logsInWithChromium(t, b, c, "en") },
		"cancelled in the page":       cancelsInChromium,
		"refused in the app":          refusesBesideChromium,
		"two tabs":                    twoTabs,
		"the hop in another browser":  hopElsewhere,
		"the login in another's hand": addressElsewhere,
	} {
		t.Run(name, func(t *testing.T) { do(t, b, c) })
	}
}

// pairsInChromium pairs, has the desk activate, and logs in with what it paired.
func pairsInChromium(t *testing.T, b chromium, s *stage, language string) {
	t.Parallel()
	c := s.citizen(t, "genuine")
	c.language = language
	tb := b.tab(t, language)
	tb.opens(t, s.demo.Portal)
	tb.sees(t, tb.says("pair.title", ""))
	tb.does(t, chromedp.SendKeys("#email", "citoyen@example.org", chromedp.ByQuery))
	tb.presses(t, "pair")
	tb.sees(t, tb.says("pair.meet", ""))
	code := tb.reads(t, "p.code code")
	tb.reloads(t)
	if again := tb.reads(t, "p.code code"); again != code {
		t.Errorf("another code after a reload: the one that is being typed would be void")
	}
	app := c.app(t, "pair", code, "--broker", s.origin())
	tb.sees(t, tb.says("pair.compare", ""))
	number := tb.reads(t, "p.code strong")
	app.until(t, number) // the same number on both sides
	tb.reloads(t)
	if again := tb.reads(t, "p.code strong"); again != number {
		t.Errorf("another number after a reload")
	}
	tb.presses(t, "confirm") // and through the loopback hop
	tb.sees(t, tb.says("ended.pair.done.title", ""))
	told := app.tells(t)
	if !told.OK || told.Reference == "" {
		t.Fatalf("%+v", told)
	}

	// Before the desk, the level does not suffice, and both sides say so.
	tb.opens(t, s.demo.SP[0].URL)
	tb.presses(t, "login")
	tb.sees(t, tb.says("page.waiting", service))
	early := c.app(t, "approve", tb.reads(t, "p.code code"), "--yes")
	tb.sees(t, tb.says("ended.level-too-low.title", service))
	if told := early.tells(t); told.OK || told.Problem != "level-too-low" {
		t.Errorf("before the desk: %+v", told)
	}
	c.desk(t, told.Reference)
	tb.opens(t, s.demo.SP[0].URL)
	tb.presses(t, "login")
	tb.sees(t, tb.says("page.waiting", service))
	app = c.app(t, "approve", tb.reads(t, "p.code code"), "--yes")
	tb.sees(t, tb.says("page.release", service))
	tb.presses(t, "consent")
	tb.reached(t, "eidas3")
	if told := app.tells(t); !told.OK || told.Level != "eidas3" {
		t.Errorf("%+v", told)
	}
}

// deniesInChromium answers that the numbers differ.
func deniesInChromium(t *testing.T, b chromium, s *stage) {
	t.Parallel()
	c := s.citizen(t, "genuine")
	tb := b.tab(t, "en")
	tb.opens(t, s.demo.Portal)
	tb.does(t, chromedp.SendKeys("#email", "citoyen@example.org", chromedp.ByQuery))
	tb.presses(t, "pair")
	tb.sees(t, tb.says("pair.meet", ""))
	app := c.app(t, "pair", tb.reads(t, "p.code code"), "--broker", s.origin())
	tb.sees(t, tb.says("pair.compare", ""))
	tb.presses(t, "deny")
	tb.sees(t, tb.says("ended.strings-differ.title", ""))
	if told := app.tells(t); told.OK || told.Reason != "strings-differ" {
		t.Errorf("%+v", told)
	}
	if entries, err := os.ReadDir(filepath.Join(c.home, "profiles")); err == nil && len(entries) > 0 {
		t.Errorf("a profile is left: %v", entries)
	}
}

// asks begins a login, and gives the code of the page.
func (tb tab) asks(t *testing.T, s *stage, level string) string {
	t.Helper()
	tb.opens(t, s.demo.SP[0].URL)
	tb.does(t, chromedp.SetValue("#level", level, chromedp.ByQuery))
	tb.presses(t, "login")
	tb.sees(t, tb.says("page.waiting", service))
	return tb.reads(t, "p.code code")
}

// logsInWithChromium logs in, with what a hurried person does meanwhile: reload, and go back.
func logsInWithChromium(t *testing.T, b chromium, c *citizen, language string) {
	tb := b.tab(t, language)
	code := tb.asks(t, c.stage, "eidas3")
	tb.reloads(t)
	if again := tb.reads(t, "p.code code"); again != code {
		t.Errorf("another code after a reload")
	}
	var link string
	tb.does(t, chromedp.AttributeValue(`a[href^="pivot:"]`, "href", &link, nil, chromedp.ByQuery))
	app := c.app(t, "approve", link, "--yes")
	app.until(t, "127.0.0.1") // the person is told where the browser is
	tb.sees(t, tb.says("page.release", service))
	tb.reloads(t)
	tb.sees(t, tb.says("page.release", service))
	before := tb.address(t)
	tb.presses(t, "consent")
	tb.reached(t, "eidas3")
	if told := app.tells(t); !told.OK || told.APDUs != 10 {
		t.Errorf("%+v", told)
	}
	// Gone back to, the page says that its login is spent: the service provider is not given another code.
	tb.opens(t, before)
	tb.finds(t, `//main//code[starts-with(., "Y")]`) // a page of error, with its code
}

// hesitant is the companion as a person uses it: it waits for a word.
func (c *citizen) hesitant(t *testing.T, code string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.bin, "pivot"), "approve", code, "--json")
	cmd.Env = append(os.Environ(), c.env()...)
	app := launch(t, cmd, false)
	app.until(t, "127.0.0.1") // the last line before the question
	return app
}

// cancelsInChromium gives up in the page while the app waits for an answer.
func cancelsInChromium(t *testing.T, b chromium, c *citizen) {
	tb := b.tab(t, "en")
	app := c.hesitant(t, tb.asks(t, c.stage, "eidas3"))
	tb.sees(t, tb.says("page.waiting.met", service))
	tb.presses(t, "cancel")
	tb.reached(t, "access_denied")
	if told := app.tells(t); told.OK || told.Problem != "ended" || told.Reason != "cancelled" {
		t.Errorf("%+v", told)
	}
}

// refusesBesideChromium refuses in the app, for either reason.
func refusesBesideChromium(t *testing.T, b chromium, c *citizen) {
	for flag, title := range map[string]string{"--refuse": "ended.login.refused-in-app.title", "--not-mine": "ended.login.not-mine.title"} {
		tb := b.tab(t, "en")
		app := c.app(t, "approve", tb.asks(t, c.stage, "eidas3"), flag)
		tb.sees(t, tb.says(title, service))
		if told := app.tells(t); told.OK || told.code != 6 {
			t.Errorf("%s: %+v", flag, told)
		}
		tb.does(t, chromedp.Click("main a.button", chromedp.ByQuery))
		tb.reached(t, "access_denied")
	}
}

// twoTabs has one login open twice in one browser: it comes to its end once.
func twoTabs(t *testing.T, b chromium, c *citizen) {
	tb := b.tab(t, "en")
	code := tb.asks(t, c.stage, "eidas3")
	other := tb.beside(t)
	other.opens(t, tb.address(t))
	other.sees(t, tb.says("page.waiting", service))
	if same := other.reads(t, "p.code code"); same != code {
		t.Errorf("each tab has a code of its own: one is void")
	}
	app := c.app(t, "approve", code, "--yes")
	tb.sees(t, tb.says("page.release", service))
	other.sees(t, tb.says("page.release", service))
	other.presses(t, "consent")
	other.reached(t, "eidas3")
	tb.presses(t, "consent")
	tb.finds(t, `//main//code[starts-with(., "Y")]`)
	if told := app.tells(t); !told.OK {
		t.Errorf("%+v", told)
	}
}

// caught has a tab stop at the door of the app: it gives the address instead of going there.
func (tb tab) caught(t *testing.T) <-chan string {
	t.Helper()
	addresses := make(chan string, 1)
	chromedp.ListenTarget(tb.ctx, func(event any) {
		e, is := event.(*fetch.EventRequestPaused)
		if !is {
			return
		}
		select {
		case addresses <- e.Request.URL:
		default:
		}
		go func() { _ = chromedp.Run(tb.ctx, fetch.FailRequest(e.RequestID, network.ErrorReasonAborted)) }()
	})
	tb.does(t, fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: "http://127.0.0.1:*/hop/*"}}))
	return addresses
}

// hopElsewhere has a second browser make the hop: somebody else's, who was sent the link. Both sides are told.
func hopElsewhere(t *testing.T, b chromium, c *citizen) {
	began, other := b.tab(t, "en"), b.tab(t, "en")
	doors := began.caught(t)
	code := began.asks(t, c.stage, "eidas3")
	waiting := began.address(t)
	app := c.app(t, "approve", code, "--yes")
	var door string
	select {
	case door = <-doors:
	case <-t.Context().Done():
	case <-app.ended:
		out, errs := app.said()
		t.Fatalf("the app ended without a hop:\n%s%s", out, errs)
	}
	other.opens(t, door)
	other.sees(t, other.says("ended.suspected-relay.title", ""))
	if words := other.whole(); strings.Contains(words, service) {
		t.Errorf("a stranger is told whom the login is for:\n%s", words)
	}
	if told := app.tells(t); told.OK || told.Problem != "ended" || told.Reason != "suspected-relay" {
		t.Errorf("%+v", told)
	}
	began.opens(t, waiting)
	began.sees(t, began.says("ended.suspected-relay.title", service))
	began.does(t, chromedp.Click("main a.button", chromedp.ByQuery))
	began.reached(t, "access_denied")

	// The positive control: the same two, without anybody between.
	code = other.asks(t, c.stage, "eidas3")
	app = c.app(t, "approve", code, "--yes")
	other.sees(t, other.says("page.release", service))
	if told := app.tells(t); !told.OK {
		t.Errorf("%+v", told)
	}
}

// addressElsewhere opens the page of a login in a browser that did not begin it: it shows nothing, and stops nothing.
func addressElsewhere(t *testing.T, b chromium, c *citizen) {
	began, other := b.tab(t, "en"), b.tab(t, "en")
	code := began.asks(t, c.stage, "eidas3")
	other.opens(t, began.address(t))
	other.finds(t, `//main//code[starts-with(., "Y")]`)
	if words := other.whole(); strings.Contains(words, service) || strings.Contains(words, code) {
		t.Errorf("a stranger is told of the login:\n%s", words)
	}
	app := c.app(t, "approve", code, "--yes")
	began.sees(t, began.says("page.release", service))
	if told := app.tells(t); !told.OK {
		t.Errorf("%+v", told)
	}
}
