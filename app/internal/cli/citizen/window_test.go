package citizen_test

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"

	"pivot/app/internal/cli"
	"pivot/app/internal/cli/citizen"
	"pivot/app/internal/handoff"
)

// TestWindow opens the window where there is one, and hands what comes later to the one that is open. It sets the
// environment, and so runs alone.
func TestWindow(t *testing.T) {
	home := t.TempDir()
	t.Setenv("PIVOT_HOME", home)
	t.Setenv("PIVOT_KEYSTORE", "file")
	const link = "pivot:approve?start=ABCDEFGHJKMN&issuer=http://127.0.0.1:1"
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	run := func(w citizen.Window, args ...string) (int, string) {
		var said strings.Builder
		code := cli.Run(t.Context(), args, cli.Stdio{In: null, Out: &said, Err: &said, Languages: []string{"en"}, Window: w})
		return code, said.String()
	}
	there := func() bool { return true }
	for _, tc := range []struct {
		args []string
		link string
	}{{nil, ""}, {[]string{"open", link}, link}} {
		opened := 0
		code, said := run(citizen.Window{Available: there, Run: func(_ context.Context, s citizen.Scene) error {
			opened++
			if s.Link != tc.link || s.Companion == nil || s.Speaker == nil {
				t.Errorf("%v: scene with link %q", tc.args, s.Link)
			}
			// While it is open, another one hands its link over.
			taken := make(chan string, 1)
			go func() { taken <- <-s.Links }()
			code, said := run(citizen.Window{Available: there, Run: func(context.Context, citizen.Scene) error {
				t.Error("a second window")
				return nil
			}}, "open", link)
			if got := <-taken; code != 0 || got != link {
				t.Errorf("handed over %q, code %d: %s", got, code, said)
			}
			return nil
		}}, tc.args...)
		if code != 0 || opened != 1 {
			t.Errorf("%v: opened %d, code %d: %s", tc.args, opened, code, said)
		}
	}
	if code, said := run(citizen.Window{Available: func() bool { return false }, Run: func(context.Context, citizen.Scene) error { return io.EOF }}); code != 2 || !strings.Contains(said, "Exit codes") {
		t.Errorf("without a display: code %d: %s", code, said)
	}
	// Nobody waits for links any more.
	if taken, err := handoff.Wake(t.Context(), home, link); taken || err != nil {
		t.Errorf("taken %v, %v", taken, err)
	}
}
