package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pivot/assets"
	"pivot/cardreader/readertest"
	"pivot/server/internal/demo"
)

// patience ends a test that hangs; nothing is measured by it.
const patience = time.Minute

// process is a program under way. It ends with the test.
type process struct {
	lines chan string // of its error output, or of its output where that is asked for
	ended chan struct{}
	stdin io.WriteCloser

	mu     sync.Mutex
	out    strings.Builder
	errors strings.Builder
	code   int // once ended
}

// launch starts a program. Its lines are those of its output when it speaks there, else of its error output.
func launch(t *testing.T, cmd *exec.Cmd, speaks bool) *process {
	t.Helper()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	p := &process{lines: make(chan string, 10_000), ended: make(chan struct{})}
	stdin, err0 := cmd.StdinPipe()
	stdout, err1 := cmd.StdoutPipe()
	stderr, err2 := cmd.StderrPipe()
	if err := errors.Join(err0, err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	var readers sync.WaitGroup
	read := func(from io.Reader, into *strings.Builder, announced bool) {
		for s := bufio.NewScanner(from); s.Scan(); {
			p.mu.Lock()
			into.WriteString(s.Text() + "\n")
			p.mu.Unlock()
			if announced {
				p.lines <- s.Text()
			}
		}
	}
	readers.Go(func() { read(stdout, &p.out, speaks) })
	readers.Go(func() { read(stderr, &p.errors, !speaks) })
	go func() {
		readers.Wait()
		_ = cmd.Wait() // its code says it
		p.code = cmd.ProcessState.ExitCode()
		close(p.ended)
		close(p.lines)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // gone already, perhaps
		<-p.ended
	})
	return p
}

// said is all that the program wrote so far: its output, and its error output.
func (p *process) said() (string, string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String(), p.errors.String()
}

// until waits for a line that holds some words.
func (p *process) until(t *testing.T, words string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		select {
		case line, ok := <-p.lines:
			if ok && strings.Contains(line, words) {
				return line
			}
			if ok {
				continue
			}
		case <-ctx.Done():
		}
		out, errs := p.said()
		t.Fatalf("no line %q in\n%s%s", words, out, errs)
	}
}

// wait waits for the end, and gives the exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case <-p.ended:
		return p.code
	case <-ctx.Done():
		out, errs := p.said()
		t.Fatalf("does not end:\n%s%s", out, errs)
		return 0
	}
}

// stage is a demonstration under way: broker and service provider are the real program. Readers are the test's own.
type stage struct {
	world
	demo    demo.World
	program *process
}

// open starts a demonstration.
func (w world) open(t *testing.T) *stage {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(w.bin, "pivot-server"), "demo", "--data", w.data, "--no-window", "--port-base", "0")
	s := &stage{world: w, program: launch(t, cmd, true)}
	s.program.until(t, "") // it speaks once all listen
	raw, err := os.ReadFile(filepath.Join(w.data, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &s.demo); err != nil {
		t.Fatal(err)
	}
	return s
}

// origin is the broker's.
func (s *stage) origin() string { return strings.TrimSuffix(s.demo.Portal, "/pair") }

// citizen is a person with a card, a reader and a computer.
type citizen struct {
	*stage
	reader   *readertest.Reader
	persona  string
	home     string
	language string
}

// citizen puts a card in a reader of its own.
func (s *stage) citizen(t *testing.T, persona string) *citizen {
	t.Helper()
	dir, err := os.MkdirTemp("", "rdr") // short: a socket lives in it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	reader, err := demo.Start(context.WithoutCancel(t.Context()), dir, s.demo, persona)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
	})
	return &citizen{s, reader, persona, filepath.Join(dir, "home"), "en"}
}

// insert puts another card in, which the citizen then holds.
func (c *citizen) insert(t *testing.T, persona string) {
	t.Helper()
	for player := range demo.Players() {
		if err := c.reader.Insert(t.Context(), player, c.demo.Trust, persona); err != nil {
			t.Fatal(err)
		}
	}
	c.persona = persona
}

// remove pulls the card out.
func (c *citizen) remove(t *testing.T) {
	t.Helper()
	if err := c.reader.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// env is what the companion is told; what a person types included.
func (c *citizen) env() []string {
	card, _ := c.demo.Card(c.persona)
	return append(
		c.demo.Env(c.reader, c.persona), "PIVOT_HOME="+c.home, "PIVOT_PIN="+card.PIN, "LC_ALL="+c.language,
	)
}

// script is the demonstration's own walk through everything.
func (c *citizen) script(t *testing.T, level string) demo.Script {
	return demo.Script{
		World: c.demo, Server: filepath.Join(c.bin, "pivot-server"), Pivot: filepath.Join(c.bin, "pivot"),
		Env: c.env(), Home: c.home, Level: level, Tell: func(line string) { t.Log(line) },
	}
}

// paired has the computer paired, and activated at the desk.
func (c *citizen) paired(t *testing.T) *citizen {
	t.Helper()
	if err := c.script(t, "eidas3").Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// app starts a command of the companion, whose lines are those for the person.
func (c *citizen) app(t *testing.T, args ...string) *process {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.bin, "pivot"), append(args, "--headless", "--json")...)
	cmd.Env = append(os.Environ(), c.env()...)
	return launch(t, cmd, false)
}

// told is how a command of the companion ends.
type told struct {
	OK        bool   `json:"ok"`
	Problem   string `json:"problem"`
	Reason    string `json:"reason"`
	Reference string `json:"reference"`
	Level     string `json:"level"`
	APDUs     int    `json:"apdus"`
	code      int
}

// tells waits for the end of a command of the companion.
func (p *process) tells(t *testing.T) told {
	t.Helper()
	end := told{code: p.wait(t)}
	out, errs := p.said()
	if err := json.Unmarshal([]byte(out), &end); err != nil {
		t.Fatalf("%v\n%s%s", err, out, errs)
	}
	return end
}

// desk activates a computer in person, and has the code typed.
func (c *citizen) desk(t *testing.T, reference string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(c.bin, "pivot-server"),
		"desk", "activate", reference, "--agent", "test", "--same-face", "--json", "--config", c.demo.Config)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var handover struct{ Code string }
	if err := json.Unmarshal(out, &handover); err != nil {
		t.Fatal(err)
	}
	if end := c.app(t, "activate", handover.Code).tells(t); !end.OK || end.Level != "eidas3" {
		t.Fatalf("activation: %+v", end)
	}
}

// say is what the programs say in a language.
func say(t *testing.T, language, id string) string {
	t.Helper()
	speaker, err := assets.NewSpeaker(language)
	if err != nil {
		t.Fatal(err)
	}
	return speaker.Say(id, nil)
}
