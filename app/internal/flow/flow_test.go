package flow_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/app/internal/api"
	"pivot/app/internal/flow"
	"pivot/app/internal/keystore"
	"pivot/cardreader"
	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/session"
	"pivot/shared/wire"
)

// TestMain keeps the tests off the network that the environment's proxies reach.
func TestMain(m *testing.M) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"} {
		if err := os.Unsetenv(name); err != nil {
			panic("internal error: " + err.Error())
		}
	}
	os.Exit(m.Run())
}

// citizen answers from a script, and remembers what was shown and asked. The last answer of a kind stays.
type citizen struct {
	t         *testing.T
	answers   map[flow.Kind][]flow.Answer
	onAsk     map[flow.Kind]func(ctx context.Context) error
	views     []flow.View
	questions []flow.Question
}

func secret(s string) flow.Answer { return flow.Answer{Secret: []byte(s)} }

const goodPIN, goodCAN, startCode = "274913", "123456", "ABCD-EFGH-JKMN"

func newCitizen(t *testing.T) *citizen {
	return &citizen{t: t, answers: map[flow.Kind][]flow.Answer{
		flow.AskApprove:   {{Approve: true}},
		flow.AskCAN:       {secret(goodCAN)},
		flow.AskPIN:       {secret(goodPIN)},
		flow.AskNewPIN:    {secret(goodPIN)},
		flow.AskRepeatPIN: {secret(goodPIN)},
	}, onAsk: map[flow.Kind]func(context.Context) error{}}
}

// says replaces the answers of a kind; then the citizen leaves.
func (c *citizen) says(k flow.Kind, answers ...flow.Answer) *citizen {
	c.answers[k] = answers
	return c
}

func (c *citizen) Show(v flow.View) { c.views = append(c.views, v) }

func (c *citizen) Ask(ctx context.Context, q flow.Question) (flow.Answer, error) {
	c.questions = append(c.questions, q)
	if do := c.onAsk[q.Kind]; do != nil {
		if err := do(ctx); err != nil {
			return flow.Answer{}, err
		}
	}
	queue := c.answers[q.Kind]
	if len(queue) == 0 {
		return flow.Answer{}, flow.ErrCancelled
	}
	c.answers[q.Kind] = queue[1:]
	a := queue[0]
	a.Secret = slices.Clone(a.Secret)
	return a, nil
}

// steps are the steps shown, in order, repetitions aside.
func (c *citizen) steps() []flow.Step {
	var out []flow.Step
	for _, v := range c.views {
		if len(out) == 0 || out[len(out)-1] != v.Step {
			out = append(out, v.Step)
		}
	}
	return out
}

// asked are the questions of a kind.
func (c *citizen) asked(k flow.Kind) []flow.Question {
	return slices.DeleteFunc(slices.Clone(c.questions), func(q flow.Question) bool { return q.Kind != k })
}

// table is what lies before the citizen: one card, without reader.
type table struct {
	t      *testing.T
	card   *cardsim.Card
	opened int
	leaves int // the command, counted from 1, at which the card leaves for the first time; 0: never
	sent   int
	before func(opened int, lacking func(cardreader.Problem)) error // may be nil
}

func (d *table) Transmit(ctx context.Context, command []byte) ([]byte, error) {
	if d.sent++; d.sent == d.leaves {
		return nil, nil // as a reader says it
	}
	return d.card.Transmit(ctx, command)
}

func (d *table) Reset(context.Context) error {
	d.card.Power(true)
	return nil
}

func (d *table) Close() error { return nil }

func (d *table) open(ctx context.Context, lacking func(cardreader.Problem)) (session.Link, io.Closer, error) {
	d.opened++
	if d.before != nil {
		if err := d.before(d.opened, lacking); err != nil {
			return nil, nil, err
		}
	}
	d.card.Power(true)
	return d, d, ctx.Err()
}

// scene is a citizen's computer and a broker.
type scene struct {
	broker    *broker
	store     *keystore.Store
	table     *table
	companion *inTurn
	off       atomic.Int64  // how far the citizen's clock is off, in nanoseconds
	back      time.Duration // how far it is set back while the citizen takes their time
}

// inTurn is a companion whose flows and the broker's answers come after one another for the race detector, as they do over
// the network.
type inTurn struct {
	*flow.Companion
	turn   *sync.Mutex
	passed int
}

func (c *inTurn) pass() {
	c.turn.Lock()
	defer c.turn.Unlock()
	c.passed++
}

func (c *inTurn) Pair(ctx context.Context, d flow.Dialogue, code, origin string) (flow.Outcome, error) {
	c.pass()
	defer c.pass()
	return c.Companion.Pair(ctx, d, code, origin)
}

func (c *inTurn) Approve(ctx context.Context, d flow.Dialogue, start, origin string) (flow.Outcome, error) {
	c.pass()
	defer c.pass()
	return c.Companion.Approve(ctx, d, start, origin)
}

func (c *inTurn) ChangePIN(ctx context.Context, d flow.Dialogue, origin string) (flow.Outcome, error) {
	c.pass()
	defer c.pass()
	return c.Companion.ChangePIN(ctx, d, origin)
}

func newScene(t *testing.T, persona string) *scene {
	t.Helper()
	store, err := keystore.OpenAs(t.TempDir(), "file")
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{broker: newBroker(t), store: store, table: &table{t: t, card: simtest.Card(t, persona)}}
	s.companion = &inTurn{Companion: flow.New(flow.Parts{
		Store: store, OpenCard: s.table.open, Origin: s.broker.origin(), Name: "laptop", Platform: "linux/amd64", Dial: s.dial,
	}), turn: &s.broker.turn}
	return s
}

// dial gives a client by the citizen's clock.
func (s *scene) dial(origin string, key keystore.Key) (*api.Client, error) {
	return api.New(api.Options{Origin: origin, Key: key, Now: func() time.Time {
		return s.broker.now().Add(time.Duration(s.off.Load()))
	}})
}

// paired is a scene after the pairing of the genuine card, with the persona's card on the table.
func paired(t *testing.T, persona string) *scene {
	t.Helper()
	s := newScene(t, "genuine")
	s.pair(t, newCitizen(t))
	s.table.card, s.table.opened = simtest.Card(t, persona), 0
	s.broker.mu.Lock()
	s.broker.calls, s.broker.stage = nil, "offered"
	s.broker.mu.Unlock()
	return s
}

// pair pairs, the page being answered as soon as the numbers are shown.
func (s *scene) pair(t *testing.T, c *citizen) flow.Outcome {
	t.Helper()
	out, err := s.companion.Pair(t.Context(), s.confirming(c), "ABCD-EFGH", "")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// confirming is a citizen who says on the page that the numbers are the same.
func (s *scene) confirming(c *citizen) flow.Dialogue {
	return &atPage{citizen: c, broker: s.broker, stage: "confirmed"}
}

type atPage struct {
	*citizen
	broker        *broker
	stage, reason string
}

func (p *atPage) Show(v flow.View) {
	p.citizen.Show(v)
	if v.Step == flow.StepCompare && v.ShortString != "" {
		p.broker.move(p.stage, p.reason)
	}
}

// failure is the flow's failure.
func failure(t *testing.T, err error) *flow.Failure {
	t.Helper()
	f, ok := errors.AsType[*flow.Failure](err)
	if !ok {
		t.Fatalf("no failure of a flow: %v", err)
	}
	return f
}

func TestPair(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, "genuine"), newCitizen(t)
	out := s.pair(t, c)
	if out.Level != "eidas3" || out.Reference != "KMNP-QRST" {
		t.Errorf("outcome %+v", out)
	}
	if out.Figures.APDUs == 0 || out.Figures.RoundTrips == 0 || out.Figures.Card <= 0 || out.Figures.Total < out.Figures.Card {
		t.Errorf("figures %+v", out.Figures)
	}
	want := []flow.Step{flow.StepConnect, flow.StepCompare, flow.StepBrowser, flow.StepPIN, flow.StepCard, flow.StepSend, flow.StepDone}
	if !slices.Equal(c.steps(), want) {
		t.Errorf("steps %v", c.steps())
	}
	p, err := s.store.Find(s.broker.origin())
	if err != nil {
		t.Fatal(err)
	}
	if p.Device != "device-1" || len(p.Cards) != 1 || len(p.PIN.Masked) != 32 || p.Issuer != s.broker.issuer() || p.Name != "laptop" {
		t.Errorf("profile: device %q, %d cards", p.Device, len(p.Cards))
	}
	if len(s.broker.refusals) != 0 {
		t.Errorf("refused: %v", s.broker.refusals)
	}
	all, err := s.companion.Status(t.Context())
	if err != nil || len(all) != 1 || all[0].Device == nil || all[0].Device.Level != "eidas3" || all[0].Protection != "file" {
		t.Errorf("status %+v, %v", all, err)
	}
}

// TestPairLeavesNothing holds that a pairing that fails leaves the computer as it was.
func TestPairLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		prepare func(*scene, *citizen) flow.Dialogue
		code    string
		cause   flow.Cause
		problem string
		parted  bool // the broker was told
	}{
		{"unknown code", nil, "ABCD-EFGJ", flow.CauseRefused, "code-unknown", false},
		{"no code", nil, "ABCD", flow.CauseUsage, "code-malformed", false},
		{"a login's code", nil, startCode, flow.CauseUsage, "code-malformed", false},
		{"another number on the page", func(s *scene, c *citizen) flow.Dialogue {
			return &atPage{c, s.broker, "ended", "strings-differ"}
		}, "ABCD-EFGH", flow.CauseRefused, "ended", false},
		{"given up at the secret code", func(s *scene, c *citizen) flow.Dialogue {
			return s.confirming(c.says(flow.AskNewPIN))
		}, "ABCD-EFGH", flow.CauseCitizen, "cancelled", true},
		{"a card of another State", func(s *scene, c *citizen) flow.Dialogue {
			s.table.card = simtest.Card(s.broker.t, "own-pki")
			return s.confirming(c)
		}, "ABCD-EFGH", flow.CauseRefused, "card-refused", true},
		{"a copy of the card", func(s *scene, c *citizen) flow.Dialogue {
			s.table.card = simtest.Card(s.broker.t, "clone")
			return s.confirming(c)
		}, "ABCD-EFGH", flow.CauseRefused, "card-refused", true},
		{"nobody in the register", func(s *scene, c *citizen) flow.Dialogue {
			s.broker.refuse[wire.PathResult] = []*wire.Problem{{Code: wire.CodeIdentityUnknown}}
			return s.confirming(c)
		}, "ABCD-EFGH", flow.CauseRefused, "identity-unknown", true},
		{"no card", func(s *scene, c *citizen) flow.Dialogue {
			s.table.card = simtest.Card(s.broker.t, "bank-card")
			return s.confirming(c)
		}, "ABCD-EFGH", flow.CauseCard, "not-identity-card", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, c := newScene(t, "genuine"), newCitizen(t)
			d := flow.Dialogue(c)
			if tc.prepare != nil {
				d = tc.prepare(s, c)
			}
			_, err := s.companion.Pair(t.Context(), d, tc.code, "")
			f := failure(t, err)
			if f.Cause != tc.cause || f.Problem != tc.problem {
				t.Errorf("%d %s: %v", f.Cause, f.Problem, f)
			}
			if _, err := s.store.Find(s.broker.origin()); !errors.Is(err, keystore.ErrUnpaired) {
				t.Errorf("a profile is left: %v", err)
			}
			if got := len(s.broker.refusals) > 0; got != tc.parted {
				t.Errorf("the broker was told: %v", s.broker.refusals)
			}
			// The broker's profile is free again.
			lease, err := s.store.Acquire(s.broker.origin())
			if err != nil {
				t.Fatal(err)
			}
			if err := lease.Release(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestPairAgain holds that the earlier pairing stays until the new one is done.
func TestPairAgain(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	before, _ := s.store.Find(s.broker.origin())
	if _, err := s.companion.Pair(t.Context(), s.confirming(newCitizen(t)), "ABCD-EFGH", ""); failure(t, err).Cause != flow.CauseCitizen {
		t.Errorf("paired again without a yes: %v", err)
	}
	c := newCitizen(t).says(flow.AskReplace, flow.Answer{Approve: true})
	s.broker.refuse[wire.PathResult] = []*wire.Problem{{Code: wire.CodeIdentityUnknown}}
	if _, err := s.companion.Pair(t.Context(), s.confirming(c), "ABCD-EFGH", ""); err == nil {
		t.Error("paired without identity")
	}
	after, err := s.store.Find(s.broker.origin())
	if err != nil || !slices.Equal(after.Key.Material, before.Key.Material) || !slices.Equal(after.PIN.Masked, before.PIN.Masked) {
		t.Errorf("the earlier pairing is gone: %v", err)
	}
	s.broker.mu.Lock()
	s.broker.handle = nil
	s.broker.mu.Unlock()
	s.pair(t, newCitizen(t).says(flow.AskReplace, flow.Answer{Approve: true}))
	after, err = s.store.Find(s.broker.origin())
	if err != nil || slices.Equal(after.Key.Material, before.Key.Material) {
		t.Errorf("the new pairing has the old key: %v", err)
	}
}

func TestNewPINIsHeldToItsRules(t *testing.T) {
	t.Parallel()
	s, c := newScene(t, "genuine"), newCitizen(t)
	c.says(flow.AskNewPIN, secret("12"), secret("123456"), secret("111111"), secret("27491a"), secret(goodPIN), secret(goodPIN))
	c.says(flow.AskRepeatPIN, secret("274914"), secret(goodPIN))
	s.pair(t, c)
	var said []string
	for _, q := range c.asked(flow.AskNewPIN) {
		said = append(said, q.Again)
	}
	want := []string{"", "flow.pin-too-short", "flow.pin-run", "flow.pin-repeated", "flow.pin-no-digit", "flow.pin-differs"}
	if !slices.Equal(said, want) {
		t.Errorf("said %q", said)
	}
}

func TestApprove(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.companion.Speak("en")
	out, err := s.companion.Approve(t.Context(), c, startCode, "")
	if err != nil {
		t.Fatal(err)
	}
	if out.Level != "eidas3" || out.Service != "Caisse d'essai" {
		t.Errorf("outcome %+v", out)
	}
	// The card is known: its opening comes with the request, and ten commands do.
	if n := s.broker.count(wire.PathCard); n != 0 || out.Figures.APDUs > 10 {
		t.Errorf("%d openings asked for, %d commands", n, out.Figures.APDUs)
	}
	want := []flow.Step{
		flow.StepConnect, flow.StepBrowser, flow.StepRequest, flow.StepPIN, flow.StepCard, flow.StepSend, flow.StepDone,
	}
	if !slices.Equal(c.steps(), want) {
		t.Errorf("steps %v", c.steps())
	}
	q := c.asked(flow.AskApprove)
	if len(q) != 1 || q[0].Request.Place != "192.0.2.7" || q[0].Request.Language != "en" {
		t.Errorf("asked %+v", q)
	}
	if len(s.broker.approvals) != 1 || s.broker.approvals[0].Language != "en" || len(s.broker.approvals[0].Card) != 32 {
		t.Errorf("approvals %+v", s.broker.approvals)
	}
	// The questions come in this order: decision, secret code, card.
	var kinds []flow.Kind
	for _, q := range c.questions {
		kinds = append(kinds, q.Kind)
	}
	if !slices.Equal(kinds, []flow.Kind{flow.AskApprove, flow.AskPIN, flow.AskCAN}) {
		t.Errorf("questions %v", kinds)
	}
}

func TestApproveWithoutCard(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.broker.noCard, s.broker.handle = true, nil
	if _, err := s.companion.Approve(t.Context(), c, startCode, ""); err != nil {
		t.Fatal(err)
	}
	if s.table.opened != 0 || len(c.asked(flow.AskCAN)) != 0 || len(s.broker.approvals) != 1 || s.broker.approvals[0].Card != nil {
		t.Errorf("the card was used: %+v", s.broker.approvals)
	}
}

// TestApproveAgain holds that the ratchet turns: a second login works, and from a copy it does not.
func TestApproveAgain(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	for range 2 {
		s.broker.move("offered", "")
		if _, err := s.companion.Approve(t.Context(), newCitizen(t), startCode, ""); err != nil {
			t.Fatal(err)
		}
	}
	s.broker.ratchet = random(32)
	_, err := s.companion.Approve(t.Context(), newCitizen(t), startCode, "")
	if f := failure(t, err); f.Problem != "device-cloned" || f.Cause != flow.CauseRefused || len(s.broker.refusals) != 0 {
		t.Errorf("%v", f)
	}
}

// TestSlowCitizen: who takes their time has the request asked for again, and is not asked again unless it says something else.
func TestSlowCitizen(t *testing.T) {
	t.Parallel()
	yes := flow.Answer{Approve: true}
	for _, tc := range []struct {
		name      string
		at        flow.Kind
		takes     time.Duration
		prepare   func(*scene)
		answers   []flow.Answer // at the request
		requests  int
		questions int
		problem   string
	}{
		{"within the time", flow.AskPIN, time.Minute, nil, []flow.Answer{yes}, 1, 1, ""},
		{"at the request", flow.AskApprove, 9 * time.Minute, nil, []flow.Answer{yes}, 2, 1, ""},
		{"at the secret code", flow.AskPIN, 9 * time.Minute, nil, []flow.Answer{yes}, 2, 1, ""},
		{"at the card", flow.AskCAN, 9 * time.Minute, nil, []flow.Answer{yes}, 2, 1, ""},
		{"shortly before its end", flow.AskPIN, 100 * time.Second, nil, []flow.Answer{yes}, 2, 1, ""},
		{"without a card", flow.AskPIN, 9 * time.Minute, func(s *scene) { s.broker.noCard, s.broker.handle = true, nil }, []flow.Answer{yes}, 2, 1, ""},
		{"by a clock set back meanwhile", flow.AskPIN, 130 * time.Second, func(s *scene) { s.back = 55 * time.Second }, []flow.Answer{yes}, 2, 1, ""},
		{"for another service then", flow.AskPIN, 9 * time.Minute, then(func(r *wire.Request) { r.Service.Name = "Another" }), []flow.Answer{yes, yes}, 2, 2, ""},
		{"for another service, refused", flow.AskPIN, 9 * time.Minute, then(func(r *wire.Request) { r.Service.Name = "Another" }), []flow.Answer{yes, {}}, 2, 2, "refused"},
		{"for another device then", flow.AskPIN, 9 * time.Minute, then(func(r *wire.Request) { r.Aud = "device-2" }), []flow.Answer{yes}, 2, 1, "request-forged"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, c := paired(t, "genuine"), newCitizen(t)
			c.says(flow.AskApprove, tc.answers...)
			if tc.prepare != nil {
				tc.prepare(s)
			}
			c.onAsk[tc.at] = func(context.Context) error {
				s.broker.later.Add(int64(tc.takes))
				s.off.Add(-int64(s.back))
				delete(c.onAsk, tc.at)
				return nil
			}
			_, err := s.companion.Approve(t.Context(), c, startCode, "")
			if err == nil != (tc.problem == "") || err != nil && failure(t, err).Problem != tc.problem {
				t.Errorf("ended with %v, want %q", err, tc.problem)
			}
			if n := s.broker.count(wire.PathRequest); n != tc.requests {
				t.Errorf("the request was asked for %d times, want %d", n, tc.requests)
			}
			if n := len(c.asked(flow.AskApprove)); n != tc.questions {
				t.Errorf("the citizen was asked %d times, want %d", n, tc.questions)
			}
			if n := len(s.broker.approvals); n != 1 && tc.problem == "" || n != 0 && tc.problem != "" {
				t.Errorf("%d approvals", n)
			}
			if s.broker.count(wire.PathPIN) != 1 {
				t.Error("the secret code was asked for again")
			}
		})
	}
}

// then changes the requests of a broker from the moment at which the citizen takes their time.
func then(change func(*wire.Request)) func(*scene) {
	return func(s *scene) {
		s.broker.tamper = func(r *wire.Request) {
			if s.broker.later.Load() > 0 {
				change(r)
			}
		}
	}
}

// TestChangeTurnsTheRatchet: it does so as a login does, and from a copy it is refused.
func TestChangeTurnsTheRatchet(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	profile := func() keystore.Profile {
		p, err := s.store.Find(s.broker.origin())
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	before := profile()
	for range 2 {
		if _, err := s.companion.ChangePIN(t.Context(), newCitizen(t), ""); err != nil {
			t.Fatal(err)
		}
	}
	after := profile()
	if slices.Equal(after.Ratchet, before.Ratchet) || !slices.Equal(after.Ratchet, s.broker.ratchet) || after.Roll != nil {
		t.Error("the ratchet stands still")
	}
	// An answer that is lost leaves the roll on disk, and the next try sends the same.
	s.broker.refuse[wire.PathPINChange] = []*wire.Problem{{Code: wire.CodeCeremonyUnknown}}
	if _, err := s.companion.ChangePIN(t.Context(), newCitizen(t), ""); err == nil {
		t.Fatal("changed without an answer")
	}
	roll := profile().Roll
	if _, err := s.companion.ChangePIN(t.Context(), newCitizen(t), ""); err != nil || len(roll) != 16 || !slices.Equal(s.broker.roll, roll) {
		t.Errorf("another roll in the next try: %v", err)
	}
	s.broker.ratchet = random(32)
	c := newCitizen(t)
	_, err := s.companion.ChangePIN(t.Context(), c, "")
	if f := failure(t, err); f.Problem != "device-cloned" || len(c.questions) != 0 || len(s.broker.refusals) != 0 {
		t.Errorf("%v after %d questions", f, len(c.questions))
	}
}

func TestCitizenRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answers []flow.Answer
		problem string
		told    string
	}{
		{[]flow.Answer{{}}, "refused", "refused"},
		{[]flow.Answer{{Reason: flow.RefusedChange}}, "refused", "refused"},
		{[]flow.Answer{{Reason: flow.RefusedNotMine}}, "not-mine", "not-mine"},
		{nil, "cancelled", "refused"},
	} {
		t.Run(fmt.Sprint(tc.problem, len(tc.answers)), func(t *testing.T) {
			t.Parallel()
			s, c := paired(t, "genuine"), newCitizen(t)
			_, err := s.companion.Approve(t.Context(), c.says(flow.AskApprove, tc.answers...), startCode, "")
			if f := failure(t, err); f.Cause != flow.CauseCitizen || f.Problem != tc.problem {
				t.Errorf("%v", f)
			}
			if !slices.Equal(s.broker.refusals, []string{tc.told}) {
				t.Errorf("told %q", s.broker.refusals)
			}
			if s.broker.count(wire.PathPIN) != 0 || s.table.opened != 0 {
				t.Error("went on after the refusal")
			}
		})
	}
}

// TestForgedRequestIsNotShown changes one thing of a request each time.
func TestForgedRequestIsNotShown(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(*wire.Request){
		"other device":   func(r *wire.Request) { r.Aud = "device-2" },
		"other issuer":   func(r *wire.Request) { r.Iss = "https://elsewhere.example" },
		"other ceremony": func(r *wire.Request) { r.Ceremony = "x" },
		"other nonce":    func(r *wire.Request) { r.Nonce = random(32) },
		"other hop":      func(r *wire.Request) { r.Hop = "x" },
		"expired":        func(r *wire.Request) { r.Iat, r.Exp = r.Iat-600, r.Exp-600 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := paired(t, "genuine"), newCitizen(t)
			s.broker.tamper = tamper
			_, err := s.companion.Approve(t.Context(), c, startCode, "")
			if f := failure(t, err); f.Problem != "request-forged" || f.Cause != flow.CauseRefused {
				t.Errorf("%v", f)
			}
			if len(c.questions) != 0 {
				t.Errorf("asked %v", c.questions)
			}
		})
	}
}

// TestEndTakesTheQuestionAway has the browser cancel while the citizen thinks.
func TestEndTakesTheQuestionAway(t *testing.T) {
	t.Parallel()
	for _, k := range []flow.Kind{flow.AskApprove, flow.AskPIN, flow.AskCAN} {
		t.Run(string(k), func(t *testing.T) {
			t.Parallel()
			s, c := paired(t, "genuine"), newCitizen(t)
			c.onAsk[k] = func(ctx context.Context) error {
				s.broker.move("ended", "cancelled")
				<-ctx.Done()
				return ctx.Err()
			}
			_, err := s.companion.Approve(t.Context(), c, startCode, "")
			f := failure(t, err)
			if f.Problem != "ended" || f.Reason != "cancelled" || f.Detail != "broker.ended.cancelled" || f.Cause != flow.CauseRefused {
				t.Errorf("%v", f)
			}
			if len(s.broker.approvals)+len(s.broker.refusals) != 0 {
				t.Error("went on after the end")
			}
		})
	}
}

// TestEndWhileTheBrowserIsAwaited ends the ceremony while the app listens: the wait ends at once, and so does the port.
func TestEndWhileTheBrowserIsAwaited(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	s.broker.noBrowser = true
	_, err := s.companion.Approve(t.Context(), &cancelledInBrowser{c, s.broker}, startCode, "")
	if f := failure(t, err); f.Problem != "ended" || f.Reason != "suspected-relay" || f.Detail != "broker.ended.suspected-relay" {
		t.Errorf("%v", f)
	}
	if len(c.questions) != 0 || s.broker.count(wire.PathRequest) != 0 {
		t.Errorf("calls %v", s.broker.calls)
	}
}

type cancelledInBrowser struct {
	*citizen
	broker *broker
}

func (d *cancelledInBrowser) Show(v flow.View) {
	d.citizen.Show(v)
	if v.Step == flow.StepBrowser {
		d.broker.move("ended", "suspected-relay")
	}
}

func TestBrokersNamed(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	elsewhere := flow.New(flow.Parts{Store: s.store, OpenCard: s.table.open})
	if _, err := elsewhere.Approve(t.Context(), newCitizen(t), startCode, ""); err != nil {
		t.Errorf("the only broker is not taken: %v", err)
	}
	link := wire.Link{Action: "approve", Value: startCode, Origin: "https://elsewhere.example"}
	for _, tc := range []struct{ name, link, problem string }{
		{"a broker never paired with", link.String(), "not-paired"},
		{"not a link", "https://elsewhere.example/", "link-malformed"},
		{"nothing", "", "link-malformed"},
	} {
		if _, err := s.companion.Follow(t.Context(), newCitizen(t), tc.link); failure(t, err).Problem != tc.problem {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	s.broker.move("offered", "")
	link.Origin = s.broker.origin()
	if _, err := s.companion.Follow(t.Context(), newCitizen(t), link.String()); err != nil {
		t.Errorf("its own link: %v", err)
	}
	empty, err := keystore.OpenAs(t.TempDir(), "file")
	if err != nil {
		t.Fatal(err)
	}
	_, err = flow.New(flow.Parts{Store: empty}).Approve(t.Context(), newCitizen(t), startCode, "")
	if failure(t, err).Problem != "not-paired" {
		t.Errorf("nothing paired: %v", err)
	}
	// A typed code says nothing of the broker: the link is asked for.
	c := newCitizen(t).says(flow.AskPairCode, flow.Answer{Text: "abcd efgh"}, flow.Answer{Text: link.String()})
	if _, err := flow.New(flow.Parts{Store: empty}).Pair(t.Context(), c, "", ""); failure(t, err).Problem != "link-malformed" {
		t.Errorf("%v", err)
	}
	if q := c.asked(flow.AskPairCode); len(q) < 2 || q[1].Again != "flow.origin-missing" {
		t.Errorf("asked %+v", q)
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	s.broker.server.Close()
	_, err := s.companion.ChangePIN(t.Context(), newCitizen(t), "")
	if f := failure(t, err); f.Cause != flow.CauseOffline || f.Problem != "offline" {
		t.Errorf("%v", f)
	}
}

func TestOneFlowAtATime(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	lease, err := s.store.Acquire(s.broker.origin())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.companion.Approve(t.Context(), newCitizen(t), startCode, ""); failure(t, err).Problem != "busy" {
		t.Errorf("%v", err)
	}
	if err := lease.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.companion.Approve(t.Context(), newCitizen(t), startCode, ""); err != nil {
		t.Errorf("%v", err)
	}
}

func TestActivateAtDesk(t *testing.T) {
	t.Parallel()
	s := paired(t, "genuine")
	c := newCitizen(t).says(flow.AskDeskCode, flow.Answer{Text: "x"}, flow.Answer{Text: "DESK-CCCC"}, flow.Answer{Text: "desk code"})
	s.broker.deskTries = 5
	out, err := s.companion.ActivateAtDesk(t.Context(), c, "", "")
	if err != nil || out.Level != "eidas3" {
		t.Fatalf("%+v, %v", out, err)
	}
	q := c.asked(flow.AskDeskCode)
	if len(q) != 3 || q[1].Again != "flow.code-malformed" || q[2].Again != "broker.desk-code-wrong" || *q[2].TriesLeft != 4 {
		t.Errorf("asked %+v", q)
	}
	_, err = s.companion.ActivateAtDesk(t.Context(), newCitizen(t), "DESK-CCCC", "")
	if f := failure(t, err); f.Problem != "desk-code-wrong" || *f.TriesLeft != 3 || f.Cause != flow.CauseRefused {
		t.Errorf("a code that was given: %v", f)
	}
	s.broker.refuse[wire.PathDesk] = []*wire.Problem{{Code: wire.CodeNotReady}}
	_, err = s.companion.ActivateAtDesk(t.Context(), newCitizen(t), "DESK-CCCC", "")
	if f := failure(t, err); f.Problem != "not-ready" || f.Message != "flow.desk-not-ready" {
		t.Errorf("no desk: %v", f)
	}
}

func TestNothingIsPrinted(t *testing.T) {
	t.Parallel()
	a := flow.Answer{Secret: []byte("274913"), Text: "ABCD"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		if got := fmt.Sprintf(verb, a); strings.Contains(got, "ABCD") || strings.Contains(got, "274913") || strings.Contains(got, "50") {
			t.Errorf("%s prints %q", verb, got)
		}
	}
}

// TestReasonsFromAfar holds that a broker's reason names a message only where it looks like one.
func TestReasonsFromAfar(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]string{
		"device-suspended-by-you": "broker.device-suspended.device-suspended-by-you",
		"../../x":                 "",
		"Two words":               "",
		strings.Repeat("a", 65):   "",
		"":                        "",
	} {
		s := paired(t, "genuine")
		s.broker.refuse[wire.PathPINChange] = []*wire.Problem{{Code: wire.CodeDeviceSuspended, Reason: reason}}
		_, err := s.companion.ChangePIN(t.Context(), newCitizen(t), "")
		f := failure(t, err)
		if f.Problem != "device-suspended" || f.Detail != want || want == "" && f.Reason != "" {
			t.Errorf("%q: %+v", reason, f)
		}
	}
}

// TestGivenUp ends the flow from outside, as Ctrl-C and a closed window do.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	ctx, cancel := context.WithCancel(t.Context())
	c.onAsk[flow.AskPIN] = func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}
	_, err := s.companion.Approve(ctx, c, startCode, "")
	if f := failure(t, err); f.Cause != flow.CauseCitizen || f.Problem != "cancelled" {
		t.Errorf("%v", f)
	}
	if !slices.Equal(s.broker.refusals, []string{"refused"}) {
		t.Errorf("the page was told %q", s.broker.refusals)
	}
}

// TestSecretsAreWiped looks at the very bytes that the citizen gave.
func TestSecretsAreWiped(t *testing.T) {
	t.Parallel()
	s, c := paired(t, "genuine"), newCitizen(t)
	d := &lender{citizen: c}
	if _, err := s.companion.ChangePIN(t.Context(), d, ""); err != nil {
		t.Fatal(err)
	}
	s.broker.move("offered", "")
	if _, err := s.companion.Approve(t.Context(), d, startCode, ""); err != nil {
		t.Fatal(err)
	}
	if len(d.lent) != 5 {
		t.Fatalf("%d secrets given", len(d.lent))
	}
	for i, secret := range d.lent {
		if slices.ContainsFunc(secret, func(b byte) bool { return b != 0 }) {
			t.Errorf("secret %d is not wiped", i)
		}
	}
}

// lender is a citizen who keeps an eye on the secrets that were given.
type lender struct {
	*citizen
	lent [][]byte
}

func (l *lender) Ask(ctx context.Context, q flow.Question) (flow.Answer, error) {
	if q.Kind == flow.AskPIN {
		l.says(flow.AskPIN, secret(goodPIN))
	}
	a, err := l.citizen.Ask(ctx, q)
	if a.Secret != nil {
		l.lent = append(l.lent, a.Secret)
	}
	return a, err
}
