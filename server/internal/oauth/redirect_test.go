package oauth_test

import (
	"net/url"
	"strings"
	"testing"

	"pivot/server/internal/oauth"
)

// FuzzCheckRedirectURI: an address that may be registered reads in one way: it survives parsing and printing byte for
// byte, it goes to the host that it shows, and a request may name it.
func FuzzCheckRedirectURI(f *testing.F) {
	for _, seed := range []string{
		"https://sp.example.fr/cb", "https://sp.example.fr:8443/a/?x=%C3%A9", "http://localhost:4000/cb", "http://[::1]/cb",
		"https://user@sp.example.fr/", "https://sp.example.fr\\@evil.example.com/", "https://sp.example.fr/%2e%2e/", "https://sp.example.fr:443/",
		"HTTPS://SP.example.fr/", "https:sp.example.fr", "https://sp.example.fr/cb?code=1", "https://sp.example.fr./",
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, uri string, loopback bool) {
		if oauth.CheckRedirectURI(uri, loopback) != nil {
			return
		}
		u, err := url.Parse(uri)
		if err != nil || u.String() != uri {
			t.Fatalf("%q prints as %q: %v", uri, u, err)
		}
		if u.User != nil || u.Fragment != "" || u.Host != strings.ToLower(u.Host) || u.Scheme == "http" && !loopback {
			t.Errorf("%q was accepted", uri)
		}
		if authority, _, _ := strings.Cut(strings.TrimPrefix(uri, u.Scheme+"://")+"/", "/"); strings.Trim(authority, "abcdefghijklmnopqrstuvwxyz0123456789-.:[]") != "" &&
			!strings.Contains(authority, "?") {
			t.Errorf("%q has the authority %q", uri, authority)
		}
		profile := oauth.Plus()
		if loopback {
			profile = profile.OnLoopback()
		}
		values := request()
		values.Set("redirect_uri", uri)
		r, err := oauth.ParseAuthorize(values, profile)
		if err != nil {
			t.Fatalf("%q may be registered and not asked for: %v", uri, err)
		}
		if _, err := r.Target([]string{uri}); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
	})
}
