package txn_test

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pivot/server/internal/assurance"
	"pivot/server/internal/audit"
	"pivot/server/internal/identity"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify"
	"pivot/server/internal/verify/prooftest"
)

// TestLogin walks one login from request to use and looks at every state and every entry.
func TestLogin(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	r := l.redeemed()
	used, entry, err := r.Use(l.now)
	l.step(entry, err)
	if used.Account() != "account-1" || used.Level() != assurance.High || used.Evidence() != assurance.CardWithKey ||
		!used.AuthTime().Equal(start.Add(time.Second)) || !used.Identity().Equal(l.person) {
		t.Errorf("redeemed: %s at %s by %s", used.Account(), used.Level(), used.Evidence())
	}
	if diff := cmp.Diff(params(), used.Request().Params()); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	base := audit.Entry{
		Issuer: "https://plus.example/api/v2", Transaction: l.id.String(), Client: "client-1", Account: "account-1",
	}
	at := func(seconds int, event audit.Event, details map[string]string) audit.Entry {
		e := base
		e.Event, e.At, e.Details = event, start.Add(time.Duration(seconds)*time.Second), details
		return e
	}
	digest := l.entries[1].Details["digest"]
	want := []audit.Entry{
		at(0, audit.AuthorizeReceived, map[string]string{"requested": "eidas2"}),
		at(1, audit.ProofAccepted, map[string]string{
			"requested": "eidas2", "level": "eidas3", "evidence": "card-key-pin", "digest": digest,
		}),
		at(2, audit.ConsentGiven, map[string]string{"notice": "consented"}),
		at(3, audit.CodeIssued, nil),
		at(4, audit.CodeRedeemed, nil),
		at(5, audit.TokenUsed, nil),
	}
	want[0].Account = ""
	if diff := cmp.Diff(want, l.entries); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	for _, e := range l.entries {
		if _, err := e.Encode(); err != nil {
			t.Errorf("%s: %v", e.Event, err)
		}
	}
}

// TestProofIsRecorded: the entry carries the digest of the very proof that was consumed.
func TestProofIsRecorded(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	w, p := l.waiting(), l.proof()
	_, e, err := w.Prove(p, l.policy, l.person, l.now)
	if err != nil {
		t.Fatal(err)
	}
	if digest := p.Digest(); e.Details["digest"] != hex.EncodeToString(digest[:]) {
		t.Errorf("digest %s", e.Details["digest"])
	}
}

// TestStates looks at what a ledger keeps of each state.
func TestStates(t *testing.T) {
	t.Parallel()
	all := states(t)
	for i, want := range []struct {
		name        txn.StateName
		version     int
		expires     time.Time
		code, token bool
	}{
		{txn.NameWaiting, 1, start.Add(600 * time.Second), false, false},
		{txn.NameProven, 2, start.Add(600 * time.Second), false, false},
		{txn.NameConsented, 3, start.Add(600 * time.Second), false, false},
		{txn.NameGranted, 4, start.Add(3*time.Second + 30*time.Second), true, false},
		{txn.NameRedeemed, 5, start.Add(4*time.Second + 60*time.Second), true, true},
		{txn.NameEnded, 6, start.Add(4*time.Second + 60*time.Second), true, false},
	} {
		s := all[i]
		if s.Name() != want.name || s.Version() != want.version || !s.Expires().Equal(want.expires) {
			t.Errorf("%s version %d expires %s, want %s %d %s", s.Name(), s.Version(), s.Expires(), want.name, want.version, want.expires)
		}
		code, hasCode := s.CodeHash()
		token, hasToken := s.TokenHash()
		if hasCode != want.code || hasToken != want.token || hasCode && code != hash("code") || hasToken && token != hash("token") {
			t.Errorf("%s: code %t, token %t", s.Name(), hasCode, hasToken)
		}
		if s.ID() != all[0].ID() || s.Issuer() != "https://plus.example/api/v2" {
			t.Errorf("%s is another transaction", s.Name())
		}
		if !s.Began(browser()) || s.Began(hash("another")) || s.Began([32]byte{}) {
			t.Errorf("%s is not bound to its browser", s.Name())
		}
	}
}

// TestMethodsAreTheTransitions: from each state lead the transitions of the package comment and no other. A state's
// methods are all that its holder can do with it.
func TestMethodsAreTheTransitions(t *testing.T) {
	t.Parallel()
	transitions := []string{"Prove", "Consent", "Grant", "Redeem", "Use", "Replay", "Refuse", "Expire"}
	want := map[txn.StateName][]string{
		txn.NameWaiting:   {"Expire", "Prove", "Refuse"},
		txn.NameProven:    {"Consent", "Expire", "Refuse"},
		txn.NameConsented: {"Expire", "Grant", "Refuse"},
		txn.NameGranted:   {"Expire", "Redeem", "Refuse"},
		txn.NameRedeemed:  {"Expire", "Refuse", "Replay", "Use"},
		txn.NameEnded:     nil,
	}
	reached := make(map[string]bool)
	for _, s := range states(t) {
		var got []string
		for m := range reflect.TypeOf(s).Methods() {
			returnsState := m.Type.NumOut() == 3 && m.Type.Out(1) == reflect.TypeFor[audit.Entry]()
			if slices.Contains(transitions, m.Name) != returnsState {
				t.Errorf("%s.%s: is it a transition?", s.Name(), m.Name)
			}
			if returnsState {
				got, reached[m.Name] = append(got, m.Name), true
			}
		}
		if diff := cmp.Diff(want[s.Name()], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.Name(), diff)
		}
	}
	if len(reached) != len(transitions) {
		t.Errorf("reached %v", reached)
	}
}

// take tries to take the transition of one name from a state at a moment; the last result is false where there is none.
func (l *login) take(s txn.State, name string, now time.Time) (txn.State, audit.Entry, error, bool) {
	var next txn.State
	var e audit.Entry
	var err error
	ended, isLive := s.(live)
	switch {
	case name == "Refuse" && isLive:
		next, e, err = ended.Refuse(txn.ReasonCancelled, now)
	case name == "Expire" && isLive:
		next, e, err = ended.Expire(now)
	default:
		return l.forward(s, name, now)
	}
	return next, e, err, true
}

func (l *login) forward(s txn.State, name string, now time.Time) (next txn.State, e audit.Entry, err error, exists bool) {
	switch s := s.(type) {
	case txn.Waiting:
		if exists = name == "Prove"; exists {
			next, e, err = s.Prove(l.proof(), l.policy, l.person, now)
		}
	case txn.Proven:
		if exists = name == "Consent"; exists {
			next, e, err = s.Consent(txn.NoticeInformed, browser(), now)
		}
	case txn.Consented:
		if exists = name == "Grant"; exists {
			next, e, err = s.Grant(hash("code"), browser(), now)
		}
	case txn.Granted:
		if exists = name == "Redeem"; exists {
			next, e, err = s.Redeem(redemption(), now)
		}
	case txn.Redeemed:
		switch name {
		case "Use":
			next, e, err = s.Use(now)
			exists = true
		case "Replay":
			next, e, err = s.Replay(now)
			exists = true
		}
	}
	return next, e, err, exists
}

// TestEveryTransitionFromEveryState takes every transition from every state, in time and too late.
func TestEveryTransitionFromEveryState(t *testing.T) {
	t.Parallel()
	type cell struct {
		inTime txn.StateName // "" when it is refused without effect
		late   txn.StateName // after the state's life; a Refusal ends, too
	}
	none := cell{}
	table := []struct {
		transition                                               string
		waiting, proven, consented, granted, redeemed, endedCell cell
	}{
		{"Prove", cell{txn.NameProven, txn.NameEnded}, none, none, none, none, none},
		{"Consent", none, cell{txn.NameConsented, txn.NameEnded}, none, none, none, none},
		{"Grant", none, none, cell{txn.NameGranted, txn.NameEnded}, none, none, none},
		{"Redeem", none, none, none, cell{txn.NameRedeemed, txn.NameEnded}, none, none},
		{"Use", none, none, none, none, cell{txn.NameRedeemed, txn.NameEnded}, none},
		{"Replay", none, none, none, none, cell{txn.NameEnded, txn.NameEnded}, none},
		{"Refuse", cell{txn.NameEnded, txn.NameEnded}, cell{txn.NameEnded, txn.NameEnded}, cell{txn.NameEnded, txn.NameEnded}, cell{txn.NameEnded, txn.NameEnded}, cell{txn.NameEnded, txn.NameEnded}, none},
		{"Expire", cell{"", txn.NameEnded}, cell{"", txn.NameEnded}, cell{"", txn.NameEnded}, cell{"", txn.NameEnded}, cell{"", txn.NameEnded}, none},
	}
	for _, row := range table {
		cells := []cell{row.waiting, row.proven, row.consented, row.granted, row.redeemed, row.endedCell}
		for i, s := range states(t) {
			t.Run(row.transition+" from "+string(s.Name()), func(t *testing.T) {
				t.Parallel()
				l := newLogin(t)
				l.id = s.ID()
				last := s.Expires().Add(-time.Millisecond)
				l.checkTaken(s, row.transition, last, cells[i].inTime)
				l.checkTaken(s, row.transition, s.Expires(), cells[i].late)
			})
		}
	}
}

// checkTaken takes a transition and looks at where it led, whether a ledger would accept that, and what was recorded.
func (l *login) checkTaken(s txn.State, name string, now time.Time, want txn.StateName) {
	l.tb.Helper()
	next, e, err, exists := l.take(s, name, now)
	if refusal, ok := errors.AsType[*txn.Refusal](err); ok {
		if refusal.Reason != txn.ReasonExpired || e.Event != "" || txn.Encode(next) != nil {
			l.tb.Errorf("refused for %s with %s and %v", refusal.Reason, e.Event, next)
		}
		next, e, err = refusal.Ended, refusal.Entry, nil
	}
	switch {
	case !exists || err != nil:
		if want != "" {
			l.tb.Errorf("at %s: exists %t, error %v, want %s", now, exists, err, want)
		}
		return
	case next.Name() != want:
		l.tb.Errorf("at %s: led to %s, want %q", now, next.Name(), want)
	}
	if err := txn.Follows(s, next); err != nil {
		l.tb.Errorf("a ledger refuses it: %v", err)
	}
	if !e.At.Equal(now) || e.Transaction != s.ID().String() || (e.Account == "") != (s.Name() == txn.NameWaiting && want == txn.NameEnded) {
		l.tb.Errorf("entry %+v", e)
	}
	if _, err := e.Encode(); err != nil {
		l.tb.Errorf("entry: %v", err)
	}
	if ended, ok := next.(txn.Ended); ok {
		_, token := ended.TokenHash()
		_, before := s.CodeHash()
		_, after := ended.CodeHash()
		if token || before != after || string(ended.Reason()) != e.Reason || e.Reason == "" {
			l.tb.Errorf("ended with token %t, code %t, reason %q and %q", token, after, ended.Reason(), e.Reason)
		}
	}
}

// TestProveRefuses changes one thing of a proof that is accepted.
func TestProveRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*login)
		proof  func(*login) verify.Proof
		reason txn.Reason
	}{
		{"the zero proof", nil, func(*login) verify.Proof { return verify.Proof{} }, txn.ReasonNoProof},
		{"a proof for another transaction", nil, func(l *login) verify.Proof {
			return prooftest.New(l.tb, txn.NewID().String(), "account-1", strong())
		}, txn.ReasonForeignProof},
		{"a proof for a transaction that begins alike", nil, func(l *login) verify.Proof {
			return prooftest.New(l.tb, l.id.String()+"x", "account-1", strong())
		}, txn.ReasonForeignProof},
		{"no identity", func(l *login) { l.person = identity.Identity{} }, nil, txn.ReasonNoIdentity},
		{"no policy", func(l *login) { l.policy = assurance.Policy{} }, nil, txn.ReasonNoLevel},
		{"an activation forgotten", func(l *login) { l.contribution.Activations = l.contribution.Activations[1:] }, nil, txn.ReasonNoLevel},
		{"evidence that is refused", func(l *login) {
			l.contribution = assurance.Contribution{
				Evidence: assurance.WebAuthnPresence, Activations: []assurance.Activation{assurance.CardDesk},
			}
		}, nil, txn.ReasonNoLevel},
		{"the card alone", func(l *login) {
			l.contribution.Evidence, l.contribution.Activations = assurance.CardAlone, []assurance.Activation{assurance.CardDesk}
		}, nil, txn.ReasonLevelTooLow},
		{"a weak activation", func(l *login) { l.contribution.Activations[2] = assurance.CardMatch }, nil, txn.ReasonLevelTooLow},
		{"eidas3 asked, no hop", func(l *login) { l.params.Level, l.contribution.Hop = assurance.High, false }, nil, txn.ReasonLevelTooLow},
		{"a row that the deployment lowered", func(l *login) {
			lowered, err := l.policy.Lower(map[string]assurance.Level{"card-key-pin": assurance.Low})
			if err != nil {
				l.tb.Fatal(err)
			}
			l.policy = lowered
		}, nil, txn.ReasonLevelTooLow},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t)
			if tc.change != nil {
				tc.change(l)
			}
			w := l.waiting()
			p := verify.Proof{}
			if tc.proof != nil {
				p = tc.proof(l)
			} else {
				p = l.proof()
			}
			next, _, err := w.Prove(p, l.policy, l.person, l.now)
			expectRefusal(t, w, next, err, tc.reason)
		})
	}
}

// expectRefusal wants a transaction ended for the reason, in a way that a ledger takes, and no next state.
func expectRefusal(t *testing.T, from, next txn.State, err error, reason txn.Reason) {
	t.Helper()
	refusal, ok := errors.AsType[*txn.Refusal](err)
	if !ok || refusal.Reason != reason || refusal.Ended.Reason() != reason || refusal.Entry.Reason != string(reason) {
		t.Fatalf("error %v, want a refusal for %s", err, reason)
	}
	if txn.Encode(next) != nil {
		t.Errorf("a next state came with the refusal: %v", next)
	}
	if err := txn.Follows(from, refusal.Ended); err != nil {
		t.Error(err)
	}
	if !strings.Contains(err.Error(), string(reason)) || strings.Contains(err.Error(), "account") {
		t.Errorf("message %q", err)
	}
	if refusal.Entry.Event != audit.TransactionRefused {
		t.Errorf("event %s", refusal.Entry.Event)
	}
}

// TestProveAccepts: exactly the level asked is enough, by each kind of evidence that reaches it.
func TestProveAccepts(t *testing.T) {
	t.Parallel()
	desk := []assurance.Activation{assurance.CardDesk, assurance.CardDesk, assurance.CardDesk}
	for _, tc := range []struct {
		profile      txn.Profile
		asked        assurance.Level
		contribution assurance.Contribution
	}{
		{txn.Plus, assurance.High, strong()},
		{txn.Plus, assurance.High, assurance.Contribution{Evidence: assurance.Upstream, Upstream: assurance.High}},
		{txn.Plus, assurance.Substantial, assurance.Contribution{Evidence: assurance.CardWithKey, Activations: desk}},
		{txn.Plus, assurance.Substantial, assurance.Contribution{Evidence: assurance.GuardedKey, Activations: desk[:2]}},
		{txn.Plus, assurance.Substantial, assurance.Contribution{Evidence: assurance.Upstream, Upstream: assurance.Substantial}},
		{txn.Standard, assurance.Low, assurance.Contribution{Evidence: assurance.CardAlone, Activations: desk[:1]}},
	} {
		l := newLogin(t)
		l.params.Profile, l.params.Level, l.contribution = tc.profile, tc.asked, tc.contribution
		if tc.contribution.Evidence == assurance.Upstream {
			l.means = nil
		}
		if p := l.proven(); p.Level() != tc.asked || p.Evidence() != tc.contribution.Evidence {
			t.Errorf("%s asked, %s answered by %s", tc.asked, p.Level(), p.Evidence())
		}
	}
}

// TestMeans: what gave the proof is named until the token is over, and by no state before the proof nor after the end.
func TestMeans(t *testing.T) {
	t.Parallel()
	want := []string{"device-1", "card-1"}
	for _, s := range states(t) {
		named, ok := s.(interface{ Means() []string })
		if over := s.Name() == txn.NameWaiting || s.Name() == txn.NameEnded; ok == over {
			t.Errorf("%s names means: %t", s.Name(), ok)
		}
		if !ok {
			continue
		}
		got := named.Means()
		if !slices.Equal(got, want) {
			t.Errorf("%s names %v", s.Name(), got)
		}
		got[0] = "device-2"
		if !slices.Equal(named.Means(), want) {
			t.Errorf("%s can be changed from outside", s.Name())
		}
	}
}

// TestRefusedProofNamesItsAccount: the log says whose proof was not enough.
func TestRefusedProofNamesItsAccount(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	l.contribution.Activations[0] = assurance.CardMatch
	_, _, err := l.waiting().Prove(l.proof(), l.policy, l.person, l.now)
	if refusal, ok := errors.AsType[*txn.Refusal](err); !ok || refusal.Entry.Account != "account-1" {
		t.Errorf("error %v", err)
	}
}

// TestStandardLevel: the standard issuer answers eidas1, however strong the evidence was; the log keeps what was reached.
func TestStandardLevel(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	l.params.Profile, l.params.Level = txn.Standard, assurance.Low
	p := l.proven()
	if p.Level() != assurance.Low || l.entries[1].Details["level"] != "eidas3" {
		t.Errorf("answers %s, recorded %s", p.Level(), l.entries[1].Details["level"])
	}
	if want := start.Add(1800 * time.Second); !p.Expires().Equal(want) {
		t.Errorf("expires %s, want %s", p.Expires(), want)
	}
}

// TestOtherBrowser: the browser that began is the only one that goes on, and another cannot end the login.
func TestOtherBrowser(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	p := l.proven()
	for _, other := range [][32]byte{{}, hash("another")} {
		if next, e, err := p.Consent(txn.NoticeConsented, other, l.now); !errors.Is(err, txn.ErrBrowser) || e.Event != "" || txn.Encode(next) != nil {
			t.Errorf("consent: %v", err)
		}
	}
	c, _, err := p.Consent(txn.NoticeConsented, browser(), l.now)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range [][32]byte{{}, hash("another"), hash("code")} {
		if next, e, err := c.Grant(hash("code"), other, l.now); !errors.Is(err, txn.ErrBrowser) || e.Event != "" || txn.Encode(next) != nil {
			t.Errorf("grant: %v", err)
		}
	}
	if _, _, err := c.Grant(browser(), hash("code"), l.now); !errors.Is(err, txn.ErrBrowser) {
		t.Errorf("code and browser swapped: %v", err)
	}
	if _, _, err := c.Grant(hash("code"), browser(), l.now); err != nil {
		t.Error(err)
	}
}

// TestIncompleteSteps: what a caller forgot is an error that leaves the transaction as it was.
func TestIncompleteSteps(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	r, p := l.request(), l.proven()
	c, _, err := p.Consent(txn.NoticeSkipped, browser(), l.now)
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := c.Grant(hash("code"), browser(), l.now)
	if err != nil {
		t.Fatal(err)
	}
	noToken := redemption()
	noToken.Token = [32]byte{}
	for name, try := range map[string]func() (txn.State, audit.Entry, error){
		"no identifier":  func() (txn.State, audit.Entry, error) { return widen(r.Begin(txn.ID{}, browser(), l.now)) },
		"no cookie":      func() (txn.State, audit.Entry, error) { return widen(r.Begin(l.id, [32]byte{}, l.now)) },
		"no request":     func() (txn.State, audit.Entry, error) { return widen(txn.Request{}.Begin(l.id, browser(), l.now)) },
		"no notice":      func() (txn.State, audit.Entry, error) { return widen(p.Consent(0, browser(), l.now)) },
		"unknown notice": func() (txn.State, audit.Entry, error) { return widen(p.Consent(4, browser(), l.now)) },
		"no code":        func() (txn.State, audit.Entry, error) { return widen(c.Grant([32]byte{}, browser(), l.now)) },
		"no token":       func() (txn.State, audit.Entry, error) { return widen(g.Redeem(noToken, l.now)) },
		"no reason":      func() (txn.State, audit.Entry, error) { return widen(g.Refuse("", l.now)) },
		"a reason that is no word": func() (txn.State, audit.Entry, error) {
			return widen(g.Refuse("because\nof", l.now))
		},
		"a long reason": func() (txn.State, audit.Entry, error) {
			return widen(g.Refuse(txn.Reason(strings.Repeat("r", 65)), l.now))
		},
	} {
		next, e, err := try()
		if _, refused := errors.AsType[*txn.Refusal](err); err == nil || refused || e.Event != "" || txn.Encode(next) != nil {
			t.Errorf("%s: %v, %v", name, next, err)
		}
	}
}

func widen[S txn.State](s S, e audit.Entry, err error) (txn.State, audit.Entry, error) {
	return s, e, err
}

// TestZeroStates: a state that no transition made does nothing.
func TestZeroStates(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	for _, s := range []txn.State{txn.Waiting{}, txn.Proven{}, txn.Consented{}, txn.Granted{}, txn.Redeemed{}} {
		for _, name := range []string{"Prove", "Consent", "Grant", "Redeem", "Use", "Replay", "Refuse", "Expire"} {
			next, e, err, exists := l.take(s, name, l.now)
			if !exists {
				continue
			}
			if _, refused := errors.AsType[*txn.Refusal](err); err == nil || refused || e.Event != "" || txn.Encode(next) != nil {
				t.Errorf("%s of a zero %s: %v", name, s.Name(), err)
			}
		}
		if s.Began([32]byte{}) {
			t.Errorf("a zero %s was begun by a browser without cookie", s.Name())
		}
	}
}

// TestRedeemRefuses changes one thing of a redemption that is accepted; the code is spent all the same.
func TestRedeemRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name      string
		challenge string
		change    func(*txn.Redemption)
		reason    txn.Reason
	}{
		{"another client", challenge(), func(r *txn.Redemption) { r.Client = "client-2" }, txn.ReasonOtherClient},
		{"no client", challenge(), func(r *txn.Redemption) { r.Client = "" }, txn.ReasonOtherClient},
		{"another address", challenge(), func(r *txn.Redemption) { r.RedirectURI += "/" }, txn.ReasonOtherRedirect},
		{"no address", challenge(), func(r *txn.Redemption) { r.RedirectURI = "" }, txn.ReasonOtherRedirect},
		{"another verifier", challenge(), func(r *txn.Redemption) { r.Verifier += "x" }, txn.ReasonVerifier},
		{"no verifier", challenge(), func(r *txn.Redemption) { r.Verifier = "" }, txn.ReasonVerifier},
		{"the challenge as verifier", challenge(), func(r *txn.Redemption) { r.Verifier = challenge() }, txn.ReasonVerifier},
		{"a verifier without challenge", "", func(*txn.Redemption) {}, txn.ReasonVerifier},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l := newLogin(t)
			l.params.Challenge = tc.challenge
			g, r := l.granted(), redemption()
			tc.change(&r)
			next, _, err := g.Redeem(r, l.now)
			expectRefusal(t, g, next, err, tc.reason)
		})
	}
	l := newLogin(t)
	l.params.Challenge = ""
	r := redemption()
	r.Verifier = ""
	if _, _, err := l.granted().Redeem(r, l.now); err != nil {
		t.Errorf("without PKCE: %v", err)
	}
}

// TestPKCEVector is RFC 7636 appendix B.
func TestPKCEVector(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	l.params.Challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	r := redemption()
	r.Verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	if _, _, err := l.granted().Redeem(r, l.now); err != nil {
		t.Error(err)
	}
}

// TestUseKeepsTheLife: using a token does not make it last.
func TestUseKeepsTheLife(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	r := l.redeemed()
	expires := r.Expires()
	for i := range 3 {
		used, e, err := r.Use(l.now)
		l.step(e, err)
		if !used.Expires().Equal(expires) || used.Version() != r.Version()+1 {
			t.Errorf("use %d: version %d, expires %s", i, used.Version(), used.Expires())
		}
		r = used
	}
	if _, _, err := r.Use(expires); err == nil {
		t.Error("used after its life")
	}
}

// TestEvents: how a transaction ended is one event, why is the reason.
func TestEvents(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	r := l.redeemed()
	for reason, want := range map[txn.Reason]audit.Event{
		txn.ReasonCancelled:   audit.LoginAbandoned,
		txn.ReasonExpired:     audit.TransactionExpired,
		txn.ReasonReplay:      audit.CodeReplayed,
		txn.ReasonRefused:     audit.LoginRefused,
		txn.ReasonNotMine:     audit.LoginRefused,
		txn.ReasonRelay:       audit.RelaySuspected,
		txn.ReasonRevoked:     audit.TokenRevoked,
		txn.ReasonLoggedOut:   audit.TokenRevoked,
		txn.ReasonOtherPerson: audit.TokenRevoked,
		"chip-not-genuine":    audit.TransactionRefused,

		txn.ReasonClonedDevice: audit.TransactionRefused,
	} {
		if _, e, err := r.Refuse(reason, l.now); err != nil || e.Event != want || e.Reason != string(reason) || e.Account != "account-1" {
			t.Errorf("%s: %s, %v", reason, e.Event, err)
		}
	}
	if _, e, err := r.Replay(l.now); err != nil || e.Event != audit.CodeReplayed {
		t.Errorf("replay: %s, %v", e.Event, err)
	}
}

// TestClockJumpsBack: time never runs back within a transaction, so a life is not lengthened by it.
func TestClockJumpsBack(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	w := l.waiting()
	p, e, err := w.Prove(l.proof(), l.policy, l.person, start.Add(-time.Hour))
	if err != nil || !e.At.Equal(start) || !p.AuthTime().Equal(start) {
		t.Errorf("proved at %s, %v", e.At, err)
	}
	c, _, err := p.Consent(txn.NoticeConsented, browser(), start.Add(500*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	g, e, err := c.Grant(hash("code"), browser(), start)
	if err != nil || !e.At.Equal(start.Add(500*time.Second)) || !g.Expires().Equal(start.Add(530*time.Second)) {
		t.Errorf("granted at %s until %s, %v", e.At, g.Expires(), err)
	}
}

// TestTimesAreMilliseconds: what is kept is what is stored.
func TestTimesAreMilliseconds(t *testing.T) {
	t.Parallel()
	l := newLogin(t)
	l.now = start.Add(999_999 * time.Nanosecond).In(time.FixedZone("CET", 3600))
	w := l.waiting()
	if e := l.entries[0]; !e.At.Equal(start) || e.At.Location() != time.UTC || !w.Expires().Equal(start.Add(600*time.Second)) {
		t.Errorf("began at %s, expires %s", e.At, w.Expires())
	}
}
