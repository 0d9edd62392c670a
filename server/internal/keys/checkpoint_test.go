package keys_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"pivot/server/internal/audit"
)

func TestCheckpointKey(t *testing.T) {
	t.Parallel()
	const origin = "pivot.test/audit"
	s := newScene(t)
	if _, err := s.folder.LoadCheckpoint(origin); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("load before create: %v", err)
	}
	if _, err := s.folder.CreateCheckpoint("two words"); err == nil {
		t.Error("a name that a note cannot carry was accepted")
	}
	created, err := s.folder.CreateCheckpoint(origin)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := s.reopen(t).LoadCheckpoint(origin)
	if err != nil {
		t.Fatal(err)
	}
	if created.Verifier() != loaded.Verifier() {
		t.Error("another key after a restart")
	}
	signed, err := audit.Checkpoint{Origin: origin, Size: 1}.Sign(loaded)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.OpenCheckpoint(signed, created.Verifier()); err != nil {
		t.Errorf("a checkpoint does not open: %v", err)
	}
	if _, err := s.folder.CreateCheckpoint(origin); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created over an existing key: %v", err)
	}
	if _, err := s.folder.LoadCheckpoint("two words"); err == nil {
		t.Error("a name that a note cannot carry was accepted")
	}
	other, err := newScene(t).folder.CreateCheckpoint(origin)
	if err != nil || other.Verifier() == created.Verifier() {
		t.Errorf("two keys alike: %v", err)
	}
}

func TestLoadCheckpointRefuses(t *testing.T) {
	t.Parallel()
	// RFC 8032 §7.1, TEST 1.
	const valid = `{"seed":"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=","public":"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="}`
	for _, row := range []struct{ name, old, new, want string }{
		{"valid", "", "", ""},
		{"another seed", "nWGx", "nWGA", "belong together"},
		{"another public key", "11qY", "11qA", "belong together"},
		{"short seed", "nWGx", "", "another length"},
		{"short public key", "11qY", "", "another length"},
		{"unknown member", "{", `{"x":1,`, "not the JSON"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			if err := s.folder.SetContent("checkpoint", json.RawMessage(strings.Replace(valid, row.old, row.new, 1))); err != nil {
				t.Fatal(err)
			}
			_, err := s.folder.LoadCheckpoint("pivot.test/audit")
			expect(t, err, row.want)
		})
	}
}
