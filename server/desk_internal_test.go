package main

import (
	"bytes"
	"strings"
	"testing"
)

// TestCompare: the face is asked about first, the names where that is needed, and each until it is answered.
func TestCompare(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, typed string
		names       bool
		same, asked bool // asked: about the names
		ended       bool // nobody answered
	}{
		{name: "the same face", typed: "yes\n", same: true},
		{name: "another face", typed: "no\n"},
		{name: "nobody", ended: true},
		{name: "neither, then oui", typed: "maybe\nOUI\n", same: true},
		{name: "face and names", typed: "yes\nyes\n", names: true, same: true, asked: true},
		{name: "other names", typed: "oui\nnon\n", names: true, asked: true},
		{name: "another face, names to compare", typed: "no\nyes\n", names: true},
		{name: "no word on the names", typed: "yes\n", names: true, asked: true, ended: true},
		{name: "an empty line is no answer", typed: "yes\n\n", names: true, asked: true, ended: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			same, err := compare(strings.NewReader(test.typed), &out, test.names)
			if same != test.same || (err != nil) != test.ended {
				t.Errorf("%v, %v", same, err)
			}
			asked := strings.Contains(out.String(), "noms et prénoms") && strings.Contains(out.String(), "given names printed on the card")
			if asked != test.asked {
				t.Errorf("asked about names: %v: %s", asked, out.String())
			}
		})
	}
}
