package session_test

import (
	"strings"
	"testing"
	"time"

	"pivot/server/internal/record"
	"pivot/server/internal/session"
)

// leaving is what a session of logins at two service providers leaves, of which one wants to be told.
func leaving(t *testing.T) (session.Session, []record.Change) {
	t.Helper()
	s := stored(t, joined(t, joined(t, begun(t, person()), login("sp-1", 1), browser(1), at()), login("sp-2", 1), browser(2), at()))
	return s, s.Leave(func(client string) bool { return client == "sp-2" }, at())
}

func notice(t *testing.T) session.Notice {
	t.Helper()
	_, changes := leaving(t)
	n, err := session.ParseNotice(changes[1].Next)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestLeave(t *testing.T) {
	t.Parallel()
	s, changes := leaving(t)
	if len(changes) != 2 || changes[0].Next.Kind != record.Session || changes[0].Next.ID != s.ID() || changes[0].Next.State != "ended" {
		t.Fatalf("%d changes", len(changes))
	}
	for _, c := range changes {
		if err := c.Check(); err != nil {
			t.Error(err)
		}
	}
	n := notice(t)
	if n.Client() != "sp-2" || n.Subject() != "sub-of-sp-2" || n.SID() != login("sp-2", 1).SID || n.Issuer() != issuer || n.Tried() != 0 || len(n.ID()) != 43 {
		t.Errorf("%+v", n)
	}
	if strings.Contains(string(changes[1].Next.Body), "account-1") {
		t.Error("the notice says whose the session was")
	}
}

// A notice is tried a few times, at growing distances, and then no more.
func TestTries(t *testing.T) {
	t.Parallel()
	n, now := notice(t), at()
	var waited []time.Duration
	for n.Tried() < session.Tries() {
		if !n.Due(now) {
			t.Fatalf("not due after %d tries", n.Tried())
		}
		next, ok := n.Try(now)
		if !ok || next.Tried() != n.Tried()+1 || next.Due(now) {
			t.Fatalf("try %d: %v", next.Tried(), ok)
		}
		c := next.Change()
		if c.Check() != nil || c.From != 1 && n.Tried() == 0 || c.Next.Owner != session.Pending(issuer, "sp-2") {
			t.Errorf("try %d is stored as %+v", next.Tried(), c)
		}
		again, err := session.ParseNotice(c.Next)
		if err != nil || again != next.Stored() {
			t.Errorf("%+v, %v", again, err)
		}
		began := now
		for !again.Due(now) {
			now = now.Add(time.Second)
		}
		waited, n = append(waited, now.Sub(began)), again
	}
	for i, w := range waited[1:] {
		if w < waited[i] {
			t.Errorf("waits %v", waited)
		}
	}
	if _, ok := n.Try(now); ok {
		t.Error("tried again")
	}
	if total := now.Sub(at()); total >= time.Hour {
		t.Errorf("all tries take %v: the notice is given up before", total)
	}
	over := at().Add(time.Hour)
	if n.Late(over.Add(-time.Millisecond)) || !n.Late(over) || n.Change().Next.Expires.Before(over.Add(12*time.Hour)) {
		t.Error("a notice is given up after an hour, and kept until that is recorded")
	}
	if done := n.Done(now).Change(); done.Check() != nil || !done.Next.Expires.Equal(now) {
		t.Errorf("done is stored as %+v", done.Next.Expires)
	}
}

func TestParseNotice(t *testing.T) {
	t.Parallel()
	base := notice(t).Stored().Change().Next
	for _, row := range []struct {
		name   string
		change func(*record.Record)
		ok     bool
	}{
		{"as written", func(*record.Record) {}, true},
		{"another kind", func(r *record.Record) { r.Kind = record.Session }, false},
		{"no version", func(r *record.Record) { r.Version = 0 }, false},
		{"another state", func(r *record.Record) { r.State = "over" }, false},
		{"another owner", func(r *record.Record) { r.Owner = session.Pending(issuer, "sp-1") }, false},
		{"another expiry", func(r *record.Record) { r.Expires = r.Expires.Add(time.Hour) }, false},
		{"another format", func(r *record.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"format":1`, `"format":2`, 1))
		}, false},
		{"no tries that exist", func(r *record.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `"tried":0`, `"tried":9`, 1))
		}, false},
		{"an unknown member", func(r *record.Record) {
			r.Body = []byte(strings.Replace(string(r.Body), `{"format"`, `{"x":1,"format"`, 1))
		}, false},
		{"no body", func(r *record.Record) { r.Body = nil }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			r := base
			r.Body = append([]byte(nil), base.Body...)
			row.change(&r)
			if n, err := session.ParseNotice(r); (err == nil) != row.ok {
				t.Errorf("%+v: %v", n, err)
			}
		})
	}
}
