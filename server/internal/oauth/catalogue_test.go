package oauth_test

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	var (
		code   = regexp.MustCompile(`^[a-z_]+$`)
		y      = regexp.MustCompile(`^Y[0-9]{2}([0-9]{4}|[0-9A-F]{5})$`)
		reason = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
		// RFC 6749 §4.1.2.1: what error_description may contain.
		text = regexp.MustCompile(`^[\x20\x21\x23-\x5B\x5D-\x7E]+$`)
	)
	reasons := make(map[string]bool)
	list := oauth.Catalogue()
	for i, e := range list {
		if e.Fault != oauth.Fault(i+1) || e != e.Fault.Err() {
			t.Errorf("row %d is for fault %d: the catalogue follows the faults", i+1, e.Fault)
		}
		if !code.MatchString(e.Code) || !y.MatchString(e.Y) || !text.MatchString(e.Description) || !reason.MatchString(e.Fault.String()) {
			t.Errorf("%+v is malformed", e)
		}
		if reasons[e.Fault.String()] {
			t.Errorf("%q names two faults", e.Fault)
		}
		reasons[e.Fault.String()] = true
		if (e.Place == oauth.OnRedirect) != (e.Status == 303) || e.Place < oauth.OnPage || e.Place > oauth.OnJSON {
			t.Errorf("%s: status %d at place %d", e.Fault, e.Status, e.Place)
		}
		if e.Place == oauth.OnJSON && (e.Code == "invalid_client" || e.Code == "invalid_token") != (e.Status == 401) {
			t.Errorf("%s: %s with status %d", e.Fault, e.Code, e.Status)
		}
		if e.MessageID() != "page.error."+e.Y {
			t.Errorf("%s: message %q", e.Fault, e.MessageID())
		}
		if !strings.Contains(e.Error(), e.Y) || !strings.Contains(e.Error(), e.Fault.String()) {
			t.Errorf("%s prints as %q", e.Fault, e)
		}
	}
	for _, f := range []oauth.Fault{0, oauth.Fault(len(list) + 1), 255} {
		if e := f.Err(); e.Fault != oauth.FaultInternal || e.Status != 500 {
			t.Errorf("fault %d, which is none, is %+v", f, e)
		}
	}
}

// TestCatalogueAsDocumented repeats what the reference fixes and what no other test reaches yet: franceconnect.md 1.12 and
// appendix A.
func TestCatalogueAsDocumented(t *testing.T) {
	t.Parallel()
	for f, want := range map[oauth.Fault]string{
		oauth.FaultUserAborted:     "303 access_denied Y030030",
		oauth.FaultInternal:        "500 server_error Y000000",
		oauth.FaultSession:         "401 access_denied Y190001",
		oauth.FaultNavigation:      "400 access_denied Y420001",
		oauth.FaultCSRFMissing:     "400 server_error Y470002",
		oauth.FaultCSRF:            "401 server_error Y470001",
		oauth.FaultCSRFSpent:       "401 server_error Y470004",
		oauth.FaultLowACR:          "500 server_error Y100001",
		oauth.FaultGrant:           "400 invalid_grant Y049E20B",
		oauth.FaultBearer:          "401 invalid_token Y040001",
		oauth.FaultBearerMissing:   "401 invalid_token Y04146A2",
		oauth.FaultIntrospection:   "400 invalid_request Y100013",
		oauth.FaultProviderUnknown: "401 invalid_client Y330001",
		oauth.FaultProviderSecret:  "401 invalid_client Y330002",
	} {
		if e := f.Err(); fmt.Sprint(e.Status, " ", e.Code, " ", e.Y) != want {
			t.Errorf("%s: %+v, want %s", f, e, want)
		}
	}
}

func TestErrorsAreFoundInOneAnother(t *testing.T) {
	t.Parallel()
	e := oauth.FaultParameters.Err()
	for _, err := range []error{
		e,
		oauth.PageError{Err: e},
		oauth.PageError{Err: e, Parameter: "nonce"},
		fmt.Errorf("wrapped: %w", oauth.RestoreTarget("https://sp.example.fr/", "").Refuse(oauth.FaultParameters)),
	} {
		if got, ok := errors.AsType[oauth.Error](err); !ok || got != e {
			t.Errorf("%v holds %+v", err, got)
		}
		if !strings.Contains(err.Error(), "authorize-parameters") {
			t.Errorf("%q does not say why", err)
		}
	}
}
