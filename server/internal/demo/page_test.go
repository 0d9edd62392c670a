package demo

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

const sample = `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>111 111</title><style>p > a { color: red }</style>
<meta http-equiv="refresh" content="1; url=/pair/x?wait=offered&amp;y=1"></head>
<body><h1>Pair a <em>computer</em></h1>
<p class="code"><strong>123 456</strong></p><p><a class="button" href="pivot:pair?code=ABCDEFGH&amp;issuer=http%3A%2F%2Flocalhost">Open</a>
<form method="post" action="/pair/x/confirm"><input type="hidden" name="csrfToken" value="t&amp;k">
<label for="email">Mail</label><input type="email" id="email" name="email" value="" required>
<button type="submit">Yes, the <b>same</b></button></form>
<form method="post" action="/pair/x/deny"><button></button></form>
<form method="post" action="/pair/x/name"><input name="name" id="name"><button>Go</button></form>
<form action="/login" method="get"><label for="level">Level</label><select id="level" name="level"><option value="a">A</option><option value="b">B</option></select><button>Log in</button></form>
</body></html>`

func parsed(t *testing.T, text string) *page {
	t.Helper()
	p, err := parsePage(&url.URL{Scheme: "http", Host: "localhost", Path: "/pair/x", RawQuery: "c=secret"}, 200, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParsePage(t *testing.T) {
	t.Parallel()
	p := parsed(t, sample)
	if p.heading != "Pair a computer" || p.number() != "123 456" || strings.Contains(p.words, "color") {
		t.Errorf("%q: %q", p.heading, p.words)
	}
	if p.refresh != "/pair/x?wait=offered&y=1" || p.delay != time.Second {
		t.Errorf("refresh %q after %v", p.refresh, p.delay)
	}
	if code, err := called(p, "code"); err != nil || code != "ABCDEFGH" {
		t.Errorf("code %q, %v", code, err)
	}
	if _, err := called(p, "start"); err == nil {
		t.Error("a link carries what is not in it")
	}
	f, err := p.form("confirm")
	if err != nil || f.method != "post" || f.values.Get("csrfToken") != "t&k" || f.buttons[0] != "Yes, the same" {
		t.Errorf("form %v, %v", f, err)
	}
	login, err := p.form("login")
	if err != nil || login.values.Get("level") != "a" {
		t.Errorf("form %v, %v", login, err)
	}
	if strings.Contains(p.String(), "secret") {
		t.Errorf("a query is told: %s", p)
	}
}

// TestForPeople: what nobody could use by eye or by ear is no way on.
func TestForPeople(t *testing.T) {
	t.Parallel()
	p := parsed(t, sample)
	for step, want := range map[string]string{"deny": "no button", "name": "no label", "cancel": "no form"} {
		if _, err := p.form(step); err == nil || !strings.Contains(err.Error(), want) || p.has(step) {
			t.Errorf("%s: %v", step, err)
		}
	}
	if _, err := parsed(t, "<p>nothing</p>").app(); err == nil {
		t.Error("a link is found where none is")
	}
}

func TestFurther(t *testing.T) {
	t.Parallel()
	for _, test := range [][3]string{
		{"none", "cross-site", "none"},
		{"same-origin", "cross-site", "cross-site"},
		{"cross-site", "same-origin", "cross-site"},
		{"same-origin", "same-site", "same-site"},
		{"same-origin", "same-origin", "same-origin"},
	} {
		if got := further(test[0], test[1]); got != test[2] {
			t.Errorf("%s then %s: %s", test[0], test[1], got)
		}
	}
}
