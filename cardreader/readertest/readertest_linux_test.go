package readertest_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"pivot/cardreader/readertest"
)

// hostVariable makes the re-executed test binary start a reader and say where: see TestHost.
const hostVariable = "PIVOT_READERTEST_HOST"

func TestMain(m *testing.M) {
	readertest.RunChild(map[string]readertest.CardFunc{
		"reporting": reporting,
		"broken":    func(context.Context, []string, string) error { return errors.New("soldered wrongly") },
	})
	if os.Getenv(hostVariable) != "" {
		os.Exit(host())
	}
	os.Exit(m.Run())
}

// atr is a CNIe-like answer to reset that offers T=1 alone: TS, T0, TD1, TD2, four historical bytes, TCK.
var atr = []byte{0x3B, 0x84, 0x80, 0x01, 'T', 'E', 'S', 'T', 0x13}

// reporting is a card that tells the listener at args[0] each time the reader asks for its ATR, which pcscd does at
// its presence poll: proof that pcscd, vpcd and the card work together.
func reporting(ctx context.Context, args []string, addr string) error {
	var dialer net.Dialer
	report, err := dialer.DialContext(ctx, "unix", args[0])
	if err != nil {
		return err
	}
	defer report.Close()
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	for {
		frame, err := readFrame(conn)
		if err != nil {
			return err
		}
		if len(frame) == 1 && frame[0] == 4 {
			if err := writeFrame(conn, atr); err != nil {
				return err
			}
			fmt.Fprintln(report, strings.Join(args[1:], " "))
		}
	}
}

func readFrame(r io.Reader) ([]byte, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint16(head[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, b []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
	return err
}

// reports listens for a reporting card.
func reports(t *testing.T) (path string, next func() (string, error)) {
	t.Helper()
	path = filepath.Join(shortDir(t), "report")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return path, func() (string, error) {
		c, err := l.Accept()
		if err != nil {
			return "", err
		}
		t.Cleanup(func() { _ = c.Close() })
		return bufio.NewReader(c).ReadString('\n')
	}
}

// shortDir is a temporary folder whose socket paths fit: t.TempDir holds the test's name.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "prt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestCardIsPlayed(t *testing.T) {
	t.Parallel()
	path, next := reports(t)
	r := readertest.Require(t, readertest.Options{Card: "reporting", Args: []string{path, "first"}})
	if got, err := next(); got != "first\n" || err != nil {
		t.Fatalf("the card reports %q, %v", got, err)
	}
	if err := r.Swap(t.Context(), "reporting", path, "second"); err != nil {
		t.Fatal(err)
	}
	if got, err := next(); got != "second\n" || err != nil {
		t.Fatalf("the second card reports %q, %v", got, err)
	}
	if err := r.Remove(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSlotRules(t *testing.T) {
	t.Parallel()
	path, _ := reports(t)
	r := readertest.Require(t, readertest.Options{})
	for _, c := range []struct {
		name, want string
		do         func() error
	}{
		{"remove from an empty slot", "no card", func() error { return r.Remove(t.Context()) }},
		{"unknown card", `"unicorn"`, func() error { return r.Insert(t.Context(), "unicorn") }},
		{"card that stops", "soldered wrongly", func() error { return r.Insert(t.Context(), "broken") }},
		{"first card", "", func() error { return r.Insert(t.Context(), "reporting", path) }},
		{"second card in one slot", "already", func() error { return r.Insert(t.Context(), "reporting", path) }},
	} {
		err := c.do()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
}

func TestManyAtATime(t *testing.T) {
	t.Parallel()
	const n = 3
	var readers [n]*readertest.Reader
	var errs [n]error
	var started sync.WaitGroup
	for i := range n {
		started.Go(func() { readers[i], errs[i] = readertest.Start(t.Context(), readertest.Options{}) })
	}
	started.Wait()
	paths := make(map[string]bool)
	for i, r := range readers {
		if errors.Is(errs[i], readertest.ErrUnavailable) {
			t.Skipf("skipped: %v", errs[i])
		}
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		dial(t, r.Socket())
		paths[r.Socket()] = true
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Dir(r.Socket())); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
	if len(paths) != n {
		t.Errorf("%d sockets for %d readers", len(paths), n)
	}
}

func dial(t *testing.T, socket string) {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatalf("pcscd does not answer: %v", err)
	}
	_ = c.Close()
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := shortDir(t)
	r := readertest.Require(t, readertest.Options{Dir: dir})
	if want := "PCSCLITE_CSOCK_NAME=" + dir + "/pcscd/pcscd.comm"; r.Env() != want {
		t.Errorf("Env() = %q, want %q", r.Env(), want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readertest.Start(ctx, readertest.Options{Dir: dir}); err == nil {
		t.Error("two readers in one folder")
	}
	dial(t, r.Socket()) // the first one is unharmed
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.Socket(), nil, 0o600); err != nil { // what a killed pcscd leaves
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "pcscd", "pcscd.pid"), []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	again := readertest.Require(t, readertest.Options{Dir: dir})
	dial(t, again.Socket())
}

func TestFolderTooLong(t *testing.T) {
	t.Parallel()
	const suffix = len("/pcscd/pcscd.comm")
	root := shortDir(t)
	for _, c := range []struct {
		length int
		ok     bool
	}{{107 - suffix, true}, {108 - suffix, false}} {
		dir := root + "/" + strings.Repeat("d", c.length-len(root)-1)
		r, err := readertest.Start(t.Context(), readertest.Options{Dir: dir})
		if errors.Is(err, readertest.ErrUnavailable) {
			t.Skipf("skipped: %v", err)
		}
		if (err == nil) != c.ok {
			t.Errorf("folder of %d bytes: error %v", c.length, err)
		}
		if r != nil {
			dial(t, r.Socket())
			_ = r.Close()
		}
	}
}

func TestContextEndsReader(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := readertest.Start(ctx, readertest.Options{})
	if errors.Is(err, readertest.ErrUnavailable) {
		t.Skipf("skipped: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := r.Close(); err != nil { // waits for the end that cancel began
		t.Fatal(err)
	}
	if err := r.Insert(t.Context(), "reporting"); err == nil {
		t.Error("a closed reader takes a card")
	}
}

// refusal records what Require tells a test.
type refusal struct {
	testing.TB
	skipped, failed string
}

func (r *refusal) Skipf(format string, args ...any)  { r.skipped = fmt.Sprintf(format, args...) }
func (r *refusal) Fatalf(format string, args ...any) { r.failed = fmt.Sprintf(format, args...) }

func TestRequireTellsFailures(t *testing.T) {
	t.Parallel()
	tb := &refusal{TB: t}
	if r := readertest.Require(tb, readertest.Options{Card: "unicorn"}); r != nil {
		t.Fatal("a reader with an unknown card")
	}
	if tb.skipped != "" {
		t.Skipf("skipped: %s", tb.skipped)
	}
	if !strings.Contains(tb.failed, "unicorn") {
		t.Errorf("Require fails with %q", tb.failed)
	}
}

func TestUnknownMachine(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("/usr/sbin/pcscd"); err == nil {
		t.Skip("skipped: pcscd is installed here")
	}
	if _, err := readertest.Start(t.Context(), readertest.Options{}); !errors.Is(err, readertest.ErrUnavailable) {
		t.Errorf("Start = %v, want ErrUnavailable", err)
	}
}
