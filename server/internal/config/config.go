package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/config/stricttoml"
)

// Config is a checked configuration. Its zero value is none.
type Config struct {
	dataDir, registryDir, trustDir string
	registerFile                   string
	kek                            string
	token                          Token
	logLevel                       string
	proxies                        []netip.Prefix
	issuers                        []Issuer
	policy                         assurance.Policy
	retention                      Retention
	card                           Card
}

// Retention is how long things are kept.
type Retention struct {
	Audit time.Duration // payloads of audit entries
}

// Parse checks a configuration. name is the file that it was read from: problems
// carry it, and paths in the document are relative to its folder. The error is a
// [stricttoml.Problems].
func Parse(name string, src []byte) (Config, error) {
	raw, report, err := stricttoml.Decode[document](name, src)
	if err != nil {
		return Config{}, err
	}
	p := parser{report: report, folder: filepath.Dir(name)}
	c := Config{
		dataDir: p.path("data_dir", raw.DataDir), registryDir: p.path("registry_dir", raw.RegistryDir),
		trustDir: p.path("trust_dir", raw.TrustDir), registerFile: p.path("register_file", raw.RegisterFile),
		kek:       p.secret("keys.kek_file", raw.Keys.KEKFile),
		token:     p.token(raw.Keys),
		logLevel:  raw.LogLevel,
		proxies:   p.proxies(raw.TrustedProxies),
		issuers:   p.issuers(raw.Issuers),
		policy:    p.policy(raw.Policy),
		retention: Retention{Audit: time.Duration(raw.Retention.AuditDays) * 24 * time.Hour},
		card:      p.card(raw.Card),
	}
	p.exposed(c)
	p.apart(c)
	if err := report.Err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// DataDir is the folder of the database, the sealed keys and the admin socket.
func (c Config) DataDir() string { return c.dataDir }

// RegistryDir is the folder of the records of service providers.
func (c Config) RegistryDir() string { return c.registryDir }

// TrustDir is the folder of the trust anchors.
func (c Config) TrustDir() string { return c.trustDir }

// RegisterFile is the file of the civil register, or empty: then nobody can be enrolled.
func (c Config) RegisterFile() string { return c.registerFile }

// Card is which cards are accepted.
func (c Config) Card() Card { return Card{slices.Clone(c.card.Accept), c.card.InsecureWithoutFreshCRL} }

// KEK names the key-encryption key: a file, or "credential:NAME".
func (c Config) KEK() string { return c.kek }

// LogLevel is debug, info, warn or error.
func (c Config) LogLevel() string { return c.logLevel }

// TrustedProxies are the networks whose word on the browser's address is taken.
func (c Config) TrustedProxies() []netip.Prefix { return slices.Clone(c.proxies) }

// Issuers are those served, in the order of the document; at least one.
func (c Config) Issuers() []Issuer { return slices.Clone(c.issuers) }

// Policy is the level policy table with the rows that this deployment lowered.
func (c Config) Policy() assurance.Policy { return c.policy }

// Retention is how long things are kept.
func (c Config) Retention() Retention { return c.retention }

// Loopback reports whether the issuers are on loopback: then all are, and a
// service provider may be there as well.
func (c Config) Loopback() bool { return len(c.issuers) > 0 && c.issuers[0].loopback }

// parser checks what tags cannot say.
type parser struct {
	report *stricttoml.Report
	folder string
}

// path resolves a path against the folder of the configuration.
func (p parser) path(key, value string) string {
	switch {
	case value == "": // absent or refused already
		return ""
	case strings.ContainsRune(value, 0):
		p.report.Refuse(key, "want a path, found a zero byte in it")
		return ""
	case filepath.IsAbs(value):
		return filepath.Clean(value)
	}
	return filepath.Join(p.folder, value)
}

// credential is how a systemd credential is named instead of a file.
const credential = "credential:"

// secret resolves where a secret is: a file or a credential.
func (p parser) secret(key, value string) string {
	name, ok := strings.CutPrefix(value, credential)
	switch {
	case !ok:
		return p.path(key, value)
	case name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/\\\x00"):
		p.report.Refuse(key, "want credential: and the name of a systemd credential, which is no path")
		return ""
	}
	return value
}

// proxies reads addresses and networks. A network of everybody would let any
// browser say who it is, so the widest are the private ones of RFC 1918 §3 and
// RFC 4193 §3.1.
func (p parser) proxies(values []string) []netip.Prefix {
	const most, widest4, widest6 = 64, 8, 7
	if len(values) > most {
		p.report.Refuse("trusted_proxies", fmt.Sprintf("want at most %d", most))
		return nil
	}
	var out []netip.Prefix
	for i, value := range values {
		key := fmt.Sprintf("trusted_proxies[%d]", i)
		prefix, ok := network(value)
		switch {
		case !ok:
			p.report.Refuse(key, "want an IP address, or a network such as 10.1.0.0/16")
		case prefix != prefix.Masked():
			p.report.Refuse(key, "want a network whose address ends where its length does: it names one host and many at once")
		case prefix.Addr().Is4() && prefix.Bits() < widest4, prefix.Addr().Is6() && prefix.Bits() < widest6:
			p.report.Refuse(key, "so wide a network would let strangers say which address they come from")
		case slices.Contains(out, prefix):
			p.report.Refuse(key, "listed twice")
		default:
			out = append(out, prefix)
		}
	}
	return out
}

// network reads an address or a network without zone; an IPv4 address is
// written as one, never inside IPv6, or the same host would have two names.
func network(value string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(value)
	if err != nil {
		addr, err := netip.ParseAddr(value)
		if err != nil || addr.Zone() != "" {
			return netip.Prefix{}, false
		}
		prefix = netip.PrefixFrom(addr, addr.BitLen())
	}
	return prefix, !prefix.Addr().Is4In6()
}

// exposed refuses an issuer that takes clear requests from a network where
// nobody is said to end TLS.
func (p parser) exposed(c Config) {
	for i, issuer := range c.issuers {
		if issuer.listen.IsValid() && !issuer.listen.Addr().IsLoopback() && len(c.proxies) == 0 {
			p.report.Refuse(fmt.Sprintf("issuer[%d].listen", i),
				"requests arrive in clear here: listen on loopback, or name in trusted_proxies who ends TLS in front of it")
		}
	}
}

// apart refuses a key-encryption key or a PIN inside the folder that it opens:
// who copies the folder would have both.
func (p parser) apart(c Config) {
	if inside(c.dataDir, c.kek) {
		p.report.Refuse("keys.kek_file", "want it outside data_dir: a copy of that folder must not open what is sealed in it")
	}
	if inside(c.dataDir, c.token.PIN) {
		p.report.Refuse("keys.pkcs11_pin_file", "want it outside data_dir: a copy of that folder must not log in to the token")
	}
}

// inside reports whether a secret's file is in a folder.
func inside(folder, source string) bool {
	if source == "" || folder == "" || strings.HasPrefix(source, credential) {
		return false
	}
	below, err := filepath.Rel(folder, source)
	return err == nil && below != ".." && !strings.HasPrefix(below, ".."+string(filepath.Separator))
}
