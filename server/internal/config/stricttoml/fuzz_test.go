package stricttoml_test

import (
	"errors"
	"strings"
	"testing"

	"pivot/server/internal/config/stricttoml"
)

// FuzzDecode: whatever the document, there is a value or there are problems with
// places inside it, never both, never a panic.
func FuzzDecode(f *testing.F) {
	for _, src := range []string{
		whole, "", "name = 'x'", "name = 'x'\nname = 'y'", "[[shelf]]\n[shelf.inner]\n[[shelf]]", "a.b.c = [{}, 1]",
		"days = 9_223_372_036_854_775_808", "days = 0x_1", "\"a\\u0062\" = 1", "name = \"\"\"\n\\\n\"\"\"", "[limits]\n[limits]",
		"labels = { a = 'b', 'c.d' = 'e' }", "shelf = [{ topic = 'x' }]\n[[shelf]]", "days = -0", "\r\n", "name = '\x00'",
		"days = 0_1", "days = +1", "[labels]\nname.x = 'y'", "shelf.topic = 'a'",
	} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, report, err := stricttoml.Decode[library]("lib.toml", src)
		if err == nil {
			err = report.Err()
		}
		if err == nil {
			if got.Name == "" || got.Days < 1 || got.Days > 60 {
				t.Errorf("accepted %+v", got)
			}
			return
		}
		var problems stricttoml.Problems
		if !errors.As(err, &problems) || len(problems) == 0 {
			t.Fatalf("error %v", err)
		}
		lines := strings.Split(string(src), "\n")
		for _, p := range problems {
			if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1 {
				t.Errorf("no such place: %v", p)
			}
		}
	})
}
