package client_test

import (
	"slices"
	"strings"
	"testing"

	"pivot/server/internal/client"
	"pivot/server/internal/oauth"
)

// lookalikes are addresses that some program takes for https://sp.example.fr/a/cb?x=1, and that are not it.
var lookalikes = []string{
	// path
	"https://sp.example.fr/a/cb/?x=1", "https://sp.example.fr/a//cb?x=1", "https://sp.example.fr//a/cb?x=1",
	"https://sp.example.fr/a/./cb?x=1", "https://sp.example.fr/a/b/../cb?x=1", "https://sp.example.fr/a/cb/..?x=1",
	"https://sp.example.fr/a/%2e/cb?x=1", "https://sp.example.fr/a/b/%2E%2e/cb?x=1", "https://sp.example.fr/a%2Fcb?x=1",
	"https://sp.example.fr/a/c%62?x=1", "https://sp.example.fr/%61/cb?x=1", "https://sp.example.fr/a/cb%00?x=1",
	"https://sp.example.fr/a/cb%20?x=1", "https://sp.example.fr/a/cb;v=1?x=1", "https://sp.example.fr/a\\cb?x=1",
	"https://sp.example.fr/a/cb%3Fx=1", "https://sp.example.fr/A/cb?x=1", "https://sp.example.fr/a/CB?x=1",
	"https://sp.example.fr/a/cbevil?x=1", "https://sp.example.fr/a/c?x=1", "https://sp.example.fr/?x=1", "https://sp.example.fr?x=1",
	// query and fragment
	"https://sp.example.fr/a/cb", "https://sp.example.fr/a/cb?", "https://sp.example.fr/a/cb?x=2", "https://sp.example.fr/a/cb?X=1",
	"https://sp.example.fr/a/cb?x=1&", "https://sp.example.fr/a/cb?x=1&y=2", "https://sp.example.fr/a/cb?y=2&x=1",
	"https://sp.example.fr/a/cb?x=%31", "https://sp.example.fr/a/cb?%78=1", "https://sp.example.fr/a/cb??x=1",
	"https://sp.example.fr/a/cb?x=1#", "https://sp.example.fr/a/cb?x=1#f", "https://sp.example.fr/a/cb?x=1%23", "https://sp.example.fr/a/cb?x=1+",
	// scheme
	"HTTPS://sp.example.fr/a/cb?x=1", "Https://sp.example.fr/a/cb?x=1", "http://sp.example.fr/a/cb?x=1", "httpss://sp.example.fr/a/cb?x=1",
	"https:/sp.example.fr/a/cb?x=1", "https:sp.example.fr/a/cb?x=1", "https:///sp.example.fr/a/cb?x=1", "//sp.example.fr/a/cb?x=1",
	"https:\\\\sp.example.fr/a/cb?x=1", "javascript://sp.example.fr/a/cb?x=1", "data://sp.example.fr/a/cb?x=1",
	// user information
	"https://user@sp.example.fr/a/cb?x=1", "https://user:pw@sp.example.fr/a/cb?x=1", "https://@sp.example.fr/a/cb?x=1",
	"https://sp.example.fr@evil.example.com/a/cb?x=1", "https://sp.example.fr%40evil.example.com/a/cb?x=1",
	"https://evil.example.com\\@sp.example.fr/a/cb?x=1", "https://evil.example.com#@sp.example.fr/a/cb?x=1",
	"https://evil.example.com?@sp.example.fr/a/cb?x=1", "https://sp.example.fr:@evil.example.com/a/cb?x=1",
	// port
	"https://sp.example.fr:443/a/cb?x=1", "https://sp.example.fr:/a/cb?x=1", "https://sp.example.fr:8443/a/cb?x=1",
	"https://sp.example.fr:0443/a/cb?x=1", "https://sp.example.fr:443x/a/cb?x=1", "https://sp.example.fr:65979/a/cb?x=1",
	// host
	"https://SP.example.fr/a/cb?x=1", "https://sp.example.FR/a/cb?x=1", "https://sp.example.fr./a/cb?x=1", "https://.sp.example.fr/a/cb?x=1",
	"https://sp..example.fr/a/cb?x=1", "https://www.sp.example.fr/a/cb?x=1", "https://example.fr/a/cb?x=1", "https://xsp.example.fr/a/cb?x=1",
	"https://sp.example.fr.evil.example.com/a/cb?x=1", "https://sp.example.frx/a/cb?x=1", "https://sp-example.fr/a/cb?x=1",
	"https://sp%2Eexample.fr/a/cb?x=1", "https://s%70.example.fr/a/cb?x=1", "https://sp.example.fr%00.evil.example.com/a/cb?x=1",
	"https://ѕр.example.fr/a/cb?x=1", "https://sp.exаmple.fr/a/cb?x=1", "https://sp。example.fr/a/cb?x=1", "https://ｓｐ.example.fr/a/cb?x=1",
	"https://xn--sp-.example.fr/a/cb?x=1", "https://sp.example.fr\u00ad/a/cb?x=1", "https://[::ffff:5db8:d822]/a/cb?x=1",
	"https://93.184.216.34/a/cb?x=1", "https://1572395042/a/cb?x=1",
	// characters around and inside
	" https://sp.example.fr/a/cb?x=1", "https://sp.example.fr/a/cb?x=1 ", "\thttps://sp.example.fr/a/cb?x=1", "https://sp.example.fr/a/cb?x=1\n",
	"https://sp.example.fr/a/\tcb?x=1", "https://sp.exa\nmple.fr/a/cb?x=1", "https://sp.example.fr/a/cb?x=1\r\nLocation: https://evil.example.com",
	"https://sp.example.fr/a/cb?x=1\x00", "\ufeffhttps://sp.example.fr/a/cb?x=1", "https://sp.example.fr/a/cb\u200b?x=1",
	"https://sp.example.fr/a/cb?x=1,https://evil.example.com", "https://sp.example.fr/a/cb?x=1|https://evil.example.com",
	"<https://sp.example.fr/a/cb?x=1>", "\"https://sp.example.fr/a/cb?x=1\"",
}

func TestRedirectAddressIsComparedAsText(t *testing.T) {
	t.Parallel()
	const registered = "https://sp.example.fr/a/cb?x=1"
	r := record(t)
	r.RedirectURIs = []string{registered}
	c := build(t, r)
	values := request()
	values.Set("redirect_uri", registered)
	if got, _ := authorize(t, values, oauth.Plus(), c); got != admitted {
		t.Fatalf("the registered address: %+v", got)
	}
	for i, uri := range lookalikes {
		if slices.Contains(lookalikes[:i], uri) {
			t.Errorf("%q is in the list twice", uri)
		}
		values := request()
		values.Set("redirect_uri", uri)
		got, _ := authorize(t, values, oauth.Plus(), c)
		if got != parameters && got != page("Y04C013C", "invalid_redirect_uri") {
			t.Errorf("%q: %+v", uri, got)
		}
		// Whatever is wrong beside it, an address that is not registered is never redirected to.
		values.Set("response_type", "token")
		if got, _ := authorize(t, values, oauth.Plus(), c); got.place != "page" {
			t.Errorf("%q with another fault: %+v", uri, got)
		}
	}
}

// TestRedirectAddressThatReadsAsItself: what a program may rewrite cannot be registered, so no client depends on it.
func TestRedirectAddressThatReadsAsItself(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		uri  string
		want string // part of the error; empty for accepted
	}{
		{"https://sp.example.fr/cb", ""},
		{"https://sp.example.fr", ""},
		{"https://sp.example.fr:8443/a/b-c_d~e/?lang=fr&x=%C3%A9", ""},
		{"https://xn--dmarches-b4a.example.fr/cb", ""},
		{"https://sp.xn--p1ai/cb", ""},
		{"https://sp.example.fr/caf%C3%A9", ""},
		{"", "0 bytes"},
		{"https://sp.example.fr/" + strings.Repeat("a", 2048), "bytes"},
		{"http://sp.example.fr/cb", "absolute https"},
		{"http://localhost:4000/cb", "absolute https"},
		{"https://localhost/cb", "absolute https"},
		{"https://127.0.0.1/cb", "absolute https"},
		{"https://[::1]/cb", "absolute https"},
		{"https://intranet/cb", "absolute https"},
		{"https://sp.example.fr./cb", "absolute https"},
		{"myapp://sp.example.fr/cb", "absolute https"},
		{"https:///cb", "absolute https"},
		{"/cb", "absolute https"},
		{"HTTPS://sp.example.fr/cb", "lower case"},
		{"https://Sp.example.fr/cb", "lower case"},
		{"https://user@sp.example.fr/cb", "user name"},
		{"https://@sp.example.fr/cb", "user name"},
		{"https://sp_1.example.fr/cb", "DNS"},
		{"https://-sp.example.fr/cb", "DNS"},
		{"https://" + strings.Repeat("a", 64) + ".example.fr/cb", "DNS"},
		{"https://sp.example.fr:443/cb", "port"},
		{"https://sp.example.fr:08443/cb", "port"},
		{"https://sp.example.fr:0/cb", "absolute https"},
		{"https://sp.example.fr:65536/cb", "absolute https"},
		{"https://sp.example.fr:/cb", "absolute https"},
		{"https://sp.example.fr/cb#", "fragment"},
		{"https://sp.example.fr/*", "wildcard"},
		{"https://*.example.fr/cb", "wildcard"},
		{"https://sp.example.fr/a b", "0x20"},
		{"https://sp.example.fr/a\\b", "0x5c"},
		{"https://sp.example.fr/é", "0xc3"},
		{"https://sp.example.fr/a\nb", "0x0a"},
		{"https://sp.example.fr/%4", "escape"},
		{"https://sp.example.fr/%zz", "escape"},
		{"https://sp.example.fr/?x=%g0", "escape"},
		{"https://sp.example.fr/a/../cb", "dot segment"},
		{"https://sp.example.fr/a/.", "dot segment"},
		{"https://sp.example.fr/a%2e", "escaped dot"},
		{"https://sp.example.fr/a%2Fb", "escaped dot"},
		{"https://sp.example.fr/a%5Cb", "escaped dot"},
		{"https://sp.example.fr/a%252e", "escaped dot"},
		{"https://sp.example.fr//a", "empty segment"},
		{"https://sp.example.fr/cb?code=1", `"code"`},
		{"https://sp.example.fr/cb?x=1&state=2", `"state"`},
		{"https://sp.example.fr/cb?%69ss=2", `"iss"`},
		{"https://sp.example.fr/cb?a;b", "query"},
	} {
		for _, list := range []string{"redirect_uris", "post_logout_redirect_uris", "backchannel_logout_uri"} {
			r := record(t)
			switch list {
			case "redirect_uris":
				r.RedirectURIs = []string{row.uri}
			case "post_logout_redirect_uris":
				r.Logout.URIs = []string{row.uri}
			default:
				r.Logout.BackChannel = row.uri
			}
			if list == "backchannel_logout_uri" && row.uri == "" {
				continue // none
			}
			_, err := client.New(r, oauth.Plus())
			checkField(t, row.uri, err, list, row.want)
		}
	}
}

// TestRedirectAddressOnLoopback is row A2: localhost for an issuer on loopback, and for no other.
func TestRedirectAddressOnLoopback(t *testing.T) {
	t.Parallel()
	profile := oauth.Plus().OnLoopback()
	for uri, want := range map[string]string{
		"http://localhost:4000/cb":    "",
		"http://127.0.0.1:4000/cb":    "",
		"http://127.8.9.1/cb":         "",
		"http://[::1]:4000/cb":        "IPv6",
		"https://localhost:4000/cb":   "",
		"https://sp.example.fr/cb":    "",
		"http://sp.example.fr/cb":     "absolute https",
		"http://localhost.evil.fr/cb": "absolute https",
		"http://127.0.0.1.evil.fr/":   "absolute https",
		"http://127.1/cb":             "absolute https",
		"http://2130706433/cb":        "absolute https",
		"http://0x7f.0.0.1/cb":        "absolute https",
		"http://127.0.0.01/cb":        "absolute https",
		"http://0.0.0.0/cb":           "absolute https",
		"http://[::]/cb":              "absolute https",
		"http://[::ffff:127.0.0.1]/":  "absolute https",
		"http://[::1%25lo]/cb":        "absolute https",
		"http://localhost:80/cb":      "port",
		"http://LOCALHOST/cb":         "absolute https",
		"http://localhost@evil.fr/cb": "absolute https",
		"http://evil.fr@localhost/cb": "user name",
		"ftp://localhost/cb":          "absolute https",
	} {
		r := record(t)
		r.RedirectURIs = []string{uri}
		c, err := client.New(r, profile)
		checkField(t, uri, err, "redirect_uris", want)
		if err != nil {
			continue
		}
		values := request()
		values.Set("redirect_uri", uri)
		if got, _ := authorize(t, values, profile, c); got != admitted {
			t.Errorf("%q on a loopback issuer: %+v", uri, got)
		}
		if got, _ := authorize(t, values, oauth.Plus(), c); (got == admitted) != strings.HasPrefix(uri, "https://sp.") {
			t.Errorf("%q on a public issuer: %+v", uri, got)
		}
	}
}
