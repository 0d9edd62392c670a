package txn_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// misuses are what a mistaken or hurried caller could write, in a function that is given one state of each kind; each
// comes with what the compiler says of it.
var misuses = []struct{ name, code, want string }{
	{"skip the proof", `w.Consent(txn.NoticeConsented, browser, now)`, "w.Consent undefined"},
	{"a code without proof", `w.Grant(code, browser, now)`, "w.Grant undefined"},
	{"skip the consent", `p.Grant(code, browser, now)`, "p.Grant undefined"},
	{"redeem what was not granted", `c.Redeem(txn.Redemption{}, now)`, "c.Redeem undefined"},
	{"a token before the code", `g.Use(now)`, "g.Use undefined"},
	{"grant again", `g.Grant(code, browser, now)`, "g.Grant undefined"},
	{"redeem again", `r.Redeem(txn.Redemption{}, now)`, "r.Redeem undefined"},
	{"prove again", `p.Prove(proof, policy, who, now)`, "p.Prove undefined"},
	{"replay what was not redeemed", `g.Replay(now)`, "g.Replay undefined"},
	{"go on after the end", `e.Refuse(txn.ReasonExpired, now)`, "e.Refuse undefined"},
	{"take a state's name for its type", `var s txn.State = w; s.Grant(code, browser, now)`, "s.Grant undefined"},
	{"identity without proof", `w.Identity()`, "w.Identity undefined"},
	{"identity after the end", `e.Identity()`, "e.Identity undefined"},
	{"level without proof", `w.Level()`, "w.Level undefined"},

	{"convert a waiting login", `_ = txn.Proven(w)`, "cannot convert w"},
	{"convert to consented", `_ = txn.Consented(p)`, "cannot convert p"},
	{"convert to granted", `_ = txn.Granted(c)`, "cannot convert c"},
	{"convert past the consent", `_ = txn.Granted(p)`, "cannot convert p"},
	{"convert to redeemed", `_ = txn.Redeemed(g)`, "cannot convert g"},
	{"convert through a pointer", `_ = (*txn.Granted)(&p)`, "cannot convert &p"},
	{"wake the ended", `_ = txn.Waiting(e)`, "cannot convert e"},

	{"fill a state", `_ = txn.Proven{Account: "a"}`, "unknown field Account"},
	{"fill an embedded part", `_ = txn.Granted{attested: p}`, "attested"},
	{"raise the level", `p.level = 3`, "p.level undefined"},
	{"extend the life", `g.expires = now`, "g.expires undefined"},
	{"fill an identifier", `_ = txn.ID{raw: code}`, "raw"},
	{"fill a request", `_ = txn.Request{params: txn.Params{}}`, "params"},

	{"make a proof", `_ = verify.Proof{Account: "a"}`, "unknown field Account"},
	{"fill a proof", `_ = verify.Proof{account: "a"}`, "account"},
	{"a proof of one's own", `w.Prove(struct{}{}, policy, who, now)`, "cannot use struct{}{}"},
	{"prove without policy", `w.Prove(proof, who, now)`, "not enough arguments"},
	{"consent without browser", `p.Consent(txn.NoticeConsented, now)`, "not enough arguments"},
	{"a state of one's own", `type mine struct{}; var _ txn.State = mine{}`, "does not implement"},
	{"raise a level in a policy", `policy.ceilings["card-alone"] = 3`, "policy.ceilings undefined"},
}

// scaffold is the function that a misuse stands in.
const scaffold = `package misuse

import (
	"time"

	"pivot/server/internal/assurance"
	"pivot/server/internal/identity"
	"pivot/server/internal/txn"
	"pivot/server/internal/verify"
)

func step(w txn.Waiting, p txn.Proven, c txn.Consented, g txn.Granted, r txn.Redeemed, e txn.Ended,
	proof verify.Proof, policy assurance.Policy, who identity.Identity, code, browser [32]byte, now time.Time) {
	%s
}
`

// TestMisuseDoesNotCompile has the compiler's type checker look at each misuse, beside the same calls in their order.
func TestMisuseDoesNotCompile(t *testing.T) {
	t.Parallel()
	check := checker(t)
	const inOrder = `
	w.Prove(proof, policy, who, now)
	p.Consent(txn.NoticeConsented, browser, now)
	c.Grant(code, browser, now)
	g.Redeem(txn.Redemption{Client: "c"}, now)
	r.Use(now)
	r.Replay(now)
	w.Refuse(txn.ReasonCancelled, now)
	_ = p.Identity()
	_ = e.Reason()
	_ = txn.ID{}
	var _ txn.State = w`
	if err := check(inOrder); err != nil {
		t.Fatalf("in order: %v", err)
	}
	for _, m := range misuses {
		if err := check(m.code); err == nil || !strings.Contains(err.Error(), m.want) {
			t.Errorf("%s: the compiler says %v, want %q", m.name, err, m.want)
		}
	}
}

// TestProofCannotBeImported: the package that makes proofs is closed to this one, by the rule of internal packages.
func TestProofCannotBeImported(t *testing.T) {
	t.Parallel()
	const maker = "pivot/server/internal/verify/internal/proof"
	out, err := exec.CommandContext(t.Context(), goTool(t), "list", "-f", "{{.ImportPath}}", maker).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != maker {
		t.Fatalf("%s, %v", out, err) // it exists, or the rule would be empty
	}
	dir := t.TempDir()
	source, overlay := dir+"/forge.go", dir+"/overlay.json"
	write := func(name, content string) {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	build := func(imported string) (string, error) {
		write(source, "package txn\n\nimport _ \""+imported+"\"\n")
		write(overlay, fmt.Sprintf(`{"Replace": {%q: %q}}`, here+"/forge.go", source))
		out, err := exec.CommandContext(t.Context(), goTool(t), "list", "-overlay", overlay, "-deps", ".").CombinedOutput()
		return string(out), err
	}
	if out, err := build("pivot/server/internal/verify"); err != nil {
		t.Fatalf("the type's own package: %s, %v", out, err)
	}
	if out, err := build(maker); err == nil || !strings.Contains(out, "use of internal package "+maker+" not allowed") {
		t.Errorf("importing what makes proofs: %s, %v", out, err)
	}
}

func goTool(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("go")
	if err != nil {
		t.Skipf("the go command is not at hand: %v", err)
	}
	return path
}

// checker returns a type checker of function bodies, which reads the packages as they were compiled for this test.
func checker(t *testing.T) func(body string) error {
	t.Helper()
	command := exec.CommandContext(t.Context(), goTool(t), "list", "-export", "-deps", "-f", "{{.ImportPath}}={{.Export}}", ".")
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, problems.String())
	}
	exports := make(map[string]string)
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		path, file, _ := strings.Cut(lines.Text(), "=")
		exports[path] = file
	}
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", func(path string) (io.ReadCloser, error) {
		if exports[path] == "" {
			return nil, fmt.Errorf("no export data of %q", path)
		}
		return os.Open(exports[path])
	})
	return func(body string) error {
		file, err := parser.ParseFile(files, "misuse.go", fmt.Sprintf(scaffold, body), 0)
		if err != nil {
			return fmt.Errorf("not Go at all: %w", err)
		}
		var found []error
		config := types.Config{Importer: imports, Error: func(err error) { found = append(found, err) }}
		_, err = config.Check("misuse", files, []*ast.File{file}, nil)
		if err != nil && len(found) == 0 {
			found = append(found, err)
		}
		return errors.Join(found...)
	}
}
