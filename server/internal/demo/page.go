package demo

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// page is what a person has in front of them: words, links, and forms with labelled fields and buttons. Whatever a page
// does by script, it does not do here.
type page struct {
	address *url.URL
	status  int
	words   string // all that can be read, in one line
	heading string
	forms   []form
	links   []string
	refresh string        // where the page goes by itself
	delay   time.Duration // and after how long
	labels  map[string]bool
}

// form is one form of a page.
type form struct {
	method, action string
	values         url.Values
	fields         map[string]string // id, by the name of what a person fills in
	buttons        []string          // what they say
}

// parsePage reads a page as far as a person needs it. Errors: what is no page.
func parsePage(address *url.URL, status int, body io.Reader) (*page, error) {
	p := &page{address: address, status: status, labels: make(map[string]bool)}
	d := xml.NewDecoder(body)
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	r := reading{page: p}
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			p.words = strings.Join(strings.Fields(p.words), " ")
			p.heading = strings.Join(strings.Fields(p.heading), " ")
			return p, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", address.Path, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			r.open(strings.ToLower(t.Name.Local), attributes(t))
		case xml.EndElement:
			r.shut(strings.ToLower(t.Name.Local))
		case xml.CharData:
			r.say(string(t))
		}
	}
}

func attributes(t xml.StartElement) map[string]string {
	out := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		out[strings.ToLower(a.Name.Local)] = a.Value
	}
	return out
}

// reading is the place in a page.
type reading struct {
	page    *page
	form    *form
	button  *strings.Builder
	heading bool
	silent  bool   // inside what nobody reads
	choice  string // name of the list that is open
}

func (r *reading) open(name string, a map[string]string) {
	switch name {
	case "style", "script", "title":
		r.silent = true
	case "h1":
		r.heading = true
	case "meta":
		if strings.EqualFold(a["http-equiv"], "refresh") {
			r.refresh(a["content"])
		}
	case "a":
		if a["href"] != "" {
			r.page.links = append(r.page.links, a["href"])
		}
	case "label":
		r.page.labels[a["for"]] = true
	case "form":
		r.form = &form{method: strings.ToLower(a["method"]), action: a["action"], values: url.Values{}, fields: map[string]string{}}
	case "button":
		r.button = new(strings.Builder)
	case "input", "select", "option":
		r.field(name, a)
	}
}

// field notes what a form sends, and what a person can fill in.
func (r *reading) field(name string, a map[string]string) {
	if r.form == nil {
		return
	}
	_, checked := a["checked"]
	switch {
	case name == "option":
		if !r.form.values.Has(r.choice) { // the first is the one that is chosen
			r.form.values.Set(r.choice, a["value"])
		}
	case name == "select":
		r.choice = a["name"]
		r.form.fields[a["name"]] = a["id"]
	case a["type"] == "hidden":
		r.form.values.Set(a["name"], a["value"])
	case a["type"] == "checkbox" || a["type"] == "radio":
		r.form.fields[a["name"]] = a["id"]
		if checked {
			r.form.values.Set(a["name"], a["value"])
		}
	default:
		r.form.fields[a["name"]] = a["id"]
		r.form.values.Set(a["name"], a["value"])
	}
}

func (r *reading) shut(name string) {
	switch name {
	case "style", "script", "title":
		r.silent = false
	case "h1":
		r.heading = false
	case "button":
		if r.form != nil && r.button != nil {
			r.form.buttons = append(r.form.buttons, strings.TrimSpace(r.button.String()))
		}
		r.button = nil
	case "form":
		if r.form != nil {
			r.page.forms = append(r.page.forms, *r.form)
		}
		r.form = nil
	}
}

func (r *reading) say(text string) {
	if r.silent {
		return
	}
	r.page.words += " " + text
	if r.heading {
		r.page.heading += text
	}
	if r.button != nil {
		r.button.WriteString(text)
	}
}

// refresh reads "1;url=/where" (HTML, the http-equiv refresh state).
func (r *reading) refresh(content string) {
	delay, where, found := strings.Cut(content, ";")
	if !found {
		return
	}
	seconds, err := time.ParseDuration(strings.TrimSpace(delay) + "s")
	if err != nil || seconds < 0 || seconds > time.Minute {
		return
	}
	where = strings.TrimSpace(where)
	if len(where) < 4 || !strings.EqualFold(where[:4], "url=") {
		return
	}
	r.page.refresh, r.page.delay = where[4:], seconds
}

// form finds the one form that leads to a step. A person must be able to tell what it does: it has one button, which says
// so, and each field has a label.
func (p *page) form(step string) (form, error) {
	for _, f := range p.forms {
		if strings.Trim(f.action, "/") != strings.Trim(step, "/") && !strings.HasSuffix(f.action, "/"+step) {
			continue
		}
		if len(f.buttons) != 1 || f.buttons[0] == "" {
			return form{}, fmt.Errorf("the form %q of %s has no button that says what it does", step, p)
		}
		for name, id := range f.fields {
			if !p.labels[id] {
				return form{}, fmt.Errorf("the field %q of %s has no label", name, p)
			}
		}
		return f, nil
	}
	return form{}, fmt.Errorf("no form %q on %s", step, p)
}

// has reports whether a form that leads to a step is there.
func (p *page) has(step string) bool {
	_, err := p.form(step)
	return err == nil
}

// app finds the link that opens the companion.
func (p *page) app() (string, error) {
	for _, link := range p.links {
		if strings.HasPrefix(link, "pivot:") {
			return link, nil
		}
	}
	return "", fmt.Errorf("no link to the companion on %s", p)
}

var shortString = regexp.MustCompile(`\b[0-9]{3} [0-9]{3}\b`)

// number is what the page shows for a person to compare.
func (p *page) number() string { return shortString.FindString(p.words) }

// String names the page for a report: its address without what may be secret in it, and its heading.
func (p *page) String() string { return fmt.Sprintf("%q at %s", p.heading, p.address.Path) }
