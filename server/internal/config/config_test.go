package config_test

import (
	"errors"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pivot/server/internal/assurance"
	"pivot/server/internal/config"
	"pivot/server/internal/config/stricttoml"
)

// TestSample loads the sample that is shipped.
func TestSample(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("testdata/pivot.toml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Parse("/etc/pivot/pivot.toml", src)
	if err != nil {
		t.Fatal(err)
	}
	type view struct {
		Data, Registry, Trust, KEK, Log string
		Proxies                         []netip.Prefix
		Retention                       config.Retention
		Loopback                        bool
	}
	want := view{
		"/var/lib/pivot", "/etc/pivot/registry", "/etc/pivot/trust", "credential:pivot-kek", "info",
		[]netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("::1/128")},
		config.Retention{Audit: 1096 * 24 * time.Hour},
		false,
	}
	got := view{c.DataDir(), c.RegistryDir(), c.TrustDir(), c.KEK(), c.LogLevel(), c.TrustedProxies(), c.Retention(), c.Loopback()}
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Error(diff)
	}
	issuers := c.Issuers()
	if len(issuers) != 2 {
		t.Fatalf("%d issuers", len(issuers))
	}
	plus := issuers[0]
	if plus.Profile() != config.Plus || plus.Origin() != "https://auth.example.org" || plus.Host() != "auth.example.org" ||
		plus.Identifier() != "https://auth.example.org/api/v2" || plus.Loopback() || plus.Listen() != netip.MustParseAddrPort("127.0.0.1:8080") {
		t.Errorf("first issuer %+v", plus)
	}
	if issuers[1].Profile() != config.Standard {
		t.Errorf("second issuer %+v", issuers[1])
	}
	contribution := assurance.Contribution{Evidence: assurance.WebAuthnCertified, Activations: []assurance.Activation{assurance.LoginHigh}}
	if level, err := c.Policy().Level(contribution); err != nil || level != assurance.Substantial {
		t.Errorf("the lowered row gives %v, %v", level, err)
	}
	if level, err := assurance.Default().Level(contribution); err != nil || level != assurance.High {
		t.Errorf("the row itself gives %v, %v", level, err)
	}
}

// base is valid, and every case of this file changes one thing in it.
const base = `data_dir = "/var/lib/pivot"
trusted_proxies = ["10.0.0.0/8"]
keys.kek_file = "/etc/pivot/kek"
[[issuer]]
profile = "plus"
url = "https://auth.example.fr"
listen = "127.0.0.1:8080"
[policy]
card-alone = "eidas1"
`

// second is a second issuer that goes well with base.
const second = `[[issuer]]
profile = "standard"
url = "https://oidc.example.fr"
listen = "127.0.0.1:8090"
`

func changed(t *testing.T, src, from, to string) string {
	t.Helper()
	if strings.Count(src, from) != 1 {
		t.Fatalf("%q occurs %d times", from, strings.Count(src, from))
	}
	return strings.Replace(src, from, to, 1)
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("pivot.toml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	if c.RegistryDir() != "registry" || c.TrustDir() != "trust" || c.LogLevel() != "info" {
		t.Errorf("%q %q %q", c.RegistryDir(), c.TrustDir(), c.LogLevel())
	}
	if want := (config.Retention{Audit: 1096 * 24 * time.Hour}); c.Retention() != want {
		t.Errorf("retention %v", c.Retention())
	}
}

// TestAccepted: forms beside the plain one that must go on working.
func TestAccepted(t *testing.T) {
	t.Parallel()
	url := func(value string) [2]string { return [2]string{"https://auth.example.fr", value} }
	listen := func(value string) [2]string { return [2]string{"127.0.0.1:8080", value} }
	proxies := func(value string) [2]string { return [2]string{`["10.0.0.0/8"]`, value} }
	for name, change := range map[string][2]string{
		"nothing changed":  {"data_dir", "data_dir"},
		"loopback name":    url("http://localhost:8080"),
		"loopback v4":      url("http://127.0.0.1:8080"),
		"loopback v6":      url("http://[::1]:8080"),
		"https loopback":   url("https://localhost:8443"),
		"port":             url("https://auth.example.fr:8443"),
		"punycode":         url("https://xn--caf-dma.example.fr"),
		"digits in a name": url("https://2.example.4u"),
		"address":          url("https://192.0.2.1"),
		"listen v6":        listen("[::1]:8080"),
		"listen all":       listen("0.0.0.0:8080"),
		"listen all v6":    listen("[::]:8080"),
		"one proxy":        proxies(`["192.0.2.1"]`),
		"v6 proxies":       proxies(`["fd00::/8", "2001:db8::1"]`),
		"no proxy":         proxies(`[]`),
		"two issuers":      {"[policy]", second + "[policy]"},
		"relative kek":     {"/etc/pivot/kek", "kek"},
		"kek beside data":  {"/etc/pivot/kek", "/var/lib/pivot-kek"},
		"least retention":  {"[policy]", "[retention]\naudit_days = 180\n[policy]"},
		"most retention":   {"[policy]", "[retention]\naudit_days = 1096\n[policy]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := config.Parse("pivot.toml", []byte(changed(t, base, change[0], change[1]))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRefused: one changed thing, one problem, at its place.
func TestRefused(t *testing.T) {
	t.Parallel()
	const urlForm = "6:1: issuer[0].url: want scheme, host and nothing more"
	url := func(value string) [2]string { return [2]string{"https://auth.example.fr", value} }
	for name, c := range map[string]struct {
		change [2]string
		want   string
	}{
		"unknown key":       {[2]string{"[policy]", "theme = 'dark'\n[policy]"}, `8:1: issuer[0].theme: unknown key`},
		"unknown table":     {[2]string{"[policy]", "[theme]\n[policy]"}, `8:2: theme: unknown key`},
		"secret in clear":   {[2]string{`keys.kek_file = "/etc/pivot/kek"`, "keys.kek = 'hunter2'"}, `3:6: keys.kek: unknown key; kek_file is one that exists`},
		"no data_dir":       {[2]string{`data_dir = "/var/lib/pivot"`, ""}, `1:1: data_dir: required`},
		"no keys":           {[2]string{`keys.kek_file = "/etc/pivot/kek"`, ""}, `1:1: keys.kek_file: required`},
		"zero byte":         {[2]string{"/var/lib/pivot", `a\u0000b`}, `1:1: data_dir: want a path, found a zero byte in it`},
		"no log level":      {[2]string{"trusted_proxies", "log_level = 'loud'\ntrusted_proxies"}, `2:1: log_level: want debug | info | warn | error`},
		"credential path":   {[2]string{"/etc/pivot/kek", "credential:../kek"}, `3:6: keys.kek_file: want credential: and the name of a systemd credential, which is no path`},
		"credential unsaid": {[2]string{"/etc/pivot/kek", "credential:"}, `3:6: keys.kek_file: want credential: and the name`},
		"kek in data":       {[2]string{"/etc/pivot/kek", "/var/lib/pivot/keys/kek"}, `3:6: keys.kek_file: want it outside data_dir`},
		"kek is data":       {[2]string{"/etc/pivot/kek", "/var/lib/pivot"}, `3:6: keys.kek_file: want it outside data_dir`},
		"kek comes back":    {[2]string{"/etc/pivot/kek", "/etc/../var/lib/pivot/kek"}, `3:6: keys.kek_file: want it outside data_dir`},

		"http":               {url("http://auth.example.fr"), `6:1: issuer[0].url: want https: http is for loopback alone`},
		"http, like local":   {url("http://localhost.example.fr"), `6:1: issuer[0].url: want https: http is for loopback alone`},
		"http, unspecified":  {url("http://0.0.0.0:8080"), `6:1: issuer[0].url: want a host name`},
		"other scheme":       {url("ftp://auth.example.fr"), urlForm},
		"no scheme":          {url("auth.example.fr"), urlForm},
		"upper case scheme":  {url("HTTPS://auth.example.fr"), urlForm},
		"final slash":        {url("https://auth.example.fr/"), urlForm},
		"path":               {url("https://auth.example.fr/api/v2"), urlForm},
		"query":              {url("https://auth.example.fr?a=b"), urlForm},
		"empty query":        {url("https://auth.example.fr?"), urlForm},
		"fragment":           {url("https://auth.example.fr#a"), urlForm},
		"userinfo":           {url("https://user:hunter2@auth.example.fr"), urlForm},
		"space":              {url("https://auth.example.fr "), urlForm},
		"no host":            {url("https://"), urlForm},
		"port alone":         {url("https://:8443"), `6:1: issuer[0].url: want a host name`},
		"upper case host":    {url("https://Auth.example.fr"), `6:1: issuer[0].url: want a host name`},
		"accent":             {url("https://café.example.fr"), `6:1: issuer[0].url: want a host name`},
		"final dot":          {url("https://auth.example.fr."), `6:1: issuer[0].url: want a host name`},
		"underscore":         {url("https://auth_1.example.fr"), `6:1: issuer[0].url: want a host name`},
		"hyphen at the edge": {url("https://auth-.example.fr"), `6:1: issuer[0].url: want a host name`},
		"long label":         {url("https://" + strings.Repeat("a", 64) + ".fr"), `6:1: issuer[0].url: want a host name`},
		"long name":          {url("https://" + strings.Repeat("a.", 126) + "fr"), `6:1: issuer[0].url: want a host name`},
		"decimal address":    {url("http://2130706433:8080"), `6:1: issuer[0].url: want a host name`},
		"short address":      {url("http://127.1:8080"), `6:1: issuer[0].url: want a host name`},
		"hex address":        {url("http://0x7f000001:8080"), `6:1: issuer[0].url: want a host name`},
		"long v6":            {url("http://[0:0:0:0:0:0:0:1]:8080"), `6:1: issuer[0].url: want a host name`},
		"v4 in v6":           {url("http://[::ffff:127.0.0.1]:8080"), `6:1: issuer[0].url: want a host name`},
		"zone":               {url("http://[::1%25lo]:8080"), urlForm},
		"the scheme's port":  {url("https://auth.example.fr:443"), `6:1: issuer[0].url: want no port, or one`},
		"http's port":        {url("http://localhost:80"), `6:1: issuer[0].url: want no port, or one`},
		"port zero":          {url("https://auth.example.fr:0"), `6:1: issuer[0].url: want no port, or one`},
		"port too high":      {url("https://auth.example.fr:65536"), `6:1: issuer[0].url: want no port, or one`},
		"port with zeros":    {url("https://auth.example.fr:08443"), `6:1: issuer[0].url: want no port, or one`},
		"port forgotten":     {url("https://auth.example.fr:"), `6:1: issuer[0].url: want no port, or one`},

		"listen on a name":    {[2]string{"127.0.0.1:8080", "localhost:8080"}, `7:1: issuer[0].listen: want an IP address and a port`},
		"listen on port zero": {[2]string{"127.0.0.1:8080", "127.0.0.1:0"}, `7:1: issuer[0].listen: want an IP address and a port`},
		"listen on a port":    {[2]string{"127.0.0.1:8080", ":8080"}, `7:1: issuer[0].listen: want an IP address and a port`},
		"listen nowhere":      {[2]string{"127.0.0.1:8080", ""}, `7:1: issuer[0].listen: must not be empty`},
		"no profile":          {[2]string{`"plus"`, `"minus"`}, `5:1: issuer[0].profile: want plus | standard`},

		"proxy name":      {[2]string{"10.0.0.0/8", "proxy.example.fr"}, `2:20: trusted_proxies[0]: want an IP address, or a network such as 10.1.0.0/16`},
		"everybody":       {[2]string{"10.0.0.0/8", "0.0.0.0/0"}, `2:20: trusted_proxies[0]: so wide a network`},
		"half of all":     {[2]string{"10.0.0.0/8", "128.0.0.0/1"}, `2:20: trusted_proxies[0]: so wide a network`},
		"everybody on v6": {[2]string{"10.0.0.0/8", "::/0"}, `2:20: trusted_proxies[0]: so wide a network`},
		"host and net":    {[2]string{"10.0.0.0/8", "10.1.2.3/8"}, `2:20: trusted_proxies[0]: want a network whose address ends where its length does`},
		"mapped":          {[2]string{"10.0.0.0/8", "::ffff:10.0.0.0/104"}, `2:20: trusted_proxies[0]: want an IP address, or a network`},
		"zoned proxy":     {[2]string{"10.0.0.0/8", "fe80::1%eth0"}, `2:20: trusted_proxies[0]: want an IP address, or a network`},
		"proxy twice":     {[2]string{"10.0.0.0/8", `10.0.0.0/8", "10.0.0.0/8`}, `2:34: trusted_proxies[1]: listed twice`},

		"row raised":  {[2]string{`"eidas1"`, `"eidas2"`}, `9:1: policy.card-alone: not a row of the policy table, or at a lower level there: a row may only be lowered`},
		"no such row": {[2]string{"card-alone", "card"}, `9:1: policy.card: not a row of the policy table`},
		"no level":    {[2]string{`"eidas1"`, `"low"`}, `9:1: policy.card-alone: want eidas1, eidas2 or eidas3`},
		"refused row": {[2]string{"card-alone", "webauthn-presence"}, `9:1: policy.webauthn-presence: not a row of the policy table, or at a lower level there`},
		"kept short":  {[2]string{"[policy]", "[retention]\naudit_days = 179\n[policy]"}, `9:1: retention.audit_days: want integer from 180 to 1096: `},
		"kept long":   {[2]string{"[policy]", "[retention]\naudit_days = 1097\n[policy]"}, `9:1: retention.audit_days: want integer from 180 to 1096: `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, changed(t, base, c.change[0], c.change[1]), c.want)
		})
	}
}

// TestPairs: issuers that are good alone and not together.
func TestPairs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change [2]string
		want   string
	}{
		"one origin":         {[2]string{"oidc.example.fr", "auth.example.fr"}, `10:1: issuer[1].url: the same origin as issuer[0]`},
		"one host":           {[2]string{"oidc.example.fr", "auth.example.fr:8443"}, `10:1: issuer[1].url: the same host as issuer[0]: browsers send cookies to every port of a host`},
		"one address":        {[2]string{"127.0.0.1:8090", "127.0.0.1:8080"}, `11:1: issuer[1].listen: the same address as issuer[0]`},
		"loopback and world": {[2]string{"https://oidc.example.fr", "http://localhost:8090"}, `10:1: issuer[1].url: one process serves loopback or the world, never both`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, changed(t, base, "[policy]", changed(t, second, c.change[0], c.change[1])+"[policy]"), c.want)
		})
	}
	local := changed(t, base, "https://auth.example.fr", "http://localhost:8080")
	beside := changed(t, second, "https://oidc.example.fr", "http://localhost:8090")
	if _, err := config.Parse("pivot.toml", []byte(changed(t, local, "[policy]", beside+"[policy]"))); err != nil {
		t.Errorf("two profiles on one loopback host: %v", err)
	}
	refused(t, changed(t, local, "[policy]", changed(t, beside, "standard", "plus")+"[policy]"),
		`9:1: issuer[1].profile: the same host and profile as issuer[0]: their cookies would have one name`)
}

// TestExposed: clear requests from a network need somebody who ends TLS.
func TestExposed(t *testing.T) {
	t.Parallel()
	open := changed(t, base, "127.0.0.1:8080", "0.0.0.0:8080")
	if _, err := config.Parse("pivot.toml", []byte(open)); err != nil {
		t.Error(err)
	}
	refused(t, changed(t, open, `["10.0.0.0/8"]`, "[]"), `7:1: issuer[0].listen: requests arrive in clear here`)
}

func TestCounts(t *testing.T) {
	t.Parallel()
	var proxies []string
	for i := range 65 {
		proxies = append(proxies, `"192.0.2.`+strconv.Itoa(i)+`"`)
	}
	list := func(n int) string { return changed(t, base, `"10.0.0.0/8"`, strings.Join(proxies[:n], ", ")) }
	if _, err := config.Parse("pivot.toml", []byte(list(64))); err != nil {
		t.Error(err)
	}
	refused(t, list(65), "2:1: trusted_proxies: want at most 64")

	issuers := func(n int) string {
		var src strings.Builder
		src.WriteString(base)
		for i := 1; i < n; i++ {
			src.WriteString(changed(t, changed(t, second, "oidc", "oidc"+strconv.Itoa(i)), "8090", strconv.Itoa(8090+i)))
		}
		return src.String()
	}
	if _, err := config.Parse("pivot.toml", []byte(issuers(8))); err != nil {
		t.Error(err)
	}
	refused(t, issuers(9), "4:3: issuer: want at most 8")
	refused(t, changed(t, base, base[strings.Index(base, "[[issuer]]"):], "issuer = []"), "4:1: issuer: must not be empty")
}

// TestPaths: relative paths belong to the folder of the file, wherever the
// process runs.
func TestPaths(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][4]string{
		"/etc/pivot/pivot.toml": {"/etc/pivot/data", "/etc/pivot/registry", "/etc/pivot/trust", "/etc/kek"},
		"conf/pivot.toml":       {"conf/data", "conf/registry", "conf/trust", "kek"},
		"pivot.toml":            {"data", "registry", "trust", "../kek"},
	} {
		src := changed(t, changed(t, base, "/var/lib/pivot", "data"), "/etc/pivot/kek", "../kek")
		c, err := config.Parse(name, []byte(src))
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]string{c.DataDir(), c.RegistryDir(), c.TrustDir(), c.KEK()}; got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestImmutable: what a caller does with a list is its own affair.
func TestImmutable(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("pivot.toml", []byte(base))
	if err != nil {
		t.Fatal(err)
	}
	c.Issuers()[0] = config.Issuer{}
	c.TrustedProxies()[0] = netip.Prefix{}
	if c.Issuers()[0].Profile() != config.Plus || c.TrustedProxies()[0] != netip.MustParsePrefix("10.0.0.0/8") {
		t.Error("a list is shared with the configuration")
	}
}

// TestNothing: what was refused is no configuration, and neither is nothing.
func TestNothing(t *testing.T) {
	t.Parallel()
	c, err := config.Parse("pivot.toml", nil)
	if err == nil || c.DataDir() != "" || len(c.Issuers()) != 0 || c.Loopback() {
		t.Errorf("%+v, %v", c, err)
	}
	want := "pivot.toml:1:1: data_dir: required\npivot.toml:1:1: keys.kek_file: required\npivot.toml:1:1: issuer: required"
	if err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

// TestAllAtOnce: a person learns of every problem in one go.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	src := changed(t, base, "10.0.0.0/8", "nobody")
	src = changed(t, src, "https://auth.example.fr", "http://auth.example.fr")
	src = changed(t, src, `"eidas1"`, `"eidas9"`)
	if got := problems(t, src); len(got) != 3 || got[0].Line != 2 || got[1].Line != 6 || got[2].Line != 9 {
		t.Errorf("got %v", got)
	}
}

// TestNoValueIsQuoted: what stands in a wrong place may be a secret.
func TestNoValueIsQuoted(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-hunter2"
	for _, key := range []string{
		"https://auth.example.fr", "127.0.0.1:8080", "plus", "10.0.0.0/8", "eidas1",
	} {
		if got := problems(t, changed(t, base, key, secret)).Error(); strings.Contains(got, secret) {
			t.Errorf("in place of %q: %s", key, got)
		}
	}
}

func refused(t *testing.T, src, want string) {
	t.Helper()
	got := problems(t, src)
	if len(got) != 1 || !strings.HasPrefix(got[0].String(), "pivot.toml:"+want) {
		t.Errorf("got:\n%v\nwant one problem:\npivot.toml:%s", got, want)
	}
}

func problems(t *testing.T, src string) stricttoml.Problems {
	t.Helper()
	_, err := config.Parse("pivot.toml", []byte(src))
	var out stricttoml.Problems
	if !errors.As(err, &out) {
		t.Fatalf("error %v", err)
	}
	return out
}
