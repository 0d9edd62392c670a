package assets

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/url"
	"regexp"
	"strings"
)

//go:embed templates/*.html styles/pivot.css icons/pivot.svg
var parts embed.FS

// Pages renders the broker's pages: parsed once, then safe for concurrent use. Every page stands without a script, has
// one h1, landmarks, a skip link and a language switch.
type Pages struct {
	prefix    string
	templates map[string]*template.Template // by the name of a view's template
	speakers  []*Speaker                    // one a language, in the order of Languages
	files     map[string]file               // by the name that addresses carry
	named     map[string]string             // from a plain name to that one
}

type file struct {
	body []byte
	kind string
}

// NewPages parses the templates. prefix is the address below which File is served, such as "/static/". Errors: a
// template or a catalogue that does not parse, which a test excludes.
func NewPages(prefix string) (*Pages, error) {
	p := &Pages{prefix: prefix, templates: map[string]*template.Template{}, files: map[string]file{}, named: map[string]string{}}
	for _, name := range []string{"error", "home", "waiting", "release", "outcome", "pair", "pairing", "compare", "leave", "left"} {
		t, err := template.ParseFS(parts, "templates/layout.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("assets: template %s: %w", name, err)
		}
		p.templates[name] = t
	}
	for _, tag := range Languages() {
		s, err := NewSpeaker(tag.String())
		if err != nil {
			return nil, err
		}
		p.speakers = append(p.speakers, s)
	}
	for _, f := range []struct{ path, name, kind string }{
		{"styles/pivot.css", "pivot.css", "text/css; charset=utf-8"},
		{"icons/pivot.svg", "pivot.svg", "image/svg+xml"},
	} {
		body, err := parts.ReadFile(f.path)
		if err != nil {
			return nil, fmt.Errorf("assets: %w", err)
		}
		// The name changes with the content, so that browsers may keep the file for ever.
		sum := sha256.Sum256(body)
		stem, extension, _ := strings.Cut(f.name, ".")
		name := stem + "-" + base64.RawURLEncoding.EncodeToString(sum[:9]) + "." + extension
		p.files[name], p.named[f.name] = file{body, f.kind}, name
	}
	return p, nil
}

// File returns a file that pages refer to, and its media type. Its name changes with its content.
func (p *Pages) File(name string) (body []byte, mediaType string, ok bool) {
	f, ok := p.files[name]
	return f.body, f.kind, ok
}

// Speaker returns the speaker of the language that prefs choose, as NewSpeaker does, without parsing anything.
func (p *Pages) Speaker(prefs ...string) *Speaker {
	tag := choose(prefs)
	for _, s := range p.speakers {
		if s.tag == tag {
			return s
		}
	}
	return p.speakers[0]
}

// Frame is what surrounds every page.
type Frame struct {
	Speaker *Speaker
	Site    string // name of the broker, said at the top
	Here    string // path and query of this page, to which the language switch adds "lang"; empty: no switch
}

// Render writes the page of a view. Errors: of w; and of a view that its template cannot show, after which what was
// written is no page: give a buffer.
func (p *Pages) Render(w io.Writer, f Frame, v View) error {
	t, ok := p.templates[v.template()]
	if !ok {
		return fmt.Errorf("assets: no template %q", v.template())
	}
	links, err := p.switches(f)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(w, "layout", scene{Frame: f, View: v, Switch: links, pages: p})
}

// A choice is one language in the switch.
type choice struct {
	Tag, Name, URL string
	Current        bool
}

func (p *Pages) switches(f Frame) ([]choice, error) {
	if f.Here == "" {
		return nil, nil
	}
	u, err := url.Parse(f.Here)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
		return nil, fmt.Errorf("assets: %q is not the address of a page", f.Here)
	}
	query := u.Query()
	out := make([]choice, 0, len(p.speakers))
	for _, s := range p.speakers {
		query.Set("lang", s.tag.String())
		u.RawQuery = query.Encode()
		out = append(out, choice{Tag: s.tag.String(), Name: s.Say("page.language", nil), URL: u.String(), Current: s.tag == f.Speaker.tag})
	}
	return out, nil
}

// A scene is what templates see.
type scene struct {
	Frame
	View   View
	Switch []choice
	pages  *Pages
}

// Lang is the language of the page, as HTML wants it.
func (s scene) Lang() string { return s.Speaker.tag.String() }

// Heading is the h1.
func (s scene) Heading() string { return s.View.heading(s.Speaker) }

// Title says what the page is before whose it is: a screen reader reads it first (WCAG 2.4.2).
func (s scene) Title() string {
	title, faulty := s.Heading()+" – "+s.Site, false
	switch v := s.View.(type) {
	case ReleasePage:
		faulty = v.Unticked
	case PairPage:
		faulty = v.Problem != ""
	}
	if faulty {
		title = s.Say("page.faulty") + " " + title
	}
	return title
}

// Refresh is what the page does by itself, as HTML wants it; empty: nothing. A second passes first, so that the page is
// there, and read out, before it waits.
func (s scene) Refresh() string {
	var held string
	switch v := s.View.(type) {
	case WaitingPage:
		held = v.Held
	case PairingPage:
		held = v.Held
	}
	if held == "" {
		return ""
	}
	return "1; url=" + held
}

// Sentence is that of an error page: its own, else the general one, so that a refusal never shows the name of a message.
func (s scene) Sentence() string {
	if v, ok := s.View.(ErrorPage); ok && s.Speaker.Has(v.Message) {
		return s.Say(v.Message)
	}
	return s.Say("page.error.text")
}

// Outcome is the sentence of an outcome, and Advice what to do after it: nothing where there is nothing to add.
func (s scene) Outcome() string {
	v, _ := s.View.(OutcomePage)
	return s.SayOf(v.sentence(s.Speaker), v.Service)
}

// Advice goes with Outcome.
func (s scene) Advice() string {
	v, _ := s.View.(OutcomePage)
	if id := v.sentence(s.Speaker) + ".advice"; s.Speaker.Has(id) {
		return s.SayOf(id, v.Service)
	}
	return ""
}

// Parting is the sentence of a logout.
func (s scene) Parting() string {
	v, _ := s.View.(LeftPage)
	return s.Say(v.said())
}

// appLink is what a page may wake the app with: no scheme but the app's, and nothing that could end the attribute.
var appLink = regexp.MustCompile(`^pivot:(approve|pair)\?[A-Za-z0-9=&:/%.\[\]_-]+$`)

// App passes a link of the app on to a page, which would not let a scheme stand that is none of the web's. Errors: another
// link.
func (s scene) App(link string) (template.URL, error) {
	if !appLink.MatchString(link) {
		return "", errors.New("assets: not a link of the app")
	}
	return template.URL(link), nil
}

// Level is the word for a level. Errors: there is none, and a page must not invent one.
func (s scene) Level(name string) (string, error) {
	id := "page.level." + name
	if !s.Speaker.Has(id) {
		return "", fmt.Errorf("assets: no level %q", name)
	}
	return s.Say(id), nil
}

// Check is what the service's developer is to check, for an error that has such a sentence; empty for another view.
func (s scene) Check() string {
	v, ok := s.View.(ErrorPage)
	if id := "advice." + v.Code; ok && s.Speaker.Has(id) {
		return s.Say(id)
	}
	return ""
}

// Say says a message that takes no data.
func (s scene) Say(id string) string { return s.Speaker.Say(id, nil) }

// SayOf says a message about a service.
func (s scene) SayOf(id, service string) string { return sayOf(s.Speaker, id, service) }

// Count says a message about a number.
func (s scene) Count(id string, n int) string { return s.Speaker.Count(id, n) }

// File is the address of a file.
func (s scene) File(name string) string { return s.pages.prefix + s.pages.named[name] }

func sayOf(s *Speaker, id, service string) string {
	return s.Say(id, map[string]string{"Service": service})
}
