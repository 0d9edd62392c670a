package handoff_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pivot/app/internal/handoff"
	"pivot/shared/wire"
)

const link = "pivot:approve?start=ABCDEFGHJKMN&issuer=https://broker.example"

// folder gives one whose path is short: that of a socket has 108 bytes at most.
func folder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("", "wake")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func await(tb testing.TB, dir string) *handoff.Inbox {
	tb.Helper()
	inbox, err := handoff.Await(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	return inbox
}

func TestWake(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if taken, err := handoff.Wake(t.Context(), dir, link); taken || err != nil {
		t.Fatalf("with no window: %t, %v", taken, err)
	}
	inbox := await(t, dir)
	if _, err := handoff.Await(t.Context(), dir); !errors.Is(err, handoff.ErrRunning) {
		t.Errorf("a second window: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "wake.sock")); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	for _, want := range []string{link, ""} {
		got := make(chan string, 1)
		go func() { got <- <-inbox.Links() }()
		if taken, err := handoff.Wake(t.Context(), dir, want); !taken || err != nil {
			t.Fatalf("%q: %t, %v", want, taken, err)
		}
		if g := <-got; g != want {
			t.Errorf("got %q, want %q", g, want)
		}
	}
	if err := inbox.Close(); err != nil {
		t.Fatal(err)
	}
	if _, open := <-inbox.Links(); open {
		t.Error("links still come")
	}
	if taken, err := handoff.Wake(t.Context(), dir, link); taken || err != nil {
		t.Errorf("after the window: %t, %v", taken, err)
	}
	again := await(t, dir)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

// TestStaleSocket: a window that was killed leaves its socket, and no lock.
func TestStaleSocket(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	path := filepath.Join(dir, "wake.sock")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	inbox := await(t, dir)
	if err := inbox.Close(); err != nil {
		t.Error(err)
	}
}

func TestWhatIsNoLink(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	inbox := await(t, dir)
	defer inbox.Close()
	for _, bad := range []string{"https://broker.example", "pivot:delete", link + "\n" + link, strings.Repeat("x", 2000)} {
		if _, err := handoff.Wake(t.Context(), dir, bad); !errors.Is(err, wire.ErrLink) {
			t.Errorf("%.20q was sent: %v", bad, err)
		}
		// Nor does the window believe who says otherwise.
		conn, err := new(net.Dialer).DialContext(t.Context(), "unix", filepath.Join(dir, "wake.sock"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte("x" + bad + "\n"))
		if n, _ := conn.Read(make([]byte, 8)); n > 0 {
			t.Errorf("%.20q was taken", bad)
		}
		conn.Close()
	}
	got := make(chan string, 1)
	go func() { got <- <-inbox.Links() }()
	if taken, err := handoff.Wake(t.Context(), dir, link); !taken || err != nil || <-got != link {
		t.Errorf("a link after those: %t, %v", taken, err)
	}
}

func TestWakeGivesUpWithItsCaller(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	inbox := await(t, dir)
	defer inbox.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if taken, err := handoff.Wake(ctx, dir, link); taken || !errors.Is(err, context.Canceled) {
		t.Errorf("%t, %v", taken, err)
	}
}

func TestDesktopEntry(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/usr/bin/pivot":      `Exec="/usr/bin/pivot" open %u`,
		"/opt/My Apps/pivot":  `Exec="/opt/My Apps/pivot" open %u`,
		"/opt/50%/pivot":      `Exec="/opt/50%%/pivot" open %u`,
		`/opt/a"b/pivot`:      `Exec="/opt/a\\"b/pivot" open %u`,
		"/opt/$HOME/`x`":      "Exec=\"/opt/\\\\$HOME/\\\\`x\\\\`\" open %u",
		"/opt/a\nExec=rm/app": `Exec="/opt/a\nExec=rm/app" open %u`,
	} {
		entry := handoff.DesktopEntry(path)
		found := false
		for line := range strings.SplitSeq(entry, "\n") {
			found = found || line == want
		}
		if !found {
			t.Errorf("no line %s in\n%s", want, entry)
		}
		if strings.Count(entry, "\nExec=") != 1 || !strings.Contains(entry, "\nMimeType=x-scheme-handler/pivot;\n") {
			t.Errorf("the entry of %q is\n%s", path, entry)
		}
	}
}
