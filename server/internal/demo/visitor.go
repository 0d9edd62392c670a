package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"
)

// visitor is a browser without scripts, for a person who only reads: it keeps cookies, follows redirects and refreshes,
// and says of each navigation what browsers say (Fetch Metadata).
type visitor struct{ client *http.Client }

const (
	mostRedirects = 10
	mostPage      = 1 << 20
	// patience is longer than a page is held.
	patience = time.Minute
)

func newVisitor() (visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return visitor{}, err
	}
	return visitor{&http.Client{
		Jar: jar, Timeout: patience, Transport: &http.Transport{}, // loopback: no proxy
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// open goes where a person types an address.
func (v visitor) open(ctx context.Context, address string) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	return v.follow(request, "none")
}

// submit presses the one button of the form that leads to a step, with what a person filled in.
func (v visitor) submit(ctx context.Context, p *page, step string, filled map[string]string) (*page, error) {
	f, err := p.form(step)
	if err != nil {
		return nil, err
	}
	for name, value := range filled {
		if _, ok := f.fields[name]; !ok {
			return nil, fmt.Errorf("no field %q in the form %q of %s", name, step, p)
		}
		f.values.Set(name, value)
	}
	to, err := p.address.Parse(f.action)
	if err != nil {
		return nil, err
	}
	if f.method != "post" {
		to.RawQuery = f.values.Encode()
		return v.from(ctx, p, to)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), strings.NewReader(f.values.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.address.Scheme+"://"+p.address.Host)
	return v.follow(request, relation(p.address, to))
}

// from follows a link of a page, or its refresh.
func (v visitor) from(ctx context.Context, p *page, to *url.URL) (*page, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, to.String(), nil)
	if err != nil {
		return nil, err
	}
	return v.follow(request, relation(p.address, to))
}

// relation is how two addresses of loopback stand to one another: ports are of one site, names are not.
func relation(a, b *url.URL) string {
	switch {
	case a.Scheme == b.Scheme && a.Host == b.Host:
		return "same-origin"
	case a.Scheme == b.Scheme && a.Hostname() == b.Hostname():
		return "same-site"
	}
	return "cross-site"
}

// further is what a chain of redirects has crossed so far. An address that was typed came from no page, wherever it leads.
func further(site, next string) string {
	far := []string{"same-origin", "same-site", "cross-site"}
	if site == "none" || slices.Index(far, site) > slices.Index(far, next) {
		return site
	}
	return next
}

// follow comes to rest on a page.
func (v visitor) follow(request *http.Request, site string) (*page, error) {
	for range mostRedirects {
		for name, value := range map[string]string{
			"Accept": "text/html", "Accept-Language": "en", "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) pivot-demo",
			"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-User": "?1",
		} {
			request.Header.Set(name, value)
		}
		response, err := v.client.Do(request)
		if err != nil {
			return nil, spare(err)
		}
		where, err := response.Location()
		if errors.Is(err, http.ErrNoLocation) {
			p, err := parsePage(request.URL, response.StatusCode, io.LimitReader(response.Body, mostPage))
			return p, errors.Join(err, response.Body.Close())
		}
		if err = errors.Join(err, response.Body.Close()); err != nil {
			return nil, err
		}
		site = further(site, relation(request.URL, where))
		if request, err = http.NewRequestWithContext(request.Context(), http.MethodGet, where.String(), nil); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("more than ten redirects")
}

// spare leaves the address out of an error: its query may hold a secret of the login.
func spare(err error) error {
	if at, ok := errors.AsType[*url.Error](err); ok {
		return at.Err
	}
	return err
}

// until stays on a page, going where it goes by itself, until it is the one that is waited for.
func (v visitor) until(ctx context.Context, p *page, arrived func(*page) bool) (*page, error) {
	for {
		if arrived(p) {
			return p, nil
		}
		if p.refresh == "" {
			return nil, fmt.Errorf("the browser came to rest on %s: %.300s", p, p.words)
		}
		to, err := p.address.Parse(p.refresh)
		if err != nil {
			return nil, err
		}
		next, err := v.from(ctx, p, to)
		if err != nil {
			return nil, err
		}
		if next.words == p.words { // nothing happened yet: the page says how often to look
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(next.delay):
			}
		}
		p = next
	}
}
