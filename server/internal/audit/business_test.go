package audit_test

import (
	"strings"
	"testing"
	"time"

	"pivot/server/internal/audit"
)

// TestBusiness: the names and steps of franceconnect.md 6.3.
func TestBusiness(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		event            audit.Event
		notice, released string
		want             string // step and name; empty for an event that is ours alone
	}{
		{audit.AuthorizeReceived, "", "", "1.0.0 FC_AUTHORIZE_INITIATED"},
		{audit.ProofAccepted, "", "", "5.0.0 FC_VERIFIED"},
		{audit.ConsentGiven, "consented", audit.ReleasedIdentity, "6.2.0 FC_DATATRANSFER_CONSENT_IDENTITY"},
		{audit.ConsentGiven, "informed", audit.ReleasedIdentity, "6.2.1 FC_DATATRANSFER_INFORMATION_IDENTITY"},
		{audit.ConsentGiven, "informed", audit.ReleasedNothing, "6.2.2 FC_DATATRANSFER_INFORMATION_ANONYMOUS"},
		{audit.ConsentGiven, "skipped", audit.ReleasedIdentity, "6.3.0 FC_AUTO_LOGIN"},
		{audit.CodeIssued, "", "", "7.0.0 FC_REDIRECTED_TO_SP"},
		{audit.CodeRedeemed, "", "", "7.2.0 SP_REQUESTED_FC_TOKEN"},
		{audit.TokenUsed, "", "", "7.3.0 SP_REQUESTED_FC_USERINFO"},
		{audit.TokenChecked, "", "", "7.4.0 DP_VERIFIED_FC_CHECKTOKEN"},
		{audit.TokenCheckRefused, "", "", "7.4.1 DP_USED_INVALID_ACCESS_TOKEN"},
		{audit.ProviderRefused, "", "", "7.4.2 DP_USED_INVALID_CREDENTIAL"},
		{audit.LogoutRequested, "", "", "8.0.0 SP_REQUESTED_LOGOUT"},
		{audit.SessionEnded, "", "", "8.2.0 FC_SESSION_TERMINATED"},
		{audit.PINSet, "", "", ""},
		{audit.AuthorizeRefused, "", "", ""},
	} {
		e := audit.Entry{Event: row.event, Details: map[string]string{"notice": row.notice, audit.DetailReleased: row.released}}
		b, ok := e.Business()
		if got := strings.TrimSpace(b.Step + " " + b.Name); got != row.want || ok != (row.want != "") || ok != (b.Category != "") {
			t.Errorf("%s %s %s: %q %v %q, want %q", row.event, row.notice, row.released, got, ok, b.Category, row.want)
		}
	}
}

// TestFrom: an entry says where its request came from, as far as that is known, and is never lost for it.
func TestFrom(t *testing.T) {
	t.Parallel()
	base := audit.Entry{Event: audit.TokenUsed, At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Details: map[string]string{"kept": "yes"}}
	full := make(map[string]string)
	for i := range 15 {
		full["key-"+string(rune('a'+i))] = "x"
	}
	crowded := base
	crowded.Details = full
	for name, row := range map[string]struct {
		entry  audit.Entry
		origin audit.Origin
		want   map[string]string
	}{
		"all":                {base, audit.Origin{Address: "192.0.2.1", Port: 40000, ID: "id"}, map[string]string{"kept": "yes", "ip": "192.0.2.1", "port": "40000", "incident": "id"}},
		"IPv6":               {base, audit.Origin{Address: "2001:db8::1", Port: 1}, map[string]string{"kept": "yes", "ip": "2001:db8::1", "port": "1"}},
		"no port":            {base, audit.Origin{Address: "192.0.2.1"}, map[string]string{"kept": "yes", "ip": "192.0.2.1"}},
		"nothing":            {base, audit.Origin{}, map[string]string{"kept": "yes"}},
		"a line is forged":   {base, audit.Origin{Address: "192.0.2.1\nlevel=INFO", ID: "id"}, map[string]string{"kept": "yes"}},
		"no room for it all": {crowded, audit.Origin{Address: "192.0.2.1", Port: 1, ID: "id"}, full},
	} {
		got := row.entry.From(audit.WithOrigin(t.Context(), row.origin))
		if len(got.Details) != len(row.want) {
			t.Errorf("%s: %v", name, got.Details)
		}
		for key, value := range row.want {
			if got.Details[key] != value {
				t.Errorf("%s: %s is %q, want %q", name, key, got.Details[key], value)
			}
		}
		if _, err := got.Encode(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := base.From(t.Context()); len(got.Details) != 1 || len(base.Details) != 1 {
		t.Errorf("%v of no request, from %v", got.Details, base.Details)
	}
}
