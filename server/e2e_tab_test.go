package main_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"pivot/assets"
)

// chromium is a real browser.
type chromium struct{ ctx context.Context }

// needChromium starts one without a window, or skips.
func needChromium(t *testing.T) chromium {
	t.Helper()
	found := false
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		_, err := exec.LookPath(name)
		found = found || err == nil
	}
	if !found {
		t.Skip("skipped: no Chromium (.ci/deps)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.Flag("no-proxy-server", true))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, free := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	// A browser newer than the messages that are known says things that are not understood; they do not matter.
	quiet := log.New(discard{}, "", 0).Printf
	ctx, cancel := chromedp.NewContext(ctx, chromedp.WithErrorf(quiet), chromedp.WithLogf(quiet))
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx)
		cancel()
		free()
	})
	if err := chromedp.Run(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return chromium{ctx}
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

// tab is one tab of it.
type tab struct {
	ctx      context.Context
	browser  chromium
	profile  cdp.BrowserContextID
	speaker  *assets.Speaker
	language string
}

// tab opens a tab of a browser profile of its own: no cookie is shared.
func (b chromium) tab(t *testing.T, language string) tab {
	t.Helper()
	profile, err := target.CreateBrowserContext().Do(b.executor())
	if err != nil {
		t.Fatal(err)
	}
	return b.open(t, profile, language, true)
}

// beside opens another tab of the same profile.
func (tb tab) beside(t *testing.T) tab {
	t.Helper()
	return tb.browser.open(t, tb.profile, tb.language, false)
}

func (b chromium) executor() context.Context {
	return cdp.WithExecutor(b.ctx, chromedp.FromContext(b.ctx).Browser)
}

// open makes the tab itself: of a new profile, Chromium wants a new window, and chromedp does not ask for one.
func (b chromium) open(t *testing.T, profile cdp.BrowserContextID, language string, window bool) tab {
	t.Helper()
	id, err1 := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(window).Do(b.executor())
	speaker, err2 := assets.NewSpeaker(language)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithTargetID(id))
	t.Cleanup(cancel)
	// The first call owns the connection to the tab: a time limit on it would end the tab.
	if err := chromedp.Run(ctx, network.Enable()); err != nil {
		t.Fatal(err)
	}
	tb := tab{ctx, b, profile, speaker, language}
	tb.does(t, network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": language}))
	return tb
}

// does does things in the tab.
func (tb tab) does(t *testing.T, actions ...chromedp.Action) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		t.Fatalf("%v, at %s", err, tb.whole())
	}
}

// whole is all that the tab shows.
func (tb tab) whole() string {
	ctx, cancel := context.WithTimeout(tb.ctx, 5*time.Second)
	defer cancel()
	var at, words string
	err := chromedp.Run(ctx, chromedp.Location(&at), chromedp.Evaluate(`document.body ? document.body.innerText : ""`, &words))
	return fmt.Sprintln(at, err, "\n"+words)
}

// opens goes to an address that is typed.
func (tb tab) opens(t *testing.T, address string) {
	t.Helper()
	tb.does(t, chromedp.Navigate(address))
}

// says is a text of the catalogue in the tab's language; of is the service that it names.
func (tb tab) says(id, of string) string { return tb.speaker.Say(id, map[string]string{"Service": of}) }

// sees waits for a page with that heading.
func (tb tab) sees(t *testing.T, heading string) {
	t.Helper()
	tb.finds(t, fmt.Sprintf(`//h1[normalize-space()="%s"]`, heading))
}

// reached waits for the service provider's page with some words on it.
func (tb tab) reached(t *testing.T, words string) {
	t.Helper()
	tb.finds(t, fmt.Sprintf(`//main//*[self::td or self::strong][normalize-space()="%s"]`, words))
}

// finds waits for what an XPath names.
func (tb tab) finds(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(tb.ctx, 15*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, chromedp.WaitVisible(path, chromedp.BySearch)); err != nil {
		t.Fatalf("no %s (%v), but %s", path, err, tb.whole())
	}
}

// reads gives the words of an element.
func (tb tab) reads(t *testing.T, selector string) (words string) {
	t.Helper()
	tb.does(t, chromedp.Text(selector, &words, chromedp.ByQuery))
	return strings.TrimSpace(words)
}

// presses presses the button of the form that leads to a step. That the page goes away meanwhile is what it is for.
func (tb tab) presses(t *testing.T, step string) {
	t.Helper()
	tb.does(t, chromedp.Click(fmt.Sprintf(`form[action$="%s"] button`, step), chromedp.ByQuery))
}

// address is where the tab is.
func (tb tab) address(t *testing.T) (at string) {
	t.Helper()
	tb.does(t, chromedp.Location(&at))
	return at
}

// reloads loads the page again.
func (tb tab) reloads(t *testing.T) {
	t.Helper()
	tb.does(t, chromedp.Reload())
}
