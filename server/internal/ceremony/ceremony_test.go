package ceremony_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/ceremony"
	"pivot/server/internal/record"
	"pivot/shared/wire"
)

func is(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// TestOffer changes one thing of terms that are good.
func TestOffer(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		kind   ceremony.Kind
		change func(*ceremony.Terms)
	}{
		{"no identifier", ceremony.Login, func(t *ceremony.Terms) { t.ID = "" }},
		{"a short identifier", ceremony.Login, func(t *ceremony.Terms) { t.ID = "AAAA" }},
		{"no issuer", ceremony.Login, func(t *ceremony.Terms) { t.Issuer = "" }},
		{"another kind", ceremony.Login, func(t *ceremony.Terms) { t.Kind = "dance" }},
		{"no browser", ceremony.Login, func(t *ceremony.Terms) { t.Browser = [32]byte{} }},
		{"a device that begins a login", ceremony.Login, func(t *ceremony.Terms) { t.Device = party }},
		{"an address at a login", ceremony.Login, func(t *ceremony.Terms) { t.Email = "a@example.org" }},
		{"a long address", ceremony.Pair, func(t *ceremony.Terms) { t.Email = strings.Repeat("a", 257) }},
		{"no end", ceremony.Login, func(t *ceremony.Terms) { t.Expires = time.Time{} }},
		{"a change without device", ceremony.PINChange, func(t *ceremony.Terms) { t.Device = ceremony.Party{} }},
		{"a change at a browser", ceremony.PINChange, func(t *ceremony.Terms) { t.Browser = browser }},
	} {
		in := terms(tc.kind)
		if _, err := ceremony.Offer(in); err != nil {
			t.Errorf("%s, unchanged: %v", tc.name, err)
		}
		tc.change(&in)
		if c, err := ceremony.Offer(in); err == nil {
			t.Errorf("%s: offered %v", tc.name, c)
		}
	}
}

func TestStages(t *testing.T) {
	t.Parallel()
	login := released(t)
	if login.Stage() != ceremony.Released || login.Device() != party.Device || login.DeviceName() != party.Name || len(login.Nonce()) != 32 {
		t.Errorf("a login is %s", login.Stage())
	}
	if agent, place := login.Seen(); agent != "Firefox, Linux" || place != "192.0.2.7" {
		t.Errorf("seen %q %q", agent, place)
	}
	pair := hopped(t, ceremony.Pair)
	if pair.Stage() != ceremony.Hopped || pair.Email() != "a@example.org" {
		t.Errorf("a pairing is %s", pair.Stage())
	}
	change := offered(t, ceremony.PINChange)
	if change.Stage() != ceremony.Attached || len(change.Nonce()) != 32 {
		t.Errorf("a change is %s", change.Stage())
	}
	for _, s := range []*scene{login, pair, change} {
		done := s.keep(s.End(ceremony.Done, at))
		if done.Stage() != ceremony.Ended || done.Reason() != ceremony.Done {
			t.Errorf("ended as %s %s", done.Stage(), done.Reason())
		}
		_, err := done.End("again", at)
		is(t, "a second end", err, ceremony.ErrEnded)
	}
	if _, err := pair.End("Not a word", at); err == nil {
		t.Error("ended for no reason")
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	for kind, life := range map[ceremony.Kind]time.Duration{ceremony.Login: time.Minute, ceremony.Pair: 9 * time.Minute} {
		s := offered(t, kind)
		if _, _, ok := s.Code(at); ok {
			t.Errorf("%s: a code before one was made", kind)
		}
		next, old, err := s.Start(at)
		s.keep(next, err)
		if got, until, ok := s.Code(at); !ok || got != old || !until.Equal(at.Add(life)) {
			t.Errorf("%s: shows %q until %v", kind, got, until)
		}
		if alias := s.Change().Next.Alias; alias != ceremony.Alias(kind, issuer, strings.ReplaceAll(old, "-", "")) || alias == ceremony.Alias(kind, "other", old) {
			t.Errorf("%s: not found by its code alone", kind)
		}
		next, fresh, err := s.Start(at)
		s.keep(next, err)
		_, err = s.Attach(old, party, at)
		is(t, "the code before", err, ceremony.ErrCode)
		_, err = s.Attach(fresh, party, at.Add(life))
		if kind == ceremony.Pair { // as long as the ceremony here
			is(t, "an old code", err, ceremony.ErrExpired)
		} else {
			is(t, "an old code", err, ceremony.ErrCode)
		}
		if _, err := s.Attach(fresh, ceremony.Party{}, at); err == nil {
			t.Error("nobody was attached")
		}
		next, err = s.Attach(fresh, party, at.Add(life-time.Millisecond))
		s.keep(next, err)
		if _, _, ok := s.Code(at); ok {
			t.Errorf("%s: the code is shown on", kind)
		}
		again, err := s.Attach(fresh, party, at)
		must(t, err)
		if again.Changed() || !bytes.Equal(again.Nonce(), s.Nonce()) {
			t.Errorf("%s: a repeated redemption changed something", kind)
		}
		later := party
		later.Turn = [32]byte{8}
		turned, err := s.Attach(fresh, later, at)
		must(t, err)
		if !turned.Changed() || turned.Turn() != later.Turn || s.Turn() != [32]byte{} || !bytes.Equal(turned.Nonce(), s.Nonce()) {
			t.Errorf("%s: began again with another turn of its ratchet: %v", kind, turned.Turn())
		}
		other := party
		other.Device = "device-2"
		_, err = s.Attach(fresh, other, at)
		is(t, "another device", err, ceremony.ErrDevice)
		_, _, err = s.Start(at)
		is(t, "a code once attached", err, ceremony.ErrNotReady)
	}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	s := offered(t, ceremony.Pair)
	if s.ShortString() != "" {
		t.Error("a string to compare before there is a device")
	}
	_, err := s.Confirm(browser, at)
	is(t, "before a device", err, ceremony.ErrNotReady)
	s.attach()
	if want := wire.ShortString(id, party.Thumbprint[:], s.Nonce()); s.ShortString() != want {
		t.Errorf("shows %q, want %q", s.ShortString(), want)
	}
	_, err = s.Confirm([32]byte{9}, at)
	is(t, "another browser", err, ceremony.ErrBrowser)
	s.listen()
	_, _, err = s.Navigate(browser, at)
	is(t, "the hop before", err, ceremony.ErrNotReady)
	denied, err := s.Deny(browser, at)
	if err != nil || denied.Reason() != "strings-differ" || denied.Stage() != ceremony.Ended {
		t.Errorf("denied: %s %s %v", denied.Stage(), denied.Reason(), err)
	}
	s.keep(s.Confirm(browser, at))
	_, err = s.Confirm(browser, at)
	is(t, "twice", err, ceremony.ErrNotReady)
	login := offered(t, ceremony.Login).attach()
	_, err = login.Confirm(browser, at)
	is(t, "a login", err, ceremony.ErrNotReady)
}

// TestEverythingEnds: no step of a ceremony that is over, has expired or is none.
func TestEverythingEnds(t *testing.T) {
	t.Parallel()
	steps := func(c ceremony.Ceremony, now time.Time) map[string]error {
		out := make(map[string]error)
		_, _, out["start"] = c.Start(now)
		_, out["attach"] = c.Attach("x", party, now)
		_, out["confirm"] = c.Confirm(browser, now)
		_, out["deny"] = c.Deny(browser, now)
		_, _, _, out["listen"] = c.Listen(40123, now)
		_, _, out["navigate"] = c.Navigate(browser, now)
		_, out["return"] = c.Return(nil, browser, true, now)
		_, out["release"] = c.Release([32]byte{1}, [32]byte{1}, now.Add(2*time.Minute), now)
		_, out["open"] = c.Open(ceremony.Opening{ID: "o", Session: []byte{1}, Public: []byte{1}}, now)
		_, _, out["take"] = c.Take("o", now)
		_, out["guess"] = c.Guess([]byte{1}, now)
		_, out["prove"] = c.Prove([]byte{1}, now)
		_, _, out["draft"] = c.Draft([]byte{1}, []byte{1}, now)
		_, out["set"] = c.SetPIN(nil, now)
		return out
	}
	ended := released(t)
	ended.keep(ended.End("refused-in-app", at))
	for name, err := range steps(ended.Ceremony, at) {
		is(t, "ended: "+name, err, ceremony.ErrEnded)
	}
	for name, err := range steps(released(t).Ceremony, at.Add(9*time.Minute)) {
		is(t, "expired: "+name, err, ceremony.ErrExpired)
	}
	for name, err := range steps(ceremony.Ceremony{}, at) {
		is(t, "none: "+name, err, ceremony.ErrNotReady)
	}
	if _, err := (ceremony.Ceremony{}).End("x", at); err == nil {
		t.Error("none was ended")
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	s := offered(t, ceremony.Login)
	if s.Version() != 1 || s.Changed() {
		t.Fatalf("version %d", s.Version())
	}
	next, code, err := s.Start(at)
	must(t, err)
	next, err = next.Attach(code, party, at)
	must(t, err)
	// Two steps are one change.
	if c := next.Change(); next.Version() != 2 || c.From != 1 || c.Next.Version != 2 || c.Next.Owner != party.Device {
		t.Errorf("change from %d to %d", c.From, c.Next.Version)
	}
	if stored := next.Stored(); stored.Version() != 2 || stored.Changed() || stored.Change().From != 2 {
		t.Errorf("stored as %d", stored.Version())
	}
	if s.Stage() != ceremony.Offered {
		t.Error("a step changed what it was taken from")
	}
}

// TestParse changes one thing of a record that is good.
func TestParse(t *testing.T) {
	t.Parallel()
	good := released(t).Change().Next
	if _, err := ceremony.Parse(good); err != nil {
		t.Fatal(err)
	}
	edit := func(from, to string) func(*record.Record) {
		return func(r *record.Record) { r.Body = bytes.Replace(r.Body, []byte(from), []byte(to), 1) }
	}
	for name, change := range map[string]func(*record.Record){
		"another kind":       func(r *record.Record) { r.Kind = record.Device },
		"no version":         func(r *record.Record) { r.Version = 0 },
		"another stage":      func(r *record.Record) { r.State = "confirmed" },
		"no stage":           func(r *record.Record) { r.State = "" },
		"another owner":      func(r *record.Record) { r.Owner = "device-2" },
		"an alias":           func(r *record.Record) { r.Alias[0] ^= 1 },
		"another identifier": func(r *record.Record) { r.ID = "x" },
		"no end":             func(r *record.Record) { r.Expires = time.Time{} },
		"no body":            func(r *record.Record) { r.Body = nil },
		"half a body":        func(r *record.Record) { r.Body = r.Body[:len(r.Body)/2] },
		"something behind":   func(r *record.Record) { r.Body = append(bytes.Clone(r.Body), ' ') },
		"another format":     edit(`"format":1`, `"format":2`),
		"a member more":      edit(`{"format"`, `{"more":1,"format"`),
		"a member twice":     edit(`{"format":1`, `{"format":1,"format":1`),
		"another name":       edit(`"kind":"login"`, `"kind":"pair"`),
		"too many openings":  edit(`"used":0`, `"used":4`),
	} {
		r := good
		change(&r)
		if _, err := ceremony.Parse(r); err == nil {
			t.Errorf("%s: parsed", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	s := released(f)
	good := s.Change().Next
	f.Add(good.State, good.Body)
	f.Add("ended", []byte(`{}`))
	f.Fuzz(func(t *testing.T, stage string, body []byte) {
		r := good
		r.State, r.Body = stage, body
		c, err := ceremony.Parse(r)
		if err != nil {
			return
		}
		if again := c.Change().Next; !bytes.Equal(again.Body, body) || again.State != stage {
			t.Error("written again it is another")
		}
	})
}

// TestRedacted: whatever prints a ceremony, none of its secrets shows.
func TestRedacted(t *testing.T) {
	t.Parallel()
	s := released(t)
	s.keep(s.Open(ceremony.Opening{ID: "opening", Session: []byte("sealed-session"), Public: []byte{4}}, at))
	_, o, err := s.Take("opening", at)
	must(t, err)
	type holder struct {
		Ceremony ceremony.Ceremony
		Opening  ceremony.Opening
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, s.Ceremony)
		fmt.Fprintf(&out, verb, holder{s.Ceremony, o})
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("made", "ceremony", s.Ceremony, "holder", holder{s.Ceremony, o}, "opening", o)
	raw, err := json.Marshal(s.Ceremony)
	must(t, err)
	out.Write(raw)
	for _, secret := range []string{"sealed-session", fmt.Sprintf("%x", "sealed-session"), "192.0.2.7", fmt.Sprintf("%x", s.Nonce()[:6])} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q shows in\n%s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "login") {
		t.Error("nothing was printed")
	}
}
