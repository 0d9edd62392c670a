package assets_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"pivot/assets"
)

func catalogue(t *testing.T, tag language.Tag) map[string]any {
	t.Helper()
	files, err := filepath.Glob("i18n/*." + tag.String() + ".json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no catalogue in %s: %v", tag, err)
	}
	all := make(map[string]any)
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for id, message := range m {
			if _, twice := all[id]; twice {
				t.Errorf("%s: %q is in another catalogue too", name, id)
			}
			all[id] = message
		}
	}
	return all
}

func TestCataloguesSayTheSame(t *testing.T) {
	t.Parallel()
	fr, en := catalogue(t, language.French), catalogue(t, language.English)
	for _, id := range slices.Sorted(maps.Keys(fr)) {
		if _, ok := en[id]; !ok {
			t.Errorf("%q is in French alone", id)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(en)) {
		if _, ok := fr[id]; !ok {
			t.Errorf("%q is in English alone", id)
		}
	}
	// The data that a message takes are the same in every language.
	for id, f := range fr {
		e, _ := en[id].(string)
		f, isText := f.(string)
		if isText && strings.Count(f, "{{") != strings.Count(e, "{{") {
			t.Errorf("%q takes other data in English", id)
		}
	}
}

func TestSpeakerChoosesTheLanguage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		prefs []string
		want  language.Tag
	}{
		{"nothing said", nil, language.French},
		{"empty variables", []string{"", "", ""}, language.French},
		{"French locale", []string{"fr_FR.UTF-8"}, language.French},
		{"Canadian French", []string{"fr_CA"}, language.French},
		{"English locale", []string{"en_GB.UTF-8"}, language.English},
		{"first preference wins", []string{"en", "fr_FR.UTF-8"}, language.English},
		{"the C locale is passed over", []string{"C.UTF-8", "en_US"}, language.English},
		{"a language we lack is passed over", []string{"ja_JP.UTF-8", "en"}, language.English},
		{"garbage is passed over", []string{"\x00\xff", "en"}, language.English},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := assets.NewSpeaker(tc.prefs...)
			if err != nil {
				t.Fatal(err)
			}
			if s.Language() != tc.want {
				t.Errorf("speaks %v, want %v", s.Language(), tc.want)
			}
		})
	}
}

func TestSpeakerSays(t *testing.T) {
	t.Parallel()
	fr, err := assets.NewSpeaker("fr")
	if err != nil {
		t.Fatal(err)
	}
	if got := fr.Count("can.tries", 1); !strings.HasPrefix(got, "Il reste 1 essai avant") {
		t.Errorf("one try: %q", got)
	}
	if got := fr.Count("can.tries", 2); !strings.HasPrefix(got, "Il reste 2 essais avant") {
		t.Errorf("two tries: %q", got)
	}
	if got := fr.Say("doctor.protocols", map[string]string{"Protocols": "X"}); got != "protocoles X" {
		t.Errorf("data: %q", got)
	}
	if got := fr.Say("no.such.message", nil); got != "no.such.message" {
		t.Errorf("unknown message: %q", got)
	}
	if fr.Has("no.such.message") || !fr.Has("read.genuine") || !fr.Has("can.tries") {
		t.Error("Has does not tell messages apart")
	}
}
