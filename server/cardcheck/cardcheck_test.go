package cardcheck_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pivot/assets"
	"pivot/cardreader/cardsim"
	"pivot/cardreader/cardsim/simtest"
	"pivot/cardreader/pace"
	"pivot/cardreader/session"
	"pivot/server/cardcheck"
	"pivot/shared/mrtd"
)

// trust writes the simulated State's authorities to a folder.
func trust(tb testing.TB) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := simtest.PKI(tb).Save(dir); err != nil {
		tb.Fatal(err)
	}
	return dir
}

func load(tb testing.TB, dir string) *cardcheck.Verifier {
	tb.Helper()
	v, err := cardcheck.Load(cardcheck.Options{Anchors: dir, Now: simtest.Now})
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// inProcess is a simulated card without reader.
type inProcess struct{ *cardsim.Card }

func (c inProcess) Reset(context.Context) error {
	c.Power(true)
	return nil
}

// judge passes what the session asks to a check.
type judge struct {
	check  *cardcheck.Check
	memory []byte
}

func (j judge) Challenge(_ context.Context, e session.Evidence, r session.Reach) (session.Challenge, error) {
	if j.memory != nil && len(e.SOD) == 0 {
		c, err := j.check.Recall(j.memory, cardcheck.Reach(r))
		return session.Challenge(c), err
	}
	c, err := j.check.Open(cardcheck.Evidence(e), cardcheck.Reach(r))
	return session.Challenge(c), err
}

func (j judge) Answer(_ context.Context, responses [][]byte) error { return j.check.Judge(responses) }

func prove(tb testing.TB, persona string, j judge) error {
	tb.Helper()
	p, err := cardsim.FindPersona(persona)
	if err != nil {
		tb.Fatal(err)
	}
	can, err := pace.CAN([]byte(p.CAN))
	if err != nil {
		tb.Fatal(err)
	}
	return session.Prove(tb.Context(), inProcess{simtest.Card(tb, persona)}, session.Request{
		Password: can, Known: j.memory != nil, Groups: []int{13, 2},
	}, j)
}

func TestReportOfAGenuineCard(t *testing.T) {
	t.Parallel()
	c := load(t, trust(t)).Begin(13, 2)
	if err := prove(t, "genuine", judge{check: c}); err != nil {
		t.Fatal(err)
	}
	r := c.Report()
	if !r.Genuine || r.Reason != "" || r.Step != "" || c.Again() != cardcheck.Never {
		t.Errorf("genuine %v, reason %q at %q", r.Genuine, r.Reason, r.Step)
	}
	for _, s := range r.Steps {
		if s.State != cardcheck.Held {
			t.Errorf("step %s: %s", s.Name, s.State)
		}
	}
	want := cardcheck.Holder{
		Surname: "DUPONT", GivenNames: "HELENE FRANCOISE", Birth: "1985-03-14", Sex: "F", Nationality: "FRA",
		BirthPlace: "LYON 3E ARRONDISSEMENT, 69", Address: "12 RUE DES LILAS, 69003, LYON, FR, FRANCE",
	}
	if r.Holder != want {
		t.Errorf("holder %+v", r.Holder)
	}
	if r.Document.State != "FRA" || r.Document.Code != "ID" || r.Document.Number == "" || r.Document.Expiry < "2030" {
		t.Errorf("document %+v", r.Document)
	}
	if len(r.Path) != 2 || !strings.Contains(r.Path[1].Subject, "TEST eID-FRANCE") || r.CRL != "fresh" {
		t.Errorf("path %v, list %s", r.Path, r.CRL)
	}
	if r.Protocol != "CA-ECDH AES-256 brainpoolP256r1" {
		t.Errorf("protocol %q", r.Protocol)
	}
	if r.Portrait.Format != mrtd.JPEG2000 || len(r.Memory) == 0 {
		t.Errorf("portrait %v, memory of %d bytes", r.Portrait.Format, len(r.Memory))
	}
}

// TestReportOfARefusedCard holds that all before the refused step held, and that nothing of the holder is told.
func TestReportOfARefusedCard(t *testing.T) {
	t.Parallel()
	for persona, step := range map[string]string{
		"sod-two-signers": "structure", "own-pki": "signer", "sod-sha1": "signature", "own-key-dg14": "chip-key",
		"cardaccess-downgraded": "card-access", "clone": "chip", "tampered-dg1": "data-groups", "expired": "document",
	} {
		t.Run(persona, func(t *testing.T) {
			t.Parallel()
			c := load(t, trust(t)).Begin(13, 2)
			if prove(t, persona, judge{check: c}) == nil {
				t.Fatal("accepted")
			}
			r := c.Report()
			if r.Genuine || r.Step != step || r.Reason == "" {
				t.Errorf("genuine %v, refused at %q for %q", r.Genuine, r.Step, r.Reason)
			}
			if r.Holder != (cardcheck.Holder{}) || r.Document != (cardcheck.Document{}) || r.Memory != nil {
				t.Error("a refused card tells of its holder")
			}
			before := true
			for _, s := range r.Steps {
				want := cardcheck.NotReached
				switch {
				case s.Name == step:
					want, before = cardcheck.Refused, false
				case before:
					want = cardcheck.Held
				}
				if s.State != want {
					t.Errorf("step %s: %s, want %s", s.Name, s.State, want)
				}
			}
		})
	}
}

func TestChallengeIsJudgedOnce(t *testing.T) {
	t.Parallel()
	c := load(t, trust(t)).Begin()
	if err := c.Judge(nil); err == nil {
		t.Error("judged without a challenge")
	}
	if err := prove(t, "genuine", judge{check: c}); err != nil {
		t.Fatal(err)
	}
	if err := c.Judge(nil); err == nil {
		t.Error("judged twice")
	}
	if !c.Report().Genuine {
		t.Error("a call out of turn changed the report")
	}
}

func TestRecall(t *testing.T) {
	t.Parallel()
	v := load(t, trust(t))
	first := v.Begin()
	if err := prove(t, "genuine", judge{check: first}); err != nil {
		t.Fatal(err)
	}
	again := v.Begin()
	if err := prove(t, "genuine", judge{check: again, memory: first.Report().Memory}); err != nil {
		t.Fatal(err)
	}
	if a, b := first.Report().Holder.Surname, again.Report().Holder.Surname; a != b || a == "" {
		t.Errorf("read %q, then %q", a, b)
	}
	other := v.Begin()
	if err := prove(t, "clone", judge{check: other, memory: first.Report().Memory}); err == nil {
		t.Error("a copy passes for the known card")
	}
	if other.Again() != cardcheck.Files {
		t.Errorf("remedy %v, want the files", other.Again())
	}
}

func TestAnchorFolder(t *testing.T) {
	t.Parallel()
	write := func(name, content string) func(testing.TB, string) {
		return func(tb testing.TB, dir string) {
			tb.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				tb.Fatal(err)
			}
		}
	}
	remove := func(name string) func(testing.TB, string) {
		return func(tb testing.TB, dir string) {
			tb.Helper()
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				tb.Fatal(err)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		change func(testing.TB, string)
		want   string // in the error; empty when accepted
	}{
		{"as written", func(testing.TB, string) {}, ""},
		{"no link certificates", remove("link"), ""},
		{"no revocation lists", remove("crl"), ""},
		{"a note beside the certificates", write("csca/README.txt", "hello"), ""},
		{"no authorities", remove("csca"), "csca"},
		{"an unreadable authority", write("csca/x.pem", "hello"), "x.pem"},
		{"a key among the authorities", write("csca/x.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "PRIVATE KEY"},
		{"an unreadable list", write("crl/x.crl", "hello"), "x.crl"},
		{"a huge file", write("csca/x.pem", strings.Repeat("x", 9<<20)), "x.pem"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := trust(t)
			tc.change(t, dir)
			_, err := cardcheck.Load(cardcheck.Options{Anchors: dir})
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
	if _, err := cardcheck.Load(cardcheck.Options{Anchors: filepath.Join(t.TempDir(), "nothing")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestNoAnchorsRefusesEverything(t *testing.T) {
	t.Parallel()
	c := load(t, "").Begin()
	if err := prove(t, "genuine", judge{check: c}); err == nil || c.Report().Reason != "unknown-issuer" {
		t.Errorf("error %v, reason %q", err, c.Report().Reason)
	}
}

func TestOtherStates(t *testing.T) {
	t.Parallel()
	dir := trust(t)
	c := load(t, dir).Begin()
	if err := prove(t, "foreign", judge{check: c}); err == nil || c.Report().Reason != "document-not-accepted" {
		t.Errorf("a card of another State: error %v, reason %q", err, c.Report().Reason)
	}
	v, err := cardcheck.Load(cardcheck.Options{
		Anchors: dir, Now: simtest.Now, Issuers: []cardcheck.Issuer{{State: "UTO", Country: "UT", Codes: []string{"ID"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(t, "foreign", judge{check: v.Begin()}); err != nil {
		t.Errorf("accepted by name: %v", err)
	}
}

func TestAlarmsAndAnchorsAreTold(t *testing.T) {
	t.Parallel()
	dir := trust(t)
	v := load(t, dir)
	if len(v.Alarms()) != 0 || len(v.Anchors()) != len(simtest.PKI(t).Roots()) {
		t.Errorf("%d anchors, alarms %v", len(v.Anchors()), v.Alarms())
	}
	if err := os.WriteFile(filepath.Join(dir, "crl", "foreign.crl"), simtest.PKI(t).ForeignCRLs()[0], 0o600); err != nil {
		t.Fatal(err)
	}
	if got := load(t, dir).Alarms(); len(got) != 1 || !strings.Contains(got[0], "crl-untrusted") {
		t.Errorf("alarms %q", got)
	}
}

// TestEveryReasonIsSaid reads the reasons off the verifier's source, so that none can be forgotten in a catalogue.
func TestEveryReasonIsSaid(t *testing.T) {
	t.Parallel()
	reasons := append(constants(t, "../internal/verify/card/refusal.go"), constants(t, "../internal/verify/csca/reason.go")...)
	reasons = append(reasons, "crl-stale", "crl-absent")
	if len(reasons) < 30 {
		t.Fatalf("%d reasons found", len(reasons))
	}
	for _, lang := range assets.Languages() {
		s, err := assets.NewSpeaker(lang.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range reasons {
			if alarm := r == "crl-untrusted" || r == "link-untrusted"; !alarm && !s.Has("reason."+r) {
				t.Errorf("%v: no sentence for %s", lang, r)
			}
		}
		for _, step := range load(t, "").Begin().Report().Steps {
			if !s.Has("step." + step.Name) {
				t.Errorf("%v: no sentence for step %s", lang, step.Name)
			}
		}
		for _, state := range []cardcheck.State{cardcheck.Held, cardcheck.Refused, cardcheck.NotReached} {
			if !s.Has("state." + string(state)) {
				t.Errorf("%v: no word for %s", lang, state)
			}
		}
	}
}

// constants returns the string constants of type Reason in a file.
func constants(tb testing.TB, file string) []string {
	tb.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if t, ok := spec.Type.(*ast.Ident); ok && t.Name == "Reason" {
			for _, v := range spec.Values {
				word, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					tb.Fatal(err)
				}
				out = append(out, word)
			}
		}
		return true
	})
	slices.Sort(out)
	return slices.Compact(out)
}

func TestSpentIsCounted(t *testing.T) {
	t.Parallel()
	c := load(t, trust(t)).Begin()
	if c.Spent() != 0 {
		t.Error("time spent before anything was done")
	}
	if err := prove(t, "genuine", judge{check: c}); err != nil {
		t.Fatal(err)
	}
	if c.Spent() <= 0 || c.Spent() > time.Minute {
		t.Errorf("spent %v", c.Spent())
	}
}
