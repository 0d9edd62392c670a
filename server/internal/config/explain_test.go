package config_test

import (
	"reflect"
	"strings"
	"testing"

	"pivot/server/internal/assurance"
	"pivot/server/internal/config"
)

// TestExplainIsComplete finds each field of the raw document, by reflection of
// its own, in the reference that is printed.
func TestExplainIsComplete(t *testing.T) {
	t.Parallel()
	text := "\n" + config.Explain()
	var visit func(typ reflect.Type, above string) int
	visit = func(typ reflect.Type, above string) int {
		n := 0
		for f := range typ.Fields() {
			name, help := above+f.Tag.Get("toml"), f.Tag.Get("help")
			if !strings.Contains(text, "\n"+name+" (") {
				t.Errorf("no %q", name)
			}
			if words := strings.Fields(help); len(words) < 3 || !strings.Contains(text, words[0]+" "+words[1]+" "+words[2]) {
				t.Errorf("%q is not explained: %q", name, help)
			}
			n++
			switch {
			case f.Type.Kind() == reflect.Struct:
				n += visit(f.Type, name+".")
			case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
				n += visit(f.Type.Elem(), name+"[].")
			}
		}
		return n
	}
	n := visit(config.Raw, "")
	if lines := strings.Count(text[:strings.Index(text, "The rows of policy")], "\n    "); n < 14 || lines < n {
		t.Errorf("%d keys, %d lines", n, lines)
	}
	for _, row := range assurance.Activations() {
		if !strings.Contains(text, "\n"+row.Name+` = "`+row.Ceiling.String()+`"`+"\n") {
			t.Errorf("no row %q", row.Name)
		}
	}
	if strings.Contains(text, "webauthn-presence") {
		t.Error("a row that cannot be lowered is listed")
	}
}
