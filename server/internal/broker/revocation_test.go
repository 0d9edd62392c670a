package broker

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/audit"
)

// revocation is a valid revocation request of the demo's service.
func (s scene) revocation(access string) url.Values {
	sp := s.world.SP[0]
	return url.Values{"token": {access}, "client_id": {sp.ClientID}, "client_secret": {sp.Secret}}
}

// revoke sends a revocation request.
func (s scene) revoke(tb testing.TB, form url.Values, headers ...string) answer {
	tb.Helper()
	return knock(tb, http.MethodPost, s.issuer()+"/token/revocation", form.Encode(), append([]string{"Content-Type", formType}, headers...)...)
}

// gone is what every revocation comes to, whatever the token was (RFC 7009 §2.2).
func gone(tb testing.TB, a answer) {
	tb.Helper()
	if a.status != http.StatusOK || a.body != "" {
		tb.Errorf("status %d: %q", a.status, a.body)
	}
	noStore(tb, a)
	noCookie(tb, a)
	protected(tb, a)
}

func (s scene) issue(tb testing.TB) string {
	tb.Helper()
	return redeemed(tb, s.token(tb, s.exchange(s.granted(tb, withPKCE()))), "openid given_name").AccessToken
}

// TestB7RevokedTokenIsRefused is row B7 of franceconnect.md 10: a token stays good while the same person logs in again, and
// is refused once it was revoked.
func TestB7RevokedTokenIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	access, other := s.issue(t), s.issue(t)
	for _, token := range []string{access, other} { // a new flow took nothing away
		if a := s.userinfo(t, token); a.status != http.StatusOK {
			t.Fatalf("status %d: %s", a.status, a.body)
		}
	}
	gone(t, s.revoke(t, s.revocation(access)))
	s.denied(t, s.userinfo(t, access), invalidToken())
	if a := s.userinfo(t, other); a.status != http.StatusOK {
		t.Errorf("the other login's token: %d: %s", a.status, a.body)
	}
	revoked := s.entries(t, audit.TokenRevoked)
	if len(revoked) != 1 || revoked[0].Reason != "token-revoked" || revoked[0].Client != s.world.SP[0].ClientID || revoked[0].Transaction == "" {
		t.Errorf("audit entries %+v", revoked)
	}
	if strings.Contains(s.log.String(), access) {
		t.Error("the log holds the token")
	}
}

// A revocation that takes nothing back looks like one that does; the audit log knows.
func TestRevocationWithoutEffect(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	access := s.issue(t)
	revoked := s.issue(t)
	gone(t, s.revoke(t, s.revocation(revoked)))
	for _, row := range []struct {
		name   string
		form   url.Values
		reason string
	}{
		{"unknown", s.revocation(strings.Repeat("A", 43)), "token-unknown"},
		{"cut", s.revocation(access[:42]), "token-unknown"},
		{"revoked before", s.revocation(revoked), "token-unknown"},
		{"no token at all", s.revocation("hello"), "token-unknown"},
		{"another client's", url.Values{"token": {access}, "client_id": {"other-sp"}, "client_secret": {otherSecret}}, "token-other-client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			before := len(s.entries(t, audit.RevocationRefused))
			gone(t, s.revoke(t, row.form))
			since := s.entries(t, audit.RevocationRefused)[before:]
			if len(since) != 1 || since[0].Reason != row.reason || since[0].Client != row.form.Get("client_id") {
				t.Errorf("audit entries %+v", since)
			}
			if a := s.userinfo(t, access); a.status != http.StatusOK {
				t.Errorf("the token is good no more: %d", a.status)
			}
		})
	}
	withHint := s.revocation(access)
	withHint.Set("token_type_hint", "refresh_token") // RFC 7009 §2.1: a wrong hint is no error
	gone(t, s.revoke(t, withHint))
	s.denied(t, s.userinfo(t, access), invalidToken())
}

// Each row changes one thing in a request that would be accepted.
func TestRevocationRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.others(t)
	access := s.issue(t)
	encoded := s.revocation(access).Encode()
	for _, row := range []struct {
		name    string
		change  url.Values
		headers []string
		want    denial
		event   audit.Event
	}{
		{"no token", url.Values{"token": nil}, nil, invalidRequest("missing required parameter 'token'", "Y048017B"), audit.RevocationRefused},
		{"two tokens", url.Values{"token": {access, access}}, nil, invalidRequest("parameters must not be provided twice", "Y0496E4A"), audit.RevocationRefused},
		{"oversized", url.Values{"token": {strings.Repeat("a", 9<<10)}}, nil, invalidRequest(badBody, "Y04A25F2"), audit.RevocationRefused},
		{"no authentication", url.Values{"client_secret": nil}, nil, invalidRequest("no client authentication mechanism provided", "Y044FEB3"), audit.ClientAuthFailed},
		{"wrong secret", url.Values{"client_secret": {otherSecret}}, nil, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"unknown client", url.Values{"client_id": {"nobody"}}, nil, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"client that is not active", url.Values{"client_id": {"idle-sp"}}, nil, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"client of another profile", url.Values{"client_id": {"standard-sp"}}, nil, invalidClient("Y0434A7B"), audit.ClientAuthFailed},
		{"Bearer", nil, []string{"Authorization", "Bearer " + access}, invalidRequest(once, "Y04DADA6"), audit.ClientAuthFailed},
	} {
		t.Run(row.name, func(t *testing.T) {
			form := s.revocation(access)
			maps.Copy(form, row.change)
			before := len(s.entries(t, row.event))
			s.denied(t, s.revoke(t, form, row.headers...), row.want)
			if since := s.entries(t, row.event)[before:]; len(since) != 1 || since[0].Reason == "" {
				t.Errorf("audit entries %+v", since)
			}
		})
	}
	for _, row := range []struct {
		name, method, query, body, media string
		want                             denial
	}{
		{"GET", http.MethodGet, "?" + encoded, "", formType, denial{405, "invalid_request", "method not allowed", "Y000405", ""}},
		{"in the query", http.MethodPost, "?" + encoded, "", formType, invalidRequest("no client authentication mechanism provided", "Y044FEB3")},
		{"JSON", http.MethodPost, "", "{}", "application/json", denial{415, "invalid_request", "unsupported media type", "Y000415", ""}},
		{"too large", http.MethodPost, "", encoded + "&x=" + strings.Repeat("a", 64<<10), formType, denial{413, "invalid_request", "request entity too large", "Y000413", ""}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.denied(t, knock(t, row.method, s.issuer()+"/token/revocation"+row.query, row.body, "Content-Type", row.media), row.want)
		})
	}
	if a := s.userinfo(t, access); a.status != http.StatusOK {
		t.Fatalf("the token is good no more: %d", a.status)
	}
	gone(t, s.revoke(t, s.revocation(access)))
	s.denied(t, s.userinfo(t, access), invalidToken())
}

// TestRevocationRacedWithUse has a revocation meet uses of the token: once it was answered, nothing is released.
func TestRevocationRacedWithUse(t *testing.T) {
	t.Parallel()
	s := start(t)
	access := s.issue(t)
	for _, a := range race(8, func(i int) answer {
		if i%2 == 0 {
			return s.revoke(t, s.revocation(access))
		}
		return s.userinfo(t, access)
	}) {
		if a.status != http.StatusOK && a.status != http.StatusUnauthorized {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	s.denied(t, s.userinfo(t, access), invalidToken())
	if revoked := s.entries(t, audit.TokenRevoked); len(revoked) != 1 {
		t.Errorf("%d revocations", len(revoked))
	}
}
