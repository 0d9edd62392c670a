package rnipp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pivot/server/internal/config/stricttoml"
	"pivot/server/internal/identity"
	"pivot/server/internal/rnipp"
)

var _ rnipp.Register = (*rnipp.File)(nil)

const base = `[[person]]
given_names = ["Hélène", "Françoise"]
family_name = "DUPONT"
gender = "female"
birthdate = "1985-03-14"
birthplace = "69383"
birthplace_name = "LYON 3E ARRONDISSEMENT"
birthcountry = "99100"
birthcountry_name = "FRANCE"
`

const amadou = `
[[person]]
given_names = ["Amadou"]
family_name = "TRAORÉ"
gender = "male"
birthdate = "1958"
birthplace_name = "KAYES"
birthcountry = "99335"
birthcountry_name = "MALI"
`

func write(tb testing.TB, text string) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "register.toml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}

func open(tb testing.TB, text string) *rnipp.File {
	tb.Helper()
	f, err := rnipp.Open(write(tb, text))
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

func query() rnipp.Query {
	return rnipp.QueryOf(identity.Zone{Surname: "DUPONT", GivenNames: "HELENE FRANCOISE", Birth: "??85-03-14", Sex: "F"})
}

func TestFind(t *testing.T) {
	t.Parallel()
	older := strings.Replace(base, "1985", "1885", 1)
	for _, test := range []struct {
		name   string
		text   string
		change func(q *rnipp.Query)
		want   int
	}{
		{"as registered", base + amadou, func(*rnipp.Query) {}, 1},
		{"empty register", "", func(*rnipp.Query) {}, 0},
		{"other name", base, func(q *rnipp.Query) { q.Surname = "DURAND" }, 0},
		{"name cut by the zone", base, func(q *rnipp.Query) { q.GivenNames = "HELENE F" }, 1},
		{"other day", base, func(q *rnipp.Query) { q.Birth = "??85-03-15" }, 0},
		{"day unknown to the document alone", base, func(q *rnipp.Query) { q.Birth = "??85-03-??" }, 0},
		{"other sex", base, func(q *rnipp.Query) { q.Sex = "M" }, 0},
		{"two, a hundred years apart", base + older, func(*rnipp.Query) {}, 2},
		{"the century is known", base + older, func(q *rnipp.Query) { q.Birth = "1985-03-14" }, 1},
		{"only the year of birth is known", base + amadou, func(q *rnipp.Query) {
			*q = rnipp.Query{Surname: "TRAORE", GivenNames: "AMADOU", Birth: "??58-??-??", Sex: "M"}
		}, 1},
		{"no birth at all", base, func(q *rnipp.Query) { q.Birth = "" }, 0},
		{"a birth of one digit", base, func(q *rnipp.Query) { q.Birth = "1" }, 0},
		{"a birth that is cut", base, func(q *rnipp.Query) { q.Birth = "198" }, 0},
		{"a month of birth", strings.Replace(base, "1985-03-14", "1985-03", 1), func(q *rnipp.Query) { q.Birth = "??85-03-??" }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			q := query()
			test.change(&q)
			found, err := open(t, test.text).Find(t.Context(), q)
			if err != nil || len(found) != test.want {
				t.Errorf("%d people, %v, want %d", len(found), err, test.want)
			}
		})
	}
}

func TestPerson(t *testing.T) {
	t.Parallel()
	found, err := open(t, base).Find(t.Context(), query())
	if err != nil || len(found) != 1 {
		t.Fatal(len(found), err)
	}
	p := found[0]
	if p.Record.GivenName() != "Hélène Françoise" || p.Record.Birthplace != "69383" || p.PlaceName != "LYON 3E ARRONDISSEMENT" || p.CountryName != "FRANCE" {
		t.Error("not as written")
	}
}

func TestFindBounds(t *testing.T) {
	t.Parallel()
	if _, err := open(t, strings.Repeat(base, 17)).Find(t.Context(), query()); !errors.Is(err, rnipp.ErrTooMany) {
		t.Errorf("seventeen: %v", err)
	}
	if found, err := open(t, strings.Repeat(base, 16)).Find(t.Context(), query()); err != nil || len(found) != 16 {
		t.Errorf("sixteen: %d, %v", len(found), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(t, base).Find(ctx, query()); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
}

// TestRefused changes one line of a valid register; the problem names it.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, from, to, want string }{
		{"unknown key", `gender = "female"`, "gender = \"female\"\nnickname = \"x\"", "register.toml:5:"},
		{"no family name", "family_name = \"DUPONT\"\n", "", "person[0].family_name"},
		{"gender", `"female"`, `"woman"`, "register.toml:4:"},
		{"birth date", "1985-03-14", "1985-02-30", "register.toml:5:"},
		{"birth date that is cut", "1985-03-14", "198", "register.toml:5:"},
		{"birth date of one digit", "1985-03-14", "1", "register.toml:5:"},
		{"birth date that ends in a hyphen", "1985-03-14", "1985-", "register.toml:5:"},
		{"birth date that goes on", "1985-03-14", "1985-03-14-00", "register.toml:5:"},
		{"no birth date", "1985-03-14", "", "person[0].birthdate"},
		{"country", "99100", "FR", "register.toml:8:"},
		{"municipality", "69383", "69000", "register.toml:6:"},
		{"a name that is none", "Hélène", "\\u200b", "register.toml:2:"},
		{"no TOML", "[[person]]", "[[person", "register.toml:1:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(base, test.from) != 1 {
				t.Fatalf("%q is there %d times", test.from, strings.Count(base, test.from))
			}
			f, err := rnipp.Open(write(t, strings.Replace(base, test.from, test.to, 1)))
			var problems stricttoml.Problems
			if f != nil || !errors.As(err, &problems) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %s", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "DUPONT") {
				t.Errorf("a value is quoted: %v", err)
			}
		})
	}
	if _, err := rnipp.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := rnipp.Open(t.TempDir()); err == nil {
		t.Error("a folder is read")
	}
	if _, err := rnipp.Open(write(t, strings.Repeat("#", stricttoml.MaxSize+1))); err == nil {
		t.Error("a file without end is read")
	}
}

// TestReload: a bad file is refused whole, and what was served goes on being served.
func TestReload(t *testing.T) {
	t.Parallel()
	name := write(t, base)
	f, err := rnipp.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		text string
		bad  bool
		want int
	}{{"person = 1", true, 1}, {"", false, 0}, {base + amadou, false, 1}} {
		if err := os.WriteFile(name, []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := f.Reload(); (err != nil) != step.bad {
			t.Errorf("reload: %v", err)
		}
		if found, err := f.Find(t.Context(), query()); err != nil || len(found) != step.want {
			t.Errorf("%d, %v, want %d", len(found), err, step.want)
		}
	}
}

func TestQueryRedacted(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(struct{ Q rnipp.Query }{query()})
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%v %+v %#v", query(), query(), query()) + string(raw) + query().LogValue().String(); strings.Contains(text, "DUPONT") {
		t.Error(text)
	}
}

// FuzzOpen: a register is refused with problems, or every person in it is one.
func FuzzOpen(f *testing.F) {
	f.Add(base)
	f.Add(base + amadou)
	f.Fuzz(func(t *testing.T, text string) {
		_, err := rnipp.Open(write(t, text))
		var problems stricttoml.Problems
		if err != nil && (!errors.As(err, &problems) || len(problems) == 0) {
			t.Fatal(err)
		}
	})
}
