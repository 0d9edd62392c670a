package main_test

import (
	"bufio"
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pivot/server/internal/demo"
)

// deployment is a broker of its own, in a folder that the demo writes, run by the real program.
type deployment struct {
	bin, dir, config, origin string
}

// newDeployment writes one; it needs no reader and no cgo.
func newDeployment(t *testing.T) deployment {
	t.Helper()
	bin := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(bin, "pivot-server"), "pivot/server")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir, err := os.MkdirTemp("", "adm") // short: a socket lives below it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	port, err := demo.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := demo.Write(demo.Options{Dir: dir, Port: port, Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "trust")); err != nil { // serve refuses authorities named TEST
		t.Fatal(err)
	}
	return deployment{bin, dir, filepath.Join(dir, "pivot.toml"), "http://localhost:" + strconv.Itoa(port)}
}

// run runs a sub-command to its end.
func (d deployment) run(t *testing.T, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(d.bin, "pivot-server"), append(args, "--config", d.config)...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// serve runs the broker until the function that it returns is called.
func (d deployment) serve(t *testing.T) (*os.Process, <-chan string, func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, filepath.Join(d.bin, "pivot-server"), "serve", "--config", d.config)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(stderr); s.Scan(); {
			lines <- s.Text()
		}
	}()
	await(t, lines, "serving")
	return cmd.Process, lines, func() {
		cancel()
		if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the broker ended with %v", err)
		}
	}
}

// await reads the log up to a line that says so.
func await(t *testing.T, lines <-chan string, what string) {
	t.Helper()
	for line := range lines {
		if strings.Contains(line, what) {
			return
		}
	}
	t.Fatalf("the log ends without %q", what)
}

func (d deployment) status(t *testing.T, path string) int {
	t.Helper()
	r, err := http.Get(d.origin + path)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	return r.StatusCode
}

func TestAdministration(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	expect := func(code int, want string, args ...string) {
		t.Helper()
		if out, got := d.run(t, args...); got != code || !strings.Contains(out, want) {
			t.Errorf("%v: exit code %d, want %d and %q:\n%s", args, got, code, want, out)
		}
	}
	expect(1, "keys init", "serve") // no keys yet: it says how to make them
	expect(0, "in order", "check")
	expect(0, "", "keys", "init")
	expect(0, "", "keys", "init") // replaces nothing
	expect(0, `"state":"current"`, "keys", "list")

	process, lines, stop := d.serve(t)
	if got := d.status(t, "/readyz"); got != http.StatusOK {
		t.Errorf("ready: %d", got)
	}
	expect(0, `"state":"next"`, "keys", "list")
	expect(1, "too soon", "keys", "rotate") // nobody may have seen the next key yet
	expect(0, `"entries":`, "audit", "verify")
	expect(1, "another process", "serve") // one process holds a store

	// A record that does not parse is refused whole, and what was served goes on being served.
	record := filepath.Join(d.dir, "registry", "sp", "bad.toml")
	if err := os.WriteFile(record, []byte("client_id = \"x\"\nnonsense = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(1, "bad.toml:2", "check")
	if err := process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	await(t, lines, "reload refused")
	if got := d.status(t, "/api/v2/authorize?client_id=demo-sp"); got != http.StatusBadRequest {
		t.Errorf("after a refused reload: %d", got)
	}
	if err := os.Remove(record); err != nil {
		t.Fatal(err)
	}
	stop()

	// Without a server, the same commands hold the store themselves.
	expect(0, `"entries":`, "audit", "verify")
	expect(0, `"Number":2`, "store", "epoch")
	expect(0, "in order", "check")

	// What is wrong with the configuration is said with file and line.
	raw, err := os.ReadFile(d.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.config, append([]byte("nmae = 1\n"), raw...), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(1, "pivot.toml:1", "serve")
	expect(1, "pivot.toml:1", "check")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	d := newDeployment(t)
	out, code := d.run(t, "check", "--explain")
	for _, key := range []string{"kek_file", "redirect_uris", "client_secret_files"} {
		if code != 0 || !strings.Contains(out, key) {
			t.Errorf("exit code %d, no %q", code, key)
		}
	}
}
