package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pivot/cardreader/cardsim"
	"pivot/cardreader/readertest"
	"pivot/server/internal/demo"
)

// built remembers that programs were asked for.
var built atomic.Bool

// programs are the two binaries, built once.
var programs = sync.OnceValues(func() (string, error) {
	built.Store(true)
	dir, err := os.MkdirTemp("", "pivot-e2e")
	if err != nil {
		return "", err
	}
	for _, args := range [][]string{{"pivot-server", "pivot/server", "0"}, {"pivot", "pivot/app", "1"}} {
		cmd := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(dir, args[0]), args[1])
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+args[2])
		if out, err := cmd.CombinedOutput(); err != nil {
			return dir, errors.New(args[0] + ": " + string(out))
		}
	}
	return dir, nil
})

func TestMain(m *testing.M) {
	readertest.RunChild(demo.Players())
	code := m.Run()
	if built.Load() {
		dir, _ := programs() // an error leaves a folder all the same
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// needPrograms skips where the companion cannot be built with PC/SC or no private reader can be had.
func needPrograms(t *testing.T) string {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("skipped: private readers exist on Linux alone")
	}
	if out, err := exec.Command("go", "env", "CGO_ENABLED").Output(); err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Skip("skipped: the companion needs cgo for PC/SC")
	}
	if err := exec.Command("pkg-config", "--exists", "libpcsclite").Run(); err != nil {
		t.Skip("skipped: no headers of PC/SC (libpcsclite-dev)")
	}
	reader, err := readertest.Start(t.Context(), readertest.Options{})
	if errors.Is(err, readertest.ErrUnavailable) {
		t.Skipf("skipped: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	dir, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// world is a demo folder of its own: its sockets are apart, its test authorities those made for all.
type world struct{ bin, data string }

var authorities = sync.OnceValues(func() (string, error) {
	dir, err := programs()
	if err != nil {
		return "", err
	}
	pki, err := cardsim.NewPKI(time.Now())
	if err != nil {
		return "", err
	}
	trust := filepath.Join(dir, "trust")
	return trust, pki.Save(trust)
})

func newWorld(t *testing.T) world {
	t.Helper()
	bin := needPrograms(t)
	trust, err := authorities()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.MkdirTemp("", "e2e") // short: a socket lives below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(data) })
	if err := os.CopyFS(filepath.Join(data, "trust"), os.DirFS(trust)); err != nil {
		t.Fatal(err)
	}
	return world{bin, data}
}

type result struct {
	code     int
	out, err string
}

// read runs `pivot card read` beside a card in a real PC/SC daemon.
func (w world) read(t *testing.T, persona string, args ...string) result {
	t.Helper()
	return w.beside(t, persona, append([]string{filepath.Join(w.bin, "pivot"), "card", "read"}, args...)...)
}

func (w world) beside(t *testing.T, persona string, command ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.bin, "pivot-server"),
		append([]string{"demo", "--data", w.data, "--card", persona, "--"}, command...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=", "LANG=fr_FR.UTF-8")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// verdict is what `card read --json` prints, as far as these tests look.
type verdict struct {
	OK        bool
	Reason    string
	Problem   string
	TriesLeft *int `json:"tries_left"`
	Holder    struct{ Surname, GivenNames string }
	Known     bool
	APDUs     int
	Rounds    int
	CardMS    float64 `json:"card_ms"`
	VerifyMS  float64 `json:"verify_ms"`
}

func (r result) verdict(t *testing.T) verdict {
	t.Helper()
	var v verdict
	if err := json.Unmarshal([]byte(r.out), &v); err != nil {
		t.Fatalf("%v\n%s%s", err, r.out, r.err)
	}
	return v
}

// patient are the cards that take the real time that they take; TestPatience and TestEveryPersona play them in process.
var patient = []string{"slow", "slow-first", "mute"}

// TestEveryCardThroughPCSC has the companion read every simulated card through the real daemon.
func TestEveryCardThroughPCSC(t *testing.T) {
	t.Parallel()
	needPrograms(t)
	for _, p := range cardsim.Personas() {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			if slices.Contains(patient, p.Name) {
				t.Skip("skipped: takes up to a minute of real time; played in process on a clock that does not wait")
			}
			if p.Name == "atr-garbage" {
				p.Expect = "card-unresponsive" // the daemon does not connect to it
			}
			r := newWorld(t).read(t, p.Name, "--json")
			v := r.verdict(t)
			code := 0
			switch {
			case p.Expect == "":
			case v.Problem == "can-wrong":
				code = 4
			case v.Problem != "":
				code = 3
			default:
				code = 1
			}
			if got := v.Reason + v.Problem; got != p.Expect || r.code != code || v.OK != (p.Expect == "") {
				t.Errorf("%s: exit code %d, %q, want %d, %q\n%s%s", p.Doc, r.code, got, code, p.Expect, r.out, r.err)
			}
			if v.OK == (v.Holder.Surname == "") && p.Expect == "" {
				t.Errorf("no name: %s", r.out)
			}
			if !v.OK && v.Holder.Surname != "" {
				t.Errorf("a refused card's holder is told: %s", r.out)
			}
			if strings.Contains(r.out+r.err, p.CAN) {
				t.Errorf("the access number is printed:\n%s%s", r.out, r.err)
			}
		})
	}
}

func TestReadForPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for lang, words := range map[string][]string{
		"fr": {"Carte authentique.", "DUPONT", "HELENE FRANCOISE", "1985-03-14", "LYON 3E ARRONDISSEMENT", "TEST eID-FRANCE", "liste de révocation à jour"},
		"en": {"Genuine card.", "DUPONT", "Place of birth", "the chip is the original", "current revocation list"},
	} {
		r := w.read(t, "genuine", "--lang", lang)
		if r.code != 0 {
			t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
		}
		for _, word := range words {
			if !strings.Contains(r.out, word) {
				t.Errorf("%s: does not say %q:\n%s", lang, word, r.out)
			}
		}
	}
	r := w.read(t, "clone")
	for _, word := range []string{"Carte refusée.", "La puce n'est pas l'originale", "chip-not-genuine", "REFUSÉ"} {
		if r.code != 1 || !strings.Contains(r.out, word) {
			t.Errorf("clone: exit code %d, does not say %q:\n%s", r.code, word, r.out)
		}
	}
}

func TestWrongNumberForPeople(t *testing.T) {
	t.Parallel()
	r := newWorld(t).read(t, "genuine", "--can", "000000")
	for _, word := range []string{"n'est pas celui de la carte", "Il reste 2 essais"} {
		if r.code != 4 || !strings.Contains(r.out, word) {
			t.Errorf("exit code %d, does not say %q:\n%s", r.code, word, r.out)
		}
	}
}

// TestCommandsThroughPCSC counts commands: first time, short, then from memory.
func TestCommandsThroughPCSC(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	memory := filepath.Join(w.data, "memory")
	for _, tc := range []struct {
		name  string
		args  []string
		apdus int
		known bool
	}{
		{"first time", []string{"--memory", memory}, 12, false},
		{"short", []string{"--short"}, 21, false},
		{"known card", []string{"--memory", memory}, 10, true},
	} {
		v := w.read(t, "genuine", append(tc.args, "--json", "--no-details")...).verdict(t)
		t.Logf("%s: %d commands, card %.1f ms, verification %.1f ms", tc.name, v.APDUs, v.CardMS, v.VerifyMS)
		if !v.OK || v.APDUs > tc.apdus || v.Known != tc.known || v.Rounds != 1 {
			t.Errorf("%s: %+v, want at most %d commands", tc.name, v, tc.apdus)
		}
	}
	// Another card than the remembered one is read by its files.
	if v := w.read(t, "born-abroad", "--memory", memory, "--json").verdict(t); !v.OK || v.Known || v.Rounds != 2 {
		t.Errorf("another card: %+v", v)
	}
}

func TestPortrait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := filepath.Join(w.data, "portrait.png")
	if r := w.read(t, "genuine", "--portrait", name, "--json"); r.code != 0 {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	if size := img.Bounds().Size(); size.X < 150 || size.Y < 190 {
		t.Errorf("a portrait of %v", size)
	}
	if info, err := f.Stat(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.beside(t, "genuine", filepath.Join(w.bin, "pivot"), "card", "doctor")
	for _, word := range []string{"PACE-ECDH-GM AES-256 brainpoolP256r1", "PACE-ECDH-IM AES-256 brainpoolP256r1", "ATTENTION : autorité d'essai"} {
		if !strings.Contains(r.out, word) {
			t.Errorf("does not say %q:\n%s", word, r.out)
		}
	}
	if r := w.beside(t, "bank-card", filepath.Join(w.bin, "pivot"), "card", "doctor", "--lang", "en"); r.code != 3 {
		t.Errorf("bank card: exit code %d\n%s", r.code, r.out)
	}
}

func TestDemo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if r := w.beside(t, "no-such-card", "true"); r.code != 1 || !strings.Contains(r.err, "no-such-card") {
		t.Errorf("unknown card: exit code %d\n%s", r.code, r.err)
	}
	if r := w.beside(t, "genuine", "sh", "-c", "exit 7"); r.code != 7 {
		t.Errorf("the command's exit code: %d\n%s", r.code, r.err)
	}
	out, err := exec.Command(filepath.Join(w.bin, "pivot-server"), "demo", "--data", w.data, "--list").Output()
	if err != nil || !strings.Contains(string(out), "chip-not-genuine") {
		t.Errorf("list: %v\n%s", err, out)
	}
	raw, err := os.ReadFile(filepath.Join(w.data, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var described struct {
		Trust string
		Cards []struct{ Persona, CAN string }
	}
	if err := json.Unmarshal(raw, &described); err != nil || len(described.Cards) != len(cardsim.Personas()) || described.Trust == "" {
		t.Errorf("demo.json: %v, %d cards", err, len(described.Cards))
	}
}
