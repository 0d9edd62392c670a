package rendezvous_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/record"
	"pivot/server/internal/rendezvous"
	"pivot/server/internal/txn"
	"pivot/shared/wire"
)

func TestHostNeedsEveryPart(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	for name, spoil := range map[string]func(*rendezvous.Parts){
		"kit": func(p *rendezvous.Parts) { p.Kit = nil }, "issuer": func(p *rendezvous.Parts) { p.Issuer = "" },
		"address": func(p *rendezvous.Parts) { p.Issuer = "broker" }, "book": func(p *rendezvous.Parts) { p.Book = nil },
		"events": func(p *rendezvous.Parts) { p.Events = nil }, "clock": func(p *rendezvous.Parts) { p.Now = nil },
	} {
		p := s.Parts
		spoil(&p)
		if _, err := rendezvous.New(p); err == nil {
			t.Errorf("a host without its %s", name)
		}
	}
}

func TestPageCallsTheApp(t *testing.T) {
	t.Parallel()
	for _, pairing := range []bool{false, true} {
		s := newScene(t, pairing)
		if pairing {
			if a := s.get(t.Context(), ""); a.text != rendezvous.ErrGone.Error() {
				t.Errorf("a pairing that nobody began: %+v", a)
			}
			if err := s.Begin(t.Context(), s.visit(""), "jeanne@example.org"); err != nil {
				t.Fatal(err)
			}
		}
		m := s.get(t.Context(), "").meeting
		link, err := wire.ParseLink(m.Link)
		if err != nil || link.Value != m.Code || link.Origin != "https://"+host || m.Phase != "offered" {
			t.Errorf("page %+v: link %+v, %v", m, link, err)
		}
		if want := map[bool]int{false: 14, true: 9}[pairing]; len(m.Code) != want {
			t.Errorf("code %q", m.Code)
		}
		if m.Held != s.path()+"?wait=offered" || m.Continue != s.path() || m.Toggle != s.path()+"?refresh=0" {
			t.Errorf("addresses %+v", m)
		}
		if still := s.get(t.Context(), "?refresh=0").meeting; still.Held != "" || still.Continue != m.Toggle || still.Toggle != s.path() || still.Code != m.Code {
			t.Errorf("a page that stands still: %+v", still)
		}
		s.attach() // the code that the page showed is the one that a device redeems
		if m := s.get(t.Context(), "").meeting; m.Phase != "attached" || m.Code != "" || m.Link != "" || m.Compare == "" || m.Device != "Ordinateur" {
			t.Errorf("once a device is attached: %+v", m)
		}
	}
}

// A reload, a second tab and another language show the same code; one that nobody could type any more is replaced.
func TestCodeStaysWhileItCanBeTyped(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	at := time.Now()
	s.now = func() time.Time { return at }
	first := s.get(t.Context(), "").meeting.Code
	at = at.Add(39 * time.Second)
	if again := s.get(t.Context(), "?lang=en").meeting.Code; again != first {
		t.Errorf("%s, then %s", first, again)
	}
	at = at.Add(time.Second)
	if later := s.get(t.Context(), "").meeting.Code; later == first || later == "" {
		t.Errorf("with twenty seconds left: %s, then %s", first, later)
	}
}

func TestOnlyTheBrowserThatBeganSees(t *testing.T) {
	t.Parallel()
	s := newScene(t, true)
	if err := s.Begin(t.Context(), s.visit(""), "jeanne@example.org"); err != nil {
		t.Fatal(err)
	}
	s.get(t.Context(), "")
	s.attach()
	other, unknown := s.visit("other"), s.visit("")
	unknown.Known = false
	for name, do := range map[string]func(context.Context, rendezvous.Visit) error{"cancel": s.Cancel} {
		for _, v := range []rendezvous.Visit{other, unknown} {
			if err := do(t.Context(), v); !errors.Is(err, rendezvous.ErrBrowser) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for name, do := range map[string]func(context.Context, rendezvous.Visit) error{"confirm": s.Confirm, "deny": s.Deny} {
		if err := do(t.Context(), other); !errors.Is(err, rendezvous.ErrBrowser) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.ceremony().Stage() != ceremony.Attached {
		t.Errorf("now %s", s.ceremony().Stage())
	}
	foreign := s.visit("")
	foreign.Pairing = false // another kind's
	if err := s.Cancel(t.Context(), foreign); !errors.Is(err, rendezvous.ErrGone) {
		t.Errorf("of another kind: %v", err)
	}
	for _, id := range []string{"", "x", strings.Repeat("A", 44), txn.NewID().String()} {
		v := s.visit("")
		v.ID = id
		if err := s.Confirm(t.Context(), v); !errors.Is(err, rendezvous.ErrGone) {
			t.Errorf("%q: %v", id, err)
		}
	}
	if err := s.Confirm(t.Context(), s.visit("")); err != nil || s.ceremony().Stage() != ceremony.Confirmed {
		t.Errorf("the browser that began: %v", err)
	}
}

// wait asks for the held address and tells what came of it, on the channel.
func (s *scene) wait(ctx context.Context, query string) <-chan answer {
	out := make(chan answer, 1)
	go func() { out <- s.get(ctx, query) }()
	return out
}

func TestHeldAnswer(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name  string
		query string
		do    func(s *scene) // while the answer is held
		took  time.Duration
		to    string // suffix of the address answered
	}{
		{"nothing happens", "?wait=offered", nil, 40 * time.Second, ""},
		{"a device attaches", "?wait=offered", func(s *scene) { s.attach() }, 0, ""},
		{"the page is not the latest", "?wait=attached", nil, 0, ""},
		{"a stage that is none", "?wait=%3Cb%3E", nil, 0, ""},
		{"something that the page does not show", "?wait=offered", func(s *scene) { s.bus.Notify(s.id) }, 40 * time.Second, ""},
		{"another page's", "?wait=offered", func(s *scene) { s.bus.Notify("other") }, 40 * time.Second, ""},
		{"the broker stops", "?wait=offered", func(s *scene) { s.bus.Close() }, 0, ""},
		{"the app listens", "?wait=offered", func(s *scene) { s.attach(); s.listen(50000) }, 0, "http://127.0.0.1:50000/hop/"},
		{"all is over", "?wait=offered", func(s *scene) {
			s.app(func(c ceremony.Ceremony) (ceremony.Ceremony, error) { return c.End("refused-in-app", s.now()) })
		}, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newScene(t, false)
				s.get(t.Context(), "")
				began := time.Now()
				held := s.wait(t.Context(), row.query)
				synctest.Wait()
				if row.do != nil {
					row.do(s)
				}
				a := <-held
				want := s.path()
				if row.to != "" {
					want = row.to
				}
				if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location, want) || time.Since(began) != row.took {
					t.Errorf("%d to %s after %v", a.status, a.location, time.Since(began))
				}
			})
		})
	}
}

// A pairing's code lives longer than an answer can be kept back; a browser that leaves is not waited for.
func TestHeldAnswerEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, true)
		if err := s.Begin(t.Context(), s.visit(""), ""); err != nil {
			t.Fatal(err)
		}
		s.get(t.Context(), "")
		began := time.Now()
		if a := s.get(t.Context(), "?wait=offered"); a.location != s.path() || time.Since(began) != 40*time.Second {
			t.Errorf("to %q after %v", a.location, time.Since(began))
		}
		began = time.Now()
		ctx, leave := context.WithCancel(t.Context())
		held := s.wait(ctx, "?wait=offered")
		synctest.Wait()
		leave()
		<-held
		if time.Since(began) != 0 {
			t.Errorf("held for a browser that left, %v", time.Since(began))
		}
	})
}

// The browser is sent to the app once for each time that it listens, however many tabs ask.
func TestOneNavigationForEachListening(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	s.get(t.Context(), "")
	s.attach()
	for _, port := range []int{40001, 40002} {
		s.listen(port)
		var mu sync.Mutex
		sent := 0
		var tabs sync.WaitGroup
		for range 8 {
			tabs.Go(func() {
				a := s.get(t.Context(), "")
				mu.Lock()
				defer mu.Unlock()
				if a.status == http.StatusSeeOther && strings.HasPrefix(a.location, "http://127.0.0.1:4000") {
					sent++
				} else if a.status != http.StatusOK || a.meeting.Phase != "attached" {
					t.Errorf("%+v", a)
				}
			})
		}
		tabs.Wait()
		if sent != 1 {
			t.Errorf("sent %d times", sent)
		}
	}
	if a := s.get(t.Context(), ""); a.status != http.StatusOK {
		t.Errorf("with nobody listening: %+v", a)
	}
}

func TestReturnOfTheHop(t *testing.T) {
	t.Parallel()
	for _, pairing := range []bool{false, true} {
		for _, row := range []struct {
			name   string
			change func(*rendezvous.Visit, *string)
			err    error
			stage  ceremony.Stage
		}{
			{"as it must be", func(*rendezvous.Visit, *string) {}, nil, ceremony.Hopped},
			{"no answer", func(_ *rendezvous.Visit, c *string) { *c = "" }, rendezvous.ErrHop, ""},
			{"another answer", func(_ *rendezvous.Visit, c *string) { *c = strings.Repeat("A", 43) }, rendezvous.ErrHop, ""},
			{"padded", func(_ *rendezvous.Visit, c *string) { *c += "=" }, rendezvous.ErrHop, ""},
			{"another answer, another browser", func(v *rendezvous.Visit, c *string) {
				v.Known, *c = false, strings.Repeat("A", 43)
			}, rendezvous.ErrHop, ""},
			{"another browser", func(v *rendezvous.Visit, _ *string) { v.Browser[0] ^= 1 }, rendezvous.ErrRelay, ceremony.Ended},
			{"no cookie", func(v *rendezvous.Visit, _ *string) { v.Known = false }, rendezvous.ErrRelay, ceremony.Ended},
			{"another ceremony", func(v *rendezvous.Visit, _ *string) { v.ID = txn.NewID().String() }, rendezvous.ErrGone, ""},
		} {
			s := newScene(t, pairing)
			if err := s.Begin(t.Context(), s.visit(""), ""); err != nil {
				t.Fatal(err)
			}
			answer := s.hopped()
			before := s.ceremony().Stage()
			v := s.visit("")
			row.change(&v, &answer)
			var refuse func() (rendezvous.Transition, error)
			if !pairing {
				refuse = s.refuse
			}
			if err := s.Return(t.Context(), v, answer, refuse); !errors.Is(err, row.err) {
				t.Errorf("%s: %v", row.name, err)
			}
			want := row.stage
			if want == "" {
				want = before
			}
			if got := s.ceremony().Stage(); got != want {
				t.Errorf("%s: %s, want %s", row.name, got, want)
			}
			if row.err == nil {
				if err := s.Return(t.Context(), v, answer, refuse); !errors.Is(err, rendezvous.ErrHop) || s.book.events() != "hop-completed " {
					t.Errorf("again: %v, log %s", err, s.book.events())
				}
			}
			if row.stage == ceremony.Ended && (s.ceremony().Reason() != "suspected-relay" || !strings.Contains(s.book.events(), "relay-suspected suspected-relay")) {
				t.Errorf("%s: %s, log %s", row.name, s.ceremony().Reason(), s.book.events())
			}
			if relayed := row.stage == ceremony.Ended && !pairing; (len(s.book.ended) == 1) != relayed {
				t.Errorf("%s: transactions %v", row.name, s.book.ended)
			}
		}
	}
}

// A relay that cannot be stored is not reported as stored.
func TestRelayIsStoredOrNotSaid(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	answer := s.hopped()
	v := s.visit("other")
	s.book.advances = errTest
	if err := s.Return(t.Context(), v, answer, s.refuse); !errors.Is(err, errTest) {
		t.Errorf("no store: %v", err)
	}
	if err := s.Return(t.Context(), v, answer, func() (rendezvous.Transition, error) { return rendezvous.Transition{}, errTest }); !errors.Is(err, errTest) {
		t.Errorf("no transition: %v", err)
	}
	if s.ceremony().Stage() != ceremony.Attached {
		t.Errorf("now %s", s.ceremony().Stage())
	}
}

func TestEndsOfAPairing(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		do     func(*scene) error
		reason string
	}{
		"denied":    {func(s *scene) error { return s.Deny(t.Context(), s.visit("")) }, "strings-differ"},
		"cancelled": {func(s *scene) error { return s.Cancel(t.Context(), s.visit("")) }, "cancelled"},
	} {
		s := newScene(t, true)
		if err := s.Begin(t.Context(), s.visit(""), ""); err != nil {
			t.Fatal(err)
		}
		s.get(t.Context(), "")
		s.attach()
		s.book.stale = 2 // others are faster, twice
		if err := row.do(s); err != nil || s.ceremony().Reason() != row.reason || s.book.events() != "ceremony-refused "+row.reason {
			t.Errorf("%s: %v, %q, log %s", name, err, s.ceremony().Reason(), s.book.events())
		}
		if m := s.get(t.Context(), "").meeting; m.Phase != "ended" || m.Reason != row.reason || m.Code != "" {
			t.Errorf("%s: page %+v", name, m)
		}
		if err := row.do(s); err != nil { // once more changes nothing, and the page says so
			t.Errorf("%s again: %v", name, err)
		}
	}
	s := newScene(t, true)
	if err := s.Begin(t.Context(), s.visit(""), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Confirm(t.Context(), s.visit("")); err != nil || s.ceremony().Stage() != ceremony.Offered {
		t.Errorf("confirmed before there is anything to compare: %v", err)
	}
	s.book.stale = 100
	if err := s.Cancel(t.Context(), s.visit("")); !errors.Is(err, record.ErrStale) {
		t.Errorf("always too late: %v", err)
	}
}

func TestCloseEndsBoth(t *testing.T) {
	t.Parallel()
	s := newScene(t, false)
	end, err := s.refuse()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(t.Context(), s.visit(""), end, "cancelled"); err != nil || len(s.book.ended) != 1 {
		t.Errorf("with no ceremony: %v, %v", err, s.book.ended)
	}
	s.get(t.Context(), "")
	if err := s.Close(t.Context(), s.visit(""), end, "cancelled"); err != nil || len(s.book.ended) != 2 || s.ceremony().Reason() != "cancelled" {
		t.Errorf("%v, %v, %q", err, s.book.ended, s.ceremony().Reason())
	}
	if err := s.Close(t.Context(), s.visit(""), end, "cancelled"); err != nil || len(s.book.ended) != 3 {
		t.Errorf("with a ceremony that is over: %v, %v", err, s.book.ended)
	}
	s.book.advances = txn.ErrSpent
	if err := s.Close(t.Context(), s.visit(""), end, "cancelled"); !errors.Is(err, txn.ErrSpent) {
		t.Errorf("too late: %v", err)
	}
}

// refuse is the end of a transaction of that name.
func (s *scene) refuse() (rendezvous.Transition, error) {
	id, err := txn.ParseID(s.id)
	if err != nil {
		return rendezvous.Transition{}, err
	}
	request, err := txn.NewRequest(txn.Params{
		Profile: txn.Plus, Issuer: issuer, Client: "client-1", RedirectURI: "https://sp.example/callback",
		Nonce: "0123456789012345678901", Scopes: []string{"openid"}, Level: 3,
	})
	if err != nil {
		return rendezvous.Transition{}, err
	}
	w, _, err := request.Begin(id, s.browser, s.now())
	if err != nil {
		return rendezvous.Transition{}, err
	}
	t := rendezvous.Transition{From: w}
	t.Next, t.Entry, err = w.Refuse(txn.ReasonRelay, s.now())
	return t, err
}

// Four answers of a ceremony are held; a fifth comes at once, and again once one of the four has ended.
func TestHeldAnswersAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t, false)
		s.get(t.Context(), "")
		began := time.Now()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		first := s.wait(ctx, "?wait=offered")
		var others []<-chan answer
		for range 3 {
			others = append(others, s.wait(t.Context(), "?wait=offered"))
		}
		synctest.Wait()
		if a := s.get(t.Context(), "?wait=offered"); a.status != http.StatusSeeOther || a.location != s.path() || time.Since(began) != 0 {
			t.Errorf("a fifth: %d to %q after %v", a.status, a.location, time.Since(began))
		}
		if a := s.get(t.Context(), ""); a.status != http.StatusOK || a.meeting.Code == "" {
			t.Errorf("the page itself: %d", a.status)
		}
		leave()
		<-first
		again := s.wait(t.Context(), "?wait=offered")
		synctest.Wait()
		s.attach()
		for _, held := range append(others, again) {
			if a := <-held; a.status != http.StatusSeeOther || time.Since(began) != 0 {
				t.Errorf("once a device is attached: %d after %v", a.status, time.Since(began))
			}
		}
	})
}

// Began is for the browser that began alone.
func TestBegan(t *testing.T) {
	t.Parallel()
	s := newScene(t, true)
	if err := s.Began(t.Context(), s.visit("")); !errors.Is(err, rendezvous.ErrGone) {
		t.Errorf("before it began: %v", err)
	}
	if err := s.Begin(t.Context(), s.visit(""), "jeanne@example.org"); err != nil {
		t.Fatal(err)
	}
	unknown := s.visit("")
	unknown.Known = false
	if err := s.Began(t.Context(), s.visit("")); err != nil {
		t.Error(err)
	}
	for _, v := range []rendezvous.Visit{s.visit("other"), unknown} {
		if err := s.Began(t.Context(), v); !errors.Is(err, rendezvous.ErrBrowser) {
			t.Errorf("another browser: %v", err)
		}
	}
}
