package broker

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pivot/server/internal/audit"
)

// racers are how many ask at the same moment.
const racers = 64

// race has every racer do the same at the same moment, and returns what each got.
func race(n int, run func(i int) answer) []answer {
	out := make([]answer, n)
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		ready.Add(1)
		done.Go(func() {
			ready.Done()
			<-start
			out[i] = run(i)
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return out
}

// winners are the answers with that status; of every other the caller judges the refusal.
func winners(all []answer, status int) (won, lost []answer) {
	for _, a := range all {
		if a.status == status {
			won = append(won, a)
		} else {
			lost = append(lost, a)
		}
	}
	return won, lost
}

// TestCodeRaced redeems one code sixty-four times at once: one access token, which the others' attempts revoke.
func TestCodeRaced(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, n := range []int{2, 3, racers} { // two: nobody comes late enough to see the first one's result
		code := s.granted(t, withPKCE())
		form := s.exchange(code)
		issuedBefore, replaysBefore := len(s.entries(t, audit.CodeRedeemed)), len(s.entries(t, audit.CodeReplayed))
		won, lost := winners(race(n, func(int) answer { return s.token(t, form) }), http.StatusOK)
		if len(won) != 1 {
			t.Fatalf("%d of %d redeemed one code", len(won), n)
		}
		for _, a := range lost {
			s.denied(t, a, invalidGrant())
		}
		if got := len(s.entries(t, audit.CodeRedeemed)) - issuedBefore; got != 1 {
			t.Errorf("%d redemptions in the audit log", got)
		}
		s.denied(t, s.userinfo(t, redeemed(t, won[0], "openid given_name").AccessToken), invalidToken())
		if got := len(s.entries(t, audit.CodeReplayed)) - replaysBefore; got != 1 {
			t.Errorf("%d replays of one token in the audit log, want 1", got)
		}
		s.denied(t, s.token(t, form), invalidGrant())
	}
}

// TestReplayRacedWithUse replays a code while its token is in use: the token is revoked all the same.
func TestReplayRacedWithUse(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range 16 {
		form := s.exchange(s.granted(t, withPKCE()))
		access := redeemed(t, s.token(t, form), "openid given_name").AccessToken
		all := race(8, func(i int) answer {
			if i == 4 {
				return s.token(t, form)
			}
			return s.userinfo(t, access)
		})
		s.denied(t, all[4], invalidGrant())
		for i, a := range all {
			if i != 4 && a.status != http.StatusOK {
				s.denied(t, a, invalidToken())
			}
		}
		s.denied(t, s.userinfo(t, access), invalidToken())
	}
}

// uses of one token at the same moment are answered all: more than a service provider makes.
const uses = racers

// TestUserinfoRaced uses one token many times at once: each use is answered, and each is recorded.
func TestUserinfoRaced(t *testing.T) {
	t.Parallel()
	s := start(t)
	access := redeemed(t, s.token(t, s.exchange(s.granted(t, withPKCE()))), "openid given_name").AccessToken
	won, lost := winners(race(uses, func(int) answer { return s.userinfo(t, access) }), http.StatusOK)
	if len(won) != uses {
		t.Errorf("%d of %d uses were answered; one that was not: %d %s", len(won), uses, lost[0].status, lost[0].body)
	}
	if got := len(s.entries(t, audit.TokenUsed)); got < len(won) {
		t.Errorf("%d uses in the audit log, %d answered", got, len(won))
	}
}

// TestConsentRaced sends one form sixty-four times at once, then comes back for the code sixty-four times at once.
func TestConsentRaced(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := newBrowser(t)
	release := s.approved(t, b, withPKCE())
	origin := strings.TrimSuffix(s.issuer(), "/api/v2")
	form := url.Values{"csrfToken": {tokenField.FindStringSubmatch(release.body)[1]}}.Encode()
	action := origin + formAction.FindStringSubmatch(release.body)[1]
	if !strings.HasSuffix(action, "/consent") {
		t.Fatalf("the first form goes to %s", action)
	}
	request := func(method, address, body string) answer {
		r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
		if err != nil {
			t.Error(err)
			return answer{}
		}
		r.Header.Set("Content-Type", formType)
		return send(t, b.client, r)
	}
	won, lost := winners(race(racers, func(int) answer { return request(http.MethodPost, action, form) }), http.StatusSeeOther)
	if len(won) != 1 || !strings.Contains(won[0].header.Get("Location"), "/api/v2/authorize/") {
		t.Fatalf("%d of %d gave consent", len(won), racers)
	}
	for _, a := range lost {
		onPage(t, a, http.StatusUnauthorized, "Y470004")
	}
	if got := len(s.entries(t, audit.ConsentGiven)); got != 1 {
		t.Errorf("%d consents in the audit log", got)
	}
	// Too late to be asked for the code, a tab is shown the way back instead.
	resume := origin + won[0].header.Get("Location")
	codes := 0
	for _, a := range race(racers, func(int) answer { return request(http.MethodGet, resume, "") }) {
		switch location := a.header.Get("Location"); {
		case strings.HasPrefix(location, s.world.SP[0].Redirect+"?code="):
			codes++
		case strings.HasPrefix(location, "/api/v2/interaction/"):
		default:
			onPage(t, a, http.StatusBadRequest, "Y420001")
		}
	}
	if issued := len(s.entries(t, audit.CodeIssued)); codes != 1 || issued != 1 {
		t.Errorf("%d codes, %d in the audit log", codes, issued)
	}
}
