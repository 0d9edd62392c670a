package web

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"pivot/assets"
	"pivot/server/internal/oauth"
)

// Options are what a Kit needs. Every field but Proxies, Probes and Help is required.
type Options struct {
	Issuer  string         // URL whose path is PathBase; https, or http where the host is loopback
	Profile string         // plus or standard: the cookies carry it
	Site    string         // name of the broker, shown on every page
	Log     *slog.Logger   // one line a request, and the causes of internal errors
	Proxies []netip.Prefix // peers whose X-Forwarded-For is believed
	Probes  []Probe        // what PathReady asks
	Help    string         // address of a help page for people, shown on error pages
}

// Kit is the edge kit of one issuer. Mount routes on it, then serve it; it is then safe for concurrent use.
type Kit struct {
	options Options
	issuer  *url.URL
	pages   *assets.Pages
	engine  *gin.Engine
	origin  http.CrossOriginProtection
	codes   map[string]oauth.Error // every public error, by its code
	api     map[string]bool        // paths that answer in JSON
	gets    map[string]bool        // paths of pages that can be opened by GET
	bounds  map[string]bounds      // of paths that have their own
}

// New makes the kit, with the routes mounted that are its own: files of pages, health, and what a code of error means.
// Errors: an option that is missing or is not what it must be.
func New(o Options) (*Kit, error) {
	issuer, err := parseIssuer(o.Issuer)
	if err != nil {
		return nil, err
	}
	if o.Log == nil || o.Site == "" {
		return nil, errors.New("web: a log and a site name are required")
	}
	if o.Profile == "" || strings.Trim(o.Profile, "abcdefghijklmnopqrstuvwxyz") != "" {
		return nil, fmt.Errorf("web: profile %q must be lower-case letters, for it names cookies", o.Profile)
	}
	prefix, _, _ := strings.Cut(string(PathStatic), ":")
	pages, err := assets.NewPages(prefix)
	if err != nil {
		return nil, err
	}
	gin.SetMode(gin.ReleaseMode) // gin prints its routes otherwise; the value is the same for all
	k := &Kit{
		options: o, issuer: issuer, pages: pages, engine: gin.New(),
		codes: publicErrors(), api: map[string]bool{}, gets: map[string]bool{}, bounds: map[string]bounds{},
	}
	if err := k.trust(o.Proxies); err != nil {
		return nil, err
	}
	k.engine.RedirectTrailingSlash = false
	k.engine.HandleMethodNotAllowed = true
	// A client's own site posts its authorization request here; nothing there acts on a cookie.
	k.origin.AddInsecureBypassPattern("POST " + string(PathAuthorize))
	k.origin.AddInsecureBypassPattern("POST " + string(PathLogout)) // and this one is only made a GET
	k.engine.Use(k.observe, k.protect, k.bound)
	k.engine.NoRoute(func(c *gin.Context) { k.refuse(c, status(http.StatusNotFound)) })
	k.engine.NoMethod(func(c *gin.Context) { k.refuse(c, status(http.StatusMethodNotAllowed)) })
	k.mountOwn()
	return k, nil
}

func parseIssuer(issuer string) (*url.URL, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("web: issuer: %w", err)
	}
	if u.Path != string(PathBase) || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Host == "" {
		return nil, fmt.Errorf("web: issuer %q is not a host followed by %s", issuer, PathBase)
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, fmt.Errorf("web: issuer %q must be https, or http on loopback", issuer)
	}
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// trust says whose X-Forwarded-For gin believes: nobody's by default, unlike gin.
func (k *Kit) trust(proxies []netip.Prefix) error {
	var list []string
	for _, p := range proxies {
		list = append(list, p.String())
	}
	k.engine.ForwardedByClientIP = len(list) > 0
	k.engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if err := k.engine.SetTrustedProxies(list); err != nil {
		return fmt.Errorf("web: proxies: %w", err)
	}
	return nil
}

func (k *Kit) mountOwn() {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		k.engine.Handle(method, string(PathStatic), k.file)
		k.engine.Handle(method, string(PathHealth), k.alive)
		k.engine.Handle(method, string(PathReady), k.ready)
	}
	k.Page(http.MethodGet, PathExplain, k.explain)
}

// ServeHTTP serves what is mounted.
func (k *Kit) ServeHTTP(w http.ResponseWriter, r *http.Request) { k.engine.ServeHTTP(w, r) }

// Page mounts a route for people: a refusal is a page or a redirect, a form that another site sends is refused, and the
// language may be switched. The handler returns an oauth.Error of any kind, a *Refusal, or any other error, which is
// internal: nothing of it is shown.
func (k *Kit) Page(method string, path Path, handle func(*gin.Context) error) {
	if method == http.MethodGet {
		k.gets[string(path)] = true
	}
	k.engine.Handle(method, string(path), func(c *gin.Context) {
		if err := k.origin.Check(c.Request); err != nil {
			k.refuse(c, status(http.StatusForbidden))
			return
		}
		k.keepLanguage(c)
		if err := handle(c); err != nil {
			k.refuse(c, err)
		}
	})
}

// API mounts a route for programs: a refusal is JSON, and no answer carries a cookie.
func (k *Kit) API(method string, path Path, handle func(*gin.Context) error) {
	k.api[string(path)] = true
	k.engine.Handle(method, string(path), func(c *gin.Context) {
		if err := handle(c); err != nil {
			k.refuse(c, err)
		}
	})
}

// APIWithin is API for messages of up to most bytes, where the kit's own bound is too small.
func (k *Kit) APIWithin(method string, path Path, most int64, handle func(*gin.Context) error) {
	b := k.bounds[string(path)]
	b.body = most
	k.bounds[string(path)] = b
	k.API(method, path, handle)
}

// Patient lets a GET of that path take so long, where answers wait for something to happen: the request's context ends
// then, and reading and writing have a little more. Call it before the path is served.
func (k *Kit) Patient(path Path, most time.Duration) {
	b := k.bounds[string(path)]
	b.patience = most
	k.bounds[string(path)] = b
}

// Render answers with a page. Errors: a view that cannot be shown; nothing was answered then.
func (k *Kit) Render(c *gin.Context, code int, v assets.View) error {
	return k.render(c, code, v, k.here(c))
}

func (k *Kit) render(c *gin.Context, code int, v assets.View, here string) error {
	speaker := k.Speaker(c)
	var page bytes.Buffer
	if err := k.pages.Render(&page, assets.Frame{Speaker: speaker, Site: k.options.Site, Here: here}, v); err != nil {
		return fmt.Errorf("web: render: %w", err)
	}
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentPolicy(c.GetString(leaveKey)))
	h.Set("Content-Language", speaker.Language().String())
	c.Data(code, "text/html; charset=utf-8", page.Bytes())
	return nil
}

// SeeOther sends the browser to another address by GET (status 303), with an empty body: an address may carry a code.
func (k *Kit) SeeOther(c *gin.Context, location string) {
	c.Header("Location", location)
	c.Status(http.StatusSeeOther)
	c.Writer.WriteHeaderNow()
}

// here is the address of this page for the language switch; empty when the page cannot be opened by GET.
func (k *Kit) here(c *gin.Context) string {
	switch {
	case safe(c.Request.Method):
		return requested(c.Request.URL)
	case k.gets[c.FullPath()]:
		return c.Request.URL.EscapedPath()
	}
	return ""
}

func requested(u *url.URL) string {
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }
