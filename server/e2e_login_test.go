package main_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// outcome is the line of JSON of `demo --login`.
type outcome struct {
	OK      bool
	ACR     string
	AMR     []string
	Sub     string
	Error   string
	APDUs   int
	CardMS  float64 `json:"card_ms"`
	TotalMS float64 `json:"total_ms"`
}

// login runs the whole of it without a person, as `make demo-login` does.
func (w world) login(t *testing.T, args ...string) (result, []outcome) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.bin, "pivot-server"),
		append([]string{"demo", "--login", "--data", w.data, "--port-base", "0"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	r := result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
	var all []outcome
	for line := range strings.Lines(r.out) {
		var o outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatalf("%v\n%s%s", err, r.out, r.err)
		}
		all = append(all, o)
	}
	if len(all) == 0 {
		t.Fatalf("no outcome\n%s", r.err)
	}
	return r, all
}

// audit verifies the audit log, and gives its length.
func (w world) audit(t *testing.T) int {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), filepath.Join(w.bin, "pivot-server"),
		"audit", "verify", "--config", filepath.Join(w.data, "pivot.toml")).CombinedOutput()
	var verified struct{ Entries int }
	if err != nil || json.Unmarshal(out, &verified) != nil {
		t.Fatalf("audit verify: %v\n%s", err, out)
	}
	return verified.Entries
}

// TestWholeLogin pairs, activates, and logs in three times: as a stranger, as one who is known, and without the card.
func TestWholeLogin(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, all := w.login(t, "--again")
	if r.code != 0 || len(all) != 2 {
		t.Fatalf("exit code %d, %d outcomes\n%s%s", r.code, len(all), r.out, r.err)
	}
	for i, o := range all {
		if !o.OK || o.Error != "" || o.ACR != "eidas3" || o.APDUs != 10 || o.Sub != all[0].Sub || o.CardMS <= 0 || o.TotalMS <= 0 {
			t.Errorf("login %d: %+v", i, o)
		}
		if want := []string{"fc", "pop", "hwk", "pin", "mfa"}; !slices.Equal(o.AMR, want) {
			t.Errorf("login %d: amr %v, want %v", i, o.AMR, want)
		}
	}
	before := w.audit(t)
	if before == 0 {
		t.Error("nothing was audited")
	}

	r2, all := w.login(t, "--level", "eidas2")
	if o := all[0]; r2.code != 0 || len(all) != 1 || !o.OK || o.ACR != "eidas2" || o.APDUs != 0 || slices.Contains(o.AMR, "sc") {
		t.Errorf("eidas2: exit code %d, %+v\n%s", r2.code, all, r2.err)
	}
	if after := w.audit(t); after <= before {
		t.Errorf("%d entries of audit after %d", after, before)
	}
	// FranceConnect's own level, at the other issuer: no card is asked for, and the sub is another service's.
	r3, low := w.login(t, "--level", "eidas1")
	if o := low[0]; r3.code != 0 || len(low) != 1 || !o.OK || o.ACR != "eidas1" || o.APDUs != 0 || o.Sub == all[0].Sub ||
		!slices.Equal(o.AMR, []string{"fc", "pop", "pin", "mfa"}) {
		t.Errorf("eidas1: exit code %d, %+v\n%s", r3.code, low, r3.err)
	}
	w.keepsQuiet(t, r.out+r.err+r2.out+r2.err+r3.out+r3.err)
}

// keepsQuiet looks for what belongs to the citizen alone, in what was printed and in every file that broker, reader and
// companion wrote.
func (w world) keepsQuiet(t *testing.T, printed string) {
	t.Helper()
	secrets := []string{
		"123456", "739164", // access number and PIN
		"DUPONT", "Dupont", "HELENE", "Hélène", "Françoise", "T1ST00001", "1985-03-14", "850314", "citoyen@example.org",
	}
	for _, secret := range secrets {
		if strings.Contains(printed, secret) {
			t.Errorf("printed: %q", secret)
		}
	}
	looked := 0
	parts := []string{"data", "script", "reader.log", "broker.log"}
	if _, err := os.Stat(filepath.Join(w.data, "script-standard")); err == nil {
		parts = append(parts, "script-standard")
	}
	for _, part := range parts {
		err := filepath.WalkDir(filepath.Join(w.data, part), func(name string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			looked += len(raw)
			for _, secret := range secrets {
				if bytes.Contains(raw, []byte(secret)) {
					t.Errorf("%s holds %q", name, secret)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	// What finds nothing must be able to find: the database was read, and the register holds the name.
	register, err := os.ReadFile(filepath.Join(w.data, "register.toml"))
	if err != nil || looked < 50_000 || !bytes.Contains(register, []byte("DUPONT")) {
		t.Errorf("looked through %d bytes: %v", looked, err)
	}
}

// TestBadCards has a login fail for each family of bad cards, each for its own reason, which is that of the table of cards.
func TestBadCards(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	for persona, reason := range map[string]string{
		"clone":                 "card-refused chip-not-genuine",
		"clone-lazy":            "card-refused chip-not-genuine",
		"clone-no-dg14":         "card-refused chip-authentication-hidden",
		"own-pki":               "card-refused unknown-issuer",
		"own-key-dg14":          "card-refused dg-hash-mismatch",
		"tampered-dg1":          "card-refused dg-hash-mismatch",
		"cardaccess-downgraded": "card-refused card-access-mismatch",
		"ds-revoked":            "card-refused ds-revoked",
		"ds-expired-at-signing": "card-refused ds-expired-at-signing",
		"ds-other-country":      "card-refused country-mismatch",
		"expired":               "card-refused document-expired",
		"sod-no-ds":             "card-refused no-signer-certificate",
		"sod-sha1":              "card-refused weak-digest",
		"sod-rsa-e3":            "card-refused weak-key",
		"sod-unknown-curve":     "card-refused unsupported-key",
		"dg14-off-curve":        "card-refused bad-chip-key",
		"tlv-nested":            "card-refused malformed-evidence",
		"tlv-past-end":          "card-fault",
		"pace-key-off-curve":    "card-fault",
		"wrong-can":             "can-wrong",
		"blocked-can":           "can-blocked",
		"removed-mid-apdu":      "card-removed",
		"non-icao":              "not-identity-card",
		"foreign":               "identity-unknown identity-unknown", // genuine, and a stranger to the civil register
	} {
		t.Run(persona, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r, all := w.login(t, "--card", persona)
			o := all[len(all)-1]
			if r.code != 1 || o.OK || o.ACR+o.Sub != "" || o.Error != "pairing: pivot pair: "+reason {
				t.Errorf("exit code %d, %+v, want %q\n%s", r.code, o, reason, r.err)
			}
			w.audit(t)
		})
	}
	t.Run("another number typed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r, all := w.login(t, "--can", "654321")
		if o := all[0]; r.code != 1 || o.OK || !strings.HasSuffix(o.Error, ": can-wrong") {
			t.Errorf("exit code %d, %+v", r.code, o)
		}
		// Nothing is left of it: the right number succeeds, in the same folder.
		if r, all := w.login(t); r.code != 0 || !all[0].OK {
			t.Errorf("afterwards: exit code %d, %+v\n%s", r.code, all, r.err)
		}
	})
}
