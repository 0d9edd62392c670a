package readertest_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"pivot/cardreader/readertest"
)

// host starts a reader, prints its process group and socket on one line, and keeps it until its input ends.
func host() int {
	signal.Ignore(syscall.SIGTERM)
	r, err := readertest.Start(context.Background(), readertest.Options{})
	if errors.Is(err, readertest.ErrUnavailable) {
		fmt.Printf("skip %v\n", err)
		return 0
	}
	if err != nil {
		fmt.Printf("fail %v\n", err)
		return 1
	}
	fmt.Printf("up %s\n", r.Socket())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := r.Close(); err != nil {
		fmt.Printf("fail %v\n", err)
		return 1
	}
	return 0
}

// startHost runs host in another process and returns it with the socket it printed.
func startHost(t *testing.T, program string, as *syscall.Credential) (cmd *exec.Cmd, leave io.Closer, socket string) {
	t.Helper()
	cmd = exec.Command(program)
	cmd.Env = append(os.Environ(), hostVariable+"=1", "TMPDIR=/tmp")
	cmd.Dir = "/"
	if as != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("skipped: cannot start the test binary again: %v", err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, _ := bufio.NewReader(out).ReadString('\n')
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if word == "skip" {
		t.Skipf("skipped: %s", rest)
	}
	if word != "up" {
		t.Fatalf("host says %q", line)
	}
	return cmd, in, rest
}

// processes returns those that have the folder's log open: the namespace and its pcscd, both of which write there.
func processes(t *testing.T, socket string) []int {
	t.Helper()
	log := filepath.Join(filepath.Dir(filepath.Dir(socket)), "reader.log")
	links, err := filepath.Glob("/proc/[0-9]*/fd/1")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil && target == log {
			pid, _ := strconv.Atoi(strings.Split(link, "/")[2])
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitGone returns when none of the processes runs any more: a pidfd becomes readable then (pidfd_open(2)).
func awaitGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		fd, err := unix.PidfdOpen(pid, 0)
		if errors.Is(err, unix.ESRCH) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		watched := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		const limit = 10_000 // milliseconds
		n, err := unix.Poll(watched, limit)
		for errors.Is(err, unix.EINTR) {
			n, err = unix.Poll(watched, limit)
		}
		if n != 1 || err != nil {
			t.Errorf("process %d is still there (%v)", pid, err)
		}
	}
}

func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		end  func(cmd *exec.Cmd, leave io.Closer, pids []int) error
	}{
		{"closed", func(_ *exec.Cmd, leave io.Closer, _ []int) error { return leave.Close() }},
		{"parent killed", func(cmd *exec.Cmd, _ io.Closer, _ []int) error { return cmd.Process.Kill() }},
		{"namespace killed", func(_ *exec.Cmd, _ io.Closer, pids []int) error {
			return syscall.Kill(slices.Min(pids), syscall.SIGKILL) // pcscd is its child, and younger
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd, leave, socket := startHost(t, self, nil)
			t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(filepath.Dir(socket))) })
			pids := processes(t, socket)
			if len(pids) != 2 {
				t.Fatalf("processes %v, want the namespace and pcscd", pids)
			}
			if err := c.end(cmd, leave, pids); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, pids)
		})
	}
}

func TestUnprivileged(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("skipped: not root, so every other test of this package is this one")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := shortDir(t)
	if err := os.Chmod(dir, 0o755); err != nil { // the other user must reach the copy
		t.Fatal(err)
	}
	program := filepath.Join(dir, "copy.test")
	binary, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, binary, 0o755); err != nil {
		t.Fatal(err)
	}
	const nobody = 65534
	cmd, leave, socket := startHost(t, program, &syscall.Credential{Uid: nobody, Gid: nobody})
	dial(t, socket)
	pids := processes(t, socket)
	if err := errors.Join(leave.Close(), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	awaitGone(t, pids)
	if _, err := os.Stat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is still there: %v", err)
	}
}
