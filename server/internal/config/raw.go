package config

import (
	"fmt"
	"slices"
	"strings"

	"pivot/server/internal/assurance"
	"pivot/server/internal/config/stricttoml"
)

// document is the configuration as it is written; its tags are its reference.
type document struct {
	DataDir        string            `toml:"data_dir" required:"" help:"folder of the database, the sealed keys and the admin socket; only the server's user may enter it"`
	RegistryDir    string            `toml:"registry_dir" default:"registry" help:"folder of the records of service providers, in its folder sp; relative to this file"`
	TrustDir       string            `toml:"trust_dir" default:"trust" help:"folder of the trust anchors that cards are judged by; relative to this file"`
	RegisterFile   string            `toml:"register_file" help:"file of the civil register that cards are matched with, relative to this file; without one no citizen can add a card"`
	LogLevel       string            `toml:"log_level" default:"info" oneof:"debug info warn error" help:"least severity that is logged; no severity logs secrets, query strings or identities"`
	TrustedProxies []string          `toml:"trusted_proxies" help:"addresses and networks (CIDR) of the reverse proxies whose word on the browser's address is taken; nobody's is by default"`
	Keys           keys              `toml:"keys" required:"" help:"what the broker's own keys are sealed with"`
	Issuers        []issuer          `toml:"issuer" required:"" help:"the OpenID Connect issuers that this process serves, one to eight"`
	Card           card              `toml:"card" help:"which identity cards are accepted"`
	Policy         map[string]string `toml:"policy" help:"rows of the level policy table that this deployment lowers, to eidas1, eidas2 or eidas3; a row is never raised"`
	Retention      retention         `toml:"retention" help:"how long things are kept"`
}

type keys struct {
	KEKFile       string `toml:"kek_file" required:"" help:"file of mode 0600 that holds the key-encryption key, relative to this file, or credential:NAME for a systemd credential; keep it off the data folder's backups"`
	PKCS11Module  string `toml:"pkcs11_module" help:"absolute path of the PKCS#11 library of a token (HSM) in which signing keys are made, in place of the data folder; only for a server that is built with the tag pkcs11"`
	PKCS11Token   string `toml:"pkcs11_token" help:"label of that token"`
	PKCS11PINFile string `toml:"pkcs11_pin_file" help:"file of mode 0600 that holds the PIN of the token's user, relative to this file, or credential:NAME for a systemd credential"`
}

type issuer struct {
	Profile string `toml:"profile" required:"" oneof:"plus standard" help:"which FranceConnect product it behaves as: plus (eidas2 and eidas3, encrypted answers) or standard (eidas1)"`
	URL     string `toml:"url" required:"" help:"public origin, such as https://auth.example.org: scheme, host and a port that is not the scheme's own; http is accepted on loopback alone"`
	Listen  string `toml:"listen" required:"" help:"address and port on which this issuer takes requests in clear, such as 127.0.0.1:8080; beyond loopback, trusted_proxies must say who ends TLS in front of it"`
}

type card struct {
	Accept                  []string `toml:"accept" help:"the documents accepted, each STATE:COUNTRY:CODE: the State as the document writes it, the country of its signers' certificates, the document code; FRA:FR:ID, the French identity card, where nothing is listed"`
	InsecureWithoutFreshCRL bool     `toml:"insecure_without_fresh_crl" default:"false" help:"accept a card whose signer has no current revocation list; for days in which its State publishes none"`
}

type retention struct {
	AuditDays int64 `toml:"audit_days" default:"1096" range:"180..1096" help:"how long the payload of an audit entry is kept; six months are the least of the CNIL (2021-122), 36 months the most that the order on FranceConnect of 8 November 2018 gives"`
}

// Explain prints every key with its type, its default and its meaning, and the
// rows that the table policy may lower.
func Explain() string {
	var b strings.Builder
	b.WriteString(stricttoml.Explain[document]())
	b.WriteString("\nThe rows of policy:\n\n")
	for _, row := range slices.Concat(assurance.Rows(), assurance.Activations()) {
		if !row.Ceiling.Valid() {
			continue // refused as it is: nothing lies below
		}
		fmt.Fprintf(&b, "%s = %q\n    %s\n", row.Name, row.Ceiling, row.Text)
	}
	return b.String()
}
