package assets_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pivot/assets"
)

var update = flag.Bool("update", false, "write the golden pages anew")

func pages(t *testing.T) *assets.Pages {
	t.Helper()
	p, err := assets.NewPages("/static/")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func render(t *testing.T, lang string, v assets.View) string {
	t.Helper()
	p := pages(t)
	var b bytes.Buffer
	if err := p.Render(&b, assets.Frame{Speaker: p.Speaker(lang), Site: "Pivot", Here: "/page?a=1"}, v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// claims are labels of the two kinds that a page must carry: short ones, and long ones of a data provider.
func claims(lang string) []assets.ClaimGroup {
	if lang == "fr" {
		return []assets.ClaimGroup{
			{Provider: "Votre identité", Labels: []string{"Prénoms", "Nom de naissance", "Date de naissance", "Sexe", "Commune de naissance", "Pays de naissance"}},
			{Provider: "Direction générale des Finances publiques", Labels: []string{"Revenu fiscal de référence de la dernière année", "Nombre de parts du foyer fiscal"}},
		}
	}
	return []assets.ClaimGroup{
		{Provider: "Your identity", Labels: []string{"Given names", "Birth name", "Date of birth", "Sex", "Town of birth", "Country of birth"}},
		{Provider: "Directorate-General of Public Finances", Labels: []string{"Reference tax income of the last year", "Number of shares of the tax household"}},
	}
}

// meeting is a page that waits, at a stage.
func meeting(phase, code, link string) assets.Meeting {
	m := assets.Meeting{
		Phase: phase, Code: code, Link: link, Continue: "/page", Held: "/page?wait=" + phase, Toggle: "/page?refresh=0",
	}
	if code == "" {
		m.Device, m.Compare = "Ordinateur de Jeanne", "123 456"
	}
	return m
}

// still is the same page, which does nothing by itself.
func still(m assets.Meeting) assets.Meeting {
	m.Continue, m.Held, m.Toggle = m.Toggle, "", "/page"
	return m
}

func views(lang string) map[string]assets.View {
	const service = "Caisse d'essai de Rouen"
	accept, cancel := assets.Form{Action: "/accept", Token: "accept-token"}, assets.Form{Action: "/cancel", Token: "cancel-token"}
	return map[string]assets.View{
		"home": assets.HomePage{Discovery: "/api/v2/.well-known/openid-configuration"},
		"error": assets.ErrorPage{
			Code: "Y030007", ID: "0b7f6a52-8a5e-4d0c-9d43-6f0e2f1f7a11", Message: "page.error.Y030007",
			Detail: "invalid authorization request parameters: nonce", Help: "https://help.example.org/",
		},
		"error-back": assets.ErrorPage{
			Code: "Y420001", ID: "0b7f6a52-8a5e-4d0c-9d43-6f0e2f1f7a11", Message: "page.error.Y420001",
			Back: &assets.Way{Service: service, URL: "/back"},
		},
		"waiting": assets.WaitingPage{
			Meeting: meeting("offered", "ABCD-EFGH-JKMN", "pivot:approve?start=ABCDEFGHJKMN&issuer=https://pivot.example.org"),
			Service: service, Level: "eidas3", Minutes: 9, Claims: claims(lang), Cancel: cancel,
		},
		"waiting-still": assets.WaitingPage{
			Meeting: still(meeting("offered", "0000-1111-ZZZZ", "pivot:approve?start=00001111ZZZZ&issuer=http://localhost:8080")),
			Service: service, Level: "eidas2", Minutes: 1, Cancel: cancel,
		},
		"waiting-called": assets.WaitingPage{
			Meeting: meeting("attached", "", ""), Service: service, Level: "eidas3", Minutes: 8, Claims: claims(lang), Cancel: cancel,
		},
		"waiting-met": assets.WaitingPage{
			Meeting: meeting("released", "", ""), Service: service, Level: "eidas3", Minutes: 7, Claims: claims(lang), Cancel: cancel,
		},
		"refused":    assets.OutcomePage{Reason: "refused-in-app", Service: service, Back: "/back"},
		"not-mine":   assets.OutcomePage{Reason: "not-mine", Service: service, Back: "/back"},
		"relay":      assets.OutcomePage{Reason: "suspected-relay"},
		"other-card": assets.OutcomePage{Reason: "document-not-enrolled", Service: service, Back: "/back"},
		"pair":       assets.PairPage{Begin: accept},
		"pair-email": assets.PairPage{Email: "jeanne@example", Problem: "pair.email.malformed", Begin: accept},
		"pairing": assets.PairingPage{
			Meeting: meeting("offered", "ABCD-EFGH", "pivot:pair?code=ABCDEFGH&issuer=https://pivot.example.org"), Cancel: cancel,
		},
		"pairing-called": assets.PairingPage{Meeting: meeting("confirmed", "", ""), Cancel: cancel},
		"pairing-met":    assets.PairingPage{Meeting: still(meeting("hopped", "", "")), Cancel: cancel},
		"compare":        assets.ComparePage{Meeting: meeting("attached", "", ""), Same: accept, Different: cancel},
		"paired":         assets.OutcomePage{Reason: "done"},
		"different":      assets.OutcomePage{Reason: "strings-differ", Again: "/pair"},
		"information":    assets.ReleasePage{Service: service, Level: "eidas3", Claims: claims(lang), Accept: accept, Cancel: cancel},
		"consent":        assets.ReleasePage{Service: service, Level: "eidas2", Claims: claims(lang), Consent: true, Accept: accept, Cancel: cancel},
		"consent-unticked": assets.ReleasePage{
			Service: service, Level: "eidas2", Claims: claims(lang), Consent: true, Unticked: true, Accept: accept, Cancel: cancel,
		},
		"leave": assets.LeavePage{
			Service: service, Services: []string{service, "Mairie d'essai"}, Leave: accept, Stay: "/stay",
		},
		"leave-unasked": assets.LeavePage{Leave: accept, Stay: "/stay"},
		"left":          assets.LeftPage{},
		"left-back":     assets.LeftPage{Back: &assets.Way{Service: service, URL: "/back"}},
		"stayed":        assets.LeftPage{Stayed: true},
		"anonymous":     assets.ReleasePage{Service: service, Level: "eidas1", Accept: accept, Cancel: cancel},
	}
}

func each(t *testing.T, f func(t *testing.T, name, lang, page string)) {
	t.Helper()
	for _, lang := range []string{"fr", "en"} {
		for name, view := range views(lang) {
			t.Run(name+"/"+lang, func(t *testing.T) {
				t.Parallel()
				f(t, name, lang, render(t, lang, view))
			})
		}
	}
}

// The golden pages are what a person reads: a change of words or structure shows in review.
func TestPagesAreGolden(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, name, lang, page string) {
		// The name of a file changes with each edit of the style sheet.
		got := regexp.MustCompile(`/static/pivot-[A-Za-z0-9_-]{12}\.`).ReplaceAllString(page, "/static/pivot-HASH.")
		path := filepath.Join("testdata", "pages", name+"."+lang+".html")
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("go test ./assets -update writes it anew (-golden +rendered):\n%s", diff)
		}
	})
}

// What a screen reader, a keyboard and a page without script need (RGAA 4.1: 8.3, 8.5, 9.1, 9.2, 11.1, 12.7).
func TestPagesCanBeWalked(t *testing.T) {
	t.Parallel()
	label := regexp.MustCompile(`<label for="([^"]+)"`)
	each(t, func(t *testing.T, _, lang, page string) {
		for _, once := range []string{`<html lang="` + lang + `">`, "<title>", "<h1>", "<header", "<main id=\"content\"", "<footer>", `class="skip" href="#content"`, "<nav "} {
			if strings.Count(page, once) != 1 {
				t.Errorf("%d times %q", strings.Count(page, once), once)
			}
		}
		for _, never := range []string{"<script", "javascript:", " style=", " onclick", "<style", "ZgotmplZ", "<no value>", "{{"} {
			if strings.Contains(page, never) {
				t.Errorf("holds %q", never)
			}
		}
		if id := regexp.MustCompile(`\b(page|meet|pair|leave|ended|reason)\.[a-z]`).FindString(page); id != "" {
			t.Errorf("holds the name of a message: %q", id)
		}
		for _, box := range regexp.MustCompile(`<input type="checkbox" id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
			if !slices.ContainsFunc(label.FindAllStringSubmatch(page, -1), func(m []string) bool { return m[1] == box[1] }) {
				t.Errorf("no label for %s", box[1])
			}
		}
		if forms, buttons := strings.Count(page, "<form "), strings.Count(page, `type="submit"`); forms != buttons {
			t.Errorf("%d forms, %d buttons", forms, buttons)
		}
		if forms, tokens := strings.Count(page, `<form method="post"`), strings.Count(page, `name="csrfToken"`); forms != tokens || forms != strings.Count(page, "<form") {
			t.Errorf("%d forms by POST, %d tokens", forms, tokens)
		}
	})
}

func TestLanguageSwitchKeepsTheAddress(t *testing.T) {
	t.Parallel()
	page := render(t, "fr", assets.HomePage{})
	for _, want := range []string{
		`<span lang="fr" aria-current="true">Français</span>`,
		`<a lang="en" hreflang="en" href="/page?a=1&amp;lang=en">English</a>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("lacks %s", want)
		}
	}
	p := pages(t)
	for _, here := range []string{"https://evil.example/", "//evil.example/", "javascript:alert(1)", "page", "/%zz"} {
		if err := p.Render(&bytes.Buffer{}, assets.Frame{Speaker: p.Speaker("fr"), Here: here}, assets.HomePage{}); err == nil {
			t.Errorf("a switch that leads to %q", here)
		}
	}
	var b bytes.Buffer
	if err := p.Render(&b, assets.Frame{Speaker: p.Speaker("fr")}, assets.HomePage{}); err != nil || strings.Contains(b.String(), "<nav") {
		t.Errorf("no address, yet a switch (%v)", err)
	}
}

// Names come from files of partners, details from requests: none may become markup.
func TestTextNeverBecomesMarkup(t *testing.T) {
	t.Parallel()
	const evil = `"><script>alert(1)</script>{{.Site}}'<b>`
	group := []assets.ClaimGroup{{Provider: evil, Labels: []string{evil}}}
	form := assets.Form{Action: "/x?" + evil, Token: evil}
	for i, v := range []assets.View{
		assets.ErrorPage{Code: evil, ID: evil, Message: evil, Detail: evil, Help: "javascript:alert(1)", Back: &assets.Way{Service: evil, URL: "javascript:alert(1)"}},
		assets.WaitingPage{
			Service: evil, Level: "eidas3", Claims: group, Cancel: form,
			Meeting: assets.Meeting{Continue: "/?" + evil, Held: "/?" + evil, Toggle: "data:text/html," + evil, Device: evil},
		},
		assets.OutcomePage{Reason: evil, Service: evil, Back: "javascript:" + evil, Again: "javascript:" + evil},
		assets.PairPage{Email: evil, Problem: "pair.stale", Begin: form},
		assets.PairingPage{Meeting: assets.Meeting{Phase: evil, Continue: "javascript:" + evil}, Cancel: form},
		assets.ComparePage{Meeting: assets.Meeting{Device: evil, Compare: evil}, Same: form, Different: form},
		assets.ReleasePage{Service: evil, Level: "eidas3", Claims: group, Consent: true, Accept: form, Cancel: form},
		assets.HomePage{Discovery: "javascript:" + evil},
		assets.LeavePage{Service: evil, Services: []string{evil}, Leave: form, Stay: "javascript:" + evil},
		assets.LeftPage{Back: &assets.Way{Service: evil, URL: "javascript:" + evil}},
	} {
		page := render(t, "en", v)
		for _, never := range []string{"<script", "<b>", `="javascript:`, `="data:`} {
			if strings.Contains(page, never) {
				t.Errorf("view %d: %q in\n%s", i, never, page)
			}
		}
	}
	if page := render(t, "en", assets.WaitingPage{Service: "<b>Rouen</b>", Level: "eidas1"}); !strings.Contains(page, "&lt;b&gt;Rouen&lt;/b&gt; asks you") {
		t.Errorf("the name is not shown as it is:\n%s", page)
	}
}

// A page wakes the app, and nothing else that a scheme may stand for.
func TestOnlyTheAppIsWoken(t *testing.T) {
	t.Parallel()
	p := pages(t)
	const good = "pivot:pair?code=ABCDEFGH&issuer=http://[::1]:8080"
	for link, want := range map[string]bool{
		good: true, "pivot:approve?start=A&issuer=https://a.example": true,
		"": false, "javascript:alert(1)": false, "pivot:other?a=b": false, "pivot:pair": false, good + "\"": false,
		"https://evil.example/": false, " " + good: false, good + "\njavascript:": false, "pivot:pair?<b>": false,
	} {
		var b bytes.Buffer
		err := p.Render(&b, assets.Frame{Speaker: p.Speaker("fr")}, assets.PairingPage{Meeting: assets.Meeting{Code: "ABCD-EFGH", Link: link}})
		if (err == nil) != want {
			t.Errorf("link %q: %v", link, err)
		}
		if want && !strings.Contains(b.String(), `href="`+strings.ReplaceAll(link, "&", "&amp;")+`" target="pivot-app"`) {
			t.Errorf("link %q is not there:\n%s", link, b.String())
		}
	}
}

// What a page waits for is said once in its head, and nowhere when the person wants it still.
func TestPageThatWaits(t *testing.T) {
	t.Parallel()
	for name, v := range views("en") {
		page := render(t, "en", v)
		var want string
		switch v := v.(type) {
		case assets.WaitingPage:
			want = v.Held
		case assets.PairingPage:
			want = v.Held
		}
		if got := strings.Count(page, "http-equiv"); (got == 1) != (want != "") || got > 1 {
			t.Errorf("%s: %d refreshes", name, got)
		}
		if want != "" && !strings.Contains(page, `<meta http-equiv="refresh" content="1; url=`+want+`">`) {
			t.Errorf("%s does not wait for %s", name, want)
		}
	}
}

func TestOutcomeSaysSomethingForAnyReason(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		view assets.OutcomePage
		want []string
	}{
		{assets.OutcomePage{Reason: "no-such-reason", Service: "Rouen"}, []string{"<h1>The login did not go through</h1>", "The login to Rouen has stopped."}},
		{assets.OutcomePage{Reason: "no-such-reason"}, []string{"<h1>The pairing did not go through</h1>", "The pairing has stopped."}},
		{assets.OutcomePage{Reason: "document-expired", Service: "Rouen"}, []string{"<h1>The login did not go through</h1>", "The document has expired."}},
		{assets.OutcomePage{Reason: "suspected-relay"}, []string{"<h1>Stopped for your safety</h1>"}},
		{assets.OutcomePage{Reason: "done"}, []string{"<h1>This computer is paired</h1>"}},
		{assets.OutcomePage{Reason: "title", Service: "Rouen"}, []string{"<h1>The login did not go through</h1>"}},
	} {
		page := render(t, "en", row.view)
		for _, want := range row.want {
			if !strings.Contains(page, want) {
				t.Errorf("%+v lacks %q", row.view, want)
			}
		}
	}
}

func TestUnknownLevelIsNotShown(t *testing.T) {
	t.Parallel()
	p := pages(t)
	for _, level := range []string{"eidas1", "eidas2", "eidas3"} {
		render(t, "fr", assets.WaitingPage{Level: level})
	}
	for _, level := range []string{"", "eidas0", "eidas4", "high"} {
		for _, v := range []assets.View{assets.WaitingPage{Level: level}, assets.ReleasePage{Level: level}} {
			if err := p.Render(&bytes.Buffer{}, assets.Frame{Speaker: p.Speaker("fr")}, v); err == nil {
				t.Errorf("a page says level %q", level)
			}
		}
	}
}

func TestErrorPageSaysSomethingForAnyCode(t *testing.T) {
	t.Parallel()
	general := render(t, "en", assets.ErrorPage{Code: "Y999999", Message: "page.error.Y999999"})
	if !strings.Contains(general, "<h1>The login did not go through</h1>") || !strings.Contains(general, "An error prevents you from going on.") {
		t.Errorf("no general sentence:\n%s", general)
	}
	own := render(t, "en", assets.ErrorPage{Code: "Y000404", Message: "page.error.Y000404"})
	if !strings.Contains(own, "<h1>Page not found</h1>") || !strings.Contains(own, "leads to no page") {
		t.Errorf("not its own sentence:\n%s", own)
	}
	if strings.Contains(own, "Go back to") || strings.Contains(own, "Incident number") || strings.Contains(own, "Help page") {
		t.Errorf("offers what was not given:\n%s", own)
	}
}

func TestFilesAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	p := pages(t)
	names := regexp.MustCompile(`/static/(pivot-[^"]+)`).FindAllStringSubmatch(render(t, "fr", assets.HomePage{}), -1)
	if len(names) < 2 {
		t.Fatalf("files: %v", names)
	}
	for _, n := range names {
		body, media, ok := p.File(n[1])
		if !ok || len(body) == 0 || media != map[bool]string{true: "text/css; charset=utf-8", false: "image/svg+xml"}[strings.HasSuffix(n[1], ".css")] {
			t.Errorf("%s: %d bytes of %q", n[1], len(body), media)
		}
	}
	for _, n := range []string{"", "pivot.css", "../styles/pivot.css", "styles/pivot.css"} {
		if _, _, ok := p.File(n); ok {
			t.Errorf("%q is a file", n)
		}
	}
}

// The pairs of colours of the style sheet, in light and dark, reach the contrast of WCAG 2.1 level AA.
func TestColoursContrast(t *testing.T) {
	t.Parallel()
	sheet, err := os.ReadFile("styles/pivot.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(sheet), "prefers-color-scheme: dark")
	if !found {
		t.Fatal("no dark colours")
	}
	for name, part := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`).FindAllStringSubmatch(part, -1) {
			colours[m[1]] = m[2]
		}
		for _, pair := range []struct {
			front, back string
			least       float64
		}{
			{"ink", "paper", 4.5},
			{"ink", "shade", 4.5},
			{"soft", "paper", 4.5},
			{"accent", "paper", 4.5},
			{"accent-strong", "paper", 4.5},
			{"on-accent", "accent", 4.5},
			{"on-accent", "accent-strong", 4.5},
			{"alarm", "alarm-shade", 4.5},
			{"soft", "shade", 4.5},
			{"accent", "shade", 4.5},
			{"line", "shade", 3},
			{"alarm", "paper", 3},
			{"line", "paper", 3},
		} {
			if got := contrast(t, colours[pair.front], colours[pair.back]); got < pair.least {
				t.Errorf("%s: %s on %s: %.2f, want %.1f", name, pair.front, pair.back, got, pair.least)
			}
		}
	}
	if got := contrast(t, "#777777", "#ffffff"); got > 4.49 || got < 4.47 { // WCAG's own borderline example
		t.Errorf("#777777 on white: %.3f", got)
	}
}

// contrast is the ratio of WCAG 2.1, "contrast ratio".
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	var r, g, b uint8
	if _, err := fmt.Sscanf(colour, "#%02x%02x%02x", &r, &g, &b); err != nil {
		t.Fatalf("colour %q: %v", colour, err)
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

func linear(channel uint8) float64 {
	c := float64(channel) / 255
	if c <= 0.03928 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}

func BenchmarkRender(b *testing.B) {
	p, err := assets.NewPages("/static/")
	if err != nil {
		b.Fatal(err)
	}
	view, frame := views("fr")["waiting"], assets.Frame{Speaker: p.Speaker("fr"), Site: "Pivot", Here: "/page"}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Render(io.Discard, frame, view); err != nil {
			b.Fatal(err)
		}
	}
}
