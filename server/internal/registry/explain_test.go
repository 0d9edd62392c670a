package registry_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"pivot/server/internal/registry"
)

// never is a memory that a client secret must not need.
type never struct{ t *testing.T }

func (n never) Spend(context.Context, string, string, time.Time) error {
	n.t.Error("a client secret spends something")
	return errors.New("not here")
}

// TestExplainIsComplete finds each field of the raw record, by reflection of its
// own, in the reference that is printed.
func TestExplainIsComplete(t *testing.T) {
	t.Parallel()
	services, providers, found := strings.Cut("\n"+registry.Explain(), "\n# Data providers: dp/*.toml\n")
	if !found || !strings.HasPrefix(services, "\n# Service providers: sp/*.toml\n") {
		t.Fatal("the two kinds of records are not told apart")
	}
	for i, text := range []string{services, providers} {
		n := 0
		for _, f := range reflect.VisibleFields(registry.Raw[i]) {
			if f.Anonymous {
				continue
			}
			n++
			words := strings.Fields(f.Tag.Get("help"))
			at := strings.Index(text, "\n"+f.Tag.Get("toml")+" (")
			if at < 0 || len(words) < 3 || !strings.Contains(text[at:], ")\n    "+words[0]+" "+words[1]+" "+words[2]) {
				t.Errorf("%s is not explained", f.Tag.Get("toml"))
			}
		}
		if n < 14 || strings.Count(text, ")\n    ") != n {
			t.Errorf("%d keys, %d explained", n, strings.Count(text, ")\n    "))
		}
	}
}
