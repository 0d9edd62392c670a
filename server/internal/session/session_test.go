package session_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/record"
	"pivot/server/internal/session"
	"pivot/server/internal/txn"
)

func TestBegin(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name    string
		change  func(*session.Person)
		browser [32]byte
		life    time.Duration
	}{
		{"plus", func(*session.Person) {}, browser(1), 600 * time.Second},
		{"standard", func(p *session.Person) { p.Profile = txn.Standard }, browser(1), 1800 * time.Second},
		{"no profile", func(p *session.Person) { p.Profile = 0 }, browser(1), 0},
		{"no issuer", func(p *session.Person) { p.Issuer = "" }, browser(1), 0},
		{"no account", func(p *session.Person) { p.Account = "" }, browser(1), 0},
		{"no cookie", func(*session.Person) {}, [32]byte{}, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			p := person()
			row.change(&p)
			s, err := session.Begin(p, row.browser, at())
			if (err == nil) != (row.life != 0) {
				t.Fatal(err)
			}
			if err == nil && (!s.Expires().Equal(at().Add(row.life)) || len(s.ID()) != 43 || s.Issuer() != issuer || s.Account() != "account-1") {
				t.Errorf("%v until %v", s, s.Expires())
			}
		})
	}
	if a, b := begun(t, person()), begun(t, person()); a.ID() == b.ID() {
		t.Error("two sessions of one name")
	}
}

// A login changes the cookie, and with it the name by which the session is found; the id stays.
func TestJoin(t *testing.T) {
	t.Parallel()
	s := joined(t, begun(t, person()), login("sp-1", 1), browser(1), at())
	first := stored(t, s)
	s = stored(t, joined(t, first, login("sp-2", 1), browser(2), at().Add(time.Minute)))
	if s.ID() != first.ID() || s.Change().Next.Alias != session.Alias(issuer, browser(2)) || first.Change().Next.Alias != session.Alias(issuer, browser(1)) {
		t.Error("the cookie did not change, or the session did")
	}
	if !s.Expires().Equal(at().Add(11 * time.Minute)) {
		t.Errorf("expires %v", s.Expires())
	}
	one, two := login("sp-1", 1), login("sp-2", 1)
	one.At, two.At = at().Unix(), at().Add(time.Minute).Unix()
	if diff := cmp.Diff([]session.Login{one, two}, s.Logins()); diff != "" {
		t.Error(diff)
	}
	if len(first.Logins()) != 1 {
		t.Error("the session before was changed")
	}
	s.Logins()[0].Client = "changed"
	if s.Logins()[0].Client != "sp-1" {
		t.Error("the session can be changed from outside")
	}
	for name, change := range map[string]func(*session.Login){
		"client": func(l *session.Login) { l.Client = "" }, "subject": func(l *session.Login) { l.Subject = "" },
		"sid": func(l *session.Login) { l.SID = "" }, "transaction": func(l *session.Login) { l.Transaction = "" },
		"token": func(l *session.Login) { l.Token = [32]byte{} },
	} {
		l := login("sp-3", 1)
		change(&l)
		if _, err := s.Join("account-1", l, browser(3), at()); err == nil {
			t.Errorf("joined without %s", name)
		}
	}
	if _, err := s.Join("account-2", login("sp-3", 1), browser(3), at()); !errors.Is(err, session.ErrPerson) {
		t.Errorf("another person: %v", err)
	}
	if _, err := s.Join("account-1", login("sp-3", 1), [32]byte{}, at()); err == nil {
		t.Error("joined without a cookie")
	}
	if _, err := (session.Session{}).Join("", login("sp-3", 1), browser(3), at()); err == nil {
		t.Error("joined nothing")
	}
}

func TestMostLogins(t *testing.T) {
	t.Parallel()
	s := begun(t, person())
	for n := range session.MostLogins + 3 {
		s = joined(t, s, login("sp", n), browser(1), at())
	}
	s = stored(t, s)
	if got := s.Logins(); len(got) != session.MostLogins || got[0].Transaction != "sp-transaction-3" {
		t.Errorf("%d logins, the first %q", len(got), got[0].Transaction)
	}
}

// FranceConnect's sessions slide; those of FranceConnect+ are absolute.
func TestCome(t *testing.T) {
	t.Parallel()
	plus := begun(t, person())
	if s, longer := plus.Come(at().Add(5 * time.Minute)); longer || !s.Expires().Equal(plus.Expires()) {
		t.Error("a session of plus slides")
	}
	p := person()
	p.Profile = txn.Standard
	standard := begun(t, p)
	if _, longer := standard.Come(at().Add(59 * time.Second)); longer {
		t.Error("stored for less than a minute")
	}
	s, longer := standard.Come(at().Add(20 * time.Minute))
	if !longer || !stored(t, s).Expires().Equal(at().Add(50*time.Minute)) {
		t.Errorf("expires %v", s.Expires())
	}
	if _, longer := standard.End(at()).Come(at().Add(20 * time.Minute)); longer {
		t.Error("a session that is over goes on")
	}
	if _, longer := (session.Session{}).Come(at()); longer {
		t.Error("nothing goes on")
	}
}

// What has ended is not found, does not say whose it was, and cannot be joined.
func TestEnd(t *testing.T) {
	t.Parallel()
	s := stored(t, joined(t, begun(t, person()), login("sp-1", 1), browser(1), at()))
	over := s.End(at().Add(time.Second))
	c := over.Change()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	if c.From != 1 || c.Next.Alias != [32]byte{} || c.Next.Owner != "" || c.Next.State != "ended" || !c.Next.Expires.Equal(at().Add(time.Second)) {
		t.Errorf("%+v of %d", c.Next.Expires, c.From)
	}
	for _, trace := range []string{"account-1", "sp-1", "sub-of"} {
		if strings.Contains(string(c.Next.Body), trace) {
			t.Errorf("holds %q still: %s", trace, c.Next.Body)
		}
	}
	if _, err := over.Join("account-1", login("sp-2", 1), browser(2), at()); err == nil {
		t.Error("a session that is over was joined")
	}
	if _, err := session.Parse(c.Next); err == nil {
		t.Error("a session that is over was read")
	}
	if s.Account() == "" || len(s.Logins()) != 1 {
		t.Error("the session before was changed")
	}
}

// A hint counts only as the ID token that this session gave: each row changes one thing.
func TestGave(t *testing.T) {
	t.Parallel()
	s := stored(t, joined(t, joined(t, begun(t, person()), login("sp-1", 1), browser(1), at()), login("sp-2", 1), browser(2), at()))
	for _, row := range []struct {
		name   string
		change func(*session.Token)
		sid    string
		want   bool
	}{
		{"the first", func(*session.Token) {}, "", true},
		{"the second", func(k *session.Token) { *k = idToken("sp-2") }, "", true},
		{"with its sid", func(*session.Token) {}, login("sp-1", 1).SID, true},
		{"with the other's sid", func(*session.Token) {}, login("sp-2", 1).SID, false},
		{"with an unknown sid", func(*session.Token) {}, "x", false},
		{"a fraction of a second", func(k *session.Token) { k.AuthTime = k.AuthTime.Add(999 * time.Millisecond) }, "", true},
		{"another client", func(k *session.Token) { k.Client = "sp-3" }, "", false},
		{"the other client", func(k *session.Token) { k.Client = "sp-2" }, "", false},
		{"another person", func(k *session.Token) { k.Subject = "sub-of-sp-2" }, "", false},
		{"another nonce", func(k *session.Token) { k.Nonce = "nonce" }, "", false},
		{"another login", func(k *session.Token) { k.AuthTime = k.AuthTime.Add(time.Second) }, "", false},
		{"parts that meet", func(k *session.Token) { k.Client, k.Subject = "sp-1s", "ub-of-sp-1" }, "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			k := idToken("sp-1")
			row.change(&k)
			if got := s.Gave(k, row.sid); got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
	if s.End(at()).Gave(idToken("sp-1"), "") {
		t.Error("a session that is over gave something")
	}
}

// Names by which a session is known do not lead to each other.
func TestNames(t *testing.T) {
	t.Parallel()
	first, again := session.SID("a"), session.SID("a")
	if first == session.SID("b") || first != again || len(first) != 43 {
		t.Error("sid")
	}
	if session.Alias(issuer, browser(1)) == session.Alias(issuer+"x", browser(1)) || session.Alias(issuer, browser(1)) == session.Alias(issuer, browser(2)) {
		t.Error("another issuer or another cookie finds the session")
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	base := joined(t, begun(t, person()), login("sp-1", 1), browser(1), at()).Change().Next
	body := func(from, to string) func(*record.Record) {
		return func(r *record.Record) {
			if !strings.Contains(string(r.Body), from) {
				t.Errorf("no %s in %s", from, r.Body)
			}
			r.Body = []byte(strings.Replace(string(r.Body), from, to, 1))
		}
	}
	for _, row := range []struct {
		name   string
		change func(*record.Record)
		ok     bool
	}{
		{"as written", func(*record.Record) {}, true},
		{"another kind", func(r *record.Record) { r.Kind = record.Ceremony }, false},
		{"no version", func(r *record.Record) { r.Version = 0 }, false},
		{"another state", func(r *record.Record) { r.State = "ended" }, false},
		{"another owner", func(r *record.Record) { r.Owner = "account-2" }, false},
		{"no alias", func(r *record.Record) { r.Alias = [32]byte{} }, false},
		{"no expiry", func(r *record.Record) { r.Expires = time.Time{} }, false},
		{"no body", func(r *record.Record) { r.Body = nil }, false},
		{"another format", body(`"format":1`, `"format":2`), false},
		{"no issuer", body(issuer, ""), false},
		{"another profile", body(`"profile":1`, `"profile":9`), false},
		{"another account", body("account-1", "account-2"), false},
		{"an unknown member", body(`{"format"`, `{"x":1,"format"`), false},
		{"a member twice", body(`{"format":1`, `{"format":1,"format":1`), false},
		{"more behind", func(r *record.Record) { r.Body = append(r.Body, ' ') }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := base
			r.Body = append([]byte(nil), base.Body...)
			row.change(&r)
			if s, err := session.Parse(r); (err == nil) != row.ok {
				t.Errorf("%v: %v", s, err)
			}
		})
	}
}

func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	s := joined(t, begun(t, person()), login("sp-1", 1), browser(1), at())
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "s", s)
	for _, out := range []string{fmt.Sprintf("%v %+v %#v %s", s, s, s, s), string(text), log.String()} {
		if strings.Contains(out, "account-1") || strings.Contains(out, "sp-1") || !strings.Contains(out, "redacted") {
			t.Errorf("prints %s", out)
		}
	}
}
