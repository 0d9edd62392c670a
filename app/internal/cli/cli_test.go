package cli_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/app/internal/cli"
	"pivot/cardreader/cardsim/simtest"
)

// TestMain sends PC/SC to a socket where no service is: these tests are about what the command line says without one.
// No profile is in the folder that they use, and nothing of the session's own settings counts.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "pivot-home")
	if err != nil {
		panic("internal error: " + err.Error())
	}
	for name, value := range map[string]string{
		"PCSCLITE_CSOCK_NAME": "/nonexistent/pcscd.comm", "PIVOT_HOME": home, "PIVOT_KEYSTORE": "file",
		"PIVOT_BROKER": "", "PIVOT_CAN": "", "PIVOT_PIN": "", "PIVOT_NEW_PIN": "",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic("internal error: " + err.Error())
		}
	}
	code := m.Run()
	_ = os.RemoveAll(home)
	os.Exit(code)
}

type output struct {
	code     int
	out, err string
}

// run runs a command with nothing to read and French as the session's language.
func run(tb testing.TB, args ...string) output {
	tb.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		tb.Fatal(err)
	}
	defer null.Close()
	var stdout, stderr strings.Builder
	code := cli.Run(tb.Context(), args, cli.Stdio{In: null, Out: &stdout, Err: &stderr, Languages: []string{"", "", "fr_FR.UTF-8"}})
	return output{code, stdout.String(), stderr.String()}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		args []string
		code int
		want string // on either output
	}{
		{"nothing, and no window", nil, 2, "n'a pas de fenêtre"},
		{"nothing, and no window: the commands", []string{"--lang", "en"}, 2, "Exit codes: 0 done"},
		{"help", []string{"--help"}, 0, "Exit codes: 0 done"},
		{"help of a command", []string{"card", "read", "--help"}, 0, "--portrait"},
		{"version", []string{"version"}, 0, "pivot"},
		{"unknown command", []string{"card", "eat"}, 2, "eat"},
		{"unknown flag", []string{"card", "read", "--pin", "1"}, 2, "--pin"},
		{"no access number", []string{"card", "read"}, 2, "Le numéro d'accès de la carte manque"},
		{"no access number, in English", []string{"--lang", "en", "card", "read"}, 2, "The card access number is missing"},
		{"access number of five digits", []string{"card", "read", "--can", "98765"}, 2, "compte six chiffres"},
		{"access number with a letter", []string{"card", "read", "--can", "98765a", "--lang", "en"}, 2, "has six digits"},
		{"access number expected on an empty input", []string{"card", "read", "--can", "-"}, 2, "compte six chiffres"},
		{"anchors that are not there", []string{"card", "read", "--can", "987654", "--anchors", "/nonexistent/anchors"}, 2, "/nonexistent/anchors/csca"},
		{"a State without a country", []string{"card", "read", "--can", "987654", "--accept", "UTO"}, 2, "STATE:COUNTRY:CODE"},
		{"a wait that is none", []string{"card", "read", "--can", "987654", "--wait", "soon"}, 2, "--wait"},
		{"status of nothing", []string{"status"}, 0, "n'est associé à aucun service"},
		{"status of nothing, for machines", []string{"status", "--json"}, 0, `{"brokers":[],"ok":true}`},
		{"a forgotten secret code", []string{"pin", "forgot", "--lang", "en"}, 0, "pair this computer again with your card"},
		{"a login, never paired", []string{"approve", "ABCD-EFGH-JKMN", "--headless"}, 2, "n'est pas associé"},
		{"a login, for machines", []string{"approve", "ABCD-EFGH-JKMN", "--json"}, 2, `"problem":"not-paired"`},
		{"a login by a code of another kind", []string{"approve", "ABCD-EFGH", "--headless", "--json"}, 2, `"problem":"code-malformed"`},
		{"a login without code", []string{"approve", "--headless", "--json"}, 2, `"problem":"start-code-missing"`},
		{"a login by a link that is none", []string{"approve", "pivot:approve", "--json"}, 2, `"problem":"link-malformed"`},
		{"two decisions", []string{"approve", "--yes", "--refuse"}, 2, "--yes"},
		{"pairing without broker", []string{"pair", "ABCD-EFGH", "--headless"}, 2, "L'adresse du service Pivot manque"},
		{"pairing with no broker's address", []string{"pair", "ABCD-EFGH", "--broker", "ftp://x", "--json"}, 2, `"problem"`},
		{"pairing, offline", []string{"pair", "ABCD-EFGH", "--broker", "http://127.0.0.1:1", "--json"}, 7, `"problem":"offline"`},
		{"a desk, never paired", []string{"activate", "ABCD-EFGH"}, 2, "n'est pas associé"},
		{"a new secret code, never paired", []string{"pin", "change"}, 2, "n'est pas associé"},
		{"a link without window", []string{"open", "https://elsewhere.example"}, 2, "n'est pas un lien de Pivot"},
		{"no service", []string{"card", "read", "--can", "987654"}, 3, ""},
		{"doctor, no service", []string{"card", "doctor"}, 3, "aucune autorité n'est chargée"},
		{"doctor, in English", []string{"card", "doctor", "--lang", "en"}, 3, "no authority is loaded"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := run(t, tc.args...)
			if o.code != tc.code {
				t.Errorf("exit code %d, want %d\n%s%s", o.code, tc.code, o.out, o.err)
			}
			if !strings.Contains(o.out+o.err, tc.want) {
				t.Errorf("does not say %q:\n%s%s", tc.want, o.out, o.err)
			}
			if strings.Contains(o.out+o.err, "98765") {
				t.Errorf("repeats what was typed:\n%s%s", o.out, o.err)
			}
		})
	}
}

// TestNoServiceIsExplained has the sentence for people and the word for machines.
func TestNoServiceIsExplained(t *testing.T) {
	t.Parallel()
	o := run(t, "card", "read", "--can", "987654", "--json")
	var r struct {
		OK      bool
		Problem string
	}
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatalf("%v in %q", err, o.out)
	}
	if r.OK || r.Problem != "no-service" && r.Problem != "not-built" {
		t.Errorf("%+v", r)
	}
	for lang, words := range map[string][]string{
		"fr": {"Le service de lecture de cartes ne répond pas", "construit sans lecture de cartes"},
		"en": {"The smart card service does not answer", "built without card reading"},
	} {
		o := run(t, "card", "read", "--can", "987654", "--lang", lang)
		if !strings.Contains(o.out, words[0]) && !strings.Contains(o.out, words[1]) {
			t.Errorf("%s: %q", lang, o.out)
		}
	}
}

func TestDoctorNamesTheAnchors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := simtest.PKI(t).Save(dir); err != nil {
		t.Fatal(err)
	}
	o := run(t, "card", "doctor", "--anchors", dir, "--lang", "en")
	for _, want := range []string{"TEST eID-FRANCE", "WARNING: test authority", "Recognised authorities: ok", "Something is left to settle."} {
		if !strings.Contains(o.out, want) {
			t.Errorf("does not say %q:\n%s", want, o.out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "crl", "foreign.crl"), simtest.PKI(t).ForeignCRLs()[0], 0o600); err != nil {
		t.Fatal(err)
	}
	o = run(t, "card", "doctor", "--anchors", dir, "--json")
	var report struct {
		OK       bool
		Findings []struct {
			Name  string
			OK    bool
			Notes []string
		}
	}
	if err := json.Unmarshal([]byte(o.out), &report); err != nil {
		t.Fatalf("%v in %q", err, o.out)
	}
	last := report.Findings[len(report.Findings)-1]
	if report.OK || last.Name != "anchors" || last.OK || !strings.Contains(strings.Join(last.Notes, "\n"), "crl-untrusted") {
		t.Errorf("a list that nobody signed is not told: %+v", last)
	}
}
