package flow_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pivot/app/internal/flow"
	"pivot/app/internal/pin"
	"pivot/assets"
)

// said collects the ids of messages that the sources name.
func said(t *testing.T, glob string, patterns map[string]string) []string {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil || len(files) == 0 {
		t.Fatalf("no sources %s: %v", glob, err)
	}
	var out []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for pattern, prefix := range patterns {
			for _, m := range regexp.MustCompile(pattern).FindAllSubmatch(raw, -1) {
				out = append(out, prefix+string(m[1]))
			}
		}
	}
	return out
}

// TestEverythingIsSaid holds that each step, question, failure and refusal has its sentence in every language.
func TestEverythingIsSaid(t *testing.T) {
	t.Parallel()
	ids := said(t, "*.go", map[string]string{
		`"(flow\.[a-z-]+[a-z])"`:                "",
		`ours\([^,]+, "([a-z-]+)"`:              "flow.",
		`\{[\w.]+, Cause\w+, "([a-z-]+)"\},`:    "flow.",
		`problemPIN = "([a-z-]+)"`:              "flow.",
		`Refused\w+ += "([a-z-]+)"`:             "flow.",
		`"((?:problem|can|pin)\.[a-z-]+[a-z])"`: "",
	})
	codes := said(t, "../../../shared/wire/problem.go", map[string]string{`Code = "([a-z-]+)"`: "broker."})
	if len(ids) < 20 || len(codes) < 25 {
		t.Fatalf("%d ids, %d codes: the sources are not read as they were", len(ids), len(codes))
	}
	ids = append(ids, codes...)
	for _, s := range flow.Steps() {
		ids = append(ids, s.Message())
	}
	for _, k := range flow.Kinds() {
		ids = append(ids, k.Message())
	}
	for _, r := range []pin.Reason{pin.TooShort, pin.TooLong, pin.NoDigit, pin.Run, pin.Repeated, pin.IsCAN, pin.IsBirth} {
		ids = append(ids, "flow.pin-"+string(r))
	}
	for _, p := range []string{"tpm", "keychain", "file"} {
		ids = append(ids, "protection."+p)
	}
	ids = append(ids, "can.tries", "pin.tries", "desk-code.tries")
	for _, lang := range assets.Languages() {
		speaker, err := assets.NewSpeaker(lang.String())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if !speaker.Has(id) {
				t.Errorf("%v: no sentence for %s", lang, id)
			}
		}
	}
}

func TestFailureTellsMachines(t *testing.T) {
	t.Parallel()
	cause := errors.New("why")
	f := &flow.Failure{Problem: "card-refused", Reason: "document-expired", Err: cause}
	if got := f.Error(); got != "flow: card-refused (document-expired): why" {
		t.Errorf("%q", got)
	}
	if !errors.Is(fmt.Errorf("around: %w", f), cause) {
		t.Error("what lies behind is lost")
	}
}
