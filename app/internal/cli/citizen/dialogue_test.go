package citizen

// These tests are inside the package because a dialogue is otherwise met only behind a broker, and the broker and the card
// of the tests belong to package flow.

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pivot/app/internal/flow"
	"pivot/assets"
	"pivot/cardreader/session"
	"pivot/shared/wire"
)

// scene is a dialogue whose citizen types these lines.
func scene(t *testing.T, typed string) (*dialogue, *strings.Builder) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "typed")
	if err := os.WriteFile(file, []byte(typed), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close() })
	speaker, err := assets.NewSpeaker("en")
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	return &dialogue{env: &Env{In: in, Out: &said, Err: &said, Speaker: speaker}}, &said
}

var request = wire.Request{
	Service: wire.Service{Name: "Caisse d'essai"}, Level: "eidas3", Browser: "Firefox, Linux", Place: "192.0.2.7",
	Claims: []wire.ClaimGroup{{Provider: "Your identity", Labels: []string{"Birth name", "Sex"}}},
}

func TestTypedAnswers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, typed string
		kind        flow.Kind
		approve     bool
		reason      string
		secret      string
		text        string
		err         error
	}{
		{name: "yes", typed: "yes\n", kind: flow.AskApprove, approve: true},
		{name: "YES", typed: " YES \n", kind: flow.AskApprove, approve: true},
		{name: "enter alone never approves", typed: "\n", kind: flow.AskApprove},
		{name: "y is not yes", typed: "y\n", kind: flow.AskApprove},
		{name: "not me", typed: "Not  me\n", kind: flow.AskApprove, reason: flow.RefusedNotMine},
		{name: "the end of the input", typed: "", kind: flow.AskApprove, err: flow.ErrCancelled},
		{name: "try again", typed: "yes\n", kind: flow.AskRetry, approve: true},
		{name: "do not", typed: "no\n", kind: flow.AskReplace},
		{name: "secret", typed: "274913\r\n", kind: flow.AskPIN, secret: "274913"},
		{name: "secret without end of line", typed: "123456", kind: flow.AskCAN, secret: "123456"},
		{name: "code", typed: "abcd efgh\n", kind: flow.AskPairCode, text: "abcd efgh"},
		{name: "a line without end", typed: strings.Repeat("1", 5000), kind: flow.AskDeskCode, err: flow.ErrCancelled},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d, _ := scene(t, tc.typed)
			a, err := d.Ask(t.Context(), flow.Question{Kind: tc.kind, Request: &request})
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v", err)
			}
			if a.Approve != tc.approve || a.Reason != tc.reason || string(a.Secret) != tc.secret || a.Text != tc.text {
				t.Errorf("approve %v, reason %q, text %q", a.Approve, a.Reason, a.Text)
			}
		})
	}
}

// TestRequestIsShownWhole holds that nothing of what is approved goes unsaid, whoever decides.
func TestRequestIsShownWhole(t *testing.T) {
	t.Parallel()
	for _, decide := range []decision{{}, {approve: true}, {refuse: true}, {notMine: true}} {
		d, said := scene(t, "no\n")
		d.decide = decide
		a, err := d.Ask(t.Context(), flow.Question{Kind: flow.AskApprove, Request: &request})
		if err != nil || a.Approve != decide.approve || (a.Reason == flow.RefusedNotMine) != decide.notMine {
			t.Errorf("%+v: approve %v, reason %q, %v", decide, a.Approve, a.Reason, err)
		}
		for _, want := range []string{"Caisse d'essai", "high", "Your identity: Birth name, Sex", "Firefox, Linux", "192.0.2.7"} {
			if !strings.Contains(said.String(), want) {
				t.Errorf("%+v: does not say %q: %s", decide, want, said)
			}
		}
	}
}

// TestHeadlessAnswersOnce holds that what was refused is never tried again.
func TestHeadlessAnswersOnce(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("274913\nignored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []flow.Kind{flow.AskCAN, flow.AskPIN, flow.AskNewPIN} {
		d, said := scene(t, "never read\n")
		d.secrets, d.canFile, d.newPINFile = secretFlags{Headless: true, PINFile: file}, file, file
		a, err := d.Ask(t.Context(), flow.Question{Kind: kind})
		if err != nil || string(a.Secret) != "274913" {
			t.Errorf("%s: %v", kind, err)
		}
		if kind == flow.AskNewPIN {
			if a, err = d.Ask(t.Context(), flow.Question{Kind: flow.AskRepeatPIN}); err != nil || string(a.Secret) != "274913" {
				t.Errorf("repeated: %v", err)
			}
		}
		if _, err = d.Ask(t.Context(), flow.Question{Kind: kind, Again: "problem.can-wrong", TriesLeft: new(2)}); !errors.Is(err, flow.ErrCancelled) {
			t.Errorf("%s again: %v", kind, err)
		}
		if kind != flow.AskNewPIN && !strings.Contains(said.String(), "2 tries are left") {
			t.Errorf("%s: the tries are not said: %s", kind, said)
		}
		if strings.Contains(said.String(), "274913") {
			t.Errorf("%s is repeated", kind)
		}
	}
}

func TestHeadlessSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for kind, want := range map[flow.Kind]string{
		flow.AskStartCode: "start-code-missing", flow.AskApprove: "approve-missing", flow.AskDeskCode: "desk-code-missing",
	} {
		d, said := scene(t, "yes\n")
		d.secrets.Headless = true
		_, err := d.Ask(t.Context(), flow.Question{Kind: kind, Request: &request})
		f, ok := errors.AsType[*flow.Failure](err)
		if !ok || f.Problem != want || f.Cause != flow.CauseUsage || !d.env.Speaker.Has(f.Message) {
			t.Errorf("%s: %v", kind, err)
		}
		if !strings.Contains(said.String(), "is missing") {
			t.Errorf("%s: says %q", kind, said)
		}
	}
	d, _ := scene(t, "yes\n")
	d.secrets.Headless = true
	if _, err := d.Ask(t.Context(), flow.Question{Kind: flow.AskRetry, Again: "problem.card-mute"}); !errors.Is(err, flow.ErrCancelled) {
		t.Errorf("retry: %v", err)
	}
}

func TestStandardInputTakesLines(t *testing.T) {
	t.Parallel()
	d, _ := scene(t, "274913\n830417\n")
	d.secrets, d.newPINFile, d.changing = secretFlags{Headless: true, PINFile: "-"}, "-", true
	for kind, want := range map[flow.Kind]string{flow.AskPIN: "274913"} {
		if a, err := d.Ask(t.Context(), flow.Question{Kind: kind}); err != nil || string(a.Secret) != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if a, err := d.Ask(t.Context(), flow.Question{Kind: flow.AskNewPIN}); err != nil || string(a.Secret) != "830417" {
		t.Errorf("the second line: %v", err)
	}
}

// TestEndTakesThePromptAway has the ceremony end while the keyboard is waited for.
func TestEndTakesThePromptAway(t *testing.T) {
	t.Parallel()
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close() // ends the reading that was left alone
	d, _ := scene(t, "")
	d.env.In = in
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Ask(ctx, flow.Question{Kind: flow.AskStartCode}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestShowSaysWhatIsNew(t *testing.T) {
	t.Parallel()
	d, said := scene(t, "")
	card := flow.View{Step: flow.StepCard}
	lacking, reading := card, card
	lacking.Problem = "problem.no-card"
	reading.Progress = session.Progress{Stage: session.StageUnlock}
	for _, v := range []flow.View{
		{Step: flow.StepCompare, ShortString: "123 456", Protection: "file"},
		{Step: flow.StepCompare, ShortString: "123 456", Protection: "file"},
		card, lacking, lacking, reading, reading,
		{Step: flow.StepDone},
	} {
		d.Show(v)
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	if len(lines) != 7 || !strings.Contains(lines[1], "123 456") || !strings.Contains(lines[4], "reader is empty") {
		t.Errorf("%d lines: %q", len(lines), lines)
	}
}

func TestEnds(t *testing.T) {
	t.Parallel()
	out := flow.Outcome{Service: "S", Level: "eidas3", Figures: flow.Figures{APDUs: 10, Card: 1500 * time.Microsecond, RoundTrips: 8}}
	for _, tc := range []struct {
		name string
		err  error
		code int
		want string // in words
	}{
		{"done", nil, 0, "well done"},
		{"refused", &flow.Failure{Cause: flow.CauseRefused, Problem: "card-refused", Reason: "document-expired", Message: "broker.card-refused", Detail: "reason.document-expired"}, 1, "The document has expired."},
		{"refused, in words that we lack", &flow.Failure{Cause: flow.CauseRefused, Problem: "busy", Reason: "so-there", Message: "broker.busy", Detail: "broker.busy.so-there"}, 1, "(so-there)"},
		{"usage", &flow.Failure{Cause: flow.CauseUsage, Problem: "profile", Message: "flow.profile", Err: errors.New("which file")}, 2, "which file"},
		{"card", &flow.Failure{Cause: flow.CauseCard, Problem: "card-mute", Message: "problem.card-mute"}, 3, "stopped answering"},
		{"access number", &flow.Failure{Cause: flow.CauseCAN, Problem: "can-wrong", Message: "problem.can-wrong", TriesLeft: new(1)}, 4, "1 try is left before the card"},
		{"secret code", &flow.Failure{Cause: flow.CausePIN, Problem: "pin-wrong", Message: "broker.pin-wrong", TriesLeft: new(3)}, 5, "3 tries are left before the secret code"},
		{"citizen", &flow.Failure{Cause: flow.CauseCitizen, Problem: "refused", Message: "flow.refused"}, 6, "You refused"},
		{"offline", &flow.Failure{Cause: flow.CauseOffline, Problem: "offline", Message: "flow.offline", ID: "incident-7"}, 7, "incident-7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, asJSON := range []bool{false, true} {
				d, said := scene(t, "")
				err := d.env.end(asJSON, out, tc.err, func() { said.WriteString("well done") })
				code, _ := errors.AsType[ExitError](err)
				if int(code) != tc.code || (err == nil) != (tc.code == 0) {
					t.Errorf("ends with %v", err)
				}
				if !asJSON {
					if !strings.Contains(said.String(), tc.want) {
						t.Errorf("says %q", said)
					}
					continue
				}
				var r map[string]any
				if err := json.Unmarshal([]byte(said.String()), &r); err != nil {
					t.Fatalf("%v in %q", err, said)
				}
				if r["ok"] != (tc.err == nil) || r["apdus"] != 10.0 || r["card_ms"] != 1.5 || r["level"] != "eidas3" {
					t.Errorf("%v", r)
				}
			}
		})
	}
}

// TestEverythingIsSaid holds that the words of this package are in the catalogue.
func TestEverythingIsSaid(t *testing.T) {
	t.Parallel()
	d, _ := scene(t, "")
	for _, name := range []string{"citizen.go", "commands.go", "dialogue.go"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(raw), `"cli.`) {
			id, _, _ := strings.Cut(part, `"`)
			if i > 0 && !strings.HasSuffix(id, "-") && !d.env.Speaker.Has("cli."+id) {
				t.Errorf("%s: no sentence for cli.%s", name, id)
			}
		}
	}
}
