package companion_test

import (
	"bytes"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/ceremony"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify/card"
	"pivot/shared/wire"
)

// refused fails the test unless a call was refused with that code, and that reason if one is given.
func refused(tb testing.TB, what string, got *wire.Problem, code wire.Code, reason string) {
	tb.Helper()
	if got == nil || got.Code != code || reason != "" && got.Reason != reason {
		tb.Errorf("%s: %+v, want %s %s", what, got, code, reason)
	}
}

// TestCall changes one thing of a call that is good.
func TestCall(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	get := func() *wire.Problem {
		return p.send(p.request(http.MethodGet, wire.PathDevice, nil), &wire.DeviceStatus{})
	}
	for _, tc := range []struct {
		name   string
		edit   func(*sent)
		code   wire.Code
		reason string
	}{
		{"another key's signature", func(c *sent) { c.key = newKey(t) }, wire.CodeSignature, "signature"},
		{"an unknown device", func(c *sent) { c.key = newKey(t); c.header["jwk"] = jwk(t, c.key) }, wire.CodeDeviceUnknown, ""},
		{"another method", func(c *sent) { c.claims["htm"] = "POST" }, wire.CodeSignature, "method"},
		{"another address", func(c *sent) { c.claims["htu"] = origin + wire.PathDesk }, wire.CodeSignature, "url"},
		{"another issuer", func(c *sent) { c.claims["htu"] = "https://evil.example" + wire.PathDevice }, wire.CodeSignature, "url"},
		{"another body", func(c *sent) { c.claims["bh"] = strings.Repeat("A", 43) }, wire.CodeSignature, "body"},
		{"a clock behind", func(c *sent) { c.claims["iat"] = s.now().Add(-3 * time.Minute).Unix() }, wire.CodeClock, ""},
		{"a clock ahead", func(c *sent) { c.claims["iat"] = s.now().Add(3 * time.Minute).Unix() }, wire.CodeClock, ""},
		{"another type", func(c *sent) { c.header["typ"] = "JWT" }, wire.CodeSignature, "malformed"},
		{"no signature", func(c *sent) { c.header["alg"] = "none" }, wire.CodeSignature, "malformed"},
		{"a short identifier", func(c *sent) { c.claims["jti"] = "AAAA" }, wire.CodeSignature, "malformed"},
		{"no proof", func(c *sent) { c.proof = func(string) string { return "" } }, wire.CodeSignature, "malformed"},
		{"half a proof", func(c *sent) { c.proof = func(s string) string { return s[:len(s)/2] } }, wire.CodeSignature, "malformed"},
	} {
		p.edit = tc.edit
		problem := get()
		refused(t, tc.name, problem, tc.code, tc.reason)
		if problem != nil && (problem.Now != 0) != (tc.code == wire.CodeClock) {
			t.Errorf("%s: tells the time %d", tc.name, problem.Now)
		}
	}
	p.edit = nil
	p.ok(get())
	replay := p.request(http.MethodGet, wire.PathDevice, nil)
	p.ok(p.send(replay.Clone(t.Context()), &wire.DeviceStatus{}))
	refused(t, "the same call again", p.send(replay, &wire.DeviceStatus{}), wire.CodeReplayed, "")
	two := p.request(http.MethodGet, wire.PathDevice, nil)
	two.Header.Add("DPoP", two.Header.Get("DPoP"))
	refused(t, "two proofs", p.send(two, &wire.DeviceStatus{}), wire.CodeSignature, "")
	query := p.request(http.MethodGet, wire.PathDevice, nil)
	query.URL.RawQuery = "a=b"
	refused(t, "a query", p.send(query, &wire.DeviceStatus{}), wire.CodeBadRequest, "")
	form := p.request(http.MethodPost, wire.PathDesk, wire.DeskCode{Code: "ABCD-EFGH"})
	form.Header.Set("Content-Type", "text/plain")
	refused(t, "another media type", p.send(form, &wire.DeviceStatus{}), wire.CodeBadRequest, "")
	p.edit = func(c *sent) { c.body = bytes.Replace(c.body, []byte("EFGH"), []byte("EFGJ"), 1) }
	refused(t, "an edited body", p.post(wire.PathDesk, wire.DeskCode{Code: "ABCD-EFGH"}, &wire.DeviceStatus{}), wire.CodeSignature, "body")
	p.edit = nil
	refused(t, "an unknown member", p.post(wire.PathDesk, map[string]string{"code": "ABCD-EFGH", "more": ""}, &wire.DeviceStatus{}), wire.CodeBadRequest, "")
	refused(t, "a huge body", p.post(wire.PathDesk, wire.DeskCode{Code: strings.Repeat("A", wire.MostBody)}, &wire.DeviceStatus{}), wire.CodeBadRequest, "")
	problem := p.post(wire.PathDesk, wire.DeskCode{Code: "ABCD-EFGJ"}, &wire.DeviceStatus{})
	refused(t, "a wrong code of the desk", problem, wire.CodeDeskCodeWrong, "")
	if problem.TriesLeft == nil || *problem.TriesLeft != 4 {
		t.Errorf("tries %v", problem.TriesLeft)
	}
}

// TestCodes: who may redeem what the page shows.
func TestCodes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, q := ready(s), ready(s)
	_, start := s.login(assurance.High)
	for what, code := range map[string]string{
		"another code": "0000-0000-0000", "a pairing code's form": "ABCD-EFGH", "no code": "", "lower case": strings.ToLower(start),
	} {
		if code != start {
			refused(t, what, p.redeem(code), wire.CodeStartUnknown, "")
		}
	}
	refused(t, "a login's code at a pairing", newPhone(s).post(wire.PathPairings, newPhone(s).pairRequest(start), &wire.PairAnswer{}), wire.CodeBadRequest, "")
	p.ok(p.redeem(start))
	refused(t, "a stolen code, second", q.redeem(start), wire.CodeStartUnknown, "")
	if !s.logged(audit.CeremonyRefused, "code-of-another-device") {
		t.Error("two devices with one code left no entry")
	}
	_, start = s.login(assurance.High)
	s.advance(61 * time.Second)
	refused(t, "an old code", p.redeem(start), wire.CodeStartUnknown, "")

	id := txn.NewID().String()
	code := s.offer(id, ceremony.Pair)
	fresh, other := newPhone(s), newPhone(s)
	in := fresh.pairRequest(code)
	refused(t, "another's key", other.post(wire.PathPairings, in, &wire.PairAnswer{}), wire.CodeBadRequest, "")
	var first, again wire.PairAnswer
	fresh.ok(fresh.post(wire.PathPairings, in, &first))
	refused(t, "a second device with one code", other.post(wire.PathPairings, other.pairRequest(code), &wire.PairAnswer{}), wire.CodeCodeUnknown, "")
	fresh.ok(fresh.post(wire.PathPairings, in, &again))
	if again.Device != first.Device || !bytes.Equal(again.Nonce, first.Nonce) || bytes.Equal(again.Ratchet, first.Ratchet) {
		t.Error("a repeated pairing is not the same one with a fresh ratchet")
	}
	refused(t, "a device that is known", p.post(wire.PathPairings, p.pairRequest(s.offer(txn.NewID().String(), ceremony.Pair)), &wire.PairAnswer{}), wire.CodeBusy, "device-known")
	fresh.id = first.Ceremony
	refused(t, "a device of nobody, elsewhere", fresh.send(fresh.request(http.MethodGet, wire.PathDevice, nil), &wire.DeviceStatus{}), wire.CodeNotReady, "")
	refused(t, "a PIN before the hop", fresh.post(wire.PathPIN, wire.PINRequest{Blinded: point(t), New: true}, &wire.PINAnswer{}), wire.CodeNotReady, "")
}

// TestClone: whoever presents a ratchet that was replaced has a copy of the file.
func TestClone(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	stolen := *p
	_, start := s.login(assurance.High)
	p.ok(p.redeem(start))
	_, start = s.login(assurance.High)
	p.ok(p.redeem(start)) // turns the ratchet a second time: what the thief holds is gone
	id, start := s.login(assurance.High)
	refused(t, "the copy", stolen.redeem(start), wire.CodeDeviceCloned, "")
	ended, ok := s.state(id).(txn.Ended)
	if !ok || ended.Reason() != txn.ReasonClonedDevice || s.ceremony(id).Reason() != "device-cloned" {
		t.Error("the login of the copy goes on")
	}
	d := s.device(p)
	if d.Active() || s.cardsOf(d)[0].Active() || !s.logged(audit.DeviceSuspended, "device-cloned") {
		t.Error("the device or its card is still good")
	}
	refused(t, "the device itself", p.send(p.request(http.MethodGet, wire.PathDevice, nil), &wire.DeviceStatus{}), wire.CodeDeviceCloned, "")
}

// TestOrder: nothing before its turn, nothing in another's ceremony.
func TestOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, q := ready(s), ready(s)
	id, start := s.login(assurance.High)
	p.ok(p.redeem(start))
	_, problem := p.ask(french())
	refused(t, "the request before the hop", problem, wire.CodeNotReady, "")
	refused(t, "the PIN before the request", p.guess(p.pin), wire.CodeNotReady, "")
	r := &reading{p: p}
	if err := r.read(persona); err == nil {
		t.Error("a card was opened before the request")
	}
	refused(t, "a hop to another's port", p.post(wire.PathHop, wire.HopRequest{Port: 80}, &wire.HopAnswer{}), wire.CodeNotReady, "")
	p.meet()
	refused(t, "a second hop", p.post(wire.PathHop, wire.HopRequest{Port: 40123}, &wire.HopAnswer{}), wire.CodeNotReady, "")
	_, problem = p.ask(wire.AskRequest{Language: "de"})
	refused(t, "another language", problem, wire.CodeBadRequest, "")
	a, problem := p.ask(french())
	p.ok(problem)
	q.id = id
	_, problem = q.ask(french())
	refused(t, "another device's ceremony", problem, wire.CodeOtherDevice, "")
	q.id = txn.NewID().String()
	_, problem = q.ask(french())
	refused(t, "no ceremony", problem, wire.CodeCeremonyUnknown, "")
	q.id = "x"
	_, problem = q.ask(french())
	refused(t, "no identifier", problem, wire.CodeCeremonyUnknown, "")
	p.ok(p.guess(p.pin))
	refused(t, "no card where one is needed", p.post(wire.PathResult, wire.ResultRequest{Approval: p.approve(a, nil, nil)}, &wire.ResultAnswer{}), wire.CodeNotReady, "")
	refused(t, "no such refusal", p.post(wire.PathRefusal, wire.Refusal{Reason: "bored"}, &wire.Empty{}), wire.CodeBadRequest, "")
	p.ok(p.post(wire.PathRefusal, wire.Refusal{Reason: "not-mine"}, &wire.Empty{}))
	if ended, ok := s.state(id).(txn.Ended); !ok || ended.Reason() != txn.ReasonNotMine || s.ceremony(id).Reason() != "not-mine" {
		t.Error("the refusal did not end the login")
	}
	_, problem = p.ask(french())
	refused(t, "after the end", problem, wire.CodeEnded, "not-mine")
	s.advance(10 * time.Minute)
	_, problem = p.ask(french())
	refused(t, "after its time", problem, wire.CodeCeremonyUnknown, "")
}

// TestLevel: a device that was never at a desk cannot answer eidas2, and is told so before anything is spent.
func TestLevel(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := newPhone(s)
	p.pair(persona)
	_, start := s.login(assurance.Substantial)
	p.come(start)
	_, problem := p.ask(french())
	refused(t, "eidas2 from an unactivated device", problem, wire.CodeLevelTooLow, "eidas1")
	if s.device(p).TriesLeft() != 5 || s.ceremony(p.id).OpeningsLeft() != 3 {
		t.Error("something was spent")
	}
}

// TestWrongPIN: each guess costs one try, whether it is proved or not, and the fifth locks.
func TestWrongPIN(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	_, start := s.login(assurance.High)
	p.come(start)
	_, problem := p.ask(french())
	p.ok(problem)
	same := wire.PINRequest{Blinded: point(t)}
	var first, again wire.PINAnswer
	p.ok(p.post(wire.PathPIN, same, &first))
	p.ok(p.post(wire.PathPIN, same, &again))
	if first.TriesLeft != 4 || again.TriesLeft != 4 || !bytes.Equal(first.Evaluated, again.Evaluated) {
		t.Errorf("repeated: %d then %d", first.TriesLeft, again.TriesLeft)
	}
	p.ok(p.guess(p.pin)) // clears the row; the guess before stays counted in all
	refused(t, "not a point", p.post(wire.PathPIN, wire.PINRequest{Blinded: make([]byte, 33)}, &wire.PINAnswer{}), wire.CodeBadRequest, "")
	for left := 3; left > 0; left-- {
		problem := p.guess(newKey(t))
		refused(t, "a wrong PIN", problem, wire.CodePINWrong, "")
		if problem.TriesLeft == nil || *problem.TriesLeft != left {
			t.Errorf("tries left %v, want %d", problem.TriesLeft, left)
		}
	}
	refused(t, "the last", p.guess(newKey(t)), wire.CodePINLocked, "")
	refused(t, "the right one, too late", p.guess(p.pin), wire.CodePINLocked, "")
	for _, entry := range []struct {
		event  audit.Event
		reason string
	}{{"pin-tried", ""}, {audit.PINFailed, "wrong"}, {audit.PINLocked, "last-try"}} {
		if !s.logged(entry.event, entry.reason) {
			t.Errorf("no entry %s %s", entry.event, entry.reason)
		}
	}
}

// TestParallelGuesses: guesses at the same moment cost one try each, and no more than five are answered.
func TestParallelGuesses(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p := ready(s)
	_, start := s.login(assurance.High)
	p.come(start)
	_, problem := p.ask(french())
	p.ok(problem)
	var calls []*http.Request
	for range 12 {
		calls = append(calls, p.request(http.MethodPost, wire.PathPIN, wire.PINRequest{Blinded: point(t)}))
	}
	var answered atomic.Int32
	var all sync.WaitGroup
	for _, r := range calls {
		all.Go(func() {
			if p.send(r, &wire.PINAnswer{}) == nil {
				answered.Add(1)
			}
		})
	}
	all.Wait()
	if left := s.device(p).TriesLeft(); int(answered.Load()) != 5-left || answered.Load() > 5 || answered.Load() == 0 {
		t.Errorf("%d answers, %d tries left", answered.Load(), left)
	}
}

// atCard brings a login to the moment where the card was read.
func atCard(s *scene) (p *phone, id string, a asked, r *reading) {
	s.tb.Helper()
	p = ready(s)
	id, start := s.login(assurance.High)
	p.come(start)
	a, problem := p.ask(french())
	p.ok(problem)
	p.ok(p.guess(p.pin))
	r = &reading{p: p}
	must(s.tb, r.read(persona))
	return p, id, a, r
}

// TestApproval changes one thing of a yes that is good. None of it burns the card's opening.
func TestApproval(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	result := func(edit func(*approval)) *wire.Problem {
		in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, edit)}
		return p.post(wire.PathResult, in, &wire.ResultAnswer{})
	}
	for _, tc := range []struct {
		name, reason string
		edit         func(*approval)
	}{
		{"one signature", "signatures", func(y *approval) { y.second = nil }},
		{"the device's key twice", "signatures", func(y *approval) { y.second = y.first }},
		{"another PIN", "signatures", func(y *approval) { y.second = newKey(t) }},
		{"another device", "signatures", func(y *approval) { y.first = newKey(t) }},
		{"another login", "transaction", func(y *approval) { y.claims.Ceremony = txn.NewID().String() }},
		{"another nonce", "nonce", func(y *approval) { y.claims.Nonce = make([]byte, 32) }},
		{"another hop", "hop", func(y *approval) { y.claims.Hop = "x" }},
		{"another request", "request", func(y *approval) { y.claims.Request = make([]byte, 32) }},
		{"another screen", "display", func(y *approval) { y.claims.Display = make([]byte, 32) }},
		{"another card", "card", func(y *approval) { y.claims.Card = make([]byte, 32) }},
		{"another broker", "audience", func(y *approval) { y.claims.Aud = "https://evil.example" }},
		{"a no", "decision", func(y *approval) { y.claims.Decision = "refuse" }},
		{"too old", "expired", func(y *approval) { y.claims.Iat -= 600; y.claims.Exp -= 600 }},
	} {
		refused(t, tc.name, result(tc.edit), wire.CodeApprovalRefused, tc.reason)
	}
	if s.ceremony(id).OpeningsLeft() != 2 || !s.logged(audit.ApprovalRefused, "display") || s.state(id).Name() != txn.NameWaiting {
		t.Error("a refused approval spent the opening or the login")
	}
	edited := append([][]byte(nil), r.responses...)
	edited[0] = bytes.Clone(edited[0])
	edited[0][5] ^= 1
	refused(t, "responses that were not approved", p.post(wire.PathResult,
		wire.ResultRequest{Opening: r.opening.ID, Responses: edited, Approval: p.approve(a, r, nil)}, &wire.ResultAnswer{}),
		wire.CodeApprovalRefused, "card")
	p.ok(result(nil))
}

// TestRefusedCard: a forged answer spends the opening, and the third ends the login.
func TestRefusedCard(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	for left := 2; left >= 0; left-- {
		r.responses = append([][]byte(nil), r.responses...)
		r.responses[0] = bytes.Clone(r.responses[0])
		r.responses[0][8] ^= 1
		in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}
		refused(t, "a forged answer", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeCardRefused, "chip-not-genuine")
		if left > 0 {
			refused(t, "the same answer again", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeNotReady, "")
			r = &reading{p: p}
			must(t, r.read(persona))
		}
	}
	if ended, ok := s.state(id).(txn.Ended); !ok || ended.Reason() != "card-refused" || !s.logged(audit.CardRefused, "chip-not-genuine") {
		t.Error("three forged answers did not end the login")
	}
}

// TestOpenings: three at most, each killing the last.
func TestOpenings(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, _, a, r := atCard(s)
	later := &reading{p: p}
	must(t, later.read(persona))
	refused(t, "an opening that was killed", p.post(wire.PathResult,
		wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}, &wire.ResultAnswer{}),
		wire.CodeNotReady, "")
	last := &reading{p: p}
	must(t, last.read(persona))
	err := (&reading{p: p}).read(persona)
	if problem, ok := errors.AsType[*wire.Problem](err); !ok || problem.Code != wire.CodeTooManyOpenings {
		t.Errorf("a fourth: %v", err)
	}
	p.ok(p.post(wire.PathResult,
		wire.ResultRequest{Opening: last.opening.ID, Responses: last.responses, Approval: p.approve(a, last, nil)}, &wire.ResultAnswer{}))
}

// TestParallelResults: of many answers at the same moment, one is judged.
func TestParallelResults(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	var calls []*http.Request
	for range 8 {
		calls = append(calls, p.request(http.MethodPost, wire.PathResult,
			wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}))
	}
	var cards atomic.Int32
	var all sync.WaitGroup
	for _, call := range calls {
		all.Go(func() {
			var answer wire.ResultAnswer
			if p.send(call, &answer) == nil && answer.Card != nil {
				cards.Add(1)
			}
		})
	}
	all.Wait()
	if cards.Load() != 1 || s.state(id).Name() != txn.NameProven {
		t.Errorf("%d winners", cards.Load())
	}
}

// TestOtherCard: genuine cards that are not the enrolled one, and people whom the register does not know.
func TestOtherCard(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, _, a, _ := atCard(s)
	other := &reading{p: p}
	must(t, other.read("apostrophes"))
	refused(t, "another's card", p.post(wire.PathResult,
		wire.ResultRequest{Opening: other.opening.ID, Responses: other.responses, Approval: p.approve(a, other, nil)}, &wire.ResultAnswer{}),
		wire.CodeCardRefused, string(card.ReasonNotEnrolled))

	q := newPhone(s)
	q.join()
	r := &reading{p: q}
	must(t, r.read("apostrophes"))
	in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses}
	refused(t, "nobody in the register", q.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeIdentityUnknown, "")
	if c := s.ceremony(q.id); c.Reason() != "identity-unknown" || s.device(q).Account() != "" {
		t.Errorf("the pairing is %s %s", c.Stage(), c.Reason())
	}
	p, id, a, r := atCard(s)
	s.register.people = nil
	refused(t, "no longer in the register", p.post(wire.PathResult,
		wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}, &wire.ResultAnswer{}),
		wire.CodeIdentityUnknown, "")
	if s.state(id).Name() != txn.NameEnded {
		t.Error("the login goes on")
	}
}

// A register that does not answer refuses, and costs no more than one opening.
func TestRegisterIsDown(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, id, a, r := atCard(s)
	s.register.err = errors.New("connection refused by 192.0.2.1")
	in := wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}
	refused(t, "no register", p.post(wire.PathResult, in, &wire.ResultAnswer{}), wire.CodeUnavailable, "")
	s.register.err = nil
	if s.state(id).Name() != txn.NameWaiting {
		t.Fatal("the login ended")
	}
	r = &reading{p: p}
	must(t, r.read(persona))
	p.ok(p.post(wire.PathResult, wire.ResultRequest{Opening: r.opening.ID, Responses: r.responses, Approval: p.approve(a, r, nil)}, &wire.ResultAnswer{}))
}

// TestForgedCard: files that no State signed are refused before anything is offered to the card.
func TestForgedCard(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	p, _, _, _ := atCard(s)
	left := s.ceremony(p.id).OpeningsLeft()
	in := wire.OpenRequest{CardAccess: []byte{0x31, 0}, DG14: []byte{0x6E, 0}, SOD: []byte{0x77, 0}, Reach: wire.Reach{}}
	refused(t, "forged files", p.post(wire.PathCard, in, &wire.Opening{}), wire.CodeCardRefused, "")
	in.Card = make([]byte, 32)
	refused(t, "files and a handle", p.post(wire.PathCard, in, &wire.Opening{}), wire.CodeBadRequest, "")
	unknown := p.post(wire.PathCard, wire.OpenRequest{Card: make([]byte, 32)}, &wire.Opening{})
	refused(t, "an unknown handle", unknown, wire.CodeCardRefused, string(card.ReasonKnownCardMismatch))
	if unknown.Again != "files" || s.ceremony(p.id).OpeningsLeft() != left {
		t.Errorf("%+v, %d openings left", unknown, s.ceremony(p.id).OpeningsLeft())
	}
	refused(t, "a size of what is never read", p.post(wire.PathCard,
		wire.OpenRequest{Card: p.handle, Reach: wire.Reach{Sizes: map[string]int{"1": 95, " ": 1}}}, &wire.Opening{}), wire.CodeBadRequest, "")
	for _, group := range []string{"3", "14", "01", "-1", ""} {
		_, problem := p.ask(wire.AskRequest{Language: "fr", Card: p.handle, Reach: &wire.Reach{Sizes: map[string]int{group: 1}}})
		refused(t, "a size of "+group, problem, wire.CodeBadRequest, "")
	}
	if s.ceremony(p.id).OpeningsLeft() != left {
		t.Error("a size of no file spent an opening")
	}
	refused(t, "a negative reach", p.post(wire.PathCard, wire.OpenRequest{Card: p.handle, Reach: wire.Reach{Block: -1}}, &wire.Opening{}), wire.CodeBadRequest, "")
}
