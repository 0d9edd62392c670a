package broker

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/server/internal/assurance"
	"pivot/server/internal/demo"
	"pivot/server/internal/identity"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/prooftest"
)

// scene is a broker and the demo's service provider, both really listening on loopback.
type scene struct {
	broker *Broker
	world  demo.World
	log    *journal
}

// journal is a log that is read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

// String is the log so far.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// freePort is the broker's port; the service provider has the next one.
func freePort(tb testing.TB) int {
	tb.Helper()
	port, err := demo.FreePort()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// authorities are the test authorities that all tests of this package share: making them takes seconds.
var authorities = sync.OnceValues(func() (*cardsim.PKI, error) { return cardsim.NewPKI(time.Now()) })

// start writes a deployment and serves it until the test ends.
func start(tb testing.TB) scene {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	pki, err := authorities()
	if err != nil {
		tb.Fatal(err)
	}
	if err := pki.Save(filepath.Join(dir, "trust")); err != nil {
		tb.Fatal(err)
	}
	world, err := demo.Write(demo.Options{Dir: dir, Port: freePort(tb), Now: time.Now()})
	if err != nil {
		tb.Fatal(err)
	}
	if err := InitKeys(world.Config, time.Now); err != nil {
		tb.Fatal(err)
	}
	log := new(journal)
	b, err := Open(tb.Context(), Options{Config: world.Config, Log: slog.New(slog.NewJSONHandler(log, nil)), TestAnchors: true})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- b.Serve(ctx, nil) }()
	go func() { ended <- demo.Serve(ctx, dir, world) }()
	tb.Cleanup(func() {
		cancel()
		for range 2 {
			if err := <-ended; err != nil {
				tb.Errorf("serving: %v", err)
			}
		}
		if err := b.Close(); err != nil {
			tb.Errorf("closing: %v", err)
		}
	})
	s := scene{broker: b, world: world, log: log}
	s.waitFor(tb, world.SP[0].URL)
	s.waitFor(tb, strings.TrimSuffix(s.issuer(), "/api/v2")+"/healthz")
	return s
}

// waitFor asks until something answers: a listener comes up once, at the start.
func (s scene) waitFor(tb testing.TB, address string) {
	tb.Helper()
	for range 10_000 {
		if r, err := http.Get(address); err == nil {
			r.Body.Close()
			return
		}
	}
	tb.Fatalf("%s does not answer", address)
}

func (s scene) issuer() string { return s.world.Issuers["plus"] }

// browser is a citizen's browser: it keeps cookies and stops at every redirect.
type browser struct {
	tb     testing.TB
	client *http.Client
}

func newBrowser(tb testing.TB) browser {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return browser{tb, &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is where a browser came to rest.
type page struct {
	status int
	url    *url.URL
	body   string
	header http.Header
	trail  []string // the addresses on the way
}

// open follows redirects from an address, ten at most, and says where it came to rest.
func (b browser) open(address string) page {
	b.tb.Helper()
	r, err := b.client.Get(address)
	return b.rest(r, err)
}

// post sends a form and follows from there.
func (b browser) post(address string, form url.Values) page {
	b.tb.Helper()
	r, err := b.client.PostForm(address, form)
	return b.rest(r, err)
}

func (b browser) rest(r *http.Response, err error) page {
	b.tb.Helper()
	var trail []string
	for range 10 {
		if err != nil {
			b.tb.Fatal(err)
		}
		body, readErr := io.ReadAll(r.Body)
		r.Body.Close()
		if readErr != nil {
			b.tb.Fatal(readErr)
		}
		location, locErr := r.Location()
		if locErr != nil {
			return page{r.StatusCode, r.Request.URL, string(body), r.Header, trail}
		}
		trail = append(trail, location.String())
		r, err = b.client.Get(location.String())
	}
	b.tb.Fatalf("more than ten redirects: %v", trail)
	return page{}
}

// begin starts a login at the service provider and returns the waiting page.
func (s scene) begin(b browser) (page, txn.ID) {
	b.tb.Helper()
	p := b.open(s.world.SP[0].URL + "login?level=eidas3")
	if p.status != http.StatusOK || !strings.Contains(p.url.Path, "/interaction/") {
		b.tb.Fatalf("rests at %s with %d: %s", p.url, p.status, p.body)
	}
	id, err := txn.ParseID(filepath.Base(p.url.Path))
	if err != nil {
		b.tb.Fatal(err)
	}
	return p, id
}

// person is who logs in.
func (s scene) person(tb testing.TB) identity.Identity {
	tb.Helper()
	who, err := identity.New(identity.Fields{
		GivenName: "Hélène Françoise", FamilyName: "Dupont", Gender: "female", Birthdate: "1985-03-14",
		Birthcountry: "99100", Birthplace: "69383", Email: "helene@example.org",
	})
	if err != nil {
		tb.Fatal(err)
	}
	return who
}

// prove does what first light's companion will have done: it hands a proof to the transaction. Only a test can.
func (s scene) prove(tb testing.TB, id txn.ID) {
	tb.Helper()
	state, err := s.broker.store.Load(tb.Context(), s.issuer(), id)
	if err != nil {
		tb.Fatal(err)
	}
	proof := prooftest.New(tb, id.String(), "account-1", assurance.Contribution{
		Evidence: assurance.CardWithKey, Hop: true,
		Activations: []assurance.Activation{assurance.CardDesk, assurance.CardDesk, assurance.CardDesk},
	})
	next, entry, err := state.(txn.Waiting).Prove(proof, assurance.Default(), s.person(tb), time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.broker.store.Advance(tb.Context(), state, next, entry); err != nil {
		tb.Fatal(err)
	}
}

var (
	tokenField = regexp.MustCompile(`name="csrfToken" value="([^"]+)"`)
	formAction = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// submit sends the form of a page whose action ends so, with more fields.
func (p page) submit(b browser, step string, more url.Values) page {
	b.tb.Helper()
	actions, tokens := formAction.FindAllStringSubmatch(p.body, -1), tokenField.FindAllStringSubmatch(p.body, -1)
	for i, a := range actions {
		if !strings.HasSuffix(a[1], "/"+step) {
			continue
		}
		form := url.Values{"csrfToken": {tokens[i][1]}}
		maps.Copy(form, more)
		return b.post(p.url.ResolveReference(&url.URL{Path: a[1]}).String(), form)
	}
	b.tb.Fatalf("no form %q in %s", step, p.body)
	return page{}
}
