package broker

import (
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/audit"
	"pivot/server/internal/txn"
)

// fetched logs a citizen in at the demo's service, asking for data as well or not, and returns the page that they end at.
func (s scene) fetched(t *testing.T, b browser, more string) (release, end page) {
	t.Helper()
	p := b.open(s.world.SP[0].URL + "login?level=eidas3" + more)
	id, err := txn.ParseID(filepath.Base(p.url.Path))
	if err != nil {
		t.Fatalf("%d at %s: %s", p.status, p.url, p.body)
	}
	s.prove(t, id)
	release = b.open(p.url.String())
	return release, release.submit(b, "consent", nil)
}

// TestFetchData: what the citizen went on with is what the data provider hands out, to the browser that logged in alone.
func TestFetchData(t *testing.T) {
	t.Parallel()
	s := start(t)
	const label, button = "Revenu fiscal de référence", "Récupérer mes données fiscales"
	b, other := newBrowser(t), newBrowser(t)
	fetch := s.world.SP[0].URL + "data"

	release, end := s.fetched(t, b, "")
	if strings.Contains(release.body, label) || strings.Contains(end.body, button) || end.status != http.StatusOK {
		t.Errorf("data that nobody asked for: %d\n%s\n%s", end.status, release.body, end.body)
	}
	if p := b.post(fetch, nil); p.status != http.StatusForbidden {
		t.Errorf("without the right: %d", p.status)
	}

	release, end = s.fetched(t, b, "&data=1")
	for _, want := range []string{label, "Nombre de parts du foyer fiscal", "Direction générale des Finances publiques"} {
		if !strings.Contains(release.body, want) {
			t.Errorf("the page before the release does not name %q:\n%s", want, release.body)
		}
	}
	if end.status != http.StatusOK || !strings.Contains(end.body, button) || strings.Contains(end.body, "dgfip") {
		t.Errorf("%d:\n%s", end.status, end.body)
	}
	for range 2 { // as often as the person likes, within the minute
		p := b.post(fetch, nil)
		if p.status != http.StatusOK || !strings.Contains(p.body, "dgfip_rfr") || !strings.Contains(p.body, "dgfip_nbpart") || strings.Contains(p.body, "Dupont") {
			t.Errorf("%d:\n%s", p.status, p.body)
		}
	}
	checks := s.entries(t, audit.TokenChecked)
	if len(checks) != 2 || checks[0].Client != s.world.DP.ClientID || checks[0].Details["service"] != s.world.SP[0].ClientID {
		t.Errorf("audit entries %+v", checks)
	}
	if p := other.post(fetch, nil); p.status != http.StatusForbidden || strings.Contains(p.body, "dgfip") {
		t.Errorf("another browser: %d\n%s", p.status, p.body)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, fetch, strings.NewReader(url.Values{}.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if a := send(t, b.client, r); a.status != http.StatusForbidden || strings.Contains(a.body, "dgfip") {
		t.Errorf("from another site: %d", a.status)
	}
}
