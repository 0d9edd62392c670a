package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// site answers as the broker's pages do: a form, a page that moves on, a passage through another name, an end.
func site(t *testing.T) *httptest.Server {
	t.Helper()
	looked := 0
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, body string) { fmt.Fprintf(w, "<h1>Page</h1>%s", body) }
	mux.HandleFunc("GET /pair", func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "browser", Value: "1", Path: "/"})
		show(w, `<form method="post" action="/pair"><label for="e">Mail</label><input id="e" name="email"><button>Begin</button></form>`)
	})
	mux.HandleFunc("POST /pair", func(w http.ResponseWriter, r *http.Request) {
		if _, err := r.Cookie("browser"); err != nil || r.PostFormValue("email") != "a@example.org" || r.Header.Get("Sec-Fetch-Site") != "same-origin" ||
			r.Header.Get("Origin") != "http://"+r.Host {
			http.Error(w, "not a browser", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, "/wait", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /wait", func(w http.ResponseWriter, r *http.Request) {
		looked++
		if looked == 3 {
			_, port, _ := strings.Cut(r.Host, ":")
			http.Redirect(w, r, "http://localhost:"+port+"/hop", http.StatusSeeOther)
			return
		}
		show(w, fmt.Sprintf(`<meta http-equiv="refresh" content="0; url=/wait?n=%d"><p>waits</p>`, looked))
	})
	mux.HandleFunc("GET /hop", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-Fetch-Mode") != "navigate" || r.Header.Get("Sec-Fetch-Site") != "cross-site" {
			http.Error(w, "not a navigation", http.StatusForbidden)
			return
		}
		show(w, "<p>arrived</p>")
	})
	mux.HandleFunc("GET /loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/loop", http.StatusSeeOther) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func TestVisitor(t *testing.T) {
	t.Parallel()
	server := site(t)
	v, err := newVisitor()
	if err != nil {
		t.Fatal(err)
	}
	defer v.client.CloseIdleConnections()
	p, err := v.open(t.Context(), server.URL+"/pair")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.submit(t.Context(), p, "pair", map[string]string{"phone": "1"}); err == nil {
		t.Error("a field that is not there was filled in")
	}
	if p, err = v.submit(t.Context(), p, "pair", map[string]string{"email": "a@example.org"}); err != nil || p.status != http.StatusOK {
		t.Fatal(p, err)
	}
	p, err = v.until(t.Context(), p, func(p *page) bool { return p.refresh == "" })
	if err != nil || !strings.Contains(p.words, "arrived") {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := v.until(t.Context(), p, func(*page) bool { return false }); err == nil || !strings.Contains(err.Error(), "arrived") {
		t.Errorf("a page that does not move: %v", err)
	}
	if _, err := v.open(t.Context(), server.URL+"/loop"); err == nil {
		t.Error("redirects without end")
	}
}

// scripted plays a companion by a shell script.
func scripted(t *testing.T, script string) Script {
	t.Helper()
	name := filepath.Join(t.TempDir(), "pivot")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return Script{Pivot: name, Tell: func(string) {}}
}

func TestCompanion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, script, want string }{
		{"done", `echo '{"ok":true,"reference":"R"}'`, ""},
		{"refused", `echo '{"ok":false,"problem":"pin-wrong"}'; exit 5`, "pivot x: pin-wrong"},
		{"no answer", `echo 'no reader' >&2; exit 3`, "no reader"},
		{"an answer that is none", `echo '{'`, "no answer"},
		{"done, it says, and fails", `echo '{"ok":true}'; exit 0`, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, err := scripted(t, test.script).run(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			defer c.stop()
			_, err = c.wait(t.Context())
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestNumber: what is shown first is what is compared.
func TestNumber(t *testing.T) {
	t.Parallel()
	c, err := scripted(t, "echo 'number: 123 456' >&2\necho 'not 999 999' >&2\nexec cat >/dev/null").run(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	if number, err := c.shows(t.Context()); err != nil || number != "123 456" {
		t.Errorf("%q, %v", number, err)
	}
	silent, err := scripted(t, `echo '{"ok":false,"reason":"offline"}'`).run(t.Context(), "pair")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.stop()
	if _, err := silent.shows(t.Context()); err == nil || !strings.Contains(err.Error(), "offline") {
		t.Errorf("without a number: %v", err)
	}
}

// TestBeside: a companion that fails stops the browser, which would wait for nobody.
func TestBeside(t *testing.T) {
	t.Parallel()
	c, err := scripted(t, `echo '{"ok":false,"problem":"can-wrong"}'`).run(t.Context(), "approve")
	if err != nil {
		t.Fatal(err)
	}
	defer c.stop()
	_, err = c.beside(t.Context(), func(ctx context.Context) (*page, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if err == nil || errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "can-wrong") {
		t.Errorf("%v", err)
	}
	kept := errors.New("the browser's own trouble")
	if _, err := c.beside(t.Context(), func(context.Context) (*page, error) { return nil, kept }); err == nil {
		t.Error("no trouble is told")
	}
}
